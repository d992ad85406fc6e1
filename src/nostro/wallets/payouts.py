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
        case (
            WithdrawalState.SENT
            | WithdrawalState.SETTLED
            | WithdrawalState.SUSPENDED
            | WithdrawalState.FAILED
        ):
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
            settled = e.WithdrawalSettled(*told(withdrawal, context), _next_attempt(withdrawal))
            return _now(withdrawal, settled, WithdrawalState.SETTLED)
        case WithdrawalState.SETTLED | WithdrawalState.SUSPENDED:
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
        case WithdrawalState.SETTLED | WithdrawalState.SUSPENDED:
            no = Rejection("wallets.payout_already_settled", **facts(withdrawal))
            return _contradiction(withdrawal, context, FAILED_AFTER_SETTLED, no)
        case _:
            raise _not_ordered(withdrawal)


def clear(state: WalletsState, command: c.ClearPayout, context: Context) -> Decision:
    """Book a suspended payout from its hold."""
    withdrawal = known(state, command, context)
    match withdrawal.state:
        case WithdrawalState.SUSPENDED:
            cleared = e.PayoutCleared(*told(withdrawal, context), _next_attempt(withdrawal))
            return _now(withdrawal, cleared, WithdrawalState.SETTLED)
        case WithdrawalState.SETTLED:
            return present(withdrawal)
        case _:
            raise Rejection("wallets.payout_not_suspended", **facts(withdrawal))


def suspend(state: WalletsState, command: c.SuspendPayout, context: Context) -> Decision:
    """Note that the hold was not posted, in the row that settled the payout."""
    withdrawal = in_course(state, command, context, WithdrawalState.SETTLED)
    suspended = e.PayoutSuspended(*told(withdrawal, context), withdrawal.attempts, command.reason)
    return Decision([suspended])


def keep_suspended(
    state: WalletsState, command: c.KeepPayoutSuspended, context: Context
) -> Decision:
    """Note that the payout was not cleared, in the row that ordered it."""
    withdrawal = in_course(state, command, context, WithdrawalState.SETTLED)
    return Decision([e.PayoutKeptSuspended(*told(withdrawal, context), command.reason)])


def reopen(state: WalletsState, command: c.ReopenPayout, context: Context) -> Decision:
    """Note that suspense refused it too, in the row that settled the payout."""
    withdrawal = in_course(state, command, context, WithdrawalState.SUSPENDED)
    return Decision([e.PayoutReopened(*told(withdrawal, context), command.reason)])


def note_break(state: WalletsState, command: c.NoteBreak, context: Context) -> Decision:
    """Note that the ledger would not release the hold, in the row that ended the withdrawal."""
    withdrawal = in_course(
        state, command, context, WithdrawalState.FAILED, WithdrawalState.CANCELLED
    )
    noted = e.WithdrawalBreakNoted(withdrawal.withdrawal_id, context.actor, command.reason)
    return Decision([noted])


def _now(
    withdrawal: Withdrawal, event: Event, state: WithdrawalState, reason: str = ""
) -> Decision:
    body = {**withdrawal_body(withdrawal), "state": state.value}
    body.pop("reason", None)
    if reason:
        body["reason"] = reason
    return Decision([event], body=body)


def _next_attempt(withdrawal: Withdrawal) -> int:
    if withdrawal.attempts >= ATTEMPTS_MAX:
        raise Rejection(
            "wallets.attempts_exhausted", **facts(withdrawal), attempts_max=ATTEMPTS_MAX
        )
    return withdrawal.attempts + 1


def _contradiction(
    withdrawal: Withdrawal, context: Context, what: str, refusal: Rejection
) -> Decision:
    noted = e.WithdrawalBreakNoted(withdrawal.withdrawal_id, context.actor, what)
    return Decision([noted], refusal=refusal)


def _not_ordered(withdrawal: Withdrawal) -> Rejection:
    return Rejection("wallets.payout_not_ordered", **facts(withdrawal))
