"""Does the exchange keep its promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from nostro.simulation.exchange_world import EXCHANGE, run_exchange_seed
from nostro.simulation.runs import replay_command, run_seeds
from tests.simulation.planted_exchange import PLANTS, SMALL_ROWS, planted

PARCELS = 8
PARCEL_SEEDS = 50
FAST_SEEDS = 12
FOUND_WITHIN_SEEDS = 20


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_hundreds_of_harsh_seeds_break_no_promise(parcel: int) -> None:
    first = 1 + parcel * PARCEL_SEEDS
    seeds = range(first, first + PARCEL_SEEDS)
    for run in run_seeds(seeds, "harsh", jobs=1, story=EXCHANGE):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_harsh_weather_is_harsh_and_breaks_no_promise() -> None:
    runs = list(run_seeds(range(1, 1 + FAST_SEEDS), "harsh", jobs=1, story=EXCHANGE))
    for run in runs:
        assert not run.violation, f"{replay_command(run)}: {run.violation}"
    assert sum(run.crashes for run in runs) >= 10
    assert sum(run.takeovers for run in runs) >= 10
    assert sum(run.snapshots for run in runs) >= 50
    assert sum(run.replayed for run in runs) > 500
    assert sum(run.suspensions for run in runs) >= 10
    for many in ("orders", "filled", "trades", "routes"):
        assert sum(getattr(run, many) for run in runs) >= 300, many


def test_mild_weather_breaks_no_promise() -> None:
    for run in run_seeds(range(1, 6), "mild", jobs=1, story=EXCHANGE):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    here = [run.fingerprint for run in run_seeds((11, 12), "harsh", jobs=1, story=EXCHANGE)]
    told = (
        "import json\n"
        "from nostro.simulation.runs import run_seeds\n"
        "runs = run_seeds((11, 12), 'harsh', jobs=1, story='exchange')\n"
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


def test_what_is_too_much_for_one_row_ends_with_it_or_by_the_clock() -> None:
    for seed in range(1, 1 + FAST_SEEDS):
        with planted(SMALL_ROWS) as parts:
            run = run_exchange_seed(seed, "harsh", parts)
        assert not run.violation, f"seed {seed}: {run.violation}"


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_bug_is_found(what: str) -> None:
    plant = PLANTS[what]
    told: list[str] = []
    for seed in range(1, FOUND_WITHIN_SEEDS + 1):
        with planted(plant) as parts:
            run = run_exchange_seed(seed, "harsh", parts)
        if re.search(plant.found, run.violation):
            with planted(plant) as parts:
                assert run_exchange_seed(seed, "harsh", parts) == run
            assert not run_exchange_seed(seed, "harsh").violation
            return
        if run.violation:
            told.append(run.violation)
    pytest.fail(f"{what}: not found within {FOUND_WITHIN_SEEDS} seeds; the auditor said {told}")
