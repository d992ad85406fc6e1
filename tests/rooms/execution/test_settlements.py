"""A settlement from plan to end: certificates, pay-ins, finality, pay-outs, returns, reversal."""

from __future__ import annotations

import pytest

from nostro.execution import (
    AbandonSettlement,
    BatchCertified,
    CertifyBatch,
    ConfirmSettlement,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    PlanSettlement,
    Purpose,
    ReverseSettlement,
    SettlementConfirmed,
    SettlementFailed,
    SettlementReversed,
    StartPayOuts,
)
from nostro.kernel.messages import Event
from tests.rooms.execution.play import A, B, Play, X, Y, kinds, pay_out


def only(events: list[Event], cls: type) -> Event:
    (found,) = [event for event in events if type(event) is cls]
    return found


def test_nothing_moves_before_the_last_certificate() -> None:
    play = Play()
    plan = PlanSettlement(settlement_id="c1", batch_ids=["c1.1", "c1.2"], instructions=[A, X])
    assert kinds(play.when(plan)) == ["SettlementPlanned"]
    first = play.when(CertifyBatch(settlement_id="c1", batch_id="c1.2"))
    assert first == [BatchCertified("c1", "c1.2", 1)]
    assert play.room.due(play.state) is None
    last = play.when(CertifyBatch(settlement_id="c1", batch_id="c1.1"))
    assert kinds(last) == ["BatchCertified", "SettlementInitiated", "AttemptStarted"]
    play.check()


def test_a_certificate_that_comes_twice_changes_nothing() -> None:
    play = Play().begun(A, X)
    assert play.when(CertifyBatch(settlement_id="c1", batch_id="c1.1")) == []


