"""Did this payment come before, and was it the same?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.kernel.messages import Rejection
from nostro.kernel.room import Context
from nostro.payments.commands import NewPayment
from nostro.payments.events import Submitted
from nostro.payments.state import KEY, Payment, PaymentsState, Stage


class Repeats:
    """What is known of the ids and keys of one submission: from memory, from the journal, and from
    earlier payments of the same submission.

    Idempotency keys that are given are compared with one another only; a payment without one stands
    under its transaction id.
    """

    def __init__(self, state: PaymentsState, context: Context) -> None:
        self._state = state
        self._context = context
        self._here: dict[str, Payment] = {}
        self._keys_here: dict[str, str] = {}

    def none_is_known(self, payments: Sequence[NewPayment]) -> bool:
        """Tell, cheaply, whether no id and no key was used before, nor twice in these."""
        state = self._state
        ids = {payment.transaction_id for payment in payments}
        keys = [KEY + payment.idempotency_key for payment in payments if payment.idempotency_key]
        if self._context.recalled or len(ids) < len(payments) or len(set(keys)) < len(keys):
            return False
        if not state.payments.keys().isdisjoint(ids) or not state.seen.none_hot(ids):
            return False
        return not keys or state.seen.none_hot(set(keys))

    def note(self, payment: NewPayment, item: Submitted) -> None:
        """Remember a payment that this submission has just accepted."""
        context = self._context
        self._here[item.transaction_id] = Payment(
            item,
            context.actor,
            context.height,
            context.at_us,
            Stage.HELD if item.hits else Stage.ACCEPTED,
            item.cycle_id,
            item.cut_off_at_us,
        )
        if payment.idempotency_key:
            self._keys_here[payment.idempotency_key] = item.transaction_id

    def earlier(self, payment: NewPayment, content: str) -> Payment | None:
        """Return the same payment, if it came before; raises Rejection `payments.key_reused` or
        `payments.exists` when the key or the id stands for another one."""
        transaction_id, key = payment.transaction_id, payment.idempotency_key
        owner = self._owner(key) if key else ""
        if owner and owner != transaction_id:
            raise Rejection("payments.key_reused", idempotency_key=key, transaction_id=owner)
        first = self._first(transaction_id)
        if first is None or first.item.content == content:
            return first
        if owner:
            raise Rejection("payments.key_reused", idempotency_key=key, **first_facts(first))
        raise Rejection("payments.exists", **first_facts(first))

    def _owner(self, key: str) -> str:
        """Return the transaction id that a key was used for, or ""."""
        told: Any = self._keys_here.get(key) or self._state.seen.hot(KEY + key)
        told = told or self._context.recalled.get(KEY + key)
        return told if isinstance(told, str) else ""

    def _first(self, transaction_id: str) -> Payment | None:
        state = self._state
        told: Any = self._here.get(transaction_id) or state.payments.get(transaction_id)
        told = told or state.seen.hot(transaction_id)
        told = told or self._context.recalled.get(transaction_id)
        return told if isinstance(told, Payment) else None


def first_state(first: Payment) -> str:
    """Return the state that a payment was accepted with, or `refused`."""
    if first.stage is Stage.REFUSED:
        return Stage.REFUSED.value
    return (Stage.HELD if first.item.hits else Stage.ACCEPTED).value


def first_facts(first: Payment) -> dict[str, Any]:
    """Return what is told of the payment that came first."""
    return {
        "transaction_id": first.item.transaction_id,
        "first_height": first.height,
        "first_at_us": first.at_us,
        "state": first_state(first),
    }
