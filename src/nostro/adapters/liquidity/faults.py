"""What is wrong with the simulated providers, by chance or because someone switched it on?

Weather is drawn from the seed; faults are switched, in a file also for a server that runs already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from nostro.adapters.switch_file import Switch, SwitchFile

PPM = 1_000_000
ALL = "*"
"""In a fault's list: every provider."""


class MerchantWeather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Odds in parts per million, and times in seconds.

    `down_ppm`: no connection. `lost_request_ppm`, `late_request_ppm`, `lost_answer_ppm`: no answer,
    and the request never arrives, arrives within `late_s_max`, or has arrived. `twice_ppm`: it
    arrives twice, the second time within `late_s_max`. `stale_ppm`: a quote that holds no more when
    it arrives. `partial_ppm`, `refused_ppm`: less than was quoted is executed, or nothing.
    `pending_ppm`: the end is known within `pending_s_max`.
    """

    down_ppm: int = 0
    lost_request_ppm: int = 0
    late_request_ppm: int = 0
    lost_answer_ppm: int = 0
    twice_ppm: int = 0
    stale_ppm: int = 0
    partial_ppm: int = 0
    refused_ppm: int = 0
    pending_ppm: int = 0
    latency_s_max: float = 0.002
    late_s_max: float = 1.0
    pending_s_max: float = 2.0


FAIR = MerchantWeather()
MILD = MerchantWeather(
    down_ppm=10_000,
    lost_request_ppm=10_000,
    late_request_ppm=5_000,
    lost_answer_ppm=10_000,
    twice_ppm=10_000,
    stale_ppm=10_000,
    partial_ppm=50_000,
    refused_ppm=10_000,
    pending_ppm=50_000,
)
HARSH = MerchantWeather(
    down_ppm=100_000,
    lost_request_ppm=100_000,
    late_request_ppm=100_000,
    lost_answer_ppm=150_000,
    twice_ppm=150_000,
    stale_ppm=100_000,
    partial_ppm=200_000,
    refused_ppm=100_000,
    pending_ppm=200_000,
    late_s_max=5.0,
)


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of the providers (`*`: all) that are `down`; whose answers are `silent`: lost after the
    deed; that are `late`: what they execute is pending for a while; fill only in `partial`; are
    `refusing` what they quoted; quote `stale`: what holds no more."""

    down: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    refusing: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()


NO_FAULTS = Faults()


def hit(names: frozenset[str], name: str) -> bool:
    """Tell whether a fault is switched on for a provider."""
    return name in names or ALL in names


class Switchboard(Protocol):
    """Where providers look what is wrong."""

    def faults(self) -> Faults:
        """Return what is wrong now."""
        ...


class MemorySwitchboard(Switch[Faults]):
    """A switchboard in this process."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)


class FileSwitchboard(SwitchFile[Faults]):
    """A switchboard in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, none=NO_FAULTS)
