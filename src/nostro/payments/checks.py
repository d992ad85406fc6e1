"""Is a payment well formed, whatever the room remembers?

`are_well_formed` looks at a whole command at once, as nearly all are; `check_format` finds the
first fault of one payment, in fixed order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.payments.commands import NewPayment

ID_MAX = 64
KEY_MAX = 240
PARTICIPANT_ID_MAX = 48
PRIORITY_MAX = 9
DETAILS_MAX = 32
DETAIL_NAME_MAX = 35
DETAIL_TEXT_MAX = 280
"""Remittance information of ISO 20022 has up to 140 characters, names too; twice that is room."""
HITS_MAX = 32
HIT_MAX = 280
REASON_MAX = 500

_ID = re.compile(rf"[A-Za-z0-9._:@/-]{{1,{ID_MAX}}}\Z", re.ASCII).match
_ID_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@/-"
_PARTICIPANT_ID = re.compile(rf"[A-Za-z0-9._@-]{{1,{PARTICIPANT_ID_MAX}}}\Z", re.ASCII).match
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_MAX}}}\Z", re.ASCII).match
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII).match


def are_well_formed(payments: Sequence[NewPayment]) -> bool:
    """Tell, cheaply, whether all transaction ids and destination accounts are ids; amounts,
    priorities and optional fields are for `check_format`."""
    texts = [payment.transaction_id for payment in payments]
    texts += [payment.destination_account for payment in payments]
    try:
        rest = "".join(texts).encode("ascii").translate(None, _ID_BYTES)
    except UnicodeEncodeError:
        return False
    lengths = [len(text) for text in texts]
    return not rest and min(lengths) > 0 and max(lengths) <= ID_MAX


def check_format(payment: NewPayment) -> None:
    """Raise the Rejection of the first fault: `payments.bad_transaction_id`,
    `payments.amount_not_positive`, `payments.amount_too_large`, `payments.bad_priority`,
    `payments.bad_value_date`, `payments.bad_source_account`, `payments.bad_destination_account`,
    `payments.bad_counterparty_id`, `payments.bad_idempotency_key`, `payments.bad_details` or
    `payments.bad_hits`."""
    check_transaction_id(payment.transaction_id)
    if payment.amount_minor <= 0:
        raise Rejection("payments.amount_not_positive", amount_minor=payment.amount_minor)
    if payment.amount_minor > AMOUNT_MINOR_MAX:
        raise Rejection("payments.amount_too_large")
    if not 0 <= payment.priority <= PRIORITY_MAX:
        raise Rejection("payments.bad_priority", priority_max=PRIORITY_MAX)
    if payment.value_date and not _is_day(payment.value_date):
        raise Rejection("payments.bad_value_date", value_date=payment.value_date[:ID_MAX])
    _check_accounts(payment)
    if payment.idempotency_key and not _KEY(payment.idempotency_key):
        raise Rejection("payments.bad_idempotency_key", length_max=KEY_MAX)
    if payment.details is not None and not are_details(payment.details):
        raise Rejection(
            "payments.bad_details",
            entries_max=DETAILS_MAX,
            name_length_max=DETAIL_NAME_MAX,
            length_max=DETAIL_TEXT_MAX,
        )
    if payment.hits is not None and not _are_hits(payment.hits):
        raise Rejection("payments.bad_hits", entries_max=HITS_MAX, length_max=HIT_MAX)


def _check_accounts(payment: NewPayment) -> None:
    parts = payment.source_account.split(":")
    if len(parts) != 3 or parts[0] != "vostro" or not _PARTICIPANT_ID(parts[1]) or not parts[2]:
        raise Rejection(
            "payments.bad_source_account",
            source_account=payment.source_account[: 2 * ID_MAX],
            form="vostro:<participant>:<currency>",
        )
    if not _ID(payment.destination_account):
        raise Rejection(
            "payments.bad_destination_account",
            destination_account=payment.destination_account[:ID_MAX],
            length_max=ID_MAX,
        )
    if not _PARTICIPANT_ID(payment.counterparty_id):
        raise Rejection(
            "payments.bad_counterparty_id",
            counterparty_id=payment.counterparty_id[:PARTICIPANT_ID_MAX],
            length_max=PARTICIPANT_ID_MAX,
        )


def _is_day(text: str) -> bool:
    if not _DAY(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_text(text: str, *, length_max: int) -> bool:
    """Tell whether a text is short enough and can be printed on one line."""
    return len(text) <= length_max and text.isprintable()


def is_key(text: str) -> bool:
    """Tell whether a text is 1 to 240 visible ASCII characters."""
    return _KEY(text) is not None


def are_details(details: dict[str, str]) -> bool:
    """Tell whether details are at most 32 short lines of text with names."""
    return len(details) <= DETAILS_MAX and all(
        name
        and is_text(name, length_max=DETAIL_NAME_MAX)
        and is_text(text, length_max=DETAIL_TEXT_MAX)
        for name, text in details.items()
    )


def _are_hits(hits: Sequence[str]) -> bool:
    return len(hits) <= HITS_MAX and all(hit and is_text(hit, length_max=HIT_MAX) for hit in hits)


def is_id(text: str) -> bool:
    """Tell whether a text is 1 to 64 characters of `A-Z a-z 0-9 . _ : @ / -`."""
    return _ID(text) is not None


def is_participant_id(text: str) -> bool:
    """Tell whether a text is 1 to 48 characters of `A-Z a-z 0-9 . _ @ -`: without a colon, so that
    names made of it are unambiguous."""
    return _PARTICIPANT_ID(text) is not None


def check_transaction_id(transaction_id: str) -> None:
    """Raise Rejection `payments.bad_transaction_id`."""
    if not _ID(transaction_id):
        raise Rejection(
            "payments.bad_transaction_id",
            transaction_id=transaction_id[:ID_MAX],
            length_max=ID_MAX,
        )


def check_reason(reason: str) -> None:
    """Raise Rejection `payments.bad_reason`: at most 500 characters, on one line."""
    if not is_text(reason, length_max=REASON_MAX):
        raise Rejection("payments.bad_reason", length=len(reason), length_max=REASON_MAX)
