"""How does a simulated party keep books of its own, so that they outlive whoever it serves?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from nostro.runtime.ports import NotDone

T = TypeVar("T")


class JsonLines(Generic[T]):
    """A file of JSON lines that is only appended to, each line an entry of one type.

    It outlives SIGKILL; what a process that is still leaving writes is seen. It is not fsynced:
    after a power cut a simulated world may have forgotten its last deeds, which a real one would
    not. `hear` is told each entry once, in order; `whose`: in the words of an outage.
    """

    def __init__(
        self, path: Path, entry: type[T], hear: Callable[[T], None], *, whose: str
    ) -> None:
        self._decoder = msgspec.json.Decoder(entry)
        self._hear = hear
        self._whose = whose
        self._read_to = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.read_on()
        # Killed within a write: nobody was answered for a torn line, so it never happened.
        os.ftruncate(self._file, self._read_to)

    def append(self, entry: T) -> None:
        """Write an entry; raises NotDone when the disk does not take it."""
        self.read_on()
        line = msgspec.json.encode(entry) + b"\n"
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise NotDone(f"{self._whose} cannot be written: {error.strerror}") from error
        if written < len(line):
            os.ftruncate(self._file, self._read_to)
            raise NotDone(f"{self._whose} cannot be written: the disk is full")
        self.read_on()

    def read_on(self) -> None:
        """Read what was written since the last look, up to the last whole line."""
        size = os.fstat(self._file).st_size
        if size == self._read_to:
            return
        whole, end, _ = os.pread(self._file, size - self._read_to, self._read_to).rpartition(b"\n")
        self._read_to += len(whole) + len(end)
        for line in whole.splitlines():
            self._hear(self._decoder.decode(line))

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)
