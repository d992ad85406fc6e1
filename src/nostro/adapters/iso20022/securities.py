"""How is written what all messages of securities tell of a settlement, to one side of it?"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from stdnum import isin

from nostro.adapters.iso20022.parts import decimal_of, reference_of
from nostro.adapters.iso20022.sese023 import DIRECTIONS, OUR_SCHEME
from nostro.adapters.iso20022.trees import Tree
from nostro.adapters.iso20022.xml import MessageRefused
from nostro.settlement import (
    Party,
    SettlementView,
    Status,
)

NO_REFERENCE = "NONREF"
"""What stands where there is no reference of the other side's (market practice)."""
UNIT_DIGITS_MAX = 18
MOVEMENTS = {Party.SELLER: "DELI", Party.BUYER: "RECE"}
_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)


class OneSide(NamedTuple):
    """A settlement as one of its sides is told of it, with the decimals of its assets."""

    view: SettlementView
    side: Party
    security_scale: int
    cash_scale: int

    @property
    def movement(self) -> str:
        """Return whether this side delivers or receives."""
        return MOVEMENTS[self.side]

    @property
    def party(self) -> str:
        """Return whose side it is."""
        return self.view.seller if self.side is Party.SELLER else self.view.buyer

    @property
    def reference(self) -> str:
        """Return what the side itself calls it."""
        view = self.view
        own = view.seller_reference if self.side is Party.SELLER else view.buyer_reference
        return reference_of(own) or NO_REFERENCE

    @property
    def ended(self) -> bool:
        """Return whether nothing more will happen by itself."""
        return self.view.status in (Status.SETTLED, Status.FAILED)


def movement_tree(of: OneSide) -> Tree:
    """Return which movement it is, against payment."""
    return {"SctiesMvmntTp": of.movement, "Pmt": "APMT"}


def references_tree(of: OneSide) -> Tree:
    """Return what the side, and what we, call the settlement."""
    return {"AcctOwnrTxId": of.reference, "AcctSvcrTxId": of.view.settlement_id}


def trade_ids(of: OneSide) -> list[str]:
    """Return the common reference of the trade, where it fits (Max52Text)."""
    trade_id = of.view.trade_id
    return [trade_id] if 0 < len(trade_id) <= 52 else []


def instrument_tree(code: str) -> Tree:
    """Return a security: by its ISIN if that is its code, else by our code."""
    if isin.is_valid(code):
        return {"ISIN": code}
    return {"OthrId": [{"Id": code, "Tp": {"Prtry": OUR_SCHEME}}]}


def quantity_tree(of: OneSide, minor: int) -> Tree:
    """Return a quantity in units; one of more digits than those have, in units of a token."""
    value = decimal_of(minor, of.security_scale)
    name = "Unit" if len(str(minor)) <= UNIT_DIGITS_MAX else "DgtlTknUnit"
    return {name: value}


def amount_tree(of: OneSide, minor: int) -> Tree:
    """Return an amount and which way it flows, seen from the side; raises MessageRefused
    `iso20022.not_a_currency`."""
    currency = of.view.cash
    if not is_currency(currency):
        raise MessageRefused("iso20022.not_a_currency", asset=currency)
    return {
        "Amt": {"value": decimal_of(minor, of.cash_scale), "Ccy": currency},
        "CdtDbtInd": DIRECTIONS[of.movement],
    }


def is_currency(code: str) -> bool:
    """Return whether an asset's code could be one of ISO 4217."""
    return _CURRENCY.match(code) is not None


def party_tree(party: str) -> Tree:
    """Return a party by our id of it."""
    return {"Id": {"PrtryId": {"Id": party, "Issr": OUR_SCHEME}}}


def parties_tree(of: OneSide) -> Tree:
    """Return who delivers and who receives."""
    return {
        "DlvrgSttlmPties": {"Pty1": party_tree(of.view.seller)},
        "RcvgSttlmPties": {"Pty1": party_tree(of.view.buyer)},
    }


def date_tree(day: str) -> Tree:
    """Return an ISO date."""
    from xsdata.models.datatype import XmlDate

    return {"Dt": {"Dt": XmlDate.from_date(date.fromisoformat(day))}}


def terms_tree(of: OneSide) -> Tree:
    """Return the terms of the side's instruction: a trade, and whether it takes a part."""
    view = of.view
    partial = view.seller_partial if of.side is Party.SELLER else view.buyer_partial
    return {"SctiesTxTp": {"Cd": "TRAD"}, "PrtlSttlmInd": partial.value}
