"""Which processes are serving a cluster directory, and how are they ended?

A server process is recognised by its working directory: PostgreSQL enters its cluster directory at
start and stays there, in the postmaster and in every process it forks. A number in `postmaster.pid`
alone proves nothing: it may name a zombie that nobody reaped, or an innocent process that was given
the number later.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

PID_FILE = "postmaster.pid"
PORT = 5432  # only part of the socket's name: nothing listens on TCP
SOCKET_FILES = (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock")
_PROGRAM_NAMES = frozenset({"postgres", "postmaster"})
_PAUSE_S = 0.02
_PROC = Path("/proc")


class Postmaster(msgspec.Struct, frozen=True):
    """A postmaster, and what it says of itself: `starting`, `ready`, `stopping`."""

    pid: int
    status: str


def read_pid_file(cluster: Path) -> Postmaster | None:
    """Return what `postmaster.pid` says, true or not; None when it says nothing."""
    try:
        lines = (cluster / PID_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    return Postmaster(int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting")


def living_postmaster(cluster: Path) -> Postmaster | None:
    """Return the postmaster that serves `cluster` now, or None; a zombie is dead."""
    told = read_pid_file(cluster)
    return told if told is not None and serves(told.pid, cluster) else None


def serves(pid: int, cluster: Path) -> bool:
    """Tell whether `pid` is a living PostgreSQL process of this cluster directory."""
    if not _PROC.is_dir():
        return _serves_by_ps(pid)
    try:
        name = (_PROC / str(pid) / "comm").read_text().strip()
        # A zombie has no working directory any more: the next line raises.
        return name in _PROGRAM_NAMES and (_PROC / str(pid) / "cwd").samefile(cluster)
    except OSError:
        return False


def members(cluster: Path) -> Sequence[int]:
    """Return the pids of every living process of this cluster: postmaster, backends, workers."""
    if _PROC.is_dir():
        numbers = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
        return [pid for pid in numbers if serves(pid, cluster)]
    living = living_postmaster(cluster)
    return [] if living is None else [living.pid]


def send(pid: int, cluster: Path, what: signal.Signals) -> None:
    """Signal a process of this cluster; whoever else has that number by now is left alone."""
    with contextlib.suppress(ProcessLookupError):
        if not hasattr(signal, "pidfd_send_signal"):
            if serves(pid, cluster):
                os.kill(pid, what)
            return
        handle = os.pidfd_open(
            pid
        )  # fixes the identity first, so that check and signal meet one process
        try:
            if serves(pid, cluster):
                signal.pidfd_send_signal(handle, what)
        finally:
            os.close(handle)


def end_all(cluster: Path, *, patience_s: float) -> None:
    """End whatever still serves `cluster`: SIGQUIT, and SIGKILL for what stays.

    Backends outlive a killed postmaster until they notice; a second server beside them would
    corrupt the data.
    """
    for what in (signal.SIGQUIT, signal.SIGKILL):
        for pid in members(cluster):
            send(pid, cluster, what)
        if wait_until_gone(cluster, timeout_s=patience_s):
            return
    raise TimeoutError(f"processes {list(members(cluster))} of {cluster} survive SIGKILL")


def wait_until_gone(cluster: Path, *, timeout_s: float) -> bool:
    """Wait until nothing serves `cluster`; tell whether that came true in time."""
    deadline = time.monotonic() + timeout_s
    while members(cluster):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE_S)
    return True


def clear_remains(cluster: Path, socket_dir: Path) -> None:
    """Remove what a killed server leaves; only when nothing serves `cluster`.

    PostgreSQL itself takes a zombie or a reused number in these files for a living server and
    refuses to start. Shared memory left behind needs no care: the next server finds it by the
    directory's inode and removes it.
    """
    for path in (cluster / PID_FILE, *(socket_dir / name for name in SOCKET_FILES)):
        path.unlink(missing_ok=True)


def _serves_by_ps(pid: int) -> bool:
    # Without /proc (macOS): state and program are the best there is.
    told = subprocess.run(
        ["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return len(told) == 2 and "Z" not in told[0] and Path(told[1].strip()).name in _PROGRAM_NAMES
