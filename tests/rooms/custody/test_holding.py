"""When is a round held, executed and released, and when is it not?"""

from __future__ import annotations

import pytest

from nostro.custody import (
    ROUNDS_MAX,
    Booked,
    EpochsRaised,
    ExecuteHolds,
    ExecutionsAsked,
    HoldsAsked,
    ListRounds,
    NewHold,
    NoteBooked,
    PlaceHolds,
    ReleaseHolds,
    RoundOrder,
    RoundsClosed,
    RoundsStuck,
)
from nostro.kernel.movement import Lacking, Lock, Move
from tests.rooms.custody.play import LOCK, R1, R2, R3, SALE, Play, new_hold

LACKING = Booked(R1, "custody.lacking", [Lacking("alice", "BOND1", 60)], "ledger.exceeds_credits")
STUCK = Booked(R1, "custody.stuck", [], "ledger.debit_frozen")


# -- hold ------------------------------------------------------------------------------------------


def test_a_hold_after_the_release_is_refused_for_ever() -> None:
    play = Play()
    assert play.release(R1) == [("released", 1)]
    assert play.hold(new_hold(R1, 1)) == ["custody.released"]
    assert play.hold(new_hold(R1, 9)) == ["custody.released"]
    assert play.release(R1) == [("released", 1)]
    play.check()


def test_a_repeat_is_answered_as_before_and_changes_nothing() -> None:
    play = Play()
    assert play.hold(new_hold()) == [("held", 1)]
    assert play.when(PlaceHolds(holds=[new_hold()])) == []
    assert play.body["results"] == [{"round_id": R1, "stage": "held", "height": 1}]
    play.check()


def test_a_round_that_is_held_is_not_held_with_other_content() -> None:
    play = Play()
    play.hold(new_hold())
    assert play.hold(new_hold(amount_minor=99)) == ["custody.content_differs"]
    assert play.execute(R1) == [("executed", 3)]


def test_a_round_that_was_refused_is_tried_again_under_another_attempt() -> None:
    play = Play()
    assert play.hold(new_hold(), books={R1: LACKING}) == ["custody.lacking"]
    assert play.body["results"][0]["facts"] == {
        "why": "ledger.exceeds_credits",
        "lacking": [["alice", "BOND1", 60]],
    }
    assert play.status(R1) == ["custody.lacking"]
    (asked,) = play.when(PlaceHolds(holds=[new_hold(amount_minor=60)]))
    assert isinstance(asked, HoldsAsked)
    assert [(each.hold.locks[0].amount_minor, each.attempt) for each in asked.rounds] == [(60, 2)]
    play.when(NoteBooked(results=[Booked(R1)]), same_row=True)
    assert play.status(R1) == ["held"]
    play.check()


def test_a_round_that_was_refused_can_be_closed() -> None:
    play = Play()
    play.hold(new_hold(), books={R1: LACKING})
    (closed,) = play.when(ReleaseHolds(rounds=[RoundOrder(R1, 1)]))
    assert closed == RoundsClosed(2, [RoundOrder(R1, 1)])
    assert play.hold(new_hold()) == ["custody.released"]
    assert not play.state.rounds
    play.check()


