"""Can the platform run here, and if not, what mends it?

Looks at everything that `nostro up` will need, and changes and starts nothing.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from nostro.cli import printout
from nostro.cli.exits import Exit
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    import psycopg

    from nostro.wiring.settings import Settings

PYTHON_MIN = (3, 11)
DISK_BYTES_MIN = 1 << 30  # PostgreSQL stops when the disk is full: leave it room for its log
DISK_BYTES_GOOD = 8 << 30
PROBE_TIMEOUT_S = 3.0
# What makes an acknowledged command durable, and what loses it.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


class State(StrEnum):
    """How a check ended: `warn` runs, but not as well as it could; `fail` does not run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One line of the report; `remedy` is empty where nothing needs mending."""

    check: str
    state: State
    detail: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Add `nostro doctor` to the command line."""
    app.command("doctor")(doctor)


def doctor(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps the ledger.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check every backend, and say the remedy."""
    findings = list(examine(data_dir))
    printout.rows([msgspec.to_builtins(finding) for finding in findings], output)
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(Exit.CHECK_FAILED)


def examine(data_dir: Path | None = None) -> Iterator[Finding]:
    """Yield what is found, from the ground up."""
    from nostro.wiring.settings import SettingsError, load_settings

    yield _python()
    try:
        settings = load_settings(data_dir=data_dir)
    except SettingsError as error:
        for complaint in error.complaints:
            yield Finding("settings", State.FAIL, complaint, "correct it, or unset it")
        return
    yield Finding("settings", State.OK, "valid; `nostro config show --origin` lists them")
    yield from _without_effect(settings)
    if settings.postgres_url is None:
        yield from _embedded(settings)
    else:
        yield from _remote(settings.postgres_url.get_secret_value())
    yield _port(settings.host, settings.port)


def _without_effect(settings: Settings) -> Iterator[Finding]:
    """Yield what another environment sets, and what changes nothing here."""
    from nostro.wiring.aliases import unused_aliases

    if unused := unused_aliases():
        detail = f"{', '.join(unused)} changes nothing here"
        yield Finding("synchronizer", State.WARN, detail, "set it at the participant")
    if settings.kafka_bootstrap_servers is not None:
        detail = "kafka_bootstrap_servers changes nothing yet"
        yield Finding("kafka", State.WARN, detail, "topics are carried in our own database")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        least = ".".join(map(str, PYTHON_MIN))
        return Finding("python", State.FAIL, version, f"install Python {least} or later")
    return Finding("python", State.OK, version)


def _embedded(settings: Settings) -> Iterator[Finding]:
    yield _data_dir(settings.data_dir)
    yield _disk(settings.data_dir)
    yield from _binaries(settings)
    yield from _server(settings.data_dir)


def _data_dir(data_dir: Path) -> Finding:
    from nostro.adapters.postgres.holder import holder_of

    holder = holder_of(data_dir)
    if holder is not None:
        detail = (
            f"{data_dir} is held by process {holder.pid} ({holder.program}) since {holder.since}"
        )
        return Finding("data directory", State.OK, detail)
    there = _nearest(data_dir)
    if not there.is_dir():
        remedy = "choose another with NOSTRO_DATA_DIR"
        return Finding("data directory", State.FAIL, f"{there} is no directory", remedy)
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "data directory",
            State.FAIL,
            f"{there} is not writable",
            "make it writable for you, or choose another with NOSTRO_DATA_DIR",
        )
    detail = f"{data_dir} is free" if there == data_dir else f"{data_dir} will be made"
    return Finding("data directory", State.OK, detail)


def _disk(data_dir: Path) -> Finding:
    there = _nearest(data_dir)
    free = shutil.disk_usage(there).free
    detail = f"{free / 2**30:.1f} GiB free at {there}"
    remedy = "free some, or choose another disk with NOSTRO_DATA_DIR"
    if free < DISK_BYTES_MIN:
        return Finding("disk", State.FAIL, detail, remedy)
    if free < DISK_BYTES_GOOD:
        return Finding("disk", State.WARN, detail, remedy)
    return Finding("disk", State.OK, detail)


def _binaries(settings: Settings) -> Iterator[Finding]:
    from nostro.adapters.postgres.account import account_for
    from nostro.adapters.postgres.binaries import find_binaries
    from nostro.adapters.postgres.cluster import Layout
    from nostro.adapters.postgres.faults import PostgresFault

    layout = Layout(settings.data_dir)
    try:
        found = find_binaries(settings.postgres_bin_dir, major=layout.major())
        account = account_for(layout.cluster)
    except PostgresFault as fault:
        yield Finding("postgresql programs", State.FAIL, fault.detail, fault.remedy)
        return
    detail = f"{found.version} from the {found.origin} ({found.bin_dir}), runs as {account.name}"
    yield Finding("postgresql programs", State.OK, detail)


def _server(data_dir: Path) -> Iterator[Finding]:
    from nostro.adapters.postgres.launcher import running_server

    running = running_server(data_dir)
    if running is None:
        yield Finding("postgresql", State.OK, "not running; `nostro up` starts it")
        return
    if running.holder is None:
        yield Finding(
            "postgresql",
            State.WARN,
            f"process {running.pid} runs although its launcher is gone",
            "none needed: `nostro up` takes it over",
        )
    else:
        yield Finding("postgresql", State.OK, f"process {running.pid} is {running.status}")
    yield from _database(running.url())


def _remote(url: str) -> Iterator[Finding]:
    yield from _database(url)


def _database(url: str) -> Iterator[Finding]:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=int(PROBE_TIMEOUT_S)) as connection:
            yield _version(connection)
            yield _durability(connection)
    except psycopg.Error as error:
        yield Finding(
            "database",
            State.FAIL,
            f"does not answer: {' '.join(str(error).split())}",
            "start it, or correct NOSTRO_POSTGRES_URL; without it an embedded one is used",
        )
        return
    yield _schema(url)


def _version(connection: psycopg.Connection[Any]) -> Finding:
    from nostro.adapters.postgres.binaries import MAJOR_MIN

    major = connection.info.server_version // 10_000
    told = connection.info.parameter_status("server_version") or str(major)
    detail = f"PostgreSQL {told}, database {connection.info.dbname} as {connection.info.user}"
    if major < MAJOR_MIN:
        return Finding("database", State.FAIL, detail, f"use PostgreSQL {MAJOR_MIN} or later")
    return Finding("database", State.OK, detail)


def _durability(connection: psycopg.Connection[Any]) -> Finding:
    query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
    said = dict(connection.execute(query, (list(DURABLE),)).fetchall())
    weak = [f"{name} = {said[name]}" for name in DURABLE if said[name] in ("off", "local")]
    if weak:
        return Finding(
            "durability",
            State.FAIL,
            ", ".join(weak) + ": an acknowledged command could be lost",
            "turn them on in postgresql.conf and reload",
        )
    return Finding("durability", State.OK, ", ".join(f"{name} on" for name in DURABLE))


def _schema(url: str) -> Finding:
    from nostro.adapters.postgres.faults import SchemaRefused
    from nostro.adapters.postgres.migrate import schema_state

    try:
        state = schema_state(url)
        state.refuse()
    except SchemaRefused as refused:
        return Finding("schema", State.FAIL, refused.detail, refused.remedy)
    return Finding("schema", State.OK, f"up to date: {', '.join(state.applied)}")


def _port(host: str, port: int) -> Finding:
    if port == 0:
        return Finding("port", State.OK, f"any free one of {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    where = f"{host}:{port}"
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError as error:
            if _is_nostro(host, port):
                return Finding("port", State.OK, f"a running platform answers on {where}")
            return Finding(
                "port",
                State.FAIL,
                f"{where}: {error.strerror}",
                "stop what listens there, or choose another with NOSTRO_PORT",
            )
    return Finding("port", State.OK, f"{where} is free")


def _is_nostro(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _nearest(path: Path) -> Path:
    """Return the path itself, or what exists above it."""
    return next(one for one in (path, *path.parents) if os.path.exists(one))
