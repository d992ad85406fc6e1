"""What does a simulated provider still know after the platform around it was killed?

One entry for each reference, written before the provider answers, for an auditor to read too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.json_lines import JsonLines
from nostro.adapters.liquidity.port import Piece, ProviderOrder


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the provider did under a reference, for good: `pieces`, or nothing and why (`code`).
    `order` is None only when the reference was closed before any had come. Until `known_at_us`
    (microseconds since the epoch) it is told as pending."""

    reference: str
    at_us: int
    known_at_us: int
    order: ProviderOrder | None = None
    pieces: tuple[Piece, ...] = ()
    code: str = ""
    provider_reference: str = ""


class ProviderBooks(Protocol):
    """The provider's own books."""

    def find(self, reference: str) -> Entry | None:
        """Return what is known of a reference."""
        ...

    def add(self, entry: Entry) -> None:
        """Write an entry, before the provider answers; raises NotDone when it cannot be written."""
        ...

    def after(self, count: int) -> list[Entry]:
        """Return the entries after so many, oldest first."""
        ...


class MemoryBooks:
    """Books that live as long as this object: in a simulation, longer than the platform."""

    def __init__(self) -> None:
        self._log: list[Entry] = []
        self._known: dict[str, Entry] = {}

    def find(self, reference: str) -> Entry | None:
        """Return what is known of a reference."""
        return self._known.get(reference)

    def add(self, entry: Entry) -> None:
        """Write an entry."""
        self._log.append(entry)
        self._known[entry.reference] = entry

    def after(self, count: int) -> list[Entry]:
        """Return the entries after so many, oldest first."""
        return self._log[count:]


_decoder = msgspec.json.Decoder(Entry)


def books_in(path: Path) -> MemoryBooks:
    """Return what stands in a file now, without touching it: for an auditor, beside a provider that
    goes on writing. No file: nothing."""
    books = MemoryBooks()
    whole, _, _ = (path.read_bytes() if path.exists() else b"").rpartition(b"\n")
    for line in whole.splitlines():
        books.add(_decoder.decode(line))
    return books


class FileBooks:
    """Books in a file of JSON lines, written before the provider answers."""

    def __init__(self, path: Path) -> None:
        self._memory = MemoryBooks()
        self._lines = JsonLines(path, Entry, self._memory.add, whose="the provider's books")

    def find(self, reference: str) -> Entry | None:
        """Return what is known of a reference."""
        self._lines.read_on()
        return self._memory.find(reference)

    def add(self, entry: Entry) -> None:
        """Write an entry; raises NotDone when the disk does not take it."""
        self._lines.append(entry)

    def after(self, count: int) -> list[Entry]:
        """Return the entries after so many, oldest first."""
        self._lines.read_on()
        return self._memory.after(count)

    def close(self) -> None:
        """Let the file go."""
        self._lines.close()
