"""What can everybody ask of the markets: books, trades, candles, tickers?"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from starlette.convertors import StringConvertor

from nostro.api.http import market_examples as examples
from nostro.api.http.ledger_reads import AtLeast, Cursor, FreshQuery
from nostro.api.http.market_told import (
    BookTold,
    CandlesTold,
    MarketsTold,
    MarketTold,
    TickerTold,
    book_told,
    candle_told,
    market_told,
    ticker_told,
)
from nostro.api.http.order_bodies import market_of
from nostro.api.http.order_told import TradesPage, trade_told
from nostro.api.operations import Call, Handler, Operation, Result, answered
from nostro.api.picture import MarketPicture
from nostro.api.prices import symbol_of
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import microseconds
from nostro.api.words import Moment, PathSymbol
from nostro.exchange import INTERVALS, TradeFilters
from nostro.kernel.messages import Rejection

TAG = "markets"
DEPTH = 50
DEPTH_MAX = 1_000
CANDLES_MAX = 1_500

Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]
assert set(INTERVALS) == set(get_args(Interval))


class MarketPath(msgspec.Struct, frozen=True, kw_only=True):
    """The market in the path; the slash of its symbol may stand as it is."""

    symbol: PathSymbol


class SymbolInPath(StringConvertor):
    """Finds a symbol in a path: with a dash it is one step of it, with a slash two, of which the
    second is none of the addresses below a market."""

    regex = "[^/]*-[^/]*|[^/-]+/(?!(?:book|trades|candles|ticker|state|reference)$)[^/]+"


class MarketQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more is needed."""


class BookQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the book: level 1, the best prices; 2, `depth` prices of each side; 3, `depth`
    orders of each side."""

    level: Annotated[int, msgspec.Meta(ge=1, le=3, description="1, 2 or 3.", examples=[2])] = 2
    depth: Annotated[
        int, msgspec.Meta(ge=1, le=DEPTH_MAX, description="Prices, or orders.", examples=[50])
    ] = DEPTH


class TradesQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which trades; both times are included."""

    from_: Moment | None = None
    to: Moment | None = None
    cursor: Cursor | None = None
    limit: Annotated[
        int, msgspec.Meta(ge=1, le=500, description="Items of a page.", examples=[100])
    ] = 100
    at_least: AtLeast | None = None


class CandlesQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which candles: the last `limit` intervals that begin between these times."""

    interval: Annotated[Interval, msgspec.Meta(description="Length of a candle.")] = "1m"
    from_: Moment | None = None
    to: Moment | None = None
    limit: Annotated[
        int, msgspec.Meta(ge=1, le=CANDLES_MAX, description="Intervals.", examples=[500])
    ] = 500
    at_least: AtLeast | None = None


def market_in(call: Call) -> MarketPicture:
    """Return the market in the path; raises ProblemRaised `exchange.market_unknown` or
    `exchange.not_here`."""
    try:
        return market_of(call.desk, call.params.symbol)
    except Rejection as no:
        facts = {name: fact for name, fact in no.facts.items() if name != "at"}
        raise ProblemRaised(no.code, facts=facts) from None


async def list_markets(call: Call, _: Any) -> Spoken:
    """Tell all markets."""
    markets = call.desk.picture.markets()
    return answered(MarketsTold(data=[market_told(market) for market in markets]))


async def get_market(call: Call, _: Any) -> Spoken:
    """Tell one market."""
    return answered(market_told(market_in(call)))


async def get_book(call: Call, query: BookQuery) -> Spoken:
    """Tell the book of a market."""
    level: Literal[1, 2, 3] = 1 if query.level == 1 else 2 if query.level == 2 else 3
    return answered(book_told(market_in(call), level, query.depth))


async def list_trades(call: Call, query: TradesQuery) -> Spoken:
    """Tell the trades of a market, page by page."""
    desk, market = call.desk, market_in(call)
    await desk.fresh(query.at_least)
    filters = TradeFilters(
        market=market.name,
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
    )
    page = await desk.platform.exchange.trades(filters, cursor=query.cursor, limit=query.limit)
    told = TradesPage(
        data=[trade_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def list_candles(call: Call, query: CandlesQuery) -> Spoken:
    """Tell the candles of a market."""
    desk, market = call.desk, market_in(call)
    await desk.fresh(query.at_least)
    views = await desk.platform.exchange.candles(
        market.name,
        INTERVALS[query.interval],
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
        limit=query.limit,
    )
    told = CandlesTold(
        symbol=symbol_of(market.terms),
        interval=query.interval,
        data=[candle_told(view, market.terms) for view in views],
    )
    return answered(told)


async def get_ticker(call: Call, query: FreshQuery) -> Spoken:
    """Tell what a market did in the last 24 hours."""
    desk, market = call.desk, market_in(call)
    await desk.fresh(query.at_least)
    view = await desk.platform.exchange.ticker(market.name)
    if view is None:
        raise ProblemRaised("views.behind", detail="The views do not know the market yet.")
    return answered(ticker_told(view, market))


_HERE = ("exchange.market_unknown", "exchange.not_here")
_VIEWS = ("views.behind", "views.unavailable")


def _read(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    query: type[msgspec.Struct],
    shape: Any,
    example: Any,
    problems: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=f"/markets/{{symbol:symbol}}{path}",
        tag=TAG,
        summary=summary,
        description=description,
        handler=handler,
        query=query,
        params=MarketPath,
        problems=(*_HERE, *problems),
        results={200: Result(description=f"{summary}.", shape=shape, example=example)},
    )


OPERATIONS = (
    Operation(
        name="listMarkets",
        method="GET",
        path="/markets",
        tag=TAG,
        summary="Markets",
        description="Each with its tick and lot, rules, state and best prices, as of now.",
        handler=list_markets,
        query=MarketQuery,
        problems=("exchange.not_here",),
        results={200: Result(description="Markets.", shape=MarketsTold, example=examples.MARKETS)},
    ),
    _read(
        name="getBook",
        path="/book",
        summary="The book of a market",
        description="As it durably stands: whoever was told that an order rests finds it here. "
        "`sequence` is that of the feeds, so a snapshot and their deltas fit together.",
        handler=get_book,
        query=BookQuery,
        shape=BookTold,
        example=examples.BOOK,
    ),
    _read(
        name="listTrades",
        path="/trades",
        summary="Trades of a market",
        description="The newest first, at the prices of the orders that stood on the book.",
        handler=list_trades,
        query=TradesQuery,
        shape=TradesPage,
        example=examples.TRADES,
        problems=("request.bad_cursor", *_VIEWS),
    ),
    _read(
        name="listCandles",
        path="/candles",
        summary="Candles of a market",
        description="Open, high, low, close and volume of each interval that had a trade, oldest "
        "first; intervals count from the epoch, in UTC.",
        handler=list_candles,
        query=CandlesQuery,
        shape=CandlesTold,
        example=examples.CANDLES,
        problems=_VIEWS,
    ),
    _read(
        name="getTicker",
        path="/ticker",
        summary="What a market did in 24 hours",
        description="Last, open, high, low, change and volume, and the best prices of now.",
        handler=get_ticker,
        query=FreshQuery,
        shape=TickerTold,
        example=examples.TICKER,
        problems=_VIEWS,
    ),
    _read(
        name="getMarket",
        path="",
        summary="A market",
        description="Its tick and lot, rules, state and best prices, as of now.",
        handler=get_market,
        query=MarketQuery,
        shape=MarketTold,
        example=examples.MARKET,
    ),
)