@pytest.mark.parametrize(
    ("reason", "hold"),
    [
        ("id", NewHold("", 1, [LOCK], [SALE])),
        ("id", NewHold("a b", 1, [LOCK], [SALE])),
        ("id", NewHold("a" * 101, 1, [LOCK], [SALE])),
        ("epoch", NewHold(R1, -1, [LOCK], [SALE])),
        ("moves_missing", NewHold(R1, 1, [], [])),
        ("moves_missing", NewHold(R1, 1, [LOCK], [])),
        ("too_many_moves", NewHold(R1, 1, [LOCK], [SALE] * 1_001)),
        ("same_party", NewHold(R1, 1, [LOCK], [Move("alice", "alice", "BOND1", 100)])),
        ("party", NewHold(R1, 1, [LOCK], [Move("alice", "b:b", "BOND1", 100)])),
        ("asset", NewHold(R1, 1, [LOCK], [Move("alice", "bob", "B:1", 100)])),
        ("amount", NewHold(R1, 1, [LOCK], [Move("alice", "bob", "BOND1", 0)])),
        ("amount", NewHold(R1, 1, [LOCK], [Move("alice", "bob", "BOND1", 10**38)])),
        ("lock_missing", NewHold(R1, 1, [], [SALE])),
        ("lock_too_small", NewHold(R1, 1, [Lock("alice", "BOND1", 99)], [SALE])),
        ("lock_needless", NewHold(R1, 1, [LOCK, LOCK], [SALE])),
        ("lock_needless", NewHold(R1, 1, [LOCK, Lock("bob", "BOND1", 1)], [SALE])),
        ("lock_needless", NewHold(R1, 1, [LOCK], [Move("alice", "bob", "BOND1", 100, True)])),
    ],
)
def test_a_round_that_can_never_be_is_refused_without_a_mark(reason: str, hold: NewHold) -> None:
    play = Play()
    assert play.when(PlaceHolds(holds=[hold])) == []
    (told,) = play.body["results"]
    assert (told["code"], told["facts"]) == ("custody.bad_round", {"reason": reason})


def test_what_was_prefunded_is_netted_with_nothing() -> None:
    play = Play()
    aside = Move("alice", "bob", "BOND1", 100, True)
    back = Move("bob", "alice", "BOND1", 100, True)
    locks = [Lock("alice", "BOND1", 100, True), Lock("bob", "BOND1", 100, True)]
    assert play.hold(NewHold(R1, 1, locks[:1], [aside, back])) == ["custody.bad_round"]
    assert play.hold(NewHold(R1, 1, locks, [aside, back])) == [("held", 2)]


def test_a_round_is_named_once_in_a_command() -> None:
    play = Play()
    assert play.hold(new_hold(), new_hold(R2), new_hold()) == [
        ("held", 1),
        ("held", 1),
        "custody.bad_round",
    ]
    assert play.execute(R1, R1) == [("executed", 2), "custody.bad_round"]


def test_a_command_has_rounds_and_not_too_many() -> None:
    play = Play()
    assert play.refused(PlaceHolds(holds=[])).code == "custody.none"
    many = [RoundOrder(f"r{number}", 1) for number in range(ROUNDS_MAX + 1)]
    assert play.refused(ReleaseHolds(rounds=many)).code == "custody.too_many"


def test_each_round_of_a_command_is_answered_by_itself() -> None:
    play = Play()
    play.release(R2)
    assert play.hold(new_hold(R1), new_hold(R2), new_hold(R3), books={R1: LACKING}) == [
        "custody.lacking",
        "custody.released",
        ("held", 2),
    ]
    assert play.execute(R1, R2, R3) == ["custody.unknown", "custody.released", ("executed", 3)]
    play.check()


# -- epochs ----------------------------------------------------------------------------------------


def test_a_lower_epoch_than_was_seen_is_refused() -> None:
    play = Play()
    play.hold(new_hold(R1, 5))
    assert play.hold(new_hold(R1, 4)) == ["custody.fenced"]
    assert play.body["results"][0]["facts"] == {"epoch": 5}
    assert play.execute(R1, epoch=4) == ["custody.fenced"]
    assert play.release(R1, epoch=4) == ["custody.fenced"]
    assert play.status(R1) == ["held"]


def test_a_lower_epoch_is_refused_of_a_round_that_was_refused_too() -> None:
    play = Play()
    play.hold(new_hold(R1, 5), books={R1: LACKING})
    assert play.hold(new_hold(R1, 4)) == ["custody.fenced"]
    assert play.release(R1, epoch=4) == ["custody.fenced"]


def test_a_higher_epoch_is_remembered_though_nothing_else_changes() -> None:
    play = Play()
    play.hold(new_hold(R1, 5))
    assert play.when(PlaceHolds(holds=[new_hold(R1, 7)])) == [EpochsRaised([RoundOrder(R1, 7)])]
    assert play.reload().execute(R1, epoch=6) == ["custody.fenced"]
    play.check()


