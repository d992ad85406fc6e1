"""Given events, when a command, then events or a refusal: the settlement room alone.

What it asks of its own ledger is answered within the same row, as the flows do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event, Tick
from nostro.kernel.movement import Lacking
from nostro.kernel.room import Context, Decision, Position
from nostro.settlement import (
    DAY_US,
    EPOCH_DAY,
    SECOND_US,
    Deed,
    DeedOrder,
    DeedResult,
    DeedsOrdered,
    InstructSettlements,
    InstructSide,
    Instrument,
    Live,
    NewSettlement,
    NewSide,
    NoteDeeds,
    Outcome,
    Partial,
    Party,
    PlainDays,
    SetInstrument,
    SettlementPolicy,
    SettlementRoom,
    SettlementState,
)
from tests.rooms.replayed import Replayed

TODAY = date(2026, 11, 18)
START_US = (TODAY.toordinal() - EPOCH_DAY) * DAY_US + 9 * 3_600 * SECOND_US
"""Nine o'clock on a Wednesday."""
WORKDAYS = frozenset(
    day for day in range(TODAY.toordinal() - 30, TODAY.toordinal() + 400) if day % 7 not in (6, 0)
)
DAYS = PlainDays(open_days={"CSD": WORKDAYS})
POLICY = SettlementPolicy(domains=("bonds", "euros"), days=DAYS)
DONE = {
    Deed.HOLD: Outcome.HELD,
    Deed.EXECUTE: Outcome.EXECUTED,
    Deed.RELEASE: Outcome.RELEASED,
    Deed.POST: Outcome.EXECUTED,
}

Ledger = Callable[[Deed, DeedOrder], DeedResult]
"""What our own ledger says of a deed."""


def willing(deed: Deed, order: DeedOrder) -> DeedResult:
    """Do everything."""
    return DeedResult(order.bundle, order.round, DONE[deed], reference=order.round_id)


def refusing(deed: Deed, order: DeedOrder) -> DeedResult:
    """Do nothing but let go."""
    if deed is Deed.RELEASE:
        return willing(deed, order)
    return lacks(order.bundle, order.round)


def lacks(bundle: int, round_: int, *lacking: Lacking, code: str = "lacking") -> DeedResult:
    """Return the refusal of a hold or a post."""
    return DeedResult(bundle, round_, Outcome.REFUSED, code=code, lacking=list(lacking))


def new(trade_id: str = "t1", **other: Any) -> NewSettlement:
    """Return a settlement of gold against dollars, both on our own ledger."""
    told: dict[str, Any] = {
        "seller": "ann",
        "buyer": "bob",
        "security": "GOLD",
        "quantity_minor": 100,
        "cash": "USD",
        "amount_minor": 1_000,
    }
    return NewSettlement(trade_id=trade_id, **{**told, **other})


def apart(trade_id: str = "t1", **other: Any) -> NewSettlement:
    """Return a settlement of a bond at one domain against euros at another."""
    told = {"security": "BOND", "cash": "EUR"}
    return new(trade_id, **{**told, **other})


def side(of_whom: Party, reference: str = "r1", **other: Any) -> InstructSide:
    """Return one side of gold against dollars."""
    selling = of_whom is Party.SELLER
    told: dict[str, Any] = {
        "party": "ann" if selling else "bob",
        "counterparty": "bob" if selling else "ann",
        "security": "GOLD",
        "quantity_minor": 100,
        "cash": "USD",
        "amount_minor": 1_000,
        "trade_date": "2026-11-18",
        "settlement_date": "2026-11-18",
    }
    return InstructSide(instruction=NewSide(side=of_whom, reference=reference, **{**told, **other}))


PARTS = {"seller_partial": Partial.PART, "buyer_partial": Partial.PART}
"""Both sides take parts."""


