"""What does the payments room report to have happened?

The names that an auditor follows (`TRANSACTION_SUBMITTED`, ...) are in `views.EVENT_TYPES`.
"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Event


class ParticipantOpened(Event, frozen=True, array_like=True, tag="payments.participant_opened"):
    """A bank was admitted, or its currencies were extended by these."""

    participant_id: str
    name: str
    bic: str
    lei: str
    country: str
    currencies: list[str]
    credit_lines_minor: dict[str, int]


class ParticipantSuspended(
    Event, frozen=True, array_like=True, tag="payments.participant_suspended"
):
    """No payment from or to the participant is taken."""

    participant_id: str
    reason: str


class ParticipantResumed(Event, frozen=True, array_like=True, tag="payments.participant_resumed"):
    """The participant's payments are taken again."""

    participant_id: str


class ParticipantFunded(Event, frozen=True, array_like=True, tag="payments.participant_funded"):
    """Money arrived for a settlement account."""

    participant_id: str
    currency: str
    amount_minor: int
    reference: str


class Submitted(msgspec.Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """One payment as accepted. `payer` and `payee` are participants. `cycle_id`: the netting cycle
    that it waits for, which closes at `cut_off_at_us`. `content`: the first 16 hexadecimal digits
    of its content hash. With `hits` it waits for review."""

    transaction_id: str
    payer: str
    source_currency: str
    amount_minor: int
    payee: str
    destination_currency: str
    destination_account: str
    window: str
    priority: int
    cycle_id: str
    cut_off_at_us: int
    value_date: str
    content: str
    idempotency_key: str = ""
    details: dict[str, str] | None = None
    hits: list[str] | None = None


class TransactionsSubmitted(
    Event, frozen=True, array_like=True, tag="payments.transactions_submitted"
):
    """Payments were accepted, unless a later event of the same row refuses some of them. The flow
    holds their funds and reserves their limits. `height` and `at_us`: the row's own, for a repeat
    that is answered from it much later."""

    items: list[Submitted]
    actor: str
    height: int = 0
    at_us: int = 0


class TransactionsDeduped(Event, frozen=True, array_like=True, tag="payments.transactions_deduped"):
    """These transaction ids came again with the same content, in another request."""

    transaction_ids: list[str]
    actor: str


class TransactionsRefused(Event, frozen=True, array_like=True, tag="payments.transactions_refused"):
    """Payments just submitted were refused by the ledger or by limits: (transaction id, code).
    Their ids stay used."""

    refused: list[tuple[str, str]]


class ReviewApproved(Event, frozen=True, array_like=True, tag="payments.review_approved"):
    """A payment that screening held goes on; its cycle was chosen anew."""

    transaction_id: str
    cycle_id: str
    cut_off_at_us: int
    actor: str


class Released(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment whose hold and limits are to be released, and why it ends."""

    transaction_id: str
    payer: str
    source_currency: str
    amount_minor: int
    payee: str
    reason: str
    destination_currency: str


class TransactionCancelled(
    Event, frozen=True, array_like=True, tag="payments.transaction_cancelled"
):
    """A payment was taken back before it was in a batch."""

    item: Released
    actor: str


class PaymentsFailed(Event, frozen=True, array_like=True, tag="payments.payments_failed"):
    """Payments will never settle (SETTLEMENT_FAILED); the flow releases holds and limits."""

    cycle_id: str
    items: list[Released]


class CycleItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment as netting sees it. `accepted_at_us`: since when it waits. `retries`: how often it
    was deferred."""

    transaction_id: str
    payer: str
    source_currency: str
    amount_minor: int
    payee: str
    destination_currency: str
    priority: int
    accepted_at_us: int
    retries: int


class WindowClosed(Event, frozen=True, array_like=True, tag="payments.window_closed"):
    """A cycle has reached its cut-off: these payments are netted together. `gross`: they are RTGS
    payments, each settles on its own."""

    cycle_id: str
    gross: bool
    cut_off_at_us: int
    value_date: str
    items: list[CycleItem]


class BatchAssigned(Event, frozen=True, array_like=True, tag="payments.batch_assigned"):
    """Payments are in a batch: (transaction id, destination minor units)."""

    cycle_id: str
    batch_id: str
    items: list[tuple[str, int]]


class PaymentsDeferred(Event, frozen=True, array_like=True, tag="payments.payments_deferred"):
    """Payments wait for a later cycle: (transaction id, reason, new cycle id, its cut-off)."""

    cycle_id: str
    items: list[tuple[str, str, str, int]]


class Settled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment that is settled: what its payer paid and its payee received."""

    transaction_id: str
    payer: str
    source_currency: str
    amount_minor: int
    payee: str
    destination_currency: str
    destination_minor: int


class PaymentsSettled(Event, frozen=True, array_like=True, tag="payments.payments_settled"):
    """The payments of a batch are final (SETTLEMENT_CONFIRMED); the flow posts their holds."""

    cycle_id: str
    batch_id: str
    items: list[Settled]


class PaymentsReversed(Event, frozen=True, array_like=True, tag="payments.payments_reversed"):
    """Settled payments are reversed (SETTLEMENT_REVERSED) by new postings that refer to the old."""

    cycle_id: str
    items: list[Settled]
    reason: str
    actor: str


EVENTS: tuple[type[Event], ...] = (
    ParticipantOpened,
    ParticipantSuspended,
    ParticipantResumed,
    ParticipantFunded,
    TransactionsSubmitted,
    TransactionsDeduped,
    TransactionsRefused,
    ReviewApproved,
    TransactionCancelled,
    PaymentsFailed,
    WindowClosed,
    BatchAssigned,
    PaymentsDeferred,
    PaymentsSettled,
    PaymentsReversed,
)
