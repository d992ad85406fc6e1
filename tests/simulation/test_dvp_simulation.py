"""Does settlement across ledgers keep its promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.simulation.dvp_world import SETTLEMENT, run_settlement_seed
from tests.simulation.planted_dvp import PLANTS, planted
from tests.simulation.sweeps import (
    check_found,
    check_the_same_in_every_process,
    parcel_of,
    sound_runs,
)

PARCELS = 8
PARCEL_SEEDS = 40
FAST_SEEDS = 10
FOUND_WITHIN_SEEDS = 20


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_hundreds_of_harsh_seeds_break_no_promise(parcel: int) -> None:
    assert sound_runs(parcel_of(parcel, PARCEL_SEEDS), story=SETTLEMENT)


def test_harsh_weather_is_harsh_and_breaks_no_promise() -> None:
    runs = sound_runs(range(1, 1 + FAST_SEEDS), story=SETTLEMENT)
    assert sum(run.crashes for run in runs) >= 30
    assert sum(run.takeovers for run in runs) >= 30
    assert sum(run.restored for run in runs) >= 2
    assert sum(run.quarantines for run in runs) >= 2
    assert sum(run.partials for run in runs) >= 30
    assert sum(run.deferred for run in runs) >= 100
    for many in ("settled", "failed", "rounds"):
        assert sum(getattr(run, many) for run in runs) >= 150, many


def test_mild_weather_breaks_no_promise() -> None:
    assert sound_runs(range(1, 6), "mild", story=SETTLEMENT)


SEEDS_THAT_FOUND_SOMETHING = [
    # A part was begun while the bank was closed.
    (3, "mild"),
    # An answer of a restored domain was believed, and money spent twice.
    (57, "mild"),
    # A hold under way reached a restored domain, and took what an executed round needed.
    (11, "mild"),
    # A domain was restored while nobody asked it anything.
    (20, "mild"),
    # A process that had been overtaken told an old height, and its domain was quarantined.
    (2, "harsh"),
    # A coordinator that had been overtaken missed what the next one had let go, and, once it served
    # again, had the domain quarantined.
    (96, "harsh"),
]


@pytest.mark.parametrize(("seed", "weather"), SEEDS_THAT_FOUND_SOMETHING)
def test_what_was_found_once_stays_mended(seed: int, weather: str) -> None:
    assert sound_runs((seed,), weather, story=SETTLEMENT)


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    check_the_same_in_every_process((5, 11), story=SETTLEMENT)


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_bug_is_found(what: str) -> None:
    plant = PLANTS[what]

    def broken(seed: int) -> Any:
        with planted(plant) as parts:
            return run_settlement_seed(seed, "harsh", parts)

    check_found(
        plant.found,
        within_seeds=FOUND_WITHIN_SEEDS,
        broken=broken,
        whole=lambda seed: run_settlement_seed(seed, "harsh"),
    )
