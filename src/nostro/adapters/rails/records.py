"""What does a simulated rail still know after the platform around it was killed?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.rails.port import Payout


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

    They outlive SIGKILL, as a rail outlives its customers. They are not fsynced: after a power cut
    the simulated world may have forgotten the last payouts, which a real one would not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[str, Record] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._read()

    def find(self, reference: str) -> Record | None:
        """Return what the rail knows of a reference."""
        return self._records.get(reference)

    def add(self, record: Record) -> None:
        """Know a reference from now on, and in the next process too."""
        os.write(self._file, msgspec.json.encode(record) + b"\n")
        self._records[record.payout.reference] = record

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _read(self) -> None:
        data = self._path.read_bytes()
        whole, _, torn = data.rpartition(b"\n")
        if torn:
            # Killed within a write: the rail never answered for this one, so it never happened.
            os.ftruncate(self._file, len(data) - len(torn))
        for line in whole.splitlines():
            record = msgspec.json.decode(line, type=Record)
            self._records[record.payout.reference] = record
