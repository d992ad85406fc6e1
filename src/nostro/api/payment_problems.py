"""Which status, title and remedy belongs to each refusal of a payment, on its whole way?

The codes of the ledger, which holds the funds, stand with the ledger's.
"""

from __future__ import annotations

from nostro.api.problem_row import Row

_NEW_ID = "Nothing was moved, and the id stays used. Send it under another transaction_id."
_MEND = "Nothing was moved. Mend it; it may be sent under the same transaction_id."
_READ_STATE = "Read its present state; another deed came first."
_FLOWS = "Send one of the documented commands instead."

PAYMENTS: dict[str, Row] = {
    "payments.invalid": Row(
        400,
        "The payment is not valid",
        "See errors: each names its place. Mend them all and send it again.",
    ),
    "payments.none": Row(400, "There is no payment in the request", "Send at least one."),
    "payments.too_many": Row(
        400,
        "Too many payments in one request",
        "Split it: at most 10,000; a stream (application/x-ndjson) has no bound.",
    ),
    "payments.keys_differ": Row(
        400,
        "Header and body name different keys",
        "Send the key in one of the two places, or the same key in both.",
    ),
    "payments.key_on_stream": Row(
        400,
        "A stream has no key of its own",
        "Leave the Idempotency-Key out: each payment's idempotency_key or transaction_id is its "
        "key.",
    ),
    "payments.amount_not_positive": Row(
        400, "The amount is not greater than zero", "Send an amount greater than zero."
    ),
    "payments.bad_iban": Row(
        400, "The account looks like an IBAN and is none", "Check it against the invoice."
    ),
    "payments.bad_bic": Row(400, "The BIC is not valid", "8 or 11 of A-Z 0-9 (ISO 9362)."),
    "payments.bad_lei": Row(400, "The LEI is not valid", "20 of A-Z 0-9 (ISO 17442)."),
    "payments.exists": Row(
        409,
        "The transaction_id belongs to another payment",
        "Nothing was changed. A new payment needs a new transaction_id.",
    ),
    "payments.duplicate": Row(
        200, "The same payment had come before", "Nothing to do: it was accepted once."
    ),
    "payments.held_for_review": Row(
        201,
        "Screening holds the payment for review",
        "Its funds are held. Have someone else approve or reject it.",
    ),
    "payments.key_reused": Row(
        422,
        "The idempotency_key was used for another payment",
        "Use a new key for a new payment. The first one stands; nothing was changed.",
    ),
    "payments.unknown": Row(
        404, "The payment is not known", "Send it first, with POST /api/v1/transactions."
    ),
    "payments.participant_unknown": Row(
        404, "The participant is not known", "Admit it first, with POST /api/v1/participants."
    ),
    "payments.participant_exists": Row(
        409,
        "The participant exists, with other terms",
        "Nothing was changed. Currencies can be added; the rest stays as it was admitted.",
    ),
    "payments.currency_not_held": Row(
        422,
        "The participant has no account in this currency",
        "Admit it again with the currency in `currencies`.",
    ),
    "payments.funding_exists": Row(
        409,
        "The reference was used for other money",
        "Nothing was changed. Each arrival has a reference of its own.",
    ),
    "payments.bad_id": Row(
        400, "The id of the participant is not valid", "1 to 48 of A-Z a-z 0-9 . _ @ -."
    ),
    "payments.bad_participant": Row(
        400, "The participant is not valid", "See `field` for what is wrong."
    ),
    "payments.bad_reference": Row(
        400, "The reference is not valid", "1 to 64 of A-Z a-z 0-9 . _ : @ / -."
    ),
    "payments.bad_reason": Row(
        400, "The reason is not valid", "At most 500 characters, on one line."
    ),
    "payments.bad_transaction_id": Row(
        400, "The transaction_id is not valid", "1 to 64 of A-Z a-z 0-9 . _ : @ / -."
    ),
    "payments.bad_idempotency_key": Row(
        400, "The idempotency_key is not valid", "1 to 240 visible ASCII characters."
    ),
    "payments.bad_source_account": Row(
        400, "The source_account is none of ours", "Name it vostro:<participant>:<currency>."
    ),
    "payments.bad_destination_account": Row(
        400, "The destination_account is not valid", "1 to 64 of A-Z a-z 0-9 . _ : @ / -."
    ),
    "payments.bad_counterparty_id": Row(
        400, "The counterparty_id is not valid", "1 to 48 of A-Z a-z 0-9 . _ @ -."
    ),
    "payments.bad_priority": Row(
        400, "The priority is out of range", "0 is the most urgent, 9 the least."
    ),
    "payments.bad_value_date": Row(400, "The value_date is no date", "Write it YYYY-MM-DD."),
    "payments.bad_details": Row(
        400, "A text that is carried along is not valid", "Short lines of printable characters."
    ),
    "payments.bad_hits": Row(
        400, "What screening found is not valid", "Mend the screening list: its names are too long."
    ),
    "payments.amount_too_large": Row(
        400, "The amount is too large", "At most 38 digits of minor units can be booked."
    ),
    "payments.account_currency_differs": Row(
        422,
        "The source_account is of another currency",
        "Name the account of the source currency; nothing was moved.",
    ),
    "payments.destination_account_differs": Row(
        422,
        "The destination_account is another settlement account than the counterparty's",
        "Name the counterparty's own, or the customer's account there.",
    ),
    "payments.same_party": Row(
        422,
        "Payer and counterparty are the same, in one currency",
        "Book it in your own ledger: nothing is to be settled.",
    ),
    "payments.participant_suspended": Row(
        422, "The participant is suspended", "Wait until it is resumed, or pay another way."
    ),
    "payments.currency_unsupported": Row(
        422, "The currency has no settlement windows", "Pay in a currency that has."
    ),
    "payments.currency_closed": Row(
        422,
        "The currency does not settle on this day",
        "See `next_open_day`, or choose a window that waits for it.",
    ),
    "payments.cut_off_passed": Row(
        422, "The cut-off of this day has passed", "See `next_open_day`, or choose t+1."
    ),
    "payments.value_date_past": Row(
        422, "The value_date has passed", "Leave it out for the first day that is possible."
    ),
    "payments.value_date_too_far": Row(
        422, "The value_date is too far away", "Send it again nearer to the day; see `last_day`."
    ),
    "payments.review_rejected": Row(
        409, "The payment was rejected in review", "Its funds are released."
    ),
    "payments.cancelled": Row(409, "The payment was taken back", "Its funds are released."),
    "payments.deferred_too_often": Row(
        409, "The payment was deferred too often", "Its funds are released. Send it anew."
    ),
    "payments.cycle_unknown": Row(404, "The cycle is not known to the payments", _FLOWS),
    "payments.not_in_cycle": Row(409, "The payment is not in this cycle", _FLOWS),
    "payments.batches_differ": Row(409, "These are not all batches of the cycle", _FLOWS),
    "payments.not_in_course": Row(409, "Only a flow may say this", _FLOWS),
    "payments.not_cancellable": Row(409, "It is too late to take the payment back", _READ_STATE),
    "payments.not_in_review": Row(409, "The payment is not held for review", _READ_STATE),
    "payments.own_review": Row(
        403, "Who sent the payment cannot review it", "Have someone else do it: four eyes."
    ),
}

