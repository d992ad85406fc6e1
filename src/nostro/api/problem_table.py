"""Which status, title and remedy belongs to each rejection code?

docs/reference/errors.md is written from this table, and a test finds a code that has no row.
"""

from __future__ import annotations

from nostro.api.auth_problems import AUTH
from nostro.api.dvp_problems import CUSTODY, SETTLEMENT
from nostro.api.exchange_problems import EXCHANGE
from nostro.api.feeds_problems import FEEDS
from nostro.api.message_problems import ISO20022, WEBHOOKS
from nostro.api.payment_problems import (
    CHANGEABLE,
    CONSENSUS,
    EXECUTION,
    MENDABLE,
    NETTING,
    PAYMENTS,
    RISK,
)
from nostro.api.problem_row import Row

__all__ = ["TABLE", "Row", "leaves_no_mark", "may_change", "row_for"]

_READ_ERRORS = "See errors: each names its place. Mend them all and send the request again."
_NEW_ID = "Nothing was moved. To have it decided anew, send it under another id."
_LATER_SAME_ID = "Nothing was moved. Mend the request; it may be sent under the same id."
_SAME_KEY = "Send the same request with the same key again; it is carried out at most once."
_READ_STATE = "Read its present state; another deed came first."

REQUEST: dict[str, Row] = {
    "request.invalid": Row(422, "The request is not valid", _READ_ERRORS),
    "request.missing_field": Row(422, "A required field is missing", _READ_ERRORS),
    "request.unknown_field": Row(422, "A field is not known", _READ_ERRORS),
    "request.bad_value": Row(422, "A value is not of the shape it must have", _READ_ERRORS),
    "request.missing_parameter": Row(422, "A required parameter is missing", _READ_ERRORS),
    "request.repeated_parameter": Row(422, "A parameter is given twice", _READ_ERRORS),
    "request.amount_without_asset": Row(
        422, "An amount is given without its asset", "Name the asset, such as EUR, in `asset`."
    ),
    "request.malformed_json": Row(
        400, "The body is not JSON", "Send one JSON object, in UTF-8, with its keys in quotes."
    ),
    "request.malformed_query": Row(
        400,
        "The query string cannot be read",
        "Encode the parameters as name=value, percent-encoded.",
    ),
    "request.bad_cursor": Row(
        422,
        "The cursor is none of ours",
        "Pass next_cursor of the previous page unchanged, with the same filters.",
    ),
    "request.bad_idempotency_key": Row(
        400,
        "The Idempotency-Key cannot be used",
        'Send 1 to 240 visible ASCII characters, bare or in quotes: Idempotency-Key: "4f2a".',
    ),
    "request.idempotency_key_missing": Row(
        400,
        "The request moves money and has no key",
        "Send an Idempotency-Key header: a new one for each deed, the same one for each retry.",
    ),
    "request.bad_actor": Row(
        400, "The actor cannot be used", "Send 1 to 64 of A-Z a-z 0-9 . _ : @ - in X-Nostro-Actor."
    ),
    "request.reserved_id": Row(
        422,
        "The id belongs to the house",
        "Choose another id: this prefix names what deposits, payments and orders make "
        "of themselves.",
    ),
    "request.too_large": Row(
        413, "The body is too large", "Split it: at most 10,000 transfers in one request."
    ),
    "request.too_slow": Row(
        408,
        "The body did not come in time",
        "Nothing was done. Send the whole request again, with the same key.",
        True,
    ),
    "request.unsupported_media_type": Row(
        415, "The body is not sent as JSON", "Send Content-Type: application/json."
    ),
    "request.not_found": Row(
        404, "There is nothing at this address", "See /docs for every address of this API."
    ),
    "request.method_not_allowed": Row(
        405, "The address does not take this method", "See Allow for the methods that it takes."
    ),
    "server.error": Row(
        500,
        "Something of ours broke",
        "Report the request_id. If the request moves money, ask again with the same key.",
    ),
}

