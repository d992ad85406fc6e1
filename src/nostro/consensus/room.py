"""How does consensus meet the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.consensus import snapshot
from nostro.consensus.commands import COMMANDS
from nostro.consensus.committee import Verifier
from nostro.consensus.decide import decide
from nostro.consensus.events import EVENTS
from nostro.consensus.state import ENDED_HOT_MAX, ConsensusState, evolve, recall
from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position


class ConsensusRoom:
    """Committees, batches before the members, certificates; implements nostro.kernel.room.Room.

    `verify(public_key, message, signature)` tells whether an Ed25519 signature (RFC 8032) is good;
    it never raises.
    """

    name = "consensus"
    commands: tuple[type[Command], ...] = COMMANDS
    events: tuple[type[Event], ...] = EVENTS

    def __init__(self, *, verify: Verifier, ended_hot_max: int = ENDED_HOT_MAX) -> None:
        self._verify = verify
        self._ended_hot_max = ended_hot_max

    def new(self) -> ConsensusState:
        """Return the state before the first event."""
        return ConsensusState(ended_hot_max=self._ended_hot_max)

    def decide(self, state: ConsensusState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection."""
        return decide(state, command, context, self._verify)

    def evolve(self, state: ConsensusState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        evolve(state, event, position)

    def due(self, state: ConsensusState) -> int | None:
        """Return None: the members have their own clocks, the room waits for what they say."""
        return None

    def cold(self, state: ConsensusState, command: Command) -> Sequence[tuple[str, int]]:
        """Return where the end of the batch that the command names may be read again."""
        batch_id = command.stream
        if not batch_id or batch_id in state.waiting:
            return ()
        return state.ended.candidates([batch_id])

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return how the events of one row say that batches ended."""
        return recall(wanted, events)

    def settle(self, state: ConsensusState, height: int) -> None:
        """Let what ended at or below a durable height leave memory."""
        state.ended.settle(height)

    def dump(self, state: ConsensusState) -> bytes:
        """Return the state for a snapshot."""
        return snapshot.dump(state)

    def load(self, data: bytes) -> ConsensusState:
        """Return the state that `dump` wrote."""
        return snapshot.load(data, ended_hot_max=self._ended_hot_max)

    def digest(self, state: ConsensusState) -> bytes:
        """Return SHA-256 over the state's meaning."""
        return snapshot.digest(state)
