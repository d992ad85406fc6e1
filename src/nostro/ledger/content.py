"""Is a transfer or an account well formed, whatever the books say?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.ledger.commands import Action, Balancing, NewTransfer
from nostro.ledger.rules import CODE_MAX, EFFECTIVE_AT_US_MAX, TIMEOUT_S_MAX

ID_LENGTH_MAX = 128
REFERENCE_LENGTH_MAX = 256
METADATA_ENTRIES_MAX = 32
METADATA_KEY_LENGTH_MAX = 64
METADATA_VALUE_LENGTH_MAX = 512

_ID = re.compile(r"[A-Za-z0-9._:@/-]{1,128}\Z", re.ASCII)
_ID_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@/-"
_ONE_BY_ONE_MAX = 4
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def is_id(text: str) -> bool:
    """Tell whether a text is 1 to 128 characters of `A-Z a-z 0-9 . _ : @ / -`."""
    return _ID.match(text) is not None


def are_ids(texts: Sequence[str]) -> bool:
    """Tell whether every text is an id; of many, much faster than asking for each."""
    if len(texts) <= _ONE_BY_ONE_MAX:
        is_one = _ID.match
        return None not in [is_one(text) for text in texts]
    try:
        rest = "".join(texts).encode("ascii").translate(None, _ID_BYTES)
    except UnicodeEncodeError:
        return False
    lengths = [len(text) for text in texts]
    return not rest and min(lengths, default=1) > 0 and max(lengths, default=1) <= ID_LENGTH_MAX


def is_line_of_text(text: str, *, length_max: int) -> bool:
    """Tell whether a text is short enough and free of control characters (and lone surrogates)."""
    return len(text) <= length_max and _CONTROL.search(text) is None


def is_metadata(metadata: dict[str, str]) -> bool:
    """Tell whether metadata is at most 32 short lines of text with names."""
    return len(metadata) <= METADATA_ENTRIES_MAX and all(
        key
        and is_line_of_text(key, length_max=METADATA_KEY_LENGTH_MAX)
        and is_line_of_text(value, length_max=METADATA_VALUE_LENGTH_MAX)
        for key, value in metadata.items()
    )


def is_plainly_described(transfer: NewTransfer) -> bool:
    """Tell, cheaply, whether code, reference, date and metadata are good; no means: look closer."""
    reference, effective_at_us = transfer.reference, transfer.effective_at_us
    return (
        0 <= transfer.code <= CODE_MAX
        and len(reference) <= REFERENCE_LENGTH_MAX
        and reference.isprintable()
        and (effective_at_us is None or 1 <= effective_at_us <= EFFECTIVE_AT_US_MAX)
        and (not transfer.metadata or is_metadata(transfer.metadata))
    )


def check_content(transfer: NewTransfer) -> None:
    """Raise the Rejection of the first rule that a transfer breaks by itself, in fixed order."""
    _check_amount(transfer)
    _check_reference(transfer)
    _check_timeout(transfer)
    _check_description(transfer)
    if transfer.action is Action.TRANSFER or transfer.action is Action.HOLD:
        if not transfer.debit:
            raise Rejection("ledger.debit_missing")
        if not transfer.credit:
            raise Rejection("ledger.credit_missing")
    if transfer.debit and transfer.debit == transfer.credit:
        raise Rejection("ledger.same_account", account=transfer.debit[:ID_LENGTH_MAX])


def _check_amount(transfer: NewTransfer) -> None:
    amount, action = transfer.amount_minor, transfer.action
    moves = action is Action.TRANSFER or action is Action.HOLD
    balances = transfer.balancing is not Balancing.NONE
    if amount is None:
        if moves and not balances:
            raise Rejection("ledger.amount_missing")
    elif action is Action.VOID or action is Action.REVERSE:
        raise Rejection("ledger.amount_needless")
    elif amount < 1:
        raise Rejection("ledger.amount_not_positive")
    elif amount > AMOUNT_MINOR_MAX:
        raise Rejection("ledger.amount_too_large", amount_minor_max=AMOUNT_MINOR_MAX)
    if balances and not moves:
        raise Rejection("ledger.balancing_needless")


def _check_reference(transfer: NewTransfer) -> None:
    refers_to, action = transfer.refers_to, transfer.action
    refers = action is not Action.TRANSFER and action is not Action.HOLD
    if refers and not refers_to:
        raise Rejection("ledger.refers_to_missing")
    if refers_to and not refers:
        raise Rejection("ledger.refers_to_needless", refers_to=refers_to[:ID_LENGTH_MAX])
    if refers and not is_id(refers_to):
        raise Rejection("ledger.bad_refers_to", refers_to=refers_to[:ID_LENGTH_MAX])
    if refers and refers_to == transfer.id:
        raise Rejection("ledger.refers_to_itself")


def _check_timeout(transfer: NewTransfer) -> None:
    if transfer.timeout_s and transfer.action is not Action.HOLD:
        raise Rejection("ledger.timeout_needless")
    if not 0 <= transfer.timeout_s <= TIMEOUT_S_MAX:
        raise Rejection("ledger.timeout_out_of_range", timeout_s_max=TIMEOUT_S_MAX)


def _check_description(transfer: NewTransfer) -> None:
    if not 0 <= transfer.code <= CODE_MAX:
        raise Rejection("ledger.code_out_of_range", code_max=CODE_MAX)
    if not is_line_of_text(transfer.reference, length_max=REFERENCE_LENGTH_MAX):
        raise Rejection("ledger.bad_reference", length_max=REFERENCE_LENGTH_MAX)
    effective_at_us = transfer.effective_at_us
    if effective_at_us is not None and not 1 <= effective_at_us <= EFFECTIVE_AT_US_MAX:
        raise Rejection("ledger.effective_at_out_of_range", effective_at_us_max=EFFECTIVE_AT_US_MAX)
    if transfer.metadata and not is_metadata(transfer.metadata):
        raise Rejection("ledger.bad_metadata", entries_max=METADATA_ENTRIES_MAX)
