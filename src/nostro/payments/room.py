"""How do payments meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop
from typing import Any

from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position
from nostro.payments import snapshot
from nostro.payments.commands import COMMANDS
from nostro.payments.decide import decide
from nostro.payments.events import EVENTS
from nostro.payments.evolve import evolve
from nostro.payments.recall import cold, recall
from nostro.payments.schedule import Schedule
from nostro.payments.state import (
    ENDED_HOT_MAX,
    SEEN_HOT_MAX,
    SETTLED_HOT_MAX,
    PaymentsState,
)


class PaymentsRoom:
    """Participants and payments; implements nostro.kernel.room.Room."""

    name = "payments"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(
        self,
        schedule: Schedule,
        *,
        seen_hot_max: int = SEEN_HOT_MAX,
        ended_hot_max: int = ENDED_HOT_MAX,
        settled_hot_max: int = SETTLED_HOT_MAX,
    ) -> None:
        self._schedule = schedule
        self._seen_hot_max = seen_hot_max
        self._ended_hot_max = ended_hot_max
        self._settled_hot_max = settled_hot_max

    def new(self) -> PaymentsState:
        """Return the state before the first event."""
        return PaymentsState(
            seen_hot_max=self._seen_hot_max,
            ended_hot_max=self._ended_hot_max,
            settled_hot_max=self._settled_hot_max,
        )

    def decide(self, state: PaymentsState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context, self._schedule)

    def evolve(self, state: PaymentsState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: PaymentsState) -> int | None:
        """Return when the next cycle closes (microseconds since the epoch), or None."""
        due, cycles = state.due, state.cycles
        while due and due[0][1] not in cycles:
            heappop(due)
        return due[0][0] if due else None

    def cold(self, state: PaymentsState, command: Command) -> Sequence[tuple[str, int]]:
        """Return (key, height) of what the command names and has left memory."""
        return cold(state, command)

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return what the events of one row say of the wanted keys."""
        return recall(wanted, events)

    def settle(self, state: PaymentsState, height: int) -> None:
        """Let what is old and durable leave memory."""
        state.settle(height)

    def dump(self, state: PaymentsState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> PaymentsState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, self.new())

    def digest(self, state: PaymentsState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
