"""Does settlement across ledgers keep its promises in bad weather, and would a bug be seen?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from nostro.simulation.dvp_world import SETTLEMENT, run_settlement_seed
from nostro.simulation.runs import replay_command, run_seeds
from tests.simulation.planted_dvp import PLANTS, planted

PARCELS = 8
PARCEL_SEEDS = 40
FAST_SEEDS = 10
FOUND_WITHIN_SEEDS = 20


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_hundreds_of_harsh_seeds_break_no_promise(parcel: int) -> None:
    first = 1 + parcel * PARCEL_SEEDS
    seeds = range(first, first + PARCEL_SEEDS)
    for run in run_seeds(seeds, "harsh", jobs=1, story=SETTLEMENT):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_harsh_weather_is_harsh_and_breaks_no_promise() -> None:
    runs = list(run_seeds(range(1, 1 + FAST_SEEDS), "harsh", jobs=1, story=SETTLEMENT))
    for run in runs:
        assert not run.violation, f"{replay_command(run)}: {run.violation}"
    assert sum(run.crashes for run in runs) >= 30
    assert sum(run.takeovers for run in runs) >= 30
    assert sum(run.restored for run in runs) >= 2
    assert sum(run.quarantines for run in runs) >= 2
    assert sum(run.partials for run in runs) >= 30
    assert sum(run.deferred for run in runs) >= 100
    for many in ("settled", "failed", "rounds"):
        assert sum(getattr(run, many) for run in runs) >= 150, many


def test_mild_weather_breaks_no_promise() -> None:
    for run in run_seeds(range(1, 6), "mild", jobs=1, story=SETTLEMENT):
        assert not run.violation, f"{replay_command(run)}: {run.violation}"


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
    (run,) = run_seeds((seed,), weather, jobs=1, story=SETTLEMENT)
    assert not run.violation, f"{replay_command(run)}: {run.violation}"


def test_the_same_seed_gives_the_same_run_in_every_process() -> None:
    here = [run.fingerprint for run in run_seeds((5, 11), "harsh", jobs=1, story=SETTLEMENT)]
    told = (
        "import json\n"
        "from nostro.simulation.runs import run_seeds\n"
        "runs = run_seeds((5, 11), 'harsh', jobs=1, story='settlement')\n"
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


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_bug_is_found(what: str) -> None:
    plant = PLANTS[what]
    told: list[str] = []
    for seed in range(1, FOUND_WITHIN_SEEDS + 1):
        with planted(plant) as parts:
            run = run_settlement_seed(seed, "harsh", parts)
        if re.search(plant.found, run.violation):
            with planted(plant) as parts:
                assert run_settlement_seed(seed, "harsh", parts) == run
            assert not run_settlement_seed(seed, "harsh").violation
            return
        if run.violation:
            told.append(run.violation)
    pytest.fail(f"{what}: not found within {FOUND_WITHIN_SEEDS} seeds; the auditor said {told}")
