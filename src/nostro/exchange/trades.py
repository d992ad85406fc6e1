"""Which trades does a sweep come to, and what does each side pay?"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.exchange.commands import RouteFill
from nostro.exchange.events import Fill, RouteTrade
from nostro.exchange.funds import cost, fee_of, maker_rate
from nostro.exchange.live import LiveOrder, copied
from nostro.exchange.telling import BUY
from nostro.exchange.terms import MarketTerms


def execute(
    taker: LiveOrder, swept: Sequence[tuple[LiveOrder, int]], terms: MarketTerms, trade: int
) -> list[Fill]:
    """Return the fills of a sweep, numbered from `trade`, and book them on `taker`, which is the
    caller's own copy. The makers stay as they are."""
    buying = taker.side is BUY
    num, den, lot_minor = terms.value_num, terms.value_den, terms.lot_minor
    taker_ppm, taker_exact, carry = taker.taker_ppm, taker.fee_exact, taker.carry
    due = value_total = fee_total = lots_total = 0
    slices: dict[int, LiveOrder] = {}
    fills: list[Fill] = []
    for maker, lots in swept:
        if maker.display:
            maker = _sliced(slices, maker)
        exact = maker.price * lots * num
        if buying:
            value = -((carry - exact) // den)
            carry += value * den - exact
        else:
            value = (due + exact) // den
            if value > exact // den:
                value = min(value, _payable(terms, maker, lots))
            due += exact - value * den
        taker_fee = fee_of(taker_exact, taker_ppm, value)
        taker_exact += taker_ppm * value
        rate = maker.maker_ppm if maker.maker_ppm >= 0 else maker_rate(maker, taker)
        maker_fee = fee_of(maker.fee_exact, rate, value)
        left = maker.lots_left - lots
        held = maker.reserved_minor - (lots * lot_minor if buying else value + maker_fee)
        if maker.display:
            maker.lots_left, maker.reserved_minor = left, held
            maker.fee_exact += rate * value
        released, moves = (held, maker.moves + 1) if held and not left else (0, 0)
        fills.append(
            Fill(
                trade,
                maker.number,
                maker.user_id,
                maker.price,
                lots,
                value,
                maker_fee,
                taker_fee,
                left,
                released,
                moves,
            )
        )
        trade += 1
        value_total += value
        fee_total += taker_fee
        lots_total += lots
    taker.fee_exact, taker.carry = taker_exact, carry
    taker.filled_minor += value_total
    taker.reserved_minor -= value_total + fee_total if buying else lots_total * lot_minor
    if taker.lots:
        taker.lots_left -= lots_total
    else:
        taker.filled_lots += lots_total
    return fills


def _payable(terms: MarketTerms, maker: LiveOrder, lots: int) -> int:
    """Return what a buying maker may pay for lots at most: his order as a whole never pays more
    than its ceiling, which is what it holds."""
    price, left = maker.price, maker.lots_left
    rest = cost(terms, price * (left - lots), maker.carry)
    return cost(terms, price * left, maker.carry) - rest


def _sliced(slices: dict[int, LiveOrder], maker: LiveOrder) -> LiveOrder:
    """Return the copy of an iceberg on which its slices are booked one after the other."""
    booked = slices.get(maker.number)
    if booked is None:
        booked = slices[maker.number] = copied(maker)
    return booked


def execute_route(
    taker: LiveOrder, swept: Sequence[RouteFill], terms: MarketTerms, trade: int
) -> list[RouteTrade]:
    """Return the trades of an order with a provider, numbered from `trade`, and book them on
    `taker`, which is the caller's own copy."""
    buying = taker.side is BUY
    num, den = terms.value_num, terms.value_den
    trades: list[RouteTrade] = []
    for fill in swept:
        exact = fill.price * fill.lots * num
        if buying:
            value = -((taker.carry - exact) // den)
            taker.carry += value * den - exact
        else:
            value = exact // den
        fee = fee_of(taker.fee_exact, taker.taker_ppm, value)
        taker.fee_exact += taker.taker_ppm * value
        taker.filled_minor += value
        taker.reserved_minor -= value + fee if buying else fill.lots * terms.lot_minor
        if taker.lots:
            taker.lots_left -= fill.lots
        else:
            taker.filled_lots += fill.lots
        trades.append(RouteTrade(trade, fill.price, fill.lots, value, fee))
        trade += 1
    return trades
