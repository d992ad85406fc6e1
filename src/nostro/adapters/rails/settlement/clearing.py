"""What does each kind of rail make of an order: gross at the central bank, by correspondents, or at
once?

A clearing only judges; the simulator around it (simulator.py) loses, delays and repeats what is
said, and keeps the books.
"""

from __future__ import annotations

import hashlib
from heapq import heappop, heappush
from random import Random
from typing import Protocol

import msgspec

from nostro.adapters.rails.settlement.port import (
    Answer,
    Pending,
    RailOrder,
    Refused,
    Settled,
)
from nostro.adapters.rails.settlement.queueing import Transfer, clear
from nostro.adapters.rails.settlement.records import Entry, Mark, RailBooks
from nostro.adapters.rails.settlement.switchboard import Faults
from nostro.execution import Direction

PPM = 1_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US

OURS = "ours"
"""Our own account at the central bank; no participant is called so there."""

LIQUIDITY = "liquidity"
CLOSED = "closed"
LIMIT = "limit"
COUNTERPARTY_FAILED = "counterparty_failed"
COUNTERPARTY_UNAVAILABLE = "counterparty_unavailable"
RETURNED = "returned_by_receiver"


class Clearing(Protocol):
    """How one kind of rail works."""

    def judge(self, order: RailOrder, now_us: int, faults: Faults) -> Answer:
        """Say what becomes of an order that is new here."""
        ...

    def advance(self, now_us: int, faults: Faults) -> list[tuple[str, Answer]]:
        """Return which of those that were pending (instruction ids) are final now, and how; called
        before every answer. The simulator writes them down at once."""
        ...

    def read(self, books: RailBooks) -> None:
        """Take in what the books say that is new, also what another process wrote."""
        ...


def reference_of(rail: str, instruction_id: str) -> str:
    """Return the rail's own reference, the same for ever."""
    return f"{rail}-{hashlib.sha256(instruction_id.encode()).hexdigest()[:12]}"


def _participant_fault(order: RailOrder, faults: Faults) -> str:
    if order.participant_id in faults.failed:
        return COUNTERPARTY_FAILED
    if order.participant_id in faults.unavailable:
        return COUNTERPARTY_UNAVAILABLE
    return ""


class _Reading:
    """Follows the books: which orders are pending, in the order of their arrival."""

    def __init__(self) -> None:
        self._read = 0
        self.pending: dict[str, Entry] = {}

    def new(self, books: RailBooks) -> list[Entry]:
        entries = books.after(self._read)
        self._read += len(entries)
        for entry in entries:
            if entry.mark is Mark.PENDING:
                self.pending[entry.instruction_id] = entry
            else:
                self.pending.pop(entry.instruction_id, None)
        return entries


class RtgsTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`opening_minor`: what is on an account at the beginning, by (participant, currency), and
    `opening_other_minor` on all others. `own_minor` None: our own account is unlimited. An order
    waits up to `queue_s_max` for money. `opens_s`, `cut_off_s`: seconds of the UTC day."""

    opening_minor: dict[tuple[str, str], int] = {}
    opening_other_minor: int = 10**15
    own_minor: int | None = None
    queue_s_max: float = 2.0
    opens_s: int = 0
    cut_off_s: int = 86_400


class Rtgs:
    """Real-time gross settlement at the central bank (in the manner of Fedwire and T2): accounts,
    a queue with priorities, a cut-off, and the solving of gridlock. Implements Clearing."""

    def __init__(self, name: str = "rtgs", terms: RtgsTerms | None = None) -> None:
        self._name = name
        self._terms = terms or RtgsTerms()
        self._reading = _Reading()
        self._changes: dict[tuple[str, str], int] = {}

    def balance_minor(self, participant_id: str, currency: str) -> int:
        """Return what is on an account now; `OURS` for our own (from 0, when it is unlimited)."""
        terms = self._terms
        if participant_id == OURS:
            opening = terms.own_minor or 0
        else:
            opening = terms.opening_minor.get((participant_id, currency), terms.opening_other_minor)
        return opening + self._changes.get((participant_id, currency), 0)

    def judge(self, order: RailOrder, now_us: int, faults: Faults) -> Answer:
        """Take it into the queue, unless it is closed or the participant is gone."""
        fault = _participant_fault(order, faults)
        if fault:
            return Refused(fault)
        second = now_us % DAY_US // SECOND_US
        if not self._terms.opens_s <= second < self._terms.cut_off_s:
            return Refused(CLOSED)
        return Pending()

    def advance(self, now_us: int, faults: Faults) -> list[tuple[str, Answer]]:
        """Settle what can be settled; refuse what has waited too long."""
        pending = self._reading.pending
        final: list[tuple[str, Answer]] = []
        for currency in sorted({entry.order.currency for entry in pending.values() if entry.order}):
            final += self._clear(currency, faults)
        done = {name for name, _ in final}
        oldest_us = now_us - int(self._terms.queue_s_max * SECOND_US)
        for name, entry in pending.items():
            if name not in done and entry.at_us <= oldest_us:
                final.append((name, Refused(LIQUIDITY)))
        return final

    def _clear(self, currency: str, faults: Faults) -> list[tuple[str, Answer]]:
        queue: list[Transfer] = []
        for name, entry in self._reading.pending.items():
            order = entry.order
            if order is None or order.currency != currency:
                continue
            inward = order.direction is Direction.IN
            if inward and order.participant_id in faults.short:
                continue
            debtor = order.participant_id if inward else OURS
            creditor = OURS if inward else order.participant_id
            # Pay-ins first: others wait for them.
            queue.append(Transfer(name, debtor, creditor, order.amount_minor, 0 if inward else 1))
        names = {OURS, *(each.debtor for each in queue), *(each.creditor for each in queue)}
        balances = {name: self.balance_minor(name, currency) for name in sorted(names)}
        unlimited = frozenset({OURS}) if self._terms.own_minor is None else frozenset()
        settled = clear(queue, balances, unlimited=unlimited)
        return [(each.name, Settled(reference_of(self._name, each.name))) for each in settled]

    def read(self, books: RailBooks) -> None:
        """Follow the accounts."""
        for entry in self._reading.new(books):
            order = entry.order
            if entry.mark is Mark.SETTLED and order is not None:
                inward = order.direction is Direction.IN
                amount = order.amount_minor if inward else -order.amount_minor
                self._change(OURS, order.currency, amount)
                self._change(order.participant_id, order.currency, -amount)

    def _change(self, participant_id: str, currency: str, amount_minor: int) -> None:
        key = (participant_id, currency)
        self._changes[key] = self._changes.get(key, 0) + amount_minor


class CorrespondentTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accepted at once, the status (in the manner of pacs.002) within `settle_s_max`. Charges, on
    pay-outs only: a flat sum and a share of the amount, rounded up to a minor unit."""

    settle_s_max: float = 0.5
    returned_ppm: int = 0
    charge_minor: int = 1_500
    charge_ppm: int = 0