NETTING: dict[str, Row] = {
    "netting.batch_unknown": Row(
        404, "The batch is not known", "List the payments of a cycle: each names its batch."
    ),
    "netting.cycle_unknown": Row(
        404, "The cycle is not known", "It may not have reached its cut-off, or has ended."
    ),
    "netting.cycle_exists": Row(
        409, "The cycle was opened before", "The id of a cycle is used once."
    ),
    "netting.cycle_not_planned": Row(409, "The cycle has no plan yet", "Wait for its plan."),
    "netting.plan_wrong": Row(
        422,
        "The plan is not what it says",
        "See `where`. Another plan is asked for at once; after the fifth all payments wait.",
    ),
    "netting.rates_stale": Row(
        422, "The plan's rates are too old for their kind", "Fresh rates are asked for."
    ),
    "netting.caps_changed": Row(
        409, "The limits have changed since", "Plan again with the limits that hold now."
    ),
    "netting.rate_missing": Row(
        422, "A pair of currencies has no rate", "Offer a rate of each currency to USD."
    ),
    "fx.rate_unknown": Row(
        422,
        "The source has no rate of this currency for the day",
        "Take another day or another source.",
    ),
    "fx.currency_discontinued": Row(
        422,
        "The source has stopped publishing rates of this currency",
        "Pay in the currency that succeeded it.",
    ),
}

