"""What do readers see of payments, and under which names does an auditor follow one?

Amounts are integer minor units of the currency beside them, `scale` the decimals of a currency;
times are microseconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from nostro.payments.events import Submitted


class PaymentState(StrEnum):
    """Where a payment is: held for review; accepted, or deferred, and waiting for its cycle; in a
    batch; its batch certified; its settlement begun; settled. Or refused, cancelled, failed for
    good, or reversed after it had settled."""

    HELD = "held"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    BATCHED = "batched"
    CERTIFIED = "certified"
    SETTLING = "settling"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REVERSED = "reversed"


WAITING = frozenset({PaymentState.HELD, PaymentState.ACCEPTED, PaymentState.DEFERRED})
"""States in which a payment can be taken back."""
ENDED = frozenset(
    {
        PaymentState.SETTLED,
        PaymentState.REFUSED,
        PaymentState.CANCELLED,
        PaymentState.FAILED,
        PaymentState.REVERSED,
    }
)

SUBMITTED = "TRANSACTION_SUBMITTED"
DEDUPED = "TRANSACTION_DEDUPED"
REFUSED = "TRANSACTION_REFUSED"
HELD = "TRANSACTION_HELD"
APPROVED = "TRANSACTION_APPROVED"
CANCELLED = "TRANSACTION_CANCELLED"
DEFERRED = "TRANSACTION_DEFERRED"
SETTLEMENT_FAILED = "SETTLEMENT_FAILED"
SETTLEMENT_REVERSED = "SETTLEMENT_REVERSED"

EVENT_TYPES: Mapping[str, str] = {
    "payments.transactions_submitted": SUBMITTED,
    "payments.transactions_deduped": DEDUPED,
    "payments.transactions_refused": REFUSED,
    "payments.review_approved": APPROVED,
    "payments.transaction_cancelled": CANCELLED,
    "payments.payments_deferred": DEFERRED,
    "payments.payments_failed": SETTLEMENT_FAILED,
    "payments.payments_settled": "SETTLEMENT_CONFIRMED",
    "payments.payments_reversed": SETTLEMENT_REVERSED,
    "netting.batch_created": "BATCH_CREATED",
    "netting.batch_optimized": "BATCH_OPTIMIZED",
    "consensus.submitted": "CONSENSUS_SUBMITTED",
    "consensus.achieved": "CONSENSUS_ACHIEVED",
    "consensus.rejected": "CONSENSUS_REJECTED",
    "execution.settlement_initiated": "SETTLEMENT_INITIATED",
    "execution.settlement_failed": SETTLEMENT_FAILED,
}
"""Our event to the name that an auditor follows. A payment that is submitted with hits of the
screening has TRANSACTION_HELD right after TRANSACTION_SUBMITTED. A settlement that fails is told of
its batches; a payment that fails with it for good has an entry of its own besides."""
EVENT_NAMES = frozenset(EVENT_TYPES.values()) | {HELD}


def told(item: Submitted, *, state: str, height: int, at_us: int) -> dict[str, Any]:
    """Return what the caller hears of a payment just submitted, in JSON-friendly builtins."""
    return {
        "transaction_id": item.transaction_id,
        "state": state,
        "payer": item.payer,
        "payee": item.payee,
        "source_currency": item.source_currency,
        "amount_minor": item.amount_minor,
        "destination_currency": item.destination_currency,
        "destination_account": item.destination_account,
        "window": item.window,
        "priority": item.priority,
        "cycle_id": item.cycle_id,
        "cut_off_at_us": item.cut_off_at_us,
        "value_date": item.value_date,
        "height": height,
        "at_us": at_us,
    }


class ParticipantView(msgspec.Struct, frozen=True, kw_only=True):
    """A bank that takes part, its currencies in order of admission, and its credit lines in minor
    units by currency. `reason`: why it is suspended, "" while it is not."""

    participant_id: str
    name: str
    bic: str
    lei: str
    country: str
    currencies: list[str]
    credit_lines_minor: dict[str, int]
    suspended: bool
    reason: str
    opened_at_us: int
    height: int


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the life of a payment, a row of the SQL view `settlement_ledger`.

    `entry_id` (journal height * 2^20 + place in its row) is never used twice for one payment; an
    entry about a batch has the same one for each payment in it. `amount_minor` is in `currency`,
    the source currency. `actor`: who sent the command, or the room that reported it.
    """

    entry_id: int
    transaction_id: str
    batch_id: str
    event_type: str
    amount_minor: int
    currency: str
    at_us: int
    actor: str
    details: dict[str, Any]

    @property
    def height(self) -> int:
        """The journal height of the entry."""
        return self.entry_id >> 20


class PaymentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it stands now. `batch_id` of a payment that was deferred out of its batch is "".

    `destination_minor`: what the payee receives, None before the rate is known. `reason`: why it
    was deferred, refused, cancelled, failed or reversed. `retries`: how often it was deferred.
    `seq`: place in the order of submission. `height`: of the last journal row that changed it.
    """

    transaction_id: str
    state: PaymentState
    reason: str
    payer: str
    payee: str
    source_currency: str
    source_scale: int
    amount_minor: int
    destination_currency: str
    destination_scale: int
    destination_minor: int | None
    destination_account: str
    window: str
    priority: int
    value_date: str
    cycle_id: str
    cut_off_at_us: int
    batch_id: str
    retries: int
    accepted_at_us: int
    changed_at_us: int
    settled_at_us: int | None
    actor: str
    idempotency_key: str
    details: dict[str, str]
    hits: list[str]
    seq: int
    height: int


class DailyFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What became final on one day (UTC) in one currency: paid by payers (`in`) and credited to
    payees (`out`), in minor units, with the number of payments on each side. What is reversed later
    is not taken off."""

    currency: str
    day: str
    in_minor: int
    in_count: int
    out_minor: int
    out_count: int


class PaymentFilters(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a list of payments is narrowed to; None where it is not. `participant`: payer or payee;
    `payer`, `counterparty` (the payee): that side only. `currency`: source or destination. Times:
    of acceptance, both included."""

    state: PaymentState | None = None
    participant: str | None = None
    payer: str | None = None
    counterparty: str | None = None
    currency: str | None = None
    window: str | None = None
    cycle_id: str | None = None
    batch_id: str | None = None
    from_us: int | None = None
    to_us: int | None = None
