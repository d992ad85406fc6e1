"""Which bytes are signed and hashed, so that one meaning has one spelling and no other?

Text and bytes: their length as 4 bytes, then themselves (text in UTF-8). Numbers: 8 bytes. All big
endian, nothing between the fields. The first field is always a domain tag, so that bytes made for
one purpose never mean anything for another.
"""

from __future__ import annotations

import hashlib

TEXT_BYTES_MAX = 64 << 20
"""No field is longer; the bodies of batches are hashed on their own."""


class EncodingError(ValueError):
    """These bytes are not what `canonical` writes."""


def canonical(*fields: str | bytes | int) -> bytes:
    """Return the one spelling of some fields; numbers from 0 to 2**64 - 1 (else OverflowError)."""
    parts: list[bytes] = []
    for field in fields:
        if isinstance(field, int):
            parts.append(field.to_bytes(8, "big"))
            continue
        raw = field.encode() if isinstance(field, str) else field
        parts.append(len(raw).to_bytes(4, "big"))
        parts.append(raw)
    return b"".join(parts)


def sha256(data: bytes) -> bytes:
    """Return SHA-256 (FIPS 180-4) over some bytes."""
    return hashlib.sha256(data).digest()


class Reader:
    """Reads what `canonical` wrote, field by field; every method raises EncodingError."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        """Return the next field, a number."""
        return int.from_bytes(self._take(8), "big")

    def raw(self) -> bytes:
        """Return the next field, bytes."""
        return self._take(int.from_bytes(self._take(4), "big"))

    def text(self) -> str:
        """Return the next field, a text."""
        try:
            return self.raw().decode()
        except UnicodeDecodeError:
            raise EncodingError("a text that is not UTF-8") from None

    def expect(self, tag: str) -> None:
        """Pass the domain tag."""
        if self.raw() != tag.encode():
            raise EncodingError(f"not marked {tag!r}")

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self._at != len(self._data):
            raise EncodingError(f"{len(self._data) - self._at} bytes too many")

    def _take(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        if length > TEXT_BYTES_MAX or self._at > len(self._data):
            raise EncodingError("the bytes end too early")
        return self._data[start : self._at]