CONSENSUS: dict[str, Row] = {
    "consensus.certificate_unknown": Row(
        404, "The members have not spoken of this batch", "Ask again: it may be under way."
    ),
    "consensus.committee_unknown": Row(
        404, "There is no committee of this epoch", "Ask without epoch for the newest."
    ),
    "consensus.committee_exists": Row(
        409, "The first committee was formed, with other members", "Rotate its keys instead."
    ),
    "consensus.bad_member": Row(
        422, "A member cannot be taken", "See `what`: its key, or its proof of possession."
    ),
    "consensus.batch_exists": Row(409, "The batch was submitted with another body", _FLOWS),
    "consensus.batch_unknown": Row(404, "The batch was not submitted to the members", _FLOWS),
    "consensus.bad_certificate": Row(
        422, "The certificate proves nothing", "See `what`; nothing is executed without one."
    ),
    "consensus.bad_evidence": Row(422, "The evidence proves nothing", "See `what`."),
    "consensus.not_next": Row(
        409, "It is not the next of the members' chain", "Send those before it first."
    ),
}

EXECUTION: dict[str, Row] = {
    "execution.settlement_unknown": Row(
        404, "There is no such settlement", "Check the id: it is that of the netting cycle."
    ),
    "execution.instruction_unknown": Row(
        404,
        "The settlement has no such instruction",
        "List its instructions; of a settlement that failed, those never sent are gone.",
    ),
    "execution.not_sent": Row(
        409,
        "Nothing is on its way for this instruction",
        "Confirm only what was sent: its last attempt certainly moved nothing, or there was none.",
    ),
    "execution.confirmation_differs": Row(
        409,
        "The confirmation does not agree with what was sent",
        "Compare with the facts, which tell ours; a difference is for reconciliation.",
    ),
    "execution.already_failed": Row(
        409, "The instruction has failed already", "It is noted as a break; ask the bank."
    ),
    "execution.not_final": Row(
        409,
        "The settlement is not final",
        "Only one whose pay-ins have all arrived can be reversed or paid out.",
    ),
    "execution.reversed": Row(
        409, "The settlement has been reversed as a whole", "Nothing is left to reverse."
    ),
    "execution.rail_unknown": Row(
        404, "No route uses this rail in this region", "Check rail and region."
    ),
    "execution.settlement_exists": Row(409, "The settlement is planned already", _FLOWS),
    "execution.bad_plan": Row(422, "The plan of the settlement is not sound", _FLOWS),
    "execution.batch_unknown": Row(404, "The batch is not of this settlement", _FLOWS),
    "execution.settlement_begun": Row(
        409, "The settlement has begun", "Reverse it once it is final."
    ),
}

_OPEN = f"Wait until open payments have settled, or raise the limit. {_NEW_ID}"
RISK: dict[str, Row] = {
    "risk.bad_limit": Row(
        422,
        "The limit makes no sense",
        "See `field`: scope, currency, participant, counterparty or amount (0 to 38 digits).",
    ),
    "risk.bad_threshold": Row(
        422,
        "The threshold makes no sense",
        "The scope is net_debit, bilateral or currency; used_ppm is 1 to 1,000,000, or none.",
    ),
    "risk.single_limit": Row(
        422,
        "The payment is above the limit for one payment",
        f"Split it, or raise the limit. {_NEW_ID}",
    ),
    "risk.bilateral_limit": Row(
        422, "The payer would owe this counterparty more, net, than the limit allows", _OPEN
    ),
    "risk.net_debit_cap": Row(422, "The payer would owe more, net, than its cap allows", _OPEN),
    "risk.currency_limit": Row(
        422, "Open payments in the currency have reached their limit", _OPEN
    ),
    "risk.history_too_short": Row(
        422,
        "There is too little history to forecast from",
        "Ask for fewer days ahead, or later: days_needed are days on which payments settled.",
    ),
    "risk.model_not_installed": Row(
        422,
        "The model is not installed",
        "Use model=calendar, or install the extra: pip install 'nostro[prophet]'.",
    ),
}

MENDABLE = frozenset(
    code for code in PAYMENTS if code.partition(".")[2].startswith(("bad_", "amount_"))
)
"""Codes that leave nothing under the ids they name: the payment may be mended and sent again."""
CHANGEABLE = frozenset(
    (
        "payments.participant_suspended",
        "payments.currency_not_held",
        "payments.currency_unsupported",
        "payments.currency_closed",
        "payments.cut_off_passed",
        "payments.value_date_too_far",
    )
)
"""Codes that leave nothing behind either, and may be told otherwise at another time."""
