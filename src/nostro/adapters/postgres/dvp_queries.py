"""What do the views say of settlements, delivery against payment?

Lists are sorted by day and number, the newest first, so their pages stay as they are while
settlements come and change. A party is on one side of a settlement only: each side is looked up in
an index of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.dvp_rows import (
    DOMAINS,
    EVENT,
    INSTRUMENTS,
    PENALTY,
    PENALTY_RATES,
    POSITIONS,
    SETTLEMENT,
    TOLD,
    domain_view,
    event_view,
    instrument_view,
    penalty_rate_view,
    penalty_view,
    position_view,
    settlement_view,
    told_event,
)
from nostro.adapters.postgres.exchange_order_queries import bounded
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
from nostro.adapters.postgres.settlement_rows import scales_of
from nostro.ledger import LINE_BITS, Page
from nostro.settlement import (
    DomainView,
    InstrumentView,
    PenaltyRateView,
    PenaltyView,
    PositionView,
    SettlementEventView,
    SettlementsFound,
    SettlementView,
    Status,
    ToldEvent,
)

FIRST_DAY, LAST_DAY = "", "~"
"""Texts before and after every ISO date."""
_BY_REFERENCE = f"""
    SELECT * FROM (
        {SETTLEMENT} WHERE trade_id = %(reference)s
                       AND %(party)s IN (seller_account_id, buyer_account_id)
        UNION ALL
        {SETTLEMENT} WHERE seller_account_id = %(party)s AND seller_reference = %(reference)s
                       AND seller_reference <> trade_id
        UNION ALL
        {SETTLEMENT} WHERE buyer_account_id = %(party)s AND buyer_reference = %(reference)s
                       AND buyer_reference <> trade_id) AS found
     ORDER BY settlement DESC LIMIT 1
