"""Do payments keep their promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

import pytest

from nostro.simulation.payments_world import PAYMENTS, run_payments_seed
from tests.simulation.planted_payments import PLANTS, RARE
from tests.simulation.sweeps import (
    check_found,
    check_the_same_in_every_process,
    parcel_of,
    sound_runs,
)

PARCELS = 8
PARCEL_SEEDS = 50
FAST_SEEDS = 16
FOUND_WITHIN_SEEDS = 20
RARE_WITHIN_SEEDS = 400


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_a_thousand_harsh_seeds_break_no_promise(parcel: int) -> None:
    assert sound_runs(parcel_of(parcel, PARCEL_SEEDS), story=PAYMENTS)


def test_harsh_weather_is_harsh_and_breaks_no_promise() -> None:
    runs = sound_runs(range(1, 1 + FAST_SEEDS), story=PAYMENTS)
    assert sum(run.crashes for run in runs) >= 20
    assert sum(run.takeovers for run in runs) >= 20
    assert sum(run.snapshots for run in runs) >= 50
    assert sum(run.member_restarts for run in runs) >= 100
    assert sum(run.liars for run in runs) >= 8
    assert sum(run.replayed for run in runs) > 300
    for many in ("settled", "failed", "reversed", "deferred", "certificates", "movements"):
        assert sum(getattr(run, many) for run in runs) >= 30, many


def test_mild_weather_breaks_no_promise() -> None:
    assert sound_runs(range(1, 6), "mild", story=PAYMENTS)


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    check_the_same_in_every_process((11, 12), story=PAYMENTS)


@pytest.mark.parametrize("what", sorted(PLANTS.keys() - RARE))
def test_a_planted_bug_is_found(what: str) -> None:
    _check_found(what, FOUND_WITHIN_SEEDS)


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("what", sorted(RARE))
def test_a_planted_bug_that_needs_a_coincidence_is_found_in_the_end(what: str) -> None:
    _check_found(what, RARE_WITHIN_SEEDS)


def _check_found(what: str, seeds: int) -> None:
    plant = PLANTS[what]
    check_found(
        plant.found,
        within_seeds=seeds,
        broken=lambda seed: run_payments_seed(seed, "harsh", plant.parts),
        whole=lambda seed: run_payments_seed(seed, "harsh"),
    )
