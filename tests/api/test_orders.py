"""Can a user place, change and take back orders, and does the door say what is wrong with one?"""

from __future__ import annotations

from typing import Any

from tests.api.bourse import bourse, live_bourse, order, told

BUY: dict[str, Any] = {"side": "BUY", "price": "2", "quantity": "100"}
SELL: dict[str, Any] = {"side": "SELL", "price": "2", "quantity": "100"}


# -- what is wrong ---------------------------------------------------------------------------------


REFUSED: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"price": "2.00005"}, "price_off_tick", {"nearest_below": "2.0000", "tick": "0.0001"}),
    ({"price": "0.00001"}, "price_off_tick", {"nearest_above": "0.0001"}),
    ({"price": "NaN"}, "price_not_a_number", {"price": "NaN"}),
    ({"price": "Infinity"}, "price_not_a_number", {}),
    ({"price": ""}, "price_not_a_number", {"price": ""}),
    ({"price": "\u0663"}, "price_not_a_number", {"price": "\u0663"}),
    ({"price": [2]}, "price_not_a_number", {"price": "[2]"}),
    ({"price": True}, "price_not_a_number", {}),
    ({"price": "9" * 70}, "price_not_a_number", {}),
    ({"price": "-2"}, "price_not_positive", {"price": "-2"}),
    ({"price": 0}, "price_not_positive", {}),
    ({"price": "1e400"}, "price_too_large", {"price_max": "100000000000.0000"}),
    ({"price": "100000000000.0001"}, "price_too_large", {}),
    ({"quantity": "100.005"}, "quantity_off_lot", {"nearest_above": "100.010000"}),
    ({"quantity": "-1"}, "quantity_not_positive", {}),
    ({"quantity": "1e99"}, "quantity_too_large", {}),
    ({"quantity": "ten"}, "quantity_not_a_number", {}),
    ({"symbol": "ADA/EUR"}, "market_unknown", {"symbol": "ADA/EUR"}),
    ({"worst_price": "3"}, "bad_order", {"field": "worst_price"}),
    ({"stop_price": "3"}, "bad_order", {"field": "stop_price"}),
    ({"price": None}, "bad_order", {"field": "price"}),
    ({"quantity": None}, "bad_order", {"field": "quantity"}),
    ({"type": "STOP"}, "bad_order", {"field": "stop_price"}),
    ({"flags": ["IOC"], "time_in_force": "GTC"}, "bad_order", {"field": "time_in_force"}),
]


async def test_an_order_that_cannot_be_is_refused_with_what_to_send_instead() -> None:
    async with bourse() as door:
        for said, code, facts in REFUSED:
            status = 404 if code == "market_unknown" else 422
            problem = await order(door, "alice", status, **{**BUY, **said})
            told_facts = problem.get("facts", {})
            assert problem["code"] == f"exchange.{code}", said
            assert {name: told_facts.get(name) for name in facts} == facts, said
            assert problem["remedy"], said


async def test_numbers_of_json_are_read_digit_by_digit() -> None:
    async with bourse() as door:
        body = b'{"symbol":"ADA/USDT","side":"buy","price":1.1,"quantity":1e1}'
        placed = await told(await door.ask("POST", "/order", body, of="alice"), 201)
        assert (placed["price"], placed["quantity"]) == ("1.1000", "10.000000")
        for huge in (b"1e400", b"1" + b"0" * 60, b"0.1e-300"):
            body = b'{"symbol":"ADA/USDT","side":"buy","price":%s,"quantity":1}' % huge
            answer = await door.ask("POST", "/order", body, of="alice")
            assert answer.status_code == 422, answer.text
        for broken in (b"NaN", b"Infinity", b"1e", b"01"):
            body = b'{"symbol":"ADA/USDT","side":"buy","price":%s,"quantity":1}' % broken
            answer = await door.ask("POST", "/order", body, of="alice")
            assert answer.json()["code"] == "request.malformed_json", answer.text