class Play(Replayed):
    """One room over one state; each command is a journal row of its own, together with what our own
    ledger answers in it."""

    def __init__(
        self,
        policy: SettlementPolicy = POLICY,
        *,
        ledger: Ledger = willing,
        names_hot_max: int = 1_000,
        instruments: bool = True,
    ) -> None:
        self.room = SettlementRoom(policy, names_hot_max=names_hot_max)
        self.state: SettlementState = self.room.new()
        self.policy = policy
        self.ledger = ledger
        self.height = 0
        self.now_us = START_US
        self.rows: dict[int, tuple[Position, bytes]] = {}
        self.codec = Codec(self.room.events)
        self.body: Any = None
        self.asked: list[DeedsOrdered] = []
        """What other domains were asked, the oldest first."""
        if instruments:
            self.when(SetInstrument(instrument=Instrument("BOND", "bonds")))
            self.when(SetInstrument(instrument=Instrument("EUR", "euros")))

    # -- stories ----------------------------------------------------------------------------------

    def instructed(self, *settlements: NewSettlement, linked: bool = False) -> list[Event]:
        """Instruct settlements."""
        return self.when(InstructSettlements(settlements=list(settlements), linked=linked))

    def told(
        self,
        domain: str,
        deed: str,
        *results: DeedResult,
        bundle: int = 1,
        round_: int = 1,
        height: int = 0,
    ) -> list[Event]:
        """Tell what a domain answered: that it did it, unless results say otherwise."""
        done = Deed(deed)
        answers = list(results) or [DeedResult(bundle, round_, DONE[done], reference=f"{domain}/r")]
        note = NoteDeeds(domain=domain, deed=done, results=answers, domain_height=height)
        return self.when(note)

    def held(self, *, bundle: int = 1, round_: int = 1) -> list[Event]:
        """Have both domains of a settlement apart hold."""
        self.told("bonds", "hold", bundle=bundle, round_=round_)
        return self.told("euros", "hold", bundle=bundle, round_=round_)

    def tick(self) -> list[Event]:
        """Let time pass until something is due, and tick."""
        due = self.room.due(self.state)
        assert due is not None, "nothing is due"
        self.now_us = max(self.now_us, due)
        return self.when(Tick())

    def tick_until(self, at_us: int) -> list[Event]:
        """Let time pass until then, with every tick that is due."""
        events: list[Event] = []
        while (due := self.room.due(self.state)) is not None and due <= at_us:
            self.now_us = max(self.now_us, due)
            ticked = self.when(Tick())
            assert ticked, "a Tick was due, and nothing happened"
            events += ticked
        self.now_us = max(self.now_us, at_us)
        return events

    def live(self, number: int = 1) -> Live:
        """Return a settlement that has not ended."""
        return self.state.settlements[number]

    def status(self, number: int = 1) -> str:
        """Return where a settlement stands."""
        return str(self.state.standing(number))

    def take_asked(self, domain: str = "", deed: str = "") -> list[DeedsOrdered]:
        """Return what other domains were asked, once."""
        asked = [
            each
            for each in self.asked
            if (not domain or each.domain == domain) and (not deed or each.deed == deed)
        ]
        self.asked = [each for each in self.asked if each not in asked]
        return asked

    # -- the engine's part ------------------------------------------------------------------------

    def when(self, command: Command, *, actor: str = "ann") -> list[Event]:
        """Decide a command and what follows in its row, apply the events and return them; raises
        Rejection."""
        self.height += 1
        position = Position(self.height, self.now_us)
        decision = self._decide(command, actor)
        self.body = decision.body
        row: list[Event] = []
        waiting = self._apply(decision, position, row)
        while waiting:
            waiting += self._apply(self._decide(waiting.pop(0), ""), position, row)
        self.rows[self.height] = (position, encode_events(row))
        return row

    def _decide(self, command: Command, actor: str) -> Decision:
        before = self.room.digest(self.state)
        try:
            decision: Decision = self.room.decide(
                self.state, command, self._context(command, actor)
            )
            return decision
        finally:
            assert self.room.digest(self.state) == before, "deciding changed the state"

    def _apply(self, decision: Decision, position: Position, row: list[Event]) -> list[Command]:
        answers: list[Command] = []
        for event in decision.events:
            self.room.evolve(self.state, event, position)
            row.append(event)
            if not isinstance(event, DeedsOrdered):
                continue
            if not event.local:
                self.asked.append(event)
                continue
            results = [self.ledger(event.deed, order) for order in event.orders]
            answers.append(NoteDeeds(domain=event.domain, deed=event.deed, results=results))
        return answers

    def past(self) -> Iterator[tuple[Position, Sequence[Event]]]:
        """Yield the events of each row so far, as the journal has them."""
        for position, payload in self.rows.values():
            yield position, self.codec.decode_events(payload)

    def _context(self, command: Command, actor: str) -> Context:
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            events = self.codec.decode_events(self.rows[height][1])
            recalled.update(self.room.recall([key], events))
        return Context(self.height, self.now_us, actor, recalled)


def kinds(events: list[Event]) -> list[str]:
    """Return the names of events, without the room."""
    return [type(event).__name__ for event in events]


def of(events: list[Event], kind: type[Any]) -> list[Any]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]
