"""What is refused, what comes twice, and what is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.payments import (
    NewPayment,
    ReviewApproved,
    SuspendParticipant,
    TransactionsDeduped,
    TransactionsSubmitted,
    Window,
)
from nostro.payments.commands import PAYMENTS_MAX, ApproveReview, RefusePayments, SubmitPayments
from tests.rooms.payments.play import Play, at, pay, submit

BAD: list[tuple[str, dict[str, Any]]] = [
    ("payments.bad_transaction_id", {"transaction_id": ""}),
    ("payments.bad_transaction_id", {"transaction_id": "a b"}),
    ("payments.bad_transaction_id", {"transaction_id": "x" * 65}),
    ("payments.bad_transaction_id", {"transaction_id": "\ud800"}),
    ("payments.amount_not_positive", {"amount_minor": 0}),
    ("payments.amount_not_positive", {"amount_minor": -1}),
    ("payments.amount_too_large", {"amount_minor": 10**38}),
    ("payments.bad_priority", {"priority": 10}),
    ("payments.bad_priority", {"priority": -1}),
    ("payments.bad_value_date", {"value_date": "5 January"}),
    ("payments.bad_value_date", {"value_date": "2026-02-30"}),
    ("payments.bad_value_date", {"value_date": "20260105"}),
    ("payments.bad_source_account", {"source_account": "ALFA"}),
    ("payments.bad_source_account", {"source_account": "vostro:ALFA"}),
    ("payments.bad_source_account", {"source_account": "nostro:ALFA:EUR"}),
    ("payments.bad_destination_account", {"destination_account": ""}),
    ("payments.bad_destination_account", {"destination_account": "no spaces"}),
    ("payments.bad_counterparty_id", {"counterparty_id": "BETA:EUR"}),
    ("payments.bad_idempotency_key", {"idempotency_key": "a key"}),
    ("payments.bad_idempotency_key", {"idempotency_key": "k" * 241}),
    ("payments.bad_details", {"details": {"remittance": "two\nlines"}}),
    ("payments.bad_details", {"details": {"": "no name"}}),
    ("payments.bad_details", {"details": {str(number): "" for number in range(33)}}),
    ("payments.bad_hits", {"hits": [""]}),
    ("payments.participant_unknown", {"source_account": "vostro:NOBODY:EUR"}),
    ("payments.participant_unknown", {"counterparty_id": "NOBODY"}),
    ("payments.currency_not_held", {"source_account": "vostro:ALFA:CHF"}),
    ("payments.currency_not_held", {"destination_currency": "CHF"}),
    ("payments.account_currency_differs", {"source_account": "vostro:ALFA:USD"}),
    ("payments.destination_account_differs", {"destination_account": "vostro:GAMA:EUR"}),
    ("payments.destination_account_differs", {"destination_account": "vostro:BETA:USD"}),
    ("payments.same_party", {"counterparty_id": "ALFA"}),
    ("payments.value_date_past", {"value_date": "2026-01-02"}),
    ("payments.value_date_too_far", {"value_date": "2027-03-01"}),
    ("payments.value_date_too_far", {"value_date": "2026-06-01"}),
    ("payments.value_date_too_far", {"window": Window.RTGS, "value_date": "2026-01-06"}),
    ("payments.currency_closed", {"value_date": "2026-01-10"}),
]


@pytest.mark.parametrize(("code", "given"), BAD)
def test_a_payment_that_is_wrong_is_refused_with_a_code(code: str, given: dict[str, Any]) -> None:
    assert Play().opened().refused(submit(pay(**given))).code == code


@pytest.mark.parametrize(("code", "given"), BAD)
def test_a_bad_payment_does_not_hurt_its_neighbours(code: str, given: dict[str, Any]) -> None:
    play = Play().opened()
    events = play.when(submit(pay("a"), pay(**{"transaction_id": "b", **given}), pay("c")))
    [submitted] = events
    assert isinstance(submitted, TransactionsSubmitted)
    accepted = [item.transaction_id for item in submitted.items]
    assert accepted == ["a", "c"]
    assert play.body["accepted"] == 2
    assert [(index, code_) for index, code_, _ in play.body["results"]] == [(1, code)]
    play.check_memory()


def test_of_several_faults_the_first_in_the_documented_order_is_told() -> None:
    faults: list[dict[str, Any]] = [
        {"amount_minor": 0},
        {"counterparty_id": "NOBODY"},
        {"value_date": "2026-01-10"},
        {"amount_minor": 10_001},
    ]
    codes = []
    for start in range(len(faults)):
        play = Play().opened()
        play.when(submit(pay()))
        given = {name: said for fault in reversed(faults[start:]) for name, said in fault.items()}
        codes.append(play.refused(submit(pay(**given))).code)
    assert codes == [
        "payments.amount_not_positive",
        "payments.participant_unknown",
        "payments.currency_closed",
        "payments.exists",
    ]


def test_a_submission_has_at_least_one_payment_and_a_bound() -> None:
    play = Play().opened()
    assert play.refused(submit()).code == "payments.none"
    many = SubmitPayments(payments=[pay()] * (PAYMENTS_MAX + 1))
    assert play.refused(many).code == "payments.too_many"


def test_a_suspended_bank_neither_pays_nor_is_paid() -> None:
    play = Play().opened()
    play.when(SuspendParticipant(participant_id="BETA"))
    back = pay("p2", source_account="vostro:BETA:EUR", counterparty_id="ALFA")
    for payment in (pay(), back):
        assert play.refused(submit(payment)).code == "payments.participant_suspended"


def test_a_refused_payment_may_come_again_once_it_is_right() -> None:
    play = Play().opened()
    play.refused(submit(pay(amount_minor=0)))
    assert play.when(submit(pay()))


# -- repeats ---------------------------------------------------------------------------------------


def settled_away(play: Play) -> Play:
    """Let everything that can leave memory leave it."""
    for number in range(3):
        play.when(submit(pay(f"crowd-{play.height}-{number}")))
    return play.settle()


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_the_same_payment_again_is_answered_with_the_first(hot_max: int) -> None:
    play = Play(hot_max=hot_max).opened()
    play.when(submit(pay(idempotency_key="one", details={"a": "1", "b": "2"})))
    first, height = play.body["payment"], play.height
    settled_away(play)
    play.at_us = at("12:30:00")
    again = pay(idempotency_key="another", details={"b": "2", "a": "1"})
    events = play.when(submit(again), actor="other")
    assert events == [TransactionsDeduped(["p1"], "other")]
    assert play.body["payment"] == first
    [[index, code, facts]] = play.body["results"]
    assert (index, code, play.body["accepted"]) == (0, "payments.duplicate", 0)
    assert facts == {
        "transaction_id": "p1",
        "first_height": height,
        "first_at_us": at("10:00:00"),
        "state": "accepted",
    }


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_an_id_stands_for_one_payment_and_a_key_for_one_request(hot_max: int) -> None:
    play = Play(hot_max=hot_max).opened()
    play.when(submit(pay(idempotency_key="key")))
    settled_away(play)
    other: dict[str, Any] = {"amount_minor": 10_001}
    assert play.refused(submit(pay(**other))).code == "payments.exists"
    assert play.refused(submit(pay(**other, idempotency_key="new"))).code == "payments.exists"
    assert play.refused(submit(pay(**other, idempotency_key="key"))).code == "payments.key_reused"
    no = play.refused(submit(pay("p2", idempotency_key="key")))
    assert no.code == "payments.key_reused"
    assert no.facts["transaction_id"] == "p1"


def test_a_key_that_was_not_given_is_not_the_key_of_another() -> None:
    play = Play().opened()
    play.when(submit(pay("p1")))
    assert play.when(submit(pay("p2", idempotency_key="p1")))


def test_what_comes_twice_in_one_submission_is_accepted_once() -> None:
    play = Play().opened()
    [submitted, deduped] = play.when(
        submit(
            pay("a", idempotency_key="k"),
            pay("a"),
            pay("a", amount_minor=1),
            pay("b", idempotency_key="k"),
            pay("c"),
        )
    )
    assert isinstance(submitted, TransactionsSubmitted)
    assert [item.transaction_id for item in submitted.items] == ["a", "c"]
    assert deduped == TransactionsDeduped(["a"], "clerk")
    assert [(index, code) for index, code, _ in play.body["results"]] == [
        (1, "payments.duplicate"),
        (2, "payments.exists"),
        (3, "payments.key_reused"),
    ]
    play.check_memory()


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_a_payment_that_was_refused_stays_refused(hot_max: int) -> None:
    play = Play(hot_max=hot_max).opened()
    play.when(submit(pay()))
    height = play.height
    play.when(RefusePayments(refused=[("p1", "ledger.exceeds_credits")]), same_row=True)
    settled_away(play)
    no = play.refused(submit(pay()))
    assert no.code == "ledger.exceeds_credits"
    assert (no.facts["first_height"], no.facts["exists"]) == (height, True)
    assert play.refused(submit(pay(amount_minor=1))).code == "payments.exists"


def test_a_repeat_is_told_so_even_after_its_cut_off_and_with_a_bank_suspended() -> None:
    play = Play().opened()
    play.when(submit(pay(value_date="2026-01-05")))
    play.until("2026-01-06T10:00:00")
    play.when(SuspendParticipant(participant_id="BETA"))
    assert play.when(submit(pay(value_date="2026-01-05"))) == [TransactionsDeduped(["p1"], "clerk")]
    no = play.refused(submit(pay(value_date="2026-01-05", amount_minor=1)))
    assert no.code == "payments.participant_suspended"


# -- acceptance ------------------------------------------------------------------------------------


def test_a_payment_is_told_where_and_when_it_settles() -> None:
    play = Play().opened()
    play.when(submit(pay(window=Window.T1, details={"remittance": "invoice"})))
    told = play.body["payment"]
    assert play.body["accepted"] == 1
    assert play.body["results"] == []
    assert told["state"] == "accepted"
    assert (told["payer"], told["payee"], told["window"]) == ("ALFA", "BETA", "t+1")
    assert (told["cycle_id"], told["value_date"]) == ("2026-01-06T1600Z", "2026-01-06")
    assert told["cut_off_at_us"] == at("2026-01-06T16:00:00")
    assert told["height"] == play.height


def test_a_bank_may_exchange_its_own_money() -> None:
    play = Play().opened()
    own = pay(counterparty_id="ALFA", destination_currency="USD")
    [event] = play.when(submit(own, pay("p2", counterparty_id="ALFA", destination_currency="JPY")))
    assert isinstance(event, TransactionsSubmitted)
    assert len(event.items) == 2


def test_the_counterpartys_own_account_may_be_credited() -> None:
    play = Play().opened()
    assert play.when(submit(pay(destination_account="vostro:BETA:EUR")))


def test_what_screening_hit_waits_for_review_outside_its_cycle() -> None:
    play = Play().opened()
    play.when(submit(pay(hits=["sanctions:17:93"])))
    assert play.body["payment"]["state"] == "held"
    assert play.body["accepted"] == 1
    assert [code for _, code, _ in play.body["results"]] == ["payments.held_for_review"]
    assert play.until("2026-01-06T18:00:00") == []
    [approved] = play.when(ApproveReview(transaction_id="p1"), actor="chief")
    assert isinstance(approved, ReviewApproved)
    assert approved.cycle_id == "2026-01-07T1600Z"
    play.check_memory()


def test_the_quick_look_and_the_close_look_agree() -> None:
    """A command whose ids need a closer look gives the same items as one where none does."""
    payments: list[NewPayment] = [
        pay(
            f"p{number}",
            window=window,
            value_date=day,
            details=details,
            idempotency_key=f"k{number}" if number % 2 else "",
            counterparty_id="GAMA" if number % 3 else "BETA",
        )
        for number, (window, day, details) in enumerate(
            (window, day, details)
            for window in (Window.T0, Window.T1, Window.T2)
            for day in ("", "2026-01-07")
            for details in (None, {"remittance": "a"})
        )
    ]
    quick, close = Play().opened(), Play().opened()
    [one] = quick.when(submit(*payments))
    [other] = close.when(submit(*payments, pay("not an id")))
    assert isinstance(one, TransactionsSubmitted)
    assert isinstance(other, TransactionsSubmitted)
    assert one.items == other.items
    assert len(one.items) == len(payments)