ENGINE: dict[str, Row] = {
    "engine.key_reused": Row(
        422,
        "The key was used before, for something else",
        "Use a new key for a new deed. The first deed under this key stands; nothing was changed.",
    ),
    "engine.bad_actor": Row(
        422,
        "The actor cannot be used",
        "Name who acts in at most length_max printable characters.",
    ),
    "engine.bad_key": Row(400, "The key is too long", "Use a key of 1 to 240 characters."),
    "engine.overloaded": Row(
        503, "Too many commands are waiting", f"Nothing was done. Wait. {_SAME_KEY}", True
    ),
    "engine.unavailable": Row(
        503, "The engine cannot write now", f"Nothing was done. {_SAME_KEY}", True
    ),
    "engine.fenced": Row(
        503,
        "Another process has become the writer",
        f"Nothing was done. Ask the process that holds the chain. {_SAME_KEY}",
        True,
    ),
    "engine.outcome_unknown": Row(
        503, "It is not known yet whether it was done", f"Do not use a new key. {_SAME_KEY}", True
    ),
    "engine.no_answer_in_time": Row(
        504, "It was accepted, but not written in time", f"Do not use a new key. {_SAME_KEY}", True
    ),
}

VIEWS: dict[str, Row] = {
    "views.behind": Row(
        503,
        "The views have not reached that height yet",
        "Ask again shortly, or without at_least for what the views know now.",
        True,
    ),
    "views.unavailable": Row(
        503, "The views cannot be read now", "Ask again shortly; /readyz says what is wrong.", True
    ),
    "views.ahead": Row(
        422, "That moment is yet to come", "Ask as of a height or a time that has passed."
    ),
}

MONEY: dict[str, Row] = {
    "money.not_a_number": Row(
        422, "The amount is not a number", 'Send a decimal string such as "1.50".'
    ),
    "money.too_many_decimals": Row(
        422,
        "The amount has more decimals than the asset",
        "Round it yourself, and say how; we never round silently. See decimals_max.",
    ),
    "money.too_large": Row(
        422, "The amount is too large", "At most 38 digits of minor units can be booked."
    ),
    "asset.unknown": Row(
        422, "The asset is not registered", "GET /api/v1/ledger/assets lists those that are."
    ),
    "asset.bad_code": Row(
        422, "The code of the asset is not valid", "1 to 24 of A-Z 0-9 . _ -, a letter first."
    ),
    "asset.bad_name": Row(
        422, "The name of the asset is not valid", "At most 128 printable characters."
    ),
    "asset.bad_scale": Row(422, "The scale is out of range", "An asset has 0 to 18 decimals."),
}

# Of the ledger's codes, those of a single transfer. What each means stands in
# docs/reference/ledger-rules.md, in the order in which the rules are checked.
_MENDABLE = {
    "linked_chain_open": "The last transfer is linked to one that is not there",
    "linked_failed": "Another transfer of its chain was refused",
    "bad_id": "The id is not valid",
    "bad_refers_to": "The id in refers_to is not valid",
    "amount_missing": "The amount is missing",
    "amount_needless": "This action takes no amount",
    "amount_not_positive": "The amount is not greater than zero",
    "amount_too_large": "The amount is too large",
    "balancing_needless": "This action cannot balance",
    "refers_to_missing": "refers_to is missing",
    "refers_to_needless": "This action refers to nothing",
    "refers_to_itself": "The transfer refers to itself",
    "timeout_needless": "This action takes no timeout",
    "timeout_out_of_range": "The timeout is out of range",
    "code_out_of_range": "The code is out of range",
    "bad_reference": "The reference is not valid",
    "bad_metadata": "The metadata is not valid",
    "effective_at_out_of_range": "The effective date is out of range",
    "debit_missing": "The account to debit is missing",
    "credit_missing": "The account to credit is missing",
    "same_account": "Both sides are the same account",
    "hold_not_found": "The hold does not exist yet",
    "original_not_found": "The original does not exist",
}
_FINAL = {
    "debit_not_found": "The account to debit does not exist",
    "credit_not_found": "The account to credit does not exist",
    "hold_refused": "The hold was refused",
    "not_a_hold": "refers_to names a transfer that is not a hold",
    "hold_already_posted": "The hold was posted before",
    "hold_already_voided": "The hold was voided before",
    "hold_expired": "The hold has expired",
    "hold_closed": "The hold was voided before it came, and stays closed",
    "original_refused": "The original was refused",
    "not_reversible": "The original is not a posted transfer",
    "already_reversed": "The original was reversed before",
    "debit_not_of_original": "The account to debit is not that of the original",
    "credit_not_of_original": "The account to credit is not that of the original",
    "exceeds_hold": "The amount exceeds the hold",
    "assets_differ": "The accounts are of different assets",
    "asset_not_of_accounts": "The accounts are not of the asset named",
    "debit_closed": "The account to debit is closed",
    "credit_closed": "The account to credit is closed",
    "debit_frozen": "The account to debit is frozen",
    "credit_frozen": "The account to credit is frozen",
    "balancing_without_limit": "The account to balance has no limit",
    "debit_would_overflow": "The account to debit would exceed 38 digits",
    "credit_would_overflow": "The account to credit would exceed 38 digits",
    "exceeds_credits": "The account to debit has not enough available",
    "exceeds_debits": "The account to credit has not enough available",
}
_DIFFERENT = (
    *("action", "asset", "balancing", "linked", "debit", "credit", "amount", "refers_to"),
    *("timeout", "code", "reference", "effective_at", "metadata"),
    *("type", "side", "limit", "overdraft", "owner"),
)

