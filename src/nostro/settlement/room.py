"""How does settlement meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position
from nostro.settlement import snapshot
from nostro.settlement.commands import COMMANDS
from nostro.settlement.days import due
from nostro.settlement.decide import decide
from nostro.settlement.events import EVENTS
from nostro.settlement.evolve import evolve
from nostro.settlement.names import NAMES_HOT_MAX, recall
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.state import SettlementState


class SettlementRoom:
    """Deliveries against payment across ledgers; implements nostro.kernel.room.Room."""

    name = "settlement"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(
        self, policy: SettlementPolicy | None = None, *, names_hot_max: int = NAMES_HOT_MAX
    ) -> None:
        """`names_hot_max`: trade ids and references that are kept in memory."""
        self._policy = policy or SettlementPolicy()
        self._names_hot_max = names_hot_max

    def new(self) -> SettlementState:
        """Return the state before the first event."""
        return SettlementState(names_hot_max=self._names_hot_max)

    def decide(self, state: SettlementState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context, self._policy)

    def evolve(self, state: SettlementState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: SettlementState) -> int | None:
        """Return when the next round is to be seen to, or a day is over."""
        return due(state, self._policy)

    def cold(self, state: SettlementState, command: Command) -> Sequence[tuple[str, int]]:
        """Return where trade ids and references may be read again; a settlement's number alone says
        whether it was ever given out."""
        return state.names.candidates(command)

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return what one row says of the wanted names."""
        return recall(wanted, events)

    def settle(self, state: SettlementState, height: int) -> None:
        """Let old names leave memory; settlements leave it when they end."""
        state.names.seen.settle(height)

    def dump(self, state: SettlementState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> SettlementState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, names_hot_max=self._names_hot_max)

    def digest(self, state: SettlementState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