async def test_every_fault_of_an_order_is_named_at_once() -> None:
    async with bourse() as door:
        said = {"side": "BYE", "type": "HOPE", "price": "x", "quantity": "0", "self_trade": "no"}
        problem = await order(door, "alice", 422, **said)
        assert {error["pointer"] for error in problem["errors"]} == {
            "/side",
            "/type",
            "/price",
            "/quantity",
            "/self_trade",
        }


async def test_one_acts_for_oneself_only() -> None:
    async with bourse() as door:
        problem = await order(door, "bob", 403, user_id="alice", **BUY)
        assert problem["code"] == "auth.not_your_account"
        nobody = await door.post("/order", {"symbol": "ADA/USDT", "user_id": "alice", **BUY})
        assert nobody.status_code == 401


async def test_an_order_without_funds_is_rejected_and_says_what_it_needs() -> None:
    async with bourse() as door:
        problem = await order(door, "alice", 422, **{**BUY, "quantity": "501"})
        assert problem["code"] == "exchange.insufficient_funds"
        assert problem["facts"]["needed"] == "1002.000000"
        assert problem["facts"]["order_id"] == "1"


async def test_a_closed_market_takes_no_orders() -> None:
    async with bourse() as door:
        state = {"state": "halted", "reason": "lunch"}
        await told(await door.ask("POST", "/markets/ADA-USDT/state", state, of="operator"))
        problem = await order(door, "alice", 409, **BUY)
        assert problem["code"] == "exchange.market_not_open"
        assert (problem["facts"]["state"], problem["facts"]["symbol"]) == ("halted", "ADA/USDT")


# -- repeated --------------------------------------------------------------------------------------


async def test_a_client_order_id_is_one_order_for_ever() -> None:
    async with bourse() as door:
        first = await door.ask("POST", "/order", _named("a"), of="alice")
        again = await door.ask("POST", "/order", _named("a"), of="alice", idempotency_key="new")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        other = await door.ask("POST", "/order", {**_named("a"), "price": "1"}, of="alice")
        assert (other.status_code, other.json()["code"]) == (422, "engine.key_reused")


async def test_a_refusal_is_told_again_under_its_client_order_id_whatever_has_changed() -> None:
    async with bourse() as door:
        body = {**_named("big"), "quantity": "600"}
        first = await door.ask("POST", "/order", body, of="alice")
        await door.deposit("alice", "5000", currency="USDT")
        again = await door.ask("POST", "/order", body, of="alice")
        assert again.json()["code"] == first.json()["code"] == "exchange.insufficient_funds"
        assert again.headers["idempotent-replayed"] == "true"


async def test_two_users_may_call_their_orders_the_same() -> None:
    async with bourse() as door:
        body = {"symbol": "ADA/USDT", "client_order_id": "a"}
        mine = await told(await door.ask("POST", "/order", {**body, **BUY}, of="alice"), 201)
        his = await told(await door.ask("POST", "/order", {**body, **SELL}, of="bob"), 201)
        assert mine["order_id"] != his["order_id"]


async def test_an_idempotency_key_does_where_there_is_no_client_order_id() -> None:
    async with bourse() as door:
        body = {"symbol": "ADA/USDT", **BUY}
        first = await door.ask("POST", "/order", body, of="alice", idempotency_key="k")
        again = await door.ask("POST", "/order", body, of="alice", idempotency_key="k")
        assert again.json() == first.json()
        without = await door.ask("POST", "/order", body, of="alice")
        assert without.json()["order_id"] != first.json()["order_id"]


def _named(name: str) -> dict[str, Any]:
    return {"symbol": "ADA/USDT", **BUY, "client_order_id": name}


# -- trading ---------------------------------------------------------------------------------------


async def test_a_buyer_and_a_seller_trade_at_the_price_that_stood_there() -> None:
    async with bourse() as door:
        bid = await order(door, "alice", **BUY)
        assert (bid["status"], bid["filled"], bid["average_price"]) == ("open", "0.000000", None)
        ask = await order(door, "bob", **{**SELL, "price": "1.9", "type": "limit"})
        assert ask["status"] == "filled"
        assert ask["average_price"] == "2.0000"
        assert ask["fills"] == [
            {
                "trade_id": "1",
                "price": "2.0000",
                "quantity": "100.000000",
                "value": "200.000000",
                "fee": "0.000000",
            }
        ]