"""


class _List(msgspec.Struct, frozen=True):
    """A list of things: its query and table, the columns that sort it, and where its rows have
    these."""

    select: str
    table: str
    day: str
    number: str
    day_place: int
    number_place: int


class _Side(msgspec.Struct, frozen=True):
    """What is looked for, by column, and which of these columns lead the index that serves."""

    values: Mapping[str, Any]
    led_by: Sequence[str]


_SETTLEMENTS = _List(SETTLEMENT, "nostro.settlements", "settlement_date", "settlement", 24, 0)
_PENALTIES = _List(PENALTY, "nostro.settlement_penalties", "day", "seq", 1, 0)


class DvpQueries:
    """Reads the views of settlements, as `DvpReads` in the API says."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)
        self._chain = chain

    # -- settlements -------------------------------------------------------------------------------

    async def settlement(self, number: int) -> SettlementView | None:
        """Return a settlement as it stands."""
        rows = await self._reader.rows(f"{SETTLEMENT} WHERE settlement = %s", (bounded(number),))
        return settlement_view(rows[0]) if rows else None

    async def settlement_by_reference(self, party: str, reference: str) -> SettlementView | None:
        """Return the settlement that a party instructed under a reference of its own, or that has
        this trade id and the party on a side; the newest if there are several."""
        if not reference:
            return None  # one that nobody named yet is no answer
        asked = {"party": party, "reference": reference}
        rows = await self._reader.rows(_BY_REFERENCE, asked)
        return settlement_view(rows[0]) if rows else None

    async def settlements(
        self,
        *,
        party: str | None = None,
        status: Status | None = None,
        trade_id: str | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> SettlementsFound:
        """Return settlements, by settlement date and number, the newest first."""
        question = question_of("dvp", party, status, trade_id, from_day, to_day)
        given = {"status": status, "trade_id": trade_id}
        wanted = _wanted(question, cursor, from_day, to_day, limit)
        sides = _sides(("seller_account_id", "buyer_account_id"), party, given, "trade_id")
        height = await self._reader.checkpoint()
        rows = await self._list(_SETTLEMENTS, sides, wanted)
        total = wanted["total"]
        if total is None:
            total = await self._count(_SETTLEMENTS, sides, from_day, to_day)
        size = wanted["limit"] - 1
        return SettlementsFound(
            items=[settlement_view(row) for row in rows[:size]],
            next_cursor=_next(question, _SETTLEMENTS, rows, size, total=total),
            total=total,
            height=height,
        )

    async def events(
        self, number: int, *, cursor: str | None = None, limit: int = PAGE_ITEMS
    ) -> Page[SettlementEventView]:
        """Return what happened to a settlement, the oldest first."""
        question = question_of("dvp events", number)
        start = read_cursor(cursor, question)
        after, size = bounded(start.after) if start else -1, page_limit(limit)
        height = await self._reader.checkpoint()
        rows = await self._reader.rows(
            f"{EVENT} WHERE settlement = %s AND seq > %s ORDER BY seq LIMIT %s",
            (bounded(number), after, size + 1),
        )
        more = write_cursor(Cursor(question, rows[size - 1][0])) if len(rows) > size else None
        return Page([event_view(row, self._chain) for row in rows[:size]], more, height)

    async def positions(self, party: str, *, asset: str | None = None) -> Sequence[PositionView]:
        """Return what settlements under way have of a party's assets."""
        rows = await self._reader.rows(POSITIONS, {"party": party, "asset": asset})
        return [position_view(row, party) for row in rows]

    # -- what is told ------------------------------------------------------------------------------

    async def told_after(self, seq: int, *, limit: int = PAGE_ITEMS) -> Sequence[ToldEvent]:
        """Return what happened to any settlement after `seq`, in the order of the journal."""
        rows = await self._reader.rows(
            f"{TOLD} WHERE e.seq > %s ORDER BY e.seq LIMIT %s", (bounded(seq), page_limit(limit))
        )
        return [told_event(row, self._chain) for row in rows]

    async def told_between(self, low: int, high: int, types: Sequence[str]) -> Sequence[ToldEvent]:
        """Return what of these types happened from one journal height up to another, both
        included, in order."""
        rows = await self._reader.rows(
            f"{TOLD} WHERE e.seq >= %s AND e.seq < %s AND e.event_type = ANY(%s) ORDER BY e.seq",
            (low << LINE_BITS, (high + 1) << LINE_BITS, list(types)),
        )
        return [told_event(row, self._chain) for row in rows]

    async def scales(self, told: Sequence[ToldEvent]) -> Mapping[str, int]:
        """Return the decimals of all assets that these are about."""
        codes = {code for each in told for code in (each.security, each.cash)}
        return await scales_of(self._reader, codes)

    # -- penalties, instruments, domains -----------------------------------------------------------

    async def penalties(
        self,
        *,
        party: str | None = None,
        number: int | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[PenaltyView]:
        """Return penalties of whom they cost or whom they are for, by day, the newest first."""
        question = question_of("penalties", party, number, from_day, to_day)
        given = {"settlement": None if number is None else bounded(number)}
        wanted = _wanted(question, cursor, from_day, to_day, limit)
        sides = _sides(("failing_account_id", "other_account_id"), party, given, "settlement")
        height = await self._reader.checkpoint()
        rows = await self._list(_PENALTIES, sides, wanted)
        size = wanted["limit"] - 1
        more = _next(question, _PENALTIES, rows, size)
        items = [penalty_view(row) for row in rows[:size]]
        return Page(items, more, height)

    async def instruments(self) -> Sequence[InstrumentView]:
        """Return how assets settle of which that was said, by code."""
        return [instrument_view(row) for row in await self._reader.rows(INSTRUMENTS)]

    async def domains(self) -> Sequence[DomainView]:
        """Return the domains that were heard of, by name."""
        return [domain_view(row) for row in await self._reader.rows(DOMAINS)]

    async def penalty_rates(self) -> Sequence[PenaltyRateView]:
        """Return the rates that were said, by class and day."""
        return [penalty_rate_view(row) for row in await self._reader.rows(PENALTY_RATES)]

    # -- lists -------------------------------------------------------------------------------------

    async def _list(self, things: _List, sides: Sequence[_Side], wanted: Mapping[str, Any]) -> Rows:
        """Return rows of all sides together, one more than the page has if there are so many."""
        parts = [
            f"({things.select} WHERE {_within(things, side)}"
            f" ORDER BY {_order(things, side.led_by)} LIMIT %(limit)s)"
            for side in sides
        ]
        return await self._reader.rows(
            f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS sides"
            f" ORDER BY {_order(things, ())} LIMIT %(limit)s",
            {**wanted, **_values(sides)},
        )

    async def _count(
        self, things: _List, sides: Sequence[_Side], from_day: str | None, to_day: str | None
    ) -> int:
        counts = [
            f"(SELECT count(*) FROM {things.table} WHERE {_within(things, side)})" for side in sides
        ]
        bounds = {"from": from_day or FIRST_DAY, "day": to_day or LAST_DAY, "number": TIME_MAX}
        ((total,),) = await self._reader.rows(
            f"SELECT {' + '.join(counts)}", {**bounds, **_values(sides)}
        )
        return int(total)


def _sides(
    columns: Sequence[str], party: str | None, given: Mapping[str, Any], rarest: str
) -> Sequence[_Side]:
    """Return what is looked for on each side on which a party can be. `rarest`: the column whose
    index serves alone when it is given."""
    told = {name: value for name, value in given.items() if value is not None}
    sides = [told] if party is None else [{column: party, **told} for column in columns]
    return [_Side(side, (rarest,) if rarest in side else tuple(side)) for side in sides]


def _values(sides: Sequence[_Side]) -> Mapping[str, Any]:
    return {name: value for side in sides for name, value in side.values.items()}


# Rows are compared, not columns: so the order asked for is that of the index that begins with what
# is looked for, and no plan can walk all days back for somebody who has nothing.


def _within(things: _List, side: _Side) -> str:
    names = ", ".join((*side.led_by, things.day, things.number))
    values = "".join(f"%({name})s, " for name in side.led_by)
    rest = "".join(f" AND {name} = %({name})s" for name in side.values if name not in side.led_by)
    return (
        f"({names}) >= ({values}%(from)s, 0)"
        f" AND ({names}) < ({values}%(day)s, %(number)s::bigint){rest}"
    )


def _order(things: _List, led_by: Sequence[str]) -> str:
    return ", ".join(f"{name} DESC" for name in (*led_by, things.day, things.number))


def _wanted(
    question: str, cursor: str | None, from_day: str | None, to_day: str | None, limit: int
) -> dict[str, Any]:
    """Return the bounds of a page, from its cursor or as those of the first, which counts the
    `total`: what there are of millions is not counted anew for each page."""
    start = read_cursor(cursor, question)
    return {
        "from": from_day or FIRST_DAY,
        "day": _day_of(start.low) if start else to_day or LAST_DAY,
        "number": bounded(start.after) if start else TIME_MAX,
        "limit": page_limit(limit) + 1,
        "total": start.high if start and start.high > 0 else None,
    }


def _day_of(ordinal: int) -> str:
    """Return the day in a cursor, which may be forged."""
    return date.fromordinal(max(1, min(ordinal, date.max.toordinal()))).isoformat()


def _next(question: str, things: _List, rows: Rows, size: int, *, total: int = 0) -> str | None:
    if len(rows) <= size:
        return None
    last = rows[size - 1]
    day = date.fromisoformat(last[things.day_place]).toordinal()
    return write_cursor(Cursor(question, last[things.number_place], day, total))
