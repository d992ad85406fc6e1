"""A market made of hand-written events, and readers of its feeds who speak ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from nostro.api.desk import Desk
from nostro.api.feeds import ws
from nostro.api.feeds.hub import TICK_S, Hub
from nostro.api.picture import Picture
from nostro.api.platform import Platform
from nostro.exchange import (
    ClosedOrder,
    Fill,
    FillView,
    MarketCreated,
    MarketRules,
    MarketState,
    MarketStateSet,
    MarketTerms,
    OrderRested,
    OrdersClosed,
    OrdersPlaced,
    OrderState,
    OrderType,
    OrderView,
    PlacedOrder,
    Settling,
    Side,
    SuspensionView,
    TradesExecuted,
    TradeView,
)
from nostro.kernel.messages import Event
from nostro.ledger import BalanceView, Page
from nostro.runtime.draft import Durable
from nostro.runtime.projector import ViewsBehind
from tests.api.callers import development_gate

MARKET = "ADA-USDT"
TERMS = MarketTerms(
    base="ADA",
    quote="USDT",
    lot_minor=1_000_000,
    tick_units=1,
    price_scale=2,
    base_scale=6,
    quote_scale=6,
    value_num=10_000,
    value_den=1,
)
PATIENCE_S = 5.0


class Stage:
    """One market whose durable rows are written by the test."""

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()
        self.height = self.picture.height
        self.sequence = 0
        self.orders = 0
        self.trades = 0
        self.views = Views(self)
        self.rows: list[Durable] = []

    def row(self, *events: Event) -> int:
        """Let events become durable in one row; return its height."""
        self.height += 1
        row = Durable(self.height, self.height * 1_000_000, events)
        self.rows.append(row)
        self.picture.fold([row])
        return self.height

    def open(self) -> None:
        """Create the market and open it."""
        self.row(MarketCreated(MARKET, TERMS, MarketRules(), "operator"))
        self.row(MarketStateSet(MARKET, self._next(), MarketState.OPEN, "", "operator"))

    def rest(
        self, side: Side, price: int, lots: int, *, user_id: str = "ann", display: int = 0
    ) -> int:
        """Place an order that rests; return its number."""
        number = self._place(side, price, lots, user_id, display)
        self.row(
            OrdersPlaced(user_id, [self.placed]),
            OrderRested(MARKET, self._next(), number, user_id, price, lots, "USDT", 0, 1),
        )
        return number

    def take(
        self,
        maker: int,
        lots: int,
        *,
        user_id: str = "bob",
        settling: Settling = Settling.INSTANT,
    ) -> int:
        """Trade with a resting order; return the number of the trade."""
        shown = self.picture.order(maker)
        assert shown is not None
        side = shown.placed.side.other
        number = self._place(side, shown.price, lots, user_id, 0)
        self.trades += 1
        value = shown.price * lots * 10_000
        left = shown.left - lots
        fill = Fill(self.trades, maker, shown.user_id, shown.price, lots, value, 5, 10, left, 0, 1)
        asked = (MARKET, self._next(), number, user_id, side, "ADA", "USDT", TERMS.lot_minor)
        self.row(
            OrdersPlaced(user_id, [self.placed]),
            TradesExecuted(*asked, [fill], 0, 0, 1, settling),
        )
        return self.trades

    def cancel(self, number: int) -> None:
        """Take an order back."""
        order = self.picture.order(number)
        assert order is not None
        closed = ClosedOrder(number, order.user_id, OrderState.CANCELLED, order.left, "USDT", 0, 2)
        self.row(OrdersClosed(MARKET, self._next(), "cancelled", [closed]))

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence

    def _place(self, side: Side, price: int, lots: int, user_id: str, display: int) -> int:
        self.orders += 1
        self.placed = PlacedOrder(
            number=self.orders,
            market=MARKET,
            side=side,
            type=OrderType.LIMIT,
            lots=lots,
            price=price,
            asset="USDT",
            reserved_minor=0,
            maker_ppm=0,
            taker_ppm=0,
            display=display,
        )
        return self.orders


class Views:
    """What the views would tell of the stage's rows, as far as `reached`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.reached = 10**9
        self.reads = 0

    async def wait_for(self, height: int, timeout_ms: int) -> None:
        if self.reached < height:
            await asyncio.sleep(0)
            raise ViewsBehind(asked=height, have=self.reached)

    def _traded(self) -> list[tuple[Durable, TradesExecuted, Fill]]:
        return [
            (row, event, fill)
            for row in self._stage.rows
            for event in row.events
            if isinstance(event, TradesExecuted)
            for fill in event.fills
        ]

    async def trades_after(self, market: str, trade: int, *, limit: int) -> Sequence[TradeView]:
        self.reads += 1
        views = [
            TradeView(
                trade=fill.trade,
                market=market,
                terms=TERMS,
                sequence=event.sequence,
                price=fill.price,
                lots=fill.lots,
                value_minor=fill.value_minor,
                side=event.side,
                taker_order=event.order,
                taker_user_id=event.user_id,
                taker_fee_minor=fill.taker_fee_minor,
                maker_order=fill.maker,
                maker_user_id=fill.maker_user_id,
                maker_fee_minor=fill.maker_fee_minor,
                route=0,
                provider="",
                at_us=row.at_us,
                height=row.height,
            )
            for row, event, fill in self._traded()
            if fill.trade > trade
        ]
        return views[:limit]

    async def trade_at(self, height: int) -> int:
        return max((f.trade for row, _, f in self._traded() if row.height <= height), default=0)

    async def fills_after(self, user_id: str, trade: int, *, limit: int) -> Sequence[FillView]:
        self.reads += 1
        heard = _Heard()
        picture = Picture()
        picture.heard[user_id] = heard
        picture.fold(self._stage.rows)
        return [fill for fill in heard.fills if fill.trade > trade][:limit]

    async def orders_changed(
        self, user_id: str, *, after_height: int, limit: int
    ) -> Sequence[OrderView]:
        self.reads += 1
        return []

    async def suspensions(self, **_: Any) -> Page[SuspensionView]:
        return Page(items=[], next_cursor=None, height=self._stage.height)

    async def balances(self, user_id: str) -> Sequence[BalanceView]:
        return []


