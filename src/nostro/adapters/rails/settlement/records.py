"""What does a simulated rail still know after the platform around it was killed?

A list of entries that only grows; the last entry of an instruction id tells where it stands.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.json_lines import JsonLines
from nostro.adapters.rails.settlement.port import RailOrder


class Mark(StrEnum):
    """What an entry says of an instruction. BARRED: the rail has promised that this attempt, and
    earlier ones, never happen."""

    PENDING = "pending"
    SETTLED = "settled"
    REFUSED = "refused"
    BARRED = "barred"


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the rail's books; `order` is None only when nothing but a promise is known.
    `at_us`: microseconds since the epoch; of what is pending, since when."""

    instruction_id: str
    attempt: int
    mark: Mark
    at_us: int
    order: RailOrder | None = None
    code: str = ""
    rail_reference: str = ""
    charges_minor: int = 0


class RailBooks(Protocol):
    """The rail's own books."""

    def find(self, instruction_id: str) -> Entry | None:
        """Return the last entry of an instruction."""
        ...

    def add(self, entry: Entry) -> None:
        """Write an entry, before the rail answers; raises NotDone when it cannot be written."""
        ...

    def after(self, count: int) -> list[Entry]:
        """Return the entries after so many, oldest first."""
        ...


class MemoryBooks:
    """Books that live as long as this object: in a simulation, longer than the platform."""

    def __init__(self) -> None:
        self._log: list[Entry] = []
        self._last: dict[str, Entry] = {}

    def find(self, instruction_id: str) -> Entry | None:
        """Return the last entry of an instruction."""
        return self._last.get(instruction_id)

    def add(self, entry: Entry) -> None:
        """Write an entry."""
        self._log.append(entry)
        self._last[entry.instruction_id] = entry

    def after(self, count: int) -> list[Entry]:
        """Return the entries after so many, oldest first."""
        return self._log[count:]


class FileBooks:
    """Books in a file of JSON lines, written before the rail answers."""

    def __init__(self, path: Path) -> None:
        self._memory = MemoryBooks()
        self._lines = JsonLines(path, Entry, self._memory.add, whose="the rail's books")

    def find(self, instruction_id: str) -> Entry | None:
        """Return the last entry of an instruction."""
        self._lines.read_on()
        return self._memory.find(instruction_id)

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
