"""Can parties and operators settle trades through the door, and does it say what is wrong?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.bourse import told
from tests.api.callers import bearer
from tests.api.door import Door, front_door
from tests.api.settling import (
    AAPL,
    TRADE,
    act,
    day,
    held,
    instruct,
    issue,
    one_side,
    read,
    settling,
    side_of,
)


@pytest.fixture
async def door(wheel_postgres: str) -> AsyncIterator[Door]:
    async with settling(wheel_postgres) as opened:
        yield opened


# -- who may ---------------------------------------------------------------------------------------


async def test_a_party_instructs_its_own_side_and_no_other(door: Door) -> None:
    problem = await instruct(door, of="bob", status=403)
    assert problem["code"] == "auth.not_your_account"
    problem = await one_side(door, "buyer", of="bob", status=403)
    assert problem["code"] == "auth.not_your_account"
    many = {"settlements": [TRADE]}
    assert (await door.ask("POST", "/settlements", many, of="bob")).status_code == 403
    body = side_of("seller")
    del body["seller_account_id"]
    assert (await door.ask("POST", "/settlements", body, of="bob")).status_code == 201


async def test_a_settlement_is_unknown_to_all_but_its_parties(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    for path in (f"/settlements/{id}", f"/settlements/{id}/events"):
        problem = await read(door, path, of="eve", says=404)
        assert problem["code"] == "settlement.unknown"
        for party in ("bob", "alice"):
            assert (await read(door, path, of=party))["settlement_id"] == id
    for deed in ("hold", "release", "cancel"):
        assert (await act(door, id, deed, of="eve", status=404))["code"] == "settlement.unknown"
    retry = {"reason": "please"}
    assert (await act(door, id, "retry", retry, of="eve", status=404))["title"]
    problem = await act(door, id, "hold", {"side": "buyer"}, of="bob", status=403)
    assert problem["code"] == "auth.not_your_account"


async def test_who_of_the_house_acted_is_not_told_to_the_parties(door: Door) -> None:
    done = await instruct(door, quantity="2000", hold=["seller"])
    id = done["settlement_id"]
    await act(door, id, "release", of="bob")
    path = f"/settlements/{id}/hold"
    headers = bearer("olga", "operator")
    await told(await door.client.post(path, json={"side": "buyer"}, headers=headers))
    seen = {}
    for who in ("alice", "operator"):
        events = await read(door, f"/settlements/{id}/events", of=who)
        seen[who] = [
            each["details"]["actor"] for each in events["data"] if "actor" in each["details"]
        ]
    assert seen == {"alice": ["bob", "operator"], "operator": ["bob", "olga"]}


async def test_a_list_is_of_the_callers_own_settlements(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    for party, count in (("bob", 1), ("alice", 1), ("eve", 0), ("operator", 1)):
        page = await read(door, "/settlements", of=party)
        assert (page["total"], len(page["data"])) == (count, count), party
    assert page["data"][0]["settlement_id"] == id
    for path in ("/settlements", "/settlements/penalties", "/settlements/positions"):
        answer = await door.client.get(path, params={"account_id": "bob"}, headers=bearer("eve"))
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_your_account")


async def test_an_auditor_reads_everything_and_changes_nothing(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    auditor = bearer("ann", "auditor")
    query = {"at_least": door.engine.height}
    for path in (f"/settlements/{id}", "/settlements", "/settlement/domains"):
        answer = await door.client.get(path, params=query, headers=auditor)
        assert answer.status_code == 200, answer.text
    for path, body in (
        ("/settlements", TRADE),
        (f"/settlements/{id}/release", {"side": "seller"}),
        ("/settlement/domains/main/issues", {}),
    ):
        answer = await door.client.post(path, json=body, headers=auditor)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed")


async def test_only_operators_run_instruments_domains_and_issues(door: Door) -> None:
    for method, path, body in (
        ("PUT", f"/settlement/instruments/{AAPL}", {"domain": "main"}),
        ("PUT", "/settlement/domains/main", {"state": "closed"}),
        ("PUT", "/settlement/penalty-rates/other", {"valid_from": day(), "rate_ppm": 1}),
        ("POST", "/settlement/domains/main/issues", {}),
    ):
        answer = await door.ask(method, path, body, of="bob")
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed"), path
    answer = await door.ask("GET", "/settlement/domains/main/balances/bob", of="alice")
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_your_account")
    own = await told(await door.ask("GET", "/settlement/domains/main/balances/bob", of="bob"))
    assert own["data"][0]["owned"] == "1000.00"


# -- repeated --------------------------------------------------------------------------------------


async def test_a_trade_settles_once_however_often_it_is_sent(door: Door) -> None:
    first = await instruct(door)
    again = await instruct(door)
    assert (first["exists"], again["exists"]) == (False, True)
    assert again["settlement_id"] == first["settlement_id"]
    assert again["status"] == "SETTLED"
    assert await held(door, AAPL, "alice") == ("50.00", "0.00")
    problem = await instruct(door, amount="7525.00", status=409)
    assert problem["code"] == "settlement.trade_exists"
    assert problem["facts"]["settlement_id"] == first["settlement_id"]


async def test_under_one_key_the_first_answer_is_told_again(door: Door) -> None:
    first = await door.ask("POST", "/settlements", TRADE, of="operator", idempotency_key="k")
    again = await door.ask("POST", "/settlements", TRADE, of="operator", idempotency_key="k")
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = {**TRADE, "trade_id": "t-2"}
    answer = await door.ask("POST", "/settlements", other, of="operator", idempotency_key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "engine.key_reused")


async def test_a_side_is_instructed_once_under_its_reference(door: Door) -> None:
    first = await one_side(door, "seller", of="bob")
    again = await one_side(door, "seller", of="bob")
    assert (again["settlement_id"], again["exists"]) == (first["settlement_id"], True)
    problem = await one_side(door, "seller", of="bob", quantity="51", status=409)
    assert problem["code"] == "settlement.reference_exists"


async def test_a_hold_and_a_release_may_be_said_twice(door: Door) -> None:
    id = (await instruct(door, settlement_date=day(1)))["settlement_id"]
    for _ in range(2):
        assert (await act(door, id, "hold", of="bob"))["status"] == "PENDING"
    for _ in range(2):
        assert (await act(door, id, "release", of="bob"))["status"] == "PENDING"
    problem = await act(door, id, "release", {"quantity": "1"}, of="alice", status=409)
    assert problem["code"] == "settlement.not_on_hold"


# -- the course of a settlement --------------------------------------------------------------------


async def test_what_both_agree_on_settles_at_once_and_tells_all_its_states(door: Door) -> None:
    instructed = await instruct(door)
    assert instructed["matched"] is True
    id = instructed["settlement_id"]
    view = await read(door, f"/settlements/{id}", of="alice")
    assert (view["status"], view["trade_id"]) == ("SETTLED", "t-1")
    assert (view["quantity"], view["amount"]) == ("50.00", "7524.00")
    assert (view["remaining_quantity"], view["settled_amount"]) == ("0.00", "7524.00")
    assert view["settlement_date"] == day()
    for name in ("initiated_at", "confirmed_at", "settled_at"):
        assert view[name].endswith("Z"), name
    assert view["failed_at"] is None
    assert view["dvp_atomic_transaction_id"]
    assert view["seller_securities_ledger_ref"]
    assert view["buyer_cash_ledger_ref"]
    events = await read(door, f"/settlements/{id}/events", of="alice")
    types = [event["event_type"].removeprefix("settlement.") for event in events["data"]]
    order = (
        "instructed",
        "initiated",
        "seller_securities_locked",
        "buyer_cash_locked",
        "executing",
        "confirmed",
        "settled",
    )
    assert [each for each in types if each in order] == list(order)
    instructed, *_, settled = events["data"]
    assert instructed["details"]["settlement_date"] == view["settlement_date"]
    assert settled["details"]["settled_quantity"] == "50.00"
    assert settled["details"]["amount"] == "7524.00"
    assert len({event["event_id"] for event in events["data"]}) == len(types)
    assert await held(door, AAPL, "bob") == ("950.00", "0.00")
    assert await held(door, "USD", "bob") == ("7524.00", "0.00")
    assert await held(door, "USD", "alice") == ("42476.00", "0.00")


async def test_two_sides_that_agree_are_matched_and_settle(door: Door) -> None:
    first = await one_side(door, "seller", of="bob")
    assert (first["status"], first["matched"]) == ("PENDING", False)
    alleged = await read(door, f"/settlements/{first['settlement_id']}", of="alice")
    assert (alleged["matched"], alleged["buyer_reference"]) == (False, "")
    second = await one_side(door, "buyer", of="alice")
    assert (second["settlement_id"], second["matched"]) == (first["settlement_id"], True)
    view = await read(door, f"/settlements/{first['settlement_id']}", of="bob")
    assert (view["status"], view["matched"]) == ("SETTLED", True)


async def test_sides_that_differ_wait_for_each_other(door: Door) -> None:
    await one_side(door, "seller", of="bob")
    second = await one_side(door, "buyer", of="alice", quantity="51")
    assert second["matched"] is False
    page = await read(door, "/settlements", of="alice", status="PENDING")
    assert page["total"] == 2


async def test_what_is_kept_back_settles_once_it_is_let_go(door: Door) -> None:
    id = (await instruct(door, hold=["seller", "buyer"]))["settlement_id"]
    view = await read(door, f"/settlements/{id}")
    assert (view["status"], view["on_hold"]) == ("PENDING", ["seller", "buyer"])
    problem = await act(door, id, "release", status=422)
    assert problem["errors"][0]["pointer"] == "/side"
    await act(door, id, "release", of="bob")
    assert (await act(door, id, "release", of="alice"))["settlement_id"] == id
    assert (await read(door, f"/settlements/{id}"))["status"] == "SETTLED"


async def test_a_part_is_let_go_where_both_sides_take_parts(door: Door) -> None:
    partial: dict[str, Any] = {"seller_partial": "PART", "buyer_partial": "PART"}
    id = (await instruct(door, hold=["seller"], **partial))["settlement_id"]
    for quantity, code in (
        ("0", "request.bad_value"),
        ("0.001", "money.too_many_decimals"),
        ("51", "settlement.quantity_too_large"),
    ):
        body = {"quantity": quantity}
        problem = await act(door, id, "release", body, of="bob", status=422)
        assert problem["code"] == code, quantity
    await act(door, id, "release", {"quantity": "20"}, of="bob")
    view = await read(door, f"/settlements/{id}")
    assert (view["status"], view["settled_quantity"]) == ("PARTIALLY_SETTLED", "20.00")
    assert (view["settled_amount"], view["remaining_amount"]) == ("3009.60", "4514.40")
    await act(door, id, "release", of="bob")
    view = await read(door, f"/settlements/{id}")
    assert (view["status"], view["settled_amount"]) == ("SETTLED", "7524.00")


async def test_a_part_is_not_let_go_where_a_side_takes_none(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    body = {"quantity": "20"}
    problem = await act(door, id, "release", body, of="bob", status=409)
    assert problem["code"] == "settlement.partial_not_agreed"


async def test_what_is_matched_is_cancelled_when_both_have_asked(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    first = await act(door, id, "cancel", {"reason": "traded in error"}, of="bob")
    assert first["cancelled"] is False
    assert (await read(door, f"/settlements/{id}"))["cancel_asked"] == ["seller"]
    assert (await act(door, id, "cancel", of="alice"))["cancelled"] is True
    view = await read(door, f"/settlements/{id}")
    assert (view["status"], view["failure_reason"]) == ("FAILED", "cancelled")
    assert view["failed_at"] is not None
    problem = await act(door, id, "retry", {"reason": "again"}, status=409)
    assert problem["code"] == "settlement.cancelled"
    problem = await act(door, id, "hold", {"side": "seller"}, status=409)
    assert problem["code"] == "settlement.ended"


async def test_an_operator_cancels_for_both_and_a_side_that_is_alone_at_once(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    assert (await act(door, id, "cancel"))["cancelled"] is True
    alone = (await one_side(door, "seller", of="bob", trade_id="t-2"))["settlement_id"]
    assert (await act(door, alone, "cancel", of="bob"))["cancelled"] is True


async def test_what_is_settled_is_final(door: Door) -> None:
    id = (await instruct(door))["settlement_id"]
    for deed, body in (
        ("hold", {"side": "seller"}),
        ("release", {"side": "seller"}),
        ("cancel", {}),
        ("retry", {"reason": "again"}),
    ):
        problem = await act(door, id, deed, body, status=409)
        assert problem["code"] == "settlement.ended", deed


async def test_a_settlement_that_lacks_something_says_so_and_is_tried_again(door: Door) -> None:
    id = (await instruct(door, quantity="5000"))["settlement_id"]
    view = await read(door, f"/settlements/{id}")
    assert view["status"] in ("PENDING", "INITIATED", "FAILED")
    assert view["pending_reason"] == "lack_of_securities"
    events = await read(door, f"/settlements/{id}/events")
    refusal = next(e for e in events["data"] if e["event_type"] == "settlement.refused")
    assert refusal["details"]["reason"] == "lack_of_securities"
    assert await held(door, AAPL, "bob") == ("1000.00", "0.00")
    await issue(door, "bob", AAPL, "4500")
    answer = await door.ask(
        "POST", f"/settlements/{id}/retry", {"reason": "they have come"}, of="bob"
    )
    assert answer.status_code in (200, 409), answer.text
    if answer.status_code == 409:
        assert answer.json()["code"] == "settlement.under_way"


async def test_a_settlement_of_tomorrow_waits_and_is_not_hurried(door: Door) -> None:
    id = (await instruct(door, cycle="t1"))["settlement_id"]
    view = await read(door, f"/settlements/{id}")
    assert (view["status"], view["settlement_date"]) == ("PENDING", day(1))
    problem = await act(door, id, "retry", {"reason": "now"}, status=409)
    assert problem["code"] == "settlement.not_due"
    problem = await act(door, id, "retry", {"reason": ""}, status=422)
    assert problem["errors"][0]["pointer"] == "/reason"


# -- lists -----------------------------------------------------------------------------------------


async def test_a_list_is_narrowed_counted_and_paged(door: Door) -> None:
    for number in range(5):
        await instruct(door, trade_id=f"p-{number}", settlement_date=day(number), amount="10.00")
    page = await read(door, "/settlements", of="alice", limit=2)
    assert (page["total"], len(page["data"]), page["has_more"]) == (5, 2, True)
    seen = [each["trade_id"] for each in page["data"]]
    while page["next_cursor"]:
        page = await read(door, "/settlements", of="alice", limit=2, cursor=page["next_cursor"])
        seen += [each["trade_id"] for each in page["data"]]
    assert seen == [f"p-{number}" for number in (4, 3, 2, 1, 0)]
    query: dict[str, Any] = {"start_date": day(1), "end_date": day(3), "status": "PENDING"}
    assert (await read(door, "/settlements", of="bob", **query))["total"] == 3
    assert (await read(door, "/settlements", of="bob", status="SETTLED"))["total"] == 1
    assert (await read(door, "/settlements", trade_id="p-3"))["data"][0]["trade_id"] == "p-3"
    answer = await door.client.get("/settlements", params={"cursor": "x"}, headers=bearer("bob"))
    assert answer.json()["code"] == "request.bad_cursor"
    bad = await door.client.get("/settlements", params={"status": "LOST"}, headers=bearer("bob"))
    assert bad.status_code == 422


@pytest.mark.parametrize("path", ["/settlements", "/settlements/penalties"])
async def test_a_date_that_there_is_not_is_no_bound_of_a_list(path: str) -> None:
    async with front_door() as door:
        query = "start_date=2026-02-30&end_date=2026-13-01"
        problem = await told(await door.ask("GET", f"{path}?{query}", of="operator"), 422)
        assert [each["pointer"] for each in problem["errors"]] == ["start_date", "end_date"]


@pytest.mark.parametrize("id", ["S0", "1", "s1", "S1x", "S" + "9" * 19, "penalties2", "%00"])
async def test_what_is_no_id_of_a_settlement_is_said_to_be_none(id: str) -> None:
    async with front_door() as door:
        answer = await door.ask("GET", f"/settlements/{id}", of="operator")
        assert answer.status_code == 422


async def test_the_methods_of_each_address_are_told() -> None:
    async with front_door() as door:
        for path, method, allow in (
            ("/settlements", "DELETE", "GET, POST"),
            ("/settlements/penalties", "POST", "GET"),
            ("/settlements/S1/hold", "GET", "POST"),
            ("/settlement/domains", "POST", "GET"),
        ):
            answer = await door.ask(method, path, of="operator")
            assert (answer.status_code, answer.headers["allow"]) == (405, allow), path


async def test_without_views_reads_say_so_and_nothing_is_lost() -> None:
    async with front_door() as door:
        for path in ("/settlements", "/settlements/S1", "/settlements/penalties"):
            answer = await door.ask("GET", path, of="operator")
            assert (answer.status_code, answer.json()["code"]) == (503, "views.unavailable")


# -- instruments, domains, issues ------------------------------------------------------------------


async def test_an_instrument_says_how_its_asset_settles(door: Door) -> None:
    path = f"/settlement/instruments/{AAPL}"
    for body, status, code in (
        ({"domain": "moon"}, 404, "settlement.domain_unknown"),
        ({"domain": "main", "calendar": "MOON"}, 422, "settlement.calendar_unknown"),
        ({"domain": "main", "lot": "0.001"}, 422, "money.too_many_decimals"),
        ({"domain": "main", "lot": "0"}, 422, "settlement.bad_lot"),
        ({"domain": "main", "penalty_class": "gold"}, 422, "settlement.penalty_class_unknown"),
    ):
        answer = await door.ask("PUT", path, body, of="operator")
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    terms = {"domain": "main", "lot": "10", "penalty_class": "liquid_shares"}
    stands = await told(await door.ask("PUT", path, terms, of="operator"))
    assert (stands["code"], stands["lot"]) == (AAPL, "10.00")
    listed = await read(door, "/settlement/instruments", of="eve")
    assert listed["data"] == [{"code": AAPL, "calendar": "", **terms, "lot": "10.00"}]
    problem = await instruct(door, quantity="15", status=422)
    assert (problem["code"], problem["facts"]["lot"]) == ("settlement.bad_lot", "10.00")


async def test_a_domain_is_closed_and_opened_again(door: Door) -> None:
    answer = await door.ask("PUT", "/settlement/domains/moon", {"state": "open"}, of="operator")
    assert (answer.status_code, answer.json()["code"]) == (404, "settlement.domain_unknown")
    body = {"state": "quarantined", "reason": "restored from an old backup"}
    stands = await told(await door.ask("PUT", "/settlement/domains/main", body, of="operator"))
    assert (stands["state"], stands["reason"]) == ("quarantined", body["reason"])
    listed = await read(door, "/settlement/domains")
    by_name = {each["name"]: each for each in listed["data"]}
    assert by_name["main"]["state"] == "quarantined"
    assert by_name["canton"] == {
        "name": "canton",
        "state": "open",
        "reason": "",
        "height": 0,
        "changed_at": None,
    }
    seen = await read(door, "/settlement/domains", of="eve")
    assert {each["reason"] for each in seen["data"]} == {""}, "why is not for everybody"
    id = (await instruct(door))["settlement_id"]
    assert (await read(door, f"/settlements/{id}"))["status"] == "PENDING"
    await told(await door.ask("PUT", "/settlement/domains/main", {"state": "open"}, of="operator"))


async def test_an_issue_is_booked_once_and_can_be_taken_out(door: Door) -> None:
    path = "/settlement/domains/main/issues"
    body = {"reference": "i-1", "account_id": "carol", "asset": AAPL, "amount": "10"}
    first = await told(await door.ask("POST", path, body, of="operator"), 201)
    again = await told(await door.ask("POST", path, body, of="operator"), 200)
    assert (first["exists"], again["exists"]) == (False, True)
    other = {**body, "amount": "11"}
    answer = await door.ask("POST", path, other, of="operator")
    assert (answer.status_code, answer.json()["code"]) == (409, "custody.reference_exists")
    out = {**body, "reference": "i-2", "amount": "-4"}
    await told(await door.ask("POST", path, out, of="operator"), 201)
    assert await held(door, AAPL, "carol") == ("6.00", "0.00")
    too_much = {**body, "reference": "i-3", "amount": "-7"}
    answer = await door.ask("POST", path, too_much, of="operator")
    assert (answer.status_code, answer.json()["code"]) == (409, "custody.lacking")
    for domain, status, code in (
        ("moon", 404, "settlement.domain_unknown"),
        ("canton", 501, "custody.not_here"),
    ):
        answer = await door.ask("POST", f"/settlement/domains/{domain}/issues", body, of="operator")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    zero = {**body, "reference": "i-4", "amount": "0"}
    answer = await door.ask("POST", path, zero, of="operator")
    assert (answer.status_code, answer.json()["code"]) == (422, "custody.bad_amount")


async def test_a_penalty_rate_is_said_from_a_day_on(door: Door) -> None:
    path = "/settlement/penalty-rates/other"
    body = {"valid_from": day(), "rate_ppm": 75}
    stands = await told(await door.ask("PUT", path, body, of="operator"))
    assert (stands["penalty_class"], stands["rate_ppm"]) == ("other", 75)
    for wrong in ({"valid_from": "2026-13-01", "rate_ppm": 1}, {**body, "rate_ppm": 2_000_000}):
        assert (await door.ask("PUT", path, wrong, of="operator")).status_code == 422
    answer = await door.ask("PUT", "/settlement/penalty-rates/gold", body, of="operator")
    assert (answer.status_code, answer.json()["code"]) == (422, "settlement.bad_rate")
    assert (await read(door, "/settlements/penalties", of="bob"))["data"] == []


async def test_a_platform_without_domains_of_its_own_says_so() -> None:
    async with front_door() as door:
        path = "/settlement/domains/main"
        body = {"reference": "i", "account_id": "a", "asset": "USD", "amount": "1"}
        answer = await door.ask("POST", f"{path}/issues", body, of="operator")
        assert (answer.status_code, answer.json()["code"]) == (501, "custody.not_here")
        answer = await door.ask("GET", f"{path}/balances/a", of="operator")
        assert (answer.status_code, answer.json()["code"]) == (501, "custody.not_here")
