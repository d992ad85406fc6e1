"""What does a simulated rail still know after the platform around it was killed?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.rails.port import Payout
from nostro.runtime.ports import NotDone


class Record(msgspec.Struct, frozen=True):
    """A payout that reached the rail, when (microseconds since the epoch), and why it was refused
    (empty: it was taken)."""

    payout: Payout
    at_us: int
    refused: str = ""


class RailRecords(Protocol):
    """The rail's own books, by reference."""

    def find(self, reference: str) -> Record | None:
        """Return what the rail knows of a reference."""
        ...

    def add(self, record: Record) -> None:
        """Know a reference from now on."""
        ...


class MemoryRecords:
    """Records that live as long as this object: in a simulation, longer than the platform."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def find(self, reference: str) -> Record | None:
        """Return what the rail knows of a reference."""
        return self._records.get(reference)

    def add(self, record: Record) -> None:
        """Know a reference from now on."""
        self._records[record.payout.reference] = record


class FileRecords:
    """Records in a file of JSON lines, written before the rail answers.

    They outlive SIGKILL, as a rail outlives its customers; what a process that is still leaving
    writes is seen. They are not fsynced: after a power cut the simulated world may have forgotten
    the last payouts, which a real one would not.
    """

    def __init__(self, path: Path) -> None:
        self._records: dict[str, Record] = {}
        self._read_to = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._read_on()
        # Killed within a write: the rail never answered for a torn line, so it never happened.
        os.ftruncate(self._file, self._read_to)

    def find(self, reference: str) -> Record | None:
        """Return what the rail knows of a reference."""
        self._read_on()
        return self._records.get(reference)

    def add(self, record: Record) -> None:
        """Know a reference from now on, and in the next process too; raises NotDone when it cannot
        be written down."""
        line = msgspec.json.encode(record) + b"\n"
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise NotDone(f"the rail's books cannot be written: {error.strerror}") from error
        if written < len(line):
            os.ftruncate(self._file, size)
            raise NotDone("the rail's books cannot be written: the disk is full")
        self._read_on()

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
            record = msgspec.json.decode(line, type=Record)
            self._records[record.payout.reference] = record
