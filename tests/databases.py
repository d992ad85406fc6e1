"""On which PostgreSQL servers do the tests run, and how does each test get a database of its own?

A server per version and test process is started when first wanted. A migrated template database is
copied for each test, which takes some hundredths of a second.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from nostro.adapters.postgres.binaries import Origin, available_binaries, version_of
from nostro.adapters.postgres.cluster import Tuning
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.migrate import migrate

BIN_ENV = "NOSTRO_TEST_POSTGRES_BIN"
TEMPLATE = "nostro_template"
TUNING = Tuning(shared_buffers_mb=64, max_wal_size_mb=256)


def _bin_dirs() -> Mapping[str, Path]:
    """Map `pg18`, `pg15`, ... to bin directories: those listed, or the wheel's and the system's."""
    listed = os.environ.get(BIN_ENV)
    if listed:
        places = [Path(place) for place in listed.split(os.pathsep) if place]
        versions = [(place, version_of(place)) for place in places]
        missing = [str(place) for place, version in versions if version is None]
        if missing:
            raise ValueError(f"{BIN_ENV} lists {missing}, where there is no PostgreSQL")
        return {f"pg{version[1]}": place for place, version in versions if version}
    found = available_binaries()
    newest = [one for one in found if one.origin is Origin.WHEEL][:1]
    system = [one for one in found if one.origin is Origin.SYSTEM]
    return {f"pg{one.major}": one.bin_dir for one in (*newest, *system)}


BIN_DIRS = _bin_dirs()
NAMES = list(BIN_DIRS)


class Servers:
    """The servers of one test process, by name (`pg18`); each keeps its data below `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: dict[str, EmbeddedPostgres] = {}
        self._guards: list[subprocess.Popen[bytes]] = []
        self._numbers = count(1)

    def server(self, name: str) -> EmbeddedPostgres:
        """Return a running server whose template is migrated."""
        if name not in self._started:
            server = EmbeddedPostgres(self._directory / name, bin_dir=BIN_DIRS[name], tuning=TUNING)
            server.start()
            self._guards.append(_guard(server))
            migrate(server.create_database(TEMPLATE))
            self._started[name] = server
        return self._started[name]

    def create(self, name: str) -> str:
        """Return the administrator's URL of a fresh, migrated database."""
        server = self.server(name)
        database = f"test_{next(self._numbers)}"
        with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {TEMPLATE}".encode())
        return server.url(database=database)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        parts = urlsplit(url)
        database = parts.path.lstrip("/")
        maintenance = urlunsplit(parts._replace(path="/postgres"))
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())

    def close(self) -> None:
        """Stop everything."""
        for guard in self._guards:
            guard.kill()
            guard.wait()
            if guard.stdin is not None:
                guard.stdin.close()
        for server in self._started.values():
            server.abort()


def as_role(url: str, role: str) -> str:
    """Return the URL by which another role connects to the same database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@"))


def _guard(server: EmbeddedPostgres) -> subprocess.Popen[bytes]:
    """Start a process that stops the server when this one ends in any way, SIGKILL included."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read _; kill -QUIT "$0"', str(server.pid)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
