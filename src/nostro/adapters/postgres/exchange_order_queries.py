"""What do the views say of orders, fills and trades?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.exchange_rows import (
    MADE,
    ORDER,
    ROUTE,
    TAKEN,
    TRADE,
    fill_view,
    order_view,
    route_view,
    terms_of,
    trade_view,
)
from nostro.adapters.postgres.ledger_queries import PAGE_ITEMS
from nostro.adapters.postgres.reading import (
    TIME_MAX,
    Cursor,
    Rows,
    ViewReader,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.exchange import (
    LIVE,
    FillView,
    MarketTerms,
    OrderFilters,
    OrderView,
    RouteView,
    TradeFilters,
    TradeView,
)
from nostro.ledger import AsOf, Page

SCAN_ROWS = 2_000
"""Orders or fills that one look takes in while filters leave few of them."""
SCANS_MAX = 10
"""Looks of one request; a page that stays short has a cursor that goes on."""

# Rows are compared, not columns: so the order asked for is that of the index that begins with what
# is looked for, and no plan can walk all numbers back for somebody who has none.
_WITHIN = "({by}, {number}) >= ({of}, %(low)s) AND ({by}, {number}) < ({of}, %(high)s)"
_NUMBERS_OF = (
    f"SELECT number FROM nostro.orders WHERE {_WITHIN}{{more}}"
    " ORDER BY {by} DESC, number DESC LIMIT %(limit)s"
)
_NUMBERS = (
    "SELECT number FROM nostro.orders WHERE number >= %(low)s AND number < %(high)s"
    " ORDER BY number DESC LIMIT %(limit)s"
)
_NUMBERS_BY_CLIENT = (
    "SELECT number FROM nostro.orders WHERE user_id = %(user_id)s"
    " AND client_order_id = %(client_order_id)s AND client_order_id <> ''"
    " AND number >= %(low)s AND number < %(high)s ORDER BY number DESC LIMIT %(limit)s"
)
_ORDERS_CHANGED = f"""
    SELECT * FROM (
        ({ORDER} WHERE user_id = %(user)s AND closed_height IS NULL AND last_height > %(after)s
          ORDER BY last_height FETCH FIRST %(limit)s ROWS WITH TIES)
        UNION ALL
        ({ORDER} WHERE user_id = %(user)s AND closed_height > %(after)s
          ORDER BY closed_height FETCH FIRST %(limit)s ROWS WITH TIES)) AS changed
     ORDER BY last_height FETCH FIRST %(limit)s ROWS WITH TIES
"""
_SIDES = """
    SELECT * FROM (({taken} WHERE {taker} ORDER BY {taker_by} trade {order} LIMIT %(limit)s)
                   UNION ALL
                   ({made} WHERE {maker} ORDER BY {maker_by} trade {order} LIMIT %(limit)s)) AS s
     ORDER BY trade {order} LIMIT %(limit)s
