"""How is one side of a settlement told what has settled, as a sese.025
(SecuritiesSettlementTransactionConfirmation)?

The last tranche is confirmed, with what was settled before it and what remains.
"""

from __future__ import annotations

from nostro.adapters.iso20022.parts import moment_of
from nostro.adapters.iso20022.securities import (
    OneSide,
    amount_tree,
    date_tree,
    instrument_tree,
    movement_tree,
    parties_tree,
    party_tree,
    quantity_tree,
    references_tree,
    terms_tree,
    trade_ids,
)
from nostro.adapters.iso20022.trees import Tree, build
from nostro.adapters.iso20022.xml import MessageRefused, library, write
from nostro.settlement import (
    Status,
)

SESE025 = "sese.025.001.11"
PART_CONFIRMED, LAST_PART_CONFIRMED = "PAIN", "PARC"
"""A part is settled and the rest is open; the last part is settled."""


def confirmation(of: OneSide) -> bytes:
    """Return the confirmation of a settlement's last tranche. Raises MessageRefused
    `iso20022.not_settled` when nothing has settled, and `iso20022.not_a_currency`."""
    view = of.view
    settled_at_us = view.settled_at_us or view.confirmed_at_us
    if not view.settled_quantity_minor or settled_at_us is None:
        raise MessageRefused("iso20022.not_settled", status=view.status.value)
    m = library(SESE025)
    told = {
        "TxIdDtls": {**references_tree(of), **movement_tree(of)},
        "AddtlParams": _parts(of),
        "TradDtls": {
            "TradId": trade_ids(of),
            "TradDt": date_tree(view.trade_date),
            "SttlmDt": date_tree(view.settlement_date),
            "FctvSttlmDt": {"Dt": {"DtTm": moment_of(settled_at_us)}},
        },
        "FinInstrmId": instrument_tree(view.security),
        "QtyAndAcctDtls": _quantities(of),
        "SttlmParams": terms_tree(of),
        **parties_tree(of),
        "SttldAmt": amount_tree(of, _tranche(of)[1]),
    }
    return write(build(m.Document, {"SctiesSttlmTxConf": told}), SESE025)


def _tranche(of: OneSide) -> tuple[int, int]:
    """Return quantity and amount of the last tranche that settled. While another round is under
    way, that is not told any more: then all that has settled is one."""
    view = of.view
    if view.status in (Status.SETTLED, Status.PARTIALLY_SETTLED) and view.round_quantity_minor:
        return view.round_quantity_minor, view.round_amount_minor
    return view.settled_quantity_minor, view.settled_amount_minor


def _parts(of: OneSide) -> Tree | None:
    if of.view.open_quantity_minor:
        return {"PrtlSttlm": PART_CONFIRMED}
    if _tranche(of)[0] < of.view.quantity_minor:
        return {"PrtlSttlm": LAST_PART_CONFIRMED}
    return None


def _quantities(of: OneSide) -> Tree:
    view = of.view
    quantity, amount = _tranche(of)
    earlier, paid = view.settled_quantity_minor - quantity, view.settled_amount_minor - amount
    partly = bool(earlier or view.open_quantity_minor)
    told: dict[str, Tree] = {
        "SttldQty": {"Qty": quantity_tree(of, quantity)},
        "AcctOwnr": party_tree(of.party),
    }
    if partly:
        told |= {
            "PrevslySttldQty": quantity_tree(of, earlier),
            "RmngToBeSttldQty": quantity_tree(of, view.open_quantity_minor),
            "PrevslySttldAmt": amount_tree(of, paid),
            "RmngToBeSttldAmt": amount_tree(of, view.open_amount_minor),
        }
    return told
