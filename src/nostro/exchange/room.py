"""How does the exchange meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.exchange import snapshot
from nostro.exchange.cancelling import due
from nostro.exchange.commands import COMMANDS
from nostro.exchange.decide import decide
from nostro.exchange.events import EVENTS
from nostro.exchange.evolve import evolve
from nostro.exchange.names import NAMES_HOT_MAX, recall
from nostro.exchange.state import ExchangeState
from nostro.kernel.messages import Command, Event


class ExchangeRoom:
    """Markets, orders, trades and fees; implements nostro.kernel.room.Room."""

    name = "exchange"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(self, *, names_hot_max: int = NAMES_HOT_MAX) -> None:
        """`names_hot_max`: client_order_ids that are kept in memory with their order."""
        self._names_hot_max = names_hot_max

    def new(self) -> ExchangeState:
        """Return the state before the first event."""
        return ExchangeState(names_hot_max=self._names_hot_max)

    # Called for every order several times: the functions themselves, without one around them.
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)

    def due(self, state: ExchangeState) -> int | None:
        """Return when the next order expires, or 0 while orders are still to be cancelled."""
        return due(state)

    def cold(self, state: ExchangeState, command: Command) -> Sequence[tuple[str, int]]:
        """Return where the names of orders may be read again; an order's number alone says whether
        it was ever given out."""
        return state.names.candidates(command)

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return the orders that one row placed under the wanted names."""
        return recall(wanted, events)

    def settle(self, state: ExchangeState, height: int) -> None:
        """Let old names leave memory; orders leave it when they close."""
        state.names.seen.settle(height)

    def dump(self, state: ExchangeState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> ExchangeState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, names_hot_max=self._names_hot_max)

    def digest(self, state: ExchangeState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
