"""Does a user see what is available, what orders hold, and what is on its way out?"""

from __future__ import annotations

from typing import Any

from tests.api.bourse import live_bourse, order, told
from tests.api.door import Door


async def owned(door: Door, user_id: str) -> dict[str, dict[str, str]]:
    """Return a user's balances by asset."""
    path = f"/balance/{user_id}?at_least={door.engine.height}"
    answer = await told(await door.ask("GET", path, of=user_id))
    return {each.pop("currency"): each for each in answer["balances"]}


def stands(total: str, available: str, *, held: str = "0", in_orders: str = "0") -> dict[str, Any]:
    """Return what a balance of six decimals says."""
    return {
        "total": f"{total}.000000",
        "available": f"{available}.000000",
        "held": f"{held}.000000",
        "in_orders": f"{in_orders}.000000",
    }


def _is(balance: dict[str, str], expected: dict[str, Any]) -> bool:
    return {name: balance[name] for name in expected} == expected


async def test_what_orders_and_withdrawals_hold_is_told_apart(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        await order(door, "alice", side="buy", price="2", quantity="100")
        leaving = {
            "user_id": "alice",
            "currency": "USDT",
            "amount": "50",
            "withdrawal_id": "w",
        }
        await told(await door.ask("POST", "/wallet/withdraw", leaving, of="alice"), 201)
        balances = await owned(door, "alice")
        usdt = balances["USDT"]
        assert usdt["in_orders"] == "200.000000"
        assert usdt["total"] in ("1000.000000", "950.000000"), "the payout may be on its way"
        assert usdt["available"] == "750.000000"
        unknown = await door.ask("GET", "/balance/nobody", of="operator")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "wallets.customer_unknown")
        stranger = await door.ask("GET", "/balance/alice", of="bob")
        assert stranger.status_code == 403


async def test_the_classic_trade_and_the_near_miss(postgres: str) -> None:
    async with live_bourse(postgres) as door:
        bid = await order(door, "alice", side="BUY", price="2", quantity="100")
        ask = await order(door, "bob", side="SELL", price="2", quantity="100")
        assert (bid["status"], ask["status"]) == ("open", "filled")
        alice, bob = await owned(door, "alice"), await owned(door, "bob")
        assert _is(alice["USDT"], stands("800", "800"))
        assert _is(alice["ADA"], stands("100", "100"))
        assert _is(bob["USDT"], stands("200", "200"))
        assert _is(bob["ADA"], stands("400", "400"))

        low = await order(door, "alice", side="BUY", price="1.9", quantity="10")
        high = await order(door, "bob", side="SELL", price="2", quantity="10")
        one = await order(door, "bob", side="SELL", price="1.9", quantity="1")
        assert [each["status"] for each in (low, high, one)] == ["open", "open", "filled"]
        assert one["fills"][0]["price"] == "1.9000"
        alice, bob = await owned(door, "alice"), await owned(door, "bob")
        assert alice["USDT"]["in_orders"] == "17.100000"
        assert alice["USDT"]["total"] == "798.100000"
        assert _is(alice["ADA"], stands("101", "101"))
        assert _is(bob["ADA"], stands("399", "389", in_orders="10"))
        for placed, status in ((bid, "filled"), (low, "partially_filled")):
            path = f"/orders/{placed['order_id']}"
            assert (await told(await door.ask("GET", path, of="alice")))["status"] == status
