"""Which course did each payment take, and do holds and exposures agree with it at the end of each
row?

The auditor's own payments: legal steps, one hold for each that is open and none for any other, and
what the limits count is the sum of what is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from nostro.kernel.messages import Event
from nostro.ledger import LineKind
from nostro.payments import (
    BatchAssigned,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    ReviewApproved,
    TransactionCancelled,
    TransactionsRefused,
    TransactionsSubmitted,
    WindowClosed,
)
from nostro.risk import ExposureReleased, ExposureReserved
from nostro.simulation.books import Books, Violation

OPEN = frozenset({"held", "accepted", "closed", "batched"})
ENDS = frozenset({"settled", "failed", "cancelled", "refused", "reversed"})


class Payment(msgspec.Struct):
    """One payment, as its events tell."""

    id: str
    payer: str
    source: str
    amount: int
    payee: str
    destination: str
    content: str
    cycle: str
    cut_off: int
    state: str = "accepted"
    batch: str = ""
    received: int = 0
    height: int = 0
    deferrals: int = 0


class Courses:
    """All payments, and what has changed in the row that is being read."""

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.claims: set[str] = set()
        """Settled payments whose payer could not be booked: their hold stands as a claim on it."""
        self._settled: dict[str, list[str]] = {}
        self._touched: set[str] = set()
        self._exposure: dict[tuple[str, str, str], list[int]] = {}
        """(payer, payee, currency): amount and count that are open, less what the limits count; of
        rows that were sound nothing is left here."""

    def read(self, event: Event, height: int) -> None:
        """Take in one event; raises Violation."""
        match event:
            case TransactionsSubmitted(items):
                for item in items:
                    self._submit(item, height)
            case TransactionsRefused(refused):
                for transaction_id, _ in refused:
                    payment = self._step(transaction_id, {"accepted", "held"}, "refused")
                    _check(payment.height == height, f"{transaction_id} is refused too late")
            case ReviewApproved(transaction_id, cycle_id, cut_off):
                payment = self._step(transaction_id, {"held"}, "accepted")
                payment.cycle, payment.cut_off = cycle_id, cut_off
            case TransactionCancelled(item):
                self._end(item, {"accepted", "held"}, "cancelled")
            case PaymentsFailed(_, items):
                for item in items:
                    self._end(item, {"held", "accepted", "closed", "batched"}, "failed")
            case WindowClosed():
                self._close(event)
            case BatchAssigned() | PaymentsDeferred() | PaymentsSettled() | PaymentsReversed():
                self._in_cycle(event)
            case ExposureReserved(changes) | ExposureReleased(changes):
                for change in changes:
                    key = (change.payer, change.payee, change.currency)
                    self._expose(key, -change.amount_minor, -change.count)
            case _:
                pass

    def _in_cycle(self, event: Event) -> None:
        match event:
            case BatchAssigned(cycle_id, batch_id, items):
                for transaction_id, received in items:
                    payment = self._step(transaction_id, {"closed"}, "batched", cycle_id)
                    payment.batch, payment.received = batch_id, received
            case PaymentsDeferred(cycle_id, items):
                for transaction_id, _, later, cut_off in items:
                    payment = self._step(transaction_id, {"closed", "batched"}, "accepted", cycle_id)
                    moved = later != cycle_id and cut_off > payment.cut_off
                    _check(moved, f"{transaction_id} is deferred to {later} at {cut_off}")
                    payment.cycle, payment.cut_off, payment.batch = later, cut_off, ""
                    payment.deferrals += 1
            case PaymentsSettled(cycle_id, batch_id, items):
                for item in items:
                    payment = self._step(item.transaction_id, {"batched"}, "settled", cycle_id)
                    _check(payment.batch == batch_id, f"{payment.id} settles in {batch_id}")
                    self._check_settled(payment, item)
                    self._expose_payment(payment, -1)
                    self._settled.setdefault(cycle_id, []).append(payment.id)
            case PaymentsReversed(cycle_id, items):
                for item in items:
                    payment = self._step(item.transaction_id, {"settled"}, "reversed", cycle_id)
                    self._check_settled(payment, item)

    # -- steps ------------------------------------------------------------------------------------

    def _submit(self, item: Any, height: int) -> None:
        name = item.transaction_id
        _check(name not in self.payments, f"{name} is accepted twice")
        _check(item.amount_minor > 0, f"{name} pays {item.amount_minor}")
        payment = self.payments[name] = Payment(
            name,
            item.payer,
            item.source_currency,
            item.amount_minor,
            item.payee,
            item.destination_currency,
            item.content,
            item.cycle_id,
            item.cut_off_at_us,
            "held" if item.hits else "accepted",
            height=height,
        )
        self._touched.add(name)
        self._expose_payment(payment, 1)

    def _step(self, name: str, before: set[str], after: str, cycle_id: str = "") -> Payment:
        payment = self.payments.get(name)
        if payment is None or payment.state not in before:
            state = payment.state if payment else "unknown"
            raise Violation(f"payment {name} is {state} and becomes {after}")
        if cycle_id and payment.cycle != cycle_id:
            raise Violation(f"payment {name} of {payment.cycle} becomes {after} in {cycle_id}")
        payment.state = after
        self._touched.add(name)
        if after == "refused":
            self._expose_payment(payment, -1)
        return payment

    def _end(self, item: Any, before: set[str], after: str) -> None:
        payment = self._step(item.transaction_id, before, after)
        self._expose_payment(payment, -1)
        said = (item.payer, item.source_currency, item.amount_minor, item.payee)
        ours = (payment.payer, payment.source, payment.amount, payment.payee)
        _check(said == ours, f"{payment.id} ends as {said}, it was {ours}")

    def _close(self, event: WindowClosed) -> None:
        waiting = {
            payment.id
            for payment in self.payments.values()
            if payment.cycle == event.cycle_id and payment.state == "accepted"
        }
        told = [item.transaction_id for item in event.items]
        _check(len(set(told)) == len(told), f"{event.cycle_id} names a payment twice")
        _check(set(told) == waiting, f"{event.cycle_id} forgets {waiting ^ set(told)}")
        for item in event.items:
            payment = self._step(item.transaction_id, {"accepted"}, "closed", event.cycle_id)
            said = (
                item.payer,
                item.source_currency,
                item.amount_minor,
                item.payee,
                item.destination_currency,
            )
            _check(said == _content(payment), f"{payment.id} is netted as {said}")

    @staticmethod
    def _check_settled(payment: Payment, item: Any) -> None:
        said = (
            item.payer,
            item.source_currency,
            item.amount_minor,
            item.payee,
            item.destination_currency,
            item.destination_minor,
        )
        ours = (*_content(payment), payment.received)
        _check(said == ours, f"{payment.id} settles as {said}, it was certified as {ours}")

    # -- the end of a row -------------------------------------------------------------------------

    def _expose_payment(self, payment: Payment, sign: int) -> None:
        key = (payment.payer, payment.payee, payment.source)
        self._expose(key, sign * payment.amount, sign)

    def _expose(self, key: tuple[str, str, str], amount: int, count: int) -> None:
        rest = self._exposure.setdefault(key, [0, 0])
        rest[0] += amount
        rest[1] += count
        if rest == [0, 0]:
            del self._exposure[key]

    def end_row(self, books: Books) -> None:
        """Check that what this row did to payments, the ledger and the limits did too."""
        for key, (amount, count) in self._exposure.items():
            raise Violation(f"{count} open payments, {amount} of {key}, are not what limits count")
        for name in self._touched:
            payment, hold = self.payments[name], books.holds.get(f"payment:{name}")
            claim = f"payment.suspense.out:{name}"
            claimed = claim in books.lines or claim in books.refused
            if payment.state == "settled" and claimed and hold is not None:
                self.claims.add(name)
            elif (payment.state in OPEN) != (hold is not None):
                raise Violation(f"payment {name} is {payment.state}, the ledger holds {hold}")
            if hold is not None and hold.amount != payment.amount:
                raise Violation(f"payment {name} of {payment.amount} holds {hold.amount}")
            if payment.state == "settled":
                _check_posted(payment, books)
            elif payment.state == "reversed":
                _check_reversed(payment, books)
        self._touched.clear()

    # -- what others ask --------------------------------------------------------------------------

    def in_review(self) -> list[str]:
        """Return what waits for an officer."""
        return [name for name, each in self.payments.items() if each.state == "held"]

    def open(self) -> list[str]:
        """Return what has not ended."""
        return [name for name, each in self.payments.items() if each.state in OPEN]

    def settled_cycles(self) -> Iterable[str]:
        """Return the cycles that have settled anything."""
        return self._settled.keys()

    def settled_in(self, cycle_id: str) -> list[str]:
        """Return what a cycle settled."""
        return self._settled.get(cycle_id, [])

    def check_rest(self, books: Books) -> None:
        """When all is calm: every payment has come to its end, and nothing is held."""
        left = self.open()
        if left:
            raise Violation(f"left on their way: {[(n, self.payments[n].state) for n in left[:9]]}")
        claimed = {f"payment:{name}" for name in self.claims}
        held = [name for name in books.holds if name not in claimed]
        if held:
            raise Violation(f"held without cause: {held[:9]}")


def _content(payment: Payment) -> tuple[str, str, int, str, str]:
    return payment.payer, payment.source, payment.amount, payment.payee, payment.destination


def _line(books: Books, name: str, kind: LineKind, amount: int, debit: str, credit: str) -> bool:
    """Tell whether a line stands, exactly so; raises Violation when it stands otherwise."""
    _, line = books.lines.get(name, (0, None))
    if line is None or name in books.refused:
        return False
    ours = (kind.value, amount, books.ids.get(debit, -1), books.ids.get(credit, -1))
    said = (line.kind, line.amount_minor, line.debit, line.credit)
    if said != ours:
        raise Violation(f"{name} stands as {said}, should be {ours}")
    return True


def _debits(books: Books, name: str, account: str) -> bool:
    _, line = books.lines.get(name, (0, None))
    return line is not None and line.debit == books.ids[account]


def _check_posted(payment: Payment, books: Books) -> None:
    """The payer has paid and the payee has received, or suspense in the place of either."""
    name, source, destination = payment.id, payment.source, payment.destination
    payer, payee = f"vostro:{payment.payer}:{source}", f"vostro:{payment.payee}:{destination}"
    middle = payee if source == destination else f"fx:{source}"
    amount, suspense = payment.amount, f"suspense:{source}"
    if not _line(books, f"payment.post:{name}", LineKind.HOLD_POSTED, amount, payer, middle):
        leg = f"payment.suspense.in:{name}"
        took = _line(books, leg, LineKind.POSTED, amount, payer, suspense)
        if not took:
            leg = f"payment.suspense.out:{name}"
            took = _line(books, leg, LineKind.POSTED, amount, suspense, middle)
            # With both of them frozen nothing can be booked: the hold tells what is owed.
            took = took or leg in books.refused
        _check(took, f"{name} is settled and not posted")
    if source == destination:
        return
    fx, received = f"fx:{destination}", payment.received
    if _line(books, f"payment.fx:{name}", LineKind.POSTED, received, fx, payee):
        return
    suspense = f"suspense:{destination}"
    took = any(
        _line(books, f"payment.suspense.{leg}:{name}", LineKind.POSTED, received, fx, suspense)
        for leg in ("fx", "in")
        if _debits(books, f"payment.suspense.{leg}:{name}", fx)
    )
    _check(took, f"{name} is settled, and {received} {destination} were never credited")


def _check_reversed(payment: Payment, books: Books) -> None:
    """What was paid is back with the payer, by postings that name the first ones."""
    name = payment.id
    legs = [("payment.reverse", "payment.post", payment.amount)]
    if payment.source != payment.destination:
        legs.append(("payment.reverse.fx", "payment.fx", payment.received))
    for leg, old, amount in legs:
        _, line = books.lines.get(f"{leg}:{name}", (0, None))
        if line is None or f"{leg}:{name}" in books.refused:
            _, line = books.lines.get(f"{leg}.suspense:{name}", (0, None))
        _check(line is not None, f"{name} is reversed without {leg}")
        assert line is not None
        _check(line.amount_minor == amount, f"{leg} of {name} gives back {line.amount_minor}")
        _check(line.reference == f"{old}:{name}", f"{leg} of {name} refers to {line.reference!r}")


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
