"""Which numbers belong to a set that only grows, in an eighth of a byte each?"""

from __future__ import annotations


class Numbers:
    """A set of numbers from 0; as large as the highest of them, in bits."""

    __slots__ = ("_bits",)

    def __init__(self, told: bytes = b"") -> None:
        """`told`: what `told` returned of another."""
        self._bits = bytearray(told)

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] >> (number & 7) & 1)

    def add(self, number: int) -> None:
        """Take a number in."""
        place = number >> 3
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        self._bits[place] |= 1 << (number & 7)

    @property
    def told(self) -> bytes:
        """All of them, the same bytes for the same numbers."""
        return bytes(self._bits)
