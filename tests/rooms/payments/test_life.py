"""How is one payment taken back, reviewed, refused after all?"""

from __future__ import annotations

import pytest

from nostro.kernel.messages import Command
from nostro.payments import (
    ApproveReview,
    CancelPayment,
    PaymentsFailed,
    RefusePayments,
    RejectReview,
    Released,
    ReviewApproved,
    SettleBatches,
    TransactionCancelled,
    TransactionsRefused,
    Window,
)
from nostro.payments.commands import AssignBatch, ReversePayments
from tests.rooms.payments.play import Play, at, pay, submit

CYCLE = "2026-01-05T1600Z"


def released(transaction_id: str, reason: str) -> Released:
    return Released(transaction_id, "ALFA", "EUR", 10_000, "BETA", reason, "EUR")


@pytest.mark.parametrize("command", [CancelPayment, ApproveReview, RejectReview])
def test_an_unknown_payment_is_unknown(command: type[Command]) -> None:
    play = Play().opened()
    assert play.refused(command(transaction_id="p1")).code == "payments.unknown"
    no = play.refused(command(transaction_id="not an id"))
    assert no.code == "payments.bad_transaction_id"


def test_a_payment_is_taken_back_while_its_window_is_open() -> None:
    play = Play().opened()
    play.when(submit(pay()))
    cancel = CancelPayment(transaction_id="p1", reason="sent twice")
    [event] = play.when(cancel, actor="alfa")
    assert event == TransactionCancelled(released("p1", "sent twice"), "alfa")
    assert play.body == {"transaction_id": "p1", "state": "cancelled"}
    assert play.when(cancel) == []
    assert play.body["exists"]
    assert play.until("2026-01-06T20:00:00") == []
    play.check_memory()


def test_a_payment_whose_window_has_closed_is_not_taken_back() -> None:
    play = Play().opened()
    play.when(submit(pay()))
    cancel = CancelPayment(transaction_id="p1")
    for state, bring in (
        ("closed", lambda: play.until("16:00:00")),
        (
            "batched",
            lambda: play.when(AssignBatch(cycle_id=CYCLE, batch_id="b", items=[("p1", 1)])),
        ),
        ("settled", lambda: play.when(SettleBatches(cycle_id=CYCLE, batch_ids=["b"]))),
        ("reversed", lambda: play.when(ReversePayments(cycle_id=CYCLE, reason="r"))),
    ):
        bring()
        no = play.refused(cancel)
        assert (no.code, no.facts["state"]) == ("payments.not_cancellable", state)


def test_a_reason_is_one_short_line() -> None:
    play = Play().opened()
    play.when(submit(pay()))
    for reason in ("x" * 501, "two\nlines"):
        no = play.refused(CancelPayment(transaction_id="p1", reason=reason))
        assert no.code == "payments.bad_reason"


# -- review ----------------------------------------------------------------------------------------


def test_a_review_needs_other_eyes() -> None:
    play = Play().opened()
    play.when(submit(pay(hits=["hit"])), actor="clerk")
    for actor in ("clerk", "Clerk", ""):
        for command in (ApproveReview(transaction_id="p1"), RejectReview(transaction_id="p1")):
            assert play.refused(command, actor=actor).code == "payments.own_review"


def test_an_approved_payment_takes_the_cycle_that_suits_it_now() -> None:
    play = Play().opened()
    play.when(submit(pay(hits=["hit"], window=Window.T1)))
    play.at_us = at("2026-01-06T15:00:00")
    approve = ApproveReview(transaction_id="p1")
    [event] = play.when(approve, actor="chief")
    # Its value date has come, the days of its window are not counted again.
    close = at("2026-01-06T16:00:00")
    assert event == ReviewApproved("p1", "2026-01-06T1600Z", close, "chief")
    assert play.when(approve, actor="chief") == []
    reject = RejectReview(transaction_id="p1")
    assert play.refused(reject, actor="chief").code == "payments.not_in_review"
    [closed] = play.until("2026-01-06T16:00:00")
    assert [item.transaction_id for item in closed.items] == ["p1"]
    play.check_memory()


def test_an_approved_payment_whose_day_has_passed_takes_the_next() -> None:
    play = Play().opened()
    play.when(submit(pay(hits=["hit"], value_date="2026-01-05")))
    play.at_us = at("2026-01-06T15:00:00")
    play.when(ApproveReview(transaction_id="p1"), actor="chief")
    assert play.body["cycle_id"] == "2026-01-06T1600Z"