LEDGER: dict[str, Row] = {
    **{f"ledger.{name}": Row(422, title, _LATER_SAME_ID) for name, title in _MENDABLE.items()},
    **{f"ledger.{name}": Row(422, title, _NEW_ID) for name, title in _FINAL.items()},
    **{
        f"ledger.exists_with_different_{name}": Row(
            409,
            f"The id exists, with another {name.replace('_', ' ')}",
            "Nothing was changed. A new deed needs a new id.",
        )
        for name in _DIFFERENT
    },
    "ledger.asset_exists_with_different_scale": Row(
        409,
        "The asset exists, with another number of decimals",
        "Nothing was changed. The scale of an asset never changes; register another code.",
    ),
    "ledger.account_not_found": Row(404, "The account does not exist", "Open it first."),
    "ledger.transfer_not_found": Row(
        404,
        "The transfer is not recorded",
        "See refused_with: without it, it was never decided as far as the views know.",
    ),
    "ledger.account_closed": Row(409, "The account is closed for ever", "Open another one."),
    "ledger.account_has_balance": Row(
        409, "The account still has a balance", "Move it to another account, then close."
    ),
    "ledger.account_has_pending": Row(
        409, "Something is held on the account", "Post or void the holds, then close."
    ),
    "ledger.bad_account_id": Row(
        422, "The id of the account is not valid", "1 to 128 of A-Z a-z 0-9 . _ : @ / -."
    ),
    "ledger.bad_owner": Row(422, "The owner is not valid", "At most 128 printable characters."),
    "ledger.bad_reason": Row(422, "The reason is not valid", "At most 512 printable characters."),
    "ledger.overdraft_out_of_range": Row(
        422, "The overdraft is out of range", "Zero or more, at most 38 digits of minor units."
    ),
    "ledger.overdraft_without_limit": Row(
        422, "An overdraft needs a limit to go beyond", "Name a limit, or no overdraft."
    ),
    "ledger.too_many_accounts": Row(
        422, "Too many accounts in one command", "Split it: at most 10,000 accounts."
    ),
    "ledger.too_many_transfers": Row(
        422, "Too many transfers in one request", "Split it: at most 10,000 transfers."
    ),
    "ledger.exists": Row(200, "It exists, exactly so", "Nothing to do: it was done before."),
    "ledger.id_already_failed": Row(409, "The id was refused for good before", _NEW_ID),
    "ledger.id_closed": Row(
        409, "The hold was voided before it came, and its id stays closed", _NEW_ID
    ),
}

