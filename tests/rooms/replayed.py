"""What does every room's play do alike: refusals, snapshots, and live against replayed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import pytest

from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Position


class Replayed:
    """A room and the state that its events made of it, up to `height`."""

    room: Any
    state: Any
    height: int

    def past(self) -> Iterator[tuple[Position, Sequence[Event]]]:
        """Yield the events of each row so far, as a replay reads them."""
        raise NotImplementedError

    def when(self, *command: Any, **sent: Any) -> list[Event]:
        """Decide a command, apply its events, and return them."""
        raise NotImplementedError

    def refused(self, command: Command, **sent: Any) -> Rejection:
        """Decide a command that must be refused, and return why."""
        with pytest.raises(Rejection) as caught:
            self.when(command, **sent)
        return caught.value

    def settle(self) -> Self:
        """Everything so far is durable."""
        self.room.settle(self.state, self.height)
        return self

    def reload(self) -> Self:
        """Go on from a snapshot, as another process."""
        digest = self.room.digest(self.state)
        self.state = self.room.load(self.room.dump(self.state))
        assert self.room.digest(self.state) == digest
        return self

    def check(self) -> None:
        """Live, replayed and loaded states are equal, and due at the same time."""
        replayed = self.room.new()
        for position, events in self.past():
            for event in events:
                self.room.evolve(replayed, event, position)
        states = (self.state, replayed, self.room.load(self.room.dump(self.state)))
        assert len({self.room.digest(each) for each in states}) == 1
        assert len({self.room.due(each) for each in states}) == 1
