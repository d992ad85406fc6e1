"""What does a data directory hold, and how is its server configured?

<data_dir>/launcher.lock    who has started it
<data_dir>/cluster/         the PostgreSQL cluster
<data_dir>/run/             the socket, unless its path would be too long
<data_dir>/socket_dir       where the socket is instead
<data_dir>/server.log       what the server says; the previous file is server.log.1
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from nostro.adapters.postgres.account import Account
from nostro.adapters.postgres.faults import DataDirectoryUnusable, ServerNotStarted
from nostro.adapters.postgres.postmaster import SOCKET_FILES
from nostro.adapters.postgres.spawn import Spawn

ADMIN = "nostro_admin"
SOCKET_PATH_BYTES_MAX = 103  # sockaddr_un.sun_path less its NUL: 107 on Linux, 103 on macOS
_INITDB_TIMEOUT_S = 120.0
_LOG_BYTES_MAX = 16 * 2**20
_SETTINGS_FILE = "nostro.conf"
_OPERATOR_FILE = "local.conf"
_HBA = "# Only the private socket, whose directory is 0700.\nlocal all all trust\n"
# libpq reads a list at commas, the server a list with quotes; `@` opens an abstract socket.
_PLAIN_PATH = re.compile(r"/[\w./+~=:-]*", re.ASCII)


class Tuning(msgspec.Struct, frozen=True):
    """What may differ from one embedded server to another; the rest is fixed below."""

    shared_buffers_mb: int = 256
    max_wal_size_mb: int = 1024  # bounds recovery: about 10 s for each GiB of scattered changes
    connections_max: int = 160


class Layout(msgspec.Struct, frozen=True):
    """The places of one data directory."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """The directory that PostgreSQL calls PGDATA."""
        return self.data_dir / "cluster"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data_dir / "server.log"

    @property
    def _record(self) -> Path:
        return self.data_dir / "socket_dir"

    @property
    def socket_dir(self) -> Path:
        """The directory of the socket: `run`, or the short one on record."""
        try:
            return Path(self._record.read_text(encoding="utf-8"))
        except OSError:
            return self.data_dir / "run"

    def major(self) -> int | None:
        """Return the major version that wrote the cluster, or None when there is no cluster yet;
        raises DataDirectoryUnusable when that cannot be told."""
        version = self.cluster / "PG_VERSION"
        try:
            return int(version.read_text(encoding="ascii"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it holds no version"
            raise DataDirectoryUnusable(
                f"{version} cannot be read: {why}.",
                remedy="do this as the user who started the ledger, or name another directory"
                " with NOSTRO_DATA_DIR.",
            ) from error

    def prepare(self) -> None:
        """Make the data directory, private; raises DataDirectoryUnusable."""
        try:
            if not self.data_dir.is_dir():
                self.data_dir.mkdir(mode=0o700, parents=True)
            with tempfile.TemporaryFile(dir=self.data_dir):
                pass
        except FileExistsError as error:
            raise DataDirectoryUnusable(
                f"{self.data_dir} is a file, not a directory.",
                remedy="choose another directory with NOSTRO_DATA_DIR.",
            ) from error
        except OSError as error:
            raise DataDirectoryUnusable(
                f"{self.data_dir} cannot be written: {error.strerror}.",
                remedy="make it writable for you, or choose another directory with"
                " NOSTRO_DATA_DIR.",
            ) from error

    def open_socket_dir(self, account: Account) -> Path:
        """Return the directory for the socket, made 0700 for `account`."""
        current = self.socket_dir
        if fits_socket(current):
            with contextlib.suppress(FileExistsError):
                current.mkdir(mode=0o700)
                account.own(current)
            facts = current.lstat()
            if facts.st_uid == account.uid and facts.st_mode & 0o777 == 0o700:
                return current
        parents = (Path(tempfile.gettempdir()), Path("/tmp"))
        parent = next((one for one in parents if fits_socket(one / "nostro-12345678")), parents[-1])
        short = Path(tempfile.mkdtemp(prefix="nostro-", dir=parent))
        account.own(short)
        self._record.write_text(str(short), encoding="utf-8")
        return short

    def close_socket_dir(self) -> None:
        """Remove the short directory on record, if there is one; for after an orderly stop."""
        if self._record.is_file():
            shutil.rmtree(self.socket_dir, ignore_errors=True)
            self._record.unlink()

    def adopt_cluster(self, fresh: Path) -> None:
        """Make a finished cluster the one of this directory, durably."""
        fresh.rename(self.cluster)
        directory = os.open(self.data_dir, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def open_log(self) -> BinaryIO:
        """Open the log for appending; one that has grown beyond 16 MiB is put aside first."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_BYTES_MAX:
                self.log.replace(self.log.with_suffix(".log.1"))
        return open(self.log, "ab", opener=_private)


