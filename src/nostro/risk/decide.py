"""Which events follow from a command to the risk room, and when is the answer no?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.room import Context, Decision
from nostro.risk import alerts, commands as c, events as e, exposure
from nostro.risk.state import USED_SCOPES, Holder, RiskState, Scope

PARTICIPANT_MAX = 64
"""Characters of a participant's id that a limit can name."""
_CURRENCY = re.compile(r"[A-Z][A-Z0-9._-]{0,23}\Z", re.ASCII)
_SCOPES = {scope.value: scope for scope in Scope}
_WITH_PARTICIPANT = (Scope.NET_DEBIT, Scope.BILATERAL)


def decide(state: RiskState, command: Command, context: Context) -> Decision:
    """Decide one command; raises Rejection."""
    return _DECIDE[type(command)](state, command, context)


# -- exposure --------------------------------------------------------------------------------------


def _reserve(state: RiskState, command: c.Reserve, _context: Context) -> Decision:
    changes, refused = exposure.reserved(state, command.items)
    body = {"refused": [list(each) for each in refused]}
    if not changes:
        return Decision(body=body)
    events: list[Event] = [e.ExposureReserved(changes)]
    return Decision(events + alerts.after_changes(state, changes), body=body)


def _release(state: RiskState, command: c.Release, _context: Context) -> Decision:
    changes = exposure.released(state, command.items)
    if not changes:
        return Decision()
    events: list[Event] = [e.ExposureReleased(changes)]
    return Decision(events + alerts.after_changes(state, changes))


# -- limits ----------------------------------------------------------------------------------------


def _set_limit(state: RiskState, command: c.SetLimit, context: Context) -> Decision:
    scope = _checked_limit(command)
    holder = (command.participant, command.counterparty, command.currency)
    limit_minor = command.amount_minor
    body = {
        "scope": scope.value,
        "participant": command.participant,
        "counterparty": command.counterparty,
        "currency": command.currency,
        "amount_minor": limit_minor,
        "used_minor": state.used(scope, holder),
    }
    if state.limits[scope].get(holder) == limit_minor:
        return Decision(body={**body, "exists": True})
    events: list[Event] = [
        e.LimitSet(
            scope.value,
            command.currency,
            command.participant,
            command.counterparty,
            limit_minor,
            context.actor,
        )
    ]
    return Decision(events + alerts.after_limit(state, scope, holder, limit_minor), body=body)


def _checked_limit(command: c.SetLimit) -> Scope:
    scope = _SCOPES.get(command.scope)
    if scope is None:
        raise _bad_limit("scope", scope=command.scope[:PARTICIPANT_MAX], scopes=list(_SCOPES))
    if not _CURRENCY.match(command.currency):
        raise _bad_limit("currency", currency=command.currency[:PARTICIPANT_MAX])
    participant, counterparty = command.participant, command.counterparty
    named = scope in _WITH_PARTICIPANT or (scope is Scope.SINGLE and participant)
    if not _is_name(participant) if named else participant:
        raise _bad_limit("participant", participant=participant[:PARTICIPANT_MAX])
    both = scope is Scope.BILATERAL
    if not _is_name(counterparty) if both else counterparty:
        raise _bad_limit("counterparty", counterparty=counterparty[:PARTICIPANT_MAX])
    if both and participant == counterparty:
        raise _bad_limit("counterparty", counterparty=counterparty)
    amount_minor = command.amount_minor
    if amount_minor is not None and not 0 <= amount_minor <= AMOUNT_MINOR_MAX:
        raise _bad_limit("amount_minor")
    return scope


def _is_name(text: str) -> bool:
    return 0 < len(text) <= PARTICIPANT_MAX and text.isprintable() and ":" not in text


def _bad_limit(field: str, **facts: Any) -> Rejection:
    return Rejection("risk.bad_limit", field=field, **facts)


def _quote_caps(state: RiskState, command: c.QuoteCaps, _context: Context) -> Decision:
    participants, currencies = frozenset(command.participants), frozenset(command.currencies)

    def quoted(scope: Scope) -> list[tuple[Holder, int]]:
        return sorted(
            (holder, limit_minor)
            for holder, limit_minor in state.limits[scope].items()
            if holder[2] in currencies
        )

    net_debit = [
        [participant, currency, limit_minor]
        for (participant, _, currency), limit_minor in quoted(Scope.NET_DEBIT)
        if participant in participants
    ]
    bilateral = [
        [payer, payee, currency, limit_minor]
        for (payer, payee, currency), limit_minor in quoted(Scope.BILATERAL)
        if payer in participants and payee in participants
    ]
    platform = [[currency, limit_minor] for (_, _, currency), limit_minor in quoted(Scope.PLATFORM)]
    return Decision(body={"net_debit": net_debit, "bilateral": bilateral, "platform": platform})


# -- thresholds ------------------------------------------------------------------------------------


def _set_threshold(state: RiskState, command: c.SetThreshold, context: Context) -> Decision:
    scope, used_ppm = _SCOPES.get(command.scope), command.used_ppm
    if scope not in USED_SCOPES:
        scopes = [each.value for each in USED_SCOPES]
        told = command.scope[:PARTICIPANT_MAX]
        raise Rejection("risk.bad_threshold", field="scope", scope=told, scopes=scopes)
    if used_ppm is not None and not 0 < used_ppm <= alerts.MILLION:
        raise Rejection("risk.bad_threshold", field="used_ppm", used_ppm_max=alerts.MILLION)
    body = {"scope": scope.value, "used_ppm": used_ppm}
    if state.thresholds.get(scope) == used_ppm:
        return Decision(body={**body, "exists": True})
    events: list[Event] = [e.ThresholdSet(scope.value, used_ppm, context.actor)]
    return Decision(events + alerts.after_threshold(state, scope, used_ppm), body=body)


_DECIDE: dict[type[Command], Callable[[RiskState, Any, Context], Decision]] = {
    c.Reserve: _reserve,
    c.Release: _release,
    c.SetLimit: _set_limit,
    c.QuoteCaps: _quote_caps,
    c.SetThreshold: _set_threshold,
}