WALLETS: dict[str, Row] = {
    "wallets.bad_user_id": Row(422, "The user id is not valid", "1 to 48 of A-Z a-z 0-9 . _ @ -."),
    "wallets.bad_transaction_id": Row(
        422, "The transaction id is not valid", "1 to 66 of A-Z a-z 0-9 . _ : @ / -."
    ),
    "wallets.bad_withdrawal_id": Row(
        422, "The withdrawal id is not valid", "1 to 64 of A-Z a-z 0-9 . _ : @ -."
    ),
    "wallets.bad_destination": Row(
        422, "The destination is not valid", "1 to 140 printable characters, no space around them."
    ),
    "wallets.bad_reason": Row(422, "The reason is too long", "At most 500 characters."),
    "wallets.asset_not_offered": Row(
        422, "Customers cannot hold this asset", "GET /api/v1/ledger/assets lists those they can."
    ),
    "wallets.amount_not_positive": Row(
        422, "The amount is not greater than zero", "Send an amount greater than zero."
    ),
    "wallets.amount_too_large": Row(
        422, "The amount is too large", "At most 38 digits of minor units can be booked."
    ),
    "wallets.amount_below_minimum": Row(
        422, "The amount is below the minimum", "Send at least `minimum`."
    ),
    "wallets.amount_above_maximum": Row(
        422, "The amount is above the maximum", "Send at most `maximum`."
    ),
    "wallets.customer_unknown": Row(
        404, "The customer is not known", "A customer is opened by their first deposit."
    ),
    "wallets.wallet_unknown": Row(
        404, "The customer has no wallet in this asset", "A first deposit in the asset opens it."
    ),
    "wallets.transaction_id_reused": Row(
        409,
        "The transaction id belongs to another deposit",
        "See `differs`. A new deposit needs a new transaction id.",
    ),
    "wallets.withdrawal_id_reused": Row(
        409,
        "The withdrawal id belongs to another withdrawal",
        "See `differs`. A new withdrawal needs a new withdrawal id.",
    ),
    "wallets.deposit_unknown": Row(
        404, "The deposit is not known", "Submit it first, with POST /wallet/deposit."
    ),
    "wallets.deposit_already_confirmed": Row(409, "The deposit was confirmed before", _READ_STATE),
    "wallets.deposit_already_rejected": Row(409, "The deposit was rejected before", _READ_STATE),
    "wallets.deposit_not_suspended": Row(409, "The deposit is not in suspense", _READ_STATE),
    "wallets.deposit_not_bookable": Row(
        409,
        "The ledger takes the deposit nowhere",
        "Mend the nostro account, then confirm again under a new Idempotency-Key.",
    ),
    "wallets.attempts_exhausted": Row(
        409, "It was tried too often", "Have an operator look at it; nothing was changed."
    ),
    "wallets.withdrawal_unknown": Row(
        404, "The withdrawal is not known", "Request it first, with POST /wallet/withdraw."
    ),
    "wallets.withdrawal_not_awaiting_approval": Row(
        409, "The withdrawal awaits no approval", _READ_STATE
    ),
    "wallets.withdrawal_already_ended": Row(409, "The withdrawal has ended", _READ_STATE),
    "wallets.approver_unnamed": Row(
        403, "The approver is not named", "Say who approves, in X-Nostro-Actor."
    ),
    "wallets.approver_is_requester": Row(
        403, "Who requests cannot approve", "Have someone else approve: four eyes."
    ),
    "wallets.approver_is_customer": Row(
        403, "Who is paid cannot approve", "Have someone else approve: four eyes."
    ),
    "wallets.payout_already_ordered": Row(
        409, "It is too late to cancel: the payout is ordered", _READ_STATE
    ),
    "wallets.payout_not_ordered": Row(409, "No payout is ordered", _READ_STATE),
    "wallets.payout_already_failed": Row(
        409, "The payout was reported failed before", "The contradiction is noted as a break."
    ),
    "wallets.payout_already_settled": Row(
        409, "The payout was reported settled before", "The contradiction is noted as a break."
    ),
    "wallets.payout_not_suspended": Row(409, "The payout is not in suspense", _READ_STATE),
    "wallets.payout_not_bookable": Row(
        409, "The ledger takes the payout nowhere", "Mend the account, then report it again."
    ),
    "wallets.not_in_course": Row(
        409, "Only a flow may say this", "Send one of the documented commands instead."
    ),
}

TABLE: dict[str, Row] = {
    **REQUEST,
    **AUTH,
    **ENGINE,
    **VIEWS,
    **MONEY,
    **LEDGER,
    **WALLETS,
    **PAYMENTS,
    **NETTING,
    **CONSENSUS,
    **EXECUTION,
    **RISK,
    **EXCHANGE,
    **SETTLEMENT,
    **CUSTODY,
    **FEEDS,
    **ISO20022,
    **WEBHOOKS,
}


_NOT_THERE_YET = frozenset(
    (
        *("ledger.hold_not_found", "ledger.original_not_found", "wallets.asset_not_offered"),
        *(code for code, row in TABLE.items() if row.status == 404),
        *CHANGEABLE,
    )
)
_OF_ITS_CONTENT = frozenset(
    (
        *(f"ledger.{name}" for name in _MENDABLE),
        *(code for code in WALLETS if code.partition(".")[2].startswith(("bad_", "amount_"))),
        *MENDABLE,
    )
)


def may_change(code: str) -> bool:
    """Tell whether the very same request may be answered otherwise once something else has come."""
    return code in _NOT_THERE_YET


def leaves_no_mark(code: str) -> bool:
    """Tell whether a request refused so left nothing under the ids it named, so that it may be
    mended and sent under them again."""
    return code in _NOT_THERE_YET or code in _OF_ITS_CONTENT


def row_for(code: str) -> Row:
    """Return the row of a code; an unknown one is answered as 422, and a test finds it."""
    return TABLE.get(code) or _UNKNOWN


_UNKNOWN = Row(422, "The command was refused", "See the code and the facts.")
