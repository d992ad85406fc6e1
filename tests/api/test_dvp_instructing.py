"""Is an instruction read exactly, refused with what to mend, and taken alone or with others?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.bourse import told
from tests.api.door import Door, front_door
from tests.api.settling import (
    AAPL,
    TRADE,
    held,
    instruct,
    read,
    settling,
    side_of,
)


@pytest.fixture
async def door(wheel_postgres: str) -> AsyncIterator[Door]:
    async with settling(wheel_postgres) as opened:
        yield opened


# -- what is wrong ---------------------------------------------------------------------------------

SHAPES: list[tuple[dict[str, Any], set[str]]] = [
    ({"trade_id": None}, {"/trade_id"}),
    ({"trade_id": "a b"}, {"/trade_id"}),
    ({"symbol": None}, {"/security", "/cash"}),
    ({"symbol": "aapl/usd"}, {"/symbol"}),
    ({"symbol": "AAPL-USD"}, {"/symbol"}),
    ({"cash": "EUR"}, {"/cash"}),
    ({"quantity": None, "amount": None}, {"/quantity", "/amount"}),
    ({"seller_account_id": "x" * 49}, {"/seller_account_id"}),
    ({"settlement_date": "tomorrow"}, {"/settlement_date"}),
    ({"cycle": "T+7"}, {"/cycle"}),
    ({"seller_partial": "MAYBE"}, {"/seller_partial"}),
    ({"seller_partial_min": "1"}, {"/seller_partial_min"}),
    ({"hold": ["broker"]}, {"/hold/0"}),
    ({"reference": "r"}, {"/reference"}),
    ({"linked": True}, {"/linked"}),
    ({"quantty": "1"}, {"/quantty"}),
    ({"settlements": [TRADE]}, {f"/{name}" for name in TRADE}),
]


async def test_every_fault_of_an_instruction_is_named_with_its_place() -> None:
    async with front_door() as door:
        for said, pointers in SHAPES:
            body = {name: value for name, value in {**TRADE, **said}.items() if value is not None}
            answer = await door.ask("POST", "/settlements", body, of="operator")
            assert answer.status_code == 422, said
            assert {error["pointer"] for error in answer.json()["errors"]} == pointers, said


async def test_every_fault_of_one_side_is_named_with_its_place() -> None:
    async with front_door() as door:
        for said, pointers in (
            ({"reference": None}, {"/reference"}),
            ({"trade_date": None, "settlement_date": None}, {"/trade_date", "/settlement_date"}),
            ({"buyer_account_id": None}, {"/buyer_account_id"}),
            ({"hold": ["buyer"]}, {"/hold"}),
            ({"buyer_partial": "PART"}, {"/buyer_partial"}),
            ({"cycle": "t1"}, {"/cycle"}),
            ({"side": "broker"}, {"/side"}),
        ):
            body = {
                name: value
                for name, value in {**side_of("seller"), **said}.items()
                if value is not None
            }
            answer = await door.ask("POST", "/settlements", body, of="bob")
            assert answer.status_code == 422, said
            assert {error["pointer"] for error in answer.json()["errors"]} == pointers, said


REFUSED: list[tuple[dict[str, Any], int, str, dict[str, Any]]] = [
    ({"symbol": "NOPE/USD"}, 422, "asset.unknown", {"asset": "NOPE"}),
    ({"quantity": "0.001"}, 422, "money.too_many_decimals", {"decimals_max": 2}),
    ({"amount": "7524.001"}, 422, "money.too_many_decimals", {"asset": "USD"}),
    ({"amount": "NaN"}, 422, "money.not_a_number", {}),
    ({"amount": True}, 422, "money.not_a_number", {}),
    ({"amount": "1e60"}, 422, "money.too_large", {}),
    ({"quantity": "0"}, 422, "settlement.bad_amount", {"field": "quantity"}),
    ({"amount": "-5"}, 422, "settlement.bad_amount", {"amount": "-5.00"}),
    ({"buyer_account_id": "bob"}, 422, "settlement.same_party", {"party": "bob"}),
    ({"symbol": "USD/USD"}, 422, "settlement.same_asset", {"asset": "USD"}),
    ({"cash_domain": "moon"}, 404, "settlement.domain_unknown", {"domain": "moon"}),
    ({"settlement_date": "2020-01-01"}, 422, "settlement.bad_date", {}),
    ({"settlement_date": "2026-02-31"}, 422, "settlement.bad_date", {}),
    (
        {"buyer_partial": "PARQ", "buyer_partial_min": "51"},
        422,
        "settlement.bad_partial",
        {"partial_min": "51.00"},
    ),
]


async def test_what_cannot_settle_is_refused_with_what_to_send_instead(door: Door) -> None:
    for said, status, code, facts in REFUSED:
        problem = await instruct(door, status=status, **said)
        assert problem["code"] == code, said
        told_facts = problem.get("facts", {})
        assert {name: told_facts.get(name) for name in facts} == facts, said
        assert problem["remedy"], said


async def test_numbers_of_json_are_read_digit_by_digit(door: Door) -> None:
    body = (
        b'{"trade_id":"j-1","seller_account_id":"bob","buyer_account_id":"alice",'
        b'"symbol":"%s/USD","quantity":1.10,"amount":1e2,"hold":["seller"]}' % AAPL.encode()
    )
    instructed = await told(await door.ask("POST", "/settlements", body, of="operator"), 201)
    view = await read(door, f"/settlements/{instructed['settlement_id']}")
    assert (view["quantity"], view["amount"]) == ("1.10", "100.00")


# -- many ------------------------------------------------------------------------------------------


def trades(*said: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**TRADE, "trade_id": f"m-{index}", **each} for index, each in enumerate(said)]


async def test_each_of_many_has_its_own_result(door: Door) -> None:
    many = trades({}, {"quantity": "0.001"}, {"buyer_account_id": "bob"}, {"amount": "1"})
    body = {"settlements": many}
    result = await told(await door.ask("POST", "/settlements", body, of="operator"))
    assert (result["instructed"], result["refused"]) == (2, 2)
    assert [each.get("code", "") for each in result["results"]] == [
        "",
        "money.too_many_decimals",
        "settlement.same_party",
        "",
    ]
    assert [each["index"] for each in result["results"]] == [0, 1, 2, 3]
    nothing = {"settlements": trades({"quantity": "0.001"})}
    result = await told(await door.ask("POST", "/settlements", nothing, of="operator"))
    assert (result["refused"], result["recorded_at"]) == (1, None)


async def test_what_is_linked_settles_all_or_none(door: Door) -> None:
    swap = trades({}, {"seller_account_id": "alice", "buyer_account_id": "bob", "amount": "1.00"})
    body = {"settlements": swap, "linked": True}
    result = await told(await door.ask("POST", "/settlements", body, of="operator"))
    first, second = (each["settlement_id"] for each in result["results"])
    views = [await read(door, f"/settlements/{id}") for id in (first, second)]
    assert [view["status"] for view in views] == ["SETTLED", "SETTLED"]
    assert {view["bundle_id"] for view in views} == {first}
    assert await held(door, AAPL, "bob") == ("1000.00", "0.00")
    broken = trades({}, {"quantity": "0.001"})
    answer = await door.ask(
        "POST", "/settlements", {"settlements": broken, "linked": True}, of="operator"
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/settlements/1/quantity"
    half = trades({}, {"trade_id": "new"})
    answer = await door.ask(
        "POST", "/settlements", {"settlements": half, "linked": True}, of="operator"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "settlement.link_differs")
