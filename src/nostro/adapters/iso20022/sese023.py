"""Which settlement does a sese.023 (SecuritiesSettlementTransactionInstruction) instruct?

It is one side's instruction, and becomes the fields of POST /settlements with a `side`;
docs/iso20022.md has the table. Quantities and amounts stay exact decimals. What would change the
meaning of an instruction and is not carried here is refused, never left out in silence.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from stdnum import isin

from nostro.adapters.iso20022.directory import Directory
from nostro.adapters.iso20022.trees import find
from nostro.adapters.iso20022.xml import MessageRefused, message_name, read
from nostro.kernel.messages import Rejection

SESE023 = "sese.023.001.11"
OUR_SCHEME = "NOSTRO"
"""Who issues our codes of assets, and our ids of parties."""
SIDES = {"DELI": "seller", "RECE": "buyer"}
DIRECTIONS = {"DELI": "CRDT", "RECE": "DBIT"}
"""Who delivers is credited with what is paid."""
ORDERING = frozenset({"AFTE", "BEFO", "WITH"})
"""Processing positions that bind an instruction to another."""
_ID = re.compile(r"[A-Za-z0-9._:@/-]{1,64}\Z", re.ASCII)


class Instruction(NamedTuple):
    """One side's instruction: its reference, which movement it is, and the fields of a settlement,
    or why there are none."""

    reference: str
    movement: str
    fields: dict[str, Any]
    refused: Rejection | None = None


def read_instruction(data: bytes, directory: Directory) -> Instruction:
    """Return what a message instructs.

    Raises MessageRefused when the message as a whole cannot be taken: it is not safe, or not of its
    schema.
    """
    name = message_name(data)
    if name != SESE023:
        raise MessageRefused("iso20022.unexpected_message", message=name, expected=SESE023)
    told = read(data, name).scties_sttlm_tx_instr
    reference = str(told.tx_id)
    movement = str(find(told, "SttlmTpAndAddtlParams/SctiesMvmntTp"))
    try:
        return Instruction(reference, movement, _fields(told, movement, directory))
    except Rejection as no:
        return Instruction(reference, movement, {}, no)


def _fields(told: Any, movement: str, directory: Directory) -> dict[str, Any]:
    """Return the fields of a side's instruction; raises Rejection."""
    side = SIDES[movement]
    if find(told, "SttlmTpAndAddtlParams/Pmt") != "APMT":
        raise Rejection("iso20022.not_against_payment")
    _refuse_links(told)
    own, other = ("DlvrgSttlmPties", "RcvgSttlmPties")[:: 1 if side == "seller" else -1]
    parties = {
        side: _party(told.qty_and_acct_dtls, "AcctOwnr", directory)
        or _party(find(told, f"{own}/Pty1"), "", directory),
        "buyer" if side == "seller" else "seller": _party(
            find(told, f"{other}/Pty1"), "", directory
        ),
    }
    for each, at in ((side, "QtyAndAcctDtls/AcctOwnr"), (_other(side), f"{other}/Pty1")):
        if not parties[each]:
            raise Rejection("iso20022.party_missing", at=at)
    currency, amount = _amount(told, movement)
    partial = find(told, "SttlmParams/PrtlSttlmInd")
    fields = {
        "side": side,
        "reference": _id(told.tx_id, "TxId"),
        "seller_account_id": parties["seller"],
        "buyer_account_id": parties["buyer"],
        "security": _security(told),
        "cash": currency,
        "quantity": _quantity(told),
        "amount": amount,
        "trade_date": _day(told, "TradDtls/TradDt"),
        "settlement_date": _day(told, "TradDtls/SttlmDt"),
        "trade_id": _trade_id(told),
        f"{side}_partial": partial,
        "hold": [side] if find(told, "SttlmParams/HldInd/Ind") else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _other(side: str) -> str:
    return "buyer" if side == "seller" else "seller"


def _refuse_links(told: Any) -> None:
    """Refuse an instruction that is to wait for another: settlements are linked at once, by who
    speaks for both sides. A link for information says nothing of that."""
    for link in told.lnkgs:
        if find(link, "PrcgPos/Cd") in ORDERING:
            raise Rejection("iso20022.not_supported", at="Lnkgs/PrcgPos")


def _party(at: Any, under: str, directory: Directory) -> str:
    """Return who stands somewhere: by BIC or LEI as the directory knows it, by our own id, or by
    its account with us; "" for nobody. Raises Rejection `iso20022.party_unknown`."""
    if at is None:
        return ""
    named = find(at, under) if under else at
    bic, lei = find(named, "Id/AnyBIC"), find(named, "LEI")
    if bic or lei:
        found = (directory.by_bic(bic) if bic else None) or (directory.by_lei(lei) if lei else None)
        if found is None:
            raise Rejection("iso20022.party_unknown", party=bic or lei)
        return found
    own = find(named, "Id/PrtryId/Id") or find(at, "SfkpgAcct/Id")
    return str(own) if own else ""


def _security(told: Any) -> str:
    """Return the code of the asset: ours where it is named, else the ISIN."""
    for other in told.fin_instrm_id.othr_id:
        if find(other, "Tp/Prtry") == OUR_SCHEME:
            return str(other.id)
    code = told.fin_instrm_id.isin
    if not code:
        raise Rejection("iso20022.field_missing", at="FinInstrmId/ISIN")
    if not isin.is_valid(code):
        raise Rejection("iso20022.bad_isin", isin=code)
    return str(code)


def _quantity(told: Any) -> str:
    """Return units, or the face amount of a debt instrument, which is counted so."""
    for name in ("Unit", "FaceAmt", "DgtlTknUnit"):
        value = find(told, f"QtyAndAcctDtls/SttlmQty/Qty/{name}")
        if value is not None:
            return f"{value:f}"
    raise Rejection("iso20022.not_supported", at="QtyAndAcctDtls/SttlmQty")


def _amount(told: Any, movement: str) -> tuple[str, str]:
    """Return the currency and the amount; raises Rejection when it flows the wrong way."""
    amount = told.sttlm_amt
    if amount is None:
        raise Rejection("iso20022.field_missing", at="SttlmAmt")
    if find(amount, "CdtDbtInd") != DIRECTIONS[movement]:
        raise Rejection("iso20022.direction_differs", expected=DIRECTIONS[movement])
    return str(amount.amt.ccy), f"{amount.amt.value:f}"


def _day(told: Any, at: str) -> str:
    """Return a date; one that is only a code (to be announced) is none."""
    date = find(told, f"{at}/Dt/Dt") or find(told, f"{at}/Dt/DtTm")
    if date is None:
        raise Rejection("iso20022.field_missing", at=at)
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}"


def _trade_id(told: Any) -> str | None:
    """Return what both sides call the trade, where they say it."""
    common = find(told, "SttlmTpAndAddtlParams/CmonId")
    if common:
        return _id(common, "SttlmTpAndAddtlParams/CmonId")
    ids = told.trad_dtls.trad_id
    return _id(ids[0], "TradDtls/TradId") if ids else None


def _id(text: str, at: str) -> str:
    if not _ID.match(text):
        raise Rejection("iso20022.bad_id", at=at, id=text[:64])
    return text
