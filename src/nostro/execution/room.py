"""How does execution meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.execution import commands as c, snapshot
from nostro.execution.decide import decide, due
from nostro.execution.events import EVENTS
from nostro.execution.evolve import evolve, recall
from nostro.execution.policy import ExecutionPolicy
from nostro.execution.routes import Routes, standard_routes
from nostro.execution.state import (
    ENDED_HOT_MAX,
    ExecutionState,
    instruction_key,
    settlement_key,
)
from nostro.execution.switch import Terms
from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position


class ExecutionRoom:
    """Settlements and their movements on rails; implements nostro.kernel.room.Room."""

    name = "execution"
    commands: tuple[type[Command], ...] = c.COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(
        self,
        policy: ExecutionPolicy | None = None,
        routes: Routes | None = None,
        *,
        ended_hot_max: int = ENDED_HOT_MAX,
    ) -> None:
        self._terms = Terms(policy or ExecutionPolicy(), routes or standard_routes())
        self._ended_hot_max = ended_hot_max

    def new(self) -> ExecutionState:
        """Return the state before the first event."""
        return ExecutionState(ended_hot_max=self._ended_hot_max)

    def decide(self, state: ExecutionState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context, self._terms)

    def evolve(self, state: ExecutionState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: ExecutionState) -> int | None:
        """Return when the next attempt may start."""
        return due(state)

    def cold(self, state: ExecutionState, command: Command) -> Sequence[tuple[str, int]]:
        """Return where the settlement and the instruction that the command names may be read
        again."""
        keys: list[str] = []
        settlement_id = getattr(command, "settlement_id", None)
        if settlement_id is not None and settlement_id not in state.settlements:
            keys.append(settlement_key(settlement_id))
        instruction_id = getattr(command, "instruction_id", None)
        if instruction_id is not None and instruction_id not in state.instructions:
            keys.append(instruction_key(instruction_id))
        if isinstance(command, c.PlanSettlement):
            keys += [instruction_key(each.instruction_id) for each in command.instructions]
        return state.ended.candidates(keys) if keys else ()

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return the settlements and instructions whose end the events of one row tell."""
        return recall(wanted, events)

    def settle(self, state: ExecutionState, height: int) -> None:
        """Let what ended at or below a durable height leave memory."""
        state.ended.settle(height)

    def dump(self, state: ExecutionState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> ExecutionState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, ended_hot_max=self._ended_hot_max)

    def digest(self, state: ExecutionState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
