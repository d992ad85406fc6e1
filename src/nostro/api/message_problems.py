"""Which status, title and remedy has each refusal of a message, ISO 20022 or webhook?"""

from __future__ import annotations

from nostro.api.problem_row import Row

_MEND = "Nothing of it was done. Mend the message and send it again."
_ASK_LESS = "Ask for a shorter period."

ISO20022: dict[str, Row] = {
    "iso20022.too_large": Row(413, "The message is too large", "Split it; see bytes_max."),
    "iso20022.malformed": Row(400, "The message is not well-formed XML", _MEND),
    "iso20022.not_allowed": Row(
        400,
        "The message has something in it that no message of ours may have",
        "Send plain elements: no document type, no entities, no processing instructions.",
    ),
    "iso20022.unknown_message": Row(
        400,
        "The document is no message of ISO 20022",
        "The root is Document, in the namespace of the message; without an envelope.",
    ),
    "iso20022.unexpected_message": Row(
        422, "The message is not one that is taken here", "See expected, and docs/iso20022.md."
    ),
    "iso20022.not_schematic": Row(422, "The message breaks its schema", f"See why. {_MEND}"),
    "iso20022.count_differs": Row(
        422, "NbOfTxs is not the number of transactions", "Was it cut off? Send it whole."
    ),
    "iso20022.sum_differs": Row(
        422, "The header's sum is not that of the transactions", "Was it changed? Send it whole."
    ),
    "iso20022.too_many": Row(422, "Too many transactions in one message", "Split it."),
    "iso20022.agent_unknown": Row(
        422,
        "The agent is no participant",
        "Name a participant's BIC as DbtrAgt or CdtrAgt, or as InstgAgt or InstdAgt for it.",
    ),
    "iso20022.no_creditor_account": Row(
        422, "The creditor has no account", "Name it in CdtrAcct: IBAN or Othr/Id."
    ),
    "iso20022.no_transaction_id": Row(
        422, "The transaction has no id of its own", "Send a UETR, or a TxId."
    ),
    "iso20022.bad_id": Row(
        422,
        "The transaction's id cannot be used",
        "A UETR, or with the payer's id at most 64 of A-Z a-z 0-9 . _ : @ / -.",
    ),
    "iso20022.not_against_payment": Row(
        422, "The movement is free of payment", "Send APMT: settlements here are against payment."
    ),
    "iso20022.field_missing": Row(
        422, "The message lacks what is needed here", "See `at`; the schema leaves it out."
    ),
    "iso20022.not_supported": Row(
        422, "The message says what is not carried here", "See `at`, and docs/iso20022.md."
    ),
    "iso20022.bad_isin": Row(422, "The ISIN is not valid", "Check its last digit."),
    "iso20022.direction_differs": Row(
        422, "The cash flows the wrong way", "Who delivers is credited, who receives is debited."
    ),
    "iso20022.party_missing": Row(
        422, "A party is not named", "Name it by BIC, LEI, our id (PrtryId) or its account."
    ),
    "iso20022.party_unknown": Row(
        422, "The party is no participant", "Name a participant's BIC or LEI, or our id of it."
    ),
    "iso20022.not_settled": Row(
        409, "Nothing has settled", "A confirmation tells of what has; sese.024 of what has not."
    ),
    "iso20022.return_differs": Row(
        422,
        "The return is not of the whole payment",
        "Return the amount that was paid, or the one that was received.",
    ),
    "iso20022.not_returned": Row(
        409, "The payment is not reversed", "A pacs.004 tells of one that is."
    ),
    "iso20022.not_expressible": Row(
        422, "What is to be told does not fit into the message", "Read it as JSON."
    ),
    "iso20022.not_a_currency": Row(
        422, "The asset is no currency of ISO 4217", "Read the account's statement as JSON."
    ),
    "iso20022.too_many_entries": Row(422, "The period has too many entries", _ASK_LESS),
    "iso20022.bad_period": Row(422, "The period ends before it begins", "Swap from and to."),
    "iso20022.unavailable": Row(
        501, "ISO 20022 is not installed whole", "Install the platform with all its requirements."
    ),
}

WEBHOOKS: dict[str, Row] = {
    "webhooks.bad_url": Row(422, "The URL is not one that can be told", "See why; https:// ..."),
    "webhooks.address_refused": Row(
        422,
        "The address is not on the public internet",
        "Name a public host. For development a setting allows this machine.",
    ),
    "webhooks.exists": Row(
        409, "The URL is registered already", "Rotate its secret if it is lost, or remove it."
    ),
    "webhooks.too_many": Row(422, "There are too many endpoints", "Remove one first."),
    "webhooks.unknown": Row(404, "The endpoint is not known", "List them: GET /api/v1/webhooks."),
    "webhooks.delivery_unknown": Row(
        404, "The delivery is not known", "List them; they are kept for 30 days."
    ),
    "webhooks.not_here": Row(501, "This platform tells nobody", "Run it on PostgreSQL."),
}
