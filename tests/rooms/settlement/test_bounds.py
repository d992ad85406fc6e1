"""Does what a party may do stay within bounds: what waits, what failed, what one row holds?"""

from __future__ import annotations

import msgspec
import pytest

from nostro.settlement import (
    DAY_US,
    SECOND_US,
    CancelSettlement,
    DomainState,
    Party,
    Reason,
    RetrySettlement,
    SetDomainState,
    SettlementsFailed,
    SettlementsLapsed,
)
from nostro.settlement.days import ENDED_PER_TICK_MAX, ROUNDS_PER_TICK_MAX
from nostro.settlement.events import RoundsDecided, RoundsStarted
from nostro.settlement.numbers import Numbers
from tests.rooms.settlement.play import (
    POLICY,
    START_US,
    Play,
    apart,
    kinds,
    new,
    of,
    refusing,
    side,
)

SHORT = msgspec.structs.replace(POLICY, unmatched_days_max=2, failed_days_max=3, recycles_max=0)


@pytest.fixture
def play() -> Play:
    return Play(SHORT)


def days(count: int) -> int:
    """Return the time so many days after the start."""
    return START_US + count * DAY_US


# -- what nobody matched ---------------------------------------------------------------------------


def test_what_nobody_matches_is_cancelled_after_some_days(play: Play) -> None:
    play.when(side(Party.SELLER))
    assert not of(play.tick_until(days(2)), SettlementsFailed)
    (failed,) = of(play.tick_until(days(3)), SettlementsFailed)
    assert [(each.reason, each.code) for each in failed.settlements] == [
        (Reason.CANCELLED, "unmatched")
    ]
    assert play.status() == "FAILED"
    assert not play.state.settlements
    assert not len(play.state.unmatched)
    play.check()


def test_days_of_waiting_count_from_the_settlement_day(play: Play) -> None:
    play.when(side(Party.SELLER, settlement_date="2026-11-22"))
    play.tick_until(days(6))
    assert play.status() == "PENDING"
    play.tick_until(days(7))
    assert play.status() == "FAILED"


def test_an_instruction_for_a_day_long_past_waits_as_long_as_any(play: Play) -> None:
    play.when(side(Party.SELLER, trade_date="2026-11-02", settlement_date="2026-11-04"))
    play.tick_until(days(2))
    assert play.status() == "PENDING"


def test_a_match_ends_the_waiting(play: Play) -> None:
    play.when(side(Party.SELLER, held=True))
    play.when(side(Party.BUYER))
    play.tick_until(days(9))
    assert play.status() == "PENDING"


def test_a_party_has_a_bounded_number_of_instructions_waiting() -> None:
    play = Play(msgspec.structs.replace(POLICY, unmatched_max=2))
    play.when(side(Party.SELLER, "r1"))
    play.when(side(Party.SELLER, "r2"))
    no = play.refused(side(Party.SELLER, "r3"))
    assert (no.code, no.facts["unmatched_max"]) == ("settlement.too_many_unmatched", 2)
    play.when(side(Party.SELLER, "r1"))
    assert play.body["exists"]
    play.when(side(Party.BUYER))
    assert play.body["matched"]
    play.when(CancelSettlement(settlement=2, side=Party.SELLER))
    play.when(side(Party.SELLER, "r4"))
    play.check()


