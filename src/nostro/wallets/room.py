"""How do the wallets meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position
from nostro.wallets import snapshot
from nostro.wallets.commands import COMMANDS
from nostro.wallets.decide import decide
from nostro.wallets.events import EVENTS
from nostro.wallets.limits import WalletLimits, standard_limits
from nostro.wallets.state import ENDED_HOT_MAX, WalletsState, evolve, recall


class WalletsRoom:
    """Customers, deposits and withdrawals; implements nostro.kernel.room.Room."""

    name = "wallets"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(
        self, *, limits: WalletLimits | None = None, ended_hot_max: int = ENDED_HOT_MAX
    ) -> None:
        self._limits = limits or standard_limits()
        self._ended_hot_max = ended_hot_max

    def new(self) -> WalletsState:
        """Return the state before the first event."""
        return WalletsState(ended_hot_max=self._ended_hot_max)

    def decide(self, state: WalletsState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context, self._limits)

    def evolve(self, state: WalletsState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: WalletsState) -> int | None:
        """Return None: no deposit or withdrawal ends by the clock."""
        return None

    def cold(self, state: WalletsState, command: Command) -> Sequence[tuple[str, int]]:
        """Return where the deposit or withdrawal that the command names may be read again."""
        key = command.stream
        if state.course(key, {}) is not None:
            return ()
        return state.ended.candidates([key])

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return the deposits and withdrawals that the events of one row tell of."""
        return recall(wanted, events)

    def settle(self, state: WalletsState, height: int) -> None:
        """Let what ended at or below a durable height leave memory."""
        state.settle(height)

    def dump(self, state: WalletsState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> WalletsState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, ended_hot_max=self._ended_hot_max)

    def digest(self, state: WalletsState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
