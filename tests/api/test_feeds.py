"""Does everybody who follows a feed know exactly what is durable?"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from zlib import crc32

import pytest

from nostro.api.feeds import connection, logs
from nostro.api.feeds.hub import SUBSCRIPTIONS_MAX, TICK_S
from nostro.api.feeds.reading import AT_ONCE_MAX
from nostro.exchange import Side
from tests.api.callers import bearer, token_of
from tests.api.feeds_stage import MARKET, Stage, greeted, hub_of, reader

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def stage() -> Stage:
    """A market that is open."""
    opened = Stage()
    opened.open()
    return opened


class Rebuilt:
    """A book as a client rebuilds it, which refuses a step that does not follow."""

    def __init__(self) -> None:
        self.sequence = -1
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert message["previous_sequence"] == self.sequence, message
        self.sequence = message["sequence"]
        for name, levels in self.sides.items():
            for price, quantity in message[name]:
                if quantity == "0":
                    del levels[price]
                else:
                    levels[price] = quantity
        assert crc32(self._best().encode()) == message["checksum"]

    def _best(self) -> str:
        bids = sorted(self.sides["bids"].items(), key=lambda each: -float(each[0]))[:10]
        asks = sorted(self.sides["asks"].items(), key=lambda each: float(each[0]))[:10]
        return "|".join(f"{price}:{quantity}" for price, quantity in (*bids, *asks))


def book_of(stage: Stage) -> dict[str, dict[str, str]]:
    """Return the levels that the picture shows, as they are told."""
    market = stage.picture.market(MARKET)
    assert market is not None
    return {
        name: {
            f"{price // 100}.{price % 100:02d}": f"{lots}.000000"
            for price, lots, _ in market.depth(side)
        }
        for name, side in (("bids", BUY), ("asks", SELL))
    }


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "feeds.bad_message"),
        ("[" * 10_000, "feeds.bad_message"),
        ('{"op":' * 2_500, "feeds.bad_message"),
        ('"subscribe"', "feeds.bad_message"),
        ('{"op":"subscribe","channel":"book","shape":1}', "feeds.bad_message"),
        ('{"op":"dance"}', "feeds.unknown_op"),
        ('{"op":"subscribe","channel":"gossip"}', "feeds.unknown_channel"),
        ('{"op":"subscribe","channel":"book","symbol":"NO/PE"}', "feeds.unknown_market"),
        ('{"op":"subscribe","channel":"book"}', "feeds.unknown_market"),
        (
            '{"op":"subscribe","channel":"book","symbol":"ADA/USDT","after":-1}',
            "feeds.bad_message",
        ),
        (
            '{"op":"subscribe","channel":"book","symbol":"ADA/USDT","after":1e400}',
            "feeds.bad_message",
        ),
        (
            '{"op":"subscribe","channel":"book","symbol":"ADA/USDT","after":"' + "9" * 99 + '"}',
            "feeds.bad_message",
        ),
        ('{"op":"unsubscribe","channel":"book","symbol":"ADA/USDT"}', "feeds.not_subscribed"),
        ('{"op":"subscribe","channel":"orders"}', "feeds.login_needed"),
        ('{"op":"subscribe","channel":"orders","user_id":"ann"}', "feeds.login_needed"),
        ('{"op":"auth","token":"forged"}', "auth.token_refused"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_its_code_and_the_connection_stays(
    stage: Stage, text: str, code: str
) -> None:
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.say_text(text)
        assert (await one.next("error"))["code"] == code
        one.say(op="ping", id="still here")
        assert (await one.next()) == {"type": "pong", "id": "still here"}


@pytest.mark.parametrize(
    ("abuse", "code"),
    [
        (lambda one: one.say_bytes(b"\x00" * 10), connection.CLOSE_NOT_TEXT),
        (lambda one: one.say_text("x" * 100_000), connection.CLOSE_TOO_BIG),
        (lambda one: [one.say_text("{") for _ in range(30)], connection.CLOSE_POLICY),
        (lambda one: [one.say(op="ping") for _ in range(500)], connection.CLOSE_TOO_MUCH),
    ],
)
async def test_who_abuses_the_door_is_told_so_and_let_go(
    stage: Stage, abuse: Any, code: int
) -> None:
    hub = hub_of(stage)
    async with reader(hub) as one:
        await greeted(one)
        abuse(one)
        assert (await one.next("error"))["code"].startswith("feeds.")
        while (await one.next())["type"] != "closed":
            pass
        assert one.close_code == code
    assert not hub.connections


async def test_nobody_follows_the_orders_of_another(stage: Stage) -> None:
    async with reader(hub_of(stage), headers=bearer("bob")) as one:
        await greeted(one)
        one.subscribe("orders", symbol="", user_id="ann")
        assert (await one.next("error"))["code"] == "auth.not_your_account"
        one.subscribe("orders", symbol="")
        assert (await one.next("subscribed"))["user_id"] == "bob"


async def test_a_handshake_with_a_bad_token_is_refused(stage: Stage) -> None:
    async with reader(hub_of(stage), headers={"Authorization": "Bearer forged"}) as one:
        assert (await one.next())["status"] == 401


async def test_a_handshake_elsewhere_is_not_found(stage: Stage) -> None:
    async with reader(hub_of(stage), path="/wss") as one:
        assert (await one.next())["status"] == 404


async def test_connections_are_bounded(stage: Stage) -> None:
    hub = hub_of(stage, connections_max=2)
    async with reader(hub, address="10.0.0.1") as first, reader(hub, address="10.0.0.2") as second:
        await greeted(first)
        await greeted(second)
        async with reader(hub, address="10.0.0.3") as third:
            assert (await third.next())["status"] == 503
    async with reader(hub, address="10.0.0.3") as again:
        await greeted(again)


async def test_one_address_takes_a_tenth_of_the_connections_and_no_more(stage: Stage) -> None:
    hub = hub_of(stage, connections_max=20)
    async with reader(hub, address="10.0.0.1") as first, reader(hub, address="10.0.0.1") as second:
        await greeted(first)
        await greeted(second)
        async with reader(hub, address="10.0.0.1") as third:
            assert (await third.next())["status"] == 429
        async with reader(hub, address="10.0.0.2") as other:
            await greeted(other)
        async with reader(hub, address="10.0.0.1", headers=bearer("ann")) as ann:
            await greeted(ann)  # who shows a token is counted by user
    assert hub.figures().refused == {"feeds.full": 0, "feeds.too_many_connections": 1}
    assert not hub._held  # nobody is counted who is gone
    async with reader(hub, address="10.0.0.1") as again:
        await greeted(again)


async def test_a_user_takes_a_tenth_of_the_connections_from_all_addresses(stage: Stage) -> None:
    hub, ann = hub_of(stage, connections_max=10), bearer("ann")
    async with reader(hub, address="10.0.0.1", headers=ann) as first:
        await greeted(first)
        async with reader(hub, address="10.0.0.2", headers=ann) as second:
            assert (await second.next())["status"] == 429
        async with reader(hub, address="10.0.0.2", headers=bearer("bob")) as other:
            await greeted(other)


async def test_who_authenticates_later_is_counted_by_user_from_then_on(stage: Stage) -> None:
    hub = hub_of(stage, connections_max=10)
    async with reader(hub, address="10.0.0.1") as first:
        await greeted(first)
        first.say(op="auth", token=token_of("ann"))
        assert (await first.next())["user_id"] == "ann"
        first.say(op="auth", token=token_of("ann"))  # a newer token is no other connection
        assert (await first.next())["type"] == "authenticated"
        async with reader(hub, address="10.0.0.1") as second:
            await greeted(second)
            second.say(op="auth", token=token_of("ann"))
            assert (await second.next())["code"] == "feeds.too_many_connections"
            second.subscribe("orders", symbol="")
            assert (await second.next())["code"] == "feeds.login_needed"
            second.subscribe("ticker")
            assert (await second.next())["type"] == "subscribed"
    assert not hub._held


async def test_who_reads_back_public_history_keeps_nobody_from_his_own_fills(stage: Stage) -> None:
    ask = stage.rest(SELL, 200, 10, user_id="ann")
    stage.take(ask, 1)
    hub, never = hub_of(stage), asyncio.Event()

    async def trades_after(*_: Any, **__: Any) -> Any:
        await never.wait()

    stage.views.trades_after = trades_after  # type: ignore[method-assign]
    async with AsyncExitStack() as nosy:
        for number in range(AT_ONCE_MAX + 1):
            one = await nosy.enter_async_context(reader(hub, address=f"10.0.0.{number}"))
            await greeted(one)
            one.subscribe("trades", after=0)
            await one.next("subscribed")
        async with reader(hub, headers=bearer("ann")) as owner:
            await greeted(owner)
            owner.subscribe("fills", symbol="", after=0)
            assert len((await owner.next("fills"))["fills"]) == 1
        assert hub.figures().subscriptions["trades"] == AT_ONCE_MAX + 1


async def test_subscriptions_of_a_connection_are_bounded(stage: Stage) -> None:
    async with reader(hub_of(stage), headers=bearer("root", "operator")) as one:
        await greeted(one)
        for number in range(SUBSCRIPTIONS_MAX + 1):
            one.subscribe("fills", symbol="", user_id=f"user{number}")
        assert (await one.next("error"))["code"] == "feeds.too_many_subscriptions"


async def test_following_the_same_twice_is_refused(stage: Stage) -> None:
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("book")
        one.subscribe("book", symbol="ada-usdt")
        assert (await one.next("error"))["code"] == "feeds.subscribed_already"


# -- books ---------------------------------------------------------------------------------------


async def test_a_book_is_told_by_a_snapshot_and_then_by_deltas_that_link_up(stage: Stage) -> None:
    stage.rest(BUY, 190, 10)
    book = Rebuilt()
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("book", id=7)
        assert await one.next() == {
            "type": "subscribed",
            "channel": "book",
            "symbol": "ADA/USDT",
            "position": stage.sequence,
            "id": 7,
        }
        book.take(await one.next("snapshot"))
        assert book.sides["bids"] == {"1.90": "10.000000"}
        ask = stage.rest(SELL, 200, 10)
        book.take(await one.next("delta"))
        stage.take(ask, 4)
        stage.rest(BUY, 189, 1)
        book.take(await one.next("delta"))
        assert book.sides == book_of(stage)
        stage.cancel(ask)
        book.take(await one.next("delta"))
        assert book.sides == book_of(stage)
        assert not book.sides["asks"]
        market = stage.picture.market(MARKET)
        assert market is not None
        assert book.sequence == market.sequence


async def test_changes_of_one_tick_are_one_delta_and_what_came_and_went_is_not_told(
    stage: Stage,
) -> None:
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("book")
        await one.next("snapshot")
        for price in range(100, 150):
            stage.rest(BUY, price, 1)
        stage.cancel(stage.rest(SELL, 300, 1))
        delta = await one.next("delta")
        assert len(delta["bids"]) == 50
        assert delta["asks"] == []
        await one.quiet()


async def test_updates_come_at_most_twenty_times_a_second(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("book")
        await one.next("snapshot")
        started = loop.time()
        for _ in range(5):
            stage.rest(BUY, 100, 1)
            await one.next("delta")
        assert loop.time() - started >= 4 * TICK_S


async def test_a_message_is_written_once_for_all(stage: Stage) -> None:
    hub = hub_of(stage)
    async with reader(hub) as one, reader(hub) as two:
        for each in (one, two):
            await greeted(each)
            each.subscribe("book")
            await each.next("snapshot")
        stage.rest(BUY, 100, 1)
        texts = []
        for each in (one, two):
            async with asyncio.timeout(5):
                texts.append((await each.outgoing.get())["text"])
        assert texts[0] is texts[1]


async def test_who_comes_back_soon_is_told_only_what_was_missed(stage: Stage) -> None:
    hub, book = hub_of(stage), Rebuilt()
    for price in range(30, 90):
        stage.rest(BUY, price, 1)
    async with reader(hub) as one:
        await greeted(one)
        one.subscribe("book")
        book.take(await one.next("snapshot"))
    for price in (100, 101):
        stage.rest(BUY, price, 1)
        await asyncio.sleep(2 * TICK_S)  # sleeps: these are to be two deltas
    async with reader(hub) as one:
        await greeted(one)
        one.subscribe("book", after=book.sequence)
        await one.next("subscribed")
        for _ in range(2):
            message = await one.next()
            assert message["type"] == "delta"
            book.take(message)
        assert book.sides == book_of(stage)


async def test_who_is_up_to_date_is_sent_no_snapshot_even_in_a_new_epoch(stage: Stage) -> None:
    stage.rest(BUY, 100, 1)
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("book", after=stage.sequence)
        await one.next("subscribed")
        await one.quiet()
        stage.rest(BUY, 101, 1)
        assert (await one.next("delta"))["previous_sequence"] == stage.sequence - 1


@pytest.mark.parametrize("after", [0, 10**12])
async def test_who_was_told_what_nobody_remembers_is_sent_a_snapshot(
    stage: Stage, after: int
) -> None:
    stage.rest(BUY, 100, 1)
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("book", after=after)
        assert (await one.next("snapshot"))["sequence"] == stage.sequence


async def test_an_iceberg_shows_a_slice_and_goes_to_the_back(stage: Stage) -> None:
    berg = stage.rest(SELL, 200, 30, display=10)
    other = stage.rest(SELL, 200, 5)
    market = stage.picture.market(MARKET)
    assert market is not None
    assert market.depth(SELL) == [(200, 15, 2)]
    stage.take(berg, 10)
    assert market.orders(SELL) == [(other, 200, 5), (berg, 200, 10)]
    stage.take(other, 5)
    stage.take(berg, 10)
    stage.take(berg, 10)
    assert market.depth(SELL) == []


# -- slow readers --------------------------------------------------------------------------------


async def test_a_slow_reader_loses_what_waits_gets_a_snapshot_later_and_holds_up_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection.Connection.__init__, "__kwdefaults__", {"bytes_max": 2_000})
    hub, slow_book, quick_book = hub_of(stage), Rebuilt(), Rebuilt()
    async with reader(hub) as slow, reader(hub) as quick:
        for one, book in ((slow, slow_book), (quick, quick_book)):
            await greeted(one)
            one.subscribe("book")
            one.subscribe("trades")
            book.take(await one.next("snapshot"))
        slow.reads.clear()
        for number in range(20):
            stage.take(stage.rest(SELL, 200, 1), 1)
            stage.rest(BUY, 100 + number, 1)
            quick_book.take(await quick.next("delta"))
        assert sum(each.lagged for each in hub.connections) >= 1
        slow.reads.set()
        trades: list[int] = []
        while slow_book.sides != book_of(stage) or len(trades) < 20:
            message = await slow.next()
            if message["type"] in ("snapshot", "delta"):
                slow_book.take(message)
            elif message["type"] == "trades":
                assert int(message["previous_trade_id"]) == (trades[-1] if trades else 0)
                trades += [int(trade["trade_id"]) for trade in message["trades"]]
        assert trades == list(range(1, 21))
        assert [message["type"] for message in slow.seen].count("snapshot") >= 2


# -- trades --------------------------------------------------------------------------------------


async def test_trades_are_told_once_each_with_a_link_to_the_one_before(stage: Stage) -> None:
    ask = stage.rest(SELL, 200, 10)
    stage.take(ask, 1)
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.subscribe("trades")
        await one.next("subscribed")
        await one.quiet()
        stage.take(ask, 2)
        stage.take(ask, 3)
        told = await one.next("trades")
        assert told["previous_trade_id"] == "1"
        assert [trade["trade_id"] for trade in told["trades"]] == ["2", "3"]
        assert told["trades"][0]["quantity"] == "2.000000"
        assert told["trades"][0]["side"] == "buy"


async def test_who_takes_his_time_misses_no_trade_after_the_position_he_was_told(
    stage: Stage,
) -> None:
    ask = stage.rest(SELL, 200, 10)
    stage.take(ask, 1)
    hub = hub_of(stage)
    async with reader(hub) as one:
        await greeted(one)
        one.reads.clear()
        one.subscribe("trades")
        for _ in range(100):
            await asyncio.sleep(0)
        assert any(each.subscriptions for each in hub.connections)
        stage.take(ask, 2)
        hub.tick(0.0)
        one.reads.set()
        assert (await one.next("subscribed"))["position"] == 1
        assert (await one.next("trades"))["previous_trade_id"] == "1"


async def test_trades_missed_over_a_restart_are_read_back_without_gap_or_repeat(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "ITEMS_MAX", 3)
    ask = stage.rest(SELL, 200, 100)
    for _ in range(10):
        stage.take(ask, 1)
    hub = hub_of(stage)  # a server that has just started, and remembers none of them
    stage.views.reached = 0
    async with reader(hub) as one:
        await greeted(one)
        one.subscribe("trades", after="4")
        await one.next("subscribed")
        stage.take(ask, 1)
        await one.quiet()  # the views are behind: nothing is told out of order
        stage.views.reached = stage.height
        told: list[int] = []
        while len(told) < 7:
            message = await one.next("trades")
            assert int(message["previous_trade_id"]) == (told[-1] if told else 4)
            told += [int(trade["trade_id"]) for trade in message["trades"]]
        assert told == [5, 6, 7, 8, 9, 10, 11]
        stage.take(ask, 1)
        assert (await one.next("trades"))["previous_trade_id"] == "11"


async def test_views_that_stay_behind_end_the_subscription_and_say_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = hub_of(stage)
    stage.take(stage.rest(SELL, 200, 1), 1)
    stage.views.reached = 0
    hub._patient()._patience_s = 0.1
    async with reader(hub) as one:
        await greeted(one)
        one.subscribe("trades", after=0, id="mine")
        error = await one.next("error")
        assert (error["code"], error["channel"], error["id"]) == ("views.behind", "trades", "mine")
        stage.views.reached = stage.height
        one.subscribe("trades", after=0)
        assert len((await one.next("trades"))["trades"]) == 1
