"""What did the rail say of a payout, in whatever order and however often it says it?"""

from __future__ import annotations

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.wallets import commands as c, events as e
from nostro.wallets.checks import REASON_MAX
from nostro.wallets.state import ATTEMPTS_MAX, WalletsState, Withdrawal, WithdrawalState
from nostro.wallets.withdrawals import (
    facts,
    in_course,
    known,
    present,
    told,
    withdrawal_body,
)

SETTLED_AFTER_FAILED = "settled_after_failed"
FAILED_AFTER_SETTLED = "failed_after_settled"


def record_sent(state: WalletsState, command: c.RecordPayoutSent, context: Context) -> Decision:
    """Note that the rail has it; late news changes nothing."""
    withdrawal = known(state, command, context)
    match withdrawal.state:
        case WithdrawalState.APPROVED:
            sent = e.WithdrawalSent(*told(withdrawal, context))
            return _now(withdrawal, sent, WithdrawalState.SENT)
        case WithdrawalState.SENT | WithdrawalState.SETTLED | WithdrawalState.FAILED:
            return present(withdrawal)
        case _:
            raise _not_ordered(withdrawal)


def record_settled(
    state: WalletsState, command: c.RecordPayoutSettled, context: Context
) -> Decision:
    """Note that the payout is final, even if nobody said that it was sent."""
    withdrawal = known(state, command, context)
    match withdrawal.state:
        case WithdrawalState.APPROVED | WithdrawalState.SENT:
            if withdrawal.attempts >= ATTEMPTS_MAX:
                raise Rejection("wallets.attempts_exhausted", **facts(withdrawal))
            settled = e.WithdrawalSettled(*told(withdrawal, context), withdrawal.attempts + 1)
            return _now(withdrawal, settled, WithdrawalState.SETTLED)
        case WithdrawalState.SETTLED:
            return present(withdrawal)
        case WithdrawalState.FAILED:
            no = Rejection("wallets.payout_already_failed", **facts(withdrawal))
            return _contradiction(withdrawal, context, SETTLED_AFTER_FAILED, no)
        case _:
            raise _not_ordered(withdrawal)


def record_failed(state: WalletsState, command: c.RecordPayoutFailed, context: Context) -> Decision:
    """Note that the payout will never happen."""
    withdrawal = known(state, command, context)
    reason = command.reason[:REASON_MAX]
    match withdrawal.state:
        case WithdrawalState.APPROVED | WithdrawalState.SENT:
            failed = e.WithdrawalFailed(*told(withdrawal, context), reason)
            return _now(withdrawal, failed, WithdrawalState.FAILED, reason)
        case WithdrawalState.FAILED:
            return present(withdrawal)
        case WithdrawalState.SETTLED:
            no = Rejection("wallets.payout_already_settled", **facts(withdrawal))
            return _contradiction(withdrawal, context, FAILED_AFTER_SETTLED, no)
        case _:
            raise _not_ordered(withdrawal)


def reopen(state: WalletsState, command: c.ReopenPayout, context: Context) -> Decision:
    """Note that the settled payout could not be booked, in the row that settled it."""
    withdrawal = in_course(state, command, context, WithdrawalState.SETTLED)
    return Decision([e.PayoutReopened(*told(withdrawal, context), command.reason)])


def note_break(state: WalletsState, command: c.NoteBreak, context: Context) -> Decision:
    """Note that the ledger would not resolve the hold, in the row that ended the withdrawal."""
    withdrawal = in_course(
        state,
        command,
        context,
        WithdrawalState.SETTLED,
        WithdrawalState.FAILED,
        WithdrawalState.CANCELLED,
    )
    noted = e.WithdrawalBreakNoted(withdrawal.withdrawal_id, context.actor, command.reason)
    return Decision([noted])


def _now(
    withdrawal: Withdrawal, event: Event, state: WithdrawalState, reason: str = ""
) -> Decision:
    body = {**withdrawal_body(withdrawal), "state": state.value}
    if reason:
        body["reason"] = reason
    return Decision([event], body=body)


def _contradiction(
    withdrawal: Withdrawal, context: Context, what: str, refusal: Rejection
) -> Decision:
    noted = e.WithdrawalBreakNoted(withdrawal.withdrawal_id, context.actor, what)
    return Decision([noted], refusal=refusal)


def _not_ordered(withdrawal: Withdrawal) -> Rejection:
    return Rejection("wallets.payout_not_ordered", **facts(withdrawal))
