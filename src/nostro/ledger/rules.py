"""In which order is a transfer judged, and which refusal is final?

The first rule that a transfer breaks names its refusal. docs/reference/ledger-rules.md explains
each; a test keeps page and order together.
"""

from __future__ import annotations

import msgspec

TRANSFERS_MAX = 10_000
"""Transfers of one command."""
ACCOUNTS_MAX = 10_000
"""Accounts of one command."""
TIMEOUT_S_MAX = 10 * 365 * 86_400
"""A hold lasts ten years at most; one that never expires says 0."""
CODE_MAX = 2**31 - 1
EFFECTIVE_AT_US_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""
EXPIRED_PER_TICK_MAX = 4_000
"""Holds that one tick lets expire; the rest follow with the next tick."""

EXISTS = "ledger.exists"
LINKED_FAILED = "ledger.linked_failed"
LINKED_CHAIN_OPEN = "ledger.linked_chain_open"
ID_ALREADY_FAILED = "ledger.id_already_failed"
EXISTS_WITH_DIFFERENT = "ledger.exists_with_different_"


FIELDS = (
    "action",
    "balancing",
    "linked",
    "debit",
    "credit",
    "asset",
    "amount",
    "refers_to",
    "timeout",
    "code",
    "reference",
    "effective_at",
    "metadata",
)
"""What a repeat is compared by, in this order."""


class Rule(msgspec.Struct, frozen=True):
    """A reason for refusal. `final`: it depends on the books at that moment, so the id stays
    refused; otherwise the same id may be sent again."""

    code: str
    final: bool = False


def _codes(names: str, *, final: bool = False) -> tuple[Rule, ...]:
    return tuple(Rule(f"ledger.{name}", final) for name in names.split())


RULES: tuple[Rule, ...] = (
    # Chains
    *_codes("linked_chain_open linked_failed"),
    # The id, and whether it was used before
    *_codes("bad_id exists"),
    *(Rule(EXISTS_WITH_DIFFERENT + field) for field in FIELDS),
    *_codes("id_already_failed hold_closed"),
    # What the transfer itself says
    *_codes("amount_missing amount_needless amount_not_positive amount_too_large"),
    *_codes("balancing_needless refers_to_missing refers_to_needless bad_refers_to"),
    *_codes("refers_to_itself timeout_needless timeout_out_of_range code_out_of_range"),
    *_codes("bad_reference effective_at_out_of_range bad_metadata"),
    *_codes("debit_missing credit_missing same_account"),
    # The accounts it names
    *_codes("debit_not_found credit_not_found", final=True),
    # What it refers to: a hold, or for a reversal the original
    *_codes("hold_not_found"),
    *_codes("hold_refused not_a_hold hold_already_posted hold_already_voided", final=True),
    *_codes("hold_expired", final=True),
    *_codes("original_not_found"),
    *_codes("original_refused not_reversible already_reversed", final=True),
    *_codes("debit_not_of_original credit_not_of_original exceeds_hold", final=True),
    # The state of both accounts
    *_codes("assets_differ asset_not_of_accounts", final=True),
    *_codes("debit_closed credit_closed debit_frozen credit_frozen", final=True),
    # The amount against the totals
    *_codes("balancing_without_limit debit_would_overflow credit_would_overflow", final=True),
    *_codes("exceeds_credits exceeds_debits", final=True),
)

FINAL = frozenset(rule.code for rule in RULES if rule.final)