class _Heard:
    watches_money = False

    def __init__(self) -> None:
        self.fills: list[FillView] = []

    def order(self, order: Any, reason: str) -> None:
        return

    def filled(self, fill: FillView) -> None:
        self.fills.append(fill)

    def funds(self, funds: Any) -> None:
        return

    def moved(self) -> None:
        return


class _Engine:
    """Stands where the engine stands: the stage writes its rows itself."""

    height = 0
    queued = 0
    idle = False

    def look(self, room: str) -> Any:
        return SimpleNamespace(accounts={})


def platform_of(stage: Stage) -> Platform:
    """Return a platform whose picture is the stage's."""
    views = cast(Any, stage.views)
    return Platform(
        engine=cast(Any, _Engine()),
        ledger=views,
        wallets=views,
        exchange=views,
        picture=stage.picture,
        gate=development_gate(),
    )


def hub_of(stage: Stage, **bounds: int) -> Hub:
    """Return the feeds of a stage."""
    return Hub(Desk(platform_of(stage)), **bounds)


class Reader:
    """A WebSocket client. `reads` off: it takes nothing, until it is on again."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.seen: list[dict[str, Any]] = []
        self.close_code = 0
        self.status = 0
        self.task: asyncio.Task[None] | None = None

    async def send(self, message: Any) -> None:
        """Be the server's `send`."""
        await self.reads.wait()
        self.outgoing.put_nowait(message)
        await asyncio.sleep(0)

    def say(self, **said: Any) -> None:
        """Send a message."""
        self.say_text(json.dumps(said))

    def say_text(self, text: str) -> None:
        """Send any text."""
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        self.incoming.put_nowait({"type": "websocket.receive", "bytes": data})

    def subscribe(self, channel: str, *, symbol: str = "ADA/USDT", **more: Any) -> None:
        """Ask to follow a channel."""
        self.say(op="subscribe", channel=channel, symbol=symbol, **more)

    async def next(self, kind: str = "") -> dict[str, Any]:
        """Return the next message of a type, or of any."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                raw = await self.outgoing.get()
                if raw["type"] == "websocket.close":
                    self.close_code = raw["code"]
                    return {"type": "closed", "code": raw["code"]}
                if raw["type"] == "websocket.http.response.start":
                    self.status = raw["status"]
                    return {"type": "refused", "status": raw["status"]}
                if raw["type"] != "websocket.send":
                    continue
                message: dict[str, Any] = json.loads(raw["text"])
                self.seen.append(message)
                if not kind or message["type"] == kind:
                    return message

    async def quiet(self) -> None:
        """See to it that nothing comes for two ticks."""
        await asyncio.sleep(2 * TICK_S)  # sleeps: that nothing comes can only be waited for
        assert self.outgoing.empty(), self.outgoing.get_nowait()


@asynccontextmanager
async def reader(
    hub: Hub, *, headers: dict[str, str] | None = None, path: str = ws.PATH, address: str = ""
) -> AsyncIterator[Reader]:
    """Connect a reader. `address`: from where; the server does not tell without one."""
    one = Reader()
    pairs = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": pairs,
        "client": (address, 40_000) if address else None,
    }
    one.incoming.put_nowait({"type": "websocket.connect"})
    one.task = asyncio.create_task(ws.serve(hub, scope, one.incoming.get, one.send))
    try:
        yield one
    finally:
        one.reads.set()
        one.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(PATIENCE_S):
            await one.task


async def greeted(one: Reader) -> None:
    """Take the hello."""
    assert (await one.next())["type"] == "hello"
