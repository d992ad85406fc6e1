"""What do readers hear of the ledger, how fresh, and as of when?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nostro.api import Bounds
from tests.api.door import Door, live_door

LEDGER = "/api/v1/ledger"


@pytest.fixture
async def door(postgres: str) -> AsyncIterator[Door]:
    async with live_door(postgres) as opened:
        yield opened


async def move(door: Door, id: str, amount: str, **changes: Any) -> int:
    """Move money from a to b and return the height."""
    body = {"id": id, "debit": "a", "credit": "b", "amount": amount, "asset": "EUR", **changes}
    answer = await door.post(f"{LEDGER}/transfers", body)
    assert answer.status_code == 201, answer.text
    height: int = answer.json()["height"]
    return height


async def refused(door: Door, path: str, status: int, **query: Any) -> dict[str, Any]:
    answer = await door.client.get(f"{LEDGER}/{path}", params=query)
    assert answer.status_code == status, answer.text
    problem: dict[str, Any] = answer.json()
    return problem


async def test_a_read_that_asks_for_too_much_waits_a_little_and_is_retryable(
    wheel_postgres: str,
) -> None:
    async with live_door(wheel_postgres, bounds=Bounds(at_least_timeout_ms=50)) as door:
        told = await refused(door, "accounts", 503, at_least=10)
        assert told["code"] == "views.behind"
        assert told["retryable"] is True
        assert told["facts"] == {"asked": 10, "have": 0}


async def test_what_is_not_there_is_not_found(wheel_postgres: str) -> None:
    async with live_door(wheel_postgres) as door:
        for path, query, code in (
            ("accounts/nobody", {}, "ledger.account_not_found"),
            ("balances", {"account": "nobody"}, "ledger.account_not_found"),
            ("statements", {"account": "nobody"}, "ledger.account_not_found"),
            ("transfers/none", {}, "ledger.transfer_not_found"),
        ):
            assert (await refused(door, path, 404, **query))["code"] == code


async def test_bad_questions_are_refused_with_every_error(wheel_postgres: str) -> None:
    async with live_door(wheel_postgres) as door:
        told = await refused(door, "accounts", 422, limit=0, ownr="x", type="cash")
        assert {error["pointer"] for error in told["errors"]} == {"limit", "ownr", "type"}
        told = await refused(door, "accounts", 422, cursor="nonsense")
        assert told["code"] == "request.bad_cursor"
        told = await refused(door, "trial-balance", 422, as_of_height=99)
        assert told["code"] == "views.ahead"
        when = "2026-01-31T09:30:00Z"
        told = await refused(door, "balances", 422, account="a", as_of_height=1, as_of_time=when)
        assert told["errors"][0]["pointer"] == "as_of_time"


async def test_the_line_that_let_a_hold_expire_is_told_by_its_id(wheel_postgres: str) -> None:
    async with live_door(wheel_postgres) as door:
        await door.open("a", "b")
        height = await move(door, "h", "1", action="hold", timeout_s=1)
        hold = await door.get(f"{LEDGER}/transfers/h", at_least=height + 1)
        expired = await door.get(f"{LEDGER}/transfers/{hold['resolved_by']}")
        assert (expired["id"], expired["kind"]) == ("~h", "hold_expired")
        assert expired["refers_to"] == "h"


async def test_a_writer_reads_their_own_write(door: Door) -> None:
    await door.open("a", "b")
    for number in range(5):
        await move(door, f"t{number}", "1.50")
        told = await door.get(f"{LEDGER}/balances", account="a")
        assert told["posted"] == f"{(number + 1) * 1.5:.2f}"


async def test_balances_can_be_asked_as_of_any_height_and_time(door: Door) -> None:
    await door.open("a", "b")
    first = await move(door, "t1", "1.00")
    second = await move(door, "t2", "2.00")
    path = f"{LEDGER}/balances"
    assert (await door.get(path, account="a", as_of_height=first))["posted"] == "1.00"
    assert (await door.get(path, account="a", as_of_height=second))["posted"] == "3.00"
    recorded = (await door.get(f"{LEDGER}/transfers/t1"))["recorded_at"]
    assert (await door.get(path, account="a", as_of_time=recorded))["posted"] == "1.00"


async def test_a_hold_is_pending_until_it_is_posted(door: Door) -> None:
    await door.open("a", "b")
    await move(door, "h", "5.00", action="hold")
    told = await door.get(f"{LEDGER}/accounts/b")
    assert (told["status"], told["balance"]["posted"]) == ("open", "0.00")
    assert told["balance"]["totals"]["credits_pending"] == "5.00"
    await door.post(f"{LEDGER}/transfers", {"id": "p", "action": "post", "refers_to": "h"})
    told = await door.get(f"{LEDGER}/transfers/h")
    assert (told["kind"], told["resolved_by"], told["amount"]) == ("held", "p", "5.00")


async def test_a_statement_runs_from_opening_to_closing_balance(door: Door) -> None:
    await door.open("a", "b")
    start = await move(door, "t1", "1.00")
    for number in range(2, 7):
        await move(door, f"t{number}", f"{number}.00", reference=f"r{number}")
    lines: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    for _ in range(9):
        page = await door.get(
            f"{LEDGER}/statements", account="a", after_height=start, limit=2, **cursor
        )
        lines += page["data"]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert (page["opening"]["posted"], page["closing"]["posted"]) == ("1.00", "21.00")
    assert [line["id"] for line in lines] == ["t2", "t3", "t4", "t5", "t6"]
    assert [line["balance"] for line in lines] == ["3.00", "6.00", "10.00", "15.00", "21.00"]


async def test_transfers_are_listed_newest_first_by_filter_and_page(door: Door) -> None:
    await door.open("a", "b", "c")
    for number in range(4):
        await move(door, f"t{number}", "1.00", reference="odd" if number % 2 else "even")
    await move(door, "other", "1.00", debit="c")
    told = await door.get(f"{LEDGER}/transfers", account="a", limit=3)
    assert [each["id"] for each in told["data"]] == ["t3", "t2", "t1"]
    rest = await door.get(f"{LEDGER}/transfers", account="a", limit=3, cursor=told["next_cursor"])
    assert [each["id"] for each in rest["data"]] == ["t0"]
    odd = await door.get(f"{LEDGER}/transfers", reference="odd")
    assert [each["id"] for each in odd["data"]] == ["t3", "t1"]
    since = (await door.get(f"{LEDGER}/transfers/t3"))["recorded_at"]
    told = await door.get(f"{LEDGER}/transfers", **{"from": since})
    assert [each["id"] for each in told["data"]] == ["other", "t3"]


async def test_a_refused_transfer_tells_why_it_is_not_recorded(door: Door) -> None:
    await door.post(
        f"{LEDGER}/transfers",
        {"id": "t1", "debit": "a", "credit": "b", "amount": "1", "asset": "EUR"},
    )
    told = await refused(door, "transfers/t1", 404, at_least=door.engine.height)
    assert told["facts"]["refused_with"] == "ledger.debit_not_found"


async def test_an_id_with_slashes_is_found_by_its_path(door: Door) -> None:
    await door.open("group/a", "group/b")
    await move(door, "x/y", "1.00", debit="group/a", credit="group/b")
    assert (await door.get(f"{LEDGER}/accounts/group/a"))["id"] == "group/a"
    assert (await door.get(f"{LEDGER}/accounts/group%2Fa"))["id"] == "group/a"
    assert (await door.get(f"{LEDGER}/transfers/x/y"))["id"] == "x/y"


async def test_the_trial_balance_sums_to_zero_now_and_then(door: Door) -> None:
    await door.open("a", "b")
    first = await move(door, "t1", "1.00")
    await move(door, "t2", "2.00", action="hold")
    for query, debits, pending in (({}, "1.00", "2.00"), ({"as_of_height": first}, "1.00", "0.00")):
        told = await door.get(f"{LEDGER}/trial-balance", **query)
        (euros,) = told["data"]
        assert told["balanced"] is True
        assert (euros["asset"], euros["difference"]) == ("EUR", "0.00")
        assert euros["totals"]["debits_posted"] == debits
        assert euros["totals"]["debits_pending"] == pending


async def test_a_registered_asset_can_be_used_at_once_and_is_listed(door: Door) -> None:
    body = {"code": "POINTS", "scale": 3, "name": "Reward point"}
    assert (await door.post(f"{LEDGER}/assets", body)).status_code == 201
    assert (await door.post(f"{LEDGER}/assets", body)).status_code == 200
    await door.open("a", "b", asset="POINTS")
    await move(door, "t1", "1.125", asset="POINTS")
    told = await door.get(f"{LEDGER}/assets")
    assert {"code": "POINTS", "scale": 3, "name": "Reward point"} in told["data"]
    answer = await door.post(
        f"{LEDGER}/transfers",
        {"id": "t2", "debit": "a", "credit": "b", "amount": "1", "asset": "NOPE"},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "asset.unknown"


async def test_accounts_are_listed_by_owner_and_asset(door: Door) -> None:
    await door.open("a", "b", owner="alice")
    await door.open("c", asset="USD", owner="bob")
    told = await door.get(f"{LEDGER}/accounts", owner="alice")
    assert [each["id"] for each in told["data"]] == ["a", "b"]
    told = await door.get(f"{LEDGER}/accounts", limit=2)
    assert told["has_more"] is True
    told = await door.get(f"{LEDGER}/accounts", limit=2, cursor=told["next_cursor"])
    assert [each["id"] for each in told["data"]] == ["c"]
