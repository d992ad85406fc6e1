"""Which status, title and remedy has each refusal of a settlement, or of a domain of ours?"""

from __future__ import annotations

from nostro.api.problem_row import Row

_MEND = "Nothing was instructed. Mend it; it may be sent under the same trade id."
_STANDS = "It stands as it was; GET /settlements/{id} tells how."
_FLOWS = "Send one of the documented commands instead."
_DATE = "Send a date such as 2026-02-02."
_WORD = "1 to 64 of A-Z a-z 0-9 . _ : @ / -."

SETTLEMENT: dict[str, Row] = {
    # -- what an instruction says ------------------------------------------------------------------
    "settlement.bad_trade_id": Row(422, "The trade id is not valid", _WORD),
    "settlement.bad_reference": Row(422, "The reference is not valid", _WORD),
    "settlement.bad_party": Row(422, "The party is not valid", "1 to 48 of A-Z a-z 0-9 . _ @ -."),
    "settlement.same_party": Row(
        422, "Seller and buyer are the same", "Name two parties; one cannot deliver to itself."
    ),
    "settlement.bad_asset": Row(
        422, "The asset's code is not valid", "Name the code of a registered asset, such as AAPL."
    ),
    "settlement.same_asset": Row(
        422, "The security is what is paid with", "Name two different assets."
    ),
    "settlement.bad_amount": Row(
        422,
        "The quantity or the amount cannot be",
        "Send numbers greater than zero, of at most 38 digits.",
    ),
    "settlement.bad_lot": Row(
        422,
        "The quantity is no multiple of the instrument's lot",
        "Send a multiple of the lot in facts; nothing is rounded for you.",
    ),
    "settlement.domain_unknown": Row(
        404, "There is no such settlement domain", "GET /settlement/domains lists them."
    ),
    "settlement.bad_date": Row(422, "The date is not valid", _DATE),
    "settlement.date_past": Row(422, "The settlement date is past", "Send today or a later one."),
    "settlement.date_too_far": Row(
        422, "The settlement date is too far ahead", "At most a year, and within the calendars."
    ),
    "settlement.date_closed": Row(
        422,
        "The settlement date is no settlement day of both sides",
        "Send next_day, which is one; or leave the date out and name a cycle.",
    ),
    "settlement.bad_partial": Row(
        422,
        "The terms of partial settlement make no sense",
        "NPAR and PART have no minimum, PARC one in cash, PARQ one in quantity.",
    ),
    "settlement.bad_origin": Row(422, "The origin is not valid", _FLOWS),
    "settlement.prefunded_elsewhere": Row(
        422, "What was set aside lies elsewhere", "Prefunded trades settle on our own ledger only."
    ),
    "settlement.trade_exists": Row(
        409,
        "Another settlement has this trade id",
        "Nothing was instructed: trade ids are never used again. GET /settlements?trade_id= tells "
        "that one.",
    ),
    "settlement.reference_exists": Row(
        409,
        "Another instruction of the party has this reference",
        "Nothing was instructed. A new one needs a new reference.",
    ),
    "settlement.too_many": Row(422, "Too many settlements in one request", "Split it."),
    "settlement.bundle_too_large": Row(
        422, "Too many settlements are linked", "At most 100 settle together, all or none."
    ),
    "settlement.link_differs": Row(
        409,
        "Some of the linked settlements exist already, others do not",
        "Send exactly what was sent first, or link only what is new.",
    ),
    "settlement.linked_days_differ": Row(
        422, "Linked settlements have different dates", "What settles together has one date."
    ),
    # -- a settlement that stands ------------------------------------------------------------------
    "settlement.unknown": Row(
        404, "There is no such settlement", "Check its id; only its two parties may see it."
    ),
    "settlement.decided": Row(
        409, "The settlement is decided", "It is final from its decision on; only forward."
    ),
    "settlement.ended": Row(409, "The settlement has ended", _STANDS),
    "settlement.prefunded": Row(
        409, "A market made the trade", "Both sides are set aside; it settles on its day."
    ),
    "settlement.cancelled": Row(
        409, "The settlement is cancelled", "Instruct it anew, under another trade id."
    ),
    "settlement.too_many_unmatched": Row(
        409,
        "Too many instructions of this party wait for the other side",
        "Cancel some, or have the other side instruct.",
    ),
    "settlement.not_on_hold": Row(409, "This side does not keep it back", _STANDS),
    "settlement.on_hold": Row(
        409, "A side keeps the settlement back", "That side releases it first; see facts."
    ),
    "settlement.not_matched": Row(
        409, "The other side has not instructed", "It must match first; see GET /settlements/{id}."
    ),
    "settlement.not_due": Row(
        409, "The settlement's day has not come", "It is tried by itself on its day."
    ),
    "settlement.under_way": Row(
        409, "An attempt is under way", "Wait for its outcome; it needs no other."
    ),
    "settlement.partial_not_agreed": Row(
        409, "A side takes no part of the whole", "Release all of it: a partial needs both sides."
    ),
    "settlement.quantity_too_large": Row(
        422, "The quantity is more than is kept back", "Send at most what is in facts."
    ),
    # -- instruments, penalties, domains -----------------------------------------------------------
    "settlement.calendar_unknown": Row(
        422, "There is no such calendar", "Name one that this platform has, or none: every day."
    ),
    "settlement.penalty_class_unknown": Row(
        422, "There is no such class of penalties", "See docs/settlements.md for the classes."
    ),
    "settlement.bad_rate": Row(
        422,
        "The rate cannot be",
        "Name a class of securities, or cash: and an asset; 0 to 1000000 parts per million.",
    ),
}

