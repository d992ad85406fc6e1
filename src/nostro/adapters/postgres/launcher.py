"""How does the embedded platform get a PostgreSQL of its own, and get it back after any crash?

`EmbeddedPostgres` makes a private cluster in a data directory and runs one server on it, reachable
through a unix socket in a 0700 directory and through nothing else. One process at a time may start
a data directory.

A server outlives a launcher that was killed. It is not tied to its parent's death: the kernel's
signal for that (PR_SET_PDEATHSIG) follows the thread that forked, and ours may be a worker thread
that ends early. Instead the next start adopts a server that is alive and healthy, ends one that is
not, and never runs two.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import msgspec
import psycopg
from psycopg import sql

from nostro.adapters.postgres import postmaster
from nostro.adapters.postgres.account import Account, account_for
from nostro.adapters.postgres.binaries import find_binaries
from nostro.adapters.postgres.cluster import (
    ADMIN,
    Layout,
    Tuning,
    create_cluster,
    log_tail,
    write_settings,
)
from nostro.adapters.postgres.faults import DataDirectoryUnusable, ServerNotStarted
from nostro.adapters.postgres.holder import DirectoryLock, Holder, holder_of
from nostro.adapters.postgres.relocate import reachable
from nostro.adapters.postgres.spawn import Spawn, handing_over

DATABASE = "nostro"
START_TIMEOUT_S = 180.0  # recovery replays at most `max_wal_size` of log
STOP_TIMEOUT_S = 30.0
_REMAINS_PATIENCE_S = 5.0
_UNNAMED_PATIENCE_S = 1.0
_PROBE_TIMEOUT_S = 5
_PAUSE_S = 0.02
_FRESH_PREFIX = "cluster.new-"


class RunningServer(msgspec.Struct, frozen=True):
    """A server that runs on a data directory, and who has started it (None: an orphan)."""

    layout: Layout
    pid: int
    status: str
    holder: Holder | None

    def url(self, role: str = ADMIN, database: str = DATABASE) -> str:
        """Return the URL by which `role` connects."""
        return _url(self.layout, role, database)


class EmbeddedPostgres:
    """One private PostgreSQL server on one data directory.

    Its methods block; a coroutine calls them by `asyncio.to_thread`. `bin_dir` is the setting
    `postgres_bin_dir`. As a context manager: started on entry, stopped on exit.
    """

    def __init__(
        self, data_dir: Path, *, bin_dir: Path | None = None, tuning: Tuning | None = None
    ) -> None:
        self._layout = Layout(data_dir.expanduser().absolute())
        self._bin_dir = bin_dir
        self._tuning = tuning or Tuning()
        self._turn = threading.RLock()
        self._lock = DirectoryLock(self._layout.data_dir)
        self._child: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._version = ""

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def data_dir(self) -> Path:
        """The data directory, absolute."""
        return self._layout.data_dir

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None before the start and after the stop."""
        return self._pid

    @property
    def version(self) -> str:
        """The server's version as it says it, e.g. `18.4`; empty before the start."""
        return self._version

    @property
    def adopted(self) -> bool:
        """Tell whether the server was found running, left by a launcher that died."""
        return self._pid is not None and self._child is None

    @property
    def running(self) -> bool:
        """Tell whether the server lives; a supervisor asks, and calls `start` when it does not."""
        with self._turn:
            if self._child is not None:
                self._child.poll()  # reap it: a zombie does not serve
            return self._pid is not None and postmaster.serves(self._pid, self._layout.cluster)

    def url(self, role: str = ADMIN, database: str = DATABASE) -> str:
        """Return the URL by which `role` connects; the socket's directory is the only guard."""
        return _url(self._layout, role, database)

    def start(self) -> str:
        """Make sure the server takes connections; return the administrator's URL, for migrations.

        First start, restart and recovery after any kill are this one call; calling it on a running
        server changes nothing. Raises DataDirectoryHeld, DataDirectoryUnusable, BinariesMissing or
        ServerNotStarted; afterwards nothing runs and nothing is held.
        """
        with self._turn:
            if self.running and _answers(self.url(database="postgres")):
                return self.url()
            self._layout.prepare()
            self._lock.acquire()
            try:
                with _told_as_faults(self._layout):
                    self._start()
            except BaseException:
                self._end(signal.SIGQUIT)
                raise
            return self.url()

    def stop(self) -> None:
        """Stop in order: sessions end, all is checkpointed, the next start needs no recovery.

        A server that does not obey within 30 s is ended at once, which loses nothing either.
        Harmless when stopped.
        """
        with self._turn:
            self._end(signal.SIGINT)

    def abort(self) -> None:
        """Stop at once: nothing committed is lost, the next start replays the log."""
        with self._turn:
            self._end(signal.SIGQUIT)

    def create_database(self, name: str) -> str:
        """Create a database unless it exists; return the administrator's URL for it."""
        with psycopg.connect(self.url(database="postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(database=name)

    def _start(self) -> None:
        layout = self._layout
        account = account_for(layout.cluster)
        self._pid = self._adopt()
        if self._child is not None and self._child.pid != self._pid:
            self._child.wait()
            self._child = None
        if self._pid is None:
            self._launch(account)
        with psycopg.connect(self.url(database="postgres")) as connection:
            said = connection.info.parameter_status("server_version") or ""
            self._version = said.partition(" ")[0]  # Debian adds its own
        self.create_database(DATABASE)

    def _adopt(self) -> int | None:
        """Return the pid of a healthy server found here; clear away anything less."""
        cluster, socket_dir = self._layout.cluster, self._layout.socket_dir
        now = time.monotonic()
        recovered_by, named_by = now + START_TIMEOUT_S, now + _UNNAMED_PATIENCE_S
        while postmaster.members(cluster):
            living = postmaster.living_postmaster(cluster)
            if living is not None and living.status == "ready":
                if _answers(self.url(database="postgres")):
                    return living.pid
                postmaster.send(living.pid, cluster, signal.SIGQUIT)
                postmaster.send(living.pid, cluster, signal.SIGCONT)  # it may be frozen
                break
            # Without a postmaster these are one that has not signed yet, or backends about to
            # leave.
            if time.monotonic() >= (named_by if living is None else recovered_by):
                break
            time.sleep(_PAUSE_S)
        postmaster.end_all(cluster, patience_s=_REMAINS_PATIENCE_S)
        postmaster.clear_remains(cluster, socket_dir)
        return None

    def _launch(self, account: Account) -> None:
        layout = self._layout
        binaries = find_binaries(self._bin_dir, major=layout.major())
        binaries = reachable(binaries, account, layout.data_dir)
        _discard_unfinished(layout)
        if layout.major() is None:
            fresh = _new_directory(layout, account)
            with handing_over(binaries, account, fresh) as spawn:
                create_cluster(fresh, spawn)
            layout.adopt_cluster(fresh)
        write_settings(layout.cluster, account, self._tuning)
        socket_dir = layout.open_socket_dir(account)
        directories = (layout.cluster, socket_dir)
        with layout.open_log() as log, handing_over(binaries, account, *directories) as spawn:
            since_byte = log.tell()
            self._child = subprocess.Popen(
                _server_command(spawn, layout.cluster, socket_dir),
                stdout=log,
                stderr=subprocess.STDOUT,
                **spawn.options(),
            )
        self._pid = self._child.pid
        self._await_ready(self._child, since_byte)

    def _await_ready(self, child: subprocess.Popen[bytes], since_byte: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            told = postmaster.read_pid_file(self._layout.cluster)
            if told is not None and told.pid == child.pid and told.status == "ready":
                return
            if (status := child.poll()) is not None:
                what = f"ended with status {status}"
                break
            if time.monotonic() >= deadline:
                what = f"was not ready within {START_TIMEOUT_S:.0f} s"
                break
            time.sleep(_PAUSE_S)
        said = "\n".join(log_tail(self._layout.log, since_byte=since_byte))
        raise ServerNotStarted(
            f"The PostgreSQL server {what}. It said:\n{said}\n",
            remedy=f"read {self._layout.log}, mend what it names, and start again.",
        )

    def _end(self, how: signal.Signals) -> None:
        """Stop the server the given way, then any way, and give the directory back."""
        cluster = self._layout.cluster
        try:
            if self._pid is not None:
                if self._child is not None:
                    self._child.send_signal(how)  # ours until reaped, even before it is a server
                else:
                    postmaster.send(self._pid, cluster, how)
                self._await_end(STOP_TIMEOUT_S)
                postmaster.end_all(cluster, patience_s=_REMAINS_PATIENCE_S)
                if self._child is not None:
                    self._child.kill()
                    self._child.wait()
                self._layout.close_socket_dir()
        finally:
            self._child = None
            self._pid = None
            self._lock.release()

    def _await_end(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self.running and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)


def running_server(data_dir: Path) -> RunningServer | None:
    """Return the server that runs on a data directory now, whoever started it, or None."""
    layout = Layout(data_dir.expanduser().absolute())
    living = postmaster.living_postmaster(layout.cluster)
    if living is None:
        return None
    return RunningServer(layout, living.pid, living.status, holder_of(layout.data_dir))


@contextlib.contextmanager
def borrowed(data_dir: Path, *, bin_dir: Path | None = None) -> Iterator[str]:
    """Yield the administrator's URL of the server that runs there, or of one started for this.

    For commands that look at a ledger which may be up or not. A server that was running stays
    untouched. Raises what `EmbeddedPostgres.start` raises.
    """
    living = running_server(data_dir)
    if living is not None and living.holder is not None and living.status == "ready":
        yield living.url()
        return
    with EmbeddedPostgres(data_dir, bin_dir=bin_dir) as server:
        yield server.url()


@contextlib.contextmanager
def _told_as_faults(layout: Layout) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise ServerNotStarted(
            f"The PostgreSQL server ended right after its start: {' '.join(str(error).split())}.",
            remedy=f"read {layout.log}, mend what it names, and start again.",
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise DataDirectoryUnusable(
            f"PostgreSQL could not be started in {layout.data_dir}: {error}.",
            remedy="mend what it names (`nostro doctor` looks further), and start again.",
        ) from error


def _url(layout: Layout, role: str, database: str) -> str:
    host = quote(str(layout.socket_dir), safe="")
    return f"postgresql://{quote(role)}@/{quote(database)}?host={host}&port={postmaster.PORT}"


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=_PROBE_TIMEOUT_S) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def _server_command(spawn: Spawn, cluster: Path, socket_dir: Path) -> list[str]:
    return [
        *spawn.command("postgres"),
        *("-D", spawn.known_as(cluster)),
        *("-k", spawn.known_as(socket_dir)),
        *("-p", str(postmaster.PORT)),
    ]


def _new_directory(layout: Layout, account: Account) -> Path:
    if layout.cluster.exists():
        raise DataDirectoryUnusable(
            f"{layout.cluster} exists but is no PostgreSQL cluster.",
            remedy="move it away, or choose another directory with NOSTRO_DATA_DIR.",
        )
    fresh = Path(tempfile.mkdtemp(prefix=_FRESH_PREFIX, dir=layout.data_dir))
    account.own(fresh)
    return fresh


def _discard_unfinished(layout: Layout) -> None:
    """Remove clusters whose making was interrupted; a finished one has been renamed."""
    for leftover in layout.data_dir.glob(f"{_FRESH_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)
