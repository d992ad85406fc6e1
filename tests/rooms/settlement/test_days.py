"""What time brings: rounds that begin, in lots; days that end, and what their fails cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from nostro.kernel.messages import Tick
from nostro.kernel.movement import Lacking
from nostro.settlement import (
    DAY_US,
    Cycle,
    DayClosed,
    HoldSettlement,
    Instrument,
    Party,
    PenaltiesAccrued,
    Penalty,
    PenaltyKind,
    ReleaseSettlement,
    RoundsRecycled,
    RoundsStarted,
    SetInstrument,
    SetPenaltyRate,
    days,
)
from tests.rooms.settlement.play import (
    PARTS,
    POLICY,
    START_US,
    Play,
    apart,
    kinds,
    lacks,
    new,
    of,
    refusing,
)

MIDNIGHT_US = START_US // DAY_US * DAY_US + DAY_US
BIG: dict[str, Any] = {"quantity_minor": 1_000_000, "amount_minor": 10_000_000}


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


def accrued(play: Play, until_us: int) -> list[tuple[int, str, str, int]]:
    """Return number, side and amount of all penalties up to a time, with the day counted from
    today."""
    today = play.policy.days.day_of(START_US)
    return [
        (each.day - today, str(each.settlement), str(each.failing), each.amount_minor)
        for event in of(play.tick_until(until_us), PenaltiesAccrued)
        for each in event.penalties
    ]


def test_a_tick_begins_a_thousand_rounds_at_most_and_the_next_goes_on(play: Play) -> None:
    for lot in range(3):
        many = [new(f"t{lot}.{number}", cycle=Cycle.T1) for number in range(500)]
        play.instructed(*many)
    play.now_us = MIDNIGHT_US
    begun = [
        sum(len(event.rounds) for event in of(play.when(Tick()), RoundsStarted)) for _ in range(2)
    ]
    assert begun == [1_000, 500]


def test_nothing_is_due_while_nothing_lives(play: Play) -> None:
    assert play.room.due(play.state) is None
    assert play.when(Tick()) == []
    play.instructed(new())
    assert play.room.due(play.state) is None


def test_a_day_is_closed_once_it_is_over(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T2))
    assert play.room.due(play.state) == MIDNIGHT_US
    play.now_us = MIDNIGHT_US - 1
    assert play.when(Tick()) == []
    assert kinds(play.tick()) == ["DayClosed"]
    assert play.room.due(play.state) == MIDNIGHT_US + DAY_US


def test_days_that_nobody_ticked_and_that_cost_nothing_are_closed_together(play: Play) -> None:
    play.instructed(apart())
    play.tick()
    play.now_us += 3 * DAY_US
    today = play.policy.days.day_of(START_US)
    assert [each.day for each in of(play.tick(), DayClosed)] == [today, today + 1, today + 2]
    assert play.room.due(play.state) == MIDNIGHT_US + 3 * DAY_US


def test_each_day_that_costs_something_has_a_tick_of_its_own(play: Play) -> None:
    play.instructed(new(held=(Party.SELLER,), **BIG))
    play.now_us += 3 * DAY_US
    ticks = [kinds(play.tick()) for _ in range(3)]
    assert ticks == [["PenaltiesAccrued", "DayClosed"]] * 3


def test_a_long_while_is_made_up_for_in_several_ticks(play: Play) -> None:
    play.instructed(apart())
    play.tick()
    play.now_us += 100 * DAY_US
    assert [len(of(play.tick(), DayClosed)) for _ in range(4)] == [31, 31, 31, 7]


def test_what_no_calendar_tells_of_is_put_off_from_day_to_day(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    play.instructed(new(security="SHARE", held=(Party.SELLER,)))
    play.now_us += 500 * DAY_US
    play.when(ReleaseSettlement(settlement=1, side=Party.SELLER))
    tomorrow_us = play.now_us // DAY_US * DAY_US + DAY_US
    assert play.state.bundles[1].starts_at_us == tomorrow_us
    play.now_us = tomorrow_us
    while (due := play.room.due(play.state)) is not None and due <= play.now_us:
        play.tick()
    assert play.state.bundles[1].starts_at_us == tomorrow_us + DAY_US


# -- penalties ------------------------------------------------------------------------------------


def test_who_holds_back_owes_for_each_day(play: Play) -> None:
    play.instructed(new(held=(Party.SELLER,), **BIG))
    assert accrued(play, MIDNIGHT_US + DAY_US) == [
        (0, "1", "seller", 500),
        (1, "1", "seller", 500),
    ]


def test_both_owe_when_both_hold_back(play: Play) -> None:
    play.instructed(new(held=(Party.SELLER, Party.BUYER), **BIG))
    assert [side for _, _, side, _ in accrued(play, MIDNIGHT_US)] == ["seller", "buyer"]


def test_who_lacks_securities_owes_by_the_class_of_the_instrument(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("GOLD", "main", 1, "", "liquid_shares")))
    play.ledger = refusing
    play.instructed(new(**BIG))
    assert accrued(play, MIDNIGHT_US) == [(0, "1", "seller", 1_000)]


def test_who_lacks_cash_owes_by_the_rate_of_the_cash(play: Play) -> None:
    play.when(SetPenaltyRate(penalty_class="cash:EUR", valid_from="2026-11-18", rate_ppm=7))
    play.instructed(apart(**BIG))
    play.told("bonds", "hold")
    for _ in range(3):
        play.told("euros", "hold", lacks(1, 1, Lacking("bob", "EUR", 0)))
        play.tick()
    play.told("euros", "hold", lacks(1, 1, Lacking("bob", "EUR", 0)))
    play.told("euros", "release")
    play.told("bonds", "release")
    assert accrued(play, MIDNIGHT_US) == [(0, "1", "buyer", 70)]


def test_nobody_owes_for_a_domain_that_was_away(play: Play) -> None:
    play.instructed(apart(**BIG))
    play.tick()
    play.told("bonds", "release")
    assert accrued(play, MIDNIGHT_US) == []


def test_nobody_owes_before_the_settlement_day_is_over(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1, held=(Party.SELLER,), **BIG))
    assert [day for day, *_ in accrued(play, MIDNIGHT_US + DAY_US)] == [1]


def test_nobody_owes_for_a_day_that_is_no_settlement_day(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    play.instructed(new(security="SHARE", held=(Party.SELLER,), **BIG))
    assert [day for day, *_ in accrued(play, MIDNIGHT_US + 6 * DAY_US)] == [0, 1, 2, 5, 6]


def test_nobody_owes_for_days_before_the_trade_was_known(play: Play) -> None:
    play.instructed(new("old", held=(Party.BUYER,)))
    play.now_us = MIDNIGHT_US + 5
    play.instructed(new(trade_date="2026-11-18", held=(Party.SELLER,), **BIG))
    assert [(day, who) for day, who, *_ in accrued(play, MIDNIGHT_US + DAY_US)] == [(1, "2")]


def test_what_is_decided_fails_no_more(play: Play) -> None:
    play.now_us = MIDNIGHT_US - 1
    play.instructed(apart(**BIG))
    play.held()
    assert accrued(play, MIDNIGHT_US + DAY_US) == []


def test_only_what_is_open_costs(play: Play) -> None:
    play.instructed(new(held=(Party.SELLER,), **BIG, **PARTS))
    play.when(ReleaseSettlement(settlement=1, side=Party.SELLER, quantity_minor=600_000))
    assert accrued(play, MIDNIGHT_US) == [(0, "1", "seller", 200)]


def test_of_a_bundle_only_those_owe_who_lack_something_themselves(play: Play) -> None:
    play.instructed(apart("a", **BIG), apart("b", seller="cy", buyer="dan", **BIG), linked=True)
    for _ in range(3):
        play.told("bonds", "hold", lacks(1, 1, Lacking("cy", "BOND", 0)))
        play.tick()
    play.told("bonds", "hold", lacks(1, 1, Lacking("cy", "BOND", 0)))
    play.told("bonds", "release")
    assert accrued(play, MIDNIGHT_US) == [(0, "2", "seller", 500)]


def test_many_penalties_are_told_in_lots(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "PENALTIES_PER_TICK_MAX", 4)
    play.instructed(*(new(f"t{number}", held=(Party.SELLER,), **BIG) for number in range(10)))
    play.now_us = MIDNIGHT_US
    lots = [kinds(play.when(Tick())) for _ in range(3)]
    assert lots == [["PenaltiesAccrued"], ["PenaltiesAccrued"], ["PenaltiesAccrued", "DayClosed"]]
    assert play.when(Tick()) == []
    assert all(each.penalty is PenaltyKind.SEFP for _, each in _all_penalties(play))
    assert sorted(number for number, _ in _all_penalties(play)) == list(range(1, 11))


def _all_penalties(play: Play) -> list[tuple[int, Penalty]]:
    rows = (play.codec.decode_events(payload) for _, payload in play.rows.values())
    return [
        (each.settlement, each)
        for row in rows
        for event in of(row, PenaltiesAccrued)
        for each in event.penalties
    ]


# -- windows --------------------------------------------------------------------------------------


def test_without_windows_what_lacks_waits_for_the_next_day() -> None:
    play = Play(msgspec.structs.replace(POLICY, partial_windows=()), ledger=refusing)
    play.instructed(new(**PARTS))
    play.tick(), play.tick()
    [recycled] = of(play.tick(), RoundsRecycled)
    assert (recycled.rounds[0].starts_at_us, recycled.rounds[0].recycled) == (MIDNIGHT_US, 1)
    play.check()


def test_each_window_of_a_day_tries_once_and_then_the_next_day(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new(**PARTS))
    events = play.tick_until(MIDNIGHT_US - 1)
    recycled = [each.rounds[0] for each in of(events, RoundsRecycled)]
    hours = [(each.starts_at_us - (MIDNIGHT_US - DAY_US)) / 3_600_000_000 for each in recycled]
    assert hours == [10, 12, 14, 15.5, 24]
    assert [each.recycled for each in recycled] == [0, 0, 0, 0, 1]


def test_what_a_side_holds_back_is_tried_in_no_window(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new(**PARTS))
    play.tick(), play.tick(), play.tick()
    play.when(HoldSettlement(settlement=1, side=Party.BUYER))
    assert of(play.tick_until(MIDNIGHT_US), RoundsStarted) == []
