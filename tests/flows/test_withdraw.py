"""The story of a withdrawal: each event and its steps, then whole stories over both rooms."""

from __future__ import annotations

from nostro.flows import withdraw
from nostro.kernel.messages import Rejection
from nostro.kernel.room import Answer, Order, Perform
from nostro.ledger import Action, CreateTransfers, CreateTransfersTogether, NewTransfer
from nostro.wallets import (
    ApproveWithdrawal,
    AwaitPayout,
    CancelWithdrawal,
    ClearPayout,
    ConfirmDeposit,
    ConfirmHold,
    KeepPayoutSuspended,
    NoteBreak,
    PayoutCleared,
    PayoutSuspended,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    RefuseWithdrawal,
    ReopenPayout,
    RequestWithdrawal,
    SendPayout,
    SubmitDeposit,
    SuspendPayout,
    WithdrawalApproved,
    WithdrawalCancelled,
    WithdrawalFailed,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
)
from tests.flows.test_deposit import only_transfer
from tests.flows.town import Town

TOLD = ("w-1", "alice", "EUR", 3_000, "DE89", "clerk")
KEY = {"withdrawal_id": "w-1"}
REQUEST = RequestWithdrawal(
    **KEY, user_id="alice", asset="EUR", amount_minor=3_000, destination="DE89"
)
APPROVE = ApproveWithdrawal(**KEY)
SENT = RecordPayoutSent(**KEY)
SETTLED = RecordPayoutSettled(**KEY)
CLEAR = ClearPayout(**KEY)
FAILED = RecordPayoutFailed(**KEY, reason="closed")
PAYOUT = SendPayout(**KEY, user_id="alice", asset="EUR", amount_minor=3_000, destination="DE89")
NO = Rejection("ledger.debit_frozen", account="wallet:alice:EUR")
WALLET = "wallet:alice:EUR"


# -- event in, steps out --------------------------------------------------------------------------


def test_a_requested_withdrawal_is_held_or_else_refused() -> None:
    step, then = withdraw.hold(WithdrawalRequested(*TOLD, 0))
    transfer = only_transfer(step)
    assert (transfer.action, transfer.id) == (Action.HOLD, "withdrawal:w-1")
    assert (transfer.debit, transfer.credit) == (WALLET, "nostro:EUR")
    assert then == Order(ConfirmHold(**KEY))
    assert isinstance(step, Order)
    assert step.otherwise is not None
    refused, answer = step.otherwise(NO)
    assert refused == Order(RefuseWithdrawal(**KEY, reason=NO.code))
    assert isinstance(answer, Answer)
    assert answer.code == NO.code
    assert answer.facts == {"account": WALLET, **KEY, "state": "refused"}


def test_an_approved_withdrawal_is_paid_out_and_a_sent_one_is_followed_up() -> None:
    assert withdraw.pay_out(WithdrawalApproved(*TOLD)) == [Perform(PAYOUT)]
    assert withdraw.follow_up(WithdrawalSent(*TOLD)) == [Perform(AwaitPayout(**KEY))]


def test_a_settled_withdrawal_is_posted_or_else_suspended() -> None:
    (step,) = withdraw.post(WithdrawalSettled(*TOLD, 1))
    transfer = only_transfer(step)
    assert (transfer.action, transfer.refers_to) == (Action.POST, "withdrawal:w-1")
    assert isinstance(step, Order)
    assert step.otherwise is not None
    assert step.otherwise(NO) == [Order(SuspendPayout(**KEY, reason=NO.code))]


def test_a_suspended_payout_is_booked_against_suspense_or_else_reopened() -> None:
    told, step = withdraw.suspend(PayoutSuspended(*TOLD, 1, NO.code))
    assert isinstance(told, Answer)
    assert (told.body["state"], told.body["reason"]) == ("suspended", NO.code)
    booked = only_transfer(step)
    assert (booked.debit, booked.credit) == ("suspense:EUR", "nostro:EUR")
    assert isinstance(step, Order)
    assert step.otherwise is not None
    reopened, answer = step.otherwise(NO)
    assert reopened == Order(ReopenPayout(**KEY, reason=NO.code))
    assert isinstance(answer, Answer)
    assert answer.code == "wallets.payout_not_bookable"


