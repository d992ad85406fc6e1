"""Which faults has someone switched on in the simulated world, and how are they told to a server
that runs already?"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.switch_file import Switch, SwitchFile


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


class MemorySwitchboard(Switch[Faults]):
    """A switchboard in this process."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)

    def close_region(self, rail: str, region: str) -> None:
        """Take a region of a rail down."""
        self.set(with_region_down(self.faults(), rail, region))

    def open_region(self, rail: str, region: str) -> None:
        """Bring a region of a rail back."""
        self.set(with_region_up(self.faults(), rail, region))


class FileSwitchboard(SwitchFile[Faults]):
    """A switchboard in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, none=NO_FAULTS)

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
