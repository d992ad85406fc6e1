"""How does netting meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position
from nostro.netting import snapshot
from nostro.netting.commands import COMMANDS
from nostro.netting.costs import Tariff
from nostro.netting.decide import decide, subject
from nostro.netting.events import EVENTS
from nostro.netting.rate_policy import RatePolicy
from nostro.netting.state import CLOSED_HOT_MAX, NettingState, evolve, recall


class NettingRoom:
    """Cycles and their plans; implements nostro.kernel.room.Room. The optimiser must price with the
    same `tariff` and `rate_policy`: the room counts again."""

    name = "netting"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(
        self,
        *,
        tariff: Tariff | None = None,
        rate_policy: RatePolicy | None = None,
        closed_hot_max: int = CLOSED_HOT_MAX,
    ) -> None:
        self._tariff = tariff or Tariff()
        self._rate_policy = rate_policy or RatePolicy()
        self._closed_hot_max = closed_hot_max

    def new(self) -> NettingState:
        """Return the state before the first event."""
        return NettingState(closed_hot_max=self._closed_hot_max)

    def decide(self, state: NettingState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context, self._tariff, self._rate_policy)

    def evolve(self, state: NettingState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: NettingState) -> int | None:
        """Return None: cycles end by their plan and settlement, not by the clock."""
        return None

    def cold(self, state: NettingState, command: Command) -> Sequence[tuple[str, int]]:
        """Return where the cycle that the command names may be read again."""
        cycle_id = subject(command)
        if cycle_id in state.open or state.closed.hot(cycle_id) is not None:
            return ()
        return state.closed.candidates([cycle_id])

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return how the cycles ended that the events of one row tell of."""
        return recall(wanted, events)

    def settle(self, state: NettingState, height: int) -> None:
        """Let what ended at or below a durable height leave memory."""
        state.settle(height)

    def dump(self, state: NettingState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> NettingState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, closed_hot_max=self._closed_hot_max)

    def digest(self, state: NettingState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
