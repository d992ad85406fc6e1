"""How are accounts opened, stopped and closed, and assets registered?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.door import Door, front_door

ACCOUNTS = "/api/v1/ledger/accounts"
ASSETS = "/api/v1/ledger/assets"


async def send(door: Door, path: str, expected: int, body: Any = None, **how: Any) -> Any:
    answer = await door.post(path, body, **how)
    assert answer.status_code == expected, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "wallet:alice:EUR"}, "request.reserved_id"),
        ({"id": "nostro:EUR"}, "request.reserved_id"),
        ({"id": ""}, "request.bad_value"),
        ({"type": "cash"}, "request.bad_value"),
        ({"overdraft": "1.001"}, "money.too_many_decimals"),
        ({"overdraft": "1.00"}, "ledger.overdraft_without_limit"),
        ({"metadata": {"a": "b\x00"}}, "request.bad_value"),
    ],
)
async def test_an_account_that_cannot_be_is_refused(changes: dict[str, Any], code: str) -> None:
    async with front_door() as door:
        body = {"id": "a", "asset": "EUR", **changes}
        assert (await send(door, ACCOUNTS, 422, body))["code"] == code


async def test_an_account_opened_again_exists_or_differs() -> None:
    async with front_door() as door:
        body = {"id": "a", "asset": "EUR", "type": "asset"}
        assert (await send(door, ACCOUNTS, 201, body))["result"] == "created"
        assert (await send(door, ACCOUNTS, 200, body))["result"] == "exists"
        told = await send(door, ACCOUNTS, 409, {**body, "asset": "USD"})
        assert told["code"] == "ledger.exists_with_different_asset"


async def test_opening_under_one_key_is_replayed() -> None:
    async with front_door() as door:
        body = {"id": "a", "asset": "EUR"}
        await send(door, ACCOUNTS, 201, body, key="k")
        again = await door.post(ACCOUNTS, body, key="k")
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")


async def test_a_frozen_account_moves_nothing_until_it_is_unfrozen() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        told = await send(door, f"{ACCOUNTS}/a/freeze", 200, {"reason": "court order"})
        assert (told["status"], told["changed"]) == ("frozen", True)
        assert (await send(door, f"{ACCOUNTS}/a/freeze", 200))["changed"] is False
        transfer = {"debit": "a", "credit": "b", "amount": 1, "asset": "EUR"}
        path = "/api/v1/ledger/transfers"
        told = await send(door, path, 422, {"id": "t1", **transfer})
        assert told["code"] == "ledger.debit_frozen"
        await send(door, f"{ACCOUNTS}/a/unfreeze", 200)
        await send(door, path, 201, {"id": "t2", **transfer})


async def test_an_account_with_a_balance_cannot_be_closed() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        transfer = {"id": "t", "debit": "a", "credit": "b", "amount": 1, "asset": "EUR"}
        await send(door, "/api/v1/ledger/transfers", 201, transfer)
        told = await send(door, f"{ACCOUNTS}/a/close", 409)
        assert told["code"] == "ledger.account_has_balance"
        assert told["facts"]["debits_posted"] == "1.00"
        reverse = {"id": "r", "action": "reverse", "refers_to": "t"}
        await send(door, "/api/v1/ledger/transfers", 201, reverse)
        told = await send(door, f"{ACCOUNTS}/a/close", 200)
        assert told["status"] == "closed"
        assert (await send(door, f"{ACCOUNTS}/a/freeze", 409))["code"] == "ledger.account_closed"


async def test_an_account_with_a_slash_in_its_id_is_reached_by_its_path() -> None:
    async with front_door() as door:
        await door.open("group/a")
        assert (await send(door, f"{ACCOUNTS}/group/a/freeze", 200))["id"] == "group/a"
        told = await send(door, f"{ACCOUNTS}/group/none/freeze", 404)
        assert told["code"] == "ledger.account_not_found"


async def test_an_asset_keeps_its_decimals_for_ever() -> None:
    async with front_door() as door:
        body = {"code": "POINTS", "scale": 3}
        await send(door, ASSETS, 201, body)
        told = await send(door, ASSETS, 409, {**body, "scale": 2})
        assert told["code"] == "ledger.asset_exists_with_different_scale"
        told = await send(door, ASSETS, 422, {**body, "scale": 19})
        assert told["errors"][0]["pointer"] == "/scale"
