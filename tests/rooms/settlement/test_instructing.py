"""Which settlements are taken in, which are there already, and which could never settle?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from nostro.kernel.codec import encode
from nostro.settlement import (
    AMOUNT_MINOR_MAX,
    BUNDLE_MAX,
    DAY_US,
    SETTLEMENTS_MAX,
    CancelSettlement,
    Cycle,
    DomainState,
    InstructSettlements,
    Instrument,
    Partial,
    Party,
    RoundsStarted,
    SetDomainState,
    SetInstrument,
    SettlementsInstructed,
)
from tests.rooms.settlement.play import START_US, Play, apart, kinds, new, of


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


def results(play: Play) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = play.body["results"]
    encode(told)
    return told


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("bad_trade_id", {"trade_id": ""}),
        ("bad_trade_id", {"trade_id": "x" * 65}),
        ("bad_trade_id", {"trade_id": "a b"}),
        ("bad_trade_id", {"trade_id": "match:7"}),
        ("bad_trade_id", {"prefunded": True}),
        ("bad_party", {"seller": "an:n"}),
        ("bad_party", {"buyer": "b" * 49}),
        ("same_party", {"buyer": "ann"}),
        ("bad_asset", {"security": "gold"}),
        ("bad_asset", {"cash": ""}),
        ("same_asset", {"security": "USD"}),
        ("bad_amount", {"quantity_minor": 0}),
        ("bad_amount", {"quantity_minor": AMOUNT_MINOR_MAX + 1}),
        ("bad_amount", {"amount_minor": -1}),
        ("bad_lot", {"security": "LOTS", "quantity_minor": 101}),
        ("domain_unknown", {"securities_domain": "nowhere"}),
        ("domain_unknown", {"cash_domain": "nowhere"}),
        ("bad_date", {"trade_date": "18.11.2026"}),
        ("bad_date", {"trade_date": "20261118"}),
        ("bad_date", {"trade_date": "2026-11-19"}),
        ("bad_date", {"trade_date": "2024-11-18"}),
        ("bad_date", {"settlement_date": "2026-02-30"}),
        ("bad_date", {"settlement_date": "2026-11-17"}),
        ("date_past", {"trade_date": "2026-11-16", "settlement_date": "2026-11-17"}),
        ("date_too_far", {"settlement_date": "2027-11-20"}),
        ("date_too_far", {"security": "SHARE", "settlement_date": "2029-01-01"}),
        ("date_closed", {"security": "SHARE", "settlement_date": "2026-11-22"}),
        ("bad_partial", {"seller_partial": Partial.PARQ}),
        ("bad_partial", {"seller_partial": Partial.PARQ, "seller_partial_min_minor": 101}),
        ("bad_partial", {"buyer_partial": Partial.PARC, "buyer_partial_min_minor": 1_001}),
        ("bad_partial", {"buyer_partial": Partial.PART, "buyer_partial_min_minor": 1}),
        ("bad_partial", {"buyer_partial_min_minor": 1}),
        ("bad_origin", {"origin": ""}),
        ("bad_origin", {"origin": "a b"}),
        (
            "prefunded_elsewhere",
            {"trade_id": "match:1", "prefunded": True, "cash_domain": "euros"},
        ),
    ],
)
def test_what_could_never_settle_is_refused(play: Play, code: str, wrong: dict[str, Any]) -> None:
    play.when(SetInstrument(instrument=Instrument("LOTS", "main", lot_minor=10)))
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    events = play.instructed(new(**wrong), new("fine"))
    [no, fine] = results(play)
    assert no["code"] == f"settlement.{code}"
    assert fine["settlement"] == 1
    assert len(of(events, SettlementsInstructed)[0].settlements) == 1
    refused = play.refused(
        InstructSettlements(settlements=[new("linked"), new(**wrong)], linked=True)
    )
    assert (refused.code, refused.facts["index"]) == (f"settlement.{code}", 1)


def test_what_was_set_aside_settles_where_it_is_whatever_its_asset_does_else(play: Play) -> None:
    play.instructed(apart("match:1", prefunded=True, cycle=Cycle.T1))
    assert results(play)[0]["status"] == "PENDING"
    terms = play.live().terms
    assert (terms.securities_domain, terms.cash_domain) == ("main", "main")


def test_a_closed_day_names_the_next_open_one(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    play.instructed(new(security="SHARE", settlement_date="2026-11-22"))
    assert results(play)[0]["facts"]["next_day"] == "2026-11-23"


def test_too_many_are_refused_as_a_whole(play: Play) -> None:
    many = [new(f"t{number}") for number in range(SETTLEMENTS_MAX + 1)]
    assert play.refused(InstructSettlements(settlements=many)).code == "settlement.too_many"


def test_a_bundle_has_a_bound(play: Play) -> None:
    many = [new(f"t{number}") for number in range(BUNDLE_MAX + 1)]
    refused = play.refused(InstructSettlements(settlements=many, linked=True))
    assert refused.code == "settlement.bundle_too_large"


def test_linked_settlements_settle_on_one_day(play: Play) -> None:
    two = [new("a"), new("b", settlement_date="2026-11-20")]
    refused = play.refused(InstructSettlements(settlements=two, linked=True))
    assert refused.code == "settlement.linked_days_differ"
    assert refused.facts["settlement_dates"] == ["2026-11-18", "2026-11-20"]


def test_one_trade_stands_in_a_bundle_once(play: Play) -> None:
    refused = play.refused(InstructSettlements(settlements=[new("a"), new("a")], linked=True))
    assert refused.code == "settlement.trade_exists"


def test_nothing_instructed_is_nothing(play: Play) -> None:
    assert play.instructed() == []
    assert results(play) == []


# -- repeats --------------------------------------------------------------------------------------


def test_a_trade_told_again_is_the_one_there_is(play: Play) -> None:
    play.instructed(apart())
    assert play.instructed(apart()) == []
    assert results(play) == [
        {
            "settlement": 1,
            "settlement_id": "S1",
            "trade_id": "t1",
            "status": "INITIATED",
            "exists": True,
        }
    ]


def test_a_trade_told_twice_in_one_command_is_one(play: Play) -> None:
    play.instructed(new(), new(), new(quantity_minor=7))
    assert [each.get("exists") for each in results(play)] == [False, True, None]
    assert results(play)[2]["code"] == "settlement.trade_exists"


def test_other_content_under_a_trade_id_is_refused(play: Play) -> None:
    play.instructed(new())
    play.instructed(new(amount_minor=999))
    [no] = results(play)
    assert no["code"] == "settlement.trade_exists"
    assert no["facts"]["settlement_id"] == "S1"


def test_a_trade_id_is_never_free_again_even_once_it_has_left_memory() -> None:
    play = Play(names_hot_max=8)
    for number in range(60):
        play.instructed(new(f"t{number}"))
        play.settle()
    assert play.state.names.seen.hot_count < 60
    assert play.instructed(new("t0")) == []
    assert results(play)[0]["status"] == "SETTLED"
    play.instructed(new("t1", quantity_minor=7))
    assert results(play)[0]["code"] == "settlement.trade_exists"
    play.reload()
    assert play.instructed(new("t59")) == []
    assert results(play)[0]["exists"]
    play.check()


def test_a_repeat_on_another_day_is_a_repeat(play: Play) -> None:
    play.instructed(new())
    play.now_us += 3 * DAY_US
    assert play.instructed(new()) == []


def test_a_cancelled_trade_told_again_has_failed(play: Play) -> None:
    play.instructed(new(settlement_date="2026-11-20"))
    play.when(CancelSettlement(settlement=1))
    play.instructed(new(settlement_date="2026-11-20"))
    assert results(play)[0]["status"] == "FAILED"


def test_a_bundle_told_again_is_the_one_there_is(play: Play) -> None:
    play.instructed(apart("a"), apart("b"), linked=True)
    assert play.instructed(apart("a"), apart("b"), linked=True) == []
    assert [each["exists"] for each in results(play)] == [True, True]


@pytest.mark.parametrize("told", [["a", "c"], ["c", "a"], ["a"], ["a", "alone"]])
def test_a_bundle_of_known_and_unknown_is_refused(play: Play, told: list[str]) -> None:
    play.instructed(apart("a"), apart("b"), linked=True)
    play.instructed(apart("alone"))
    again = InstructSettlements(settlements=[apart(each) for each in told], linked=True)
    assert play.refused(again).code == "settlement.link_differs"


# -- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ({}, "2026-11-18"),
        ({"cycle": Cycle.T1}, "2026-11-19"),
        ({"cycle": Cycle.T2}, "2026-11-20"),
        ({"cycle": Cycle.T2, "trade_date": "2026-11-17"}, "2026-11-19"),
        ({"settlement_date": "2026-11-26"}, "2026-11-26"),
    ],
)
def test_the_day_is_said_or_follows_from_the_cycle(
    play: Play, said: dict[str, Any], day: str
) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    [event] = of(play.instructed(new(security="SHARE", **said)), SettlementsInstructed)
    told = event.settlements[0]
    assert date.fromordinal(told.settlement_day).isoformat() == day
    if day == "2026-11-18":
        assert told.starts_at_us == START_US
    else:
        assert told.starts_at_us == play.policy.days.start_of(told.settlement_day)


def test_what_settles_later_begins_with_its_day(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1))
    assert results(play)[0]["status"] == play.status() == "PENDING"
    while play.status() == "PENDING":
        play.tick()
    assert play.now_us == play.policy.days.start_of(play.policy.days.day_of(START_US) + 1)
    assert play.status() == "SETTLED"


def test_a_trade_whose_day_is_past_settles_now(play: Play) -> None:
    """Its event was away for a while; the day that the cycle gives stays its day."""
    play.instructed(new(trade_date="2026-11-13"))
    assert play.status() == "SETTLED"


def test_what_is_instructed_on_a_closed_day_waits_for_the_next(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    play.now_us += 3 * DAY_US  # Saturday
    events = play.instructed(new(security="SHARE", trade_date="2026-11-20"))
    assert of(events, RoundsStarted) == []
    assert play.live().terms.starts_at_us == START_US + 5 * DAY_US - 9 * 3_600 * 1_000_000


def test_an_asset_settles_where_and_when_its_instrument_says(play: Play) -> None:
    play.instructed(apart(), apart("t2", cash_domain="main"))
    one, two = play.live(1).terms, play.live(2).terms
    assert (one.securities_domain, one.cash_domain) == ("bonds", "euros")
    assert (two.securities_domain, two.cash_domain) == ("bonds", "main")


def test_what_is_held_back_does_not_begin(play: Play) -> None:
    play.instructed(new(held=(Party.BUYER, Party.SELLER, Party.BUYER)))
    assert play.live().held == (Party.SELLER, Party.BUYER)
    assert play.status() == "PENDING"


def test_what_needs_a_closed_domain_waits_until_it_is_open(play: Play) -> None:
    play.when(SetDomainState(domain="euros", state=DomainState.CLOSED))
    play.instructed(apart(), new("t2"))
    assert (play.status(1), play.status(2)) == ("PENDING", "SETTLED")
    assert "RoundsStarted" not in kinds(play.tick())  # the day is over
    play.when(SetDomainState(domain="euros", state=DomainState.OPEN))
    assert kinds(play.tick())[0] == "RoundsStarted"


def test_days_before_the_first_settlement_are_over(play: Play) -> None:
    play.instructed(new())
    assert play.state.closed_day == play.policy.days.day_of(START_US) - 1
    play.now_us += 30 * DAY_US
    assert kinds(play.instructed(new("t2")))[0] == "DayClosed"
    assert play.room.due(play.state) is None