CUSTODY: dict[str, Row] = {
    "custody.not_here": Row(
        501, "Others keep the books of this domain", "Issue and read there by its own means."
    ),
    "custody.bad_party": Row(422, "The party is not valid", "1 to 48 of A-Z a-z 0-9 . _ @ -."),
    "custody.bad_reference": Row(422, "The reference is not valid", _WORD),
    "custody.bad_amount": Row(
        422, "The amount cannot be issued", "Send a number other than zero, of at most 38 digits."
    ),
    "custody.bad_asset": Row(
        422, "The asset cannot be issued", "Name the code of a registered asset, such as AAPL."
    ),
    "custody.scale_differs": Row(
        409,
        "The asset has other decimals at this domain",
        "See `scale`; an asset never changes its decimals.",
    ),
    "custody.reference_exists": Row(
        409,
        "Another issue has this reference",
        "Nothing was moved. Another issue needs another reference.",
    ),
    "custody.lacking": Row(
        409,
        "Someone has not enough at this domain",
        "Nothing was earmarked or moved; it may be asked again once there is more.",
    ),
    # -- said to coordinators ----------------------------------------------------------------------
    "custody.none": Row(422, "The request names no round", _FLOWS),
    "custody.too_many": Row(422, "Too many rounds in one request", "Split it; see count_max."),
    "custody.bad_limit": Row(422, "The limit cannot be", "Ask for 1 to limit_max rounds."),
    "custody.bad_round": Row(422, "The round cannot be", _FLOWS),
    "custody.fenced": Row(
        409, "Another coordinator has taken over", "Stop: a higher epoch was seen."
    ),
    "custody.content_differs": Row(
        409, "The round stands for something else already", "Rounds are never used again."
    ),
    "custody.released": Row(
        409, "The round was released", "It can hold nothing any more; begin another."
    ),
    "custody.executed": Row(409, "The round was executed", "What has moved is not released."),
    "custody.unknown": Row(404, "Nothing is held for the round", "Hold it first."),
    "custody.account_unknown": Row(
        409, "Someone has no account at this domain", "Issue something first, then ask again."
    ),
    "custody.account_blocked": Row(
        409, "An account at this domain is blocked", "Ask again once it is not."
    ),
    "custody.stuck": Row(
        409, "The books would not move what is held", "People must look; it may be asked again."
    ),
}
