"""What is wrong with the participant, by chance or because someone switched it on?

Weather is drawn from the seed; faults are switched, in a file also for a participant that runs
already. Deeds are what may change the ledger: commands and reassignments.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Protocol

import msgspec

from nostro.adapters.switch_file import Switch, SwitchFile

PPM = 1_000_000


class Weather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Odds in parts per million of a call, and times in seconds.

    Every call: `down_ppm`: no connection; `unavailable_ppm`: 503 before anything is done;
    `lost_request_ppm`: no answer, and it never arrived. Of a deed: `lost_answer_ppm`: done, and no
    answer; `gone_ppm`: done, and 503; `late_ppm`: no answer (504), and done within `late_s_max`;
    `locked_ppm`, `busy_ppm`: 409, refused after it was sent, or before. `crowded_ppm`: a list is
    too long (413).
    """

    down_ppm: int = 0
    unavailable_ppm: int = 0
    lost_request_ppm: int = 0
    lost_answer_ppm: int = 0
    gone_ppm: int = 0
    late_ppm: int = 0
    locked_ppm: int = 0
    busy_ppm: int = 0
    crowded_ppm: int = 0
    latency_s_max: float = 0.0
    late_s_max: float = 1.0


FAIR = Weather()
MILD = Weather(
    down_ppm=5_000,
    unavailable_ppm=10_000,
    lost_request_ppm=10_000,
    lost_answer_ppm=10_000,
    gone_ppm=5_000,
    late_ppm=5_000,
    locked_ppm=10_000,
    busy_ppm=10_000,
    latency_s_max=0.01,
)
HARSH = Weather(
    down_ppm=50_000,
    unavailable_ppm=80_000,
    lost_request_ppm=80_000,
    lost_answer_ppm=120_000,
    gone_ppm=60_000,
    late_ppm=80_000,
    locked_ppm=100_000,
    busy_ppm=80_000,
    crowded_ppm=20_000,
    latency_s_max=0.05,
    late_s_max=5.0,
)


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong now. `down`: no connection. `paused`: nothing is answered until it is over.
    `unavailable`: 503 before anything is done. Of deeds: `silent`: done, and no answer; `gone`:
    done, and 503; `late`: 504, and done a while later; `locked`, `busy`: 409. `crowded`: every list
    is too long. `stranding`: what is unassigned cannot be assigned (503)."""

    down: bool = False
    paused: bool = False
    unavailable: bool = False
    silent: bool = False
    gone: bool = False
    late: bool = False
    locked: bool = False
    busy: bool = False
    crowded: bool = False
    stranding: bool = False


NO_FAULTS = Faults()


class Switchboard(Protocol):
    """Where the participant looks what is wrong."""

    def faults(self) -> Faults:
        """Return what is wrong now."""
        ...

    def set(self, faults: Faults) -> None:
        """Replace what is wrong."""
        ...


class MemorySwitchboard(Switch[Faults]):
    """A switchboard in this process."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)


class FileSwitchboard(SwitchFile[Faults]):
    """A switchboard in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, none=NO_FAULTS)


class Call(msgspec.Struct, frozen=True):
    """What befalls one call; each field as in Faults. `late_s`, `latency_s`: how long."""

    faults: Faults
    lost_request: bool
    late_s: float
    latency_s: float


class Fate:
    """Draws what befalls calls, the same for the same seed, call and time; `next_faults` go before,
    each for one call. The `weather` may change."""

    def __init__(self, *, seed: int, weather: Weather, switchboard: Switchboard) -> None:
        self._seed = seed
        self.weather = weather
        self.switchboard = switchboard
        self._number = 0
        self._next: list[tuple[str, Faults]] = []

    def switch_next(self, faults: Faults, path: str = "") -> None:
        """Let this befall the next call whose path ends so, and no other."""
        self._next.append((path, faults))

    def of(self, path: str, *, now_us: int) -> Call:
        """Return what befalls a call."""
        self._number += 1
        dice, weather = Random(f"{self._seed}/{path}/{self._number}/{now_us}"), self.weather
        switched = self._switched(path)

        def falls(odds_ppm: int) -> bool:
            return odds_ppm > 0 and dice.randrange(PPM) < odds_ppm

        return Call(
            faults=Faults(
                down=switched.down or falls(weather.down_ppm),
                paused=switched.paused,
                unavailable=switched.unavailable or falls(weather.unavailable_ppm),
                silent=switched.silent or falls(weather.lost_answer_ppm),
                gone=switched.gone or falls(weather.gone_ppm),
                late=switched.late or falls(weather.late_ppm),
                locked=switched.locked or falls(weather.locked_ppm),
                busy=switched.busy or falls(weather.busy_ppm),
                crowded=switched.crowded or falls(weather.crowded_ppm),
                stranding=switched.stranding,
            ),
            lost_request=falls(weather.lost_request_ppm),
            late_s=dice.uniform(0.1, 1) * weather.late_s_max,
            latency_s=dice.uniform(0, weather.latency_s_max),
        )

    def _switched(self, path: str) -> Faults:
        for at, (suffix, faults) in enumerate(self._next):
            if path.endswith(suffix):
                del self._next[at]
                return faults
        return self.switchboard.faults()
