"""Which story does a withdrawal tell: held, paid out by a rail, posted; or released?

The rail is asked only after the row that approved the withdrawal is durable. What the rail says
counts: if the ledger cannot post a settled payout from its hold (the wallet was frozen meanwhile),
the money is booked out against suspense until someone clears it; if it cannot be booked at all,
the payout counts as sent until it can.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.flows import books
from nostro.kernel.messages import Rejection
from nostro.kernel.room import Answer, Order, Perform, Step
from nostro.ledger import Action, CreateTransfersTogether, NewTransfer
from nostro.wallets import (
    AwaitPayout,
    ConfirmHold,
    KeepPayoutSuspended,
    NoteBreak,
    PayoutCleared,
    PayoutSuspended,
    RefuseWithdrawal,
    ReopenPayout,
    SendPayout,
    SuspendPayout,
    WithdrawalApproved,
    WithdrawalCancelled,
    WithdrawalFailed,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
    WithdrawalState,
)

NOT_BOOKABLE = "wallets.payout_not_bookable"


def hold(event: WithdrawalRequested) -> Sequence[Step]:
    """Hold the funds and go on, or refuse the withdrawal."""
    transfer = NewTransfer(
        id=books.hold_id(event.withdrawal_id),
        action=Action.HOLD,
        debit=books.wallet_account(event.user_id, event.asset),
        credit=books.nostro_account(event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.WITHDRAWAL,
        reference=event.withdrawal_id,
    )

    def refused(no: Rejection) -> Sequence[Step]:
        command = RefuseWithdrawal(withdrawal_id=event.withdrawal_id, reason=no.code)
        facts = {
            **no.facts,
            "withdrawal_id": event.withdrawal_id,
            "state": WithdrawalState.REFUSED.value,
        }
        return [Order(command), Answer(code=no.code, facts=facts)]

    return [
        Order(CreateTransfersTogether(transfers=[transfer]), otherwise=refused),
        Order(ConfirmHold(withdrawal_id=event.withdrawal_id)),
    ]


def pay_out(event: WithdrawalApproved) -> Sequence[Step]:
    """Ask the rail, once the row is durable."""
    effect = SendPayout(
        withdrawal_id=event.withdrawal_id,
        user_id=event.user_id,
        asset=event.asset,
        amount_minor=event.amount_minor,
        destination=event.destination,
    )
    return [Perform(effect)]


def follow_up(event: WithdrawalSent) -> Sequence[Step]:
    """Ask the rail until the payout is final."""
    return [Perform(AwaitPayout(withdrawal_id=event.withdrawal_id))]


def post(event: WithdrawalSettled) -> Sequence[Step]:
    """Post the hold, or suspend the payout."""

    def suspended(no: Rejection) -> Sequence[Step]:
        return [Order(SuspendPayout(withdrawal_id=event.withdrawal_id, reason=no.code))]

    transfers = [_posting(event)]
    return [Order(CreateTransfersTogether(transfers=transfers), otherwise=suspended)]


def suspend(event: PayoutSuspended) -> Sequence[Step]:
    """Book the payout against suspense, or let it count as sent."""
    loss = NewTransfer(
        id=books.loss_id(event.withdrawal_id, event.attempt),
        debit=books.suspense_account(event.asset),
        credit=books.nostro_account(event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.SUSPENSE,
        reference=event.withdrawal_id,
    )

    def reopened(no: Rejection) -> Sequence[Step]:
        command = ReopenPayout(withdrawal_id=event.withdrawal_id, reason=no.code)
        facts = {
            "withdrawal_id": event.withdrawal_id,
            "state": WithdrawalState.SENT.value,
            "reason": no.code,
        }
        return [Order(command), Answer(code=NOT_BOOKABLE, facts=facts)]

    body = {
        "withdrawal_id": event.withdrawal_id,
        "user_id": event.user_id,
        "asset": event.asset,
        "amount_minor": event.amount_minor,
        "destination": event.destination,
        "state": WithdrawalState.SUSPENDED.value,
        "approvals_missing": 0,
        "reason": event.reason,
    }
    return [
        Answer(body=body),
        Order(CreateTransfersTogether(transfers=[loss]), otherwise=reopened),
    ]


def clear(event: PayoutCleared) -> Sequence[Step]:
    """Post the hold and book suspense back, or leave both as they are."""
    back = NewTransfer(
        id=books.clear_id(event.withdrawal_id, event.attempt),
        debit=books.nostro_account(event.asset),
        credit=books.suspense_account(event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.RELEASE,
        reference=event.withdrawal_id,
    )

    def kept(no: Rejection) -> Sequence[Step]:
        command = KeepPayoutSuspended(withdrawal_id=event.withdrawal_id, reason=no.code)
        return [Order(command), Answer(code=no.code, facts=dict(no.facts))]

    transfers = [_posting(event), back]
    return [Order(CreateTransfersTogether(transfers=transfers), otherwise=kept)]


def release(event: WithdrawalFailed | WithdrawalCancelled) -> Sequence[Step]:
    """Release the funds; if the ledger says that the hold is no longer there, note the break."""
    transfer = NewTransfer(
        id=books.void_id(event.withdrawal_id),
        action=Action.VOID,
        refers_to=books.hold_id(event.withdrawal_id),
        code=books.TransferCode.WITHDRAWAL,
        reference=event.withdrawal_id,
    )

    def noted(no: Rejection) -> Sequence[Step]:
        return [Order(NoteBreak(withdrawal_id=event.withdrawal_id, reason=no.code))]

    return [Order(CreateTransfersTogether(transfers=[transfer]), otherwise=noted)]


def _posting(event: WithdrawalSettled | PayoutCleared) -> NewTransfer:
    return NewTransfer(
        id=books.post_id(event.withdrawal_id, event.attempt),
        action=Action.POST,
        refers_to=books.hold_id(event.withdrawal_id),
        code=books.TransferCode.WITHDRAWAL,
        reference=event.withdrawal_id,
    )
