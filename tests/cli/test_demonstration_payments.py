"""Does the demo's day of payments say what it claims, and does its own reckoning find faults?"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from nostro.cli.demonstration import finality, savings, statements
from nostro.cli.demonstration.banks import open_rail
from nostro.cli.demonstration.day import Day
from nostro.cli.demonstration.ownbooks import Normal, OwnBooks
from nostro.cli.demonstration.payday import BULK_SIZE, bulks, single
from nostro.cli.demonstration.rates import ReferenceRates, newest_rates
from nostro.cli.demonstration.scene import Scene
from nostro.cli.demonstration.stage import RAILS_DIR, Stage
from nostro.cli.demonstration.traffic import (
    BANKS,
    CURRENCIES,
    FAILING,
    RTGS,
    T0,
    T1,
    Payment,
    Traffic,
    vostro,
    worth,
)

MIX = {RTGS: 10, T0: 70, T1: 20}
RATES = ReferenceRates(
    date(2026, 1, 30), {code: Decimal(number) for number, code in enumerate(CURRENCIES, 1)}
)


def scene_at(directory: Path) -> Scene:
    scene = Scene(Stage(directory / "data", directory))
    scene.day.open(RATES)
    return scene


def some(count: int = 500, **more: Any) -> list[Payment]:
    return Traffic(RATES).take(count, MIX, **more)


# -- traffic ---------------------------------------------------------------------------------------


def test_the_day_is_the_same_each_time_and_no_two_payments_share_an_id() -> None:
    assert some() == some()
    assert len({payment.id for payment in some(2_000)}) == 2_000


def test_payments_go_between_known_banks_and_never_to_their_payer() -> None:
    for payment in some(2_000, failing_pays=True):
        assert {payment.payer, payment.payee} <= set(BANKS)
        assert payment.payer != payment.payee
        assert {payment.source, payment.target} <= set(CURRENCIES)


def test_amounts_are_positive_and_have_the_decimals_of_their_currency() -> None:
    for payment in some(2_000):
        decimals = CURRENCIES[payment.source][0]
        assert payment.amount > 0
        assert -int(payment.amount.as_tuple().exponent) == decimals


def test_few_payments_carry_most_of_the_money() -> None:
    worths = sorted(float(RATES.in_euro(each.amount, each.source)) for each in some(5_000))
    assert sum(worths[-500:]) > sum(worths) / 2, "the largest tenth"


def test_the_bank_that_fails_pays_before_only_and_with_its_next_cycle() -> None:
    assert all(payment.payer != FAILING for payment in some(5_000))
    early = [each for each in some(20_000, failing_pays=True) if each.payer == FAILING]
    assert early
    assert {payment.window for payment in early} == {T0}


def test_payments_to_one_bank_are_all_to_it_and_none_by_it() -> None:
    payments = Traffic(RATES).to(FAILING, 300, T0)
    assert {payment.payee for payment in payments} == {FAILING}
    assert FAILING not in {payment.payer for payment in payments}
    assert {payment.window for payment in payments} == {T0}


def test_a_payment_says_what_the_door_reads() -> None:
    payment = Payment("pay-1", "BANK01", "BANK02", "JPY", "EUR", Decimal(1500), T1)
    assert payment.body() == {
        "transaction_id": "pay-1",
        "amount": "1500",
        "source_currency": "JPY",
        "destination_currency": "EUR",
        "source_account": "vostro:BANK01:JPY",
        "destination_account": "vostro:BANK02:EUR",
        "counterparty_id": "BANK02",
        "settlement_window": "t+1",
    }


def test_every_currency_of_the_day_has_a_published_rate() -> None:
    rates = newest_rates(list(CURRENCIES))
    assert rates.per_euro.keys() == CURRENCIES.keys()
    assert worth(rates, 100, "USD") == Decimal("100.00")


@given(count=st.integers(min_value=1, max_value=3 * BULK_SIZE))
def test_each_payment_is_in_one_request_and_each_request_has_its_own_key(count: int) -> None:
    payments = ALL[:count]
    orders = bulks(payments)
    sent = [one["transaction_id"] for order in orders for one in order.body["transactions"]]
    assert sent == [payment.id for payment in payments]
    assert len({order.key for order in orders}) == len(orders)
    assert max(len(order.body["transactions"]) for order in orders) <= BULK_SIZE


ALL = some(3 * BULK_SIZE)


def test_a_payment_sent_alone_has_no_key_but_its_id() -> None:
    order = single(ALL[0])
    assert (order.key, order.body["transaction_id"]) == ("", ALL[0].id)


# -- the end ---------------------------------------------------------------------------------------


def told_of(payment: Payment, **more: Any) -> dict[str, Any]:
    """Return what the platform tells of a payment that settled as it should."""
    decimals = CURRENCIES[payment.target][0]
    received = RATES.convert(payment.amount, payment.source, payment.target, decimals=decimals)
    return {
        "transaction_id": payment.id,
        "payer": payment.payer,
        "counterparty_id": payment.payee,
        "source_currency": payment.source,
        "destination_currency": payment.target,
        "amount": f"{payment.amount:f}",
        "received": f"{received:f}",
        "settlement_window": payment.window,
        "state": "settled",
        "deferrals": 0,
        "batch_id": "c.1",
        "accepted_at": "2026-01-30T12:00:00.000000Z",
        "settled_at": "2026-01-30T12:00:04.000000Z",
        **more,
    }


def day_at_its_end(directory: Path) -> Scene:
    """Return a scene in which all went well: one payment reversed, one by another way."""
    scene = scene_at(directory)
    traffic = scene.day.traffic
    payments = [*traffic.take(50, MIX), *traffic.to(FAILING, 1, T0)]
    scene.day.sent = {payment.id: payment for payment in payments}
    scene.day.ended = {payment.id: told_of(payment) for payment in payments}
    scene.day.ended[payments[-1].id]["state"] = "reversed"
    attempts = [
        {"rail": "rtgs", "region": "east", "code": "rail_down"},
        {"rail": "rtgs", "region": "west", "code": ""},
    ]
    move = {
        "state": "settled",
        "attempts": attempts,
        "rail": "rtgs",
        "instruction_id": "c:BANK02:EUR",
        "participant_id": "BANK02",
        "currency": "EUR",
        "direction": "in",
        "purpose": "position",
        "amount": "12.50",
        "charges": "0.00",
    }
    scene.day.settlements = {"c": {"instructions": [move]}}
    return scene


def not_so(scene: Scene) -> list[str]:
    return [check.what for check in scene.checks if not check.holds]


def test_a_day_that_ended_well_raises_no_complaint(tmp_path: Path) -> None:
    scene = day_at_its_end(tmp_path)
    finality.check_ends(scene)
    finality.check_rates(scene)
    assert not_so(scene) == []
    assert scene.day.states == Counter(settled=50, reversed=1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"amount": "0.01"}, "as it was sent"),
        ({"counterparty_id": "BANK99"}, "as it was sent"),
        ({"state": "deferred"}, "settled, or reversed"),
        ({"state": "reversed", "counterparty_id": "BANK02"}, "and nothing else"),
        ({"received": "0.01"}, "our own conversion"),
    ],
)
def test_one_payment_that_ended_otherwise_is_found(
    tmp_path: Path, change: dict[str, str], complaint: str
) -> None:
    scene = day_at_its_end(tmp_path)
    first = next(iter(scene.day.sent))
    scene.day.ended[first] |= change
    finality.check_ends(scene)
    finality.check_rates(scene)
    assert any(complaint in what for what in not_so(scene))


def test_a_payment_that_is_lost_or_not_ours_is_found(tmp_path: Path) -> None:
    scene = day_at_its_end(tmp_path)
    first = next(iter(scene.day.sent))
    scene.day.ended["stranger"] = {**scene.day.ended.pop(first), "transaction_id": "stranger"}
    finality.check_ends(scene)
    assert "each payment sent is told as it was sent" in not_so(scene)
    assert "no payment is told that was not sent" in not_so(scene)


# -- the own books ---------------------------------------------------------------------------------


def test_a_payment_in_another_currency_goes_through_both_positions(tmp_path: Path) -> None:
    scene, books = scene_at(tmp_path), OwnBooks()
    scene.books = books
    payment = Payment("p", "BANK01", "BANK02", "USD", "EUR", Decimal("10.00"), T0)
    for account, currency in (("fx:USD", "USD"), ("fx:EUR", "EUR")):
        books.open(account, currency)
    books.open(vostro("BANK01", "USD"), "USD")
    books.open(vostro("BANK02", "EUR"), "EUR")
    finality.book_payment(scene, payment, Decimal("9.00"))
    posted = {name: account.posted for name, account in books.accounts.items()}
    assert posted == {
        "vostro:BANK01:USD": Decimal("-10.00"),
        "fx:USD": Decimal("10.00"),
        "fx:EUR": Decimal("-9.00"),
        "vostro:BANK02:EUR": Decimal("9.00"),
    }


def test_a_reversal_gives_back_all_and_leaves_its_marks(tmp_path: Path) -> None:
    scene = scene_at(tmp_path)
    payment = Payment("p", "BANK01", "BANK02", "USD", "USD", Decimal("10.00"), T0)
    payer, payee = vostro("BANK01", "USD"), vostro("BANK02", "USD")
    scene.books.open(payer, "USD")
    scene.books.open(payee, "USD")
    finality.book_payment(scene, payment, payment.amount)
    finality.book_back(scene, payment, payment.amount)
    account = scene.books.accounts[payer]
    ten = payment.amount
    assert (account.posted, account.debits, account.credits) == (ten - ten, ten, ten)


@pytest.mark.parametrize(
    ("direction", "purpose", "bank", "rail"),
    [("in", "position", "5", "5"), ("out", "gross", "-5", "-6"), ("out", "return", "-5", "-6")],
)
def test_a_movement_changes_the_bank_and_the_rail_and_charges_are_ours(
    tmp_path: Path, direction: str, purpose: str, bank: str, rail: str
) -> None:
    scene = scene_at(tmp_path)
    books = scene.books
    books.open(vostro("BANK01", "USD"), "USD")
    books.open("transit:USD", "USD")
    books.open("fees:USD", "USD", Normal.DEBIT)
    charges = "0" if direction == "in" else "1"
    move = {
        "participant_id": "BANK01",
        "currency": "USD",
        "amount": "5",
        "rail": "correspondent",
        "direction": direction,
        "purpose": purpose,
        "charges": charges,
    }
    finality.book_movement(scene, move)
    assert books.accounts[vostro("BANK01", "USD")].posted == Decimal(bank)
    assert books.accounts[open_rail(books, "correspondent", "USD")].posted == Decimal(rail)
    assert books.accounts["transit:USD"].posted == 0
    assert books.accounts["fees:USD"].posted == Decimal(charges)


# -- the rails' own books --------------------------------------------------------------------------


def write_statement(directory: Path, *moves: tuple[str, str]) -> None:
    """Write a rail's books: (instruction id, mark) each, all of the movement of the example."""
    rails = directory / "data" / RAILS_DIR
    rails.mkdir(parents=True)
    lines = [
        json.dumps(
            {
                "instruction_id": f"main:{name}",
                "mark": mark,
                "order": {
                    "instruction_id": f"main:{name}",
                    "participant_id": "BANK02",
                    "currency": "EUR",
                    "direction": "in",
                    "amount_minor": 1250,
                },
            }
        )
        for name, mark in moves
    ]
    (rails / "rtgs.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("moves", "complaints"),
    [
        ([("c:BANK02:EUR", "pending"), ("c:BANK02:EUR", "settled")], 0),
        ([("c:BANK02:EUR", "settled"), ("c:BANK02:EUR", "settled")], 2),
        ([("c:BANK02:EUR", "settled"), ("c:BANK03:EUR", "settled")], 1),
        ([("c:BANK02:EUR", "pending")], 1),
    ],
    ids=["the same", "moved twice", "moved by nobody", "never moved"],
)
async def test_the_rails_books_must_tell_of_the_same_movements(
    tmp_path: Path, moves: list[tuple[str, str]], complaints: int
) -> None:
    scene = day_at_its_end(tmp_path)
    write_statement(tmp_path, *moves)
    await statements.compare(scene)
    assert len(not_so(scene)) == complaints


