"""How does money start to leave: requested, held, approved by others, or taken back in time?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.wallets import commands as c, events as e
from nostro.wallets.checks import (
    check_amount,
    check_destination,
    check_offered,
    check_reason,
    check_user_id,
    check_withdrawal_id,
)
from nostro.wallets.limits import WalletLimits
from nostro.wallets.state import WalletsState, Withdrawal, WithdrawalState

_CONTENT = ("user_id", "asset", "amount_minor", "destination")


def request(
    state: WalletsState, command: c.RequestWithdrawal, context: Context, limits: WalletLimits
) -> Decision:
    """Ask for a payout; the flow asks the ledger to hold the funds."""
    check_withdrawal_id(command.withdrawal_id)
    known = find(state, command, context)
    if known is not None:
        return _again(known, command)
    bounds = limits.of(command.asset)
    check_user_id(command.user_id)
    check_destination(command.destination)
    check_offered(state, command.asset)
    check_amount(
        amount_minor=command.amount_minor,
        asset=command.asset,
        minimum_minor=bounds.withdrawal_min_minor,
        maximum_minor=bounds.withdrawal_max_minor,
    )
    _check_wallet(state, command)
    withdrawal = Withdrawal(
        command.withdrawal_id,
        command.user_id,
        command.asset,
        command.amount_minor,
        command.destination,
        WithdrawalState.AWAITING_APPROVAL,
        approvals_needed=bounds.approvals_needed(command.amount_minor),
    )
    requested = e.WithdrawalRequested(*told(withdrawal, context), withdrawal.approvals_needed)
    if not withdrawal.approvals_needed:
        withdrawal.state = WithdrawalState.APPROVED
    return Decision([requested], body=withdrawal_body(withdrawal))


def confirm_hold(state: WalletsState, command: c.ConfirmHold, context: Context) -> Decision:
    """Go on once the funds are held; does nothing where the hold was refused."""
    withdrawal = in_course(
        state, command, context, WithdrawalState.REQUESTED, WithdrawalState.REFUSED
    )
    if withdrawal.state is WithdrawalState.REFUSED:
        return Decision()
    events: list[Event] = [e.WithdrawalHeld(*told(withdrawal, context))]
    if not withdrawal.approvals_needed:
        events.append(e.WithdrawalApproved(*told(withdrawal, context)))
    return Decision(events)


def refuse(state: WalletsState, command: c.RefuseWithdrawal, context: Context) -> Decision:
    """Note that the ledger would not hold the funds."""
    withdrawal = in_course(state, command, context, WithdrawalState.REQUESTED)
    return Decision([e.WithdrawalRefused(*told(withdrawal, context), command.reason)])


def approve(state: WalletsState, command: c.ApproveWithdrawal, context: Context) -> Decision:
    """Give one approval; the last one missing orders the payout."""
    withdrawal = known(state, command, context)
    match withdrawal.state:
        case WithdrawalState.AWAITING_APPROVAL:
            return _endorse(withdrawal, context)
        case (
            WithdrawalState.APPROVED
            | WithdrawalState.SENT
            | WithdrawalState.SETTLED
            | WithdrawalState.SUSPENDED
            | WithdrawalState.FAILED
        ):
            return present(withdrawal)
        case WithdrawalState.REQUESTED | WithdrawalState.REFUSED | WithdrawalState.CANCELLED:
            raise Rejection("wallets.withdrawal_not_awaiting_approval", **facts(withdrawal))


def cancel(state: WalletsState, command: c.CancelWithdrawal, context: Context) -> Decision:
    """Take a withdrawal back while no payout is ordered."""
    check_reason(command.reason)
    withdrawal = known(state, command, context)
    match withdrawal.state:
        case WithdrawalState.REQUESTED | WithdrawalState.AWAITING_APPROVAL:
            cancelled = e.WithdrawalCancelled(*told(withdrawal, context), command.reason)
            body = {**withdrawal_body(withdrawal), "state": WithdrawalState.CANCELLED.value}
            return Decision([cancelled], body={**body, "approvals_missing": 0})
        case WithdrawalState.CANCELLED:
            return present(withdrawal)
        case (
            WithdrawalState.APPROVED
            | WithdrawalState.SENT
            | WithdrawalState.SETTLED
            | WithdrawalState.SUSPENDED
        ):
            raise Rejection("wallets.payout_already_ordered", **facts(withdrawal))
        case WithdrawalState.FAILED | WithdrawalState.REFUSED:
            raise Rejection("wallets.withdrawal_already_ended", **facts(withdrawal))


def _endorse(withdrawal: Withdrawal, context: Context) -> Decision:
    actor = context.actor
    if not actor:
        raise Rejection("wallets.approver_unnamed", **facts(withdrawal))
    if _same_person(actor, withdrawal.requested_by):
        raise Rejection("wallets.approver_is_requester", **facts(withdrawal), actor=actor)
    if _same_person(actor, withdrawal.user_id):
        raise Rejection("wallets.approver_is_customer", **facts(withdrawal), actor=actor)
    if any(_same_person(actor, other) for other in withdrawal.approved_by):
        return present(withdrawal)
    missing = withdrawal.approvals_missing - 1
    events: list[Event] = [e.WithdrawalEndorsed(*told(withdrawal, context), missing)]
    body = {**withdrawal_body(withdrawal), "approvals_missing": missing}
    if not missing:
        events.append(e.WithdrawalApproved(*told(withdrawal, context)))
        body["state"] = WithdrawalState.APPROVED.value
    return Decision(events, body=body)


def _same_person(actor: str, other: str) -> bool:
    """Tell whether two names may be one person: `Clerk` are not other eyes than `clerk`."""
    return actor.casefold() == other.casefold()


def _check_wallet(state: WalletsState, command: c.RequestWithdrawal) -> None:
    held = state.customers.get(command.user_id)
    if held is None:
        raise Rejection("wallets.customer_unknown", user_id=command.user_id)
    if command.asset not in held:
        raise Rejection("wallets.wallet_unknown", user_id=command.user_id, asset=command.asset)


def _again(withdrawal: Withdrawal, command: c.RequestWithdrawal) -> Decision:
    differs = [name for name in _CONTENT if getattr(withdrawal, name) != getattr(command, name)]
    if differs:
        raise Rejection("wallets.withdrawal_id_reused", **facts(withdrawal), differs=differs)
    if withdrawal.state is WithdrawalState.REFUSED:
        raise Rejection(withdrawal.reason, **facts(withdrawal), exists=True)
    return present(withdrawal)


# -- what payouts share ---------------------------------------------------------------------------


def find(state: WalletsState, command: Any, context: Context) -> Withdrawal | None:
    """Return the withdrawal a command names, or None."""
    found = state.course(command.stream, context.recalled)
    return found if isinstance(found, Withdrawal) else None


def known(state: WalletsState, command: Any, context: Context) -> Withdrawal:
    """Return the withdrawal a command names; raises Rejection `wallets.withdrawal_unknown`."""
    check_withdrawal_id(command.withdrawal_id)
    found = find(state, command, context)
    if found is None:
        raise Rejection("wallets.withdrawal_unknown", withdrawal_id=command.withdrawal_id)
    return found


def in_course(
    state: WalletsState, command: Any, context: Context, *expected: WithdrawalState
) -> Withdrawal:
    """Return the withdrawal if this very row brought it to an expected state; raises Rejection
    `wallets.not_in_course`."""
    withdrawal = known(state, command, context)
    if withdrawal.state not in expected or withdrawal.changed_at_height != context.height:
        raise Rejection("wallets.not_in_course", **facts(withdrawal))
    return withdrawal


def withdrawal_body(withdrawal: Withdrawal) -> dict[str, Any]:
    """Return what the caller is told of a withdrawal."""
    body: dict[str, Any] = {
        "withdrawal_id": withdrawal.withdrawal_id,
        "user_id": withdrawal.user_id,
        "asset": withdrawal.asset,
        "amount_minor": withdrawal.amount_minor,
        "destination": withdrawal.destination,
        "state": withdrawal.state.value,
        "approvals_missing": withdrawal.approvals_missing,
    }
    if withdrawal.reason:
        body["reason"] = withdrawal.reason
    return body


def present(withdrawal: Withdrawal) -> Decision:
    """Tell the present state, and change nothing."""
    return Decision(body={**withdrawal_body(withdrawal), "exists": True})


def told(withdrawal: Withdrawal, context: Context) -> tuple[str, str, str, int, str, str]:
    """Return the first fields of every event of a withdrawal."""
    return (
        withdrawal.withdrawal_id,
        withdrawal.user_id,
        withdrawal.asset,
        withdrawal.amount_minor,
        withdrawal.destination,
        context.actor,
    )


def facts(withdrawal: Withdrawal) -> dict[str, Any]:
    """Return what a refusal says of a withdrawal."""
    return {"withdrawal_id": withdrawal.withdrawal_id, "state": withdrawal.state.value}
