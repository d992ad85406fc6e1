"""What becomes of money that a wallet would not take?"""

from __future__ import annotations

from nostro.exchange.commands import KeepFundsSuspended, ReleaseFunds, SuspendFunds
from nostro.exchange.events import FundsKeptSuspended, FundsReleased, FundsSuspended
from nostro.exchange.state import ExchangeState
from nostro.kernel.messages import Rejection
from nostro.kernel.room import Context, Decision


def suspend(state: ExchangeState, command: SuspendFunds, _context: Context) -> Decision:
    """Note that money stands in suspense."""
    number = state.suspensions_next
    suspended = FundsSuspended(
        number,
        command.user_id,
        command.asset,
        command.amount_minor,
        command.transfer_id,
        command.reason,
    )
    return Decision([suspended], {"suspension": number})


def release(state: ExchangeState, command: ReleaseFunds, context: Context) -> Decision:
    """Move suspended money to its wallet; the flow asks the ledger."""
    number = command.suspension
    suspension = state.suspensions.get(number)
    if suspension is None:
        if 0 < number < state.suspensions_next:
            return Decision(body={"suspension": number, "exists": True})
        raise Rejection("exchange.suspension_unknown", suspension=number)
    released = FundsReleased(
        number,
        suspension.user_id,
        suspension.asset,
        suspension.amount_minor,
        suspension.attempts + 1,
        context.actor,
    )
    body = {
        "suspension": number,
        "user_id": suspension.user_id,
        "asset": suspension.asset,
        "amount_minor": suspension.amount_minor,
    }
    return Decision([released], body)


def keep(state: ExchangeState, command: KeepFundsSuspended, _context: Context) -> Decision:
    """Note that the ledger refused the release."""
    releasing = state.releasing
    if releasing is None or releasing.suspension != command.suspension:
        raise Rejection("exchange.not_in_course", suspension=command.suspension)
    return Decision([FundsKeptSuspended(command.suspension, command.reason)])