# -- savings and times -----------------------------------------------------------------------------


def cycle(state: str, *, cost: str, wires_after: int) -> dict[str, Any]:
    report = {
        "gross_cost": "10.00",
        "grouped_cost": "8.00",
        "bilateral_cost": "6.00",
        "cost": cost,
        "wires_before": 5,
        "wires_after": wires_after,
    }
    return {"state": state, "report": report}


def test_savings_are_those_of_cycles_that_settled() -> None:
    cycles = [
        cycle("settled", cost="4.00", wires_after=2),
        cycle("unwound", cost="1", wires_after=1),
    ]
    saved = savings.savings_of([*cycles, {"state": "empty", "report": None}])
    assert (saved.gross, saved.cost, saved.wires_before, saved.wires_after) == (1000, 400, 5, 2)
    assert [saved.percent(each) for each in (saved.gross, saved.grouped, saved.bilateral)] == [
        60.0,
        50.0,
        33.33,
    ]


def test_times_are_counted_stage_by_stage(tmp_path: Path) -> None:
    scene = day_at_its_end(tmp_path)
    scene.day.batches = {
        "c.1": {
            "batch": {
                "created_at": "2026-01-30T12:00:01.000000Z",
                "certified_at": "2026-01-30T12:00:03.500000Z",
            }
        }
    }
    found = {(each.window, each.stage): each for each in savings.latencies_of(scene)}
    stages = [found["netted", stage].p50_ms for stage in (*savings.STAGES, savings.WHOLE)]
    assert stages == [1000, 2500, 500, 4000]
    settled = sum(each.payments for (_, stage), each in found.items() if stage == savings.WHOLE)
    assert settled == 50, "the one that was reversed is not counted"


def test_before_the_day_the_summary_tells_of_nothing() -> None:
    summary = Day().summary()
    assert set(summary.values()) == {0}
    assert next(iter(summary)) == "payments"
