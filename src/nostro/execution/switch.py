"""Which way does an attempt go now, and which circuits does an outcome open or close?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.execution.commands import NewInstruction
from nostro.execution.events import (
    AttemptPostponed,
    AttemptStarted,
    CircuitClosed,
    CircuitOpened,
)
from nostro.execution.policy import ExecutionPolicy
from nostro.execution.routes import Routes, Tried, Way, ways_left
from nostro.execution.state import Circuit, ExecutionState, Instruction
from nostro.kernel.messages import Event


class Terms(msgspec.Struct, frozen=True):
    """What the room was made with."""

    policy: ExecutionPolicy
    routes: Routes


class Switch:
    """Starts attempts within one decision: of all that start in it, an open circuit whose time has
    come lets one through, as its trial."""

    def __init__(self, state: ExecutionState, routes: Routes, now_us: int) -> None:
        self._circuits = state.circuits
        self._routes = routes
        self._now_us = now_us
        self._trials: set[Way] = set()
        self._closing: set[Way] = set()
        self._opening: set[Way] = set()

    def expect(self, events: Sequence[Event]) -> None:
        """Reckon with circuits that this decision opens and closes."""
        for event in events:
            if type(event) is CircuitOpened:
                self._opening.add((event.rail, event.region))
            elif type(event) is CircuitClosed:
                self._closing.add((event.rail, event.region))

    def start(self, instruction: Instruction) -> Event:
        """Start the next attempt of an instruction that certainly has not moved, or postpone it."""
        return self.start_order(
            instruction.settlement_id, instruction.order, instruction.attempt, instruction.tried
        )

    def start_order(
        self,
        settlement_id: str,
        order: NewInstruction,
        attempts: int = 0,
        tried: Sequence[Tried] = (),
    ) -> Event:
        """Start the attempt after `attempts`, or postpone it."""
        all_ways = self._routes.ways(order)
        # None is left only if the routes were configured anew while it waited.
        ways = ways_left(all_ways, tried) or list(all_ways)
        for way in ways:
            if self._lets_through(way):
                rail, region = way
                return AttemptStarted(settlement_id, order, attempts + 1, rail, region)
        return AttemptPostponed(settlement_id, order, attempts, ways)

    def _lets_through(self, way: Way) -> bool:
        if way in self._opening:
            return False
        circuit = self._circuits.get(way)
        if circuit is None or not circuit.open or way in self._closing:
            return True
        if way in self._trials or not may_try(circuit, self._now_us):
            return False
        self._trials.add(way)
        return True


def may_try(circuit: Circuit, now_us: int) -> bool:
    """Tell whether an open circuit lets one attempt through, as its trial."""
    return not circuit.trial and 0 < circuit.until_us <= now_us


def after_failure(
    state: ExecutionState, instruction: Instruction, policy: ExecutionPolicy, now_us: int
) -> list[Event]:
    """Return what a failure of the way does to its circuit: the last of many opens it, and that of
    a trial opens it again."""
    rail, region = way = instruction.way
    circuit = state.circuits.get(way) or Circuit()
    if circuit.open:
        again = circuit.trial == instruction.id
        reason = "trial failed"
    else:
        again = circuit.failures + 1 >= policy.circuit_failures
        reason = f"{circuit.failures + 1} failures in a row"
    if not again:
        return []
    return [CircuitOpened(rail, region, now_us + policy.circuit_open_us, reason)]


def after_success(state: ExecutionState, instruction: Instruction) -> list[Event]:
    """Return what a sign of life does to the circuit of the way: that of a trial closes it."""
    circuit = state.circuits.get(instruction.way)
    if circuit is None or circuit.trial != instruction.id:
        return []
    return [CircuitClosed(*instruction.way)]


def after_detour(state: ExecutionState, instruction: Instruction, now_us: int) -> list[Event]:
    """Return what follows for a trial whose instruction ends by news from elsewhere: another one
    may try at once."""
    circuit = state.circuits.get(instruction.way)
    if circuit is None or circuit.trial != instruction.id:
        return []
    return [CircuitOpened(*instruction.way, now_us, "trial overtaken")]
