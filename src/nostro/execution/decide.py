"""Which events follow from a command to execution, and when is the answer no?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nostro.execution import commands as c, outcomes, settlements
from nostro.execution.events import CircuitClosed, CircuitOpened
from nostro.execution.state import ExecutionState
from nostro.execution.switch import Switch, Terms, may_try
from nostro.kernel.messages import Command, Event, Rejection, Tick
from nostro.kernel.room import Context, Decision

STARTS_MAX = 2_000
"""Attempts that one Tick starts; what is left is still due, and the next one follows at once."""

_DECIDE: dict[type[Command], Callable[[ExecutionState, Any, Context, Terms], Decision]] = {
    c.PlanSettlement: settlements.plan,
    c.CertifyBatch: settlements.certify,
    c.AbandonSettlement: settlements.abandon,
    c.StartPayOuts: settlements.start_pay_outs,
    c.NoteOutcome: outcomes.note,
    c.ConfirmSettlement: outcomes.confirm,
    c.ReverseSettlement: settlements.reverse,
}


def decide(state: ExecutionState, command: Command, context: Context, terms: Terms) -> Decision:
    """Decide one command; raises Rejection."""
    cls = type(command)
    if cls is Tick:
        return _tick(state, context, terms)
    if isinstance(command, c.SetRailState):
        return _set_rail_state(state, command, terms)
    return _DECIDE[cls](state, command, context, terms)


def due(state: ExecutionState) -> int | None:
    """Return when an attempt may start: its pause is over, or a circuit lets someone try."""
    times = [state.timers[0][0]] if state.timers else []
    for way in state.parked:
        circuit = state.circuits.get(way)
        if circuit is not None and circuit.until_us and not circuit.trial:
            times.append(circuit.until_us)
    return min(times, default=None)


def _tick(state: ExecutionState, context: Context, terms: Terms) -> Decision:
    now_us = context.at_us
    switch = Switch(state, terms.routes, now_us)
    events: list[Event] = []
    started: set[str] = set()
    for way in sorted(state.parked):
        circuit = state.circuits.get(way)
        if circuit is None or not may_try(circuit, now_us):
            continue
        name = next((name for name in state.parked[way] if name not in started), None)
        if name is not None:
            started.add(name)
            events.append(switch.start(state.instructions[name]))
    for name in _over(state, now_us):
        events.append(switch.start(state.instructions[name]))
    return Decision(events=events)


def _over(state: ExecutionState, now_us: int) -> list[str]:
    """Return whose pause is over, the longest over first. Looks only at the part of the heap that
    is due: below an entry that is not, none is."""
    timers, over, places = state.timers, set(), [0]
    while places:
        place = places.pop()
        if place < len(timers) and timers[place][0] <= now_us:
            if state.waits(timers[place]):
                over.add(timers[place])
            places += (2 * place + 1, 2 * place + 2)
    return [name for _, name in sorted(over)[:STARTS_MAX]]


def _set_rail_state(state: ExecutionState, command: c.SetRailState, terms: Terms) -> Decision:
    """Open or close by hand. Refused: `execution.rail_unknown`."""
    way = (command.rail, command.region)
    circuit = state.circuits.get(way)
    if circuit is None and not terms.routes.known(way):
        raise Rejection("execution.rail_unknown", rail=command.rail, region=command.region)
    closed_by_hand = circuit is not None and circuit.open and not circuit.until_us
    is_open = circuit is None or not circuit.open
    body = {"rail": command.rail, "region": command.region, "open": command.open}
    if command.open and not is_open:
        return Decision(events=[CircuitClosed(*way)], body=body)
    if not command.open and not closed_by_hand:
        reason = command.reason or "closed by hand"
        return Decision(events=[CircuitOpened(*way, 0, reason)], body=body)
    return Decision(body=body)
