"""How do the tests of all stories look at many seeds: sound, the same everywhere, a bug found?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from nostro.simulation.runs import replay_command, run_seeds


def parcel_of(number: int, size: int) -> range:
    """Return the seeds of a parcel, from 1 on."""
    first = 1 + number * size
    return range(first, first + size)


def sound_runs(seeds: Sequence[int], weather: str = "harsh", **story: str) -> list[Any]:
    """Return the runs of seeds, none of which broke a promise."""
    runs = list(run_seeds(seeds, weather, jobs=1, **story))
    for run in runs:
        assert not run.violation, f"{replay_command(run)}: {run.violation}"
    return runs


def check_the_same_in_every_process(seeds: tuple[int, int], **story: str) -> None:
    """Two seeds give two runs, each the same in processes that hash otherwise."""
    here = [run.fingerprint for run in run_seeds(seeds, "harsh", jobs=1, **story)]
    told = (
        "import json\n"
        "from nostro.simulation.runs import run_seeds\n"
        f"runs = run_seeds({seeds!r}, 'harsh', jobs=1, **{story!r})\n"
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


def check_found(
    pattern: str,
    *,
    within_seeds: int,
    broken: Callable[[int], Any],
    whole: Callable[[int], Any],
) -> None:
    """The auditor says `pattern` of some seed of the broken platform, the same twice, and nothing
    of that seed on the whole one."""
    told: list[str] = []
    for seed in range(1, within_seeds + 1):
        run = broken(seed)
        if re.search(pattern, run.violation):
            assert broken(seed) == run
            assert not whole(seed).violation
            return
        if run.violation:
            told.append(run.violation)
    pytest.fail(f"not found within {within_seeds} seeds; the auditor said {told}")
