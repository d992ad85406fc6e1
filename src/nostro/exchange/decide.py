"""Which events follow from a command to the exchange, and when is the answer no?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nostro.exchange import (
    amending,
    cancelling,
    commands as c,
    entering,
    markets,
    placing,
    routes,
    suspense,
)
from nostro.exchange.state import ExchangeState
from nostro.kernel.messages import Command, Tick
from nostro.kernel.room import Context, Decision


def decide(state: ExchangeState, command: Command, context: Context) -> Decision:
    """Decide one command; raises Rejection."""
    return _DECIDE[type(command)](state, command, context)


def _tick(state: ExchangeState, _command: Tick, context: Context) -> Decision:
    return cancelling.tick(state, context)


_DECIDE: dict[type[Command], Callable[[ExchangeState, Any, Context], Decision]] = {
    c.PlaceOrder: placing.place,
    c.PlaceOrders: placing.place_several,
    c.EnterOrder: entering.enter,
    c.RefuseOrder: placing.refuse,
    c.AmendOrder: amending.amend,
    c.EnterAmendment: entering.enter_amendment,
    c.RefuseAmendment: amending.refuse_amendment,
    c.CancelOrder: cancelling.cancel,
    c.CancelOrders: cancelling.cancel_several,
    c.EndRoute: routes.end,
    c.ListAsset: markets.list_asset,
    c.CreateMarket: markets.create,
    c.ChangeMarket: markets.change,
    c.SetMarketState: markets.set_state,
    c.SetReference: markets.set_reference,
    c.SetFeeSchedule: markets.set_schedule,
    c.AssignFeeSchedule: markets.assign_schedule,
    c.SetKillSwitch: markets.set_kill_switch,
    c.SuspendFunds: suspense.suspend,
    c.ReleaseFunds: suspense.release,
    c.KeepFundsSuspended: suspense.keep,
    Tick: _tick,
}