class Correspondent:
    """A chain of correspondent banks: takes everything, says later what came of it. It knows other
    ways to a participant that is unavailable elsewhere. Implements Clearing."""

    def __init__(
        self, name: str = "correspondent", terms: CorrespondentTerms | None = None, *, seed: int = 0
    ) -> None:
        self._name = name
        self._terms = terms or CorrespondentTerms()
        self._seed = seed
        self._reading = _Reading()
        self._coming: list[tuple[int, str, int]] = []
        """Heap of (final at, instruction id, attempt)."""
        self._ripe: dict[str, int] = {}

    def judge(self, order: RailOrder, now_us: int, faults: Faults) -> Answer:
        """Take it."""
        return Pending()

    def advance(self, now_us: int, faults: Faults) -> list[tuple[str, Answer]]:
        """Say what came of those whose time has come: it is drawn for each attempt."""
        while self._coming and self._coming[0][0] <= now_us:
            _, name, attempt = heappop(self._coming)
            self._ripe[name] = attempt
        final: list[tuple[str, Answer]] = []
        for name, attempt in list(self._ripe.items()):
            entry = self._reading.pending.get(name)
            if entry is None or entry.attempt != attempt or entry.order is None:
                del self._ripe[name]  # written down meanwhile
            else:
                final.append((name, self._end(entry.order, self._dice(entry), faults)))
        return final

    def _dice(self, entry: Entry) -> Random:
        return Random(f"{self._seed}/{entry.instruction_id}/{entry.attempt}")

    def _end(self, order: RailOrder, dice: Random, faults: Faults) -> Answer:
        if order.participant_id in faults.failed:
            return Refused(COUNTERPARTY_FAILED)
        dice.random()  # the time was drawn first
        if dice.randrange(PPM) < self._terms.returned_ppm:
            return Refused(RETURNED)
        charge = 0
        if order.direction is Direction.OUT:
            # The second minus rounds the share up.
            charge = self._terms.charge_minor - (
                -order.amount_minor * self._terms.charge_ppm // PPM
            )
        return Settled(reference_of(self._name, order.instruction_id), charge)

    def read(self, books: RailBooks) -> None:
        """Follow what is pending, and draw when it will be final."""
        for entry in self._reading.new(books):
            if entry.mark is Mark.PENDING:
                settle_s = self._dice(entry).uniform(0, self._terms.settle_s_max)
                at_us = entry.at_us + int(settle_s * SECOND_US)
                heappush(self._coming, (at_us, entry.instruction_id, entry.attempt))


class InstantTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount_max_minor`: what one payment may carry at most."""

    amount_max_minor: int = 10_000_000


class Instant:
    """Instant payments: final or refused while one waits. Implements Clearing."""

    def __init__(self, name: str = "instant", terms: InstantTerms | None = None) -> None:
        self._name = name
        self._terms = terms or InstantTerms()

    def judge(self, order: RailOrder, now_us: int, faults: Faults) -> Answer:
        """Settle it at once."""
        fault = _participant_fault(order, faults)
        if fault:
            return Refused(fault)
        if order.amount_minor > self._terms.amount_max_minor:
            return Refused(LIMIT)
        return Settled(reference_of(self._name, order.instruction_id))

    def advance(self, now_us: int, faults: Faults) -> list[tuple[str, Answer]]:
        """Nothing is ever pending."""
        return []

    def read(self, books: RailBooks) -> None:
        """Nothing depends on what was before."""