def fits_socket(directory: Path) -> bool:
    """Tell whether a socket can live there: a short path, and plain for libpq and the server."""
    longest = os.fsencode(directory / SOCKET_FILES[0])
    return len(longest) <= SOCKET_PATH_BYTES_MAX and bool(_PLAIN_PATH.fullmatch(str(directory)))


def create_cluster(fresh: Path, spawn: Spawn) -> None:
    """Run initdb on an empty directory: checksums, UTF-8, C locale; raises ServerNotStarted."""
    made = subprocess.run(
        spawn.command(
            "initdb",
            f"--pgdata={spawn.known_as(fresh)}",
            f"--username={ADMIN}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_INITDB_TIMEOUT_S,
        check=False,
        **spawn.options(),
    )
    if made.returncode != 0:
        said = made.stdout.decode(errors="replace").strip()[-1000:]
        raise ServerNotStarted(
            f"initdb failed with status {made.returncode}: {said}",
            remedy="mend what it names, or choose another directory with NOSTRO_DATA_DIR.",
        )
    configuration = (fresh / "postgresql.conf").read_text()
    includes = f"\ninclude '{_SETTINGS_FILE}'\ninclude_if_exists '{_OPERATOR_FILE}'\n"
    _put(fresh / "postgresql.conf", configuration + includes, spawn.account)
    _put(fresh / "pg_hba.conf", _HBA, spawn.account)


def write_settings(cluster: Path, account: Account, tuning: Tuning) -> None:
    """Write the settings file anew; `local.conf` beside it is the operator's and wins."""
    lines = [f"{name} = '{value}'" for name, value in settings(tuning).items()]
    head = f"# Written at every start. Your own settings go to {_OPERATOR_FILE}.\n"
    _put(cluster / _SETTINGS_FILE, head + "\n".join(lines) + "\n", account)


def settings(tuning: Tuning) -> Mapping[str, str]:
    """Return the server settings, valid for PostgreSQL 15 and every later version."""
    return {
        "cluster_name": "nostro",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": str(tuning.connections_max),
        # An acknowledged command is on the disk.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # The journal and the views are written in bulk and once: few, long checkpoints.
        "shared_buffers": f"{tuning.shared_buffers_mb}MB",
        "wal_buffers": "16MB",
        # After a crash: one call for the file system, not one for each of a thousand files.
        "recovery_init_sync_method": "syncfs" if sys.platform == "linux" else "fsync",
        "wal_compression": "off",  # pglz, which every build has, saves 8 % for twice the time
        "max_wal_size": f"{tuning.max_wal_size_mb}MB",
        "min_wal_size": f"{min(512, tuning.max_wal_size_mb)}MB",
        "checkpoint_timeout": "5min",
        "checkpoint_completion_target": "0.9",
        # One small machine is shared with the engine: no compilation, no parallel workers per
        # query.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "random_page_cost": "1.1",
        # A killed client's statement ends within a second, and its locks with it.
        "client_connection_check_interval": "1s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "logging_collector": "off",
    }


def log_tail(log: Path, *, since_byte: int, lines_max: int = 12) -> Sequence[str]:
    """Return the last lines that the server logged after `since_byte`."""
    try:
        with log.open("rb") as file:
            file.seek(since_byte)
            return file.read().decode(errors="replace").splitlines()[-lines_max:]
    except OSError:
        return ()


def _put(path: Path, text: str, account: Account) -> None:
    """Replace a file of the server's, whole or not at all, never through a link."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(fresh, "x", encoding="utf-8", opener=_private) as file:
        file.write(text)
    account.own(fresh)
    fresh.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
