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
from nostro.ledger import LineKind, TransfersRecorded
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
MOVING = frozenset({LineKind.POSTED.value, LineKind.HOLD_POSTED.value, LineKind.REVERSAL.value})


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
        self._settled: dict[str, list[str]] = {}
        self._touched: set[str] = set()
        self._exposure: dict[tuple[str, str, str], list[int]] = {}
        """(payer, payee, currency): amount and count that are open, less what the limits count; of
        rows that were sound nothing is left here."""

    def read(self, event: Event, height: int) -> None:
        """Take in one event; raises Violation."""
        match event:
            case TransactionsSubmitted(items):
                for submitted in items:
                    self._submit(submitted, height)
            case TransactionsRefused(refused):
                for transaction_id, _ in refused:
                    payment = self._step(transaction_id, {"accepted", "held"}, "refused")
                    _check(payment.height == height, f"{transaction_id} is refused too late")
            case ReviewApproved(transaction_id, cycle_id, cut_off):
                payment = self._step(transaction_id, {"held"}, "accepted")
                payment.cycle, payment.cut_off = cycle_id, cut_off
            case TransactionCancelled(item):
                self._end(item, {"accepted", "held"}, "cancelled")
            case PaymentsFailed(_, ended):
                for item in ended:
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
                    payment = self._step(
                        transaction_id, {"closed", "batched"}, "accepted", cycle_id
                    )
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

    def end_row(self, books: Books, events: Iterable[Event]) -> None:
        """Check that what this row did to payments, the ledger and the limits did too."""
        for key, (amount, count) in self._exposure.items():
            raise Violation(f"{count} open payments, {amount} of {key}, are not what limits count")
        moved = _moved(events, books)
        for name in self._touched:
            payment, hold = self.payments[name], books.holds.get(f"payment:{name}")
            if (payment.state in OPEN) != (hold is not None):
                raise Violation(f"payment {name} is {payment.state}, the ledger holds {hold}")
            if hold is not None and hold.amount != payment.amount:
                raise Violation(f"payment {name} of {payment.amount} holds {hold.amount}")
            net = moved.pop(name, {})
            if payment.state in ("settled", "reversed"):
                _check_moved(payment, net)
            elif net:
                raise Violation(f"payment {name} is {payment.state} and moves {net}")
            if payment.state == "reversed":
                _check_reference(payment, books)
        for name, net in moved.items():
            raise Violation(f"payment {name} moves {net}, and nothing happened to it")
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
        if books.holds:
            raise Violation(f"held without cause: {list(books.holds)[:9]}")


def _content(payment: Payment) -> tuple[str, str, int, str, str]:
    return payment.payer, payment.source, payment.amount, payment.payee, payment.destination


def _moved(events: Iterable[Event], books: Books) -> dict[str, dict[str, int]]:
    """Return what a row posted for each payment: account to what it was credited, net."""
    moved: dict[str, dict[str, int]] = {}
    for event in events:
        if not isinstance(event, TransfersRecorded):
            continue
        for line in event.lines:
            head, _, name = line.id.partition(":")
            if line.kind in MOVING and head.startswith("payment"):
                net = moved.setdefault(name, {})
                for number, sign in ((line.debit, -1), (line.credit, 1)):
                    account = books.accounts[number].id
                    net[account] = net.get(account, 0) + sign * line.amount_minor
    return moved


def _check_moved(payment: Payment, net: dict[str, int]) -> None:
    """The payer has paid and the payee has received (or, reversed, the other way round); in the
    place of either, what it owes is claimed from it, or what it is owed stands in suspense."""
    back = payment.state == "reversed"
    paid = (payment.payer, payment.source, payment.amount)
    received = (payment.payee, payment.destination, payment.received)
    taken, given = (received, paid) if back else (paid, received)
    left = {account: amount for account, amount in net.items() if amount}
    for (bank, currency, amount), sign, otherwise in (
        (taken, -1, "claims"),
        (given, 1, "suspense"),
    ):
        places = (f"vostro:{bank}:{currency}", f"{otherwise}:{currency}")
        place = next((place for place in places if left.get(place) == sign * amount), "")
        _check(bool(place), f"{payment.id} is {payment.state}, {bank} has {net}")
        del left[place]
    if payment.source != payment.destination:
        for (_, currency, amount), sign in ((taken, 1), (given, -1)):
            left[f"fx:{currency}"] = left.get(f"fx:{currency}", 0) - sign * amount
    rest = {account: amount for account, amount in left.items() if amount}
    _check(not rest, f"{payment.id} is {payment.state} and moves {rest} too")


def _check_reference(payment: Payment, books: Books) -> None:
    """A reversal names the postings that it takes back, itself or by its legs."""
    legs = [("payment.reverse", "payment.post")]
    if payment.source != payment.destination:
        legs.append(("payment.reverse.fx", "payment.fx"))
    for leg, old in legs:
        _, line = books.lines.get(f"{leg}:{payment.id}", (0, None))
        refers_to = line.reference if line else ""
        refused = f"{leg}:{payment.id}" in books.refused
        right = refused or refers_to == f"{old}:{payment.id}"
        _check(right, f"{leg} of {payment.id} refers to {refers_to!r}")


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
