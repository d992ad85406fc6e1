"""How does one side of a settlement hear where it stands, as a sese.024
(SecuritiesSettlementTransactionStatusAdvice)?

A side hears its own lack as its own (LACK, MONY), the other's as the other's (CLAC, CMON).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nostro.adapters.iso20022.parts import line_of
from nostro.adapters.iso20022.securities import (
    OneSide,
    amount_tree,
    date_tree,
    instrument_tree,
    is_currency,
    movement_tree,
    parties_tree,
    quantity_tree,
    references_tree,
    terms_tree,
    trade_ids,
)
from nostro.adapters.iso20022.trees import Tree, build
from nostro.adapters.iso20022.xml import library, write
from nostro.settlement import (
    Party,
    Reason,
    Status,
)

SESE024 = "sese.024.001.12"
OTHER = "OTHR"
TEXT_MAX = 210
NOT_SPECIFIED: Tree = {"NoSpcfdRsn": "NORE"}

OWN_REASONS: Mapping[Reason, Mapping[Party, str]] = {
    Reason.LACK_OF_SECURITIES: {Party.SELLER: "LACK", Party.BUYER: "CLAC"},
    Reason.LACK_OF_CASH: {Party.SELLER: "CMON", Party.BUYER: "MONY"},
}
"""Reasons that are one side's: what that side hears, and what the other does."""
REASONS: Mapping[Reason, str] = {
    Reason.ACCOUNT_BLOCKED: "BLOC",
    Reason.REFUSED: OTHER,
    Reason.TIMED_OUT: OTHER,
    Reason.DOMAIN_UNAVAILABLE: OTHER,
}
"""Reasons that both hear alike (PendingReason, FailingReason)."""
ON_HOLD, OTHER_ON_HOLD = "PREA", "PRCY"
FUTURE, PARTLY, UNMATCHED, CANCELLED = "FUTU", "PART", "CMIS", "CANI"

REJECTIONS: Mapping[str, str] = {
    "settlement.bad_party": "INVL",
    "settlement.same_party": "INVL",
    "iso20022.party_unknown": "INVL",
    "iso20022.party_missing": "INVL",
    "settlement.bad_asset": "DSEC",
    "settlement.same_asset": "DSEC",
    "iso20022.bad_isin": "DSEC",
    "asset.unknown": "DSEC",
    "settlement.bad_amount": "DQUA",
    "settlement.bad_lot": "DQUA",
    "money.too_many_decimals": "DQUA",
    "money.too_large": "DQUA",
    "settlement.bad_date": "DDAT",
    "settlement.date_past": "DDAT",
    "settlement.date_too_far": "DDAT",
    "settlement.date_closed": "DDAT",
    "settlement.bad_reference": "REFE",
    "settlement.reference_exists": "REFE",
    "settlement.bad_trade_id": "REFE",
    "settlement.trade_exists": "REFE",
    "iso20022.bad_id": "REFE",
    "iso20022.direction_differs": "SETR",
    "iso20022.not_against_payment": "SETR",
    "settlement.domain_unknown": "DEPT",
}
"""Our rejection codes as RejectionReason; any other is OTHR, in words."""


def status_advice(of: OneSide, *, today: str) -> bytes:
    """Return where a settlement stands, for one side. `today`: an ISO date; what is late is
    failing, what is not is pending."""
    m = library(SESE024)
    told: dict[str, Any] = {
        "TxId": references_tree(of),
        "PrcgSts": _processing(of),
        "MtchgSts": _matching(of),
        "SttlmSts": _settlement(of, today),
        "TxDtls": _details(of),
    }
    return _written(m, told)


def rejection_advice(*, reference: str, code: str, words: str) -> bytes:
    """Return that an instruction is rejected, and why."""
    m = library(SESE024)
    reason = {
        "Cd": {"Cd": REJECTIONS.get(code, OTHER)},
        "AddtlRsnInf": line_of(f"{code} {words}", TEXT_MAX),
    }
    told = {"TxId": {"AcctOwnrTxId": reference}, "PrcgSts": {"Rjctd": {"Rsn": [reason]}}}
    return _written(m, told)


def _written(m: Any, told: Tree) -> bytes:
    return write(build(m.Document, {"SctiesSttlmTxStsAdvc": told}), SESE024)


def _processing(of: OneSide) -> Tree:
    view = of.view
    if view.status is Status.FAILED and view.failure_reason == Reason.CANCELLED.value:
        return {"Canc": {"Rsn": [{"Cd": {"Cd": CANCELLED}}]}}
    if of.side in view.cancel_asked and not of.ended:
        return {"CxlReqd": {"AddtlRsnInf": "the other side has not asked"}}
    return {"AckdAccptd": NOT_SPECIFIED}


def _matching(of: OneSide) -> Tree:
    if of.view.matched:
        return {"Mtchd": {}}
    return {"Umtchd": {"Rsn": [{"Cd": {"Cd": UNMATCHED}}]}}


def _settlement(of: OneSide, today: str) -> Tree | None:
    """Return that it is pending, or failing, and why; None of what is settled, cancelled, or yet to
    be matched."""
    view = of.view
    cancelled = view.failure_reason == Reason.CANCELLED.value
    if not view.matched or view.status is Status.SETTLED or cancelled:
        return None
    late = view.status is Status.FAILED or view.settlement_date < today
    reasons = _reasons(of, future=not late and view.settlement_date > today)
    told: Tree = {"Rsn": reasons} if reasons else NOT_SPECIFIED
    return {"Flng": told} if late else {"Pdg": told}


def _reasons(of: OneSide, *, future: bool) -> list[Tree]:
    view = of.view
    codes: list[tuple[str, str]] = []
    if of.side in view.held:
        codes.append((ON_HOLD, ""))
    if of.side.other in view.held:
        codes.append((OTHER_ON_HOLD, ""))
    said = view.failure_reason or view.waiting_reason
    if said in _KNOWN:
        reason = Reason(said)
        own = OWN_REASONS.get(reason)
        code = own[of.side] if own else REASONS.get(reason)
        if code is not None:
            codes.append((code, said.replace("_", " ") if code == OTHER else ""))
    if future:
        codes.append((FUTURE, ""))
    if view.status is Status.PARTIALLY_SETTLED:
        codes.append((PARTLY, ""))
    return [{"Cd": {"Cd": code}, "AddtlRsnInf": words or None} for code, words in codes]


_KNOWN = frozenset(reason.value for reason in Reason)


def _details(of: OneSide) -> Tree:
    view = of.view
    return {
        "TradId": trade_ids(of),
        "FinInstrmId": instrument_tree(view.security),
        "SttlmQty": {"Qty": quantity_tree(of, view.quantity_minor)},
        "SttlmAmt": amount_tree(of, view.amount_minor) if is_currency(view.cash) else None,
        "SttlmDt": date_tree(view.settlement_date),
        "TradDt": date_tree(view.trade_date),
        **movement_tree(of),
        "SttlmParams": {
            "HldInd": {"Ind": of.side in view.held},
            **terms_tree(of),
        },
        **parties_tree(of),
    }