def test_a_cleared_payout_is_posted_and_suspense_booked_back_or_else_both_stay() -> None:
    (step,) = withdraw.clear(PayoutCleared(*TOLD, 2))
    assert isinstance(step, Order)
    assert isinstance(step.command, CreateTransfersTogether)
    posting, back = step.command.transfers
    assert (posting.id, posting.refers_to) == ("withdrawal.post.2:w-1", "withdrawal:w-1")
    assert (back.debit, back.credit) == ("nostro:EUR", "suspense:EUR")
    assert step.otherwise is not None
    kept, answer = step.otherwise(NO)
    assert kept == Order(KeepPayoutSuspended(**KEY, reason=NO.code))
    assert answer == Answer(code=NO.code, facts=dict(NO.facts))


def test_a_failed_or_cancelled_withdrawal_is_released_or_else_noted_as_a_break() -> None:
    for event in (WithdrawalFailed(*TOLD, "closed"), WithdrawalCancelled(*TOLD, "")):
        (step,) = withdraw.release(event)
        transfer = only_transfer(step)
        assert (transfer.action, transfer.refers_to) == (Action.VOID, "withdrawal:w-1")
        assert isinstance(step, Order)
        assert step.otherwise is not None
        assert step.otherwise(NO) == [Order(NoteBreak(**KEY, reason=NO.code))]


# -- stories --------------------------------------------------------------------------------------


def funded(amount_minor: int = 5_000) -> Town:
    town = Town()
    name = {"user_id": "alice", "transaction_id": "tx-1"}
    town.tell(SubmitDeposit(**name, asset="EUR", amount_minor=amount_minor))
    assert town.tell(ConfirmDeposit(**name)).accepted
    return town


def large() -> Town:
    """A held withdrawal of 30,000 of 50,000, awaiting approval."""
    town = funded(50_000)
    reply = town.tell(
        RequestWithdrawal(
            **KEY, user_id="alice", asset="EUR", amount_minor=30_000, destination="DE89"
        )
    )
    assert reply.body["state"] == "awaiting_approval"
    return town


def test_a_withdrawal_beyond_the_funds_is_refused_and_stays_refused() -> None:
    town = funded(2_999)
    reply = town.tell(REQUEST)
    assert reply.code == "ledger.exceeds_credits"
    assert reply.facts["available_minor"] == 2_999
    assert (town.held(WALLET), town.effects) == (0, [])
    assert town.kinds() == ["WithdrawalRequested", "TransfersRefused", "WithdrawalRefused"]
    assert town.tell(REQUEST).code == "ledger.exceeds_credits"
    assert town.kinds() == []


def test_a_withdrawal_from_a_frozen_wallet_is_refused() -> None:
    town = funded()
    town.freeze(WALLET)
    assert town.tell(REQUEST).code == "ledger.debit_frozen"
    assert town.effects == []


def test_two_withdrawals_cannot_spend_the_same_money() -> None:
    town = funded(5_000)
    assert town.tell(REQUEST).accepted
    second = RequestWithdrawal(
        withdrawal_id="w-2", user_id="alice", asset="EUR", amount_minor=3_000, destination="DE89"
    )
    assert town.tell(second).code == "ledger.exceeds_credits"
    assert town.held(WALLET) == 3_000


def test_a_repeated_request_holds_and_pays_out_once() -> None:
    town = funded()
    assert town.tell(REQUEST).body["state"] == "approved"
    assert town.tell(REQUEST).body["exists"] is True
    assert (town.held(WALLET), town.effects) == (3_000, [PAYOUT])


