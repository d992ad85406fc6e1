"""Which columns do the exchange's readers ask for, and what do the rows mean?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.exchange import (
    CandleView,
    FeesView,
    FillView,
    MarketRules,
    MarketState,
    MarketTerms,
    MarketView,
    OrderState,
    OrderType,
    OrderView,
    PostOnly,
    Role,
    RouteState,
    RouteView,
    SelfTrade,
    Settling,
    Side,
    SuspensionState,
    SuspensionView,
    TickerView,
    TimeInForce,
    TradeView,
)

MARKET = """
    SELECT market, terms, rules, state, reason, reference, created_at_us, last_at_us, last_height
      FROM nostro.markets
"""
ORDER = """
    SELECT number, user_id, market, side, type, state, reason, price, stop, lots, lots_left,
           filled_lots, filled_value, notional, fees, trades_count, display, budget, reserved_asset,
           reserved, time_in_force, expires_at_us, post_only, self_trade, maker_ppm, taker_ppm,
           client_order_id, placed_at_us, last_at_us, closed_height, last_height
      FROM nostro.orders
"""
TRADE = """
    SELECT trade, market, sequence, price, lots, value, side, taker_order, taker_user_id, taker_fee,
           coalesce(maker_order, 0), coalesce(maker_user_id, ''), maker_fee, coalesce(route, 0),
           provider, at_us, height
      FROM nostro.trades
"""
_FILL = "trade, market, price, lots, value, side, provider, at_us, height, settling"
TAKEN = f"SELECT {_FILL}, true, taker_order, taker_user_id, taker_fee FROM nostro.trades"
MADE = f"SELECT {_FILL}, false, maker_order, maker_user_id, maker_fee FROM nostro.trades"
"""Both sides of trades, as rows of the same columns."""
ROUTE = """
    SELECT route, order_number, user_id, market, provider, side, lots, limit_price, all_or_none,
           state, filled_lots, value, fees, coalesce(claimed, '[]'), reason, reference,
           routed_at_us, ended_at_us, last_height
      FROM nostro.routes
"""
SUSPENSION = """
    SELECT suspension, user_id, asset, amount, transfer_id, reason, state, releases_count, actor,
           suspended_at_us, last_at_us, last_height
      FROM nostro.suspended_funds
"""
FEES = """
    SELECT d.market, m.terms, sum(d.maker_fees), sum(d.taker_fees), sum(d.value),
           sum(d.trades_count)
      FROM nostro.trading_days AS d JOIN nostro.markets AS m ON m.market = d.market
     WHERE d.day >= %(from)s AND d.day <= %(to)s AND (%(market)s = '' OR d.market = %(market)s)
     GROUP BY d.market, m.terms ORDER BY d.market
"""
CANDLES = """
    SELECT start_us - mod(start_us, %(step)s) AS bucket, (array_agg(open ORDER BY start_us))[1],
           max(high), min(low), (array_agg(close ORDER BY start_us DESC))[1], sum(volume_lots),
           sum(value), sum(trades_count)
      FROM nostro.candles
     WHERE market = %(market)s AND span_s = %(span)s AND start_us >= %(low)s
       AND start_us < %(high)s
     GROUP BY bucket ORDER BY bucket
"""
TICKERS = """
    SELECT m.market, m.terms, coalesce(last.close, 0), coalesce(last.last_trade, 0), before.close,
           day.open, day.high, day.low, day.volume_lots, day.value, day.trades_count
      FROM nostro.markets AS m
      LEFT JOIN LATERAL (
            SELECT close, last_trade FROM nostro.candles
             WHERE market = m.market AND span_s = 60
             ORDER BY start_us DESC LIMIT 1) AS last ON true
      LEFT JOIN LATERAL (
            SELECT close FROM nostro.candles
             WHERE market = m.market AND span_s = 60 AND start_us < %(low)s
             ORDER BY start_us DESC LIMIT 1) AS before ON true
     CROSS JOIN LATERAL (
            SELECT (array_agg(open ORDER BY start_us))[1] AS open, coalesce(max(high), 0) AS high,
                   coalesce(min(low), 0) AS low, coalesce(sum(volume_lots), 0) AS volume_lots,
                   coalesce(sum(value), 0) AS value,
                   coalesce(sum(trades_count), 0)::bigint AS trades_count
              FROM nostro.candles
             WHERE market = m.market AND span_s = 60 AND start_us >= %(low)s) AS day
     WHERE %(market)s = '' OR m.market = %(market)s
     ORDER BY m.market
"""

Row = Sequence[Any]
Terms = Mapping[str, MarketTerms]


def terms_of(told: Sequence[Any]) -> MarketTerms:
    """Return the terms in a market's row."""
    return msgspec.convert(told, MarketTerms)


def market_view(row: Row) -> MarketView:
    """Return the market in a row of MARKET."""
    return MarketView(
        market=row[0],
        terms=terms_of(row[1]),
        rules=msgspec.convert(row[2], MarketRules),
        state=MarketState(row[3]),
        reason=row[4],
        reference=row[5],
        created_at_us=row[6],
        changed_at_us=row[7],
        height=row[8],
    )


