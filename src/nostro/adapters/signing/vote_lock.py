"""What has this member signed last, even if it is killed or the power is cut now?

Two slots in one file of fixed size, written by turns, each with a number and a SHA-256 over all of
it. `save` returns only after fdatasync: the caller lets no signature out before. A write that was
torn leaves the other slot, which is what the member had saved before, and whose signatures are the
only ones that left. Measured here: 0.1 ms, against 0.35 ms for a new file, fsync and rename.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from struct import Struct

from nostro.adapters.signing.private_file import make_private, read_private

SLOT_BYTES = 64 * 1024
"""A multiple of every disk's sector and page: the slots never share one."""
_HEAD = Struct("<8sQI")
_MAGIC = b"nostroVL"
_HASH_BYTES = 32
STATE_BYTES_MAX = SLOT_BYTES - _HEAD.size - _HASH_BYTES
_REMEDY = "what this member has signed is not known; let the others rotate its key out"


class LockUnreadable(Exception):
    """Neither slot is whole, or the file is gone: who signed now could sign twice."""


class LockHeld(Exception):
    """Another process votes for this member."""


def make_vote_lock(path: Path) -> None:
    """Make the file of a member that has never signed, when its key is made; raises
    FileExistsError."""
    make_private(path, _slot(0, b"").ljust(2 * SLOT_BYTES, b"\0"))


class VoteLockFile:
    """The last saved state of one member. Holds the file's lock: one process votes for a member."""

    def __init__(self, path: Path) -> None:
        """Open the file that was made with the key; raises LockHeld, LockUnreadable or FileExposed.

        One that is missing is never made anew: the member may have signed before.
        """
        try:
            read_private(path)
        except FileNotFoundError:
            raise LockUnreadable(f"{path} is missing: {_REMEDY}") from None
        self._file = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.number, self._state = _newest(path, os.pread(self._file, 2 * SLOT_BYTES, 0))
        except BlockingIOError:
            os.close(self._file)
            raise LockHeld(f"another process votes with {path}") from None
        except BaseException:
            os.close(self._file)
            raise

    @property
    def state(self) -> bytes:
        """Return what was saved last; nothing when nothing ever was."""
        return self._state

    def save(self, state: bytes) -> None:
        """Keep the state for ever, or until the next; raises OSError when the disk refuses, after
        which the member must sign nothing with what it would have saved.

        Calls must not overlap.
        """
        if len(state) > STATE_BYTES_MAX:
            raise ValueError(f"a vote lock of {len(state)} bytes, at most {STATE_BYTES_MAX}")
        number = self.number + 1
        slot = _slot(number, state)
        written = os.pwrite(self._file, slot, number % 2 * SLOT_BYTES)
        if written != len(slot):
            raise OSError(f"only {written} of {len(slot)} bytes of the vote lock were written")
        os.fdatasync(self._file)
        self.number, self._state = number, state

    def close(self) -> None:
        """Let the file and its lock go."""
        os.close(self._file)


def _slot(number: int, state: bytes) -> bytes:
    body = _HEAD.pack(_MAGIC, number, len(state)) + state
    return body + hashlib.sha256(body).digest()


def _newest(path: Path, data: bytes) -> tuple[int, bytes]:
    slots = [_read(data[start : start + SLOT_BYTES]) for start in (0, SLOT_BYTES)]
    found = [slot for slot in slots if slot is not None]
    if not found:
        raise LockUnreadable(f"{path} is damaged: {_REMEDY}")
    return max(found)


def _read(slot: bytes) -> tuple[int, bytes] | None:
    if len(slot) < _HEAD.size:
        return None
    magic, number, length = _HEAD.unpack_from(slot)
    if magic != _MAGIC or length > STATE_BYTES_MAX:
        return None
    end = _HEAD.size + length
    if hashlib.sha256(slot[:end]).digest() != slot[end : end + _HASH_BYTES]:
        return None
    return number, slot[_HEAD.size : end]