def test_an_approved_gross_payment_is_due_at_once_or_with_the_next_open_day() -> None:
    play = Play().opened()
    play.when(submit(pay("a", hits=["hit"], window=Window.RTGS)))
    play.when(submit(pay("b", hits=["hit"], window=Window.RTGS)))
    play.when(ApproveReview(transaction_id="a"), actor="chief")
    assert play.room.due(play.state) == play.at_us
    play.at_us = at("2026-01-05T18:00:00")
    play.when(ApproveReview(transaction_id="b"), actor="chief")
    due = [cycle.cut_off_at_us for cycle in play.state.cycles.values()]
    assert due == [at("10:00:00"), at("2026-01-06T00:00:00")]
    play.check_memory()


def test_a_rejected_payment_fails() -> None:
    play = Play().opened()
    play.when(submit(pay(hits=["hit"])))
    reject = RejectReview(transaction_id="p1", reason="confirmed")
    [event] = play.when(reject, actor="chief")
    assert event == PaymentsFailed(CYCLE, [released("p1", "confirmed")])
    assert play.when(reject, actor="chief") == []
    approve = ApproveReview(transaction_id="p1")
    no = play.refused(approve, actor="chief")
    assert (no.code, no.facts["state"]) == ("payments.not_in_review", "failed")
    play.check_memory()


def test_a_held_payment_can_be_taken_back() -> None:
    play = Play().opened()
    play.when(submit(pay(hits=["hit"])))
    assert play.when(CancelPayment(transaction_id="p1"))
    play.check_memory()


def test_what_was_never_held_is_not_reviewed() -> None:
    play = Play().opened()
    play.when(submit(pay()))
    no = play.refused(ApproveReview(transaction_id="p1"), actor="chief")
    assert (no.code, no.facts["state"]) == ("payments.not_in_review", "accepted")


# -- refused after all -----------------------------------------------------------------------------


def test_the_ledger_or_the_limits_refuse_in_the_same_row_only() -> None:
    play = Play().opened()
    play.when(submit(pay("a"), pay("b"), pay("c", hits=["hit"])))
    refused = [("a", "ledger.exceeds_credits"), ("c", "risk.exceeds_limit")]
    assert play.when(RefusePayments(refused=refused), same_row=True) == [
        TransactionsRefused(refused)
    ]
    [closed] = play.until("16:00:00")
    assert [item.transaction_id for item in closed.items] == ["b"]
    late = RefusePayments(refused=[("b", "late")])
    assert play.refused(late).code == "payments.not_in_course"
    play.check_memory()


def test_a_cycle_of_which_all_was_refused_never_closes() -> None:
    play = Play().opened()
    play.when(submit(pay()))
    assert play.room.due(play.state) == at("16:00:00")
    play.when(RefusePayments(refused=[("p1", "no")]), same_row=True)
    assert play.room.due(play.state) is None
    assert play.when(RefusePayments(refused=[])) == []


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_the_end_of_a_payment_is_known_for_ever(hot_max: int) -> None:
    play = Play(hot_max=hot_max).opened()
    play.when(submit(pay("refused")))
    play.when(RefusePayments(refused=[("refused", "no")]), same_row=True)
    play.when(submit(pay("cancelled")))
    play.when(CancelPayment(transaction_id="cancelled"))
    play.when(submit(pay("failed", hits=["hit"])))
    play.when(RejectReview(transaction_id="failed"), actor="chief")
    play.when(submit(pay("settled"), pay("reversed")))
    play.until("16:00:00")
    items = [("settled", 1), ("reversed", 1)]
    play.when(AssignBatch(cycle_id=CYCLE, batch_id="b", items=items))
    play.when(SettleBatches(cycle_id=CYCLE, batch_ids=["b"]))
    play.settle()
    play.when(ReversePayments(cycle_id=CYCLE, transaction_ids=["reversed"], reason="r"))
    play.settle()
    for state in ("refused", "failed", "settled", "reversed"):
        no = play.refused(CancelPayment(transaction_id=state))
        assert (no.code, no.facts["state"]) == ("payments.not_cancellable", state)
    assert play.when(CancelPayment(transaction_id="cancelled")) == []
    assert play.when(RejectReview(transaction_id="failed")) == []
    for state in ("refused", "cancelled", "settled", "reversed"):
        no = play.refused(RejectReview(transaction_id=state), actor="chief")
        assert (no.code, no.facts["state"]) == ("payments.not_in_review", state)
    play.check_memory()
