"""What does a customer's money do between the door and the books?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.api.desk import ATTEMPTS_MAX
from nostro.wallets import RecordPayoutSent, RecordPayoutSettled
from tests.api.door import Door, front_door, live_door

DEPOSIT = {"user_id": "alice", "currency": "EUR", "amount": "100", "transaction_id": "tx-1"}
NAME = {"user_id": "alice", "transaction_id": "tx-1"}
WITHDRAW = {"user_id": "alice", "currency": "EUR", "amount": "20", "withdrawal_id": "w-1"}
LARGE = {**WITHDRAW, "amount": "10000.01"}
REPLAYED = "Idempotent-Replayed"


async def send(
    door: Door, path: str, expected: int, body: Any = None, **how: Any
) -> dict[str, Any]:
    answer = await door.post(f"/wallet/{path}", body, **how)
    assert answer.status_code == expected, answer.text
    told: dict[str, Any] = answer.json()
    return told


# -- deposits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "0"}, "wallets.amount_not_positive"),
        ({"amount": "-5"}, "wallets.amount_not_positive"),
        ({"amount": 1.005}, "money.too_many_decimals"),
        ({"amount": None}, "money.not_a_number"),
        ({"user_id": "a:b"}, "request.bad_value"),
        ({"transaction_id": ""}, "request.bad_value"),
        ({"currency": "eur"}, "request.bad_value"),
        ({"curency": "EUR"}, "request.unknown_field"),
    ],
)
async def test_a_deposit_that_cannot_be_is_refused(changes: dict[str, Any], code: str) -> None:
    async with front_door() as door:
        assert (await send(door, "deposit", 422, {**DEPOSIT, **changes}))["code"] == code


async def test_a_yen_has_no_decimals() -> None:
    async with front_door() as door:
        told = await send(door, "deposit", 422, {**DEPOSIT, "currency": "JPY", "amount": 1.5})
        assert told["errors"][0]["pointer"] == "/amount"
        await send(door, "deposit", 201, {**DEPOSIT, "currency": "JPY", "amount": "100.0"})


async def test_a_deposit_is_submitted_then_confirmed_once() -> None:
    async with front_door() as door:
        told = await send(door, "deposit", 201, DEPOSIT)
        assert (told["state"], told["amount"], told["currency"]) == ("submitted", "100.00", "EUR")
        told = await send(door, "deposit/confirm", 200, NAME)
        assert told["state"] == "confirmed"
        again = await door.post("/wallet/deposit/confirm", NAME)
        assert again.headers[REPLAYED] == "true"
        assert again.json() == told
        told = await send(door, "deposit/reject", 409, NAME)
        assert told["code"] == "wallets.deposit_already_confirmed"


async def test_the_transaction_id_is_the_key_of_each_deed_apart() -> None:
    async with front_door() as door:
        first = await door.post("/wallet/deposit", DEPOSIT)
        again = await door.post("/wallet/deposit", DEPOSIT)
        assert REPLAYED not in first.headers
        assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
        confirmed = await door.post("/wallet/deposit/confirm", NAME)
        assert REPLAYED not in confirmed.headers


async def test_a_transaction_id_used_for_another_amount_is_refused() -> None:
    async with front_door() as door:
        await send(door, "deposit", 201, DEPOSIT)
        other = {**DEPOSIT, "amount": "99"}
        assert (await send(door, "deposit", 422, other))["code"] == "engine.key_reused"
        told = await send(door, "deposit", 409, other, key="another")
        assert told["code"] == "wallets.transaction_id_reused"
        assert told["facts"]["differs"] == ["amount"]


async def test_the_header_is_the_key_when_both_are_there() -> None:
    async with front_door() as door:
        await send(door, "deposit", 201, DEPOSIT, key="k")
        other = {**DEPOSIT, "transaction_id": "tx-2"}
        assert (await send(door, "deposit", 422, other, key="k"))["code"] == "engine.key_reused"
        told = await send(door, "deposit", 200, DEPOSIT)
        assert told["exists"] is True


async def test_a_confirmation_that_came_too_early_may_be_repeated() -> None:
    async with front_door() as door:
        for _ in range(2):
            told = await send(door, "deposit/confirm", 404, NAME)
            assert told["code"] == "wallets.deposit_unknown"
        await send(door, "deposit", 201, DEPOSIT)
        told = await send(door, "deposit/confirm", 200, NAME)
        assert told["state"] == "confirmed"
        again = await door.post("/wallet/deposit/confirm", NAME)
        assert again.headers[REPLAYED] == "true"
        assert again.json() == told


async def test_a_confirmation_may_come_too_early_any_number_of_times() -> None:
    async with front_door() as door:
        for _ in range(3 * ATTEMPTS_MAX):
            await send(door, "deposit/confirm", 404, NAME)
        await send(door, "deposit", 201, DEPOSIT)
        assert (await send(door, "deposit/confirm", 200, NAME))["state"] == "confirmed"
        told = await send(door, "deposit/confirm", 200, NAME)
        assert told["exists"] is True


async def test_a_deposit_refused_for_its_content_may_be_mended_under_its_transaction_id() -> None:
    async with front_door() as door:
        await send(door, "deposit", 422, {**DEPOSIT, "amount": "0"})
        await send(door, "deposit", 201, DEPOSIT)
        other = {**DEPOSIT, "amount": "99"}
        assert (await send(door, "deposit", 422, other))["code"] == "engine.key_reused"


async def test_a_header_key_keeps_even_an_early_answer() -> None:
    async with front_door() as door:
        await send(door, "deposit/confirm", 404, NAME, key="k")
        await send(door, "deposit", 201, DEPOSIT)
        await send(door, "deposit/confirm", 404, NAME, key="k")


async def test_a_rejected_deposit_stays_rejected() -> None:
    async with front_door() as door:
        await send(door, "deposit", 201, DEPOSIT)
        told = await send(door, "deposit/reject", 200, {**NAME, "reason": "returned"})
        assert (told["state"], told["reason"]) == ("rejected", "returned")
        told = await send(door, "deposit/confirm", 409, NAME)
        assert told["code"] == "wallets.deposit_already_rejected"


async def test_a_deposit_to_a_frozen_wallet_waits_in_suspense_until_released() -> None:
    async with front_door() as door:
        await send(door, "deposit", 201, DEPOSIT)
        wallet = "/api/v1/ledger/accounts/wallet:alice:EUR"
        assert (await door.post(f"{wallet}/freeze")).status_code == 200
        told = await send(door, "deposit/confirm", 200, NAME)
        assert told["state"] == "suspended"
        told = await send(door, "deposit/release", 400, NAME)
        assert told["code"] == "request.idempotency_key_missing"
        await send(door, "deposit/release", 422, NAME, key="r1")
        await door.post(f"{wallet}/unfreeze")
        assert (await send(door, "deposit/release", 200, NAME, key="r2"))["state"] == "confirmed"


# -- withdrawals ----------------------------------------------------------------------------------


async def test_a_withdrawal_without_id_and_key_is_refused() -> None:
    async with front_door() as door:
        body = {name: WITHDRAW[name] for name in ("user_id", "currency", "amount")}
        told = await send(door, "withdraw", 400, body)
        assert told["code"] == "request.idempotency_key_missing"


async def test_a_withdrawal_named_by_its_key_alone_is_made_once() -> None:
    async with front_door() as door:
        await door.deposit("alice", "100")
        body = {name: WITHDRAW[name] for name in ("user_id", "currency", "amount")}
        first = await send(door, "withdraw", 201, body, key="k")
        again = await door.post("/wallet/withdraw", body, key='"k"')
        assert (again.json(), again.headers[REPLAYED]) == (first, "true")


async def test_more_than_there_is_cannot_be_withdrawn() -> None:
    async with front_door() as door:
        await door.deposit("alice", "100")
        told = await send(door, "withdraw", 422, {**WITHDRAW, "amount": "100.01"})
        assert told["code"] == "ledger.exceeds_credits"
        assert told["facts"]["available"] == "100.00"


async def test_a_stranger_cannot_withdraw() -> None:
    async with front_door() as door:
        told = await send(door, "withdraw", 404, WITHDRAW)
        assert told["code"] == "wallets.customer_unknown"


async def test_a_large_withdrawal_needs_four_eyes() -> None:
    async with front_door() as door:
        await door.deposit("alice", "50000")
        told = await send(door, "withdraw", 201, LARGE, x_nostro_actor="clerk")
        assert (told["state"], told["approvals_missing"]) == ("awaiting_approval", 1)
        for actor, code in (
            ("clerk", "wallets.approver_is_requester"),
            ("alice", "wallets.approver_is_customer"),
        ):
            told = await send(door, "withdraw/w-1/approve", 403, x_nostro_actor=actor)
            assert told["code"] == code
        told = await send(door, "withdraw/w-1/approve", 200, x_nostro_actor="boss")
        assert (told["state"], told["approvals_missing"]) == ("approved", 0)


async def test_each_of_two_approvers_counts_once() -> None:
    async with front_door() as door:
        await door.deposit("alice", "5000000")
        await send(door, "withdraw", 201, {**WITHDRAW, "amount": "2000000"})
        told = await send(door, "withdraw/w-1/approve", 200, x_nostro_actor="bob")
        assert told["approvals_missing"] == 1
        told = await send(door, "withdraw/w-1/approve", 200, x_nostro_actor="bob")
        assert told["approvals_missing"] == 1
        told = await send(door, "withdraw/w-1/approve", 200, x_nostro_actor="carol")
        assert told["approvals_missing"] == 0


async def test_a_withdrawal_can_be_cancelled_until_the_payout_is_ordered() -> None:
    async with front_door() as door:
        await door.deposit("alice", "50000")
        await send(door, "withdraw", 201, LARGE)
        told = await send(door, "withdraw/w-1/cancel", 200, {"reason": "changed my mind"})
        assert told["state"] == "cancelled"
        await send(door, "withdraw", 201, {**WITHDRAW, "withdrawal_id": "w-2"})
        told = await send(door, "withdraw/w-2/cancel", 409)
        assert told["code"] == "wallets.payout_already_ordered"


async def test_a_payout_in_suspense_is_cleared_once_its_wallet_moves_again() -> None:
    async with front_door() as door:
        await door.deposit("alice", "50")
        await send(door, "withdraw", 201, WITHDRAW)
        account = "/api/v1/ledger/accounts/wallet:alice:EUR"
        assert (await door.post(f"{account}/freeze", {"reason": "court order"})).is_success
        for outcome in (
            RecordPayoutSent(withdrawal_id="w-1"),
            RecordPayoutSettled(withdrawal_id="w-1"),
        ):
            await door.engine.submit(key=str(outcome), command=outcome, actor="performer")
        refused = await door.post("/wallet/withdraw/w-1/clear", key="first-try")
        assert refused.json()["code"].startswith("ledger.")
        assert (await door.post(f"{account}/unfreeze", {"reason": "lifted"})).is_success
        told = await send(door, "withdraw/w-1/clear", 200, key="second-try")
        assert told["state"] == "settled"
        told = await send(door, "withdraw/w-1/clear", 200, key="third-try")
        assert told["exists"]


async def test_an_unknown_withdrawal_is_not_found() -> None:
    async with front_door() as door:
        for verb in ("approve", "cancel", "clear"):
            told = await send(door, f"withdraw/none/{verb}", 404, key=f"k-{verb}")
            assert told["code"] == "wallets.withdrawal_unknown"
        assert (await send(door, "withdraw/a%20b/cancel", 422))["code"] == "request.bad_value"


# -- reading --------------------------------------------------------------------------------------


async def test_a_customer_is_told_with_all_that_is_theirs(postgres: str) -> None:
    async with live_door(postgres) as door:
        unknown = await door.client.get("/wallet/alice")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "wallets.customer_unknown")
        await send(door, "deposit", 201, {**DEPOSIT, "amount": 50_000})
        await send(door, "deposit/confirm", 200, NAME)
        await send(door, "deposit", 201, {**DEPOSIT, "transaction_id": "tx-2", "currency": "BTC"})
        await send(door, "withdraw", 201, LARGE)
        told = await door.get("/wallet/alice")
        (euros, bitcoin) = told["accounts"]
        assert euros == {
            "currency": "EUR",
            "account": "wallet:alice:EUR",
            "posted": "50000.00",
            "held": "10000.01",
            "available": "39999.99",
        }
        assert (bitcoin["currency"], bitcoin["posted"]) == ("BTC", "0.00000000")
        assert [each["state"] for each in told["deposits"]] == ["submitted", "confirmed"]
        (withdrawal,) = told["withdrawals"]
        assert (withdrawal["state"], withdrawal["amount"]) == ("awaiting_approval", "10000.01")
        history = told["deposits"][1]["history"]
        assert [each["actor"] for each in history] == ["alice", "operator"]
        balances = await door.get("/balance/alice")
        more = dict.fromkeys(("in_orders", "in_settlement", "total"), ...)
        assert [{**each, **more} for each in told["accounts"]] == [
            {**each, **more}
            for each in sorted(balances["balances"], key=lambda each: each["currency"] != "EUR")
        ]


async def test_one_deposit_and_one_withdrawal_are_told_by_their_ids(wheel_postgres: str) -> None:
    async with live_door(wheel_postgres) as door:
        slashed = {**NAME, "transaction_id": "bank/2026/1"}
        await send(door, "deposit", 201, {**DEPOSIT, **slashed, "amount": 50_000})
        await send(door, "deposit/confirm", 200, slashed)
        await send(door, "withdraw", 201, LARGE)
        all_of_it = await door.get("/wallet/alice")
        deposit = await door.get("/wallet/deposit/alice/bank/2026/1")
        assert deposit == {**all_of_it["deposits"][0], "user_id": "alice"}
        withdrawal = await door.get("/wallet/withdraw/w-1")
        assert withdrawal == {**all_of_it["withdrawals"][0], "user_id": "alice"}
        for path, code in (
            ("deposit/alice/none", "wallets.deposit_unknown"),
            ("deposit/nobody/bank/2026/1", "wallets.deposit_unknown"),
            ("withdraw/none", "wallets.withdrawal_unknown"),
        ):
            answer = await door.client.get(f"/wallet/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_deposits_are_told_page_by_page(wheel_postgres: str) -> None:
    async with live_door(wheel_postgres) as door:
        for number in range(3):
            await send(door, "deposit", 201, {**DEPOSIT, "transaction_id": f"tx-{number}"})
        told = await door.get("/wallet/alice", limit=2)
        assert [each["transaction_id"] for each in told["deposits"]] == ["tx-2", "tx-1"]
        rest = await door.get("/wallet/alice", limit=2, deposits_cursor=told["deposits_cursor"])
        assert [each["transaction_id"] for each in rest["deposits"]] == ["tx-0"]
        assert rest["deposits_cursor"] is None
