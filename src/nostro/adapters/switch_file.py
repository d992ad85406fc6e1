"""What is wrong with a simulated party at the moment, as this process says, or a file that others
may write?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

F = TypeVar("F")


class Switch(Generic[F]):
    """Faults in this process."""

    def __init__(self, faults: F) -> None:
        self._faults = faults

    def faults(self) -> F:
        """Return what is wrong now."""
        return self._faults

    def set(self, faults: F) -> None:
        """Replace what is wrong."""
        self._faults = faults


class SwitchFile(Generic[F]):
    """Faults in a JSON file, so that a demonstration can switch those of a server in another
    process. No file: `none`. A file that cannot be read leaves the last faults on."""

    def __init__(self, path: Path, *, none: F) -> None:
        self._path = path
        self._none = none
        self._seen: tuple[int, int, int] | None = None
        self._faults = none

    def faults(self) -> F:
        """Return what is wrong now; reads the file only when it has changed."""
        try:
            told = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._faults = None, self._none
            return self._faults
        seen = (told.st_mtime_ns, told.st_size, told.st_ino)
        if seen != self._seen:
            try:
                self._faults = msgspec.json.decode(self._path.read_bytes(), type=type(self._none))
                self._seen = seen
            except (OSError, msgspec.MsgspecError):
                return self._faults
        return self._faults

    def set(self, faults: F) -> None:
        """Replace what is wrong, in one step for whoever reads."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        new.write_bytes(msgspec.json.encode(faults, order="deterministic"))
        new.replace(self._path)
