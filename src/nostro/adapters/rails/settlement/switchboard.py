"""Which faults has someone switched on in the simulated world, and how are they told to a server
that runs already?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import msgspec


class Outage(msgspec.Struct, frozen=True):
    """A region of a rail that is down for a while; times in microseconds since the epoch."""

    rail: str
    region: str
    from_us: int
    until_us: int


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong now. `down`: (rail, region). `outages`: the same, by schedule. Participants:
    `failed` for good (counterparty_failed), `unavailable` for now (counterparty_unavailable on
    every rail but the correspondent), `short` of money at the central bank (liquidity)."""

    down: frozenset[tuple[str, str]] = frozenset()
    outages: tuple[Outage, ...] = ()
    failed: frozenset[str] = frozenset()
    unavailable: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()

    def is_down(self, rail: str, region: str, now_us: int) -> bool:
        """Tell whether a region of a rail can be reached by nobody."""
        if (rail, region) in self.down:
            return True
        return any(
            each.rail == rail and each.region == region and each.from_us <= now_us < each.until_us
            for each in self.outages
        )


NO_FAULTS = Faults()


class Switchboard(Protocol):
    """Where rails look what is wrong."""

    def faults(self) -> Faults:
        """Return what is wrong now."""
        ...


class MemorySwitchboard:
    """A switchboard in this process."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        self._faults = faults

    def faults(self) -> Faults:
        """Return what is wrong now."""
        return self._faults

    def set(self, faults: Faults) -> None:
        """Replace what is wrong."""
        self._faults = faults

    def close_region(self, rail: str, region: str) -> None:
        """Take a region of a rail down."""
        self.set(with_region_down(self.faults(), rail, region))

    def open_region(self, rail: str, region: str) -> None:
        """Bring a region of a rail back."""
        self.set(with_region_up(self.faults(), rail, region))


class FileSwitchboard:
    """A switchboard in a file, so that a demonstration can switch faults of a server in another
    process. No file: no faults. A file that cannot be read leaves the last faults on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._faults = NO_FAULTS

    def faults(self) -> Faults:
        """Return what is wrong now; reads the file only when it has changed."""
        try:
            told = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._faults = None, NO_FAULTS
            return self._faults
        seen = (told.st_mtime_ns, told.st_size, told.st_ino)
        if seen != self._seen:
            try:
                self._faults = msgspec.json.decode(self._path.read_bytes(), type=Faults)
                self._seen = seen
            except (OSError, msgspec.MsgspecError):
                return self._faults
        return self._faults

    def set(self, faults: Faults) -> None:
        """Replace what is wrong, in one step for whoever reads."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        new.write_bytes(msgspec.json.encode(faults, order="deterministic"))
        new.replace(self._path)

    def close_region(self, rail: str, region: str) -> None:
        """Take a region of a rail down."""
        self.set(with_region_down(self.faults(), rail, region))

    def open_region(self, rail: str, region: str) -> None:
        """Bring a region of a rail back."""
        self.set(with_region_up(self.faults(), rail, region))


def with_region_down(faults: Faults, rail: str, region: str) -> Faults:
    """Return these faults and a region that is down."""
    return msgspec.structs.replace(faults, down=faults.down | {(rail, region)})


def with_region_up(faults: Faults, rail: str, region: str) -> Faults:
    """Return these faults without that one."""
    return msgspec.structs.replace(faults, down=faults.down - {(rail, region)})
