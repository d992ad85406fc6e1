"""How is the cash of a settlement told to one of its sides, as a camt.054?"""

from __future__ import annotations

from nostro.adapters.iso20022.camt import CAMT054
from nostro.adapters.iso20022.parts import amount_of, moment_of, reference_of
from nostro.adapters.iso20022.securities import OneSide
from nostro.adapters.iso20022.sese023 import DIRECTIONS
from nostro.adapters.iso20022.trees import Tree, build
from nostro.adapters.iso20022.xml import MessageRefused, library, write


def cash_notification(of: OneSide, *, message_id: str, at_us: int) -> bytes:
    """Return the debit, or the credit, of what has been paid so far.

    Raises MessageRefused `iso20022.not_settled` when nothing has, and `iso20022.not_a_currency`.
    """
    view = of.view
    settled_at_us = view.settled_at_us or view.confirmed_at_us
    if not view.settled_amount_minor or settled_at_us is None:
        raise MessageRefused("iso20022.not_settled", status=view.status.value)
    m = library(CAMT054)
    paid = amount_of(
        m.ActiveOrHistoricCurrencyAndAmount,
        view.settled_amount_minor,
        currency=view.cash,
        scale=of.cash_scale,
    )
    made = moment_of(at_us)
    account = f"{of.party}:{view.cash}"
    own_id = {"Id": {"Othr": {"Id": account}}} if len(account) <= 34 else {"Id": _unnamed(of)}
    entry: Tree = {
        "NtryRef": view.settlement_id,
        "Amt": paid,
        "CdtDbtInd": DIRECTIONS[of.movement],
        "Sts": {"Cd": "BOOK"},
        "BookgDt": {"DtTm": moment_of(settled_at_us)},
        "ValDt": {"DtTm": moment_of(settled_at_us)},
        "AcctSvcrRef": view.settlement_id,
        "BkTxCd": {
            "Domn": {"Cd": "SECU", "Fmly": {"Cd": "SETT", "SubFmlyCd": "TRAD"}},
        },
        "NtryDtls": [
            {
                "TxDtls": [
                    {
                        "Refs": {
                            "AcctSvcrRef": view.settlement_id,
                            "EndToEndId": reference_of(view.trade_id),
                            "InstrId": of.reference,
                        },
                        "Amt": paid,
                        "CdtDbtInd": DIRECTIONS[of.movement],
                    }
                ]
            }
        ],
    }
    told = {
        "GrpHdr": {"MsgId": message_id, "CreDtTm": made},
        "Ntfctn": [
            {
                "Id": message_id,
                "CreDtTm": made,
                "Acct": {**own_id, "Ccy": view.cash},
                "Ntry": [entry],
            }
        ],
    }
    return write(build(m.Document, {"BkToCstmrDbtCdtNtfctn": told}), CAMT054)


def _unnamed(of: OneSide) -> Tree:
    return {"Othr": {"Id": of.view.cash}}
