"""What does netting remember, and how does an event change it?

Cycles that are under way, and of all others that they ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from nostro.kernel.codec import encode
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.kernel.seen import SeenIndex
from nostro.netting import events as e
from nostro.netting.commands import Caps, FxTrade, Obligation

CLOSED_HOT_MAX = 10_000
"""Ended cycles kept in memory; older ones are read from the journal when they are named again."""
_SUM_MODULUS = 2**256


class Cycle(msgspec.Struct):
    """A cycle under way. Once planned, it no longer needs its obligations, only the trades that
    its settlement books. `plans_refused` counts the plans that could not be taken."""

    cycle_id: str
    gross: bool
    value_date: str
    obligations: list[Obligation]
    caps: Caps
    plans_refused: int = 0
    planned: bool = False
    fx_trades: list[FxTrade] = []


class NettingState:
    """All that the room remembers."""

    def __init__(self, *, closed_hot_max: int = CLOSED_HOT_MAX) -> None:
        self.open: dict[str, Cycle] = {}
        self.closed: SeenIndex[str] = SeenIndex(hot_max=closed_hot_max)
        """The outcome of each cycle that ended."""
        self.closed_count = 0
        self.closed_sum = 0
        """Sum of the fingerprints of all that ended, modulo 2**256: the same in memory or not."""

    def outcome(self, cycle_id: str, recalled: Mapping[str, Any]) -> str | None:
        """Return how a cycle ended; None when it is under way or was never there."""
        found = self.closed.hot(cycle_id)
        return found if found is not None else recalled.get(cycle_id)

    def settle(self, height: int) -> None:
        """Let the oldest that ended at or below a durable height leave memory."""
        self.closed.settle(height)


# -- evolve ---------------------------------------------------------------------------------------


def evolve(state: NettingState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event, position)


def _open(state: NettingState, event: e.CycleOpened, _position: Position) -> None:
    state.open[event.cycle_id] = Cycle(
        event.cycle_id, event.gross, event.value_date, event.obligations, event.caps
    )


def _batch(_state: NettingState, _event: e.BatchCreated, _position: Position) -> None:
    """Batches are for the flow and the views; the cycle is planned with BatchOptimized."""


def _plan(state: NettingState, event: e.BatchOptimized, _position: Position) -> None:
    cycle = state.open[event.cycle_id]
    cycle.planned = True
    cycle.obligations, cycle.caps = [], Caps()
    cycle.fx_trades = event.fx_trades


def _refuse(state: NettingState, event: e.PlanRefused, _position: Position) -> None:
    state.open[event.cycle_id].plans_refused = event.attempt


def _close(state: NettingState, event: e.CycleClosed, position: Position) -> None:
    state.open.pop(event.cycle_id, None)
    state.closed.add(event.cycle_id, event.outcome, position.height)
    told = encode((event.cycle_id, event.outcome))
    fingerprint = int.from_bytes(hashlib.sha256(told).digest(), "big")
    state.closed_count += 1
    state.closed_sum = (state.closed_sum + fingerprint) % _SUM_MODULUS


_EVOLVE: dict[type[Event], Callable[[NettingState, Any, Position], None]] = {
    e.CycleOpened: _open,
    e.BatchCreated: _batch,
    e.BatchOptimized: _plan,
    e.PlanRefused: _refuse,
    e.CycleClosed: _close,
}


def recall(wanted: Iterable[str], events: Iterable[Event]) -> dict[str, str]:
    """Return how the wanted cycles ended, of those that ended in this row."""
    ids = frozenset(wanted)
    return {
        event.cycle_id: event.outcome
        for event in events
        if type(event) is e.CycleClosed and event.cycle_id in ids
    }
