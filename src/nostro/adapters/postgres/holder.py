"""Who holds a data directory?

A `flock` on one file, which the kernel drops however the holder ends, and beside it the holder's
name for people.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from nostro.adapters.postgres.faults import DataDirectoryHeld

LOCK_NAME = "launcher.lock"
_ATTEMPTS_MAX = 10  # a reader of `holder_of` may hold the lock for some microseconds
_ATTEMPT_PAUSE_S = 0.03


class Holder(msgspec.Struct, frozen=True):
    """The process that has started a data directory; `since` is RFC 3339 in UTC."""

    pid: int
    since: str
    host: str
    program: str


class DirectoryLock:
    """The right to run a server on `data_dir`: exclusive among processes, lost with the process."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_NAME
        self._descriptor: int | None = None
        # A forked child that never runs exec would share the lock and keep it after our death.
        os.register_at_fork(after_in_child=self.release)

    @property
    def held(self) -> bool:
        """Tell whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock and sign it; raises DataDirectoryHeld with the name of the holder."""
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock(descriptor, fcntl.LOCK_EX, attempts_max=_ATTEMPTS_MAX):
            holder = _read(descriptor)
            os.close(descriptor)
            raise _held(self._path.parent, holder)
        sign = msgspec.json.encode(_myself())
        os.pwrite(descriptor, sign, 0)
        os.ftruncate(descriptor, len(sign))
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(data_dir: Path) -> Holder | None:
    """Return who holds the data directory now, or None when nobody does."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _lock(descriptor, fcntl.LOCK_SH, attempts_max=1):
            return None
        return _read(descriptor) or Holder(0, "an unknown time", "an unknown host", "unnamed")
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, *, attempts_max: int) -> bool:
    for attempt in range(attempts_max):
        if attempt:
            time.sleep(_ATTEMPT_PAUSE_S)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
    return False


def _read(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except msgspec.DecodeError:
        return None


def _myself() -> Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    words = [Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python", *sys.argv[1:3]]
    return Holder(os.getpid(), now, socket.gethostname(), " ".join(words)[:200])


def _held(data_dir: Path, holder: Holder | None) -> DataDirectoryHeld:
    if holder is None:
        return DataDirectoryHeld(
            f"{data_dir} is held by a process that is just starting.",
            remedy="try again in a second.",
            pid=None,
        )
    return DataDirectoryHeld(
        f"{data_dir} is held by process {holder.pid} (`{holder.program}`, since {holder.since},"
        f" on {holder.host}).",
        remedy=f"stop it with `kill {holder.pid}` (it shuts down in order), or choose another"
        " directory with NOSTRO_DATA_DIR.",
        pid=holder.pid,
    )
