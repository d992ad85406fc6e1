"""Do readers find the settlements they ask for, all of them once, and by an index?"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest

from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.projections.dvp_tables import SETTLEMENTS
from nostro.adapters.postgres.reading import Cursor, ViewReader, write_cursor
from nostro.kernel.messages import Rejection
from nostro.settlement import (
    PositionView,
    SettlementsFound,
    SettlementView,
    Status,
    Telling,
    ToldType,
    event_id,
)
from tests import databases
from tests.adapters.postgres.chronicle import reader_pool
from tests.adapters.postgres.dvp_story import DvpStory, follow_story
from tests.adapters.postgres.plans import plans_of
from tests.databases import as_role
from tests.rooms.settlement.told_course import CHAIN, PARTIES

STORY = DvpStory(3, 300)


@pytest.fixture(scope="module")
def url(postgres_servers: databases.Servers) -> Iterator[str]:
    """A database whose views tell the story."""
    url = postgres_servers.create(databases.NAMES[0])
    STORY._written = 0
    asyncio.run(STORY.write(url))
    follow_story(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    yield url
    postgres_servers.drop(url)


@pytest.fixture
async def queries(url: str) -> AsyncIterator[DvpQueries]:
    async with reader_pool(as_role(url, "nostro_reader")) as pool:
        yield DvpQueries(pool, CHAIN)


async def all_of(queries: DvpQueries, *, size: int, **filters: Any) -> list[SettlementView]:
    """Return what all pages have."""
    found: list[SettlementView] = []
    cursor: str | None = None
    for _ in range(1_000):
        page: SettlementsFound = await queries.settlements(**filters, cursor=cursor, limit=size)
        assert len(page.items) <= size
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            assert page.total == len(found)
            return found
        assert page.total >= len(found)
    raise AssertionError("pages without end")


async def test_a_list_has_every_settlement_that_the_filters_leave_once_and_in_order(
    queries: DvpQueries,
) -> None:
    everything = await all_of(queries, size=1_000)
    assert [each.number for each in everything] == [
        each.number
        for each in sorted(everything, key=lambda s: (s.settlement_date, s.number), reverse=True)
    ]
    days = sorted({each.settlement_date for each in everything})
    dice = Random(1)
    for _ in range(25):
        party = dice.choice((None, *PARTIES, "nobody"))
        status = dice.choice((None, *Status))
        trade_id = dice.choice((None, None, None, dice.choice(everything).trade_id))
        from_day, to_day = dice.choice((None, *days)), dice.choice((None, *days))
        wanted = [
            each
            for each in everything
            if (party is None or party in (each.seller, each.buyer))
            and (status is None or each.status is status)
            and (trade_id is None or each.trade_id == trade_id)
            and (from_day is None or each.settlement_date >= from_day)
            and (to_day is None or each.settlement_date <= to_day)
        ]
        found = await all_of(
            queries,
            size=dice.choice((7, 50)),
            party=party,
            status=status,
            trade_id=trade_id,
            from_day=from_day,
            to_day=to_day,
        )
        assert found == wanted


async def test_a_cursor_is_good_for_its_own_question_only(queries: DvpQueries) -> None:
    page = await queries.settlements(party="alba", limit=1)
    with pytest.raises(Rejection, match="bad_cursor"):
        await queries.settlements(party="bora", cursor=page.next_cursor, limit=1)
    with pytest.raises(Rejection, match="bad_cursor"):
        await queries.penalties(party="alba", cursor=page.next_cursor, limit=1)


async def test_a_forged_cursor_finds_nothing_worse_than_nothing(queries: DvpQueries) -> None:
    page = await queries.settlements(limit=1)
    assert page.next_cursor is not None
    with pytest.raises(Rejection, match="bad_cursor"):
        await queries.settlements(cursor="!", limit=1)
    for low, after in ((-5, 10**30), (10**30, -(10**30)), (1, 1)):
        forged = write_cursor(Cursor(_question_in(page.next_cursor), after, low))
        assert (await queries.settlements(cursor=forged, limit=1)).total == page.total


def _question_in(cursor: str) -> str:
    padded = cursor + "=" * (-len(cursor) % 4)
    return msgspec.json.decode(urlsafe_b64decode(padded), type=Cursor).question


async def test_a_settlement_is_found_by_number_and_by_what_each_party_calls_it(
    queries: DvpQueries,
) -> None:
    for each in await all_of(queries, size=1_000):
        assert await queries.settlement(each.number) == each
        for party, reference in (
            (each.seller, each.seller_reference),
            (each.buyer, each.buyer_reference),
        ):
            if reference:
                assert await queries.settlement_by_reference(party, reference) == each
    assert await queries.settlement(10**30) is None
    assert await queries.settlement_by_reference("nobody", "T1") is None
    assert await queries.settlement_by_reference("alba", "") is None


async def test_the_timeline_is_what_telling_makes_of_the_journal(queries: DvpQueries) -> None:
    telling = Telling(CHAIN)
    told = [
        each
        for height, at_us, events in STORY.dealer.rows
        for each in telling.fold(events, height, at_us)
    ]
    for number in (1, 7, 40):
        shown = (await queries.events(number, limit=1_000)).items
        assert [(each.event_id, each.event_type, each.status, each.at_us) for each in shown] == [
            (event_id(CHAIN, each.height, each.place), each.event_type, each.status, each.at_us)
            for each in told
            if each.about.number == number
        ]


async def test_a_long_timeline_is_told_page_by_page_to_its_end(queries: DvpQueries) -> None:
    whole = await queries.events(1, limit=1_000)
    assert whole.next_cursor is None
    told: list[str] = []
    cursor: str | None = None
    for _ in whole.items:
        page = await queries.events(1, cursor=cursor, limit=2)
        told += [each.event_id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert told == [each.event_id for each in whole.items]
    first = await queries.events(1, limit=2)
    with pytest.raises(Rejection, match="bad_cursor"):
        await queries.events(2, cursor=first.next_cursor)


async def test_what_a_page_says_of_its_height_it_tells(
    queries: DvpQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    plainly = ViewReader.rows

    async def noted(self: ViewReader, query: str, parameters: Any = ()) -> Any:
        asked.append("height" if "projection_checkpoint" in query else "rows")
        return await plainly(self, query, parameters)

    monkeypatch.setattr(ViewReader, "rows", noted)
    for read in (queries.settlements, queries.penalties):
        asked.clear()
        await read(limit=1)
        assert asked[0] == "height", "rows of before would be said to be of after"


async def test_what_there_is_of_many_is_counted_with_the_first_page(queries: DvpQueries) -> None:
    first = await queries.settlements(limit=1)
    queries._count = None  # type: ignore[assignment,method-assign]
    second = await queries.settlements(cursor=first.next_cursor, limit=1)
    assert second.total == first.total > 1


async def test_all_that_is_told_comes_in_the_order_of_the_journal_and_goes_on_from_anywhere(
    queries: DvpQueries,
) -> None:
    whole: list[str] = []
    seq = -1
    while page := await queries.told_after(seq, limit=97):
        assert page[0].seq > seq
        whole += [each.event.event_id for each in page]
        seq = page[-1].seq
    telling = Telling(CHAIN)
    assert whole == [
        event_id(CHAIN, each.height, each.place)
        for height, at_us, events in STORY.dealer.rows
        for each in telling.fold(events, height, at_us)
    ]
    between = await queries.told_between(5, 9, [ToldType.INSTRUCTED, ToldType.FAILED])
    assert {each.event.height for each in between} <= {*range(5, 10)}
    assert (await queries.scales(between))["EUR"] == 2


async def test_penalties_are_found_by_whom_they_cost_and_whom_they_are_for(
    queries: DvpQueries,
) -> None:
    everything = (await queries.penalties(limit=1_000)).items
    assert everything
    for party in PARTIES:
        page = await queries.penalties(party=party, limit=1_000)
        assert page.items == [
            each for each in everything if party in (each.failing_party, each.other_party)
        ]
    one = everything[len(everything) // 2]
    of_one = await queries.penalties(number=one.number, from_day=one.day, to_day=one.day, limit=9)
    assert one in of_one.items
    assert {(each.number, each.day) for each in of_one.items} == {(one.number, one.day)}
    first = await queries.penalties(party="alba", limit=1)
    second = await queries.penalties(party="alba", limit=1, cursor=first.next_cursor)
    whole = await queries.penalties(party="alba", limit=2)
    assert [*first.items, *second.items] == whole.items


async def test_what_is_in_settlement_is_what_rounds_under_way_have_of_a_party(
    queries: DvpQueries,
) -> None:
    everything = await all_of(queries, size=1_000)
    for party in PARTIES:
        wanted: dict[str, list[int]] = {}
        for each in everything:
            for asset, minor, gives in (
                (each.security, each.round_quantity_minor, each.seller == party),
                (each.cash, each.round_amount_minor, each.buyer == party),
            ):
                column = _column(each, asset, gives=gives)
                if party in (each.seller, each.buyer) and column is not None:
                    wanted.setdefault(asset, [0, 0, 0])[column] += minor
        shown = await queries.positions(party)
        assert list(shown) == [position(party, asset, *wanted[asset]) for asset in sorted(wanted)]
        assert [each.asset for each in await queries.positions(party, asset="EUR")] == [
            asset for asset in sorted(wanted) if asset == "EUR"
        ]


def _column(each: SettlementView, asset: str, *, gives: bool) -> int | None:
    """Return to which figure a side of a settlement counts."""
    if each.status is Status.EXECUTING:
        return 1 if gives else 2
    earmarked = [Status.BUYER_CASH_LOCKED]
    if asset == each.security:
        earmarked.append(Status.SELLER_SECURITIES_LOCKED)
    return 0 if gives and each.status in earmarked else None


def position(party: str, asset: str, earmarked: int, out: int, into: int) -> PositionView:
    return PositionView(
        party=party,
        asset=asset,
        earmarked_minor=earmarked,
        delivering_minor=out,
        receiving_minor=into,
    )


async def test_what_operators_set_is_shown(queries: DvpQueries) -> None:
    (bond,) = await queries.instruments()
    assert (bond.instrument.code, bond.instrument.lot_minor) == ("BOND", 50)
    assert {each.name for each in await queries.domains()} == {"cash", "depot"}
    ((rate),) = await queries.penalty_rates()
    assert (rate.penalty_class, rate.valid_from, rate.rate_ppm) == ("other", "2023-01-01", 77)


# -- among many ------------------------------------------------------------------------------------

MANY = {
    "settlement": "1000000 + n",
    "trade_id": "'M' || n",
    "seller_reference": "'m' || n",
    "seller_account_id": "'p' || n % 50",
    "buyer_account_id": "'p' || (n + 25) % 50",
    "status": "CASE WHEN n % 500 = 1 THEN 'FAILED' ELSE 'SETTLED' END",
    "settlement_date": "'2023-12-' || lpad((1 + n % 28)::text, 2, '0')",
}
"""What differs among many settlements; all else is as of the first one."""


@pytest.fixture(scope="module")
def crowded(url: str, postgres_servers: databases.Servers) -> Iterator[str]:
    """A database with many settlements."""
    other = postgres_servers.create(databases.NAMES[0])
    STORY._written = 0
    asyncio.run(STORY.write(other))
    follow_story(other)
    with psycopg.connect(other, autocommit=True) as connection:
        columns = list(SETTLEMENTS.columns)
        made = ", ".join(MANY.get(name, f"one.{name}") for name in columns)
        connection.execute(
            f"INSERT INTO nostro.settlements ({', '.join(columns)})"
            f" SELECT {made} FROM generate_series(1, 20000) AS n,"
            " (SELECT * FROM nostro.settlements ORDER BY settlement LIMIT 1) AS one".encode()
        )
        connection.execute("VACUUM ANALYZE")
    yield other
    postgres_servers.drop(other)


Read = Callable[[DvpQueries], Awaitable[Any]]
READS: dict[str, tuple[Read, str]] = {
    "a settlement": (lambda q: q.settlement(1_000_500), "settlements_pkey"),
    "one by a trade id": (
        lambda q: q.settlement_by_reference("p7", "M7"),
        "settlements_trade",
    ),
    "one by a party's own reference": (
        lambda q: q.settlement_by_reference("p7", "m7"),
        "settlements_seller_reference",
    ),
    "an account's": (lambda q: q.settlements(party="p7", limit=5), "settlements_buyer"),
    "an account's failed ones": (
        lambda q: q.settlements(party="p7", status=Status.FAILED, limit=5),
        "settlements_seller_status",
    ),
    "nobody's": (lambda q: q.settlements(party="nobody", limit=5), "settlements_seller"),
    "all that wait": (
        lambda q: q.settlements(status=Status.PENDING, limit=5),
        "settlements_status",
    ),
    "those of a day": (
        lambda q: q.settlements(from_day="2023-12-05", to_day="2023-12-05", limit=5),
        "settlements_date",
    ),
    "those of a trade": (
        lambda q: q.settlements(party="p7", trade_id="M7", limit=5),
        "settlements_trade",
    ),
    "what is in settlement": (lambda q: q.positions("p7"), "_status"),
}


@pytest.mark.parametrize("read", READS)
async def test_one_among_many_is_found_by_an_index(
    crowded: str, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    ask, index = READS[read]
    async with reader_pool(as_role(crowded, "nostro_reader")) as pool:
        plans = await plans_of(crowded, ask(DvpQueries(pool)), monkeypatch)
    for plan in plans:
        assert "Seq Scan on settlements" not in plan, plan
    assert any(index in plan for plan in plans), plans