async def test_an_asset_a_price_and_a_direction_are_an_order() -> None:
    async with bourse() as door:
        body = {"user_id": "bob", "asset": "ADA", "quantity": 10, "price": 2, "order_type": "sell"}
        placed = await told(await door.ask("POST", "/orders", body, of="bob"), 201)
        assert (placed["symbol"], placed["side"], placed["type"]) == ("ADA/USDT", "sell", "limit")
        market = {"asset": "ADA", "quantity": "4", "order_type": "buy", "worst_price": "2"}
        taken = await told(await door.ask("POST", "/orders", market, of="alice"), 201)
        assert (taken["type"], taken["status"]) == ("market", "filled")
        usual = {"symbol": "ada-usdt", "side": "Buy", "type": "Limit", "price": 1, "quantity": 1}
        assert (await door.ask("POST", "/orders", usual, of="alice")).status_code == 201


async def test_an_order_for_an_asset_says_which_and_in_which_direction() -> None:
    async with bourse() as door:
        for said, code in (
            ({"asset": "ADA"}, "request.missing_field"),
            ({"order_type": "buy"}, "exchange.bad_order"),
            ({"asset": "DOGE", "order_type": "buy"}, "exchange.market_unknown"),
            ({"asset": "ADA", "symbol": "BTC/USD", "order_type": "buy"}, "exchange.bad_order"),
            ({"asset": "ADA", "side": "sell", "order_type": "buy"}, "exchange.bad_order"),
            ({"asset": "ADA", "quote": "EUR", "order_type": "buy"}, "exchange.market_unknown"),
        ):
            body = {"quantity": 1, "price": 1, **said}
            answer = await door.ask("POST", "/orders", body, of="alice")
            assert answer.json()["code"] == code, answer.text


async def test_an_asset_of_several_markets_needs_its_quote() -> None:
    async with bourse() as door:
        second = {"symbol": "ADA/USD", "tick": "0.01", "lot": "1"}
        await told(await door.ask("POST", "/markets", second, of="operator"), 201)
        body = {"asset": "ADA", "quantity": 1, "price": 1, "order_type": "buy"}
        problem = await told(await door.ask("POST", "/orders", body, of="alice"), 422)
        assert problem["code"] == "exchange.market_ambiguous"
        assert problem["facts"]["symbols"] == ["ADA/USDT", "ADA/USD"]
        named = await door.ask("POST", "/orders", {**body, "quote": "USDT"}, of="alice")
        assert named.status_code == 201


async def test_flags_say_what_fields_say() -> None:
    async with bourse() as door:
        await order(door, "bob", **SELL)
        for said in ({"flags": ["POST_ONLY"]}, {"post_only": True}, {"post_only": "reject"}):
            crossing = await order(door, "alice", **BUY, **said)
            assert (crossing["status"], crossing["reason"]) == ("rejected", "would_trade")
        slid = await order(door, "alice", **BUY, flags=["post_only_slide"])
        assert (slid["status"], slid["price"]) == ("open", "1.9999")


async def test_an_order_by_amount_spends_no_more_than_that() -> None:
    async with bourse() as door:
        await order(door, "bob", **SELL)
        spent = await order(door, "alice", side="BUY", type="MARKET", quote_amount="50")
        assert (spent["status"], spent["value"], spent["filled"]) == (
            "filled",
            "50.000000",
            "25.000000",
        )
        assert (spent["quantity"], spent["price"]) == (None, None)