def test_no_payout_is_ordered_before_someone_else_approved() -> None:
    town = large()
    assert town.tell(APPROVE, actor="clerk").code == "wallets.approver_is_requester"
    assert (town.held(WALLET), town.effects) == (30_000, [])
    assert town.tell(APPROVE, actor="boss").body["state"] == "approved"
    assert len(town.effects) == 1
    town.tell(APPROVE, actor="boss")
    assert len(town.effects) == 1


def test_a_cancel_releases_the_funds_and_a_late_one_is_refused() -> None:
    town = large()
    assert town.tell(CancelWithdrawal(**KEY)).body["state"] == "cancelled"
    assert town.held(WALLET) == 0
    town = large()
    town.tell(APPROVE, actor="boss")
    assert town.tell(CancelWithdrawal(**KEY)).code == "wallets.payout_already_ordered"
    assert town.held(WALLET) == 30_000


def test_a_failed_payout_releases_the_funds_once() -> None:
    town = funded()
    town.tell(REQUEST)
    town.tell(SENT)
    for _ in range(2):
        assert town.tell(FAILED).body["state"] == "failed"
    assert (town.held(WALLET), town.posted(WALLET)) == (0, 5_000)
    assert town.tell(SETTLED).code == "wallets.payout_already_failed"
    assert town.posted(WALLET) == 5_000


def test_a_settled_payout_is_posted_once_whatever_comes_late() -> None:
    town = funded()
    town.tell(REQUEST)
    for outcome in (SETTLED, SENT, SETTLED):
        assert town.tell(outcome).body["state"] == "settled"
    assert town.tell(FAILED).code == "wallets.payout_already_settled"
    assert (town.held(WALLET), town.posted(WALLET), town.posted("nostro:EUR")) == (0, 2_000, -2_000)


def test_a_payout_settled_after_its_wallet_was_frozen_waits_in_suspense_until_it_is_cleared() -> (
    None
):
    town = funded()
    town.tell(REQUEST)
    town.freeze(WALLET)
    reply = town.tell(SETTLED)
    assert (reply.body["state"], reply.body["reason"]) == ("suspended", "ledger.debit_frozen")
    assert (town.posted("nostro:EUR"), town.posted("suspense:EUR")) == (-2_000, -3_000)
    assert (town.posted(WALLET), town.held(WALLET)) == (5_000, 3_000)

    assert town.tell(CLEAR).code == "ledger.debit_frozen"
    assert (town.posted(WALLET), town.posted("suspense:EUR")) == (5_000, -3_000)

    town.unfreeze(WALLET)
    assert town.tell(CLEAR).body["state"] == "settled"
    assert town.tell(CLEAR).body["exists"] is True
    assert (town.posted(WALLET), town.held(WALLET)) == (2_000, 0)
    assert (town.posted("nostro:EUR"), town.posted("suspense:EUR")) == (-2_000, 0)


def test_a_payout_that_can_be_booked_nowhere_counts_as_sent_until_it_can() -> None:
    town = funded()
    town.tell(REQUEST)
    town.freeze("nostro:EUR")
    reply = town.tell(SETTLED)
    assert (reply.code, reply.facts["state"]) == ("wallets.payout_not_bookable", "sent")
    assert (town.posted(WALLET), town.held(WALLET)) == (5_000, 3_000)

    town.unfreeze("nostro:EUR")
    assert town.tell(SETTLED).body["state"] == "settled"
    assert (town.posted(WALLET), town.held(WALLET)) == (2_000, 0)


def test_a_hold_that_someone_voided_by_hand_is_noted_as_a_break() -> None:
    town = funded()
    town.tell(REQUEST)
    void = NewTransfer(id="by-hand", action=Action.VOID, refers_to="withdrawal:w-1")
    town.tell(CreateTransfers(transfers=[void]))
    assert town.tell(FAILED).body["state"] == "failed"
    assert town.kinds() == ["WithdrawalFailed", "TransfersRefused", "WithdrawalBreakNoted"]
    assert (town.held(WALLET), town.posted(WALLET)) == (0, 5_000)
