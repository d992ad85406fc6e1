"""Do the voting rules of the members never fork and never stand still, and is each of them needed?

Every state of a model is visited (see model.py); the rules with something left out must fail.
"""

from __future__ import annotations

import pytest

from tests.rooms.consensus.model import NIL, Rules, check_one_phase, check_two_phases


def test_two_phases_with_the_lock_never_fork_and_never_stand_still() -> None:
    verdict = check_two_phases(Rules(members=4, liars=1, quorum=3, rounds=2, locks=True))
    assert verdict.states > 3_000
    assert (verdict.forks, verdict.stuck) == (0, 0)


def test_two_phases_without_the_lock_fork() -> None:
    verdict = check_two_phases(Rules(members=4, liars=1, quorum=3, rounds=2, locks=False))
    assert verdict.forks > 0


def test_one_vote_with_a_free_move_to_the_next_round_forks_and_stands_still() -> None:
    rules = Rules(members=4, liars=1, quorum=3, rounds=2, locks=False)
    verdict = check_one_phase(rules, moves_on=lambda _state, _round: True)
    assert verdict.forks > 0
    assert verdict.stuck > 0


def test_one_vote_with_a_kill_certificate_does_not_fork_but_stands_still() -> None:
    rules = Rules(members=4, liars=1, quorum=3, rounds=3, locks=False)
    verdict = check_one_phase(
        rules,
        moves_on=lambda state, round_: rules.enough(sum(member[round_] == NIL for member in state)),
    )
    assert verdict.forks == 0
    assert verdict.stuck > 0


def test_a_quorum_of_2f_plus_1_forks_among_five() -> None:
    verdict = check_two_phases(Rules(members=5, liars=1, quorum=3, rounds=1, locks=True))
    assert verdict.forks > 0


def test_our_quorum_does_not_fork_among_five_in_one_round() -> None:
    verdict = check_two_phases(Rules(members=5, liars=1, quorum=4, rounds=1, locks=True))
    assert (verdict.forks, verdict.stuck) == (0, 0)


def test_more_than_f_liars_do_fork() -> None:
    verdict = check_two_phases(Rules(members=4, liars=2, quorum=3, rounds=1, locks=True))
    assert verdict.forks > 0


@pytest.mark.slow
def test_two_phases_with_the_lock_never_fork_among_five() -> None:
    verdict = check_two_phases(Rules(members=5, liars=1, quorum=4, rounds=2, locks=True))
    assert (verdict.forks, verdict.stuck) == (0, 0)
