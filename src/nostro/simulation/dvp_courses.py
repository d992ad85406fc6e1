"""What may a settlement go through, if someone else follows it, from the journal's events alone?

Each event is held against what stood before it, by the rules of delivery versus payment: one
decision for a round and only one, none to execute unless everything is held and it is not too late,
nothing executed that was not decided, nothing released that was. The room's own code decides
nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from nostro import settlement as s
from nostro.kernel.messages import Event
from nostro.settlement import Deed, Party, Reason, RoundPart
from nostro.simulation.books import Violation
from nostro.simulation.dvp_terms import (
    OWN_LEDGER,
    Deal,
    Legs,
    check_tranche,
    deal_of,
    domains_of,
    match,
    moved,
)

BOTH = frozenset(Party)


class Round(msgspec.Struct):
    """A round as it was told. `asked`: domains that were asked to hold, `held`: that do;
    `executed`: what each named what it did."""

    bundle: int
    number: int
    before_us: int
    tranches: Sequence[s.Tranche]
    parts: Mapping[str, RoundPart]
    at_once: bool
    net: Legs
    asked: set[str]
    held: set[str]
    released: set[str]
    executed: dict[str, str]
    commit: bool | None = None
    over: bool = False

    @property
    def id(self) -> str:
        """Return the name by which domains know it."""
        return f"{OWN_LEDGER}.S{self.bundle}.{self.number}"


class Settling:
    """All settlements, their bundles and rounds."""

    def __init__(self) -> None:
        self.deals: dict[int, Deal] = {}
        self.bundles: dict[int, list[Deal]] = {}
        self.rounds: dict[str, Round] = {}
        """By the name that domains know."""
        self.open: dict[int, Round] = {}
        """By bundle."""
        self.starts_us: dict[int, int] = {}
        """By bundle: when its next round may begin."""
        self.recycled: dict[int, int] = {}
        self.lots: dict[str, int] = {}
        self.barred: dict[str, str] = {}
        """Domains that are closed or quarantined."""
        self.penalties: list[s.Penalty] = []
        self.quarantined: list[str] = []
        """Domains that were quarantined, each time."""
        self.partials = 0
        """Tranches that left something open."""
        self._names: set[str] = set()
        self._counts: dict[int, int] = {}
        """Rounds of each bundle."""
        self._at_us = 0

    def read(self, event: Event, at_us: int) -> None:
        """Take in one event of the settlement room; raises Violation."""
        self._at_us = at_us
        reader = READERS.get(type(event))
        if reader is not None:
            reader(self, event)

    # -- instructions -----------------------------------------------------------------------------

    def instruct(self, event: s.SettlementsInstructed) -> None:
        """Settlements are known."""
        for told in event.settlements:
            _check(told.number == len(self.deals) + 1, "number {} jumps", told.number)
            deal = deal_of(told)
            self.deals[deal.number] = deal
            self.bundles.setdefault(deal.bundle, []).append(deal)
            _check(deal.bundle in self.deals, "{} is in a bundle that is not there", deal)
            self._name(deal)
            self.starts_us[deal.bundle] = told.starts_at_us

    def _name(self, deal: Deal) -> None:
        """Check that no name was ever used before."""
        names = [f"{getattr(deal, side)}/{name}" for side, name in deal.references.items()]
        if deal.matched:
            names = [f"trade {deal.trade_id}"]
        for name in names:
            _check(name not in self._names, "{} stands for two settlements", name)
            self._names.add(name)

    def match(self, event: s.SettlementMatched) -> None:
        """The other side instructed."""
        deal = self._open_deal(event.settlement)
        match(deal, event)
        name = f"{getattr(deal, event.side)}/{event.reference}"
        _check(name not in self._names, "{} stands for two settlements", name)
        self._names.add(name)
        self.starts_us[deal.bundle] = event.starts_at_us

    def hold(self, event: s.SettlementHeld) -> None:
        """A side keeps it back."""
        deal = self._open_deal(event.settlement)
        round_ = self.open.get(deal.bundle)
        _check(round_ is None or not round_.commit, "{} after it was decided", event)
        deal.held[event.side] = 0

    def release(self, event: s.SettlementReleased) -> None:
        """A side lets it go, or some of it."""
        deal = self._open_deal(event.settlement)
        _check(event.side in deal.held, "{} of what it did not keep back", event)
        if event.quantity_minor:
            deal.held[event.side] += event.quantity_minor
        else:
            del deal.held[event.side]

    def ask_cancel(self, event: s.CancelAsked) -> None:
        """A side, or both, want it cancelled."""
        deal = self._open_deal(event.settlement)
        deal.cancel |= {Party(event.side)} if event.side else BOTH

    def retry(self, event: s.RetryAsked) -> None:
        """It is tried again, with all that belongs to it."""
        bundle = self.deals[event.settlement].bundle
        _check(bundle not in self.open, "{} while a round is under way", event)
        for deal in self.bundles[bundle]:
            _check(deal.state in ("open", "failed"), "{}: {}", event, deal.state)
            deal.state = "open"
        self.starts_us[bundle] = event.starts_at_us

    def _open_deal(self, number: int) -> Deal:
        deal = self.deals[number]
        _check(deal.state != "settled" and deal.state != "cancelled", "{} has ended", deal)
        return deal

    # -- rounds -----------------------------------------------------------------------------------

    def start(self, event: s.RoundsStarted) -> None:
        """Rounds begin."""
        for told in event.rounds:
            self._start(told)

    def _start(self, told: s.StartedRound) -> None:
        deals = self.bundles[told.bundle]
        _check(told.bundle not in self.open, "{} while another round is under way", told)
        self._counts[told.bundle] = self._counts.get(told.bundle, 0) + 1
        _check(told.round == self._counts[told.bundle], "{} is not the next round", told)
        named = [tranche.settlement for tranche in told.tranches]
        _check(named == [deal.number for deal in deals], "{} leaves some of {} out", told, deals)
        starts_us = self.starts_us[told.bundle]
        _check(starts_us <= self._at_us, "{} begins before {}", told, starts_us)
        _check(self._at_us < told.settle_before_us, "{} begins after its end", told)
        for deal, tranche in zip(deals, told.tranches, strict=True):
            _check(deal.state == "open" and deal.matched, "{} of {}", told, deal)
            check_tranche(deal, tranche, alone=len(deals) == 1, lot=self.lots.get(deal.security, 1))
        net = moved(zip(deals, told.tranches, strict=True))
        parts = {part.domain: part for part in told.parts}
        _check(list(parts) == domains_of(deals), "{} goes to {}", told, list(parts))
        _check(told.at_once == (list(parts) == [OWN_LEDGER]), "{} is at once", told)
        for domain in parts:
            _check(domain not in self.barred, "{} needs {}, which takes no part", told, domain)
            _check_part(parts[domain], net)
        round_ = Round(
            *(told.bundle, told.round, told.settle_before_us, told.tranches, parts, told.at_once),
            *(net, set(), set(), set(), {}),
        )
        self.rounds[round_.id] = self.open[told.bundle] = round_

    def order(self, event: s.DeedsOrdered) -> None:
        """A domain is asked for something."""
        _check(event.local == (event.domain == OWN_LEDGER), "{} is local", event)
        for order in event.orders:
            round_ = self._round(order)
            part = round_.parts.get(event.domain)
            if part is None:
                raise Violation(f"{event.domain} has no part in {round_.id}")
            _check(order.round_id == round_.id, "{} goes by another name", order)
            wanted = {None: Deed.POST if round_.at_once else Deed.HOLD, True: Deed.EXECUTE}
            _check(
                event.deed is wanted.get(round_.commit, Deed.RELEASE),
                "{} of {}, which is decided {}",
                event.deed,
                round_.id,
                round_.commit,
            )
            if event.deed in (Deed.HOLD, Deed.POST):
                locks = part.locks if event.deed is Deed.HOLD else []
                _check((order.locks, order.moves) == (locks, part.moves), "{} is another", order)
                before = list(round_.parts)[: list(round_.parts).index(event.domain)]
                _check(round_.held >= set(before), "{} before {} hold", order, before)
                round_.asked.add(event.domain)
            else:
                _check(event.domain in round_.asked, "{} of what was never asked to hold", order)

    def held(self, event: s.HoldsPlaced) -> None:
        """A domain has earmarked."""
        for done in event.rounds:
            round_ = self._round(done)
            asked = event.domain in round_.asked and round_.commit is None
            _check(asked, "{} holds {} unasked", event.domain, round_.id)
            round_.held.add(event.domain)

    def decide(self, event: s.RoundsDecided) -> None:
        """Rounds are decided, once."""
        for told in event.rounds:
            round_ = self._round(told)
            _check(round_.commit is None, "{} is decided twice", round_.id)
            round_.commit = told.commit
            if told.commit:
                self._check_commit(round_)

    def _check_commit(self, round_: Round) -> None:
        _check(round_.held == set(round_.parts), "{} is committed with {}", round_.id, round_.held)
        _check(
            self._at_us < round_.before_us,
            "{} is committed at {}, too late for {}",
            round_.id,
            self._at_us,
            round_.before_us,
        )
        deals = self.bundles[round_.bundle]
        unwanted = all(deal.cancel == BOTH for deal in deals)
        _check(not unwanted, "{} is committed, though all want it cancelled", round_.id)
        for deal, tranche in zip(deals, round_.tranches, strict=True):
            for side, free in deal.held.items():
                _check(
                    tranche.quantity_minor <= free,
                    "{} is committed while {} keeps {} back",
                    round_.id,
                    side,
                    deal,
                )

    def executed(self, event: s.DeedsExecuted) -> None:
        """A domain has moved its part."""
        for done in event.rounds:
            round_ = self._round(done)
            may = round_.at_once if event.deed is Deed.POST else round_.commit is True
            _check(may, "{} executed {}, decided {}", event.domain, round_.id, round_.commit)
            _check(event.domain in round_.asked, "{} executed {} unasked", event.domain, round_.id)
            _check(event.domain not in round_.executed, "{} did {} twice", event.domain, round_.id)
            round_.executed[event.domain] = done.reference

    def released(self, event: s.HoldsReleased) -> None:
        """A domain holds nothing any more."""
        for done in event.rounds:
            round_ = self._round(done)
            _check(round_.commit is False, "{} is released, decided {}", round_.id, round_.commit)
            round_.released.add(event.domain)

    def settle(self, event: s.RoundsSettled) -> None:
        """Rounds ended well."""
        for told in event.rounds:
            round_ = self._end(told)
            _check(round_.executed.keys() == round_.parts.keys(), "{} is not done everywhere", told)
            _check(list(round_.tranches) == told.tranches, "{} settles another part", told)
            deals = self.bundles[told.bundle]
            for deal, tranche in zip(deals, told.tranches, strict=True):
                deal.delivered += tranche.quantity_minor
                deal.paid += tranche.amount_minor
                for side in deal.held:
                    deal.held[side] -= tranche.quantity_minor
                if not deal.rest:
                    deal.state = "settled"
                    _check(deal.paid == deal.amount, "{} is settled for {}", deal, deal.paid)
            left = [(deal.number, deal.rest) for deal in deals if deal.rest]
            self.partials += bool(left)
            _check(told.open_minor == left, "{} leaves {}", told, left)
            self.starts_us[told.bundle] = told.starts_at_us

    def recycle(self, event: s.RoundsRecycled) -> None:
        """Rounds came to nothing, and are tried again."""
        for told in event.rounds:
            self._check_undone(self._end(told))
            before = self.recycled.get(told.bundle, 0)
            _check(before <= told.recycled <= before + 1, "{} after {} times", told, before)
            self.recycled[told.bundle] = told.recycled
            self.starts_us[told.bundle] = told.starts_at_us

    def fail(self, event: s.SettlementsFailed) -> None:
        """Settlements failed, bundle by bundle."""
        for told in event.settlements:
            deal = self._open_deal(told.settlement)
            if deal.bundle in self.open:
                self._check_undone(self._end(self.open[deal.bundle]))
            _check(deal.rest == told.open_minor, "{} of {}", told, deal)
            if told.reason is Reason.CANCELLED:
                asked = deal.cancel == BOTH or (deal.cancel and not deal.matched)
                _check(bool(asked), "{}: not both asked for it", told)
            deal.state = "cancelled" if told.reason is Reason.CANCELLED else "failed"

    def postpone(self, event: s.SettlementsPostponed) -> None:
        """Rounds begin later."""
        for bundle, starts_us in event.bundles:
            _check(starts_us > self._at_us, "bundle {} is put off to {}", bundle, starts_us)
            self.starts_us[bundle] = starts_us

    @staticmethod
    def _check_undone(round_: Round) -> None:
        """Check that a round left nothing behind."""
        if not round_.at_once:
            _check(round_.commit is False, "{} ended, decided {}", round_.id, round_.commit)
        _check(not round_.executed, "{} came to nothing, but {}", round_.id, round_.executed)
        kept = (round_.asked - round_.released) if not round_.at_once else set()
        _check(not kept, "{} ended while {} may hold it", round_.id, kept)

    def _round(self, told: Any) -> Round:
        round_ = self.open.get(told.bundle)
        if round_ is None or round_.number != told.round:
            raise Violation(f"{told} of a round that is not under way")
        return round_

    def _end(self, told: Any) -> Round:
        bundle = told.bundle
        number = told.number if isinstance(told, Round) else told.round
        round_ = self.open.pop(bundle, None)
        if round_ is None or round_.number != number:
            raise Violation(f"{told} of a round that is not under way")
        round_.over = True
        return round_

    # -- instruments, domains, penalties ----------------------------------------------------------

    def set_instrument(self, event: s.InstrumentSet) -> None:
        """An asset settles so."""
        self.lots[event.instrument.code] = event.instrument.lot_minor

    def set_domain(self, event: s.DomainStateSet) -> None:
        """A domain takes part, or not."""
        if event.state is s.DomainState.OPEN:
            self.barred.pop(event.domain, None)
            return
        self.barred[event.domain] = event.state
        if event.state is s.DomainState.QUARANTINED:
            self.quarantined.append(event.domain)

    def accrue(self, event: s.PenaltiesAccrued) -> None:
        """Someone fails."""
        for told in event.penalties:
            deal = self.deals[told.settlement]
            _check(told.day >= deal.day, "{} before the day of {}", told, deal)
            _check(told.asset == deal.cash and told.amount_minor > 0, "{} of {}", told, deal)
            self.penalties.append(told)

    # -- what is left -----------------------------------------------------------------------------

    def waiting(self) -> list[Deal]:
        """Return the settlements that have not ended."""
        return [deal for deal in self.deals.values() if deal.state == "open"]

    def committed(self) -> Iterable[Round]:
        """Yield the rounds that are decided to be executed, or were done at once."""
        return (each for each in self.rounds.values() if each.commit or each.executed)


def _check_part(part: RoundPart, net: Legs) -> None:
    """Check that locks are what each party gives net, and moves come to what each gets."""
    locks = {(lock.party, lock.asset): lock.amount_minor for lock in part.locks}
    given = {
        (party, asset): -amount
        for (domain, party, asset), amount in net.items()
        if domain == part.domain and amount < 0
    }
    _check(locks == given and len(locks) == len(part.locks), "{} should lock {}", part, given)
    left: dict[tuple[str, str], int] = {}
    for move in part.moves:
        _check(move.amount_minor > 0, "{} moves nothing", move)
        for party, amount in ((move.source, -move.amount_minor), (move.target, move.amount_minor)):
            left[party, move.asset] = left.get((party, move.asset), 0) + amount
    wanted = {(p, a): amount for (domain, p, a), amount in net.items() if domain == part.domain}
    _check(left == wanted, "{} should come to {}", part, wanted)


def _check(holds: bool, otherwise: str, *about: object) -> None:
    if not holds:
        raise Violation(otherwise.format(*about))


READERS: Mapping[type[Event], Callable[[Settling, Any], None]] = {
    s.SettlementsInstructed: Settling.instruct,
    s.SettlementMatched: Settling.match,
    s.SettlementHeld: Settling.hold,
    s.SettlementReleased: Settling.release,
    s.CancelAsked: Settling.ask_cancel,
    s.RetryAsked: Settling.retry,
    s.RoundsStarted: Settling.start,
    s.DeedsOrdered: Settling.order,
    s.HoldsPlaced: Settling.held,
    s.RoundsDecided: Settling.decide,
    s.DeedsExecuted: Settling.executed,
    s.HoldsReleased: Settling.released,
    s.RoundsSettled: Settling.settle,
    s.RoundsRecycled: Settling.recycle,
    s.SettlementsFailed: Settling.fail,
    s.SettlementsPostponed: Settling.postpone,
    s.InstrumentSet: Settling.set_instrument,
    s.DomainStateSet: Settling.set_domain,
    s.PenaltiesAccrued: Settling.accrue,
}
