"""What does `nostro simulate` tell, and with which status does it end?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from nostro.cli import main, simulate
from nostro.cli.exits import Exit
from nostro.simulation.runs import quiet
from nostro.simulation.world import Run, run_seed
from tests.simulation.planted import PLANTS


def called(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *words])
    return int(ended.value.code or 0)


@pytest.mark.slow
def test_sound_seeds_end_well_and_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seeds", "1..2", "--jobs", "1", "-o", "json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["failed"], told["weather"]) == (8, 0, "harsh")
    assert told["commands"] > 400
    assert told["payouts"] > 0
    assert told["settled"] > 0
    assert told["trades"] > 0
    assert told["settlements"] > 100
    assert "failures" not in told


def test_a_broken_promise_is_told_with_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = PLANTS["another content gets the first reply"]

    def run_planted(seeds: Sequence[int], weather: str, *, jobs: int, story: str) -> Iterator[Run]:
        with quiet():
            yield from (run_seed(seed, weather, plant.parts) for seed in seeds)

    monkeypatch.setattr(simulate, "run_seeds", run_planted)
    assert called("--story", "ledger", "--seeds", "1..1", "-o", "json") == Exit.CHECK_FAILED
    told = capsys.readouterr()
    failure = json.loads(told.out)["failures"][0]
    assert failure["replay"] == "nostro simulate --story ledger --seeds 1..1 --weather harsh"
    assert "is another command" in failure["violation"]
    assert "1 of 1 seeds broke a promise" in told.err
    assert failure["replay"] in told.err


@pytest.mark.parametrize("seeds", ["9..3", "a..b", "1..", "1..9999999", "-1"])
def test_a_range_that_is_none_is_refused(seeds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(f"--seeds={seeds}") == Exit.USAGE
    assert "1..1000" in capsys.readouterr().err
