"""Do payments keep their promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from nostro.simulation.payments_world import PAYMENTS, run_payments_seed
from nostro.simulation.runs import replay_command, run_seeds
from tests.simulation.planted_payments import PLANTS, RARE

PARCELS = 8
PARCEL_SEEDS = 50
FAST_SEEDS = 16
FOUND_WITHIN_SEEDS = 20
RARE_WITHIN_SEEDS = 400


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_a_thousand_harsh_seeds_break_no_promise(parcel: int) -> None:
    first = 1 + parcel * PARCEL_SEEDS
    seeds = range(first, first + PARCEL_SEEDS)
    for run in run_seeds(seeds, "harsh", jobs=1, story=PAYMENTS):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_harsh_weather_is_harsh_and_breaks_no_promise() -> None:
    runs = list(run_seeds(range(1, 1 + FAST_SEEDS), "harsh", jobs=1, story=PAYMENTS))
    for run in runs:
        assert not run.violation, f"{replay_command(run)}: {run.violation}"
    assert sum(run.crashes for run in runs) >= 20
    assert sum(run.takeovers for run in runs) >= 20
    assert sum(run.snapshots for run in runs) >= 50
    assert sum(run.member_restarts for run in runs) >= 100
    assert sum(run.liars for run in runs) >= 8
    assert sum(run.replayed for run in runs) > 300
    for many in ("settled", "failed", "reversed", "deferred", "certificates", "movements"):
        assert sum(getattr(run, many) for run in runs) >= 30, many


def test_mild_weather_breaks_no_promise() -> None:
    for run in run_seeds(range(1, 6), "mild", jobs=1, story=PAYMENTS):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    here = [run.fingerprint for run in run_seeds((11, 12), "harsh", jobs=1, story=PAYMENTS)]
    told = (
        "import json\n"
        "from nostro.simulation.runs import run_seeds\n"
        "runs = run_seeds((11, 12), 'harsh', jobs=1, story='payments')\n"
        "print(json.dumps([run.fingerprint for run in runs]))\n"
    )
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", told],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        )
        assert json.loads(there.stdout) == here
    assert here[0] != here[1]


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
    told: list[str] = []
    for seed in range(1, seeds + 1):
        run = run_payments_seed(seed, "harsh", plant.parts)
        if re.search(plant.found, run.violation):
            assert run_payments_seed(seed, "harsh", plant.parts) == run
            assert not run_payments_seed(seed, "harsh").violation
            return
        if run.violation:
            told.append(run.violation)
    pytest.fail(f"{what}: not found within {seeds} seeds; the auditor said {told}")
