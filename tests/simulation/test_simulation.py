"""Does the platform keep its promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

import pytest

from nostro.simulation.runs import run_seeds
from nostro.simulation.world import run_seed
from tests.simulation.planted import PLANTS
from tests.simulation.sweeps import (
    check_found,
    check_the_same_in_every_process,
    parcel_of,
    sound_runs,
)

PARCELS = 20
PARCEL_SEEDS = 50
FOUND_WITHIN_SEEDS = 20


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_a_thousand_harsh_seeds_break_no_promise(parcel: int) -> None:
    assert sound_runs(parcel_of(parcel, PARCEL_SEEDS))


def test_mild_weather_breaks_no_promise() -> None:
    assert sound_runs(range(1, 6), "mild")


def test_harsh_weather_is_harsh() -> None:
    runs = sound_runs(range(1, 11))
    assert sum(run.crashes for run in runs) >= 10
    assert sum(run.takeovers for run in runs) >= 10
    assert sum(run.snapshots for run in runs) >= 20
    assert sum(run.payouts for run in runs) >= 20
    assert sum(run.replayed for run in runs) > 500
    assert sum(run.keys_reused for run in runs) > 100
    assert min(run.rows for run in runs) > 200


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    check_the_same_in_every_process((11, 12))


def test_a_seed_comes_to_the_same_alone_and_among_others() -> None:
    alone = run_seed(13, "harsh")
    among = list(run_seeds(range(12, 15), "harsh", jobs=2))
    assert among[1] == alone


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_bug_is_found(what: str) -> None:
    plant = PLANTS[what]
    check_found(
        plant.found,
        within_seeds=FOUND_WITHIN_SEEDS,
        broken=lambda seed: run_seed(seed, "harsh", plant.parts),
        whole=lambda seed: run_seed(seed, "harsh"),
    )