async def test_a_batch_tells_each_order_its_result() -> None:
    async with bourse() as door:
        orders = [
            {"symbol": "ADA/USDT", **BUY, "client_order_id": "one"},
            {"symbol": "ADA/USDT", **BUY, "price": "2.00001"},
            {"symbol": "ADA/USDT", **BUY, "quantity": "5000"},
            {"symbol": "ADA/USDT", **BUY, "client_order_id": "one"},
            {"symbol": "ADA/USDT", **BUY, "prise": "2"},
            {"symbol": 1},
            [],
            {"symbol": "ADA/USDT", **BUY, "user_id": "bob"},
        ]
        batch = await told(
            await door.ask("POST", "/orders/batch", {"orders": orders}, of="alice"), 200
        )
        assert (batch["placed"], batch["refused"]) == (1, 7)
        assert batch["results"][0]["order"]["status"] == "open"
        assert [each.get("code", "") for each in batch["results"]] == [
            "",
            "exchange.price_off_tick",
            "exchange.insufficient_funds",
            "exchange.client_order_id_twice",
            "request.unknown_field",
            "request.invalid",
            "request.bad_value",
            "exchange.user_differs",
        ]


async def test_a_batch_whose_orders_all_have_names_is_placed_once() -> None:
    async with bourse() as door:
        body = {"orders": [{"symbol": "ADA/USDT", **BUY, "client_order_id": "one"}]}
        first = await door.ask("POST", "/orders/batch", body, of="alice")
        again = await door.ask("POST", "/orders/batch", body, of="alice")
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"


async def test_a_name_of_a_batch_is_no_other_orders_name() -> None:
    async with bourse() as door:
        batch = {"orders": [{"symbol": "ADA/USDT", **BUY, "price": "1", "client_order_id": "one"}]}
        await told(await door.ask("POST", "/orders/batch", batch, of="alice"))
        alone = await order(door, "alice", 409, **BUY, client_order_id="one")
        assert (alone["code"], alone["facts"]["order_id"]) == (
            "exchange.client_order_id_used",
            "1",
        )
        again = {"orders": [*batch["orders"], {"symbol": "ADA/USDT", **BUY, "price": "1.1"}]}
        answer = await told(await door.ask("POST", "/orders/batch", again, of="alice"))
        assert [each.get("code") for each in answer["results"]] == [
            "exchange.client_order_id_used",
            None,
        ]
        assert (await order(door, "bob", **SELL, client_order_id="one"))["order_id"] == "3"


async def test_a_batch_takes_five_hundred_orders_and_not_one_more() -> None:
    async with bourse() as door:
        small = {"symbol": "ADA/USDT", "side": "BUY", "price": "0.01", "quantity": "0.01"}
        answer = await door.ask("POST", "/orders/batch", {"orders": [small] * 501}, of="alice")
        assert answer.status_code == 422
        batch = await told(
            await door.ask("POST", "/orders/batch", {"orders": [small] * 500}, of="alice")
        )
        assert (batch["placed"], batch["refused"]) == (500, 0)


# -- changing and taking back ----------------------------------------------------------------------


async def test_an_order_is_changed_by_its_user_only() -> None:
    async with bourse() as door:
        placed = await order(door, "alice", **BUY)
        path = f"/orders/{placed['order_id']}"
        for method, body in (("PATCH", {"quantity": "50"}), ("DELETE", None)):
            stranger = await door.ask(method, path, body, of="bob")
            assert (stranger.status_code, stranger.json()["code"]) == (
                404,
                "exchange.order_unknown",
            )
        changed = await told(await door.ask("PATCH", path, {"quantity": "50"}, of="alice"))
        assert (changed["quantity"], changed["price"]) == ("50.000000", "2.0000")
        changed = await told(await door.ask("PATCH", path, {"price": "1.5"}, of="alice"))
        assert (changed["quantity"], changed["price"]) == ("50.000000", "1.5000")
        same = await told(await door.ask("PATCH", path, {"price": "1.5"}, of="alice"), 422)
        assert same["code"] == "exchange.nothing_changes"
        assert (same["facts"]["price"], same["facts"]["quantity"]) == ("1.5000", "50.000000")


