"""Is each user told what is theirs, and nobody else?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from nostro.exchange import Settling, Side
from tests.api.callers import bearer, token_of
from tests.api.feeds_stage import Stage, greeted, hub_of, reader

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def stage() -> Stage:
    """A market that is open."""
    opened = Stage()
    opened.open()
    return opened


async def test_own_orders_and_fills_are_told_to_their_owner_only(stage: Stage) -> None:
    hub = hub_of(stage)
    async with (
        reader(hub, headers=bearer("ann")) as ann,
        reader(hub, headers=bearer("bob")) as bob,
    ):
        for one in (ann, bob):
            await greeted(one)
            one.subscribe("orders", symbol="")
            one.subscribe("fills", symbol="")
            assert (await one.next("snapshot"))["orders"] == []
        ask = stage.rest(SELL, 200, 10)
        [told] = (await ann.next("orders"))["orders"]
        assert (told["order_id"], told["status"]) == (str(ask), "open")
        await bob.quiet()
        stage.take(ask, 4)
        seen: dict[str, Any] = {}
        while len(seen) < 2:
            message = await ann.next()
            seen[message["type"]] = message
        assert seen["orders"]["orders"][0]["status"] == "partially_filled"
        assert seen["orders"]["orders"][0]["filled"] == "4.000000"
        assert seen["fills"]["fills"][0]["role"] == "maker"
        assert (await bob.next("orders"))["orders"][0]["status"] == "filled"
        [own] = (await bob.next("fills"))["fills"]
        assert (own["role"], own["fee"], own["value"]) == ("taker", "0.000010", "8.000000")


async def test_fills_missed_over_a_restart_are_read_from_the_views_by_height(
    stage: Stage,
) -> None:
    ask = stage.rest(SELL, 200, 10)
    stage.take(ask, 1)
    seen = stage.height
    stage.take(ask, 2)
    stage.take(ask, 3)
    async with reader(hub_of(stage), headers=bearer("ann")) as one:
        await greeted(one)
        one.subscribe("fills", symbol="", after=seen)
        message = await one.next("fills")
        assert [fill["quantity"] for fill in message["fills"]] == ["2.000000", "3.000000"]
        assert message["height"] == stage.height
        stage.take(ask, 1)
        assert (await one.next("fills"))["previous_height"] == stage.height - 1


async def test_who_missed_nothing_over_a_restart_is_told_so_that_the_links_hold(
    stage: Stage,
) -> None:
    seen = stage.height
    ask = stage.rest(SELL, 200, 10, user_id="cyd")
    async with reader(hub_of(stage), headers=bearer("bob")) as one:
        await greeted(one)
        one.subscribe("fills", symbol="", after=seen)
        nothing = await one.next("fills")
        assert (nothing["user_id"], nothing["fills"]) == ("bob", [])
        assert (nothing["previous_height"], nothing["height"]) == (seen, stage.height)
        stage.take(ask, 1)
        assert (await one.next("fills"))["previous_height"] == nothing["height"]


async def test_settlements_say_what_was_delivered_and_received(stage: Stage) -> None:
    hub = hub_of(stage)
    async with reader(hub, headers=bearer("bob")) as one:
        await greeted(one)
        one.subscribe("settlements", symbol="")
        await one.next("subscribed")
        stage.take(stage.rest(SELL, 200, 10), 4)
        [told] = (await one.next("settlements"))["settlements"]
        assert told["status"] == "final"
        assert told["delivered"] == {"asset": "USDT", "amount": "8.000010"}
        assert told["received"] == {"asset": "ADA", "amount": "4.000000"}


async def test_a_trade_that_settles_on_a_later_day_is_not_told_as_final(stage: Stage) -> None:
    async with reader(hub_of(stage), headers=bearer("bob")) as one:
        await greeted(one)
        one.subscribe("settlements", symbol="")
        await one.next("subscribed")
        trade = stage.take(stage.rest(SELL, 200, 10), 4, settling=Settling.T2)
        [told] = (await one.next("settlements"))["settlements"]
        assert (told["status"], told["settlement_trade_id"]) == ("pending", f"match:{trade}")


async def test_orders_missed_while_the_views_are_away_are_told_by_a_snapshot(
    stage: Stage,
) -> None:
    hub = hub_of(stage)
    bid = stage.rest(BUY, 100, 1)
    stage.views.reached = 0
    hub._patient()._patience_s = 0.1
    async with reader(hub, headers=bearer("ann")) as one:
        await greeted(one)
        one.subscribe("orders", symbol="", after=1)
        assert [o["order_id"] for o in (await one.next("snapshot"))["orders"]] == [str(bid)]


async def test_a_connection_can_be_authenticated_later_and_as_somebody_else(stage: Stage) -> None:
    async with reader(hub_of(stage)) as one:
        await greeted(one)
        one.say(op="auth", token=token_of("ann"))
        assert (await one.next())["user_id"] == "ann"
        one.subscribe("orders", symbol="")
        await one.next("snapshot")
        one.say(op="auth", token=token_of("bob"))
        assert (await one.next())["user_id"] == "bob"
        stage.rest(BUY, 100, 1, user_id="ann")
        await one.quiet()


async def test_a_picture_that_cannot_be_kept_up_closes_the_feeds_and_not_the_engine(
    stage: Stage,
) -> None:
    hub = hub_of(stage)
    async with reader(hub) as one:
        await greeted(one)
        one.subscribe("book")
        await one.next("snapshot")
        stage.picture.fold([json])  # type: ignore[list-item]  # what no engine reports
        assert stage.picture.broken
        assert (await one.next("error"))["code"] == "feeds.not_here"
