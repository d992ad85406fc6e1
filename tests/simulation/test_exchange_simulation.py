"""Does the exchange keep its promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.simulation.exchange_world import EXCHANGE, run_exchange_seed
from tests.simulation.planted_exchange import PLANTS, SMALL_ROWS, planted
from tests.simulation.sweeps import (
    check_found,
    check_the_same_in_every_process,
    parcel_of,
    sound_runs,
)

PARCELS = 8
PARCEL_SEEDS = 50
FAST_SEEDS = 12
FOUND_WITHIN_SEEDS = 20


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_hundreds_of_harsh_seeds_break_no_promise(parcel: int) -> None:
    assert sound_runs(parcel_of(parcel, PARCEL_SEEDS), story=EXCHANGE)


def test_harsh_weather_is_harsh_and_breaks_no_promise() -> None:
    runs = sound_runs(range(1, 1 + FAST_SEEDS), story=EXCHANGE)
    assert sum(run.crashes for run in runs) >= 10
    assert sum(run.takeovers for run in runs) >= 10
    assert sum(run.snapshots for run in runs) >= 50
    assert sum(run.replayed for run in runs) > 500
    assert sum(run.suspensions for run in runs) >= 10
    for many in ("orders", "filled", "trades", "routes"):
        assert sum(getattr(run, many) for run in runs) >= 300, many


def test_mild_weather_breaks_no_promise() -> None:
    assert sound_runs(range(1, 6), "mild", story=EXCHANGE)


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    check_the_same_in_every_process((11, 12), story=EXCHANGE)


def test_what_is_too_much_for_one_row_ends_with_it_or_by_the_clock() -> None:
    for seed in range(1, 1 + FAST_SEEDS):
        with planted(SMALL_ROWS) as parts:
            run = run_exchange_seed(seed, "harsh", parts)
        assert not run.violation, f"seed {seed}: {run.violation}"


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_bug_is_found(what: str) -> None:
    plant = PLANTS[what]

    def broken(seed: int) -> Any:
        with planted(plant) as parts:
            return run_exchange_seed(seed, "harsh", parts)

    check_found(
        plant.found,
        within_seeds=FOUND_WITHIN_SEEDS,
        broken=broken,
        whole=lambda seed: run_exchange_seed(seed, "harsh"),
    )
