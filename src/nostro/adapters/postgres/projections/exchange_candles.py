"""What does a market come to in each minute and each hour in which it trades?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg

from nostro.adapters.postgres.copy import array
from nostro.adapters.postgres.projections.gathering import elements

MINUTE_S, HOUR_S = 60, 3_600
US_PER_S = 1_000_000
MINUTE_US, HOUR_US = MINUTE_S * US_PER_S, HOUR_S * US_PER_S
CANDLE_COLUMNS = (
    "market, span_s, start_us, trades_count, open, high, low, close, last_trade, volume_lots, value"
)
_UPSERT = f"""
    INSERT INTO nostro.candles AS old ({CANDLE_COLUMNS})
    SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[],
                         %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[],
                         %s::numeric[])
        ON CONFLICT (market, span_s, start_us) DO UPDATE
       SET trades_count = old.trades_count + excluded.trades_count,
           high = greatest(old.high, excluded.high), low = least(old.low, excluded.low),
           close = excluded.close, last_trade = excluded.last_trade,
           volume_lots = old.volume_lots + excluded.volume_lots,
           value = old.value + excluded.value
"""

Span = tuple[str, int, int]
"""A market, 60 or 3,600 seconds, and when they begin, in microseconds since the epoch."""


class Candle(msgspec.Struct, gc=False):
    """What traded in a minute or an hour; prices in ticks, the volume in lots."""

    trades_count: int
    open: int
    high: int
    low: int
    close: int
    last_trade: int
    volume_lots: int
    value: int

    def follow(self, later: Candle) -> None:
        """Go on by what traded later in the same span."""
        self.trades_count += later.trades_count
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close, self.last_trade = later.close, later.last_trade
        self.volume_lots += later.volume_lots
        self.value += later.value


class Candles:
    """The minutes in which a batch has trades."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, int], Candle] = {}

    def trade(
        self, market: str, at_us: int, *, trade: int, price: int, lots: int, value_minor: int
    ) -> None:
        """Take in a trade, in the order of the journal."""
        minute = (market, at_us - at_us % MINUTE_US)
        candle = self._minutes.get(minute)
        if candle is None:
            self._minutes[minute] = Candle(1, price, price, price, price, trade, lots, value_minor)
            return
        candle.trades_count += 1
        if price > candle.high:
            candle.high = price
        elif price < candle.low:
            candle.low = price
        candle.close, candle.last_trade = price, trade
        candle.volume_lots += lots
        candle.value += value_minor

    def spans(self) -> dict[Span, Candle]:
        """Return the minutes, and the hours that they make."""
        found: dict[Span, Candle] = {}
        for (market, start_us), minute in self._minutes.items():
            found[market, MINUTE_S, start_us] = minute
            hour = (market, HOUR_S, start_us - start_us % HOUR_US)
            follow(found, hour, minute)
        return found

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Write them, in the transaction under way."""
        if self._minutes:
            connection.execute(_UPSERT, _parameters(self.spans()))
        self.clear()

    def clear(self) -> None:
        """Drop what has gathered."""
        self._minutes.clear()


def follow(known: dict[Span, Candle], span: Span, later: Candle) -> None:
    """Have what is known of a span go on by what traded later in it."""
    candle = known.get(span)
    if candle is None:
        known[span] = msgspec.structs.replace(later)
    else:
        candle.follow(later)


def _parameters(spans: Mapping[Span, Candle]) -> list[str]:
    """Return the columns as the text of arrays, for `unnest`."""
    candles = list(spans.values())
    return [
        elements(market for market, _, _ in spans),
        array(span_s for _, span_s, _ in spans),
        array(start_us for _, _, start_us in spans),
        array(candle.trades_count for candle in candles),
        array(candle.open for candle in candles),
        array(candle.high for candle in candles),
        array(candle.low for candle in candles),
        array(candle.close for candle in candles),
        array(candle.last_trade for candle in candles),
        array(candle.volume_lots for candle in candles),
        array(candle.value for candle in candles),
    ]
