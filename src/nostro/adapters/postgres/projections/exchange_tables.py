"""Which tables does the exchange fill?"""

from __future__ import annotations

from typing import Any

import psycopg

from nostro.adapters.postgres.projections.exchange_candles import Candles
from nostro.adapters.postgres.projections.exchange_orders import OrderRows
from nostro.adapters.postgres.projections.gathering import Rows, Ship, Table

_MINOR, _TEXT, _BIG, _INT, _BOOL, _JSON = (
    "numeric",
    "text",
    "bigint",
    "integer",
    "boolean",
    "jsonb",
)

TRADE_COLUMNS = (
    "trade, at_us, height, sequence, price, lots, taker_order, maker_order, route, value,"
    " taker_fee, maker_fee, market, side, taker_user_id, maker_user_id, provider, settling"
)
COPY_TRADES = f"COPY nostro.trades ({TRADE_COLUMNS}) FROM STDIN"
MARKETS = Table(
    "markets",
    1,
    {
        "market": _TEXT,
        "base": _TEXT,
        "quote": _TEXT,
        "terms": _JSON,
        "rules": _JSON,
        "state": _TEXT,
        "reason": _TEXT,
        "reference": _BIG,
        "created_at_us": _BIG,
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
)
FEE_SCHEDULES = Table(
    "fee_schedules",
    1,
    {
        "name": _TEXT,
        "maker_ppm": _INT,
        "taker_ppm": _INT,
        "actor": _TEXT,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)
FEE_ASSIGNMENTS = Table(
    "fee_assignments",
    1,
    {
        "user_id": _TEXT,
        "schedule": _TEXT,
        "actor": _TEXT,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)
KILL_SWITCHES = Table(
    "kill_switches",
    1,
    {
        "user_id": _TEXT,
        "engaged": _BOOL,
        "reason": _TEXT,
        "actor": _TEXT,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)
_DAY_SUMS = ("trades_count", "volume_lots", "value", "maker_fees", "taker_fees")
TRADING_DAYS = Table(
    "trading_days",
    2,
    {
        "market": _TEXT,
        "day": _TEXT,
        "trades_count": _BIG,
        "volume_lots": _MINOR,
        "value": _MINOR,
        "maker_fees": _MINOR,
        "taker_fees": _MINOR,
    },
    frozenset(_DAY_SUMS),
)
ROUTES = Table(
    "routes",
    1,
    {
        "route": _BIG,
        "order_number": _BIG,
        "user_id": _TEXT,
        "market": _TEXT,
        "provider": _TEXT,
        "side": _TEXT,
        "lots": _BIG,
        "limit_price": _BIG,
        "all_or_none": _BOOL,
        "state": _TEXT,
        "filled_lots": _BIG,
        "value": _MINOR,
        "fees": _MINOR,
        "claimed": _JSON,
        "reason": _TEXT,
        "reference": _TEXT,
        "routed_at_us": _BIG,
        "ended_at_us": _BIG,
        "last_height": _BIG,
    },
)
SUSPENDED_FUNDS = Table(
    "suspended_funds",
    1,
    {
        "suspension": _BIG,
        "user_id": _TEXT,
        "asset": _TEXT,
        "amount": _MINOR,
        "transfer_id": _TEXT,
        "reason": _TEXT,
        "state": _TEXT,
        "releases_count": _BIG,
        "actor": _TEXT,
        "suspended_at_us": _BIG,
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
)


class ExchangeTables:
    """The rows of all these tables that a batch touches."""

    def __init__(self, ship: Ship) -> None:
        self._ship = ship
        self.orders = OrderRows()
        self.candles = Candles()
        self.trade_lines: list[str] = []
        """New trades, as COPY text."""
        self.day_sums: dict[tuple[str, str], list[int]] = {}
        """Market and day to what is to be added to the columns of its row."""
        self.markets = Rows(MARKETS)
        self.fee_schedules = Rows(FEE_SCHEDULES)
        self.fee_assignments = Rows(FEE_ASSIGNMENTS)
        self.kill_switches = Rows(KILL_SWITCHES)
        self.trading_days = Rows(TRADING_DAYS)
        self.routes = Rows(ROUTES)
        self.suspended_funds = Rows(SUSPENDED_FUNDS)
        self.few = [each for each in vars(self).values() if isinstance(each, Rows)]
        """Those of which there are few, or that seldom change."""

    def count(self, market: str, day: str, *sums: int) -> None:
        """Add trades to their market's day: how many, lots, value, makers' and takers' fees."""
        known = self.day_sums.get((market, day))
        if known is None:
            self.day_sums[market, day] = list(sums)
        else:
            for place, amount in enumerate(sums):
                known[place] += amount

    def add_up(self) -> None:
        """Make of the sums of days what is wanted of their rows."""
        for (market, day), sums in self.day_sums.items():
            self.trading_days.ensure(market, day, 0, 0, 0, 0, 0)
            self.trading_days.patch(market, day, **dict(zip(_DAY_SUMS, sums, strict=True)))
        self.day_sums.clear()

    def ship(self) -> None:
        """Send what has gathered as new rows."""
        self.add_up()
        self.orders.ship(self._ship)
        if self.trade_lines:
            self._ship(COPY_TRADES, "".join(self.trade_lines).encode())
            self.trade_lines.clear()
        for rows in self.few:
            rows.ship(self._ship)

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the rows that have changed, in the transaction under way."""
        self.orders.update(connection)
        self.candles.update(connection)
        for rows in self.few:
            rows.update(connection)

    def clear(self) -> None:
        """Drop what has gathered: it is written."""
        self.orders.clear()
        self.trade_lines.clear()
        self.candles.clear()
        self.day_sums.clear()
        for rows in self.few:
            rows.clear()

    def forget(self) -> None:
        """Drop everything, also what is thought to be there."""
        self.clear()
        for rows in self.few:
            rows.forget()