def test_a_higher_epoch_is_remembered_of_an_execution_that_stuck() -> None:
    play = Play()
    play.hold(new_hold(R1, 5))
    assert play.execute(R1, epoch=8, books={R1: STUCK}) == ["custody.stuck"]
    assert play.execute(R1, epoch=7) == ["custody.fenced"]
    play.check()


def test_what_has_ended_is_told_whatever_the_epoch() -> None:
    play = Play()
    play.hold(new_hold(R1, 5))
    assert play.execute(R1, epoch=5) == [("executed", 2)]
    assert play.execute(R1, epoch=4) == [("executed", 2)]
    assert play.release(R1, epoch=4) == ["custody.executed"]


# -- execute and release ---------------------------------------------------------------------------


def test_what_was_never_held_cannot_be_executed_and_leaves_no_mark() -> None:
    play = Play()
    assert play.execute(R1) == ["custody.unknown"]
    assert play.status(R1) == ["none"]
    assert play.hold(new_hold()) == [("held", 3)]


def test_what_was_executed_is_never_released_and_what_was_released_never_executed() -> None:
    play = Play()
    play.hold(new_hold(R1), new_hold(R2))
    assert play.execute(R1) == [("executed", 2)]
    assert play.release(R2) == [("released", 3)]
    for _ in range(2):
        assert play.release(R1) == ["custody.executed"]
        assert play.execute(R2) == ["custody.released"]
        assert play.hold(new_hold(R1), new_hold(R2)) == ["custody.executed", "custody.released"]
    assert play.execute(R1) == [("executed", 2)]
    assert play.release(R2) == [("released", 3)]
    play.check()


def test_what_the_books_would_not_move_stays_held_and_can_be_asked_again() -> None:
    play = Play()
    play.hold(new_hold())
    (asked,) = play.when(_execution())
    assert isinstance(asked, ExecutionsAsked)
    assert (asked.rounds[0].attempt, asked.rounds[0].tries) == (1, 1)
    assert play.when(NoteBooked(results=[STUCK]), same_row=True) == [RoundsStuck(True, [STUCK])]
    assert play.status(R1) == ["custody.stuck"]
    (asked,) = play.when(_execution())
    assert isinstance(asked, ExecutionsAsked)
    assert (asked.rounds[0].attempt, asked.rounds[0].tries) == (1, 2)
    play.when(NoteBooked(results=[Booked(R1)]), same_row=True)
    assert play.status(R1) == ["executed"]
    play.check()


def test_what_the_books_would_not_let_go_can_be_asked_again() -> None:
    play = Play()
    play.hold(new_hold())
    assert play.release(R1, books={R1: STUCK}) == ["custody.stuck"]
    assert play.release(R1) == [("released", 3)]
    play.check()


def _execution() -> ExecuteHolds:
    return ExecuteHolds(rounds=[RoundOrder(R1, 1)])


# -- listing ---------------------------------------------------------------------------------------


def test_what_is_held_is_listed_in_order_by_prefix_and_page() -> None:
    play = Play()
    ids = ["main.S2.1", "main.S10.1", "other.S1.1", "main.S1.1", "main.S3.1"]
    play.hold(*(new_hold(each) for each in ids))
    play.execute("main.S3.1")
    play.hold(new_hold("main.S4.1"), books={"main.S4.1": Booked("main.S4.1", "custody.lacking")})
    assert play.listed() == ["main.S1.1", "main.S10.1", "main.S2.1", "other.S1.1"]
    assert play.listed(prefix="main.", limit=2) == ["main.S1.1", "main.S10.1"]
    assert play.listed(prefix="main.", after="main.S10.1") == ["main.S2.1"]
    for limit in (0, ROUNDS_MAX + 1):
        assert play.refused(ListRounds(limit=limit)).code == "custody.bad_limit"
