"""When each side instructs by itself: alleged, matched, told again, and matched late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nostro.settlement import (
    DAY_US,
    CancelSettlement,
    Partial,
    Party,
    PenaltiesAccrued,
    PenaltyKind,
    SettlementMatched,
    SettlementsFailed,
    SettlementsInstructed,
)
from tests.rooms.settlement.play import START_US, Play, kinds, of, side


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


SELLER, BUYER = Party.SELLER, Party.BUYER


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("bad_reference", {"reference": "a b"}),
        ("bad_trade_id", {"trade_id": "match:1"}),
        ("bad_trade_id", {"trade_id": "a b"}),
        ("bad_party", {"party": ""}),
        ("same_party", {"counterparty": "ann"}),
        ("bad_asset", {"cash": "usd"}),
        ("same_asset", {"cash": "GOLD"}),
        ("bad_amount", {"amount_minor": 0}),
        ("bad_partial", {"partial": Partial.PARQ}),
        ("domain_unknown", {"cash_domain": "nowhere"}),
        ("bad_date", {"trade_date": ""}),
        ("bad_date", {"settlement_date": ""}),
        ("date_too_far", {"settlement_date": "2028-11-18"}),
    ],
)
def test_a_side_that_could_never_settle_is_refused(
    play: Play, code: str, wrong: dict[str, Any]
) -> None:
    assert play.refused(side(SELLER, **wrong)).code == f"settlement.{code}"


@pytest.mark.parametrize("first", [SELLER, BUYER])
def test_the_first_side_waits_and_the_other_matches_it(play: Play, first: Party) -> None:
    events = play.when(side(first, "one"))
    [told] = of(events, SettlementsInstructed)[0].settlements
    assert sorted((told.seller_reference, told.buyer_reference)) == ["", "one"]
    assert play.body == {
        "settlement": 1,
        "settlement_id": "S1",
        "status": "PENDING",
        "matched": False,
        "exists": False,
    }
    events = play.when(side(first.other, "two"))
    assert kinds(events)[:2] == ["SettlementMatched", "RoundsStarted"]
    assert play.body["matched"]
    assert play.status() == "SETTLED"


def test_what_differs_in_a_mandatory_field_does_not_match(play: Play) -> None:
    play.when(side(SELLER))
    play.when(side(BUYER, quantity_minor=99))
    assert play.body == {**play.body, "matched": False, "settlement": 2}


def test_within_tolerance_the_sellers_amount_counts(play: Play) -> None:
    play.when(side(BUYER, cash="EUR", cash_domain="main", amount_minor=1_100))
    [matched] = of(
        play.when(side(SELLER, cash="EUR", cash_domain="main", amount_minor=1_000)),
        SettlementMatched,
    )
    assert matched.amount_minor == 1_000


def test_the_trade_id_is_that_of_whoever_gave_one(play: Play) -> None:
    play.when(side(SELLER))
    [matched] = of(play.when(side(BUYER, trade_id="T")), SettlementMatched)
    assert matched.trade_id == "T"


def test_a_side_told_again_is_the_one_there_is(play: Play) -> None:
    play.when(side(SELLER))
    assert play.when(side(SELLER)) == []
    assert play.body == {**play.body, "exists": True, "matched": False}
    play.when(side(BUYER))
    assert play.when(side(SELLER)) == []
    assert play.body == {**play.body, "exists": True, "matched": True, "status": "SETTLED"}
    assert play.when(side(BUYER)) == []
    assert play.body == {**play.body, "exists": True, "matched": True, "status": "SETTLED"}


def test_other_content_under_a_reference_is_refused(play: Play) -> None:
    play.when(side(SELLER))
    assert play.refused(side(SELLER, amount_minor=7)).code == "settlement.reference_exists"
    play.when(side(BUYER))
    assert play.refused(side(BUYER, amount_minor=7)).code == "settlement.reference_exists"


def test_references_are_known_from_the_journal_too() -> None:
    play = Play(names_hot_max=8)
    for number in range(40):
        play.when(side(SELLER, f"s{number}"))
        play.when(side(BUYER, f"b{number}"))
        play.settle()
    play.reload()
    assert play.when(side(BUYER, "b0")) == []
    assert play.body["settlement"] == 1
    assert play.when(side(SELLER, "s7")) == []
    assert play.body["settlement"] == 8
    assert play.refused(side(BUYER, "b1", amount_minor=7)).code == "settlement.reference_exists"
    play.check()


def test_two_parties_may_give_the_same_reference(play: Play) -> None:
    play.when(side(SELLER, "r"))
    play.when(side(BUYER, "r"))
    assert play.status() == "SETTLED"


def test_what_one_side_holds_back_waits_after_the_match(play: Play) -> None:
    play.when(side(SELLER, held=True))
    play.when(side(BUYER, held=True))
    assert play.live().held == (SELLER, BUYER)
    assert play.status() == "PENDING"


def test_each_side_says_which_parts_it_takes(play: Play) -> None:
    play.when(side(SELLER, partial=Partial.PART, held=True))
    play.when(side(BUYER, partial=Partial.PARQ, partial_min_minor=40))
    terms = play.live().terms
    assert (terms.seller_partial, terms.buyer_partial) == (Partial.PART, Partial.PARQ)
    assert (terms.seller_partial_min_minor, terms.buyer_partial_min_minor) == (0, 40)


def test_the_unmatched_do_not_begin(play: Play) -> None:
    play.when(side(SELLER))
    assert kinds(play.tick()) == ["DayClosed"]


def test_the_unmatched_end_when_their_side_cancels(play: Play) -> None:
    play.when(side(SELLER))
    assert play.refused(CancelSettlement(settlement=1, side=BUYER)).code == (
        "settlement.not_matched"
    )
    events = play.when(CancelSettlement(settlement=1, side=SELLER))
    assert of(events, SettlementsFailed)[0].settlements[0].reason == "cancelled"
    play.when(side(BUYER))
    assert play.body == {**play.body, "matched": False, "settlement": 2}
    play.when(side(SELLER))  # told again: it was cancelled
    assert play.body == {**play.body, "exists": True, "matched": False, "status": "FAILED"}


def test_who_matches_late_owes_for_each_settlement_day(play: Play) -> None:
    play.when(side(SELLER, amount_minor=1_000_000))
    play.now_us += 3 * DAY_US
    events = play.when(side(BUYER, amount_minor=1_000_000))
    [matched] = of(events, SettlementMatched)
    assert matched.late_days == 3
    [accrued] = of(events, PenaltiesAccrued)
    assert [(each.penalty, each.failing) for each in accrued.penalties] == [
        (PenaltyKind.LMFP, BUYER)
    ] * 3
    assert play.status() == "SETTLED"


def test_the_matched_begin_with_their_day(play: Play) -> None:
    play.when(side(SELLER, settlement_date="2026-11-20"))
    play.when(side(BUYER, settlement_date="2026-11-20"))
    assert play.status() == "PENDING"
    while play.status() == "PENDING":
        play.tick()
    assert play.now_us == START_US // DAY_US * DAY_US + 2 * DAY_US