def order_view(row: Row, terms: Terms) -> OrderView:
    """Return the order in a row of ORDER."""
    return OrderView(
        order=row[0],
        user_id=row[1],
        market=row[2],
        terms=terms[row[2]],
        side=Side(row[3]),
        type=OrderType(row[4]),
        state=OrderState(row[5]),
        reason=row[6],
        price=row[7],
        stop=row[8],
        lots=row[9],
        lots_left=row[10],
        filled_lots=row[11],
        filled_value_minor=int(row[12]),
        notional=int(row[13]),
        fee_minor=int(row[14]),
        trades_count=row[15],
        display=row[16],
        budget_minor=int(row[17]),
        reserved_asset=row[18],
        reserved_minor=int(row[19]),
        time_in_force=TimeInForce(row[20]),
        expires_at_us=row[21],
        post_only=PostOnly(row[22]),
        self_trade=SelfTrade(row[23]),
        maker_ppm=row[24],
        taker_ppm=row[25],
        client_order_id=row[26],
        placed_at_us=row[27],
        changed_at_us=row[28],
        closed_at_us=None if row[29] is None else row[28],
        height=row[30],
    )


def trade_view(row: Row, terms: Terms) -> TradeView:
    """Return the trade in a row of TRADE."""
    return TradeView(
        trade=row[0],
        market=row[1],
        terms=terms[row[1]],
        sequence=row[2],
        price=row[3],
        lots=row[4],
        value_minor=int(row[5]),
        side=Side(row[6]),
        taker_order=row[7],
        taker_user_id=row[8],
        taker_fee_minor=int(row[9]),
        maker_order=row[10],
        maker_user_id=row[11],
        maker_fee_minor=int(row[12]),
        route=row[13],
        provider=row[14],
        at_us=row[15],
        height=row[16],
    )


def fill_view(row: Row, terms: Terms) -> FillView:
    """Return the side of a trade in a row of TAKEN or MADE."""
    took, taker_side = row[10], Side(row[5])
    return FillView(
        trade=row[0],
        order=row[11],
        user_id=row[12],
        market=row[1],
        terms=terms[row[1]],
        side=taker_side if took else taker_side.other,
        role=Role.TAKER if took else Role.MAKER,
        price=row[2],
        lots=row[3],
        value_minor=int(row[4]),
        fee_minor=int(row[13]),
        provider=row[6],
        at_us=row[7],
        height=row[8],
        settling=Settling(row[9]),
    )


def route_view(row: Row, terms: Terms) -> RouteView:
    """Return the route in a row of ROUTE."""
    return RouteView(
        route=row[0],
        order=row[1],
        user_id=row[2],
        market=row[3],
        terms=terms[row[3]],
        provider=row[4],
        side=Side(row[5]),
        lots=row[6],
        limit=row[7],
        all_or_none=row[8],
        state=RouteState(row[9]),
        filled_lots=row[10],
        value_minor=int(row[11]),
        fee_minor=int(row[12]),
        claimed=[(lots, price) for lots, price in row[13]],
        reason=row[14],
        reference=row[15],
        routed_at_us=row[16],
        ended_at_us=row[17],
        height=row[18],
    )


def suspension_view(row: Row, scales: Mapping[str, int]) -> SuspensionView:
    """Return the money in a row of SUSPENSION."""
    return SuspensionView(
        suspension=row[0],
        user_id=row[1],
        asset=row[2],
        scale=scales[row[2]],
        amount_minor=int(row[3]),
        transfer_id=row[4],
        reason=row[5],
        state=SuspensionState(row[6]),
        releases_count=row[7],
        actor=row[8],
        suspended_at_us=row[9],
        changed_at_us=row[10],
        height=row[11],
    )


def fees_view(row: Row) -> FeesView:
    """Return the fees in a row of FEES."""
    terms = terms_of(row[1])
    return FeesView(
        market=row[0],
        asset=terms.quote,
        scale=terms.quote_scale,
        maker_fees_minor=int(row[2]),
        taker_fees_minor=int(row[3]),
        value_minor=int(row[4]),
        trades_count=int(row[5]),
    )


def candle_view(row: Row) -> CandleView:
    """Return the candle in a row of CANDLES."""
    return CandleView(
        start_us=row[0],
        open=row[1],
        high=row[2],
        low=row[3],
        close=row[4],
        volume_lots=int(row[5]),
        value_minor=int(row[6]),
        trades_count=int(row[7]),
    )


def ticker_view(row: Row, now_us: int) -> TickerView:
    """Return the market's day in a row of TICKERS."""
    last, before, first = row[2], row[4], row[5]
    opened = next((price for price in (before, first) if price is not None), 0)
    return TickerView(
        market=row[0],
        terms=terms_of(row[1]),
        last=last,
        last_trade=row[3],
        open=opened,
        high=row[6],
        low=row[7],
        change=last - opened,
        volume_lots=int(row[8]),
        value_minor=int(row[9]),
        trades_count=row[10],
        at_us=now_us,
    )
