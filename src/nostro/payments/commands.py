"""What can one order the payments room to do?

Amounts are integer minor units of the currency that stands with them; times are microseconds since
the epoch (UTC), dates `YYYY-MM-DD`. Ids are 1 to 64 characters of `A-Z a-z 0-9 . _ : @ / -`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.kernel.messages import Command

PAYMENTS_MAX = 10_000
"""Payments of one command."""


class Window(StrEnum):
    """When a payment settles: at once and gross, or with the cut-off of a day, today or one or two
    business days from now."""

    RTGS = "rtgs"
    T0 = "t+0"
    T1 = "t+1"
    T2 = "t+2"


class NewPayment(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A payment to accept. `source_account` is the payer's settlement account
    (`vostro:<participant>:<currency>`); `destination_account` is where the counterparty, a
    participant, is to credit it. `priority`: 0 is the most urgent, 9 the least. `value_date`: not
    before this day ("": as soon as the window allows). `idempotency_key`: "" stands for the
    transaction id. `hits`: what screening found, each `list:entry:score`. `details`: text that is
    carried along (remittance, names, references)."""

    transaction_id: str
    amount_minor: int
    source_currency: str
    destination_currency: str
    source_account: str
    destination_account: str
    counterparty_id: str
    window: Window = Window.T0
    priority: int = 5
    value_date: str = ""
    idempotency_key: str = ""
    details: dict[str, str] | None = None
    hits: list[str] | None = None


class OpenParticipant(Command, frozen=True, kw_only=True, tag="payments.OpenParticipant"):
    """Admit a bank: one settlement account opens in each currency, which may go below zero by its
    credit line. Sent twice with the same content: accepted, no event; new currencies are added.

    Refused: `payments.participant_exists` (other content), `payments.bad_id`, `asset.unknown`.
    """

    participant_id: str
    name: str
    bic: str = ""
    lei: str = ""
    country: str = ""
    currencies: list[str]
    credit_lines_minor: dict[str, int] = msgspec.field(default_factory=dict)


class SuspendParticipant(Command, frozen=True, kw_only=True, tag="payments.SuspendParticipant"):
    """Take no payment from or to a participant any more; those not yet batched fail, and their
    holds are released. Sent twice: accepted, no event. Refused: `payments.participant_unknown`."""

    participant_id: str
    reason: str = ""


class ResumeParticipant(Command, frozen=True, kw_only=True, tag="payments.ResumeParticipant"):
    """Take a suspended participant's payments again. Sent twice: accepted, no event."""

    participant_id: str


class FundParticipant(Command, frozen=True, kw_only=True, tag="payments.FundParticipant"):
    """Credit a settlement account with money that arrived for it at our account; `reference` is the
    bank's, used once. Refused: `payments.participant_unknown`, `payments.currency_not_held`,
    `payments.funding_exists`."""

    participant_id: str
    currency: str
    amount_minor: int
    reference: str


class SubmitPayments(Command, frozen=True, kw_only=True, tag="payments.SubmitPayments"):
    """Accept up to PAYMENTS_MAX payments, each with its own result; anyone with an account may.

    Checked in this order, first refusal wins: format, parties, currency open, duplicate, account
    state, (flow: funds, held in the ledger; then limits), screening hits. Reply body:
    {"accepted": n, "results": [[index, code, facts], ...]} naming only those not plainly accepted:
    `payments.duplicate` (identical content; facts tell the first), `payments.exists` (same
    transaction id, other content), `payments.key_reused`, `payments.held_for_review`, or any other
    rejection code. With one payment in the command the body has also `payment`, as told by
    `payments.views.told`, and a refusal refuses the command.
    """

    payments: list[NewPayment]

    @property
    def stream(self) -> str:
        """Name the payment, when it is one."""
        return self.payments[0].transaction_id if len(self.payments) == 1 else ""

    @property
    def content(self) -> SubmitPayments:
        """Return it without what screening found: a list may change before a repeat comes."""
        if not any(payment.hits for payment in self.payments):
            return self
        bare = [msgspec.structs.replace(payment, hits=None) for payment in self.payments]
        return SubmitPayments(payments=bare)


class CancelPayment(Command, frozen=True, kw_only=True, tag="payments.CancelPayment"):
    """Take a payment back while it is not in a batch; its hold is released. Sent twice: accepted,
    no event. Refused: `payments.unknown`, `payments.not_cancellable`."""

    transaction_id: str
    reason: str = ""

    @property
    def stream(self) -> str:
        """Name the payment."""
        return self.transaction_id


class ApproveReview(Command, frozen=True, kw_only=True, tag="payments.ApproveReview"):
    """Let a payment that screening held go on, as someone other than who submitted it. Sent twice:
    accepted, no event. Refused: `payments.unknown`, `payments.not_in_review`,
    `payments.own_review`."""

    transaction_id: str

    @property
    def stream(self) -> str:
        """Name the payment."""
        return self.transaction_id


class RejectReview(Command, frozen=True, kw_only=True, tag="payments.RejectReview"):
    """Fail a payment that screening held; its hold is released. Refused as ApproveReview."""

    transaction_id: str
    reason: str = ""

    @property
    def stream(self) -> str:
        """Name the payment."""
        return self.transaction_id


# -- ordered by flows only -------------------------------------------------------------------------


class RefusePayments(Command, frozen=True, kw_only=True, tag="payments.RefusePayments"):
    """Refuse payments just submitted, for what the ledger or the limits said: (transaction id,
    code)."""

    refused: list[tuple[str, str]]


class AssignBatch(Command, frozen=True, kw_only=True, tag="payments.AssignBatch"):
    """Note the batch that payments of a cycle are in, and what each will receive:
    (transaction id, destination minor units). From here on they cannot be cancelled."""

    cycle_id: str
    batch_id: str
    items: list[tuple[str, int]]


class DeferPayments(Command, frozen=True, kw_only=True, tag="payments.DeferPayments"):
    """Move payments to the next cycle that suits them: (transaction id, reason)."""

    cycle_id: str
    deferred: list[tuple[str, str]]


class SettleBatches(Command, frozen=True, kw_only=True, tag="payments.SettleBatches"):
    """Settle every payment of these batches: all pay-ins have arrived."""

    cycle_id: str
    batch_ids: list[str]


class UnwindCycle(Command, frozen=True, kw_only=True, tag="payments.UnwindCycle"):
    """Take a cycle's payments out of their batches before finality. Those from or to
    `participant_id` fail when `fail` (counterparty failure), else they are deferred with the
    others (shortfall, no certificate); `reason` stands on each."""

    cycle_id: str
    participant_id: str = ""
    fail: bool = False
    reason: str


class ReversePayments(Command, frozen=True, kw_only=True, tag="payments.ReversePayments"):
    """Reverse settled payments of a batch or a cycle, newest first.

    Either `transaction_ids` names them, or `participant_id`, `currency` and `up_to_minor` say:
    those credited to this counterparty in this currency, as many as fit into the amount that could
    not be paid out to it. Sent twice: accepted, no event.
    """

    cycle_id: str
    transaction_ids: list[str] = msgspec.field(default_factory=list)
    participant_id: str = ""
    currency: str = ""
    up_to_minor: int = 0
    reason: str


COMMANDS: tuple[type[Command], ...] = (
    OpenParticipant,
    SuspendParticipant,
    ResumeParticipant,
    FundParticipant,
    SubmitPayments,
    CancelPayment,
    ApproveReview,
    RejectReview,
    RefusePayments,
    AssignBatch,
    DeferPayments,
    SettleBatches,
    UnwindCycle,
    ReversePayments,
)
