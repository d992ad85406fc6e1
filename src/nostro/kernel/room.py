"""What must a room offer so that the engine can run it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from nostro.kernel.messages import Command, Effect, Event, Rejection
from nostro.kernel.reply import Reply

S = TypeVar("S")


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where an event stands in the journal: the row's height and its time in microseconds since
    the epoch."""

    height: int
    at_us: int


class Context(msgspec.Struct, frozen=True):
    """All that a decision may know besides its state and its command: everything else would be
    hidden input.

    `recalled` maps ids that left memory to what the journal says of them (see `Room.cold`): a key
    is absent when the id was never used.
    """

    height: int
    at_us: int
    actor: str
    recalled: Mapping[str, Any]


class Decision(msgspec.Struct, frozen=True):
    """What was decided: the events, in order, and what to tell the caller (JSON-friendly builtins).

    With a `refusal` the caller is told no, and the events are only the marks that the refusal
    leaves (an id that stays failed); a refusal that leaves no mark is raised instead.
    """

    events: Sequence[Event] = ()
    body: Any = None
    refusal: Rejection | None = None


class Room(Protocol[S]):
    """A room of the house: pure functions over one state. Nothing here reads a clock, chance or
    the world."""

    name: str
    commands: tuple[type[Command], ...]
    events: tuple[type[Event], ...]

    def new(self) -> S:
        """Return the state before the first event."""
        ...

    def decide(self, state: S, command: Command, context: Context) -> Decision:
        """Decide one command against `state` without changing it; raises Rejection when business
        says no."""
        ...

    def evolve(self, state: S, event: Event, position: Position) -> None:
        """Apply one event in place. Must succeed for every event ever journaled."""
        ...

    def due(self, state: S) -> int | None:
        """Return the time (microseconds) from which a Tick would do something, or None."""
        ...

    def cold(self, state: S, command: Command) -> Sequence[tuple[str, int]]:
        """Return (id, height) of ids in the command that may have been used and left memory; often
        none."""
        ...

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        """Return what the events of one journal row say of the wanted ids; an id not found there
        is left out."""
        ...

    def settle(self, state: S, height: int) -> None:
        """Let what is older than `height` (which is durable) leave memory; called between
        batches."""
        ...

    def dump(self, state: S) -> bytes:
        """Return the state for a snapshot, such that `load` gives an equal state (equal
        `digest`)."""
        ...

    def load(self, data: bytes) -> S:
        """Return the state that `dump` wrote."""
        ...

    def digest(self, state: S) -> bytes:
        """Return SHA-256 over the state's meaning: equal for live, replayed and loaded states."""
        ...


class Order(msgspec.Struct, frozen=True):
    """A step: decide this command in the same journal row; if it is refused, take the steps
    `otherwise` names, else those that `then` makes of its reply."""

    command: Command
    otherwise: Callable[[Rejection], Sequence[Step]] | None = None
    then: Callable[[Reply], Sequence[Step]] | None = None


class Answer(msgspec.Struct, frozen=True):
    """A step: this, not the first room's body, is what the caller is told (`code` not empty:
    refused)."""

    body: Any = None
    code: str = ""
    facts: dict[str, Any] = {}


class Amend(msgspec.Struct, frozen=True):
    """A step: the caller is told what `change` makes of what he would have been told."""

    change: Callable[[Reply], Reply]


class Later(msgspec.Struct, frozen=True):
    """A step: take these after all the steps that are waiting now, such as those of the events
    that came just before."""

    steps: Sequence[Step]


class Join(msgspec.Struct, frozen=True):
    """A step: take what `order` makes of these items, and of those of every Join with the same
    `order` that waits right behind it: one command for all instead of one for each."""

    order: Callable[[Sequence[Any]], Sequence[Step]]
    items: Sequence[Any]


class Perform(msgspec.Struct, frozen=True):
    """A step: do this deed in the world once the journal row is durable."""

    effect: Effect


Step = Order | Join | Answer | Amend | Later | Perform
Flow = Callable[[Event], Sequence[Step]]
