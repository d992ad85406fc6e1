"""How does custody meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.custody import recall, snapshot
from nostro.custody.commands import COMMANDS
from nostro.custody.decide import decide
from nostro.custody.events import EVENTS
from nostro.custody.state import CustodyState, evolve
from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position

ENDED_HOT_MAX = 200_000
"""Ended rounds that stay in memory (some 200 bytes each), so that a repeat is answered from
there."""
ISSUED_HOT_MAX = 10_000


class CustodyRoom:
    """Earmarks for rounds of settlements; implements nostro.kernel.room.Room."""

    name = "custody"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(
        self, *, ended_hot_max: int = ENDED_HOT_MAX, issued_hot_max: int = ISSUED_HOT_MAX
    ) -> None:
        self._ended_hot_max = ended_hot_max
        self._issued_hot_max = issued_hot_max

    def new(self) -> CustodyState:
        """Return the state before the first event."""
        return CustodyState(ended_hot_max=self._ended_hot_max, issued_hot_max=self._issued_hot_max)

    def decide(self, state: CustodyState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context)

    def evolve(self, state: CustodyState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: CustodyState) -> int | None:
        """Return None: nothing that is held ever expires by itself."""
        return None

    def cold(self, state: CustodyState, command: Command) -> Sequence[tuple[str, int]]:
        """Return (key, height) of what the command names and has left memory."""
        return recall.cold(state, command)

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return what the events of one row say of the wanted keys."""
        return recall.recall(wanted, events)

    def settle(self, state: CustodyState, height: int) -> None:
        """Let what is old and durable leave memory."""
        state.settle(height)

    def dump(self, state: CustodyState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> CustodyState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, self.new())

    def digest(self, state: CustodyState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
