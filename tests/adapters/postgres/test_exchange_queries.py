"""What do readers learn of markets, orders and trades from the views?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nostro.adapters.postgres import exchange_order_queries
from nostro.adapters.postgres.exchange_queries import ExchangeQueries
from nostro.api.exchange_reads import ExchangeReads
from nostro.exchange import (
    INTERVALS,
    CandleView,
    MarketState,
    OrderFilters,
    OrdersPlaced,
    OrderState,
    OrderType,
    PostOnly,
    Role,
    RouteState,
    Settling,
    Side,
    SuspensionState,
    TimeInForce,
    TradeFilters,
)
from nostro.kernel.messages import Rejection
from nostro.ledger import AccountType, Limit, NewAccount, OpenAccounts
from tests.adapters.postgres.chronicle import Chronicle, reader_pool, told
from tests.adapters.postgres.exchange_story import (
    ADA,
    ALICE_CLIENT,
    FIRST_US,
    MINUTE_US,
    Story,
    follow_story,
    purchase,
    whole_story,
)
from tests.databases import as_role

DAY_US = 1_440 * MINUTE_US


@pytest.fixture
async def story(postgres: str) -> Story:
    """The whole story, told by the views of the database."""
    story = whole_story()
    await story.write(postgres)
    follow_story(postgres)
    return story


@pytest.fixture
async def reads(postgres: str) -> AsyncIterator[ExchangeReads]:
    """The reads of the exchange, by the reader's role."""
    async with reader_pool(as_role(postgres, "nostro_reader")) as pool:
        yield ExchangeQueries(pool)


