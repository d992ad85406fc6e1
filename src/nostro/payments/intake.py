"""Which payments of a submission are accepted, and what is wrong with each of the others?

Checked in this order, the first refusal wins: format, parties, currency open, duplicate (account
state, funds and limits follow in the flow), screening. A payment that came before, unchanged, is
told so whatever has happened to calendars and parties since. Nearly all payments are new and right:
those take one look at each table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.room import Context, Decision
from nostro.payments.checks import (
    PRIORITY_MAX,
    are_details,
    are_well_formed,
    check_format,
    is_key,
)
from nostro.payments.commands import PAYMENTS_MAX, NewPayment, SubmitPayments, Window
from nostro.payments.cycles import Opening
from nostro.payments.events import Submitted, TransactionsDeduped, TransactionsSubmitted
from nostro.payments.parties import check_parties
from nostro.payments.repeats import Repeats, first_facts, first_state
from nostro.payments.schedule import Schedule
from nostro.payments.state import Payment, PaymentsState, Stage
from nostro.payments.views import told

HELD_FOR_REVIEW = "payments.held_for_review"
DUPLICATE = "payments.duplicate"
CONTENT_DIGITS = 16

Place = tuple[str, str, int, str]
"""Window, cycle, its cut-off and its value date."""
_EMPTY: frozenset[str] = frozenset()
_encode = msgspec.json.Encoder(order="deterministic").encode


def content_of(payment: NewPayment) -> str:
    """Return the first 16 hexadecimal digits of SHA-256 over what is paid, by whom, to whom, when
    and for what: neither the key under which it was sent nor what screening said."""
    said = (
        payment.transaction_id,
        payment.amount_minor,
        payment.source_currency,
        payment.destination_currency,
        payment.source_account,
        payment.destination_account,
        payment.counterparty_id,
        payment.window,
        payment.priority,
        payment.value_date,
        payment.details,
    )
    return hashlib.sha256(_encode(said)).hexdigest()[:CONTENT_DIGITS]


def submit(
    state: PaymentsState, command: SubmitPayments, context: Context, schedule: Schedule
) -> Decision:
    """Decide a submission; raises Rejection when it is one payment, and that is refused."""
    payments = command.payments
    if not payments:
        raise Rejection("payments.none")
    if len(payments) > PAYMENTS_MAX:
        raise Rejection("payments.too_many", count=len(payments), count_max=PAYMENTS_MAX)
    intake = _Intake(state, context, schedule, payments)
    if len(payments) == 1:
        intake.look_closely(0, payments[0])
        return intake.alone()
    intake.take(payments)
    return Decision(intake.events(), body=intake.body())


class _Intake:
    """One submission on its way through the checks."""

    def __init__(
        self,
        state: PaymentsState,
        context: Context,
        schedule: Schedule,
        payments: Sequence[NewPayment],
    ) -> None:
        height, at_us = context.height, context.at_us
        self._state = state
        self._context = context
        self._schedule = schedule
        self._opening = Opening(state, height=height, at_us=at_us, payments=len(payments))
        self._places: dict[tuple[str, str, str, str], Place | Rejection] = {}
        self._repeats = Repeats(state, context)
        self._fresh = self._repeats.none_is_known(payments)
        self._items: list[Submitted] = []
        self._results: list[list[Any]] = []
        self._duplicates: list[Payment] = []

    def take(self, payments: Sequence[NewPayment]) -> None:
        """Check every payment; what is not plainly right at first sight is looked at closely."""
        accounts, payees, places = self._state.accounts, self._state.payees, self._places
        add, content_hash = self._items.append, content_of
        plain = self._fresh and are_well_formed(payments)
        for index, payment in enumerate(payments):
            account = accounts.get(payment.source_account)
            payee, source = payment.counterparty_id, payment.source_currency
            destination, target = payment.destination_currency, payment.destination_account
            place = places.get((payment.window, source, destination, payment.value_date))
            details, key = payment.details, payment.idempotency_key
            if (
                plain
                and account is not None
                and account[1] == source
                and account[0] != payee
                and destination in payees.get(payee, _EMPTY)
                and 0 < payment.amount_minor <= AMOUNT_MINOR_MAX
                and 0 <= payment.priority <= PRIORITY_MAX
                and type(place) is tuple
                and (details is None or are_details(details))
                and (not key or is_key(key))
                and not payment.hits
                and (target[:7] != "vostro:" or accounts.get(target) == (payee, destination))
            ):
                add(
                    Submitted(
                        payment.transaction_id,
                        account[0],
                        source,
                        payment.amount_minor,
                        payee,
                        destination,
                        target,
                        place[0],
                        payment.priority,
                        place[1],
                        place[2],
                        place[3],
                        content_hash(payment),
                        key,
                        details,
                    )
                )
            else:
                self.look_closely(index, payment)

    def look_closely(self, index: int, payment: NewPayment) -> None:
        """Check one payment in the documented order."""
        no: Rejection | None = None
        try:
            check_format(payment)
            content = content_of(payment)
        except Rejection as refusal:
            self._refuse(index, refusal)
            return
        try:
            payer = check_parties(self._state, payment)
            place = self._place(payment)
        except Rejection as refusal:
            no = refusal
        try:
            first = None if self._fresh else self._repeats.earlier(payment, content)
        except Rejection as refusal:
            self._refuse(index, no or refusal)
            return
        if first is not None:
            self._repeat(index, first)
        elif no is not None:
            self._refuse(index, no)
        else:
            self._accept(index, payment, payer, place, content)

    def _place(self, payment: NewPayment) -> Place:
        """Return where a payment settles; raises Rejection, the same one for all alike."""
        window, source = payment.window, payment.source_currency
        name = (window, source, payment.destination_currency, payment.value_date)
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = self._find_place(*name)
        if isinstance(place, Rejection):
            raise Rejection(place.code, **place.facts)
        return place

    def _find_place(
        self, window: Window, source: str, destination: str, value_date: str
    ) -> Place | Rejection:
        at_us = self._opening.at_us
        try:
            placement = self._schedule.place(window, source, destination, value_date, at_us)
        except Rejection as no:
            return no
        cycle_id, cut_off_at_us = self._opening.join(placement)
        return window.value, cycle_id, cut_off_at_us, placement.value_date

    def _accept(
        self, index: int, payment: NewPayment, payer: str, place: Place, content: str
    ) -> None:
        window, cycle_id, cut_off_at_us, value_date = place
        item = Submitted(
            payment.transaction_id,
            payer,
            payment.source_currency,
            payment.amount_minor,
            payment.counterparty_id,
            payment.destination_currency,
            payment.destination_account,
            window,
            payment.priority,
            cycle_id,
            cut_off_at_us,
            value_date,
            content,
            payment.idempotency_key,
            payment.details,
            payment.hits or None,
        )
        self._items.append(item)
        self._repeats.note(payment, item)
        if item.hits:
            facts = {"transaction_id": item.transaction_id, "hits": item.hits}
            self._results.append([index, HELD_FOR_REVIEW, facts])

    def _repeat(self, index: int, first: Payment) -> None:
        """Answer a payment that came before as it was answered then."""
        if first.stage is Stage.REFUSED:
            self._results.append([index, first.reason, {**first_facts(first), "exists": True}])
            return
        self._duplicates.append(first)
        self._results.append([index, DUPLICATE, first_facts(first)])

    def _refuse(self, index: int, no: Rejection) -> None:
        self._results.append([index, no.code, dict(no.facts)])

    # -- answers -----------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """Return what has happened."""
        context, events = self._context, list[Event]()
        if self._items:
            height, at_us = context.height, context.at_us
            events.append(TransactionsSubmitted(self._items, context.actor, height, at_us))
        if self._duplicates:
            ids = [first.item.transaction_id for first in self._duplicates]
            events.append(TransactionsDeduped(ids, context.actor))
        return events

    def body(self) -> dict[str, Any]:
        """Return what the sender of many is told."""
        return {"accepted": len(self._items), "results": self._results}

    def alone(self) -> Decision:
        """Return what follows from a submission of one payment."""
        context, body = self._context, self.body()
        if self._items:
            item = self._items[0]
            state = (Stage.HELD if item.hits else Stage.ACCEPTED).value
            body["payment"] = told(item, state=state, height=context.height, at_us=context.at_us)
        elif self._duplicates:
            first = self._duplicates[0]
            body["payment"] = told(
                first.item, state=first_state(first), height=first.height, at_us=first.at_us
            )
        else:
            _, code, facts = self._results[0]
            raise Rejection(code, **facts)
        return Decision(self.events(), body=body)
