"""What does the risk room remember, and how does an event change it?

Payments themselves are not remembered, only what is open between each payer and payee, and the sums
that limits are held against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from nostro.kernel.messages import Event
from nostro.risk import events as e

Lane = tuple[str, str, str]
"""Payer, payee, currency."""
Holder = tuple[str, str, str]
"""Participant, counterparty, currency: whose use of which limit; "" where the scope has none."""
Open = tuple[int, int, int]
"""Open payments of a lane: sum, number, and the part of the sum that arrives in the currency."""

NOTHING: Open = (0, 0, 0)


class Scope(StrEnum):
    """What a limit is about; see `commands.SetLimit`."""

    NET_DEBIT = "net_debit"
    BILATERAL = "bilateral"
    CURRENCY = "currency"
    SINGLE = "single"
    PLATFORM = "platform"


USED_SCOPES = (Scope.NET_DEBIT, Scope.BILATERAL, Scope.CURRENCY)
"""Limits whose use adds up over payments, in the order in which alerts are given."""


class RiskState:
    """What is open, who owes how much net, which limits and thresholds hold, which alerts stand.

    A payment that arrives in its own currency is owed by its payer and owed to its payee; one that
    arrives in another currency is owed by its payer only: what the payee gets then is no set-off
    against what it owes in the currency that the payer pays in.
    """

    __slots__ = ("alerts", "limits", "open", "owed", "thresholds", "totals")

    def __init__(self) -> None:
        self.open: dict[Lane, Open] = {}
        """What is open in each lane; no lane that is empty."""
        self.owed: dict[tuple[str, str], int] = {}
        """(participant, currency): open payments it owes minus those owed to it; follows from
        `open`, as does the next."""
        self.totals: dict[str, int] = {}
        """Currency: all open payments, gross."""
        self.limits: dict[Scope, dict[Holder, int]] = {scope: {} for scope in Scope}
        self.thresholds: dict[Scope, int] = {}
        self.alerts: set[tuple[Scope, Holder]] = set()

    def between(self, payer: str, payee: str, currency: str) -> int:
        """Return what a payer owes a payee in a currency, net of what the payee owes it there."""
        owes = self.open.get((payer, payee, currency), NOTHING)[0]
        return owes - self.open.get((payee, payer, currency), NOTHING)[2]

    def used(self, scope: Scope, holder: Holder) -> int:
        """Return how much of a limit is used; below zero when the holder is owed more."""
        participant, counterparty, currency = holder
        match scope:
            case Scope.NET_DEBIT:
                return self.owed.get((participant, currency), 0)
            case Scope.BILATERAL:
                return self.between(participant, counterparty, currency)
            case Scope.CURRENCY:
                return self.totals.get(currency, 0)
            case Scope.SINGLE | Scope.PLATFORM:
                return 0

    def count(self, changes: Sequence[e.Change]) -> None:
        """Change what is open, and the sums over it."""
        lanes, owed, totals = self.open, self.owed, self.totals
        for change in changes:
            payer, payee, currency = change.payer, change.payee, change.currency
            amount_minor, offset_minor = change.amount_minor, change.offset_minor
            lane = (payer, payee, currency)
            before = lanes.get(lane)
            if before is None:
                lanes[lane] = (amount_minor, change.count, offset_minor)
            elif before[1] + change.count:
                lanes[lane] = (
                    before[0] + amount_minor,
                    before[1] + change.count,
                    before[2] + offset_minor,
                )
            else:
                del lanes[lane]
            debtor = (payer, currency)
            owed[debtor] = owed.get(debtor, 0) + amount_minor
            if offset_minor:
                creditor = (payee, currency)
                owed[creditor] = owed.get(creditor, 0) - offset_minor
            totals[currency] = totals.get(currency, 0) + amount_minor


# -- evolve ---------------------------------------------------------------------------------------


def evolve(state: RiskState, event: Event) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event)


def _count(state: RiskState, event: e.ExposureReserved | e.ExposureReleased) -> None:
    state.count(event.changes)


def _limit(state: RiskState, event: e.LimitSet) -> None:
    holder = (event.participant, event.counterparty, event.currency)
    limits = state.limits[Scope(event.scope)]
    if event.amount_minor is None:
        limits.pop(holder, None)
    else:
        limits[holder] = event.amount_minor


def _threshold(state: RiskState, event: e.ThresholdSet) -> None:
    if event.used_ppm is None:
        state.thresholds.pop(Scope(event.scope), None)
    else:
        state.thresholds[Scope(event.scope)] = event.used_ppm


def _raise_alert(state: RiskState, event: e.AlertRaised) -> None:
    holder = (event.participant, event.counterparty, event.currency)
    state.alerts.add((Scope(event.scope), holder))


def _clear_alert(state: RiskState, event: e.AlertCleared) -> None:
    holder = (event.participant, event.counterparty, event.currency)
    state.alerts.discard((Scope(event.scope), holder))


_EVOLVE: dict[type[Event], Callable[[RiskState, Any], None]] = {
    e.LimitSet: _limit,
    e.ExposureReserved: _count,
    e.ExposureReleased: _count,
    e.ThresholdSet: _threshold,
    e.AlertRaised: _raise_alert,
    e.AlertCleared: _clear_alert,
}
