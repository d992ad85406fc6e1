"""Which settled payments of a cycle are reversed, and which are already?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nostro.kernel.room import Context, Decision
from nostro.payments import commands as c, events as e
from nostro.payments.recall import reversal_key
from nostro.payments.state import CYCLE, PaymentsState, SettledCycle

REVERSED_MAX = 1_000
"""Payments of one event: each takes up to two postings, and one order to the ledger 10,000."""


def reverse(state: PaymentsState, command: c.ReversePayments, context: Context) -> Decision:
    """Reverse what is named and not reversed yet, what was settled last first.

    What the cycle has not settled, as far as the room was told, is named in `missing`: a flow is
    not told of cycles that have left memory.
    """
    cycle = _find(state, command.cycle_id, context)
    items = cycle.items if cycle else []
    gone = cycle.reversed if cycle else set()
    named = command.transaction_ids
    if named:
        wanted = set(named)
        chosen = [item for item in reversed(items) if item.transaction_id in wanted]
        missing = sorted(wanted - {item.transaction_id for item in chosen})
        chosen = [item for item in chosen if item.transaction_id not in gone]
    elif command.participant_id:
        chosen, missing = _fitting(items, gone, command), []
    else:
        chosen = [item for item in reversed(items) if item.transaction_id not in gone]
        missing = []
    events = [
        e.PaymentsReversed(
            command.cycle_id,
            chosen[start : start + REVERSED_MAX],
            command.reason,
            context.actor,
        )
        for start in range(0, len(chosen), REVERSED_MAX)
    ]
    body: dict[str, Any] = {"reversed": len(chosen), "missing": missing}
    if cycle is None:
        body["cycle_unknown"] = True
    return Decision(events, body=body)


def _fitting(
    items: Iterable[e.Settled], gone: set[str], command: c.ReversePayments
) -> list[e.Settled]:
    """Return payments credited to a participant, the last first, each that still fits into the
    amount; what is reversed already has used some of it, so that nothing fits the second time."""
    credited = [
        item
        for item in items
        if item.payee == command.participant_id and item.destination_currency == command.currency
    ]
    used = (item.destination_minor for item in credited if item.transaction_id in gone)
    rest_minor = command.up_to_minor - sum(used)
    chosen: list[e.Settled] = []
    for item in reversed(credited):
        if item.destination_minor <= rest_minor and item.transaction_id not in gone:
            rest_minor -= item.destination_minor
            chosen.append(item)
    return chosen


def _find(state: PaymentsState, cycle_id: str, context: Context) -> SettledCycle | None:
    """Return what a cycle settled, from memory or as recalled."""
    found: Any = state.settled.get(cycle_id) or state.ended.hot(CYCLE + cycle_id)
    if isinstance(found, SettledCycle):
        return found
    items = context.recalled.get(CYCLE + cycle_id)
    if items is None:
        return None
    return SettledCycle(cycle_id, 0, items, _reversed(state, cycle_id, context))


def _reversed(state: PaymentsState, cycle_id: str, context: Context) -> set[str]:
    gone: set[str] = set()
    number = 1
    while True:  # ends: each number names an event that reversed something new
        key = reversal_key(cycle_id, number)
        ids: Any = state.ended.hot(key) or context.recalled.get(key)
        if not isinstance(ids, list):
            return gone
        gone.update(ids)
        number += 1
