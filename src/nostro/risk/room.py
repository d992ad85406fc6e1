"""How does the risk room meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position
from nostro.risk import snapshot
from nostro.risk.commands import COMMANDS
from nostro.risk.decide import decide
from nostro.risk.events import EVENTS
from nostro.risk.state import RiskState, evolve


class RiskRoom:
    """Limits and exposures; implements nostro.kernel.room.Room."""

    name = "risk"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def new(self) -> RiskState:
        """Return the state before the first event."""
        return RiskState()

    def decide(self, state: RiskState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context)

    def evolve(self, state: RiskState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event)

    def due(self, state: RiskState) -> int | None:
        """Return None: nothing here ends by the clock."""
        return None

    def cold(self, state: RiskState, command: Command) -> Sequence[tuple[str, int]]:
        """Return nothing: the room keeps sums, which never leave memory, and no ids."""
        return ()

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return nothing: no id of this room leaves memory."""
        return {}

    def settle(self, state: RiskState, height: int) -> None:
        """Do nothing: what is no longer open has left already."""

    def dump(self, state: RiskState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> RiskState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data)

    def digest(self, state: RiskState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
