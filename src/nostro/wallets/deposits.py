"""How does money come in: submitted, confirmed or rejected, or suspended when not creditable?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.messages import Rejection
from nostro.kernel.room import Context, Decision
from nostro.wallets import commands as c, events as e
from nostro.wallets.checks import (
    check_amount,
    check_offered,
    check_reason,
    check_transaction_id,
    check_user_id,
)
from nostro.wallets.customers import opening
from nostro.wallets.limits import WalletLimits
from nostro.wallets.state import ATTEMPTS_MAX, Deposit, DepositState, WalletsState


def submit(
    state: WalletsState, command: c.SubmitDeposit, context: Context, limits: WalletLimits
) -> Decision:
    """Take note of money on its way."""
    known = _find(state, command, context)
    if known is not None:
        return _again(known, command)
    check_offered(state, command.asset)
    bounds = limits.of(command.asset)
    check_amount(
        amount_minor=command.amount_minor,
        asset=command.asset,
        minimum_minor=bounds.deposit_min_minor,
        maximum_minor=bounds.deposit_max_minor,
    )
    deposit = Deposit(
        command.user_id,
        command.transaction_id,
        command.asset,
        command.amount_minor,
        DepositState.SUBMITTED,
    )
    events = opening(state, command.user_id, command.asset, context.actor)
    events.append(e.DepositSubmitted(*_told(deposit, context)))
    return Decision(events, body=deposit_body(deposit, DepositState.SUBMITTED))


def confirm(state: WalletsState, command: c.ConfirmDeposit, context: Context) -> Decision:
    """State that the money is there."""
    deposit = _known(state, command, context)
    match deposit.state:
        case DepositState.SUBMITTED:
            confirmed = e.DepositConfirmed(*_told(deposit, context), _next_attempt(deposit))
            return Decision([confirmed], body=deposit_body(deposit, DepositState.CONFIRMED))
        case DepositState.CONFIRMED | DepositState.SUSPENDED:
            return _present(deposit)
        case DepositState.REJECTED:
            raise Rejection(
                "wallets.deposit_already_rejected", **_facts(deposit), reason=deposit.reason
            )


def reject(state: WalletsState, command: c.RejectDeposit, context: Context) -> Decision:
    """State that the money does not come."""
    check_reason(command.reason)
    deposit = _known(state, command, context)
    match deposit.state:
        case DepositState.SUBMITTED:
            rejected = e.DepositRejected(*_told(deposit, context), command.reason)
            body = deposit_body(deposit, DepositState.REJECTED, command.reason)
            return Decision([rejected], body=body)
        case DepositState.REJECTED:
            return _present(deposit)
        case DepositState.CONFIRMED | DepositState.SUSPENDED:
            raise Rejection("wallets.deposit_already_confirmed", **_facts(deposit))


def release(state: WalletsState, command: c.ReleaseDeposit, context: Context) -> Decision:
    """Move a suspended deposit to its wallet."""
    deposit = _known(state, command, context)
    match deposit.state:
        case DepositState.SUSPENDED:
            released = e.DepositReleased(*_told(deposit, context), _next_attempt(deposit))
            return Decision([released], body=deposit_body(deposit, DepositState.CONFIRMED))
        case DepositState.CONFIRMED:
            return _present(deposit)
        case DepositState.SUBMITTED | DepositState.REJECTED:
            raise Rejection("wallets.deposit_not_suspended", **_facts(deposit))


def suspend(state: WalletsState, command: c.SuspendDeposit, context: Context) -> Decision:
    """Note that the credit was refused, in the row that confirmed it."""
    deposit = _in_course(state, command, context, DepositState.CONFIRMED)
    told = _told(deposit, context)
    return Decision([e.DepositSuspended(*told, deposit.attempts, command.reason)])


def reopen(state: WalletsState, command: c.ReopenDeposit, context: Context) -> Decision:
    """Note that suspense refused it too, in the row that confirmed it."""
    deposit = _in_course(state, command, context, DepositState.SUSPENDED)
    return Decision([e.DepositReopened(*_told(deposit, context), command.reason)])


def keep_suspended(
    state: WalletsState, command: c.KeepDepositSuspended, context: Context
) -> Decision:
    """Note that the release was refused, in the row that ordered it."""
    deposit = _in_course(state, command, context, DepositState.CONFIRMED)
    return Decision([e.DepositKeptSuspended(*_told(deposit, context), command.reason)])


def deposit_body(deposit: Deposit, state: DepositState, reason: str = "") -> dict[str, Any]:
    """Return what the caller is told of a deposit."""
    body: dict[str, Any] = {
        "user_id": deposit.user_id,
        "transaction_id": deposit.transaction_id,
        "asset": deposit.asset,
        "amount_minor": deposit.amount_minor,
        "state": state.value,
    }
    if reason:
        body["reason"] = reason
    return body


def _present(deposit: Deposit) -> Decision:
    return Decision(body={**deposit_body(deposit, deposit.state, deposit.reason), "exists": True})


def _again(deposit: Deposit, command: c.SubmitDeposit) -> Decision:
    differs = [
        name
        for name in ("asset", "amount_minor")
        if getattr(deposit, name) != getattr(command, name)
    ]
    if differs:
        raise Rejection("wallets.transaction_id_reused", **_facts(deposit), differs=differs)
    return _present(deposit)


def _find(state: WalletsState, command: Any, context: Context) -> Deposit | None:
    check_user_id(command.user_id)
    check_transaction_id(command.transaction_id)
    found = state.course(command.stream, context.recalled)
    return found if isinstance(found, Deposit) else None


def _known(state: WalletsState, command: Any, context: Context) -> Deposit:
    found = _find(state, command, context)
    if found is None:
        raise Rejection(
            "wallets.deposit_unknown",
            user_id=command.user_id,
            transaction_id=command.transaction_id,
        )
    return found


def _in_course(
    state: WalletsState, command: Any, context: Context, expected: DepositState
) -> Deposit:
    deposit = _known(state, command, context)
    if deposit.state is not expected or deposit.changed_at_height != context.height:
        raise Rejection("wallets.not_in_course", **_facts(deposit))
    return deposit


def _next_attempt(deposit: Deposit) -> int:
    if deposit.attempts >= ATTEMPTS_MAX:
        raise Rejection("wallets.attempts_exhausted", **_facts(deposit), attempts_max=ATTEMPTS_MAX)
    return deposit.attempts + 1


def _told(deposit: Deposit, context: Context) -> tuple[str, str, str, int, str]:
    return (
        deposit.user_id,
        deposit.transaction_id,
        deposit.asset,
        deposit.amount_minor,
        context.actor,
    )


def _facts(deposit: Deposit) -> dict[str, Any]:
    return {
        "user_id": deposit.user_id,
        "transaction_id": deposit.transaction_id,
        "state": deposit.state.value,
    }
