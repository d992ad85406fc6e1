"""What do the views know of markets, orders, settlements and assets of which others are told?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.exchange_rows import MARKET, ORDER, market_view, order_view
from nostro.adapters.postgres.reading import ViewReader
from nostro.adapters.postgres.settlement_rows import scales_of
from nostro.adapters.settlement_messages import Scales
from nostro.adapters.webhooks.trading import Known, Needed
from nostro.exchange import MarketTerms, OrderView
from nostro.runtime.projector import ViewsUnavailable
from nostro.settlement import ToldEvent


class TradingViews:
    """Looks things up for the notifier, over a pool whose connections commit by themselves. Every
    call may raise ViewsUnavailable."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str) -> None:
        self._reader = ViewReader(pool, chain)
        self._settlements = DvpQueries(pool, chain)
        self._terms: dict[str, MarketTerms] = {}
        """Of the markets asked for so far; terms never change."""

    async def checkpoint(self) -> int:
        """Return the journal height up to which the views tell."""
        return await self._reader.checkpoint()

    async def known(self, needed: Needed) -> Known:
        """Return what is needed, which the views tell of already. What is closed stays as it is, so
        it is told alike however late; what is missing will be there once the views are built."""
        orders = await self._orders(needed)
        scales = await scales_of(self._reader, needed.assets)
        return Known(self._terms, orders, scales)

    async def told(
        self, types: Sequence[str], *, after: int, up_to: int
    ) -> tuple[Mapping[int, Sequence[ToldEvent]], Scales]:
        """Return what of these types became of settlements in the rows above a height and up to
        another one, by height, and the decimals of their assets."""
        told = await self._settlements.told_between(after + 1, up_to, types)
        rows: dict[int, list[ToldEvent]] = {}
        for each in told:
            rows.setdefault(each.event.height, []).append(each)
        return rows, await self._settlements.scales(told)

    async def _orders(self, needed: Needed) -> dict[int, OrderView]:
        """Return the orders; the terms of all markets are known then."""
        rows = []
        if needed.orders:
            rows = await self._reader.rows(
                f"{ORDER} WHERE number = ANY(%s)", (sorted(needed.orders),)
            )
        markets = needed.markets | {row[2] for row in rows}
        if new := sorted(markets - self._terms.keys()):
            found = await self._reader.rows(f"{MARKET} WHERE market = ANY(%s)", (new,))
            self._terms |= {view.market: view.terms for view in map(market_view, found)}
        if len(rows) < len(needed.orders) or not markets <= self._terms.keys():
            raise ViewsUnavailable("the views do not tell of an order or a market yet")
        return {row[0]: order_view(row, self._terms) for row in rows}
