"""Given events, when a command, then events or a refusal: custody alone, without a ledger.

The play says what the books did, in the row in which they were asked. Events go through the codec,
as if they came out of the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nostro.custody import (
    EVENTS,
    AskRounds,
    Booked,
    CustodyRoom,
    CustodyState,
    ExecuteHolds,
    ExecutionsAsked,
    HoldsAsked,
    ListRounds,
    NewHold,
    NoteBooked,
    PlaceHolds,
    ReleaseHolds,
    ReleasesAsked,
    RoundOrder,
)
from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event
from nostro.kernel.movement import Lock, Move
from nostro.kernel.room import Context, Position
from tests.rooms.replayed import Replayed

SALE = Move("alice", "bob", "BOND1", 100)
LOCK = Lock("alice", "BOND1", 100)
R1, R2, R3 = "main.S1.1", "main.S2.1", "main.S3.1"


def new_hold(round_id: str = R1, epoch: int = 1, *, amount_minor: int = 100) -> NewHold:
    """Return the hold of a sale from alice to bob."""
    move = Move("alice", "bob", "BOND1", amount_minor)
    return NewHold(round_id, epoch, [Lock("alice", "BOND1", amount_minor)], [move])


class Play(Replayed):
    """One room over one state; each command is a journal row of its own."""

    def __init__(self, *, hot_max: int = 1_000) -> None:
        self.room = CustodyRoom(ended_hot_max=hot_max, issued_hot_max=hot_max)
        self.state: CustodyState = self.room.new()
        self.codec = Codec(EVENTS)
        self.height = 0
        self.rows: dict[int, list[Event]] = {}
        self.body: Any = None

    # -- what is asked, and what the books do -----------------------------------------------------

    def hold(self, *holds: NewHold, books: Mapping[str, Booked] | None = None) -> list[Any]:
        """Place holds and return what each is told; `books`: what they did, where not all."""
        return self._asked(PlaceHolds(holds=list(holds)), books or {})

    def execute(
        self, *ids: str, epoch: int = 1, books: Mapping[str, Booked] | None = None
    ) -> list[Any]:
        """Execute rounds likewise."""
        orders = [RoundOrder(each, epoch) for each in ids]
        return self._asked(ExecuteHolds(rounds=orders), books or {})

    def release(
        self, *ids: str, epoch: int = 1, books: Mapping[str, Booked] | None = None
    ) -> list[Any]:
        """Release rounds likewise."""
        orders = [RoundOrder(each, epoch) for each in ids]
        return self._asked(ReleaseHolds(rounds=orders), books or {})

    def status(self, *ids: str) -> list[Any]:
        """Ask where rounds stand: nothing changes."""
        assert self.when(AskRounds(rounds=list(ids))) == []
        return [each.get("code") or each["stage"] for each in self.body["results"]]

    def listed(self, **asked: Any) -> list[str]:
        """List rounds."""
        assert self.when(ListRounds(**asked)) == []
        return [each["round_id"] for each in self.body["results"]]

    def _asked(self, command: Command, books: Mapping[str, Booked]) -> list[Any]:
        events = self.when(command)
        results = self.body["results"]
        asked = [
            earmark.hold.round_id
            for event in events
            if isinstance(event, HoldsAsked | ExecutionsAsked | ReleasesAsked)
            for earmark in event.rounds
        ]
        if asked:
            self.when(
                NoteBooked(results=[books.get(each, Booked(each)) for each in asked]), same_row=True
            )
            told = {each["round_id"]: each for each in self.body["results"]}
            results = [
                told.get(each["round_id"], each) if "code" not in each else each for each in results
            ]
        return [each.get("code") or (each["stage"], each["height"]) for each in results]

    # -- the engine's part ------------------------------------------------------------------------

    def when(self, command: Command, *, same_row: bool = False) -> list[Event]:
        """Decide a command, apply its events and return them; raises Rejection."""
        self.height += not same_row
        context = Context(self.height, self.height, "main", self._recalled(command))
        before = self.room.digest(self.state)
        try:
            decision = self.room.decide(self.state, command, context)
        finally:
            assert self.room.digest(self.state) == before, "deciding changed the state"
        events = self.codec.decode_events(encode_events(decision.events))
        self.rows.setdefault(self.height, []).extend(events)
        for event in events:
            self.room.evolve(self.state, event, Position(self.height, self.height))
        self.body = decision.body
        return events

    def past(self) -> Iterator[tuple[Position, Sequence[Event]]]:
        """Yield the events of each row so far."""
        for height, events in self.rows.items():
            yield Position(height, height), events

    def _recalled(self, command: Command) -> dict[str, Any]:
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            recalled.update(self.room.recall([key], self.rows[height]))
        return recalled
