"""What does a simulated rail still know after the platform around it was killed?

A list of entries that only grows; the last entry of an instruction id tells where it stands.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.rails.settlement.port import RailOrder
from nostro.runtime.ports import NotDone


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


_decoder = msgspec.json.Decoder(Entry)


class FileBooks:
    """Books in a file of JSON lines, written before the rail answers.

    They outlive SIGKILL, as a rail outlives its customers; what a process that is still leaving
    writes is seen. They are not fsynced: after a power cut the simulated world may have forgotten
    its last movements, which a real one would not.
    """

    def __init__(self, path: Path) -> None:
        self._memory = MemoryBooks()
        self._read_to = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._read_on()
        # Killed within a write: the rail never answered for a torn line, so it never happened.
        os.ftruncate(self._file, self._read_to)

    def find(self, instruction_id: str) -> Entry | None:
        """Return the last entry of an instruction."""
        self._read_on()
        return self._memory.find(instruction_id)

    def add(self, entry: Entry) -> None:
        """Write an entry; raises NotDone when the disk does not take it."""
        self._read_on()
        line = msgspec.json.encode(entry) + b"\n"
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise NotDone(f"the rail's books cannot be written: {error.strerror}") from error
        if written < len(line):
            os.ftruncate(self._file, self._read_to)
            raise NotDone("the rail's books cannot be written: the disk is full")
        self._read_on()

    def after(self, count: int) -> list[Entry]:
        """Return the entries after so many, oldest first."""
        self._read_on()
        return self._memory.after(count)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _read_on(self) -> None:
        """Read what was written since the last look, up to the last whole line."""
        size = os.fstat(self._file).st_size
        if size == self._read_to:
            return
        whole, end, _ = os.pread(self._file, size - self._read_to, self._read_to).rpartition(b"\n")
        self._read_to += len(whole) + len(end)
        for line in whole.splitlines():
            self._memory.add(_decoder.decode(line))
