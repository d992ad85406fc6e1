"""Do honest members agree when the log delays, hides, reorders and lies, and up to f members with
it; and do they all get on once that has stopped?"""

from __future__ import annotations

import pytest

from tests.rooms.consensus import keys
from tests.rooms.consensus.liars import DoubleDealer, Liar, Mute
from tests.rooms.consensus.town import Town

CALM_AT_MS = 20_000
PATIENCE_MS = 600_000
"""Virtual time after the calm within which everything must be settled: rounds have grown long by
then, but not for ever."""

FEW = {4: range(25), 5: range(10), 7: range(8)}
MANY = {4: range(25, 325), 5: range(10, 110), 7: range(8, 68)}


def live(size: int, seed: int) -> Town:
    """Let a town live through bad weather and come to rest."""
    liars = (size - 1) // 3
    town = Town(
        size,
        seed=seed,
        liars=liars if seed % 4 else 0,
        liar=(Mute, Liar, DoubleDealer)[seed % 3],
        calm_at=CALM_AT_MS,
        crash_ppm=30_000 if seed % 2 else 0,
    )
    for number in range(1, 4):
        town.request(keys.body(number))
    if seed % 5 == 0:
        town.request(keys.wrong_body(9))
    return town


def check(size: int, seed: int) -> None:
    town = live(size, seed)
    assert town.run(until_ms=CALM_AT_MS + PATIENCE_MS, done=town.all_settled), (
        f"size {size}, seed {seed}: stuck"
    )
    town.check()
    assert not town.halted
    wrong = 1 if seed % 5 == 0 else 0
    assert len(town.barred) == wrong
    assert len(town.certified) == 3


@pytest.mark.parametrize("size", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_no_fork_and_no_standstill_in_bad_weather(size: int) -> None:
    for seed in FEW[size]:
        check(size, seed)


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 5, 7])
def test_no_fork_and_no_standstill_in_thousands_of_bad_days(size: int) -> None:
    for seed in MANY[size]:
        check(size, seed)