def test_more_than_a_row_holds_is_cancelled_by_several_ticks(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nostro.settlement.days.ENDED_PER_TICK_MAX", 3)
    for number in range(8):
        play.when(side(Party.SELLER, f"r{number}"))
    rows = of(play.tick_until(days(3)), SettlementsFailed)
    assert [len(each.settlements) for each in rows] == [3, 3, 2]
    assert ENDED_PER_TICK_MAX > 3
    play.check()


# -- what failed -----------------------------------------------------------------------------------


def failed_play() -> Play:
    play = Play(SHORT, ledger=refusing)
    play.instructed(new())
    play.tick_until(START_US + 3_600 * SECOND_US)
    assert play.status() == "FAILED"
    return play


def test_what_failed_may_be_retried_for_some_days_and_then_no_more() -> None:
    play = failed_play()
    play.tick_until(days(3))
    play.when(RetrySettlement(settlement=1, reason="now"))
    play.tick_until(days(3) + 3_600 * SECOND_US)
    assert play.status() == "FAILED"
    assert not of(play.tick_until(days(6)), SettlementsLapsed)
    assert of(play.tick_until(days(7)), SettlementsLapsed)
    no = play.refused(RetrySettlement(settlement=1, reason="at last"))
    assert no.code == "settlement.ended"
    assert not play.state.settlements
    play.check()


def test_what_lapsed_is_told_as_failed_when_it_is_instructed_again() -> None:
    play = failed_play()
    play.tick_until(days(9))
    play.reload().settle()
    play.instructed(new())
    assert [(each["status"], each["exists"]) for each in play.body["results"]] == [("FAILED", True)]


def test_what_was_set_aside_never_lapses() -> None:
    play = Play(SHORT, ledger=refusing)
    play.instructed(new("match:1", prefunded=True))
    play.tick_until(days(30))
    assert play.status() == "FAILED"
    play.when(RetrySettlement(settlement=1, reason="thawed"))


def test_cancelled_ones_are_never_taken_for_settled_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nostro.settlement.state.CANCELLED_REMEMBERED_MAX", 1)
    play = Play()
    for number in range(3):
        play.when(side(Party.SELLER, f"r{number}"))
        play.when(CancelSettlement(settlement=number + 1, side=Party.SELLER))
    play.reload()
    assert [play.status(number) for number in (1, 2, 3)] == ["FAILED"] * 3
    play.check()


def test_numbers_know_what_they_were_told() -> None:
    numbers = Numbers()
    assert 7 not in numbers
    for number in (0, 7, 8, 1_000_003):
        numbers.add(number)
    again = Numbers(numbers.told)
    assert [number for number in range(1_000_100) if number in again] == [0, 7, 8, 1_000_003]


# -- days that a party could use up ----------------------------------------------------------------


def test_retries_of_one_day_use_up_one_cycle() -> None:
    play = Play(ledger=refusing)
    play.instructed(new())
    for minute in range(30):
        play.tick_until(START_US + (minute + 1) * 600 * SECOND_US)
        play.when(RetrySettlement(settlement=1, reason="again"))
    play.tick_until(START_US + 6 * 3_600 * SECOND_US)
    assert play.status() == "PENDING"
    assert play.state.bundles[1].recycled == 1
    assert not play.state.bundles[1].part_next
    play.check()


def test_every_day_of_failing_still_counts() -> None:
    play = Play(msgspec.structs.replace(POLICY, recycles_max=3), ledger=refusing)
    play.instructed(new())
    for day in range(4):
        assert play.status() != "FAILED", day
        play.tick_until(days(day) + 3_600 * SECOND_US)
        if day < 3:
            play.when(RetrySettlement(settlement=1, reason="again"))
            play.tick_until(days(day) + 2 * 3_600 * SECOND_US)
    assert play.status() == "FAILED"
    play.check()


# -- what one row holds ----------------------------------------------------------------------------


def many_apart(count: int) -> Play:
    play = Play()
    for start in range(0, count, 500):
        play.instructed(*(apart(f"t{n}") for n in range(start, min(start + 500, count))))
    return play


def test_a_quarantine_aborts_what_a_row_holds_and_ticks_the_rest() -> None:
    count = ROUNDS_PER_TICK_MAX + 500
    play = many_apart(count)
    row = play.when(SetDomainState(domain="bonds", state=DomainState.QUARANTINED))
    (decided,) = of(row, RoundsDecided)
    assert len(decided.rounds) == ROUNDS_PER_TICK_MAX
    play.check()
    (decided,) = of(play.tick(), RoundsDecided)
    assert len(decided.rounds) == 500
    assert {each.commit for each in decided.rounds} == {False}
    assert not any(r.decided == "not_yet" for _, r in play.state.open_rounds())
    play.check()


def test_no_round_is_decided_to_be_executed_that_a_quarantine_has_not_reached_yet() -> None:
    count = ROUNDS_PER_TICK_MAX + 1
    play = many_apart(count)
    play.told("bonds", "hold", bundle=count)
    play.when(SetDomainState(domain="bonds", state=DomainState.QUARANTINED))
    row = play.told("euros", "hold", bundle=count)
    (decided,) = of(row, RoundsDecided)
    assert [(each.bundle, each.commit, each.reason) for each in decided.rounds] == [
        (count, False, "domain_unavailable")
    ]
    play.check()


def test_a_quarantine_that_was_lifted_aborts_nothing_more() -> None:
    count = ROUNDS_PER_TICK_MAX + 1
    play = many_apart(count)
    play.when(SetDomainState(domain="bonds", state=DomainState.QUARANTINED))
    play.when(SetDomainState(domain="bonds", state=DomainState.OPEN))
    play.told("bonds", "hold", bundle=count)
    row = play.told("euros", "hold", bundle=count)
    assert "RoundsDecided" in kinds(row)
    assert of(row, RoundsDecided)[0].rounds[0].commit
    play.check()


def test_a_tick_begins_no_more_settlements_than_a_row_is_to_have() -> None:
    play = Play()
    tomorrow = {"settlement_date": "2026-11-19"}
    for bundle in range(12):
        linked = [apart(f"t{bundle}.{n}", **tomorrow) for n in range(100)]
        play.instructed(*linked, linked=True)
    rows = []
    for _ in range(3):
        rows += [
            sum(len(r.tranches) for r in each.rounds) for each in of(play.tick(), RoundsStarted)
        ]
    assert rows == [1_000, 200]
    play.check()
