"""A random course of settlements, decided by the real room: what there is to tell of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from random import Random

from nostro.kernel.messages import Command, Event, Rejection, Tick
from nostro.kernel.movement import Lacking
from nostro.kernel.room import Context, Position
from nostro.settlement import (
    CancelSettlement,
    Deed,
    DeedOrder,
    DeedResult,
    DeedsOrdered,
    DomainState,
    HoldSettlement,
    InstructSettlements,
    InstructSide,
    Instrument,
    NewSettlement,
    NewSide,
    NoteDeeds,
    Outcome,
    Partial,
    Party,
    ReleaseSettlement,
    RetrySettlement,
    SetDomainState,
    SetInstrument,
    SetPenaltyRate,
    SettlementPolicy,
    SettlementRoom,
)

CHAIN = "main"
SECOND_US = 1_000_000
FIRST_AT_US = 1_700_000_000 * SECOND_US
POLICY = SettlementPolicy(
    coordinator=CHAIN,
    domains=("cash", "depot"),
    timeout_us=120 * SECOND_US,
    retry_attempts=1,
    retry_delay_us=30 * SECOND_US,
    recycles_max=2,
)
PARTIES = ("alba", "bora", "cira")
DONE = {
    Deed.HOLD: Outcome.HELD,
    Deed.POST: Outcome.EXECUTED,
    Deed.EXECUTE: Outcome.EXECUTED,
    Deed.RELEASE: Outcome.RELEASED,
}
Row = tuple[int, int, list[Event]]


class Dealer:
    """Gives commands, and answers for the domains, as dice say. `rows`: height, time and events of
    each journal row that came of it."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.room = SettlementRoom(POLICY)
        self.state = self.room.new()
        self.rows: list[Row] = []
        self.at_us = FIRST_AT_US
        self._asked: list[tuple[str, Deed, DeedOrder]] = []
        self._said = 0

    def do(self, command: Command, *, actor: str = "clerk") -> Sequence[Event]:
        """Decide a command; what our own ledger is asked it answers in the same row."""
        height = len(self.rows) + 1
        context = Context(height, self.at_us, actor, {})
        try:
            events = list(self._decide(command, context))
        except Rejection:
            return ()
        for event in events:  # grows: answers of our own ledger follow
            if isinstance(event, DeedsOrdered):
                if event.local:
                    results = [self._answer(order, event.deed) for order in event.orders]
                    note = NoteDeeds(domain=event.domain, deed=event.deed, results=results)
                    events += self._decide(note, context)
                else:
                    self._asked += [(event.domain, event.deed, order) for order in event.orders]
        if events:
            self.rows.append((height, self.at_us, events))
        return events

    def _decide(self, command: Command, context: Context) -> Sequence[Event]:
        decision = self.room.decide(self.state, command, context)
        for event in decision.events:
            self.room.evolve(self.state, event, Position(context.height, context.at_us))
        return decision.events

    def _answer(self, order: DeedOrder, deed: Deed) -> DeedResult:
        bundle, round_ = order.bundle, order.round
        odds = 0.35 if deed in (Deed.HOLD, Deed.POST) else 0.1
        if self.dice.random() >= odds:
            reference = f"ref:{deed}:{order.round_id}"
            return DeedResult(bundle, round_, DONE[deed], reference, "#1")
        code = self.dice.choice(("lacking", "lacking", "account", "closed"))
        lacking = []
        if code == "lacking" and order.locks:
            lock = self.dice.choice(order.locks)
            have = self.dice.choice((0, lock.amount_minor // 2, -1))
            lacking = [Lacking(lock.party, lock.asset, have)]
        return DeedResult(bundle, round_, Outcome.REFUSED, code=code, lacking=lacking)

    # -- what happens ------------------------------------------------------------------------------

    def run(self, steps: int) -> Dealer:
        """Do so many things."""
        dice = self.dice
        things: tuple[Callable[[], object], ...] = (
            self.instruct,
            self.instruct,
            self.say_side,
            self.hear,
            self.hear,
            self.hear,
            self.hear,
            self.interfere,
            self.let_time_pass,
            self.govern,
        )
        for _ in range(steps):
            self.at_us += dice.choice((1_000, SECOND_US, 20 * SECOND_US))
            dice.choice(things)()
        return self

    def instruct(self) -> None:
        """Instruct some agreed settlements, alone or linked."""
        count = self.dice.choice((1, 1, 2, 3))
        self.do(
            InstructSettlements(
                settlements=[self.new_settlement() for _ in range(count)],
                linked=self.dice.random() < 0.4,
            )
        )

    def new_settlement(self) -> NewSettlement:
        """Return a settlement that nobody knows of yet."""
        dice = self.dice
        self._said += 1
        seller, buyer = dice.sample(PARTIES, 2)
        partial = dice.choice((Partial.NPAR, Partial.PART))
        return NewSettlement(
            trade_id=f"T\t{self._said}" if self._said % 50 == 0 else f"T{self._said}",
            seller=seller,
            buyer=buyer,
            security="BOND",
            quantity_minor=dice.choice((100, 1_000)),
            cash="EUR",
            amount_minor=dice.choice((7, 99_999, 10**20)),
            securities_domain=dice.choice(("main", "main", "depot", "cash")),
            cash_domain=dice.choice(("main", "cash")),
            seller_partial=partial,
            buyer_partial=partial,
            held=dice.choice(((), (), (), (Party.SELLER,))),
        )

    def say_side(self) -> None:
        """Instruct one side, which may match one that is there."""
        dice = self.dice
        self._said += 1
        side = dice.choice(tuple(Party))
        party, counterparty = PARTIES[:2] if side is Party.SELLER else PARTIES[1::-1]
        day = POLICY.days.day_of(self.at_us)
        self.do(
            InstructSide(
                instruction=NewSide(
                    side=side,
                    reference=f"R{self._said}",
                    party=party,
                    counterparty=counterparty,
                    security="BOND",
                    quantity_minor=dice.choice((100, 200)),
                    cash="EUR",
                    amount_minor=5_000,
                    trade_date=day_name(day),
                    settlement_date=day_name(day),
                    partial=Partial.PARC if self._said % 2 else Partial.NPAR,
                    partial_min_minor=5 if self._said % 2 else 0,
                    held=dice.random() < 0.2,
                )
            )
        )

    def hear(self) -> None:
        """Let a domain answer something that it was asked, perhaps twice, perhaps late."""
        if not self._asked:
            return
        domain, deed, order = self._asked.pop(self.dice.randrange(len(self._asked)))
        if self.dice.random() < 0.2:
            self._asked.append((domain, deed, order))
        results = [self._answer(order, deed)]
        height = self.dice.choice((0, len(self.rows) + 1))
        self.do(NoteDeeds(domain=domain, deed=deed, results=results, domain_height=height))

    def interfere(self) -> None:
        """Let a party do something with one of the settlements."""
        if not self.state.settlements:
            return
        number = self.dice.choice(list(self.state.settlements))
        side = self.dice.choice(tuple(Party))
        command = self.dice.choice(
            (
                HoldSettlement(settlement=number, side=side),
                ReleaseSettlement(settlement=number, side=side),
                ReleaseSettlement(settlement=number, side=side, quantity_minor=50),
                CancelSettlement(settlement=number, side=side, reason="late"),
                CancelSettlement(settlement=number, reason='a "bad"\n\0day'),
                RetrySettlement(settlement=number, reason="again"),
            )
        )
        self.do(command, actor=self.dice.choice(PARTIES))

    def let_time_pass(self) -> None:
        """Let nothing happen for a while."""
        self.at_us += self.dice.choice((30, 120, 3_600, 40_000)) * SECOND_US
        for _ in range(20):
            due = self.room.due(self.state)
            if due is None or due > self.at_us or not self.do(Tick(), actor="clock"):
                return

    def govern(self) -> None:
        """Let the operator change something."""
        state = self.dice.choice((DomainState.OPEN, DomainState.QUARANTINED, DomainState.OPEN))
        self.do(
            self.dice.choice(
                (
                    SetDomainState(domain="depot", state=state, reason="why"),
                    SetInstrument(instrument=Instrument("BOND", "main", 50)),
                    SetPenaltyRate(penalty_class="other", valid_from="2023-01-01", rate_ppm=77),
                )
            )
        )


def day_name(day: int) -> str:
    """Return an ordinal day as an ISO date."""
    return date.fromordinal(day).isoformat()
