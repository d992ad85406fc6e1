"""Whose use of a limit has crossed its threshold, and whose has come back below it?

An alert is raised once when use reaches the threshold's share of a limit, and cleared once when it
is below again, or when the limit or the threshold is gone.
"""

from __future__ import annotations

from collections.abc import Iterable

from nostro.kernel.messages import Event
from nostro.risk.events import AlertCleared, AlertRaised, Change
from nostro.risk.state import USED_SCOPES, Holder, RiskState, Scope

MILLION = 1_000_000


def after_changes(state: RiskState, changes: Iterable[Change]) -> list[Event]:
    """Return the alerts that changes raise and clear; asks only limits that they touch."""
    if not state.thresholds:
        return []
    owed: dict[Holder, int] = {}
    between: dict[Holder, int] = {}
    totals: dict[Holder, int] = {}
    for change in changes:
        payer, payee, currency = change.payer, change.payee, change.currency
        _add(owed, (payer, "", currency), change.amount_minor)
        _add(owed, (payee, "", currency), -change.offset_minor)
        _add(between, (payer, payee, currency), change.amount_minor)
        _add(between, (payee, payer, currency), -change.offset_minor)
        _add(totals, ("", "", currency), change.amount_minor)
    events: list[Event] = []
    for scope, added in zip(USED_SCOPES, (owed, between, totals), strict=True):
        threshold, limits = state.thresholds.get(scope), state.limits[scope]
        if threshold is None or not limits:
            continue
        for holder in sorted(added.keys() & limits.keys()):
            used_minor = state.used(scope, holder) + added[holder]
            events += _crossing(state, scope, holder, used_minor, limits[holder], threshold)
    return events


def after_limit(
    state: RiskState, scope: Scope, holder: Holder, limit_minor: int | None
) -> list[Event]:
    """Return the alert that a new limit raises or clears."""
    used_minor = state.used(scope, holder)
    return _crossing(state, scope, holder, used_minor, limit_minor, state.thresholds.get(scope))


def after_threshold(state: RiskState, scope: Scope, threshold_ppm: int | None) -> list[Event]:
    """Return the alerts that a new threshold raises and clears."""
    events: list[Event] = []
    for holder, limit_minor in sorted(state.limits[scope].items()):
        used_minor = state.used(scope, holder)
        events += _crossing(state, scope, holder, used_minor, limit_minor, threshold_ppm)
    return events


def _crossing(
    state: RiskState,
    scope: Scope,
    holder: Holder,
    used_minor: int,
    limit_minor: int | None,
    threshold_ppm: int | None,
) -> list[Event]:
    stands = (scope, holder) in state.alerts
    if limit_minor is None or threshold_ppm is None or used_minor <= 0:
        return [AlertCleared(scope.value, *holder)] if stands else []
    above = used_minor * MILLION >= threshold_ppm * limit_minor
    if above and not stands:
        used_ppm = used_minor * MILLION // limit_minor if limit_minor else MILLION
        return [AlertRaised(scope.value, *holder, used_minor, limit_minor, used_ppm)]
    return [AlertCleared(scope.value, *holder)] if stands and not above else []


def _add(sums: dict[Holder, int], holder: Holder, amount_minor: int) -> None:
    sums[holder] = sums.get(holder, 0) + amount_minor
