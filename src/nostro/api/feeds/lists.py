"""Which lists can be followed: a market's trades, a user's fills and what they moved?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from nostro.api.feeds.logs import Item, LogTopic
from nostro.api.feeds.reading import PatientReads
from nostro.api.feeds.told import (
    funds_told,
    own_told,
    settlement_told,
    trades_of,
    trades_told,
)
from nostro.api.http.order_told import MarketTradeTold, OwnFillTold, own_fill_told, trade_told
from nostro.api.picture import MarketPicture, OwnFunds
from nostro.exchange import FillView

T = TypeVar("T")


class TradesTopic(LogTopic[MarketTradeTold]):
    """The trades of a market. A position is the number of a trade."""

    channel = "trades"

    def __init__(self, market: MarketPicture, reads: PatientReads, *, height: int) -> None:
        super().__init__(market.name, market.last_trade, height)
        market.printed = []
        self._market = market
        self._reads = reads

    def taken(self) -> Sequence[Item[MarketTradeTold]]:
        """Return the trades since the last time."""
        market = self._market
        printed, market.printed = market.printed, []
        return [
            Item(int(trade.trade_id), each.height, trade)
            for each in printed or ()
            for trade in trades_of(market, each)
        ]

    def written(
        self, items: Sequence[Item[MarketTradeTold]], *, previous: int, position: int
    ) -> str:
        """Return the message that tells of trades."""
        trades = [item.told for item in items]
        return trades_told(self._market, trades, previous=previous, position=position)

    async def read(self, after: int, height: int, limit: int) -> Sequence[Item[MarketTradeTold]]:
        """Return trades from the views."""
        views = await self._reads.trades_after(self.about, after, height=height, limit=limit)
        return [Item(view.trade, view.height, trade_told(view)) for view in views]

    def close(self) -> None:
        """Collect no more trades."""
        self._market.printed = None


class _OwnList(LogTopic[T]):
    """A list of one user's. A position is a journal height; one row is told at once."""

    def __init__(self, user_id: str, reads: PatientReads, *, height: int) -> None:
        super().__init__(user_id, height, height)
        self._reads = reads
        self.noted: list[Item[T]] = []

    def taken(self) -> Sequence[Item[T]]:
        """Return what was noted since the last time."""
        noted, self.noted = self.noted, []
        return noted

    def written(self, items: Sequence[Item[T]], *, previous: int, position: int) -> str:
        """Return the message that tells of items."""
        told = [item.told for item in items]
        return own_told(
            self.channel,
            self.channel,
            told,
            user_id=self.about,
            height=position,
            previous=previous,
        )

    def close(self) -> None:
        """Whoever noted for it is told to stop by the hub."""


class FillsTopic(_OwnList[OwnFillTold]):
    """A user's part in trades."""

    channel = "fills"

    def note(self, fill: FillView) -> None:
        """Note a fill, to be told at the next tick."""
        self.noted.append(Item(fill.height, fill.height, own_fill_told(fill)))

    async def read(self, after: int, height: int, limit: int) -> Sequence[Item[OwnFillTold]]:
        """Return fills from the views."""
        fills = await self._reads.fills_above(self.about, after, height=height, limit=limit)
        return [Item(fill.height, fill.height, own_fill_told(fill)) for fill in fills]


class SettlementsTopic(_OwnList[dict[str, Any]]):
    """What trades moved for a user, and what became of money that his wallet would not take."""

    channel = "settlements"

    def note(self, fill: FillView) -> None:
        """Note what a trade moved."""
        self.noted.append(Item(fill.height, fill.height, settlement_told(fill)))

    def note_funds(self, funds: OwnFunds) -> None:
        """Note what became of money."""
        self.noted.append(Item(funds.height, funds.height, funds_told(funds)))

    async def read(self, after: int, height: int, limit: int) -> Sequence[Item[dict[str, Any]]]:
        """Return settlements from the views, with the money that is (or was) suspended, as it
        stands."""
        fills = await self._reads.fills_above(self.about, after, height=height, limit=limit)
        items = [Item(fill.height, fill.height, settlement_told(fill)) for fill in fills]
        if len(fills) >= limit:
            return items
        for view in await self._reads.suspensions(self.about, height=height):
            if after < view.height <= height:
                what = (view.suspension, view.asset, view.scale, view.amount_minor)
                state = (view.state.value, view.reason, view.changed_at_us, view.height)
                items.append(Item(view.height, view.height, funds_told(OwnFunds(*what, *state))))
        return sorted(items, key=_position)


def _position(item: Item[Any]) -> int:
    return item.position