async def paged(read: Any, **more: Any) -> list[Any]:
    """Return the items of all pages."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(50):
        page = await read(cursor=cursor, **more)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("pages without an end")


# -- what is not there -----------------------------------------------------------------------------


async def test_what_was_never_heard_of_is_none(story: Story, reads: ExchangeReads) -> None:
    assert await reads.order(99) is None
    assert await reads.order(10**40) is None
    assert await reads.order_by_client_id("alice", "") is None
    assert await reads.order_by_client_id("bob", ALICE_CLIENT) is None
    assert await reads.market("X-Y") is None
    assert await reads.ticker("X-Y") is None
    assert await reads.suspension(9) is None
    assert list(await reads.fills_of(99, limit=10)) == []
    assert list(await reads.routes_of(1)) == []
    assert list(await reads.candles("X-Y", 60, limit=10)) == []
    assert await reads.schedule_of("nobody") == ""


async def test_an_empty_exchange_has_the_standard_fees_and_nothing_else(
    reads: ExchangeReads,
) -> None:
    assert [schedule.name for schedule in await reads.fee_schedules()] == ["standard"]
    assert (await reads.orders(OrderFilters(), limit=10)).items == []
    assert (await reads.trades(TradeFilters(), limit=10)).items == []
    assert await reads.trade_at(10) == 0
    assert list(await reads.tickers()) == []


# -- orders ----------------------------------------------------------------------------------------


async def test_an_order_is_told_with_all_that_it_was_placed_with(
    story: Story, reads: ExchangeReads
) -> None:
    found = await reads.order_by_client_id("alice", ALICE_CLIENT)
    assert found is not None
    assert found == await reads.order(1)
    assert (found.order, found.user_id, found.market, found.terms) == (1, "alice", "ADA-USD", ADA)
    assert (found.side, found.type, found.state) == (Side.SELL, OrderType.LIMIT, OrderState.FILLED)
    assert (found.time_in_force, found.post_only) == (TimeInForce.GTC, PostOnly.NO)
    assert (found.lots, found.filled_lots, found.lots_left) == (10, 10, 0)
    assert (found.filled_value_minor, found.notional, found.fee_minor) == (2_000, 2_000, 0)
    assert (found.reserved_asset, found.reserved_minor, found.trades_count) == ("ADA", 0, 3)
    assert (found.maker_ppm, found.taker_ppm) == (1_000, 2_000)
    assert found.placed_at_us == story.entries[3].at_us
    assert found.closed_at_us == found.changed_at_us == story.entries[5].at_us
    assert found.height == 6
    resting = await reads.order(12)
    assert resting is not None
    assert (resting.closed_at_us, resting.state, resting.reserved_minor) == (
        None,
        OrderState.OPEN,
        751,
    )


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (OrderFilters(), "14 13 12 11 10 9 8 7 6 5 4 3 2 1"),
        (OrderFilters(user_id="alice"), "14 11 5 1"),
        (OrderFilters(user_id="bob", live=True), "13 12 10 7"),
        (OrderFilters(user_id="bob", live=False), "9 8 6 3 2"),
        (OrderFilters(user_id="bob", live=True, market="EUR-USD"), "13"),
        (OrderFilters(market="EUR-USD"), "13"),
        (OrderFilters(market="ADA-USD", live=True), "14 12 10 7"),
        (OrderFilters(market="ADA-USD", live=True, side=Side.SELL), "14"),
        (OrderFilters(live=True), "14 13 12 10 7"),
        (OrderFilters(state=OrderState.UNTRIGGERED), "14"),
        (OrderFilters(state=OrderState.PARTIALLY_FILLED), "7"),
        (OrderFilters(user_id="bob", state=OrderState.OPEN), "13 12 10"),
        (OrderFilters(state=OrderState.REJECTED), "4"),
        (OrderFilters(user_id="alice", state=OrderState.FILLED, side=Side.SELL), "11 1"),
        (OrderFilters(user_id="alice", client_order_id=ALICE_CLIENT), "1"),
        (OrderFilters(client_order_id=ALICE_CLIENT), "1"),
        (OrderFilters(user_id="alice", client_order_id=""), "14 11 5"),
        (OrderFilters(user_id="nobody"), ""),
    ],
)
@pytest.mark.parametrize("scan_rows", [2, 2_000])
async def test_orders_are_found_by_what_they_are(
    story: Story,
    reads: ExchangeReads,
    monkeypatch: pytest.MonkeyPatch,
    filters: OrderFilters,
    numbers: str,
    scan_rows: int,
) -> None:
    monkeypatch.setattr(exchange_order_queries, "SCAN_ROWS", scan_rows)
    monkeypatch.setattr(exchange_order_queries, "SCANS_MAX", 2)
    for limit in (1, 2, 100):

        async def read(cursor: str | None, limit: int = limit) -> Any:
            return await reads.orders(filters, cursor=cursor, limit=limit)

        found = [order.order for order in await paged(read)]
        assert found == [int(number) for number in numbers.split()]


async def test_orders_are_found_by_when_they_were_placed(
    story: Story, reads: ExchangeReads
) -> None:
    first = story.entries[3].at_us
    for from_us, to_us, numbers in (
        (first, first, [1]),
        (first + 1, story.entries[4].at_us, [2]),
        (None, story.entries[4].at_us, [2, 1]),
        (story.entries[-1].at_us, None, [14, 13, 12]),
        (None, first - 1, []),
        (story.entries[-1].at_us + 1, None, []),
    ):
        page = await reads.orders(OrderFilters(from_us=from_us, to_us=to_us), limit=100)
        assert [order.order for order in page.items] == numbers


async def test_a_cursor_is_good_for_its_own_question_only(
    story: Story, reads: ExchangeReads
) -> None:
    page = await reads.orders(OrderFilters(), limit=2)
    for read in (
        reads.orders(OrderFilters(user_id="bob"), cursor=page.next_cursor, limit=2),
        reads.trades(TradeFilters(), cursor=page.next_cursor, limit=2),
        reads.fills("bob", TradeFilters(), cursor="?", limit=2),
        reads.suspensions(cursor=page.next_cursor, limit=2),
    ):
        with pytest.raises(Rejection) as refused:
            await read
        assert refused.value.code == "request.bad_cursor"


async def test_a_page_stays_put_while_orders_come_in(
    postgres: str, story: Story, reads: ExchangeReads
) -> None:
    page = await reads.orders(OrderFilters(), limit=12)
    story.happen(OrdersPlaced("bob", [purchase(15, 1, 1)]))
    await story.write(postgres)
    follow_story(postgres)
    rest = await reads.orders(OrderFilters(), cursor=page.next_cursor, limit=100)
    assert [order.order for order in rest.items] == [2, 1]
    assert rest.height == page.height < await reads.checkpoint()


async def test_what_changed_of_a_users_orders_is_told_from_a_height_on(
    story: Story, reads: ExchangeReads
) -> None:
    everything = await reads.orders_changed("bob", after_height=0, limit=100)
    assert sorted(order.order for order in everything) == [2, 3, 6, 7, 8, 9, 10, 12, 13]
    heights = [order.height for order in everything]
    assert heights == sorted(heights)
    found: list[int] = []
    after = 0
    for _ in range(20):
        some = await reads.orders_changed("bob", after_height=after, limit=1)
        if not some:
            break
        found += [order.order for order in some]
        after = some[-1].height
    assert found == [order.order for order in everything]
    assert list(await reads.orders_changed("bob", after_height=heights[-1], limit=1)) == []


async def test_the_fills_of_an_order_have_its_side_and_its_fees(
    story: Story, reads: ExchangeReads
) -> None:
    made = await reads.fills_of(1, limit=10)
    assert [(fill.trade, fill.role, fill.side, fill.fee_minor) for fill in made] == [
        (1, Role.MAKER, Side.SELL, 1),
        (2, Role.MAKER, Side.SELL, 0),
        (3, Role.MAKER, Side.SELL, -1),
    ]
    assert {(fill.order, fill.user_id, fill.terms) for fill in made} == {(1, "alice", ADA)}
    taken = await reads.fills_of(2, limit=1)
    assert [(fill.trade, fill.role, fill.side, fill.fee_minor) for fill in taken] == [
        (1, Role.TAKER, Side.BUY, 2)
    ]
    by_provider = await reads.fills_of(8, limit=10)
    assert [(fill.trade, fill.provider, fill.value_minor) for fill in by_provider] == [
        (4, "desk", 432),
        (5, "desk", 660),
    ]
    settling = {fill.settling for each in (made, taken, by_provider) for fill in each}
    assert settling == {Settling.INSTANT}
    assert [fill.settling for fill in await reads.fills_of(11, limit=10)] == [Settling.T1]


async def test_the_routes_of_an_order_tell_what_a_provider_said(
    story: Story, reads: ExchangeReads
) -> None:
    (filled,) = await reads.routes_of(8)
    assert (filled.route, filled.provider, filled.state) == (1, "desk", RouteState.ENDED)
    assert (filled.lots, filled.limit, filled.filled_lots) == (10, 110, 10)
    assert (filled.value_minor, filled.fee_minor, filled.reference) == (1_092, 2, "D-1")
    (changed_his_mind,) = await reads.routes_of(9)
    assert (changed_his_mind.state, changed_his_mind.claimed) == (RouteState.BROKEN, [(10, 110)])
    assert (changed_his_mind.filled_lots, changed_his_mind.reason) == (0, "no price")
    closed = await reads.order(9)
    assert closed is not None
    assert closed.changed_at_us == changed_his_mind.ended_at_us
    (broken,) = await reads.routes_of(10)
    assert (broken.state, broken.claimed, broken.ended_at_us) == (
        RouteState.BROKEN,
        [(99, 110)],
        None,
    )


# -- trades ----------------------------------------------------------------------------------------


async def test_the_trades_of_a_market_go_both_ways(story: Story, reads: ExchangeReads) -> None:
    async def newest_first(cursor: str | None) -> Any:
        return await reads.trades(TradeFilters(market="ADA-USD"), cursor=cursor, limit=2)

    assert [trade.trade for trade in await paged(newest_first)] == [6, 5, 4, 3, 2, 1]
    after = await reads.trades_after("ADA-USD", 2, limit=3)
    assert [trade.trade for trade in after] == [3, 4, 5]
    assert list(await reads.trades_after("EUR-USD", 0, limit=3)) == []
    first = (await reads.trades_after("ADA-USD", 0, limit=1))[0]
    assert (first.taker_order, first.maker_order, first.side) == (2, 1, Side.BUY)
    assert (first.taker_user_id, first.maker_user_id) == ("bob", "alice")
    assert (first.taker_fee_minor, first.maker_fee_minor, first.sequence) == (2, 1, 2)
    assert (first.at_us, first.height) == (story.entries[4].at_us, 5)
    assert (after[1].maker_order, after[1].maker_user_id, after[1].provider) == (0, "", "desk")


async def test_trades_are_found_by_when_they_were(story: Story, reads: ExchangeReads) -> None:
    at_us = story.entries[4].at_us
    for filters, numbers in (
        (TradeFilters(from_us=at_us, to_us=at_us), [2, 1]),
        (TradeFilters(market="ADA-USD", from_us=at_us + 1), [6, 5, 4, 3]),
        (TradeFilters(market="EUR-USD", from_us=at_us), []),
    ):
        page = await reads.trades(filters, limit=10)
        assert [trade.trade for trade in page.items] == numbers
    assert await reads.trade_at(5) == 2
    assert await reads.trade_at(4) == 0


@pytest.mark.parametrize("scan_rows", [1, 2_000])
async def test_the_fills_of_a_user_are_on_either_side(
    story: Story, reads: ExchangeReads, monkeypatch: pytest.MonkeyPatch, scan_rows: int
) -> None:
    monkeypatch.setattr(exchange_order_queries, "SCAN_ROWS", scan_rows)
    for market, numbers in ((None, [6, 3, 2, 1]), ("ADA-USD", [6, 3, 2, 1]), ("EUR-USD", [])):

        async def read(cursor: str | None, market: str | None = market) -> Any:
            filters = TradeFilters(market=market)
            return await reads.fills("alice", filters, cursor=cursor, limit=2)

        assert [fill.trade for fill in await paged(read)] == numbers
    ups = await reads.fills_after("alice", 2, limit=10)
    assert [(fill.trade, fill.order, fill.role) for fill in ups] == [
        (3, 1, Role.MAKER),
        (6, 11, Role.TAKER),
    ]


# -- candles and tickers ---------------------------------------------------------------------------


async def test_larger_candles_are_those_of_their_minutes(
    story: Story, reads: ExchangeReads
) -> None:
    minutes = await reads.candles("ADA-USD", 60, limit=1_000, to_us=FIRST_US + 10 * MINUTE_US)
    assert [candle.start_us for candle in minutes] == [
        FIRST_US,
        FIRST_US + MINUTE_US,
        FIRST_US + 6 * MINUTE_US,
    ]
    hours = await reads.candles("ADA-USD", INTERVALS["1h"], limit=30)
    start = FIRST_US - FIRST_US % (60 * MINUTE_US)
    assert hours == [
        CandleView(
            start_us=start,
            open=200,
            high=200,
            low=108,
            close=110,
            volume_lots=20,
            value_minor=3_092,
            trades_count=5,
        ),
        CandleView(
            start_us=start + DAY_US,
            open=101,
            high=101,
            low=101,
            close=101,
            volume_lots=2,
            value_minor=202,
            trades_count=1,
        ),
    ]
    days = await reads.candles("ADA-USD", INTERVALS["1d"], limit=30)
    assert [candle.start_us % DAY_US for candle in days] == [0, 0]


async def test_candles_begin_where_they_were_asked_for(story: Story, reads: ExchangeReads) -> None:
    async def starts(**asked: Any) -> list[int]:
        candles = await reads.candles("ADA-USD", 60, **asked)
        return [(candle.start_us - FIRST_US) // MINUTE_US for candle in candles]

    last = FIRST_US + 6 * MINUTE_US
    assert await starts(to_us=last, limit=10) == [0, 1, 6]
    assert await starts(to_us=last, limit=6) == [1, 6]
    assert await starts(to_us=last + 59_999_999, limit=1) == [6]
    assert await starts(to_us=last - 1, limit=10) == [0, 1]
    assert await starts(from_us=FIRST_US + 1, to_us=last, limit=10) == [1, 6]
    assert await starts(from_us=FIRST_US, to_us=last, limit=10) == [0, 1, 6]
    assert await starts(limit=1) == [1_446]
    with pytest.raises(ValueError, match="90 s"):
        await reads.candles("ADA-USD", 90, limit=1)


async def test_a_ticker_tells_of_the_last_24_hours(story: Story, reads: ExchangeReads) -> None:
    now = await reads.ticker("ADA-USD")
    assert now is not None
    assert (now.last, now.last_trade, now.high, now.low) == (101, 6, 101, 101)
    assert (now.open, now.change, now.volume_lots, now.value_minor) == (110, -9, 2, 202)
    assert (now.trades_count, now.at_us) == (1, story.entries[-1].at_us)
    earlier = await reads.ticker("ADA-USD", now_us=FIRST_US + DAY_US)
    assert earlier is not None
    assert (earlier.open, earlier.high, earlier.low, earlier.trades_count) == (200, 200, 101, 4)
    quiet = await reads.ticker("ADA-USD", now_us=FIRST_US + 10 * DAY_US)
    assert quiet is not None
    assert (quiet.last, quiet.open, quiet.change, quiet.high) == (101, 101, 0, 0)
    names = [(ticker.market, ticker.last, ticker.open) for ticker in await reads.tickers()]
    assert names == [("ADA-USD", 101, 110), ("EUR-USD", 0, 0)]


# -- markets and money -----------------------------------------------------------------------------


async def test_a_market_is_told_with_its_rules_as_they_are_now(
    story: Story, reads: ExchangeReads
) -> None:
    ada, eur = await reads.markets()
    assert await reads.market("ADA-USD") == ada
    assert (ada.terms, ada.rules.lots_max, ada.rules.band_ppm) == (ADA, 500, 0)
    assert (ada.state, ada.reason, ada.reference) == (MarketState.HALTED, "band_breached", 200)
    assert (eur.state, eur.created_at_us) == (MarketState.CLOSED, FIRST_US)


async def test_fees_are_summed_by_market_and_over_days(story: Story, reads: ExchangeReads) -> None:
    (fees,) = await reads.fees()
    assert (fees.market, fees.asset, fees.scale) == ("ADA-USD", "USD", 2)
    assert (fees.maker_fees_minor, fees.taker_fees_minor, fees.fees_minor) == (1, 8, 9)
    assert (fees.value_minor, fees.trades_count) == (3_294, 6)
    (first_day,) = await reads.fees(market="ADA-USD", to_day="2023-11-14")
    assert first_day.fees_minor == 7
    assert list(await reads.fees(from_day="2023-11-16")) == []
    assert list(await reads.fees(market="EUR-USD")) == []


async def test_fee_schedules_tell_how_many_have_them(story: Story, reads: ExchangeReads) -> None:
    standard, vip = await reads.fee_schedules()
    assert (standard.name, standard.maker_ppm, standard.taker_ppm) == ("standard", 1_000, 2_000)
    assert (standard.users_count, vip.users_count, vip.maker_ppm) == (0, 1, -100)
    assert await reads.schedule_of("alice") == "vip"
    assert await reads.schedule_of("bob") == ""


async def test_only_engaged_kill_switches_are_told(story: Story, reads: ExchangeReads) -> None:
    (one,) = await reads.kill_switches()
    assert (one.user_id, one.engaged, one.reason, one.actor) == ("mallory", True, "fraud", "ops")


async def test_money_that_stands_aside_is_told_until_it_is_released(
    story: Story, reads: ExchangeReads
) -> None:
    both = (await reads.suspensions(limit=10)).items
    assert [one.suspension for one in both] == [2, 1]
    released = both[0]
    assert released == await reads.suspension(2)
    assert (released.state, released.releases_count, released.reason) == (
        SuspensionState.RELEASED,
        2,
        "ledger.account_closed",
    )
    (left,) = (await reads.suspensions(open_only=True, limit=10)).items
    assert (left.suspension, left.user_id, left.amount_minor) == (1, "alice", 600)
    assert (left.transfer_id, left.releases_count, left.scale) == ("match.quote:1", 0, 2)
    page = await reads.suspensions(limit=1)
    rest = await reads.suspensions(cursor=page.next_cursor, limit=1)
    assert [one.suspension for one in (*page.items, *rest.items)] == [2, 1]
    assert (await reads.suspensions(user_id="carl", limit=1)).items == []


async def test_the_balances_of_a_user_are_those_of_wallets_and_orders(
    postgres: str, reads: ExchangeReads
) -> None:
    chronicle = Chronicle()
    ids = ("wallet:bob:USD", "orders:bob:USD", "wallet:bobby:USD", "orders:bo:USD", "other:bob:USD")
    chronicle.tell(
        OpenAccounts(
            accounts=[
                NewAccount(
                    id=id_,
                    asset="USD",
                    type=AccountType.LIABILITY,
                    limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
                )
                for id_ in ids
            ]
        )
    )
    await told(postgres, chronicle)
    found = await reads.balances("bob")
    assert [balance.account for balance in found] == ["orders:bob:USD", "wallet:bob:USD"]