"""
_FILLS_OF_ORDER = _SIDES.format(
    taken=TAKEN,
    made=MADE,
    taker="taker_order = %(order)s",
    maker="maker_order = %(order)s",
    taker_by="",
    maker_by="",
    order="ASC",
)
_FILLS_UP, _FILLS_DOWN = (
    _SIDES.format(
        taken=TAKEN,
        made=MADE,
        taker=_WITHIN.format(by="taker_user_id", number="trade", of="%(user)s"),
        maker=_WITHIN.format(by="maker_user_id", number="trade", of="%(user)s")
        + " AND maker_user_id IS NOT NULL",
        taker_by=f"taker_user_id {order},",
        maker_by=f"maker_user_id {order},",
        order=order,
    )
    for order in ("ASC", "DESC")
)
_OF_MARKET = _WITHIN.format(by="market", number="trade", of="%(market)s")
Look = Callable[[int, int, int], Awaitable[tuple[Rows, int | None]]]
"""Given the number below which to look, how many candidates to take in and how many rows are
wanted: the rows that the filters leave, and the number to go on below, None at the end."""


class OrderQueries:
    """Reads the views of orders and trades."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)
        self._terms: dict[str, MarketTerms] = {}
        """Of the markets seen so far: terms never change."""

    async def order(self, order: int) -> OrderView | None:
        """Return an order."""
        found = await self._orders(
            await self._reader.rows(f"{ORDER} WHERE number = %s", (bounded(order),))
        )
        return found[0] if found else None

    async def order_by_client_id(self, user_id: str, client_order_id: str) -> OrderView | None:
        """Return the order that a user gave this id, the newest if there are several."""
        found = await self._orders(
            await self._reader.rows(
                f"{ORDER} WHERE user_id = %s AND client_order_id = %s AND client_order_id <> ''"
                " ORDER BY number DESC LIMIT 1",
                (user_id, client_order_id),
            )
        )
        return found[0] if found else None

    async def orders(
        self, filters: OrderFilters, *, cursor: str | None = None, limit: int = PAGE_ITEMS
    ) -> Page[OrderView]:
        """Return orders, the newest first. A page narrowed by several filters may be short and
        still have a next one."""
        question = question_of("orders", filters)
        start = read_cursor(cursor, question) or await self._period(
            question, "order_above", filters.from_us, filters.to_us
        )
        source, answered = _source(filters)
        where, given = _where(filters, answered)

        async def look(below: int, window: int, wanted: int) -> tuple[Rows, int | None]:
            asked = {**given, "low": start.low, "high": below, "limit": window}
            numbers = [number for (number,) in await self._reader.rows(source, asked)]
            rows = await self._reader.rows(
                f"{ORDER} WHERE number = ANY(%(numbers)s){where} ORDER BY number DESC"
                " LIMIT %(wanted)s",
                {**given, "numbers": numbers, "wanted": wanted},
            )
            return rows, numbers[-1] if len(numbers) == window else None

        rows, more = await _page(look, start, page_limit(limit), narrowed=bool(where))
        return Page(await self._orders(rows), more, start.high)

    async def orders_changed(
        self, user_id: str, *, after_height: int, limit: int = PAGE_ITEMS
    ) -> list[OrderView]:
        """Return a user's orders that changed above a journal height, by the height of their last
        change; those of one row are never parted."""
        asked = {"user": user_id, "after": bounded(after_height), "limit": page_limit(limit)}
        found = await self._orders(await self._reader.rows(_ORDERS_CHANGED, asked))
        return sorted(found, key=lambda order: (order.height, order.order))

    async def fills_of(self, order: int, *, limit: int = PAGE_ITEMS) -> list[FillView]:
        """Return the fills of an order, the oldest first."""
        asked = {"order": bounded(order), "limit": page_limit(limit)}
        return await self._fills(await self._reader.rows(_FILLS_OF_ORDER, asked))

    async def routes_of(self, order: int) -> list[RouteView]:
        """Return what was asked of providers for an order, the oldest first."""
        rows = await self._reader.rows(
            f"{ROUTE} WHERE order_number = %s ORDER BY route", (bounded(order),)
        )
        terms = await self._known(row[3] for row in rows)
        return [route_view(row, terms) for row in rows]

    # -- trades ------------------------------------------------------------------------------------

    async def trades(
        self, filters: TradeFilters, *, cursor: str | None = None, limit: int = PAGE_ITEMS
    ) -> Page[TradeView]:
        """Return trades, the newest first."""
        question = question_of("trades", filters)
        start = read_cursor(cursor, question) or await self._period(
            question, "trade_above", filters.from_us, filters.to_us
        )
        size = page_limit(limit)
        where, by = "trade >= %(low)s AND trade < %(high)s", "trade DESC"
        if filters.market is not None:
            where, by = _OF_MARKET, "market DESC, trade DESC"
        rows = await self._reader.rows(
            f"{TRADE} WHERE {where} ORDER BY {by} LIMIT %(limit)s",
            {"market": filters.market, "low": start.low, "high": start.after, "limit": size + 1},
        )
        more = _next(start, rows[size - 1][0]) if len(rows) > size else None
        return Page(await self._trades(rows[:size]), more, start.high)

    async def trades_after(
        self, market: str, trade: int, *, limit: int = PAGE_ITEMS
    ) -> list[TradeView]:
        """Return a market's trades above a number, the oldest first."""
        low, size = bounded(trade) + 1, page_limit(limit)
        asked = {"market": market, "low": low, "high": TIME_MAX, "limit": size}
        return await self._trades(
            await self._reader.rows(
                f"{TRADE} WHERE {_OF_MARKET} ORDER BY market, trade LIMIT %(limit)s", asked
            )
        )

    async def fills(
        self,
        user_id: str,
        filters: TradeFilters,
        *,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[FillView]:
        """Return a user's fills, the newest first. A page narrowed to a market may be short and
        still have a next one."""
        question = question_of("fills", user_id, filters)
        start = read_cursor(cursor, question) or await self._period(
            question, "trade_above", filters.from_us, filters.to_us
        )
        market = filters.market

        async def look(below: int, window: int, wanted: int) -> tuple[Rows, int | None]:
            asked = {"user": user_id, "low": start.low, "high": below, "limit": window}
            rows = await self._reader.rows(_FILLS_DOWN, asked)
            goes_on = rows[-1][0] if len(rows) == window else None
            return [row for row in rows if market in (None, row[1])][:wanted], goes_on

        rows, more = await _page(look, start, page_limit(limit), narrowed=market is not None)
        return Page(await self._fills(rows), more, start.high)

    async def fills_after(
        self, user_id: str, trade: int, *, limit: int = PAGE_ITEMS
    ) -> list[FillView]:
        """Return a user's fills in trades above a number, the oldest first."""
        low, size = bounded(trade) + 1, page_limit(limit)
        asked = {"user": user_id, "low": low, "high": TIME_MAX, "limit": size}
        return await self._fills(await self._reader.rows(_FILLS_UP, asked))

    async def trade_at(self, height: int) -> int:
        """Return the number of the last trade up to a journal height; 0 before the first."""
        ((above,),) = await self._reader.rows(
            "SELECT nostro.trade_above(%s::bigint)", (bounded(height),)
        )
        return int(above) - 1

    # -- what several of them need -----------------------------------------------------------------

    async def _period(
        self, question: str, above: str, from_us: int | None, to_us: int | None
    ) -> Cursor:
        """Return where a list starts: the first number above all that it may tell of, the first
        number of all, and the journal height that it tells up to."""
        until = None if to_us is None else AsOf(at_us=to_us)
        high = await self._reader.height_of(until)
        before = 0
        if from_us is not None:
            before = await self._reader.height_of(AsOf(at_us=from_us - 1))
        ((low, after),) = await self._reader.rows(
            f"SELECT CASE WHEN %s THEN nostro.{above}(%s::bigint) ELSE 1 END,"
            f" nostro.{above}(%s::bigint)",
            (from_us is not None, before, high),
        )
        return Cursor(question, after, low, high)

    async def _orders(self, rows: Rows) -> list[OrderView]:
        terms = await self._known(row[2] for row in rows)
        return [order_view(row, terms) for row in rows]

    async def _trades(self, rows: Rows) -> list[TradeView]:
        terms = await self._known(row[1] for row in rows)
        return [trade_view(row, terms) for row in rows]

    async def _fills(self, rows: Rows) -> list[FillView]:
        terms = await self._known(row[1] for row in rows)
        return [fill_view(row, terms) for row in rows]

    async def _known(self, markets: Iterable[str]) -> Mapping[str, MarketTerms]:
        """Return terms that have those of these markets."""
        missing = {*markets} - self._terms.keys()
        if missing:
            rows = await self._reader.rows(
                "SELECT market, terms FROM nostro.markets WHERE market = ANY(%s)", (list(missing),)
            )
            self._terms.update((market, terms_of(told)) for market, told in rows)
        return self._terms


async def _page(look: Look, start: Cursor, size: int, *, narrowed: bool) -> tuple[Rows, str | None]:
    """Return up to `size` rows below a cursor's number, and the cursor of the next page. When what
    is looked at is narrowed further, several looks may be needed, and a page may be short."""
    window = max(SCAN_ROWS, size + 1) if narrowed else size + 1
    rows: Rows = []
    below: int | None = start.after
    for _ in range(SCANS_MAX):
        if below is None or len(rows) > size:
            break
        some, below = await look(below, window, size + 1 - len(rows))
        rows += some
    if len(rows) > size:
        return rows[:size], _next(start, rows[size - 1][0])
    return rows, None if below is None else _next(start, below)


def _next(start: Cursor, last: int) -> str:
    return write_cursor(Cursor(start.question, last, start.low, start.high))


def bounded(number: int) -> int:
    """Return a number that PostgreSQL takes: whatever is beyond does not exist."""
    return max(-1, min(number, TIME_MAX))


def _source(filters: OrderFilters) -> tuple[str, frozenset[str]]:
    """Return the query for the next candidates' numbers by the index that helps most, and the
    filters that it answers."""
    if filters.user_id is not None and filters.client_order_id:
        return _NUMBERS_BY_CLIENT, frozenset({"user_id", "client_order_id"})
    live = filters.live is True or filters.state in LIVE
    still = " AND closed_height IS NULL" if live else ""
    for name in ("user_id", "market"):
        if getattr(filters, name) is not None:
            source = _NUMBERS_OF.format(by=name, number="number", of=f"%({name})s", more=still)
            return source, frozenset({name, "live"} if filters.live else {name})
    return _NUMBERS, frozenset()


def _where(filters: OrderFilters, answered: frozenset[str]) -> tuple[str, dict[str, Any]]:
    """Return conditions for the filters that no index answered, and the parameters of all."""
    conditions = {
        "user_id": "user_id = %(user_id)s",
        "market": "market = %(market)s",
        "side": "side = %(side)s",
        "state": "state = %(state)s",
        "live": "(closed_height IS NULL) = %(live)s",
        "client_order_id": "client_order_id = %(client_order_id)s",
    }
    given = {
        name: getattr(filters, name) for name in conditions if getattr(filters, name) is not None
    }
    told = "".join(f" AND {conditions[name]}" for name in given if name not in answered)
    return told, given
