"""Does the platform keep its promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from nostro.simulation.runs import replay_command, run_seeds
from nostro.simulation.world import run_seed
from tests.simulation.planted import PLANTS

PARCELS = 20
PARCEL_SEEDS = 50
FOUND_WITHIN_SEEDS = 20


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_a_thousand_harsh_seeds_break_no_promise(parcel: int) -> None:
    first = 1 + parcel * PARCEL_SEEDS
    for run in run_seeds(range(first, first + PARCEL_SEEDS), "harsh", jobs=1):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_mild_weather_breaks_no_promise() -> None:
    for run in run_seeds(range(1, 6), "mild", jobs=1):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_harsh_weather_is_harsh() -> None:
    runs = list(run_seeds(range(1, 11), "harsh", jobs=1))
    assert sum(run.crashes for run in runs) >= 10
    assert sum(run.takeovers for run in runs) >= 10
    assert sum(run.snapshots for run in runs) >= 20
    assert sum(run.payouts for run in runs) >= 20
    assert sum(run.replayed for run in runs) > 500
    assert sum(run.keys_reused for run in runs) > 100
    assert min(run.rows for run in runs) > 200


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    here = [run.fingerprint for run in run_seeds((11, 12), "harsh", jobs=1)]
    told = (
        "import json\n"
        "from nostro.simulation.runs import run_seeds\n"
        "runs = run_seeds((11, 12), 'harsh', jobs=1)\n"
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


def test_a_seed_comes_to_the_same_alone_and_among_others() -> None:
    alone = run_seed(13, "harsh")
    among = list(run_seeds(range(12, 15), "harsh", jobs=2))
    assert among[1] == alone


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_bug_is_found(what: str) -> None:
    plant = PLANTS[what]
    told: list[str] = []
    for seed in range(1, FOUND_WITHIN_SEEDS + 1):
        run = run_seed(seed, "harsh", plant.parts)
        if re.search(plant.found, run.violation):
            assert run_seed(seed, "harsh", plant.parts) == run
            assert not run_seed(seed, "harsh").violation
            return
        told.append(run.violation)
    pytest.fail(f"{what}: not found within {FOUND_WITHIN_SEEDS} seeds; the auditor said {told}")
