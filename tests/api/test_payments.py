"""What happens when a payment is sent: refused, repeated, in conflict, accepted, taken back?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from nostro.api.http.payment_bodies import DETAILS, PaymentBody, PaymentLine
from tests.api.door import Door, front_door

PAYMENTS = "/api/v1/transactions"
BANKS = "/api/v1/participants"
REPLAYED = "Idempotent-Replayed"


def payment(id: str = "p1", **changes: Any) -> dict[str, Any]:
    """A payment of 1.50 USD from NORD to SUED, t+2."""
    return {
        "transaction_id": id,
        "amount": "1.50",
        "source_currency": "USD",
        "destination_currency": "USD",
        "source_account": "vostro:NORD:USD",
        "destination_account": "acc-1",
        "counterparty_id": "SUED",
        "settlement_window": "t+2",
        **changes,
    }


async def banks(door: Door, *, funds: str = "1000.00") -> None:
    """Admit NORD and SUED, and fund NORD."""
    for id in ("NORD", "SUED"):
        bank = {"participant_id": id, "name": f"Bank {id}", "currencies": ["USD", "EUR"]}
        answer = await door.post(BANKS, bank)
        assert answer.status_code == 201, answer.text
    money = {"currency": "USD", "amount": funds, "reference": "w-1"}
    answer = await door.post(f"{BANKS}/NORD/funding", money)
    assert answer.status_code == 201, answer.text


async def send(door: Door, expected: int, body: Any, **how: Any) -> dict[str, Any]:
    answer = await door.post(PAYMENTS, body, **how)
    assert answer.status_code == expected, answer.text
    told: dict[str, Any] = answer.json()
    return told


# -- refusals at the door --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"amount": "1.505"}, "/amount", "money.too_many_decimals"),
        ({"amount": 1.505}, "/amount", "money.too_many_decimals"),
        ({"amount": "lots"}, "/amount", "money.not_a_number"),
        ({"amount": None}, "/amount", "money.not_a_number"),
        ({"amount": "0"}, "/amount", "payments.amount_not_positive"),
        ({"amount": "-1.50"}, "/amount", "payments.amount_not_positive"),
        ({"source_currency": "XQX"}, "/source_currency", "asset.unknown"),
        ({"destination_currency": "usd"}, "/destination_currency", "request.bad_value"),
        ({"source_account": "NORD:USD"}, "/source_account", "request.bad_value"),
        ({"transaction_id": "a b"}, "/transaction_id", "request.bad_value"),
        ({"transaction_id": "a\x00"}, "/transaction_id", "request.bad_value"),
        ({"priority": 10}, "/priority", "request.bad_value"),
        ({"settlement_window": "t+3"}, "/settlement_window", "request.bad_value"),
        ({"value_date": "tomorrow"}, "/value_date", "request.bad_value"),
        ({"remittance": "line\nbreak"}, "/remittance", "request.bad_value"),
        ({"counterparty": "SUED"}, "/counterparty", "request.unknown_field"),
        ({"idempotency_key": "a b"}, "/idempotency_key", "request.bad_value"),
    ],
)
async def test_what_the_door_refuses_has_status_400_and_names_its_place(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    async with front_door(parts={"ledger": NoAssets()}) as door:
        told = await send(door, 400, payment(**changes))
        assert told["code"] == "payments.invalid"
        assert [(error["pointer"], error["code"]) for error in told["errors"]] == [(pointer, code)]
        assert door.engine.height == 0


class NoAssets:
    """Views of a ledger that registered nothing."""

    async def assets(self) -> Sequence[Any]:
        return ()


async def test_everything_wrong_with_a_payment_is_told_at_once() -> None:
    async with front_door() as door:
        wrong = payment(amount="1.505", priority=10, counterparty_id="a b")
        del wrong["destination_account"]
        told = await send(door, 400, wrong)
        assert {error["pointer"] for error in told["errors"]} == {
            "/amount",
            "/priority",
            "/counterparty_id",
            "/destination_account",
        }


async def test_wrong_amount_and_wrong_account_are_told_together() -> None:
    class NoIban:
        def bic(self, text: str) -> str:
            return ""

        def lei(self, text: str) -> str:
            return ""

        def iban(self, text: str) -> str:
            return "has a wrong check digit"

    async with front_door(parts={"identifiers": NoIban()}) as door:
        told = await send(
            door, 400, payment(amount="0", destination_account="DE00370400440532013000")
        )
        assert {error["code"] for error in told["errors"]} == {
            "payments.amount_not_positive",
            "payments.bad_iban",
        }
        assert "wrong check digit" in told["errors"][1]["message"]


async def test_two_different_keys_are_refused() -> None:
    async with front_door() as door:
        told = await send(door, 400, payment(idempotency_key="a"), key="b")
        assert told["code"] == "payments.keys_differ"


async def test_what_is_not_json_is_refused_as_everywhere() -> None:
    async with front_door() as door:
        assert (await send(door, 400, b"{"))["code"] == "request.malformed_json"
        assert (await send(door, 400, b"[]"))["code"] == "payments.invalid"


def test_a_line_of_many_has_the_fields_of_a_payment() -> None:
    fields = {field.name for field in msgspec.structs.fields(PaymentBody)}
    assert fields == {field.name for field in msgspec.structs.fields(PaymentLine)}
    assert set(DETAILS) < fields


# -- refusals of the platform ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"source_account": "vostro:WEST:USD"}, 404, "payments.participant_unknown"),
        ({"counterparty_id": "WEST"}, 404, "payments.participant_unknown"),
        ({"amount": "1000.01"}, 422, "ledger.exceeds_credits"),
    ],
)
async def test_what_the_platform_refuses_is_told_with_its_height(
    changes: dict[str, Any], status: int, code: str
) -> None:
    async with front_door() as door:
        await banks(door)
        told = await send(door, status, payment(**changes))
        assert told["code"] == code
        assert told["height"] == door.engine.height


async def test_a_payment_that_lacked_funds_keeps_its_id_and_its_refusal() -> None:
    async with front_door() as door:
        await banks(door, funds="1.00")
        told = await send(door, 422, payment())
        assert told["facts"]["available"] == "1.00"
        again = await door.post(PAYMENTS, payment())
        assert again.headers[REPLAYED] == "true"
        assert again.json()["code"] == "ledger.exceeds_credits"


async def test_an_unknown_bank_may_be_known_by_the_next_try() -> None:
    async with front_door() as door:
        await send(door, 404, payment())
        await banks(door)
        await send(door, 201, payment())


# -- repeats and conflicts -------------------------------------------------------------------------


async def test_an_identical_retry_hears_the_first_answer() -> None:
    async with front_door() as door:
        await banks(door)
        for body, key in ((payment("p1"), None), (payment("p2"), "k2")):
            first = await door.post(PAYMENTS, body, key=key)
            height = door.engine.height
            again = await door.post(PAYMENTS, body, key=key)
            assert (first.status_code, again.status_code) == (201, 201)
            assert first.json() == again.json()
            assert REPLAYED not in first.headers
            assert again.headers[REPLAYED] == "true"
            assert door.engine.height == height


async def test_a_key_in_the_body_is_the_key_of_the_header() -> None:
    async with front_door() as door:
        await banks(door)
        await send(door, 201, payment(idempotency_key="k"))
        for body, key in ((payment(), "k"), (payment(idempotency_key="k"), '"k"')):
            again = await door.post(PAYMENTS, body, key=key)
            assert (again.status_code, again.headers[REPLAYED]) == (201, "true")


async def test_the_same_key_with_another_payment_is_refused() -> None:
    async with front_door() as door:
        await banks(door)
        await send(door, 201, payment(), key="k")
        told = await send(door, 422, payment(amount="2.00"), key="k")
        assert told["code"] == "engine.key_reused"
        await send(door, 422, payment("p2"), key="k")


@pytest.mark.parametrize("keys", [(None, None), ("k1", "k2"), (None, "k2"), ("k1", None)])
async def test_the_same_id_from_another_request_is_a_conflict(
    keys: tuple[str | None, str | None],
) -> None:
    async with front_door() as door:
        await banks(door)
        await send(door, 201, payment(), key=keys[0])
        told = await send(door, 409, payment(amount="2.00"), key=keys[1])
        assert told["code"] == "payments.exists"
        assert told["facts"]["transaction_id"] == "p1"


async def test_the_same_payment_under_another_key_is_told_as_a_duplicate() -> None:
    async with front_door() as door:
        await banks(door)
        first = await send(door, 201, payment(), key="k1")
        again = await send(door, 200, payment(), key="k2")
        assert (first["result"], again["result"]) == ("accepted", "duplicate")
        assert again["cycle_id"] == first["cycle_id"]


# -- accepted --------------------------------------------------------------------------------------


async def test_an_accepted_payment_tells_its_cycle_and_where_to_read_it() -> None:
    async with front_door() as door:
        await banks(door)
        told = await send(door, 201, payment("a/b", amount=1.5))
        assert (told["result"], told["state"], told["amount"]) == ("accepted", "accepted", "1.50")
        assert (told["payer"], told["counterparty_id"]) == ("NORD", "SUED")
        assert told["height"] == door.engine.height
        assert told["cut_off_at"].endswith("Z")
        assert told["links"]["self"] == f"{PAYMENTS}/a/b"
        assert told["cycle_id"] in told["links"]["settlement"]


async def test_funds_are_held_from_acceptance_on() -> None:
    async with front_door() as door:
        await banks(door, funds="2.00")
        await send(door, 201, payment("p1"))
        told = await send(door, 422, payment("p2"))
        assert told["code"] == "ledger.exceeds_credits"
        assert told["facts"]["available"] == "0.50"


async def test_a_payment_is_taken_back_once_and_its_funds_are_free() -> None:
    async with front_door() as door:
        await banks(door, funds="2.00")
        await send(door, 201, payment("p1"))
        for _ in range(2):
            gone = await door.post(f"{PAYMENTS}/p1/cancel", {"reason": "sent twice"})
            assert gone.status_code == 200, gone.text
            assert gone.json()["state"] == "cancelled"
        await send(door, 201, payment("p2"))


async def test_what_is_not_known_cannot_be_taken_back_or_reviewed() -> None:
    async with front_door() as door:
        for path in ("cancel", "review/approve", "review/reject"):
            answer = await door.post(f"{PAYMENTS}/nothing/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "payments.unknown")


class Wanted:
    """A list with one name on it."""

    def hits(self, names: Sequence[str]) -> list[str]:
        return [f"test:{name}:100" for name in names if name == "Mallory"]


async def test_a_hit_of_screening_holds_a_payment_until_someone_else_lets_it_go() -> None:
    async with front_door(parts={"screening": Wanted()}) as door:
        await banks(door)
        told = await send(door, 201, payment(creditor_name="Mallory"), x_nostro_actor="ann")
        assert (told["result"], told["state"]) == ("held", "held")
        clean = await send(door, 201, payment("p2", creditor_name="Bob"))
        assert clean["result"] == "accepted"
        review = f"{PAYMENTS}/p1/review/approve"
        own = await door.post(review, x_nostro_actor="ann")
        assert (own.status_code, own.json()["code"]) == (403, "payments.own_review")
        other = await door.post(review, x_nostro_actor="bob")
        assert other.status_code == 200, other.text
        late = await door.post(f"{PAYMENTS}/p1/review/reject", x_nostro_actor="eve")
        assert (late.status_code, late.json()["code"]) == (409, "payments.not_in_review")


async def test_a_rejected_payment_frees_its_funds() -> None:
    async with front_door(parts={"screening": Wanted()}) as door:
        await banks(door, funds="2.00")
        await send(door, 201, payment(debtor_name="Mallory"), x_nostro_actor="ann")
        answer = await door.post(
            f"{PAYMENTS}/p1/review/reject", {"reason": "true match"}, x_nostro_actor="bob"
        )
        assert answer.status_code == 200, answer.text
        await send(door, 201, payment("p2"))