async def test_a_changed_price_that_crosses_trades() -> None:
    async with bourse() as door:
        await order(door, "bob", **SELL)
        placed = await order(door, "alice", **{**BUY, "price": "1"})
        path = f"/orders/{placed['order_id']}"
        changed = await told(await door.ask("PATCH", path, {"price": 2}, of="alice"))
        assert (changed["status"], changed["filled"]) == ("filled", "100.000000")
        late = await told(await door.ask("PATCH", path, {"price": 1}, of="alice"), 409)
        assert late["code"] == "exchange.order_not_open"


async def test_a_cancelled_order_is_closed_and_says_so_when_cancelled_again() -> None:
    async with bourse() as door:
        placed = await order(door, "alice", **BUY)
        path = f"/orders/{placed['order_id']}"
        cancelled = await told(await door.ask("DELETE", path, of="alice"))
        assert (cancelled["status"], cancelled["remaining"]) == ("cancelled", "100.000000")
        again = await told(await door.ask("DELETE", path, of="alice"), 409)
        assert again["code"] == "exchange.order_not_open"
        unknown = await told(await door.ask("DELETE", "/orders/999", of="alice"), 404)
        assert unknown["code"] == "exchange.order_unknown"


async def test_of_a_closed_order_its_user_hears_how_it_ended_and_nobody_else_that_it_was(
    postgres: str,
) -> None:
    async with live_bourse(postgres) as door:
        placed = await order(door, "alice", **BUY)
        path = f"/orders/{placed['order_id']}"
        cancelled = await told(await door.ask("DELETE", path, of="alice"))
        await told(await door.ask("GET", f"{path}?at_least={cancelled['height']}", of="alice"))
        for method, body in (("PATCH", {"price": "1"}), ("DELETE", None)):
            own = await told(await door.ask(method, path, body, of="alice"), 409)
            assert own["facts"]["status"] == "cancelled"
            stranger = await told(await door.ask(method, path, body, of="bob"), 404)
            assert stranger["code"] == "exchange.order_unknown"


async def test_an_order_that_is_good_till_a_date_needs_the_date() -> None:
    async with bourse() as door:
        no = await order(door, "alice", 422, **BUY, time_in_force="GTD")
        assert (no["code"], no["facts"]["field"]) == ("exchange.bad_order", "expires_at")


async def test_an_order_that_a_provider_has_says_so_and_stays_with_him() -> None:
    async with bourse() as door:
        rules = {"routing": "book_then_provider", "provider": "merchant"}
        await told(await door.ask("PATCH", "/markets/ADA-USDT", rules, of="operator"))
        placed = await order(door, "alice", **BUY)
        assert (placed["status"], placed["with_provider"]) == ("open", True)
        no = await told(await door.ask("DELETE", f"/orders/{placed['order_id']}", of="alice"), 409)
        assert no["code"] == "exchange.order_routed"
        resting = await order(door, "alice", **BUY, post_only=True)
        assert "with_provider" not in resting


async def test_what_is_no_id_of_an_order_is_refused() -> None:
    async with bourse() as door:
        for id in ("0", "-1", "x", "1" * 30, "%00"):
            answer = await door.ask("DELETE", f"/orders/{id}", of="alice")
            assert answer.status_code == 422, id


async def test_a_user_cancels_all_of_his_own_and_an_operator_those_of_everybody() -> None:
    async with bourse() as door:
        for _ in range(2):
            await order(door, "alice", **{**BUY, "quantity": "1"})
        await order(door, "bob", **{**SELL, "price": "3"})
        none = await told(await door.ask("DELETE", "/orders?side=sell", of="alice"))
        assert none["cancelled"] == []
        own = await told(await door.ask("DELETE", "/orders?symbol=ADA-USDT", of="alice"))
        assert own["cancelled"] == ["1", "2"]
        refused = await door.ask("DELETE", "/orders?everybody=true", of="alice")
        assert refused.json()["code"] == "auth.not_allowed"
        everybody = await told(await door.ask("DELETE", "/orders?everybody=true", of="operator"))
        assert everybody["cancelled"] == ["3"]


# -- reading ---------------------------------------------------------------------------------------


