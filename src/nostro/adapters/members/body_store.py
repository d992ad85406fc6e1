"""Which bodies does this member hold itself, whatever becomes of the log?

A member approves only what it has stored, so a certificate means that at least q - f honest members
hold the body (field note 2.3, rule 6). Bodies are appended to a segment and flushed before `put`
returns. The newest segments are kept; what left them is certified, and stands in the journal.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from struct import Struct

from nostro.adapters.signing.private_file import sync_directory

SEGMENT_BYTES_MAX = 128 << 20
SEGMENTS_KEPT = 2
_HEAD = Struct("<4sI32s32s")
_MAGIC = b"body"


class BodyStore:
    """Packed bodies by the SHA-256 of what they unpack to, in hex. One writer at a time."""

    def __init__(self, directory: Path, *, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self._directory = directory
        self._segment_bytes_max = segment_bytes_max
        self._places: dict[str, tuple[int, int, int]] = {}
        """Segment, offset and length by hash."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._numbers = sorted(
            int(path.stem) for path in directory.glob("*.bodies") if path.stem.isdigit()
        )
        for number in self._numbers:
            self._scan(number)
        if not self._numbers:
            self._numbers.append(1)
        self._file = self._open(self._numbers[-1])

    def __contains__(self, body_hash: str) -> bool:
        return body_hash in self._places

    def put(self, body_hash: str, packed: bytes) -> None:
        """Hold a body from now on; returns when it is on the disk. Raises OSError."""
        if body_hash in self._places:
            return
        size = os.fstat(self._file).st_size
        if size and size + len(packed) > self._segment_bytes_max:
            self._begin_segment()
            size = 0
        head = _HEAD.pack(
            _MAGIC, len(packed), bytes.fromhex(body_hash), hashlib.sha256(packed).digest()
        )
        written = os.pwrite(self._file, head + packed, size)
        if written != len(head) + len(packed):
            os.ftruncate(self._file, size)
            raise OSError(f"only {written} bytes of a body were written")
        os.fdatasync(self._file)
        self._places[body_hash] = (self._numbers[-1], size + _HEAD.size, len(packed))

    def get(self, body_hash: str) -> bytes | None:
        """Return a packed body, or None when it is not held."""
        place = self._places.get(body_hash)
        if place is None:
            return None
        number, offset, length = place
        file = os.open(self._path(number), os.O_RDONLY)
        try:
            return os.pread(file, length, offset)
        finally:
            os.close(file)

    def close(self) -> None:
        """Let the files go."""
        os.close(self._file)

    def _begin_segment(self) -> None:
        os.close(self._file)
        self._numbers.append(self._numbers[-1] + 1)
        self._file = self._open(self._numbers[-1])
        while len(self._numbers) > SEGMENTS_KEPT:
            number = self._numbers.pop(0)
            self._path(number).unlink()
            self._places = {
                body_hash: place for body_hash, place in self._places.items() if place[0] != number
            }

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:06}.bodies"

    def _open(self, number: int) -> int:
        file = os.open(self._path(number), os.O_RDWR | os.O_CREAT, 0o600)
        sync_directory(self._directory)
        return file

    def _scan(self, number: int) -> None:
        """Find the bodies of a segment, and cut off what a death has torn."""
        path, end = self._path(number), 0
        with path.open("rb") as file:
            while head := file.read(_HEAD.size):
                if len(head) < _HEAD.size:
                    break
                magic, length, body_hash, check = _HEAD.unpack(head)
                packed = file.read(length) if magic == _MAGIC else b""
                if len(packed) != length or hashlib.sha256(packed).digest() != check:
                    break
                self._places[body_hash.hex()] = (number, end + _HEAD.size, length)
                end += _HEAD.size + length
        os.truncate(path, end)
