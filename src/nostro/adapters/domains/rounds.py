"""What does the coordinator's journal say of the rounds at one domain?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import msgspec

from nostro.kernel.messages import Event
from nostro.runtime.ports import Entry
from nostro.settlement import (
    Deed,
    DeedOrder,
    DeedsExecuted,
    DeedsOrdered,
    DeedsRefused,
    DomainState,
    DomainStateSet,
    HoldsPlaced,
    HoldsReleased,
    RoundsDecided,
)

Read = Callable[[int], Awaitable[Sequence[Entry]]]
"""Returns some journal rows above a height, none at the end; raises NotDone."""
Decode = Callable[[bytes], Sequence[Event]]


class Stand(StrEnum):
    """How far a round is at the domain, as the coordinator knows. ASKED: to hold, no answer is
    known. COMMITTED, ABORTED: decided, and the domain has not said that it did it."""

    ASKED = "asked"
    HELD = "held"
    COMMITTED = "committed"
    EXECUTED = "executed"
    ABORTED = "aborted"
    RELEASED = "released"


class OurRound(msgspec.Struct, gc=False):
    """A round at the domain. `ordered_at`: the height of the row that last asked it to hold."""

    round_id: str
    stand: Stand
    ordered_at: int


class RoundBooks:
    """All rounds of one domain, by id. `seen_height`: the highest at which the domain said it was
    durable, since it was last opened after a quarantine."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.seen_height = 0
        self.rounds: dict[str, OurRound] = {}
        self._named: dict[tuple[int, int], OurRound] = {}
        self._state = DomainState.OPEN

    def fold(self, events: Sequence[Event], height: int) -> None:
        """Take in the events of a row."""
        for event in events:
            match event:
                case DeedsOrdered(domain=self.domain, deed=Deed.HOLD):
                    for order in event.orders:
                        self._ordered(order, height)
                case RoundsDecided():
                    for decided in event.rounds:
                        stand = Stand.COMMITTED if decided.commit else Stand.ABORTED
                        self._now(decided.bundle, decided.round, stand)
                case DomainStateSet(domain=self.domain):
                    self._set(event.state)
                case HoldsPlaced(domain=self.domain):
                    self._said(event, Stand.HELD)
                case DeedsExecuted(domain=self.domain):
                    self._said(event, Stand.EXECUTED)
                case HoldsReleased(domain=self.domain):
                    self._said(event, Stand.RELEASED)
                case DeedsRefused(domain=self.domain):
                    self.seen_height = max(self.seen_height, event.domain_height)
                case _:
                    pass

    def _ordered(self, order: DeedOrder, height: int) -> None:
        key = order.bundle, order.round
        ours = self._named.get(key)
        if ours is None:
            ours = OurRound(order.round_id, Stand.ASKED, height)
            self._named[key] = self.rounds[order.round_id] = ours
        ours.ordered_at = height

    def _now(self, bundle: int, number: int, stand: Stand) -> None:
        ours = self._named.get((bundle, number))
        if ours is not None:
            ours.stand = stand

    def _said(self, event: HoldsPlaced | DeedsExecuted | HoldsReleased, stand: Stand) -> None:
        self.seen_height = max(self.seen_height, event.domain_height)
        for done in event.rounds:
            self._now(done.bundle, done.round, stand)

    def _set(self, state: DomainState) -> None:
        if state is DomainState.OPEN and self._state is DomainState.QUARANTINED:
            self.seen_height = 0
        self._state = state


class OurRounds(RoundBooks):
    """The same, read from a journal up to `height`."""

    def __init__(self, domain: str, *, read: Read, decode: Decode) -> None:
        super().__init__(domain)
        self.height = 0
        self._read = read
        self._decode = decode

    async def follow(self) -> None:
        """Read on to the end of the journal; raises NotDone."""
        while entries := await self._read(self.height):
            for entry in entries:
                if b'"settlement.' in entry.payload:
                    self.fold(self._decode(entry.payload), entry.height)
                self.height = entry.height

    async def orders(self, rounds: Sequence[OurRound]) -> dict[str, DeedOrder]:
        """Return what the domain was asked to hold for these rounds, by id; raises NotDone."""
        found: dict[str, DeedOrder] = {}
        for height in sorted({each.ordered_at for each in rounds}):
            entry = (await self._read(height - 1))[0]
            for event in self._decode(entry.payload):
                if isinstance(event, DeedsOrdered) and event.domain == self.domain:
                    found |= {o.round_id: o for o in event.orders if event.deed is Deed.HOLD}
        return {each.round_id: found[each.round_id] for each in rounds}
