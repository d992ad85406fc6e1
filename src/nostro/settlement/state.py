"""What does the settlement room remember?

Settlements leave memory when they are settled or cancelled: a number that was given out and is not
there has ended. Failed ones stay as long as they may be tried again.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

import msgspec

from nostro.settlement.events import InstructedSettlement
from nostro.settlement.live import Bundle, Decided, Live, PartStage, Round, side_of
from nostro.settlement.matching import Unmatched
from nostro.settlement.names import NAMES_HOT_MAX, Names
from nostro.settlement.numbers import Numbers
from nostro.settlement.partials import is_part
from nostro.settlement.terms import DomainState, Instrument, Status

CANCELLED_REMEMBERED_MAX = 10_000
"""Cancelled settlements that are told from settled ones once they have left memory."""
EXECUTED_REMEMBERED_MAX = 8
"""Executions that are remembered of each domain."""
AT_ONCE_US = 1
"""A time that has come."""
SHUT = (DomainState.CLOSED, DomainState.QUARANTINED)
QUARANTINED = (DomainState.QUARANTINED,)
_TIMERS_SLACK = 1_024


class DomainStanding(msgspec.Struct, array_like=True, gc=False):
    """Whether a domain takes part, up to where it said that it is durable, and the last (bundle,
    round) that it said it executed: one that was restored from an old backup says otherwise."""

    state: DomainState = DomainState.OPEN
    height: int = 0
    executed: list[tuple[int, int]] = []


class SettlementState:
    """All that the room remembers."""

    def __init__(self, *, names_hot_max: int = NAMES_HOT_MAX) -> None:
        self.names = Names(hot_max=names_hot_max)
        self.settlements: dict[int, Live] = {}
        self.bundles: dict[int, Bundle] = {}
        """By the number of the first settlement of each."""
        self.cancelled: dict[int, None] = {}
        """The last ones."""
        self.unsettled = Numbers()
        """All that left memory and did not settle."""
        self.unmatched = Unmatched()
        self.instruments: dict[str, Instrument] = {}
        self.rates: dict[str, dict[int, int]] = {}
        """Parts per million of what an operator said, by class and first day."""
        self.domains: dict[str, DomainStanding] = {}
        """Those that were heard of, or that an operator opened or closed."""
        self.shut: set[str] = set()
        """Domains that are not open."""
        self.quarantined: set[str] = set()
        """Of these, those on which nothing that is not decided is to rely."""
        self.stuck: set[int] = set()
        """Bundles whose decision a domain refuses to carry out: people must look."""
        self.timers: list[tuple[int, int]] = []
        """(time, bundle); a heap, some of them out of date."""
        self.numbers_next = 1
        self.closed_day = 0
        """The last day that is over; 0 before the first settlement."""
        self.accrued = 0
        """Up to which settlement the penalties of the next day are told."""

    # -- looking ----------------------------------------------------------------------------------

    def lot_of(self, asset: str) -> int:
        """Return the multiples in which an asset settles."""
        instrument = self.instruments.get(asset)
        return 1 if instrument is None else instrument.lot_minor

    def next_quantity(self, live: Live) -> int:
        """Return how much the next round of a settlement may settle; 0: nothing for now."""
        if not live.held and not live.offered_minor:
            return live.open_minor
        most = min([live.open_minor, *(live.free_minor(side) for side in live.held)])
        if live.offered_minor:
            most = min(most, live.offered_minor)
        lot_minor = self.lot_of(live.terms.security)
        return most if is_part(live.terms, most, lot_minor=lot_minor, done=live.done) else 0

    def can_start(self, bundle: Bundle) -> bool:
        """Tell whether nothing but time keeps a bundle's next round from starting."""
        if bundle.round is not None or bundle.failed:
            return False
        for live in bundle.settlements:
            if not live.matched or self.next_quantity(live) == 0:
                return False
        return not self.is_shut_out(bundle)

    def is_shut_out(self, bundle: Bundle) -> bool:
        """Tell whether a bundle settles at a domain that is not open."""
        shut = self.shut
        return bool(shut) and any(
            live.terms.securities_domain in shut or live.terms.cash_domain in shut
            for live in bundle.settlements
        )

    def is_quarantined(self, round_: Round) -> bool:
        """Tell whether a round needs a domain that is quarantined."""
        quarantined = self.quarantined
        return bool(quarantined) and any(part.terms.domain in quarantined for part in round_.parts)

    def bar(self, domain: str) -> None:
        """Find out whether a domain is open, or quarantined, after that was set."""
        said = self.domains[domain].state
        for barred, those in ((self.shut, SHUT), (self.quarantined, QUARANTINED)):
            if said in those:
                barred.add(domain)
            else:
                barred.discard(domain)

    def status_of(self, live: Live) -> Status:
        """Return where a settlement stands."""
        bundle = self.bundles[live.terms.bundle]
        round_ = bundle.round
        if bundle.failed:
            return Status.FAILED
        if round_ is None:
            return Status.PARTIALLY_SETTLED if live.settled_minor else Status.PENDING
        if round_.decided is Decided.COMMIT:
            return Status.EXECUTING
        holding = {part.terms.domain for part in round_.parts if part.stage is PartStage.HELD}
        if live.terms.securities_domain not in holding:
            return Status.INITIATED
        if live.terms.cash_domain not in holding:
            return Status.SELLER_SECURITIES_LOCKED
        return Status.BUYER_CASH_LOCKED

    def standing(self, number: int) -> Status:
        """Return where a settlement stands, also one that has left memory."""
        live = self.settlements.get(number)
        if live is not None:
            return self.status_of(live)
        return Status.FAILED if number in self.unsettled else Status.SETTLED

    # -- time -------------------------------------------------------------------------------------

    def wait(self, bundle: Bundle) -> None:
        """Find out when a bundle is due, after it changed."""
        due_at_us = self._due_of(bundle)
        if due_at_us != bundle.due_at_us:
            bundle.due_at_us = due_at_us
            if due_at_us:
                heappush(self.timers, (due_at_us, bundle.number))
            self.trim()

    def wait_all(self) -> None:
        """Find out anew when each bundle is due."""
        for bundle in self.bundles.values():
            self.wait(bundle)

    def _due_of(self, bundle: Bundle) -> int:
        round_ = bundle.round
        if round_ is None:
            return max(bundle.starts_at_us, AT_ONCE_US) if self.can_start(bundle) else 0
        again = [part.again_at_us for part in round_.parts if part.again_at_us]
        if round_.decided is not Decided.NOT_YET:
            return min(again, default=0)
        if round_.at_once and not again:
            return 0  # our own ledger answers in the same journal row
        if self.is_quarantined(round_):
            return AT_ONCE_US
        return min([round_.settle_before_us, *again])

    def trim(self) -> None:
        """See to it that the first timer is one that counts, and that most of them do."""
        timers, bundles = self.timers, self.bundles
        while timers:
            at_us, number = timers[0]
            bundle = bundles.get(number)
            if bundle is not None and bundle.due_at_us == at_us:
                break
            heappop(timers)
        if len(timers) > 2 * len(bundles) + _TIMERS_SLACK:
            self.set_timers()

    def set_timers(self) -> None:
        """Let the heap hold what is due, and nothing else."""
        self.timers = [
            (bundle.due_at_us, bundle.number)
            for bundle in self.bundles.values()
            if bundle.due_at_us
        ]
        heapify(self.timers)

    def due_by(self, at_us: int, most: int) -> list[Bundle]:
        """Return up to so many bundles that are due by a time, in the order of their numbers."""
        numbers: set[int] = set()
        timers, places = self.timers, [0]
        while places and len(numbers) < most:
            place = places.pop()
            if place >= len(timers) or timers[place][0] > at_us:
                continue
            due_at_us, number = timers[place]
            bundle = self.bundles.get(number)
            if bundle is not None and bundle.due_at_us == due_at_us:
                numbers.add(number)
            places += (2 * place + 2, 2 * place + 1)
        return [self.bundles[number] for number in sorted(numbers)]

    # -- coming and going -------------------------------------------------------------------------

    def admit(self, instructed: InstructedSettlement, at_us: int) -> None:
        """Take in a settlement, and its bundle when it is the first one of it."""
        live = Live(instructed, instructed.held, matched_at_us=at_us)
        number = instructed.number
        self.settlements[number] = live
        self.numbers_next = number + 1
        bundle = self.bundles.get(instructed.bundle)
        if bundle is None:
            self.bundles[number] = Bundle(number, [live], instructed.starts_at_us)
        else:
            bundle.settlements.append(live)
        if not live.matched:
            self.unmatched.add(number, side_of(instructed))

    def drop(self, bundle: Bundle) -> None:
        """Let a bundle that ended leave memory."""
        del self.bundles[bundle.number]
        self.stuck.discard(bundle.number)
        for live in bundle.settlements:
            del self.settlements[live.number]
            self.unmatched.remove(live.number)
        self.trim()

    def remember_cancelled(self, number: int) -> None:
        """Remember that a settlement was cancelled."""
        self.unsettled.add(number)
        self.cancelled[number] = None
        if len(self.cancelled) > CANCELLED_REMEMBERED_MAX:
            del self.cancelled[next(iter(self.cancelled))]

    def open_rounds(self) -> Iterator[tuple[Bundle, Round]]:
        """Yield the rounds that are under way."""
        for bundle in self.bundles.values():
            if bundle.round is not None:
                yield bundle, bundle.round