def test_certificates_of_a_settlement_that_failed_change_nothing() -> None:
    play = Play(ended_hot_max=0)
    play.when(PlanSettlement(settlement_id="c1", batch_ids=["c1.1", "c1.2"], instructions=[A, X]))
    lost = play.when(AbandonSettlement(settlement_id="c1", reason="rejected"))
    assert lost == [SettlementFailed("c1", ["c1.1", "c1.2"], "", "rejected", [])]
    play.settle()
    assert play.when(CertifyBatch(settlement_id="c1", batch_id="c1.2")) == []
    assert play.when(AbandonSettlement(settlement_id="c1", reason="rejected")) == []
    play.check()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (CertifyBatch(settlement_id="c9", batch_id="c1.1"), "execution.settlement_unknown"),
        (CertifyBatch(settlement_id="c1", batch_id="c1.9"), "execution.batch_unknown"),
        (StartPayOuts(settlement_id="c1"), "execution.not_final"),
        (AbandonSettlement(settlement_id="c1", reason="x"), "execution.settlement_begun"),
        (ReverseSettlement(settlement_id="c1", reason="x"), "execution.not_final"),
        (
            PlanSettlement(settlement_id="c1", batch_ids=["b"], instructions=[]),
            "execution.settlement_exists",
        ),
        (
            PlanSettlement(settlement_id="c2", batch_ids=[], instructions=[]),
            "execution.bad_plan",
        ),
        (
            PlanSettlement(settlement_id="c2", batch_ids=["b"], instructions=[A]),
            "execution.bad_plan",
        ),
        (
            PlanSettlement(settlement_id="c2", batch_ids=["b"], instructions=[pay_out("z", 0)]),
            "execution.bad_plan",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_trace(command: object, code: str) -> None:
    play = Play().begun(A, X)
    digest = play.room.digest(play.state)
    assert play.refused(command).code == code  # type: ignore[arg-type]
    assert play.room.digest(play.state) == digest


def test_funds_are_secured_with_the_last_pay_in() -> None:
    play = Play().begun(A, B, X)
    assert kinds(play.told(A, "settled")) == ["AttemptEnded", "InstructionSettled"]
    events = play.told(B, "settled")
    assert events[-1] == FundsSecured("c1", ["c1.1"], [X], [A, B])
    play.check()


def test_without_pay_ins_funds_are_secured_at_once() -> None:
    play = Play().planned(X)
    events = play.when(CertifyBatch(settlement_id="c1", batch_id="c1.1"))
    assert kinds(events) == ["BatchCertified", "SettlementInitiated", "FundsSecured"]


def test_a_settlement_is_confirmed_when_every_pay_out_has_ended() -> None:
    play = Play().paying_out(X, Y)
    play.told(X, "settled")
    events = play.told(Y, "refused", "counterparty_failed")
    assert only(events, InstructionFailed) == InstructionFailed("c1", Y, "counterparty_failed")
    assert events[-1] == SettlementConfirmed("c1", ["c1.1"], [Y.instruction_id])
    assert not play.state.settlements
    assert not play.state.instructions
    play.check()


def test_without_pay_outs_it_is_confirmed_at_once() -> None:
    play = Play().begun(A)
    play.told(A, "settled")
    assert play.when(StartPayOuts(settlement_id="c1")) == [SettlementConfirmed("c1", ["c1.1"], [])]


def test_what_the_ledger_would_not_set_aside_fails_at_once() -> None:
    play = Play().begun(X, Y)
    start = StartPayOuts(settlement_id="c1", refused=[(X.instruction_id, "ledger.frozen")])
    events = play.when(start)
    assert kinds(events) == ["InstructionFailed", "AttemptStarted"]
    assert play.when(start) == []
    assert play.told(Y, "settled")[-1] == SettlementConfirmed("c1", ["c1.1"], [X.instruction_id])
    assert play.when(start) == []
    play.check()


def test_when_all_are_refused_it_is_confirmed_without_a_movement() -> None:
    play = Play().begun(X)
    events = play.when(StartPayOuts(settlement_id="c1", refused=[(X.instruction_id, "no")]))
    assert kinds(events) == ["InstructionFailed", "SettlementConfirmed"]
    play.check()


# -- a pay-in that fails --------------------------------------------------------------------------


def test_a_pay_in_that_fails_sends_the_others_back() -> None:
    play = Play().begun(A, B, X)
    play.told(A, "settled")
    events = play.told(B, "refused", "counterparty_failed")
    back = NewInstruction(
        f"{A.instruction_id}:return", "a", "EUR", X.direction, 100, Purpose.RETURN
    )
    assert only(events, SettlementFailed) == SettlementFailed(
        "c1", ["c1.1"], "b", "counterparty_failed", [back]
    )
    assert kinds(events)[-1] == "AttemptStarted"
    assert X.instruction_id not in play.state.instructions
    play.check()
    assert kinds(play.told(back, "settled")) == ["AttemptEnded", "InstructionSettled"]
    assert not play.state.settlements
    play.check()


def test_a_pay_in_that_arrives_after_the_failure_is_sent_back_too() -> None:
    play = Play().begun(A, B, X)
    play.told(A, "unknown")
    play.told(B, "refused", "counterparty_failed")
    assert kinds(play.reload().told(A, "settled")) == [
        "AttemptEnded",
        "InstructionSettled",
        "AttemptStarted",
    ]
    play.check()
    (back,) = play.state.instructions.values()
    assert back.order.purpose is Purpose.RETURN
    play.told(back.order, "settled")
    assert not play.state.settlements


def test_a_pay_in_under_way_at_the_failure_is_not_tried_again() -> None:
    play = Play().begun(A, B, X)
    play.told(B, "refused", "counterparty_failed")
    assert kinds(play.told(A, "refused", "liquidity")) == ["AttemptEnded", "InstructionFailed"]
    assert not play.state.settlements
    play.check()


def test_a_return_that_fails_for_good_only_ends() -> None:
    play = Play().begun(A, B)
    play.told(A, "settled")
    play.told(B, "refused", "counterparty_failed")
    (back,) = play.state.instructions.values()
    events = play.told(back.order, "refused", "counterparty_failed")
    assert kinds(events) == ["AttemptEnded", "InstructionFailed"]
    assert not play.state.settlements
    play.check()


# -- confirmed from outside -----------------------------------------------------------------------


def confirmation(order: NewInstruction, **other: object) -> ConfirmSettlement:
    told = {
        "settlement_id": "c1",
        "instruction_id": order.instruction_id,
        "currency": "EUR",
        "amount_minor": order.amount_minor,
        "rail_reference": "bank-1",
    }
    return ConfirmSettlement(**{**told, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("heard", ["", "unknown", "pending"])
def test_a_confirmation_from_outside_settles_what_is_under_way(heard: str) -> None:
    play = Play(ended_hot_max=0).begun(A)
    if heard:
        play.told(A, heard)
    events = play.when(confirmation(A), actor="clerk")
    assert only(events, InstructionSettled) == InstructionSettled(
        "c1", A, "rtgs", "bank-1", 0, "clerk"
    )
    play.settle()
    assert play.when(confirmation(A), actor="clerk") == []
    assert play.body["exists"]
    assert play.told(A, "settled") == []
    assert kinds(play.told(A, "refused", "liquidity")) == ["BreakNoted"]
    play.check()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (confirmation(A, settlement_id="c9"), "execution.settlement_unknown"),
        (confirmation(A, instruction_id="c1:zz"), "execution.instruction_unknown"),
        (confirmation(A, amount_minor=101), "execution.confirmation_differs"),
        (confirmation(A, currency="USD"), "execution.confirmation_differs"),
        (confirmation(X), "execution.not_sent"),
    ],
)
def test_a_confirmation_that_does_not_fit_is_refused(command: ConfirmSettlement, code: str) -> None:
    play = Play().begun(A, X)
    digest = play.room.digest(play.state)
    assert play.refused(command).code == code
    assert play.room.digest(play.state) == digest


def test_a_confirmation_of_what_certainly_did_not_move_is_refused() -> None:
    play = Play().begun(A)
    play.told(A, "refused", "liquidity")
    assert play.refused(confirmation(A)).code == "execution.not_sent"


@pytest.mark.parametrize("hot", [0, 100])
def test_a_confirmation_of_what_has_failed_is_refused_and_noted(hot: int) -> None:
    play = Play(ended_hot_max=hot).paying_out(X)
    play.told(X, "refused", "counterparty_failed")
    play.settle()
    assert play.refused(confirmation(X)).code == "execution.already_failed"
    assert "confirmed_after_failure" in play.rows[play.height][1].decode()
    play.check()


# -- reversal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hot", [0, 100])
def test_a_settlement_is_reversed_once(hot: int) -> None:
    play = Play(ended_hot_max=hot).paying_out(X)
    play.told(X, "settled")
    play.settle()
    command = ReverseSettlement(settlement_id="c1", reason="fraud")
    assert play.when(command, actor="clerk") == [
        SettlementReversed("c1", ["c1.1"], [], "fraud", "clerk")
    ]
    assert play.when(command) == []
    assert play.body["exists"]
    some = ReverseSettlement(settlement_id="c1", transaction_ids=["t1"], reason="fraud")
    assert play.refused(some).code == "execution.reversed"
    play.check()


def test_payments_of_a_settlement_are_reversed_once_each() -> None:
    play = Play().paying_out(X)

    def reverse(*names: str) -> list[Event]:
        return play.when(
            ReverseSettlement(settlement_id="c1", transaction_ids=list(names), reason="r")
        )

    assert only(reverse("t1", "t2", "t1"), SettlementReversed) == SettlementReversed(
        "c1", ["c1.1"], ["t1", "t2"], "r", "performer"
    )
    assert reverse("t2") == []
    assert only(reverse("t2", "t3"), SettlementReversed) == SettlementReversed(
        "c1", ["c1.1"], ["t3"], "r", "performer"
    )
    assert kinds(reverse()) == ["SettlementReversed"]
    play.check()
