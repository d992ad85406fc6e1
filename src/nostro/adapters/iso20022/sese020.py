"""How does a side ask to cancel, with a sese.020 (SecuritiesTransactionCancellationRequest), and
what is it told, as a sese.027 (SecuritiesTransactionCancellationRequestStatusAdvice)?"""

from __future__ import annotations

from typing import NamedTuple

from nostro.adapters.iso20022.parts import line_of
from nostro.adapters.iso20022.sese023 import SIDES
from nostro.adapters.iso20022.sese024 import NOT_SPECIFIED, OTHER, TEXT_MAX
from nostro.adapters.iso20022.trees import Tree, build, find
from nostro.adapters.iso20022.xml import MessageRefused, library, message_name, read, write

SESE020 = "sese.020.001.07"
SESE027 = "sese.027.001.07"
OTHER_SIDE_MISSING = "CONF"
"""Awaiting the other side's request (PendingReason of a cancellation)."""
DENIED: dict[str, str] = {
    "settlement.decided": "LATE",
    "settlement.ended": "DSET",
}
"""Why a cancellation is denied: it came too late, or it has settled already."""


class Cancellation(NamedTuple):
    """What a side wants cancelled: by its own reference, or by our id of the settlement. `side`:
    which it says it is."""

    reference: str
    settlement_id: str
    movement: str
    side: str
    reason: str


def read_cancellation(data: bytes) -> Cancellation:
    """Return what a message wants cancelled.

    Raises MessageRefused as `read_instruction` does, and `iso20022.not_supported` for what is no
    settlement.
    """
    name = message_name(data)
    if name != SESE020:
        raise MessageRefused("iso20022.unexpected_message", message=name, expected=SESE020)
    told = read(data, name).scties_tx_cxl_req
    about = find(told, "AcctOwnrTxId/SctiesSttlmTxId")
    if about is None:
        raise MessageRefused("iso20022.not_supported", at="AcctOwnrTxId")
    movement = str(find(about, "SctiesMvmntTp"))
    return Cancellation(
        reference=str(about.tx_id),
        settlement_id=told.acct_svcr_tx_id or "",
        movement=movement,
        side=SIDES[movement],
        reason=str(find(told, "CxlRsn/Cd/Cd") or ""),
    )


def cancellation_advice(
    asked: Cancellation, *, cancelled: bool, code: str = "", words: str = ""
) -> bytes:
    """Return what became of the request: cancelled, waiting for the other side's, or denied with a
    rejection code of ours."""
    m = library(SESE027)
    told: Tree = {
        "CxlReqRef": asked.reference,
        "TxId": {
            "AcctSvcrTxId": asked.settlement_id or None,
            "AcctOwnrTxId": {
                "SctiesSttlmTxId": {
                    "TxId": asked.reference,
                    "SctiesMvmntTp": asked.movement,
                    "Pmt": "APMT",
                }
            },
        },
        "PrcgSts": _status(cancelled=cancelled, code=code, words=words),
    }
    return write(build(m.Document, {"SctiesTxCxlReqStsAdvc": told}), SESE027)


def _status(*, cancelled: bool, code: str, words: str) -> Tree:
    if code:
        reason = {
            "Cd": {"Cd": DENIED.get(code, OTHER)},
            "AddtlRsnInf": line_of(f"{code} {words}", TEXT_MAX),
        }
        return {"Dnd": {"Rsn": [reason]}}
    if cancelled:
        return {"Canc": NOT_SPECIFIED}
    return {"PdgCxl": {"Rsn": [{"Cd": {"Cd": OTHER_SIDE_MISSING}}]}}
