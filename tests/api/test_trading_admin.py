"""Can operators, and only they, make and run markets, set fees and stop trading?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.api.bourse import ADA, bourse, live_bourse, order, told
from tests.api.door import front_door

NEW = {"symbol": "ETH/EUR", "tick": "0.01", "lot": "1"}


async def test_only_operators_run_markets() -> None:
    async with bourse() as door:
        for method, path, body in (
            ("POST", "/markets", NEW),
            ("PATCH", "/markets/ADA-USDT", {"quantity_min": "1"}),
            ("POST", "/markets/ADA-USDT/state", {"state": "closed"}),
            ("POST", "/markets/ADA-USDT/reference", {"price": 1}),
            ("POST", "/fees", {"name": "x", "maker_bps": 0, "taker_bps": 0}),
            ("PUT", "/users/alice/fees", {"schedule": "standard"}),
            ("POST", "/trading/suspensions/1/release", {}),
        ):
            answer = await door.ask(method, path, body, of="alice")
            assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed"), path


async def test_a_market_that_cannot_be_is_refused_with_the_place() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"symbol": "ETH/ETH"}, "exchange.same_assets"),
        ({"symbol": "ETH/NIX"}, "exchange.asset_unknown"),
        ({"tick": "0"}, "exchange.price_not_positive"),
        ({"tick": "1e-30"}, "exchange.bad_terms"),
        ({"lot": "0.0000000000000000001"}, "money.too_many_decimals"),
        ({"lot": "x"}, "exchange.amount_not_a_number"),
        ({"quantity_min": "1.5"}, "exchange.quantity_off_lot"),
        ({"band_bps": "0.001"}, "exchange.bps_out_of_range"),
        ({"band_bps": 10_000}, "exchange.bad_rules"),
        ({"routing": "provider"}, "exchange.bad_rules"),
        ({"fee_schedule": "none"}, "exchange.fee_schedule_unknown"),
        ({"day_ends": "24:00"}, "request.bad_value"),
        ({"symbol": "ETH"}, "request.bad_value"),
    ]
    async with front_door(parts={"ledger": _NoAssets()}) as door:
        for said, code in cases:
            answer = await door.ask("POST", "/markets", {**NEW, **said}, of="operator")
            assert answer.json()["code"] == code, answer.text


class _NoAssets:
    async def assets(self) -> list[Any]:
        return []


async def test_a_market_is_created_once_and_never_with_other_terms() -> None:
    async with front_door() as door:
        first = await told(await door.ask("POST", "/markets", NEW, of="operator"), 201)
        assert (first["name"], first["exists"]) == ("ETH-EUR", False)
        again = await told(await door.ask("POST", "/markets", NEW, of="operator"), 200)
        assert again["exists"] is True
        other = {**NEW, "tick": "0.05", "lot": "2"}
        problem = await told(await door.ask("POST", "/markets", other, of="operator"), 409)
        assert problem["code"] == "exchange.market_exists"
        assert sorted(problem["facts"]["differs"]) == ["lot", "tick"]
        market = await told(await door.client.get("/markets/ETH-EUR"))
        assert (market["state"], market["lot"]) == ("closed", "1.000000000000000000")


async def test_a_market_with_a_band_opens_with_a_reference_and_keeps_orders_within() -> None:
    async with front_door() as door:
        banded = {**ADA, "band_bps": "500"}
        await told(await door.ask("POST", "/markets", banded, of="operator"), 201)
        state = {"state": "open"}
        path = "/markets/ADA-USDT"
        closed = await door.ask("POST", f"{path}/state", state, of="operator")
        assert closed.json()["code"] == "exchange.reference_missing"
        await told(await door.ask("POST", f"{path}/reference", {"price": "2"}, of="operator"))
        stands = await told(await door.ask("POST", f"{path}/state", state, of="operator"))
        assert (stands["state"], stands["reference_price"]) == ("open", "2.0000")
        await door.deposit("alice", "1000", currency="USDT")
        problem = await order(door, "alice", 422, side="BUY", price="2.2", quantity="1")
        assert problem["code"] == "exchange.price_outside_band"
        assert (problem["facts"]["band_low"], problem["facts"]["band_high"]) == (
            "1.9000",
            "2.1000",
        )


async def test_rules_change_one_by_one_and_are_kept() -> None:
    async with bourse() as door:
        path = "/markets/ADA-USDT"
        rules = {"quantity_min": "1", "value_min": "0.5", "day_ends": "22:30"}
        stands = await told(await door.ask("PATCH", path, rules, of="operator"))
        assert stands["rules"]["day_ends"] == "22:30"
        stands = await told(await door.ask("PATCH", path, {"value_min": 0}, of="operator"))
        assert stands["rules"]["quantity_min"] == "1.000000"
        assert stands["rules"]["value_min"] == "0.000000"
        small = await order(door, "alice", 422, side="BUY", price="1", quantity="0.5")
        assert small["code"] == "exchange.quantity_below_minimum"
        assert small["facts"] == {
            "symbol": "ADA/USDT",
            "quantity": "0.500000",
            "quantity_min": "1.000000",
        }


async def test_fees_are_basis_points_and_are_charged() -> None:
    async with bourse() as door:
        fees = {"name": "standard", "maker_bps": "-0.5", "taker_bps": "10"}
        stands = await told(await door.ask("POST", "/fees", fees, of="operator"))
        assert (stands["maker_bps"], stands["taker_bps"]) == ("-0.5", "10")
        await order(door, "alice", side="BUY", price="2", quantity="100")
        taken = await order(door, "bob", side="SELL", price="2", quantity="100")
        assert (taken["fees"], taken["fee_asset"]) == ("0.200000", "USDT")
        costly = {**fees, "maker_bps": "-10.01"}
        problem = await told(await door.ask("POST", "/fees", costly, of="operator"), 422)
        assert problem["code"] == "exchange.bad_fees"
        vip = {"name": "vip", "maker_bps": 0, "taker_bps": 1}
        await told(await door.ask("POST", "/fees", vip, of="operator"))
        given = await told(
            await door.ask("PUT", "/users/bob/fees", {"schedule": "vip"}, of="operator")
        )
        assert given["schedule"] == "vip"
        none = await door.ask("PUT", "/users/bob/fees", {"schedule": "no"}, of="operator")
        assert none.json()["code"] == "exchange.fee_schedule_unknown"
        await told(await door.ask("PUT", "/users/bob/fees", {"schedule": None}, of="operator"))


async def test_the_kill_switch_cancels_at_once_and_only_operators_take_it_back() -> None:
    async with bourse() as door:
        await order(door, "alice", side="BUY", price="2", quantity="10")
        stopped = await told(await door.ask("POST", "/trading/kill", {}, of="alice"))
        assert (stopped["user_id"], stopped["engaged"], stopped["cancelled"]) == (
            "alice",
            True,
            1,
        )
        problem = await order(door, "alice", 403, side="BUY", price="2", quantity="10")
        assert problem["code"] == "exchange.trading_stopped"
        for body in ({"engaged": False}, {"everybody": True}):
            refused = await door.ask("POST", "/trading/kill", body, of="alice")
            assert refused.json()["code"] == "auth.not_allowed"
        again = {"user_id": "alice", "engaged": False}
        await told(await door.ask("POST", "/trading/kill", again, of="operator"))
        await order(door, "alice", side="BUY", price="2", quantity="10")
        both = {"user_id": "alice", "everybody": True}
        problem = await told(await door.ask("POST", "/trading/kill", both, of="operator"), 422)
        assert problem["code"] == "exchange.everybody_and_user"


async def test_what_a_frozen_wallet_would_not_take_is_released_later(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        await order(door, "alice", side="BUY", price="2", quantity="10")
        await order(door, "bob", side="SELL", price="3", quantity="10")
        freeze = "/api/v1/ledger/accounts/wallet:alice:ADA"
        await told(await door.ask("POST", f"{freeze}/freeze", {"reason": "x"}, of="operator"))
        await order(door, "bob", side="SELL", price="2", quantity="10")
        query = f"open_only=true&at_least={door.engine.height}"
        path = "/trading/suspensions"
        (held,) = (await told(await door.ask("GET", f"{path}?{query}", of="alice")))["data"]
        assert (held["currency"], held["amount"], held["state"]) == (
            "ADA",
            "10.000000",
            "suspended",
        )
        assert (await told(await door.ask("GET", path, of="bob")))["data"] == []
        release = f"{path}/{held['suspension_id']}/release"
        early = await told(await door.ask("POST", release, of="operator"), 422)
        assert early["code"] == "ledger.credit_frozen"
        await told(await door.ask("POST", f"{freeze}/unfreeze", {}, of="operator"))
        done = await told(await door.ask("POST", release, of="operator"))
        assert (done["state"], done["exists"]) == ("released", False)
        again = await told(await door.ask("POST", release, of="operator"))
        assert again["exists"] is True
        none = await told(await door.ask("POST", f"{path}/99/release", of="operator"), 404)
        assert none["code"] == "exchange.suspension_unknown"


async def test_fee_schedules_are_listed(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        vip = {"name": "vip", "maker_bps": "0", "taker_bps": "1.25"}
        await told(await door.ask("POST", "/fees", vip, of="operator"))
        await told(await door.ask("PUT", "/users/bob/fees", {"schedule": "vip"}, of="operator"))
        listed = (await door.get("/fees"))["data"]
        (mine,) = [each for each in listed if each["name"] == "vip"]
        assert (mine["taker_bps"], mine["users"], mine["actor"]) == ("1.25", 1, "operator")


# -- where a market may be routed to ---------------------------------------------------------------


async def test_a_market_is_routed_only_to_a_provider_that_is_there() -> None:
    parts = {"providers": frozenset(("best", "merchant"))}
    async with front_door(parts=parts) as door:
        nowhere = {"routing": "provider", "provider": "acme"}
        no = await told(await door.ask("POST", "/markets", {**ADA, **nowhere}, of="operator"), 422)
        assert no["code"] == "exchange.provider_unknown"
        assert no["facts"] == {"provider": "acme", "providers": ["best", "merchant"]}
        assert no["errors"][0]["pointer"] == "/provider"
        assert (await door.client.get("/markets/ADA-USDT")).status_code == 404
        there = {**ADA, "routing": "provider", "provider": "merchant"}
        await told(await door.ask("POST", "/markets", there, of="operator"), 201)
        path = "/markets/ADA-USDT"
        for change, status in (
            ({"provider": "acme"}, 422),
            ({"provider": "best"}, 200),
            (nowhere, 422),
            ({"routing": "book", "provider": "acme"}, 200),  # the book needs none
            ({"routing": "book_then_provider"}, 422),
            ({"orders_per_user_max": 5}, 200),
        ):
            answer = await door.ask("PATCH", path, change, of="operator")
            assert answer.status_code == status, (change, answer.text)


async def test_rules_that_name_a_provider_who_is_gone_may_be_changed_elsewhere() -> None:
    async with front_door() as door:  # it knows of no providers, and refuses none
        gone = {**ADA, "routing": "provider", "provider": "acme"}
        await told(await door.ask("POST", "/markets", gone, of="operator"), 201)
        platform = replace(door.app.desk.platform, providers=frozenset(("best",)))
        door.app.desk.platform = platform
        rules = {"orders_per_user_max": 5}
        await told(await door.ask("PATCH", "/markets/ADA-USDT", rules, of="operator"))
        still = {"routing": "provider"}
        await told(await door.ask("PATCH", "/markets/ADA-USDT", still, of="operator"), 422)
