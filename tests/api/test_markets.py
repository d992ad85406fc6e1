"""Is everybody told how the markets, their books and trades stand?"""

from __future__ import annotations

import asyncio

from tests.api.bourse import bourse, live_bourse, order, told
from tests.api.door import Door, front_door


async def test_a_platform_without_an_exchange_says_so() -> None:
    async with front_door(parts={"picture": None}) as door:
        for path in ("/markets", "/markets/BTC-USD", "/markets/BTC-USD/book"):
            answer = await door.client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (501, "exchange.not_here")


async def test_a_picture_that_could_not_be_kept_up_is_made_anew_for_who_asks_next() -> None:
    async with bourse() as door:
        await order(door, "alice", side="BUY", price="1.5", quantity="10")
        before = await told(await door.client.get("/markets/ADA-USDT/book"))
        assert door.engine._on_durable is not None
        door.engine._on_durable([before])  # what no engine reports
        for _ in range(100):
            answer = await door.client.get("/markets/ADA-USDT/book")
            if answer.status_code != 503:
                break
            await asyncio.sleep(0)
        after = await told(answer)
        assert {**after, "height": 0, "at": ""} == {**before, "height": 0, "at": ""}
        await order(door, "alice", side="BUY", price="1.6", quantity="10")


async def test_a_market_goes_by_its_symbol_however_it_is_written() -> None:
    async with bourse() as door:
        for symbol in ("ADA-USDT", "ADA%2FUSDT", "ADA/USDT", "ada-usdt"):
            market = await told(await door.client.get(f"/markets/{symbol}"))
            assert (market["symbol"], market["state"]) == ("ADA/USDT", "open")
            book = await told(await door.client.get(f"/markets/{symbol}/book"))
            assert book["symbol"] == "ADA/USDT"
        assert (market["tick"], market["lot"]) == ("0.0001", "0.010000")


async def test_what_is_no_market_is_told_as_such() -> None:
    async with bourse() as door:
        for path in ("/markets/ADA-EUR", "/markets/ADA-EUR/book", "/markets/ADA-EUR/candles"):
            answer = await door.client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "exchange.market_unknown")
        for path in ("/markets/%00-USD", f"/markets/{'A' * 60}-USD", "/markets/-"):
            assert (await door.client.get(path)).status_code == 422, path
        nowhere = await door.client.get("/markets/ADA")
        assert nowhere.json()["code"] == "request.not_found"


async def test_an_address_below_a_market_takes_its_own_methods_only() -> None:
    async with bourse() as door:
        for path, method in (("book", "PATCH"), ("state", "GET"), ("ticker", "POST")):
            answer = await door.ask(method, f"/markets/ADA-USDT/{path}", of="operator")
            assert answer.status_code == 405, path


async def test_all_markets_are_listed_in_the_order_of_their_creation() -> None:
    async with bourse() as door:
        listed = (await told(await door.client.get("/markets")))["data"]
        assert [market["symbol"] for market in listed] == ["ADA/USDT", "BTC/USD"]
        assert listed[1]["tick"] == "0.05"


async def test_a_book_is_told_by_price_or_by_order_with_its_sequence() -> None:
    async with bourse() as door:
        for price, quantity in (("1.5", "10"), ("1.6", "5"), ("1.6", "7")):
            await order(door, "alice", side="BUY", price=price, quantity=quantity)
        await order(door, "bob", side="SELL", price="2", quantity="9", display_quantity="3")
        path = "/markets/ADA-USDT/book"
        first = await told(await door.client.get(f"{path}?level=1"))
        assert [each["price"] for each in first["bids"]] == ["1.6000"]
        assert first["asks"] == [{"price": "2.0000", "quantity": "3.000000", "orders": 1}]
        second = await told(await door.client.get(path))
        assert second["bids"] == [
            {"price": "1.6000", "quantity": "12.000000", "orders": 2},
            {"price": "1.5000", "quantity": "10.000000", "orders": 1},
        ]
        third = await told(await door.client.get(f"{path}?level=3&depth=2"))
        assert third["bids"] == [
            {"price": "1.6000", "quantity": "5.000000", "order_id": "2"},
            {"price": "1.6000", "quantity": "7.000000", "order_id": "3"},
        ]
        before = third["sequence"]
        await order(door, "alice", side="BUY", price="1", quantity="1")
        assert (await told(await door.client.get(path)))["sequence"] == before + 1


async def test_a_book_is_told_in_bounds() -> None:
    async with bourse() as door:
        for query in ("level=0", "level=4", "depth=0", "depth=1e9", "depth=-1", "levels=2"):
            answer = await door.client.get(f"/markets/ADA-USDT/book?{query}")
            assert answer.status_code == 422, query


async def test_trades_candles_and_the_ticker_tell_what_was_traded(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        empty = await told(await door.client.get("/markets/BTC-USD/ticker", params=_fresh(door)))
        assert (empty["last_price"], empty["volume"]) == (None, "0.00000000")
        await order(door, "alice", side="BUY", price="2", quantity="10")
        await order(door, "alice", side="BUY", price="1.9", quantity="10")
        await order(door, "bob", side="SELL", price="1.9", quantity="15")
        path = "/markets/ADA-USDT"
        page = await told(
            await door.client.get(f"{path}/trades", params={"limit": 1, **_fresh(door)})
        )
        (trade,) = page["data"]
        assert (trade["price"], trade["quantity"], trade["side"]) == ("1.9000", "5.000000", "sell")
        rest = await told(
            await door.client.get(f"{path}/trades", params={"cursor": page["next_cursor"]})
        )
        assert [each["price"] for each in rest["data"]] == ["2.0000"]
        candles = await told(await door.client.get(f"{path}/candles?interval=1d"))
        (candle,) = candles["data"]
        assert (candle["open"], candle["low"], candle["volume"]) == (
            "2.0000",
            "1.9000",
            "15.000000",
        )
        ticker = await told(await door.client.get(f"{path}/ticker"))
        assert (ticker["last_price"], ticker["best_bid"]) == ("1.9000", "1.9000")
        assert (await door.client.get(f"{path}/candles?interval=2m")).status_code == 422
        bad = await door.client.get(f"{path}/trades?cursor=x")
        assert bad.json()["code"] == "request.bad_cursor"


def _fresh(door: Door) -> dict[str, int]:
    return {"at_least": door.engine.height}
