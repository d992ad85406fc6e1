"""Is every payment that became final booked, in the same journal row and for the right amounts?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nostro.flows import books
from nostro.flows.suspense import LEGS, leg_id
from nostro.kernel.messages import Event
from nostro.ledger import Line, TransfersRecorded
from nostro.payments import PaymentsReversed, PaymentsSettled, Settled
from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction

PAID_BY = LEGS[:2]
"""The legs of which one stands for a transfer that was refused: what it took, or claims."""


class FinalityCheck:
    """A check of an audit: hears every row, in order."""

    name = "finality"

    def __init__(self) -> None:
        self._settled = 0
        self._reversed = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Hold what became final in a row against the lines of the row; raises Contradiction."""
        final = [each for each in events if isinstance(each, PaymentsSettled | PaymentsReversed)]
        if not final:
            return
        lines = {
            line.id: line
            for event in events
            if isinstance(event, TransfersRecorded)
            for line in event.lines
        }
        for event in final:
            settled = isinstance(event, PaymentsSettled)
            for item in event.items:
                for id_, amount_minor in _bookings(item) if settled else _reversals(item):
                    _demand(lines, id_, amount_minor, entry.height)
            if settled:
                self._settled += len(event.items)
            else:
                self._reversed += len(event.items)

    def finish(self) -> None:
        """Nothing is left to check at the end."""

    def told(self) -> str:
        """Say what was found booked."""
        return f"{self._settled} settled and {self._reversed} reversed payments are booked"


def _bookings(item: Settled) -> Iterator[tuple[str, int]]:
    yield books.payment_post_id(item.transaction_id), item.amount_minor
    if item.source_currency != item.destination_currency:
        yield books.payment_credit_id(item.transaction_id), item.destination_minor


def _reversals(item: Settled) -> Iterator[tuple[str, int]]:
    yield books.payment_reversal_id(item.transaction_id), item.amount_minor
    if item.source_currency != item.destination_currency:
        yield books.payment_credit_reversal_id(item.transaction_id), item.destination_minor


def _demand(lines: dict[str, Line], id_: str, amount_minor: int, height: int) -> None:
    for each in (id_, *(leg_id(id_, leg) for leg in PAID_BY)):
        line = lines.get(each)
        if line is not None and line.amount_minor == amount_minor:
            return
    raise Contradiction(f"nothing books {id_} with {amount_minor}", height=height)
