"""The protocol holds in every state that there can be, and not without any one of its rules.

Each broken variant shows the fewest steps that lead to harm.
"""

from __future__ import annotations

import pytest

from tests.rooms.settlement.protocol_model import Rules, check


@pytest.mark.parametrize(("domains", "states"), [(1, 26), (2, 106), (3, 414), (4, 1_634)])
def test_both_legs_or_none_no_hold_forgotten_and_an_end_from_everywhere(
    domains: int, states: int
) -> None:
    verdict = check(Rules(domains))
    assert verdict.states == states
    assert (verdict.splits, verdict.orphans, verdict.stuck, verdict.unlasting) == (0, 0, 0, 0)
    assert verdict.shortest == ()


HELD_AT_BOTH = (
    *("order hold 0", "send hold 0", "hold 0 arrives", "note hold 0"),
    *("order hold 1", "send hold 1", "hold 1 arrives", "note hold 1"),
)


def test_a_hold_that_expires_by_itself_delivers_without_payment() -> None:
    verdict = check(Rules(expires=True))
    assert (verdict.states, verdict.splits) == (196, 8)
    assert verdict.shortest == (
        *HELD_AT_BOTH[:4],
        "hold 0 expires",
        *HELD_AT_BOTH[4:],
        *("commit", "send execute 1", "execute 1 arrives"),
    )


def test_a_decision_that_is_not_written_once_delivers_without_payment() -> None:
    verdict = check(Rules(written_once=False))
    assert (verdict.states, verdict.splits) == (250, 32)
    assert verdict.shortest == (
        *HELD_AT_BOTH,
        *("commit", "abort"),
        *("send execute 0", "execute 0 arrives"),
        *("send release 1", "release 1 arrives"),
    )


def test_a_release_that_leaves_no_tombstone_forgets_a_hold() -> None:
    verdict = check(Rules(tombstones=False))
    assert (verdict.states, verdict.splits, verdict.orphans) == (116, 0, 2)
    assert verdict.stuck > 0
    assert verdict.unlasting > 0
    assert verdict.shortest == (
        *("order hold 0", "abort", "send hold 0", "send release 0"),
        *("release 0 arrives", "hold 0 arrives", "note release 0"),
    )


def test_a_hold_that_is_asked_for_before_that_is_durable_is_forgotten() -> None:
    verdict = check(Rules(ordered_first=False))
    assert (verdict.states, verdict.splits, verdict.orphans) == (162, 0, 9)
    assert verdict.shortest == ("abort", "send hold 0", "hold 0 arrives")


def test_three_domains_are_harmed_as_two_are() -> None:
    assert check(Rules(3, expires=True)).splits
    assert check(Rules(3, written_once=False)).splits
    assert check(Rules(3, tombstones=False)).orphans