async def test_an_order_is_told_with_its_fills(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        bid = await order(door, "alice", **BUY, client_order_id="mine")
        await order(door, "bob", **{**SELL, "quantity": "40"})
        path = f"/orders/{bid['order_id']}?at_least={door.engine.height}"
        stands = await told(await door.ask("GET", path, of="alice"))
        assert (stands["status"], stands["filled"], stands["remaining"]) == (
            "partially_filled",
            "40.000000",
            "60.000000",
        )
        assert (stands["held"], stands["held_asset"]) == ("120.000000", "USDT")
        (fill,) = stands["fills"]
        assert (fill["role"], fill["price"], fill["value"]) == ("maker", "2.0000", "80.000000")
        assert (await door.ask("GET", path, of="bob")).status_code == 404
        assert (await door.ask("GET", path, of="operator")).status_code == 200
        rejected = await order(door, "alice", 422, **{**BUY, "quantity": "5000"})
        path = f"/orders/{rejected['facts']['order_id']}?at_least={door.engine.height}"
        stands = await told(await door.ask("GET", path, of="alice"))
        assert (stands["status"], stands["reason"]) == ("rejected", "exchange.insufficient_funds")


async def test_orders_and_trades_are_listed_to_their_users(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        for number in range(3):
            await order(door, "alice", **{**BUY, "quantity": "1"}, client_order_id=f"n{number}")
        await order(door, "bob", **{**SELL, "quantity": "1"})
        at_least = f"at_least={door.engine.height}"
        first = await told(await door.ask("GET", f"/orders?limit=2&{at_least}", of="alice"))
        assert [each["order_id"] for each in first["data"]] == ["3", "2"]
        more = f"/orders?limit=2&cursor={first['next_cursor']}"
        rest = await told(await door.ask("GET", more, of="alice"))
        assert [each["order_id"] for each in rest["data"]] == ["1"]
        for query, ids in (
            ("status=filled", ["1"]),
            ("status=open&symbol=ADA/USDT&side=BUY", ["3", "2"]),
            ("status=live", ["3", "2"]),
            ("client_order_id=n1", ["2"]),
            ("symbol=BTC-USD", []),
            ("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", []),
        ):
            page = await told(await door.ask("GET", f"/orders?{query}", of="alice"))
            assert [each["order_id"] for each in page["data"]] == ids, query
        theirs = await door.ask("GET", "/orders?user_id=alice", of="bob")
        assert theirs.status_code == 403
        everybody = await told(await door.ask("GET", "/orders", of="operator"))
        assert len(everybody["data"]) == 4
        (fill,) = (await told(await door.ask("GET", "/trades", of="bob")))["data"]
        assert (fill["role"], fill["side"], fill["order_id"]) == ("taker", "sell", "4")


async def test_live_orders_are_all_that_are_not_closed_and_no_others(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        await order(door, "alice", 422, **{**BUY, "quantity": "5000"})
        partly = await order(door, "alice", **BUY)
        gone = await order(door, "bob", **{**SELL, "quantity": "40"})
        waits = await order(
            door, "bob", **{**SELL, "type": "stop_limit", "stop_price": "1.5000", "price": "1.4000"}
        )
        rests = await order(door, "bob", **{**SELL, "price": "2.5000"})
        taken_back = await order(door, "bob", **{**SELL, "price": "2.6000"})
        await told(await door.ask("DELETE", f"/orders/{taken_back['order_id']}", of="bob"))
        path = f"/orders?status=live&at_least={door.engine.height}"
        for who, ids in (
            ("operator", [rests, waits, partly]),
            ("bob", [rests, waits]),
            ("alice", [partly]),
        ):
            page = await told(await door.ask("GET", path, of=who))
            assert [each["order_id"] for each in page["data"]] == [o["order_id"] for o in ids]
            assert gone["order_id"] not in {each["order_id"] for each in page["data"]}
        states = await told(await door.ask("GET", path, of="operator"))
        assert [each["status"] for each in states["data"]] == [
            "open",
            "untriggered",
            "partially_filled",
        ]
        unheard = await door.ask("GET", "/orders?status=alive", of="alice")
        assert unheard.status_code == 422
