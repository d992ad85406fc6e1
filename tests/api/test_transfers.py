"""What happens when a transfer is sent: refused, repeated, lost on the way, recorded?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nostro.adapters.memory.journal import MemoryDisk
from nostro.api import Bounds
from nostro.api.desk import ATTEMPTS_MAX
from nostro.runtime.engine import EngineSettings
from tests.api.door import Door, front_door
from tests.runtime.desk import ScriptedJournal

TRANSFERS = "/api/v1/ledger/transfers"
BULK = f"{TRANSFERS}/bulk"
REPLAYED = "Idempotent-Replayed"


def transfer(id: str = "t1", **changes: Any) -> dict[str, Any]:
    return {"id": id, "debit": "a", "credit": "b", "amount": "1.50", "asset": "EUR", **changes}


async def send(door: Door, expected: int, body: Any, **how: Any) -> dict[str, Any]:
    answer = await door.post(TRANSFERS, body, **how)
    assert answer.status_code == expected, answer.text
    told: dict[str, Any] = answer.json()
    return told


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "1.505"}, "money.too_many_decimals"),
        ({"amount": 1.505}, "money.too_many_decimals"),
        ({"amount": "lots"}, "money.not_a_number"),
        ({"amount": True}, "money.not_a_number"),
        ({"amount": 1e60}, "money.too_large"),
        ({"asset": None}, "request.amount_without_asset"),
        ({"id": "deposit:alice:tx"}, "request.reserved_id"),
        ({"id": "order:7:1"}, "request.reserved_id"),
        ({"debit": "orders:alice:EUR"}, "request.reserved_id"),
        ({"credit": "orders:alice:EUR"}, "request.reserved_id"),
        ({"action": "void", "amount": None, "refers_to": "withdrawal:w"}, "request.reserved_id"),
        ({"id": "a b"}, "request.bad_value"),
        ({"id": "a\x00"}, "request.bad_value"),
        ({"reference": "line\nbreak"}, "request.bad_value"),
        ({"debit_account": "a"}, "request.unknown_field"),
    ],
)
async def test_what_the_door_refuses_never_reaches_the_books(
    changes: dict[str, Any], code: str
) -> None:
    async with front_door() as door:
        told = await send(door, 422, transfer(**changes))
        assert told["code"] == code
        assert told["errors"]
        assert door.engine.height == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"debit": "nobody"}, "ledger.debit_not_found"),
        ({"amount": None}, "ledger.amount_missing"),
        ({"amount": "0"}, "ledger.amount_not_positive"),
        ({"amount": "-1"}, "ledger.amount_not_positive"),
        ({"asset": "USD"}, "ledger.asset_not_of_accounts"),
        ({"credit": "a"}, "ledger.same_account"),
        ({"action": "post", "refers_to": "h"}, "ledger.hold_not_found"),
    ],
)
async def test_what_the_books_refuse_is_told_with_its_height(
    changes: dict[str, Any], code: str
) -> None:
    async with front_door() as door:
        await door.open("a", "b")
        told = await send(door, 422, transfer(**changes))
        assert (told["code"], told["height"]) == (code, 3)


async def test_a_refusal_tells_amounts_as_decimal_strings() -> None:
    async with front_door() as door:
        await door.open("a", limit="debits_must_not_exceed_credits")
        await door.open("b")
        told = await send(door, 422, transfer())
        assert told["code"] == "ledger.exceeds_credits"
        assert told["facts"]["available"] == "0.00"
        assert told["facts"]["amount"] == "1.50"


# -- repeats --------------------------------------------------------------------------------------


async def test_the_id_of_a_transfer_is_its_key() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        first = await door.post(TRANSFERS, transfer())
        again = await door.post(TRANSFERS, transfer())
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert REPLAYED not in first.headers
        assert again.headers[REPLAYED] == "true"
        assert door.engine.height == 3


async def test_a_refusal_is_replayed_as_well() -> None:
    async with front_door() as door:
        refused = await door.post(TRANSFERS, transfer(), key="k")
        await door.open("a", "b")
        again = await door.post(TRANSFERS, transfer(), key="k")
        assert (refused.status_code, again.status_code) == (422, 422)
        assert again.headers[REPLAYED] == "true"
        assert again.json()["code"] == refused.json()["code"] == "ledger.debit_not_found"


async def test_a_post_that_came_before_its_hold_may_be_sent_again_under_its_id() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        post = {"id": "p", "action": "post", "refers_to": "h"}
        for _ in range(2 * ATTEMPTS_MAX):
            told = await send(door, 422, post)
            assert told["code"] == "ledger.hold_not_found"
        await send(door, 201, transfer("h", action="hold"))
        await send(door, 201, post)


@pytest.mark.parametrize(
    "wrong", [{"amount": "0"}, {"credit": "a"}, {"action": "post", "refers_to": "typo"}]
)
async def test_what_left_no_mark_may_be_mended_under_the_same_id(wrong: dict[str, Any]) -> None:
    async with front_door() as door:
        await door.open("a", "b")
        refused = await send(door, 422, transfer(**wrong))
        first = await send(door, 201, transfer())
        again = await door.post(TRANSFERS, transfer())
        assert (again.json(), again.headers[REPLAYED]) == (first, "true")
        other = await send(door, 422, transfer(amount="9"))
        assert other["code"] == "engine.key_reused"
        assert refused["height"] < first["height"] == door.engine.height


async def test_what_is_final_may_not_be_mended_under_the_same_id() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 422, transfer(debit="nobody"))
        assert (await send(door, 422, transfer()))["code"] == "engine.key_reused"


async def test_a_quoted_key_and_a_bare_one_are_the_same() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer(), key='"k"')
        again = await door.post(TRANSFERS, transfer(), key="k")
        assert again.headers[REPLAYED] == "true"


async def test_a_key_used_for_something_else_is_refused_and_changes_nothing() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer(), key="k")
        told = await send(door, 422, transfer(amount="2.00"), key="k")
        assert told["code"] == "engine.key_reused"
        assert told["facts"]["first_used_at_height"] == 3
        assert door.engine.height == 3


async def test_a_key_of_a_header_never_meets_a_key_made_of_an_id() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer("t1"))
        await send(door, 201, transfer("t2"), key="transfer:t1")


async def test_the_same_transfer_under_another_key_exists() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer(), key="k1")
        told = await send(door, 200, transfer(), key="k2")
        assert told["result"] == "exists"
        told = await send(door, 409, transfer(amount=2), key="k3")
        assert told["code"] == "ledger.exists_with_different_amount"


async def test_two_requests_at_once_with_one_key_have_one_effect() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        answers = await asyncio.gather(*(door.post(TRANSFERS, transfer()) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert sum(REPLAYED not in answer.headers for answer in answers) == 1
        assert door.engine.height == 3


# -- lost answers ---------------------------------------------------------------------------------


async def test_an_answer_lost_in_the_commit_is_found_by_asking_again() -> None:
    disk = MemoryDisk()
    journal = ScriptedJournal(disk)
    async with front_door(journal, disk=disk) as door:
        await door.open("a", "b")
        journal.fates.extend(["unheard"])
        told = await send(door, 201, transfer())
        again = await door.post(TRANSFERS, transfer())
        assert again.headers[REPLAYED] == "true"
        assert again.json() == told
        assert len(disk.entries) == 3


async def test_who_waits_too_long_is_told_to_ask_again_with_the_same_key() -> None:
    disk = MemoryDisk()
    journal = ScriptedJournal(disk)
    async with front_door(journal, disk=disk, bounds=Bounds(answer_timeout_s=0.05)) as door:
        await door.open("a", "b")
        journal.gate.clear()
        late = await door.post(TRANSFERS, transfer())
        assert late.status_code == 504
        assert late.headers["Retry-After"] == "1"
        assert late.json()["code"] == "engine.no_answer_in_time"
        assert late.json()["retryable"] is True
        journal.gate.set()
        assert (await door.post(TRANSFERS, transfer())).status_code == 201
        assert len(disk.entries) == 3


async def test_a_full_queue_turns_callers_away_and_drops_nothing() -> None:
    disk = MemoryDisk()
    journal = ScriptedJournal(disk)
    settings = EngineSettings(queue_max=2, batch_rows_max=1)
    async with front_door(journal, disk=disk, settings=settings) as door:
        await door.open("a", "b")
        journal.gate.clear()
        sent = [asyncio.create_task(door.post(TRANSFERS, transfer(f"t{n}"))) for n in range(30)]
        await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        journal.gate.set()
        answers = await asyncio.gather(*sent)
        turned_away = [answer for answer in answers if answer.status_code == 503]
        assert turned_away
        assert {answer.json()["code"] for answer in turned_away} == {"engine.overloaded"}
        assert {answer.headers["Retry-After"] for answer in turned_away} == {"1"}
        assert len(disk.entries) == 2 + len(answers) - len(turned_away)


async def test_a_stopped_engine_is_unavailable_not_broken() -> None:
    async with front_door() as door:
        await door.engine.stop()
        told = await send(door, 503, transfer())
        assert told["code"] == "engine.unavailable"


# -- recorded -------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [1.5, "1.5", "1.50"])
async def test_a_number_and_a_string_move_the_same_amount(amount: Any) -> None:
    async with front_door() as door:
        await door.open("a", "b")
        told = await send(door, 201, transfer(amount=amount))
        assert told == {
            "id": "t1",
            "result": "created",
            "action": "transfer",
            "amount": "1.50",
            "asset": "EUR",
            "height": 3,
            "recorded_at": told["recorded_at"],
        }
        assert told["recorded_at"].endswith("Z")
        assert len(told["recorded_at"]) == 27


async def test_a_hold_is_posted_in_part() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer("h", action="hold", timeout_s=60))
        part = {"id": "p", "action": "post", "refers_to": "h", "amount": "0.50", "asset": "EUR"}
        told = await send(door, 201, part)
        assert (told["action"], told["amount"]) == ("post", "0.50")
        told = await send(door, 422, {"id": "v", "action": "void", "refers_to": "h"})
        assert told["code"] == "ledger.hold_already_posted"


async def test_a_balancing_transfer_tells_what_it_moved() -> None:
    async with front_door() as door:
        await door.open("a", limit="debits_must_not_exceed_credits")
        await door.open("b")
        await send(door, 201, transfer("in", debit="b", credit="a", amount="7.25"))
        told = await send(door, 201, transfer("all", amount="100", balancing="debit"))
        assert told["amount"] == "7.25"


async def test_the_actor_is_who_the_header_names() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer(), x_nostro_actor="bob")
        assert door.disk.entries[-1].actor == "bob"
        told = await send(door, 400, transfer("t2"), x_nostro_actor="bob; drop")
        assert told["code"] == "request.bad_actor"


# -- many at once ---------------------------------------------------------------------------------


async def test_each_of_many_has_its_own_result() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        await send(door, 201, transfer("t1"))
        many = [transfer("t1"), transfer("t2", debit="x"), transfer("t3", amount=2)]
        answer = await door.post(BULK, {"transfers": many}, key="k")
        told = answer.json()
        assert answer.status_code == 200
        assert [each["result"] for each in told["results"]] == ["exists", "refused", "created"]
        assert [each["index"] for each in told["results"]] == [0, 1, 2]
        assert told["results"][1]["code"] == "ledger.debit_not_found"
        assert (told["created"], told["existed"], told["refused"]) == (1, 1, 1)


async def test_transfers_sent_together_are_recorded_all_or_none() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        many = [transfer("t1"), transfer("t2", debit="x")]
        answer = await door.post(BULK, {"transfers": many, "together": True}, key="k1")
        assert answer.status_code == 422
        assert answer.json()["code"] == "ledger.debit_not_found"
        assert answer.json()["facts"]["index"] == 1
        answer = await door.post(BULK, {"transfers": many[:1], "together": True}, key="k2")
        assert answer.json()["created"] == 1


async def test_linked_transfers_fail_together() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        many = [transfer("t1", linked=True), transfer("t2", debit="x"), transfer("t3")]
        told = (await door.post(BULK, {"transfers": many}, key="k")).json()
        assert [each["result"] for each in told["results"]] == ["refused", "refused", "created"]
        assert told["results"][0]["code"] == "ledger.linked_failed"


async def test_many_without_a_key_are_refused() -> None:
    async with front_door() as door:
        answer = await door.post(BULK, {"transfers": [transfer()]})
        assert answer.status_code == 400
        assert answer.json()["code"] == "request.idempotency_key_missing"


async def test_every_amount_that_cannot_be_read_is_named_at_once() -> None:
    async with front_door() as door:
        many = [transfer("t1", amount="1.505"), transfer("t2"), transfer("t3", amount="x")]
        told = (await door.post(BULK, {"transfers": many}, key="k")).json()
        assert told["code"] == "request.invalid"
        assert [(error["pointer"], error["code"]) for error in told["errors"]] == [
            ("/transfers/0/amount", "money.too_many_decimals"),
            ("/transfers/2/amount", "money.not_a_number"),
        ]
        assert door.engine.height == 0


async def test_ten_thousand_are_taken_and_one_more_is_not() -> None:
    async with front_door() as door:
        await door.open("a", "b")
        many = [transfer(f"t{n}") for n in range(10_001)]
        answer = await door.post(BULK, {"transfers": many}, key="k1")
        assert (answer.status_code, answer.json()["code"]) == (422, "ledger.too_many_transfers")
        answer = await door.post(BULK, {"transfers": many[:-1]}, key="k2")
        assert answer.json()["created"] == 10_000
        again = await door.post(BULK, {"transfers": many[:-1]}, key="k2")
        assert again.headers[REPLAYED] == "true"
        assert again.json() == answer.json()
