"""What does the exchange ask of the world?"""

from __future__ import annotations

from nostro.exchange.terms import MarketTerms, Side
from nostro.kernel.messages import Effect


class RouteToProvider(Effect, frozen=True, kw_only=True, tag="exchange.RouteToProvider"):
    """Have a liquidity provider fill an order, once, at `limit` ticks or better; its outcome is
    EndRoute. `route` names the deed for ever. `all_or_none`: fill all of it or nothing."""

    route: int
    order: int
    provider: str
    market: str
    terms: MarketTerms
    side: Side
    lots: int
    limit: int
    all_or_none: bool


EFFECTS = (RouteToProvider,)
