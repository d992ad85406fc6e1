"""What the two sides can do: hold back, let go in whole or in part, cancel, try again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nostro.kernel.messages import Command
from nostro.settlement import (
    DAY_US,
    CancelSettlement,
    Cycle,
    DeedResult,
    HoldSettlement,
    Instrument,
    Outcome,
    Partial,
    Party,
    ReleaseSettlement,
    RetrySettlement,
    RoundsDecided,
    RoundsRecycled,
    RoundsStarted,
    SetInstrument,
    SettlementsFailed,
    SettlementsPostponed,
)
from tests.rooms.settlement.play import (
    PARTS,
    Play,
    apart,
    kinds,
    lacks,
    new,
    of,
    refusing,
    side,
    willing,
)

SELLER, BUYER = Party.SELLER, Party.BUYER


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


def hold(side: Party = SELLER, number: int = 1) -> HoldSettlement:
    return HoldSettlement(settlement=number, side=side)


def release(side: Party = SELLER, quantity: int = 0, number: int = 1) -> ReleaseSettlement:
    return ReleaseSettlement(settlement=number, side=side, quantity_minor=quantity)


def cancel(side: Party | None = None, number: int = 1) -> CancelSettlement:
    return CancelSettlement(settlement=number, side=side)


def retry(number: int = 1) -> RetrySettlement:
    return RetrySettlement(settlement=number, reason="again")


def failed(play: Play) -> None:
    """Bring a settlement on our own ledger to its end."""
    play.ledger = refusing
    play.instructed(new())
    while play.status() != "FAILED":
        play.tick()
    play.ledger = willing


ALL: list[Command] = [hold(), release(), cancel(), retry()]


# -- nothing there to do it to --------------------------------------------------------------------


@pytest.mark.parametrize("command", ALL, ids=lambda each: type(each).__name__)
def test_there_is_no_such_settlement(play: Play, command: Command) -> None:
    assert play.refused(command).code == "settlement.unknown"


@pytest.mark.parametrize("command", ALL, ids=lambda each: type(each).__name__)
def test_a_settled_one_has_ended(play: Play, command: Command) -> None:
    play.instructed(new())
    assert play.refused(command).code == "settlement.ended"


@pytest.mark.parametrize("command", ALL[:3], ids=lambda each: type(each).__name__)
def test_a_failed_one_has_ended(play: Play, command: Command) -> None:
    failed(play)
    assert play.refused(command).code == "settlement.ended"


def test_a_cancelled_one_cannot_be_tried_again(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1))
    play.when(cancel())
    assert play.refused(retry()).code == "settlement.cancelled"
    assert play.refused(cancel()).code == "settlement.ended"


@pytest.mark.parametrize("command", [hold(), cancel()], ids=["hold", "cancel"])
def test_what_is_decided_only_goes_forward(play: Play, command: Command) -> None:
    play.instructed(apart())
    play.held()
    assert play.refused(command).code == "settlement.decided"


@pytest.mark.parametrize("command", [hold(), cancel(), cancel(BUYER)], ids=["hold", "all", "one"])
def test_what_was_set_aside_is_neither_kept_back_nor_cancelled(
    play: Play, command: Command
) -> None:
    play.instructed(new("match:1", prefunded=True, cycle=Cycle.T1))
    assert play.refused(command).code == "settlement.prefunded"
    play.tick()
    assert play.status() == "SETTLED"


# -- hold and release -----------------------------------------------------------------------------


def test_a_settlement_held_back_waits_for_its_side(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1))
    assert kinds(play.when(hold())) == ["SettlementHeld"]
    assert play.when(hold()) == []
    play.tick_until(play.now_us + 2 * DAY_US)
    assert play.status() == "PENDING"
    assert kinds(play.when(release()))[:2] == ["SettlementReleased", "RoundsStarted"]
    assert play.status() == "SETTLED"


def test_both_sides_must_let_go(play: Play) -> None:
    play.instructed(new(held=(SELLER, BUYER)))
    assert kinds(play.when(release(SELLER))) == ["SettlementReleased"]
    assert play.when(release(SELLER)) == []
    play.when(release(BUYER))
    assert play.status() == "SETTLED"


def test_what_is_not_on_hold_cannot_be_released(play: Play) -> None:
    play.instructed(new(held=(SELLER,)))
    assert play.refused(release(BUYER)).code == "settlement.not_on_hold"


def test_holding_back_aborts_the_round_and_waits_until_everything_is_released(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.take_asked()
    events = play.when(hold(BUYER))
    assert kinds(events) == ["SettlementHeld", "RoundsDecided", "DeedsOrdered", "DeedsOrdered"]
    assert of(events, RoundsDecided)[0].rounds[0].reason == "held_back"
    play.told("bonds", "release")
    [recycled] = of(play.told("euros", "release"), RoundsRecycled)
    assert recycled.rounds[0].starts_at_us == 0
    assert recycled.rounds[0].recycled == 0
    assert play.status() == "PENDING"
    assert of(play.when(release(BUYER)), RoundsStarted)[0].rounds[0].round == 2


def test_a_hold_let_go_during_the_abort_does_not_keep_it_back(play: Play) -> None:
    play.instructed(apart())
    play.when(hold())
    play.when(release())
    [recycled] = of(play.told("bonds", "release"), RoundsRecycled)
    assert recycled.rounds[0].starts_at_us == play.now_us
    assert kinds(play.tick()) == ["RoundsStarted", "DeedsOrdered"]


def test_a_hold_during_an_abort_keeps_it_back_after(play: Play) -> None:
    play.instructed(apart())
    play.tick()
    play.when(hold())
    [recycled] = of(play.told("bonds", "release"), RoundsRecycled)
    assert recycled.rounds[0].reason == "held_back"


def test_holding_back_what_our_own_ledger_refused_ends_the_round_at_once(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new())
    assert kinds(play.when(hold())) == ["SettlementHeld", "RoundsDecided", "RoundsRecycled"]
    play.ledger = willing
    play.when(release())
    assert play.status() == "SETTLED"


def test_a_side_that_has_not_instructed_holds_nothing_back(play: Play) -> None:
    play.when(side(SELLER))
    assert play.refused(hold(BUYER)).code == "settlement.not_matched"
    play.when(hold(SELLER))


def test_what_is_let_go_on_a_closed_day_waits_for_the_next(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    play.instructed(new(security="SHARE", held=(SELLER,)))
    play.tick_until(play.now_us + 3 * DAY_US)  # Saturday
    events = play.when(release())
    [postponed] = of(events, SettlementsPostponed)
    assert postponed.bundles == [(1, play.policy.days.start_of(_monday(play)))]
    play.tick_until(postponed.bundles[0][1])
    assert play.status() == "SETTLED"


def _monday(play: Play) -> int:
    return play.policy.days.day_of(play.now_us) + 2


# -- let go a part --------------------------------------------------------------------------------


def test_a_part_is_let_go_and_the_rest_waits(play: Play) -> None:
    play.instructed(new(amount_minor=1_001, held=(SELLER,), **PARTS))
    play.when(release(quantity=33))
    assert play.status() == "PARTIALLY_SETTLED"
    assert (play.live().settled_minor, play.live().paid_minor) == (33, 330)
    play.tick_until(play.now_us + 2 * DAY_US)
    assert play.live().settled_minor == 33
    play.when(release(quantity=7))
    assert play.live().settled_minor == 40
    play.when(release())
    assert play.status() == "SETTLED"


def test_parts_add_up_to_the_whole(play: Play) -> None:
    play.instructed(new(held=(SELLER,), **PARTS))
    play.when(release(quantity=40))
    play.when(release(quantity=60))
    assert play.status() == "SETTLED"


def test_two_sides_let_go_what_both_let_go(play: Play) -> None:
    play.instructed(new(held=(SELLER, BUYER), **PARTS))
    play.when(release(SELLER, 40))
    assert play.live().settled_minor == 0
    play.when(release(BUYER, 30))
    assert play.live().settled_minor == 30
    play.when(release(BUYER))
    assert play.live().settled_minor == 40


def test_no_more_is_let_go_than_is_kept_back(play: Play) -> None:
    play.instructed(new(held=(SELLER,), cycle=Cycle.T1, **PARTS))
    assert play.refused(release(quantity=101)).code == "settlement.quantity_too_large"
    assert play.refused(release(quantity=-1)).code == "settlement.quantity_too_large"
    play.when(release(quantity=60))
    refused = play.refused(release(quantity=41))
    assert refused.facts["quantity_max_minor"] == 40


def test_a_part_has_whole_lots(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("GOLD", "main", lot_minor=10)))
    play.instructed(new(held=(SELLER,), **PARTS))
    assert play.refused(release(quantity=15)).code == "settlement.bad_lot"
    play.when(release(quantity=20))
    assert play.live().settled_minor == 20


def test_a_part_needs_both_sides_consent_and_their_least(play: Play) -> None:
    play.instructed(
        new("a", held=(SELLER,)),
        new(
            "b",
            held=(SELLER,),
            seller_partial=Partial.PART,
            buyer_partial=Partial.PARQ,
            buyer_partial_min_minor=50,
        ),
    )
    assert play.refused(release(quantity=60)).code == "settlement.partial_not_agreed"
    refused = play.refused(release(quantity=49, number=2))
    assert refused.code == "settlement.partial_not_agreed"
    play.when(release(quantity=50, number=2))
    assert play.live(2).settled_minor == 50


def test_linked_settlements_have_no_parts(play: Play) -> None:
    play.instructed(new("a", held=(SELLER,), **PARTS), new("b", **PARTS), linked=True)
    assert play.refused(release(quantity=50)).code == "settlement.partial_not_agreed"


def test_holding_back_again_takes_back_what_was_let_go(play: Play) -> None:
    play.instructed(new(held=(SELLER, BUYER), **PARTS))
    play.when(release(SELLER, 40))
    assert kinds(play.when(hold(SELLER))) == ["SettlementHeld"]
    play.when(release(BUYER))
    assert play.live().settled_minor == 0


# -- cancel ---------------------------------------------------------------------------------------


def test_what_is_matched_ends_when_both_sides_cancel(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1))
    assert kinds(play.when(cancel(SELLER))) == ["CancelAsked"]
    assert not play.body["cancelled"]
    assert play.when(cancel(SELLER)) == []
    assert kinds(play.when(cancel(BUYER))) == ["CancelAsked", "SettlementsFailed"]
    assert play.body == {**play.body, "cancelled": True, "status": "FAILED"}
    assert not play.state.settlements


def test_one_sides_wish_to_cancel_does_not_stop_it(play: Play) -> None:
    play.instructed(apart())
    play.when(cancel(SELLER))
    play.held()
    play.told("bonds", "execute")
    play.told("euros", "execute")
    assert play.status() == "SETTLED"


def test_the_operator_cancels_for_both(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1))
    [ended] = of(play.when(cancel()), SettlementsFailed)
    assert ended.settlements[0].open_minor == 100


def test_a_round_under_way_is_aborted_and_then_cancelled(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    events = play.when(cancel())
    assert kinds(events) == ["CancelAsked", "RoundsDecided", "DeedsOrdered", "DeedsOrdered"]
    play.told("bonds", "release")
    assert kinds(play.told("euros", "release")) == ["HoldsReleased", "SettlementsFailed"]
    assert play.refused(retry()).code == "settlement.cancelled"


def test_cancelled_during_an_abort_for_another_reason_it_ends_too(play: Play) -> None:
    play.instructed(apart())
    play.tick()
    assert kinds(play.when(cancel())) == ["CancelAsked"]
    assert kinds(play.told("bonds", "release")) == ["HoldsReleased", "SettlementsFailed"]


def test_a_bundle_is_cancelled_once_both_sides_of_each_have_asked(play: Play) -> None:
    play.instructed(new("a", cycle=Cycle.T1), new("b", cycle=Cycle.T1), linked=True)
    play.when(cancel(None, 1))
    play.when(cancel(SELLER, 2))
    assert play.status(1) == "PENDING"
    [ended] = of(play.when(cancel(BUYER, 2)), SettlementsFailed)
    assert [each.settlement for each in ended.settlements] == [1, 2]


def test_the_rest_of_a_part_can_be_cancelled(play: Play) -> None:
    play.instructed(new(held=(SELLER,), **PARTS))
    play.when(release(quantity=40))
    [ended] = of(play.when(cancel()), SettlementsFailed)
    assert ended.settlements[0].open_minor == 60


# -- retry ----------------------------------------------------------------------------------------


def test_a_failed_settlement_can_be_tried_again(play: Play) -> None:
    failed(play)
    events = play.when(retry())
    assert kinds(events)[:2] == ["RetryAsked", "RoundsStarted"]
    assert play.body == {
        "settlement": 1,
        "settlement_id": "S1",
        "status": "INITIATED",
        "retry_count": 1,
    }
    assert play.status() == "SETTLED"


def test_a_retry_that_fails_fails_again(play: Play) -> None:
    failed(play)
    play.ledger = refusing
    play.when(retry())
    play.tick(), play.tick(), play.tick()
    assert play.status() == "FAILED"


def test_what_waits_for_its_next_day_can_be_tried_now(play: Play) -> None:
    play.instructed(apart())
    play.tick()
    play.told("bonds", "release")
    assert play.status() == "PENDING"
    assert "RoundsStarted" in kinds(play.when(retry()))


def test_a_round_under_way_is_not_retried(play: Play) -> None:
    play.instructed(apart())
    assert play.refused(retry()).code == "settlement.under_way"


def test_what_is_held_back_is_not_retried(play: Play) -> None:
    play.instructed(new(held=(SELLER,)))
    refused = play.refused(retry())
    assert (refused.code, refused.facts["sides"]) == ("settlement.on_hold", ["seller"])


def test_what_is_not_matched_is_not_retried(play: Play) -> None:
    play.when(side(SELLER))
    assert play.refused(retry()).code == "settlement.not_matched"


def test_what_is_not_due_is_not_retried(play: Play) -> None:
    play.instructed(new(cycle=Cycle.T1))
    refused = play.refused(retry())
    assert (refused.code, refused.facts["settlement_date"]) == (
        "settlement.not_due",
        "2026-11-19",
    )


def test_a_failed_bundle_is_tried_again_as_a_whole(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new("a"), new("b"), linked=True)
    while play.status() != "FAILED":
        play.tick()
    play.ledger = willing
    play.when(retry(2))
    assert play.status(1) == play.status(2) == "SETTLED"


def test_a_failed_settlement_survives_a_restart(play: Play) -> None:
    failed(play)
    play.reload()
    play.when(retry())
    assert play.status() == "SETTLED"


def test_an_answer_after_the_end_changes_nothing(play: Play) -> None:
    play.instructed(apart())
    play.when(cancel())
    play.told("bonds", "release")
    assert play.told("bonds", "hold") == []
    assert play.told("bonds", "hold", lacks(1, 1)) == []
    assert play.told("bonds", "release", DeedResult(1, 1, Outcome.RELEASED)) == []
