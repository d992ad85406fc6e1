"""What can go wrong between the platform and the world, and how often does it?

A `Weather` is a set of probabilities, a `Sky` draws from it. Every chance of a run is drawn from
generators that its seed fixes.
"""

from __future__ import annotations

import asyncio
from random import Random

import msgspec

from nostro.adapters.rails.simulator import (
    FAIR,
    HARSH as HARSH_RAIL,
    MILD as MILD_RAIL,
    RailWeather,
)


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """How bad it gets. Chances are between 0 and 1, times are virtual seconds.

    Messages travel between clients and engine, and between performers and the rail. `late`: it
    arrives long after its sender gave up, and so behind messages sent later. Writes are appends to
    the journal: `failed` tells so; of the other three the writer learns nothing, and `late` is
    written after that unless another writer has opened the chain by then.
    """

    name: str
    storm_s: float = 60.0
    """How long it lasts; then it clears up for good."""
    message_mean_s: float = 0.01
    message_lost: float = 0.0
    message_twice: float = 0.0
    message_late: float = 0.0
    late_max_s: float = 20.0
    disk_mean_s: float = 0.002
    write_failed: float = 0.0
    write_lost: float = 0.0
    write_unheard: float = 0.0
    write_late: float = 0.0
    read_failed: float = 0.0
    crash_steps_mean: int = 0
    """Callbacks that a platform process lives through on average before it is killed; 0: for
    ever."""
    restart_mean_s: float = 0.5
    standby_mean_s: float = 0.0
    """How often a second process takes over while the first still runs; 0: never."""
    snapshot_mean_s: float = 15.0
    clock_skew_s: float = 0.0
    """How far the clock of a process is from the true time at most, either way."""
    rail: RailWeather = FAIR
    """What the payout rail does (in parts per million, as it counts)."""


CALM = Weather(name="calm")

MILD = Weather(
    name="mild",
    message_lost=0.01,
    message_twice=0.01,
    message_late=0.005,
    write_failed=0.002,
    write_unheard=0.002,
    read_failed=0.002,
    crash_steps_mean=20_000,
    standby_mean_s=120.0,
    clock_skew_s=0.05,
    rail=MILD_RAIL,
)

HARSH = Weather(
    name="harsh",
    message_lost=0.08,
    message_twice=0.08,
    message_late=0.05,
    write_failed=0.012,
    write_lost=0.012,
    write_unheard=0.018,
    write_late=0.012,
    read_failed=0.012,
    crash_steps_mean=2_000,
    standby_mean_s=25.0,
    snapshot_mean_s=7.0,
    clock_skew_s=5.0,
    rail=HARSH_RAIL,
)

WEATHERS = {weather.name: weather for weather in (MILD, HARSH)}


class Sky:
    """The weather as it is now; `clear` ends the storm."""

    def __init__(self, weather: Weather, seed: str) -> None:
        self.weather = weather
        self._random = Random(seed)

    def clear(self) -> None:
        """End the storm: from here on nothing is lost and nobody dies. Which payouts the rail
        refuses, and when it settles them, stays as it was."""
        before = self.weather.rail
        self.weather = msgspec.structs.replace(
            CALM,
            rail=RailWeather(
                refused_ppm=before.refused_ppm,
                failed_ppm=before.failed_ppm,
                settle_s_max=before.settle_s_max,
            ),
        )

    def chance(self, probability: float) -> bool:
        """Tell whether it happens this time."""
        return probability > 0 and self._random.random() < probability

    def about(self, mean: float) -> float:
        """Return a time (or a count) of this mean, exponentially distributed."""
        return self._random.expovariate(1.0 / mean)

    def between(self, low: float, high: float) -> float:
        """Return a time between two times."""
        return self._random.uniform(low, high)

    def travel_s(self) -> float:
        """Return how long a message is under way."""
        if self.chance(self.weather.message_late):
            return self.between(0.0, self.weather.late_max_s)
        return self.about(self.weather.message_mean_s)

    async def disk(self) -> None:
        """Wait as long as the disk takes."""
        await asyncio.sleep(self.about(self.weather.disk_mean_s))
