"""What does a message on the topic of trades say?

Version 1 is `schemas/trade-event.v1.json`. A field may be added within a version, never changed;
what a message says besides is not looked at.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from nostro.kernel.asset import Asset
from nostro.kernel.messages import Rejection
from nostro.kernel.money import parse_amount
from nostro.settlement import Cycle, NewSettlement, Partial

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Party = Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
Symbol = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9._-]{0,23}/[A-Z][A-Z0-9._-]{0,23}$")]
Amount = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{1,38}(\.[0-9]{1,18})?$", description="decimal, exact")
]
Day = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]

ORIGIN = "topic"
DETAIL_MAX = 200
"""Characters of why a message is no trade: some reasons repeat what it says."""


class TradeEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trade to be settled: the seller delivers `quantity` of the symbol's first asset, and the
    buyer pays `amount` of its second."""

    schema_version: Literal[1]
    event_id: Name
    event_type: Literal["trade.executed"]
    trade_id: Name
    seller_account_id: Party
    buyer_account_id: Party
    symbol: Symbol
    quantity: Amount
    amount: Amount
    trade_date: Day = ""
    settlement_date: Day = ""
    settlement_cycle: Cycle = Cycle.INSTANT
    securities_domain: str = ""
    cash_domain: str = ""
    seller_partial: Partial = Partial.NPAR
    buyer_partial: Partial = Partial.NPAR

    @property
    def assets(self) -> tuple[str, str]:
        """Return the codes of what is delivered and of what is paid."""
        security, _, cash = self.symbol.partition("/")
        return security, cash

    def instruction(self, security: Asset, cash: Asset) -> NewSettlement:
        """Return what to order; raises Rejection `money.*` when an amount has more decimals than
        its asset."""
        return NewSettlement(
            trade_id=self.trade_id,
            seller=self.seller_account_id,
            buyer=self.buyer_account_id,
            security=security.code,
            quantity_minor=parse_amount(self.quantity, security),
            cash=cash.code,
            amount_minor=parse_amount(self.amount, cash),
            securities_domain=self.securities_domain,
            cash_domain=self.cash_domain,
            trade_date=self.trade_date,
            settlement_date=self.settlement_date,
            cycle=self.settlement_cycle,
            seller_partial=self.seller_partial,
            buyer_partial=self.buyer_partial,
            origin=ORIGIN,
        )


_decoder = msgspec.json.Decoder(TradeEvent)


def read_trade(value: bytes) -> TradeEvent:
    """Return what a message says; raises Rejection `topic.not_a_trade`."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejection("topic.not_a_trade", detail=str(error)[:DETAIL_MAX]) from error
