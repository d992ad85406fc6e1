"""Which ISO 20022 code says what became of a payment, and why?

Statuses are of ExternalPaymentTransactionStatus1Code, reasons of ExternalStatusReason1Code and
ExternalReturnReason1Code. A rejection code of ours that is in no table is told as NARR, in words.
"""

from __future__ import annotations

from nostro.payments import PaymentState

ACCEPTED = "ACSP"
SETTLED = "ACSC"
REJECTED = "RJCT"
PENDING = "PDNG"
CANCELLED = "CANC"
NARRATIVE = "NARR"

STATUSES: dict[PaymentState, str] = {
    PaymentState.HELD: PENDING,
    PaymentState.ACCEPTED: ACCEPTED,
    PaymentState.DEFERRED: PENDING,
    PaymentState.BATCHED: ACCEPTED,
    PaymentState.CERTIFIED: ACCEPTED,
    PaymentState.SETTLING: ACCEPTED,
    PaymentState.SETTLED: SETTLED,
    PaymentState.REFUSED: REJECTED,
    PaymentState.CANCELLED: CANCELLED,
    PaymentState.FAILED: REJECTED,
    PaymentState.REVERSED: REJECTED,
}
"""The status of a payment in each state. One that was reversed had been ACSC; a pacs.004 tells of
its return."""

REASONS: dict[str, str] = {
    # format
    "iso20022.no_transaction_id": "BE05",
    "iso20022.bad_id": "FF01",
    "iso20022.no_creditor_account": "AC02",
    "iso20022.agent_unknown": "RC01",
    "payments.invalid": "FF01",
    "payments.bad_id": "FF01",
    "payments.bad_transaction_id": "FF01",
    "payments.bad_iban": "AC01",
    "payments.bad_destination_account": "AC03",
    "payments.bad_source_account": "AC02",
    "payments.amount_not_positive": "AM01",
    "payments.amount_too_large": "AM02",
    "money.too_large": "AM02",
    "money.too_many_decimals": "AM12",
    "money.not_a_number": "AM12",
    "asset.unknown": "AM03",
    # parties
    "payments.participant_unknown": "RC01",
    "payments.bad_counterparty_id": "RC01",
    "payments.participant_suspended": "AG01",
    "payments.same_party": "AG01",
    "payments.currency_not_held": "AM03",
    "payments.account_currency_differs": "AM03",
    "payments.destination_account_differs": "AC03",
    # currency open on the value date
    "payments.currency_unsupported": "AM03",
    "payments.currency_closed": "DT01",
    "payments.value_date_past": "DT01",
    "payments.value_date_too_far": "DT01",
    "payments.bad_value_date": "DT01",
    "payments.cut_off_passed": "TM01",
    # duplicate
    "payments.duplicate": "AM05",
    "payments.exists": "DU03",
    "payments.key_reused": "DU03",
    # account state and funds
    "ledger.account_frozen": "AC06",
    "ledger.account_closed": "AC04",
    "ledger.account_not_found": "AC02",
    "ledger.debit_not_found": "AC02",
    "ledger.exceeds_credits": "AM04",
    "liquidity": "AM04",
    # limits
    "risk.single_limit": "AM02",
    "risk.bilateral_limit": "AM21",
    "risk.net_debit_cap": "AM21",
    "risk.currency_limit": "AM21",
    "limit": "AM21",
    # screening
    "payments.held_for_review": "RR04",
    "payments.review_rejected": "RR04",
    # settlement
    "payments.cancelled": "CUST",
    "payments.deferred_too_often": "ED05",
    "netting.amount_too_small": "AM06",
    "counterparty_failed": "ED05",
    "counterparty_unavailable": "AB08",
    "closed": "TM01",
    "rejected": "ED05",
}
"""Our rejection codes and reasons, in the order of the checks."""

REASONS_OF_STATES: dict[PaymentState, str] = {
    PaymentState.HELD: "RR04",
    PaymentState.CANCELLED: "CUST",
    PaymentState.FAILED: "ED05",
}
"""The reason that a state has where none is named, or none of the table."""

RETURN_REASONS: dict[str, str] = {
    "counterparty_failed": "ED05",
    "duplicate": "AM05",
    "fraud": "FR01",
    "account": "AC03",
    "requested": "FOCR",
}
"""Reasons of a return. What is in no table is told as NARR."""


def status_reason(code: str, state: PaymentState | None = None) -> str:
    """Return the ISO reason of a rejection code or of a payment's reason."""
    plain = code.partition(":")[0].strip()
    return REASONS.get(plain) or (REASONS_OF_STATES.get(state) if state else None) or NARRATIVE


def return_reason(reason: str) -> str:
    """Return the ISO reason of a return."""
    plain = reason.partition(":")[0].strip()
    if len(plain) == 4 and plain.isascii() and plain.isalnum() and plain.isupper():
        return plain
    return RETURN_REASONS.get(plain, NARRATIVE)
