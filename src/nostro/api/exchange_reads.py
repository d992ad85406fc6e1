"""What does the front door read of markets, orders and trades?

Every read may raise ViewsUnavailable; with a cursor Rejection `request.bad_cursor`. None: there is
no such thing (yet). Times are microseconds since the epoch, bounds included. Orders, trades, routes
and suspensions go by their numbers. Books and what a market does right now are not read here but
from the live picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nostro.exchange import (
    CandleView,
    FeeScheduleView,
    FeesView,
    FillView,
    KillSwitchView,
    MarketView,
    OrderFilters,
    OrderView,
    RouteView,
    SuspensionView,
    TickerView,
    TradeFilters,
    TradeView,
)
from nostro.ledger import BalanceView, Page


class ExchangeReads(Protocol):
    """The views of the exchange."""

    async def checkpoint(self) -> int:
        """Return the journal height up to which the views tell."""
        ...

    async def wait_for(self, height: int, timeout_ms: int) -> None:
        """Return once the views tell of a height; raises ViewsBehind when they do not in time."""
        ...

    # -- markets -----------------------------------------------------------------------------------

    async def market(self, market: str) -> MarketView | None:
        """Return a market."""
        ...

    async def markets(self) -> Sequence[MarketView]:
        """Return all markets, by name."""
        ...

    async def candles(
        self,
        market: str,
        interval_s: int,
        *,
        from_us: int | None = None,
        to_us: int | None = None,
        limit: int,
    ) -> Sequence[CandleView]:
        """Return candles, oldest first: of the last `limit` intervals that begin at or after
        `from_us` and not after `to_us` (None: the views' time). Intervals without trades are left
        out. `interval_s`: whole minutes, counted from the epoch."""
        ...

    async def ticker(self, market: str, *, now_us: int | None = None) -> TickerView | None:
        """Return what a market did in the 24 hours up to now (None: the views' time)."""
        ...

    async def tickers(self, *, now_us: int | None = None) -> Sequence[TickerView]:
        """Return the same of all markets, by name."""
        ...

    # -- orders ------------------------------------------------------------------------------------

    async def order(self, order: int) -> OrderView | None:
        """Return an order."""
        ...

    async def order_by_client_id(self, user_id: str, client_order_id: str) -> OrderView | None:
        """Return the order that a user gave this id, the newest if there are several."""
        ...

    async def orders(
        self, filters: OrderFilters, *, cursor: str | None = None, limit: int
    ) -> Page[OrderView]:
        """Return orders, the newest first. A page narrowed by several filters may be short and
        still have a next one."""
        ...

    async def orders_changed(
        self, user_id: str, *, after_height: int, limit: int
    ) -> Sequence[OrderView]:
        """Return a user's orders that changed above a journal height, each as it stands, by the
        height of its last change. Ask again with that of the last one while there are `limit`: the
        orders of one row are never parted, so a few more may come."""
        ...

    async def fills_of(self, order: int, *, limit: int) -> Sequence[FillView]:
        """Return the fills of an order, the oldest first."""
        ...

    async def routes_of(self, order: int) -> Sequence[RouteView]:
        """Return what was asked of providers for an order, the oldest first."""
        ...

    # -- trades ------------------------------------------------------------------------------------

    async def trades(
        self, filters: TradeFilters, *, cursor: str | None = None, limit: int
    ) -> Page[TradeView]:
        """Return trades, the newest first."""
        ...

    async def trades_after(self, market: str, trade: int, *, limit: int) -> Sequence[TradeView]:
        """Return a market's trades above a number, the oldest first."""
        ...

    async def fills(
        self, user_id: str, filters: TradeFilters, *, cursor: str | None = None, limit: int
    ) -> Page[FillView]:
        """Return a user's fills, the newest first. A page narrowed to a market may be short and
        still have a next one."""
        ...

    async def fills_after(self, user_id: str, trade: int, *, limit: int) -> Sequence[FillView]:
        """Return a user's fills in trades above a number, the oldest first."""
        ...

    async def trade_at(self, height: int) -> int:
        """Return the number of the last trade up to a journal height; 0 before the first."""
        ...

    # -- money -------------------------------------------------------------------------------------

    async def balances(self, user_id: str) -> Sequence[BalanceView]:
        """Return the balances of a user's accounts `wallet:...` and `orders:...`, by account id."""
        ...

    async def fees(
        self,
        *,
        market: str | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
    ) -> Sequence[FeesView]:
        """Return the fees of each market that had trades, by name; days (UTC) `YYYY-MM-DD`, both
        included."""
        ...

    async def fee_schedules(self) -> Sequence[FeeScheduleView]:
        """Return all fee schedules, by name."""
        ...

    async def schedule_of(self, user_id: str) -> str:
        """Return the name of a user's own fee schedule, "" if he has none."""
        ...

    async def suspensions(
        self,
        *,
        user_id: str | None = None,
        open_only: bool = False,
        cursor: str | None = None,
        limit: int,
    ) -> Page[SuspensionView]:
        """Return money that wallets would not take, the newest first."""
        ...

    async def suspension(self, suspension: int) -> SuspensionView | None:
        """Return one of these."""
        ...

    async def kill_switches(self) -> Sequence[KillSwitchView]:
        """Return the kill switches that are engaged, by user."""
        ...
