"""Whatever parties, domains and the network do, in whatever order: do both legs move or none, is
each decision made once, do parts add up, and does everything come to an end once faults stop?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nostro.kernel.messages import Command, Event, Rejection, Tick
from nostro.settlement import (
    SECOND_US,
    CancelSettlement,
    Cycle,
    Deed,
    DeedOrder,
    DeedResult,
    DomainState,
    HoldSettlement,
    InstructSettlements,
    Instrument,
    NewSettlement,
    NoteDeeds,
    Partial,
    Party,
    ReleaseSettlement,
    RetrySettlement,
    RoundsDecided,
    RoundsRecycled,
    RoundsSettled,
    RoundsStarted,
    SetDomainState,
    SetInstrument,
    SettlementsInstructed,
    round_id,
)
from tests.rooms.settlement.play import POLICY, Play, side
from tests.rooms.settlement.scripted import ScriptedDomain

PARTIES = ("ann", "bob", "cy")
PARTY = st.sampled_from(PARTIES)
SIDE = st.sampled_from(Party)
NUMBER = st.integers(1, 12)
PICK = st.integers(0, 10_000)
PARTIAL = st.sampled_from([Partial.NPAR, Partial.PART, Partial.PART])
OURS, BONDS, EUROS = "main", "bonds", "euros"
SECURITY = st.sampled_from(["BOND", "BOND", "GOLD"])
CASH = st.sampled_from(["EUR", "EUR", "USD"])
STEPS_MAX = 3_000
"""Ticks and answers within which everything must have come to an end."""


@st.composite
def agreed(draw: st.DrawFn) -> dict[str, Any]:
    """Return what two parties agree on."""
    seller = draw(PARTY)
    return {
        "seller": seller,
        "buyer": draw(st.sampled_from([each for each in PARTIES if each != seller])),
        "security": draw(SECURITY),
        "quantity_minor": draw(st.integers(1, 70)),
        "cash": draw(CASH),
        "amount_minor": draw(st.integers(1, 700)),
        "cycle": draw(st.sampled_from([Cycle.INSTANT, Cycle.INSTANT, Cycle.T1])),
        "seller_partial": draw(PARTIAL),
        "buyer_partial": draw(PARTIAL),
        "held": draw(st.sampled_from([(), (), (Party.SELLER,), (Party.BUYER,)])),
    }


class AnySettlement(RuleBasedStateMachine):
    """Gold and dollars on our own ledger, bonds and euros elsewhere; messages are delivered late,
    repeatedly and in any order, and what was asked is asked until it is answered."""

    @initialize(attempts=st.integers(0, 2), recycles=st.integers(0, 2), lot=st.sampled_from([1, 5]))
    def open(self, attempts: int, recycles: int, lot: int) -> None:
        policy = msgspec.structs.replace(
            POLICY, retry_attempts=attempts, recycles_max=recycles, batch_size=2
        )
        owned = {
            (party, asset): 60 for party in PARTIES for asset in ("GOLD", "USD", "BOND", "EUR")
        }
        self.domains = {name: ScriptedDomain(name, owned) for name in (OURS, BONDS, EUROS)}
        self.play = Play(policy, ledger=self.domains[OURS].answer)
        self.play.when(SetInstrument(instrument=Instrument("BOND", BONDS, lot)))
        self.wholes: dict[int, tuple[int, int]] = {}
        self.settled: dict[int, list[tuple[int, int]]] = {}
        self.decisions: dict[tuple[int, int], bool] = {}
        self.places: dict[tuple[int, int], set[str]] = {}
        self.requests: list[tuple[str, Deed, DeedOrder]] = []
        self.answers: list[tuple[str, Deed, DeedResult]] = []
        self.trades = 0
        self.total = self._total()

    # -- what parties and operators do ------------------------------------------------------------

    @rule(terms=st.lists(agreed(), min_size=1, max_size=3))
    def instruct(self, terms: list[dict[str, Any]]) -> None:
        settlements = []
        for each in terms:
            self.trades += 1
            settlements.append(NewSettlement(trade_id=f"t{self.trades}", **each))
        self._do(InstructSettlements(settlements=settlements))

    @rule(terms=st.lists(agreed(), min_size=2, max_size=3))
    def instruct_linked(self, terms: list[dict[str, Any]]) -> None:
        """Nothing keeps these from settling, all at once or none."""
        settlements = []
        for each in terms:
            self.trades += 1
            plain = {**each, "held": (), "cycle": Cycle.INSTANT}
            settlements.append(NewSettlement(trade_id=f"t{self.trades}", **plain))
        self._do(InstructSettlements(settlements=settlements, linked=True))

    @rule(of_whom=SIDE, quantity=st.sampled_from([10, 20]), held=st.booleans())
    def instruct_side(self, of_whom: Party, quantity: int, held: bool) -> None:
        self.trades += 1
        self._do(
            side(
                of_whom,
                f"r{self.trades}",
                security="BOND",
                cash="EUR",
                quantity_minor=quantity,
                amount_minor=quantity,
                held=held,
                partial=Partial.PART,
            )
        )

    @rule(number=NUMBER, of_whom=SIDE)
    def hold(self, number: int, of_whom: Party) -> None:
        self._do(HoldSettlement(settlement=number, side=of_whom))

    @rule(number=NUMBER, of_whom=SIDE, quantity=st.sampled_from([0, 0, 5, 10]))
    def release(self, number: int, of_whom: Party, quantity: int) -> None:
        self._do(ReleaseSettlement(settlement=number, side=of_whom, quantity_minor=quantity))

    @rule(number=NUMBER, of_whom=st.sampled_from([None, Party.SELLER, Party.BUYER]))
    def cancel(self, number: int, of_whom: Party | None) -> None:
        self._do(CancelSettlement(settlement=number, side=of_whom))

    @rule(number=NUMBER)
    def retry(self, number: int) -> None:
        self._do(RetrySettlement(settlement=number, reason="again"))

    @rule(
        name=st.sampled_from([BONDS, EUROS]),
        state=st.sampled_from([DomainState.OPEN] * 4 + list(DomainState)),
    )
    def set_domain(self, name: str, state: DomainState) -> None:
        self._do(SetDomainState(domain=name, state=state))

    @rule(name=st.sampled_from([BONDS, EUROS]), broken=st.booleans())
    def break_domain(self, name: str, broken: bool) -> None:
        self.domains[name].broken = broken

    # -- what the network and the clock do --------------------------------------------------------

    @precondition(lambda self: self.requests)
    @rule(pick=PICK, keep=st.booleans())
    def deliver(self, pick: int, keep: bool) -> None:
        """A request arrives, perhaps not for the first time; perhaps its answer is lost."""
        name, deed, order = self.requests[pick % len(self.requests)]
        result = self.domains[name].answer(deed, order)
        if keep:
            self.answers.append((name, deed, result))

    @precondition(lambda self: self.requests)
    @rule(count=st.integers(1, 4))
    def answer(self, count: int) -> None:
        """The newest requests arrive, and so do their answers."""
        for name, deed, order in self.requests[-count:]:
            result = self.domains[name].answer(deed, order)
            self._do(NoteDeeds(domain=name, deed=deed, results=[result]))

    @precondition(lambda self: self.answers)
    @rule(pick=PICK, again=st.booleans())
    def tell(self, pick: int, again: bool) -> None:
        """An answer arrives, perhaps once more later."""
        place = pick % len(self.answers)
        name, deed, result = self.answers[place] if again else self.answers.pop(place)
        self._do(NoteDeeds(domain=name, deed=deed, results=[result]))

    @precondition(lambda self: self.answers)
    @rule(pick=PICK)
    def tell_several(self, pick: int) -> None:
        """All answers of one kind arrive at once."""
        name, deed, _ = self.answers[pick % len(self.answers)]
        results = [each[2] for each in self.answers if each[:2] == (name, deed)]
        self._do(NoteDeeds(domain=name, deed=deed, results=results))

    @rule(seconds=st.sampled_from([0, 1, 30, 299, 300, 7_200, 86_400]))
    def tick(self, seconds: int) -> None:
        self.play.now_us += seconds * SECOND_US
        self._do(Tick())

    @rule()
    def due(self) -> None:
        if self.play.room.due(self.play.state) is not None:
            self._heard(self.play.tick())

    @rule()
    def restart(self) -> None:
        self.play.settle().reload()

    # -- what must always be so -------------------------------------------------------------------

    @invariant()
    def no_round_is_both_executed_and_released(self) -> None:
        executed = {id for each in self.domains.values() for id in each.executed}
        released = {id for each in self.domains.values() for id in each.released}
        assert not executed & released

    @invariant()
    def only_what_was_decided_so_is_executed_or_released(self) -> None:
        for name, domain in self.domains.items():
            for order in domain.executed.values():
                posted = name == OURS and not order.locks
                decided = self.decisions.get((order.bundle, order.round))
                assert decided or (posted and decided is None)
            for id in domain.released:
                bundle, number = id.removeprefix("main.S").split(".")
                assert self.decisions[int(bundle), int(number)] is False

    @invariant()
    def parts_add_up(self) -> None:
        for number, tranches in self.settled.items():
            quantity, amount = (sum(each) for each in zip(*tranches, strict=True))
            whole = self.wholes[number]
            live = self.play.state.settlements.get(number)
            if live is not None:
                assert (quantity, amount) == (live.settled_minor, live.paid_minor)
                assert quantity < whole[0]
                assert amount <= whole[1]
            elif number not in self.play.state.cancelled:
                assert (quantity, amount) == whole

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        assert self._total() == self.total

    def teardown(self) -> None:
        if hasattr(self, "play"):
            self._faults_stop()
            self.play.check()

    # -- how it is done ---------------------------------------------------------------------------

    def _faults_stop(self) -> None:
        """Domains are there and do what they are asked, once and in order."""
        for name in (BONDS, EUROS):
            self.domains[name].broken = False
            self._do(SetDomainState(domain=name, state=DomainState.OPEN))
        for _ in range(STEPS_MAX):
            if self.requests:
                name, deed, order = self.requests.pop(0)
                result = self.domains[name].answer(deed, order)
                self._do(NoteDeeds(domain=name, deed=deed, results=[result]))
            elif next(self.play.state.open_rounds(), None) is not None:
                self._heard(self.play.tick())
            else:
                break
        else:
            raise AssertionError("rounds go on for ever")
        assert not any(domain.held for domain in self.domains.values())
        assert not self.play.state.stuck

    def _do(self, command: Command) -> None:
        try:
            self._heard(self.play.when(command))
        except Rejection:
            return

    def _heard(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case SettlementsInstructed(settlements=instructed):
                    for each in instructed:
                        self.wholes[each.number] = (each.quantity_minor, each.amount_minor)
                case RoundsStarted(rounds=started):
                    assert all((new.bundle, new.round) not in self.decisions for new in started)
                    for new in started:
                        at = {part.domain for part in new.parts}
                        assert not at & self.play.state.shut
                        self.places[new.bundle, new.round] = at
                case RoundsDecided(rounds=decided):
                    for decision in decided:
                        round_ = (decision.bundle, decision.round)
                        assert round_ not in self.decisions
                        self.decisions[round_] = decision.commit
                case RoundsSettled(rounds=settled):
                    for end in settled:
                        id = round_id(OURS, end.bundle, end.round)
                        at = self.places[end.bundle, end.round]
                        assert all(id in self.domains[name].executed for name in at)
                        for tranche in end.tranches:
                            parts = self.settled.setdefault(tranche.settlement, [])
                            parts.append((tranche.quantity_minor, tranche.amount_minor))
                case RoundsRecycled(rounds=recycled):
                    for over in recycled:
                        id = round_id(OURS, over.bundle, over.round)
                        assert not any(id in each.held for each in self.domains.values())
        for ordered in self.play.take_asked():
            self.requests += [(ordered.domain, ordered.deed, each) for each in ordered.orders]

    def _total(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for domain in self.domains.values():
            for (_, asset), amount in domain.owned.items():
                total[asset] += amount
        return total


AnySettlement.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestAnySettlement = AnySettlement.TestCase
