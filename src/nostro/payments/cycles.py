"""Which cycle does a payment join, and what leaves a cycle that is closed?"""

from __future__ import annotations

from itertools import count
from typing import Any

from nostro.payments.commands import Window
from nostro.payments.events import Released
from nostro.payments.schedule import Placement
from nostro.payments.state import Payment, PaymentsState

CYCLE_MAX = 200_000
"""Payments that are netted together at most. Netting is better the more there are, but a cycle is
settled in one journal row, whose ledger lines, two for each payment, are numbered with 20 bits. A
command whose payments would pass it opens another cycle with the same cut-off."""
GROSS_MAX = 10_000
"""Payments that settle gross together at most. Each is a movement of its own, so that nothing is
gained by more, and the row that starts them all stays short."""
GROSS = "rtgs"


class Opening:
    """Chooses the cycles that `payments` payments of one journal row join; each choice holds for
    the whole row."""

    def __init__(self, state: PaymentsState, *, height: int, at_us: int, payments: int) -> None:
        self.at_us = max(at_us, state.closed_until_us)
        """From when cycles can be joined: what has closed does not open again."""
        self._state = state
        self._height = height
        self._payments = payments
        self._chosen: dict[str, int] = {}

    def join(self, placement: Placement) -> tuple[str, int]:
        """Return the cycle of a payment that is placed there, and its cut-off.

        A gross one joins the cycle that is due at once, if there is one; those that are to wait
        have a cycle of their own.
        """
        cycle_id, cut_off_at_us = placement.cycle_id, placement.cut_off_at_us
        if cycle_id:
            return self._choose(cycle_id, cut_off_at_us)
        cycle = self._state.cycles.get(self._state.gross_cycle)
        at_once = cut_off_at_us <= self.at_us
        if cycle is not None and at_once and cycle.count + self._payments <= GROSS_MAX:
            return cycle.cycle_id, cycle.cut_off_at_us
        return self._choose(f"{GROSS}.{self._height}", cut_off_at_us)

    def _choose(self, cycle_id: str, cut_off_at_us: int) -> tuple[str, int]:
        """Return the cycle, or one beside it when it is full or closes at another time."""
        for number in count(1):  # ends: there are finitely many cycles
            name = cycle_id if number == 1 else f"{cycle_id}-{number}"
            if name not in self._chosen:
                if not self._has_room(name, cut_off_at_us):
                    continue
                self._chosen[name] = cut_off_at_us
            if self._chosen[name] == cut_off_at_us:
                return name, cut_off_at_us
        raise AssertionError("numbers end")

    def _has_room(self, name: str, cut_off_at_us: int) -> bool:
        if name in self._state.closed:
            return False
        cycle = self._state.cycles.get(name)
        if cycle is None:
            return True
        fits = cycle.count + self._payments <= CYCLE_MAX
        return fits and cycle.cut_off_at_us == cut_off_at_us


def window_of(payment: Payment) -> Window:
    """Return the window that a payment was accepted for."""
    return Window(payment.item.window)


def released(payment: Payment, reason: str) -> Released:
    """Return what is told of a payment that ends without settlement."""
    item = payment.item
    return Released(
        item.transaction_id,
        item.payer,
        item.source_currency,
        item.amount_minor,
        item.payee,
        reason,
        item.destination_currency,
    )


def standing(payment: Payment) -> dict[str, Any]:
    """Return how a payment stands, for an answer or a refusal."""
    return {"transaction_id": payment.item.transaction_id, "state": payment.stage.value}
