"""How is each message of the feeds written?

JSON objects with a `type`. Prices, quantities and amounts are decimal strings, ids strings, heights
and sequences integers, times RFC 3339. Every message is written once, whoever reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

import msgspec

from nostro.api.http.order_told import MarketTradeTold
from nostro.api.picture import MarketPicture, OwnFunds, Printed, ShownOrder
from nostro.api.prices import price_told, quantity_told, symbol_of, value_told
from nostro.api.times import rfc3339
from nostro.exchange import FillView, MarketTerms, OrderView, Settling, Side
from nostro.flows.books import match_trade_id
from nostro.kernel.money import format_amount
from nostro.ledger import BalanceView

CHECKSUM_LEVELS = 10
"""Levels of each side that the checksum of a book message covers."""

Levels = Sequence[tuple[int, int]]
"""(price in ticks, lots shown), the best first."""

_encode = msgspec.json.Encoder().encode


def written(message: Mapping[str, Any]) -> str:
    """Return a message as text."""
    return _encode(message).decode()


def book_told(
    kind: str,
    market: MarketPicture,
    *,
    sequence: int,
    previous: int | None,
    at_us: int,
    bids: Levels,
    asks: Levels,
    checksum: int,
) -> str:
    """Return a snapshot or a delta of a book. A level of a delta with quantity 0 is gone."""
    link = "" if previous is None else f'"previous_sequence":{previous},'
    terms = market.terms
    return (
        f'{{"type":"{kind}","channel":"book","symbol":"{symbol_of(terms)}","sequence":{sequence},{link}'
        f'"at":"{rfc3339(at_us)}","bids":{_levels(bids, terms)},"asks":{_levels(asks, terms)},'
        f'"checksum":{checksum}}}'
    )


def _levels(levels: Levels, terms: MarketTerms) -> str:
    told = (
        f'["{price_told(terms, price)}","{quantity_told(terms, lots) if lots else 0}"]'
        for price, lots in levels
    )
    return f"[{','.join(told)}]"


def checksum(terms: MarketTerms, bids: Levels, asks: Levels) -> int:
    """Return CRC-32 over levels as they are written: `price:quantity` of the bids, then of the
    asks, the best first, joined by `|`."""
    best = (*bids, *asks)
    told = (f"{price_told(terms, price)}:{quantity_told(terms, lots)}" for price, lots in best)
    return crc32("|".join(told).encode())


def trades_told(
    market: MarketPicture, trades: Sequence[MarketTradeTold], *, previous: int, position: int
) -> str:
    """Return trades of a market, oldest first; `previous`: the number of the one before them."""
    return written(
        {
            "type": "trades",
            "channel": "trades",
            "symbol": symbol_of(market.terms),
            "previous_trade_id": str(previous),
            "last_trade_id": str(position),
            "trades": trades,
        }
    )


def trades_of(market: MarketPicture, printed: Printed) -> Iterator[MarketTradeTold]:
    """Yield the trades of one event as everybody is told them."""
    terms, event, at = market.terms, printed.event, rfc3339(printed.at_us)
    symbol, side = symbol_of(terms), event.side.value
    for fill in event.fills:
        yield MarketTradeTold(
            trade_id=str(fill.trade),
            symbol=symbol,
            price=price_told(terms, fill.price),
            quantity=quantity_told(terms, fill.lots),
            value=value_told(terms, fill.value_minor),
            side=side,
            sequence=event.sequence,
            at=at,
        )


def ticker_told(market: MarketPicture) -> str:
    """Return where a market stands: its best prices and its last trade."""
    terms = market.terms

    def best(side: Side, name: str) -> dict[str, str | None]:
        price = market.half(side).best
        lots = market.half(side).lots_at(price)
        return {
            name: price_told(terms, price) if price else None,
            f"{name}_quantity": quantity_told(terms, lots) if price else None,
        }

    return written(
        {
            "type": "ticker",
            "channel": "ticker",
            "symbol": symbol_of(terms),
            "sequence": market.sequence,
            "state": market.state.value,
            **best(Side.BUY, "bid"),
            **best(Side.SELL, "ask"),
            "last": price_told(terms, market.last_price) if market.last_price else None,
            "last_trade_id": str(market.last_trade) if market.last_trade else None,
            "at": rfc3339(market.at_us),
        }
    )


def order_told(order: ShownOrder, terms: MarketTerms, reason: str) -> dict[str, Any]:
    """Return how an order stands, in the words of GET /orders; `reason`: why it changed so."""
    placed = order.placed
    return {
        "order_id": str(placed.number),
        "client_order_id": placed.client_order_id,
        "symbol": symbol_of(terms),
        "side": placed.side.value,
        "type": placed.type.value,
        "status": order.state.value,
        "reason": reason,
        "price": price_told(terms, order.price) if order.price else None,
        "stop_price": price_told(terms, placed.stop) if placed.stop else None,
        "quantity": quantity_told(terms, order.lots) if order.lots else None,
        "filled": quantity_told(terms, order.filled),
        "remaining": quantity_told(terms, order.left),
        "value": value_told(terms, order.value_minor),
        "fees": value_told(terms, order.fee_minor),
        "fee_asset": terms.quote,
    }


def read_order_told(view: OrderView) -> dict[str, Any]:
    """Return the same of an order that was read from the views."""
    terms = view.terms
    return {
        "order_id": str(view.order),
        "client_order_id": view.client_order_id,
        "symbol": symbol_of(terms),
        "side": view.side.value,
        "type": view.type.value,
        "status": view.state.value,
        "reason": view.reason,
        "price": price_told(terms, view.price) if view.price else None,
        "stop_price": price_told(terms, view.stop) if view.stop else None,
        "quantity": quantity_told(terms, view.lots) if view.lots else None,
        "filled": quantity_told(terms, view.filled_lots),
        "remaining": quantity_told(terms, view.lots_left),
        "value": value_told(terms, view.filled_value_minor),
        "fees": value_told(terms, view.fee_minor),
        "fee_asset": terms.quote,
    }


def settlement_told(fill: FillView) -> dict[str, Any]:
    """Return what a trade moves between its owner and others. One that settles at once is final:
    the trade and its postings are one journal row; of one that settles on a later day the
    settlement tells. The fee is part of what is delivered or received."""
    terms, bought = fill.terms, fill.side is Side.BUY
    at_once = fill.settling is Settling.INSTANT
    fee = fill.fee_minor
    base = {"asset": terms.base, "amount": quantity_told(terms, fill.lots)}
    quote_minor = fill.value_minor + fee if bought else fill.value_minor - fee
    quote = {"asset": terms.quote, "amount": value_told(terms, quote_minor)}
    return {
        "trade_id": str(fill.trade),
        "order_id": str(fill.order),
        "symbol": symbol_of(terms),
        "status": "final" if at_once else "pending",
        "settlement_trade_id": None if at_once else match_trade_id(fill.trade),
        "delivered": quote if bought else base,
        "received": base if bought else quote,
        "fee": value_told(terms, fee),
        "fee_asset": terms.quote,
        "at": rfc3339(fill.at_us),
        "height": fill.height,
    }


def funds_told(funds: OwnFunds) -> dict[str, Any]:
    """Return what became of money that a wallet would not take."""
    return {
        "suspension_id": str(funds.suspension),
        "status": funds.state,
        "reason": funds.reason,
        "asset": funds.asset,
        "amount": format_amount(funds.amount_minor, funds.scale),
        "at": rfc3339(funds.at_us),
        "height": funds.height,
    }


def balances_told(balances: Iterable[BalanceView]) -> list[dict[str, str]]:
    """Return what a user has of each asset, in the words of GET /balance: `available` to use, set
    aside `in_orders` or `in_settlement`, `held` on its way out."""
    assets: dict[str, list[int]] = {}
    for each in balances:
        row = assets.setdefault(each.asset, [each.scale, 0, 0, 0, 0, 0])
        if each.account.startswith("orders:"):
            row[2] += each.posted
        elif each.account.startswith("unsettled:"):
            row[3] += each.posted
        else:
            row[1] += each.available
            row[4] += each.pending_out
        row[5] += each.posted
    names = ("available", "in_orders", "in_settlement", "held", "total")
    return [
        {"currency": asset}
        | {name: format_amount(minor, row[0]) for name, minor in zip(names, row[1:], strict=True)}
        for asset, row in sorted(assets.items())
    ]


def own_told(
    kind: str,
    channel: str,
    items: Iterable[Any],
    *,
    user_id: str,
    height: int,
    previous: int | None = None,
) -> str:
    """Return a message of a private channel; `previous`: the height up to which the one before
    told."""
    head: dict[str, Any] = {"type": kind, "channel": channel, "user_id": user_id, "height": height}
    if previous is not None:
        head["previous_height"] = previous
    return written({**head, channel: list(items)})
