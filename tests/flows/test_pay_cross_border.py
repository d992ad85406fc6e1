"""Payments from acceptance to their end: what is held, counted, posted, released, given back."""

from __future__ import annotations

import pytest

from nostro.execution import (
    NewInstruction,
    OutcomeKind,
    Purpose,
    ReverseSettlement,
    SettlementFailed,
)
from nostro.kernel.messages import Tick
from nostro.payments import (
    CancelPayment,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    RejectReview,
    SubmitPayments,
    SuspendParticipant,
    TransactionsRefused,
    Window,
)
from nostro.risk import SetLimit
from tests.flows.clearing import FUNDS, Clearing, payment

TICK = Tick()
EUR_A, EUR_B = "vostro:A:EUR", "vostro:B:EUR"


@pytest.fixture
def clearing() -> Clearing:
    return Clearing()


def test_a_payment_that_cannot_be_funded_is_refused_and_leaves_nothing(clearing: Clearing) -> None:
    reply = clearing.pay("p1", "A", "B", FUNDS + 1)
    assert reply.code == "ledger.exceeds_credits"
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)
    assert clearing.of(TransactionsRefused)[0].refused == [("p1", "ledger.exceeds_credits")]


def test_a_payment_beyond_a_limit_is_refused_and_its_hold_released(clearing: Clearing) -> None:
    clearing.tell(SetLimit(scope="single", currency="EUR", participant="A", amount_minor=100))
    reply = clearing.pay("p1", "A", "B", 101)
    assert reply.code == "risk.single_limit"
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)
    assert clearing.pay("p2", "A", "B", 100).accepted
    assert (clearing.held(EUR_A), clearing.exposures()) == (100, 100)


def test_each_payment_of_a_bulk_has_its_own_result(clearing: Clearing) -> None:
    clearing.tell(SetLimit(scope="single", currency="EUR", participant="C", amount_minor=10))
    payments = [
        payment("p1", "A", "B", 10),
        payment("p2", "A", "nobody", 10),
        payment("p3", "B", "A", FUNDS + 1),
        payment("p4", "C", "A", 11),
        payment("p5", "A", "C", 20),
        payment("p6", "A", "C", 5, hits=["list:x:90"]),
        payment("p1", "A", "B", 10),
    ]
    reply = clearing.tell(SubmitPayments(payments=payments))
    told = {index: code for index, code, _ in reply.body["results"]}
    assert told == {
        1: "payments.participant_unknown",
        2: "ledger.exceeds_credits",
        3: "risk.single_limit",
        5: "payments.held_for_review",
        6: "payments.duplicate",
    }
    assert reply.body["accepted"] == 3
    assert (clearing.all_held(), clearing.exposures()) == (35, 35)


@pytest.mark.parametrize("end", [CancelPayment(transaction_id="p1"), None])
def test_what_ends_before_a_window_releases_hold_and_limit(
    clearing: Clearing, end: CancelPayment | None
) -> None:
    assert clearing.pay("p1", "A", "B", 70).accepted
    assert clearing.tell(end or SuspendParticipant(participant_id="B")).accepted
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)


def test_a_rejected_review_releases_hold_and_limit(clearing: Clearing) -> None:
    reply = clearing.tell(SubmitPayments(payments=[payment("p1", "A", "B", 70, hits=["l:x:99"])]))
    assert reply.body["payment"]["state"] == "held"
    clearing.close_window()
    assert clearing.all_held() == 70
    assert clearing.tell(RejectReview(transaction_id="p1"), actor="officer").accepted
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)


def test_a_window_nets_certifies_pays_in_posts_and_pays_out(clearing: Clearing) -> None:
    for name, payer, payee, amount in (
        ("p1", "A", "B", 500),
        ("p2", "B", "C", 400),
        ("p3", "C", "A", 300),
    ):
        assert clearing.pay(name, payer, payee, amount).accepted
    clearing.close_window()
    assert len(clearing.of(PaymentsSettled)[0].items) == 3
    # Each bank's account with us stands where it stood: what it owed came in, what it got went out.
    assert [clearing.posted(f"vostro:{name}:EUR") for name in "ABC"] == [FUNDS] * 3
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)
    order = clearing.kinds()
    names = ("BatchCreated", "ConsensusAchieved", "FundsSecured", "SettlementConfirmed")
    assert [order.index(name) for name in names] == sorted(order.index(name) for name in names)


def test_currencies_are_exchanged_at_the_frozen_rate_and_the_position_is_squared(
    clearing: Clearing,
) -> None:
    assert clearing.pay("p1", "A", "B", 1_000, destination="USD").accepted
    assert clearing.held(EUR_A) == 1_000
    clearing.close_window()
    (settled,) = clearing.of(PaymentsSettled)
    assert settled.items[0].destination_minor == 1_100
    assert [clearing.posted(f"fx:{currency}") for currency in ("EUR", "USD")] == [0, 0]
    assert [clearing.posted(f"desk:{currency}") for currency in ("EUR", "USD")] == [1_000, -1_100]


def test_an_rtgs_payment_settles_at_once_and_alone(clearing: Clearing) -> None:
    assert clearing.pay("p1", "A", "B", 300, window=Window.RTGS).accepted
    clearing.tell(TICK, actor="clock")
    clearing.work()
    assert [each.purpose for each in clearing.moved] == [Purpose.GROSS]
    assert clearing.posted(EUR_A) == FUNDS - 300
    assert clearing.posted(EUR_B) == FUNDS
    assert clearing.posted("transit:EUR") == 0


def test_thousands_of_rtgs_payments_settle_in_cycles_of_bounded_size(clearing: Clearing) -> None:
    for bulk in range(2):
        payments = [
            payment(f"p{bulk}-{number}", "A", "B", 1, window=Window.RTGS) for number in range(6_000)
        ]
        assert clearing.tell(SubmitPayments(payments=payments)).body["accepted"] == 6_000
    clearing.tell(TICK, actor="clock")
    clearing.work()
    assert clearing.posted(EUR_A) == FUNDS - 12_000
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)


def test_no_transaction_id_names_the_instruction_of_a_position(clearing: Clearing) -> None:
    pay_in_parts(clearing, "A", "C", 300)
    pay_in_parts(clearing, "B", "C", 200)
    # Worth a wire of its own: nobody else has anything to do with yen.
    assert clearing.pay("A:EUR", "A", "B", 500, source="JPY", destination="JPY").accepted
    clearing.close_window()
    names = [each.instruction_id for each in clearing.moved]
    assert len(names) == len(set(names)) == 4
    assert clearing.all_held() == 0


def test_without_a_certificate_nothing_moves_and_payments_wait(clearing: Clearing) -> None:
    clearing.members_refuse = True
    assert clearing.pay("p1", "A", "B", 300).accepted
    clearing.close_window()
    assert clearing.moved == []
    assert clearing.of(SettlementFailed)[0].code == "rejected"
    assert [tx for tx, *_ in clearing.of(PaymentsDeferred)[0].items] == ["p1"]
    assert clearing.all_held() == 300
    clearing.members_refuse = False
    clearing.close_window()
    assert len(clearing.of(PaymentsSettled)) == 1


def test_a_shortfall_defers_the_whole_cycle_and_returns_what_was_paid_in(
    clearing: Clearing,
) -> None:
    clearing.rail = short("B")
    theirs = pay_in_parts(clearing, "A", "C", 300)
    short_ones = pay_in_parts(clearing, "B", "C", 200)
    clearing.close_window()
    assert clearing.of(SettlementFailed)[0].code == "liquidity"
    assert clearing.of(PaymentsSettled) == []
    assert clearing.posted(EUR_A) == FUNDS
    assert clearing.all_held() == 500
    clearing.rail = short("nobody")
    clearing.close_window()
    assert {item.transaction_id for item in clearing.of(PaymentsSettled)[0].items} == theirs
    # Who was short waits a window longer, so that nobody falls with it again.
    assert clearing.all_held() == 200
    clearing.close_window()
    assert {item.transaction_id for item in clearing.of(PaymentsSettled)[1].items} == short_ones
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)


def test_a_pay_in_cannot_be_spent_before_its_settlement_is_final() -> None:
    clearing = Clearing(funds=0, credit_line=500)
    answers = {"A": (OutcomeKind.SETTLED, ""), "B": (OutcomeKind.REFUSED, "liquidity")}
    clearing.rail = lambda instruction, _: answers.get(
        instruction.participant_id, (OutcomeKind.SETTLED, "")
    )
    pay_in_parts(clearing, "A", "C", 300)
    pay_in_parts(clearing, "B", "C", 200)
    clearing.close_window()
    assert clearing.of(SettlementFailed)[0].code == "liquidity"
    assert [each.purpose for each in clearing.moved] == [Purpose.POSITION, Purpose.RETURN]
    assert clearing.posted(EUR_A) == 0
    assert clearing.posted("transit:EUR") == clearing.posted("claims:EUR") == 0


def test_a_failed_payer_fails_its_own_payments_and_defers_the_others(clearing: Clearing) -> None:
    clearing.rail = failed("B")
    pay_in_parts(clearing, "A", "C", 300)
    names = pay_in_parts(clearing, "B", "C", 200)
    clearing.close_window()
    assert {item.transaction_id for item in clearing.of(PaymentsFailed)[0].items} == names
    assert clearing.all_held() == 300
    clearing.close_window()
    assert (clearing.all_held(), clearing.exposures()) == (0, 0)


def test_what_a_failed_receiver_did_not_get_goes_back_newest_first(clearing: Clearing) -> None:
    clearing.rail = failed("C")
    # C pays 200 to A itself, so of the 500 that it is to receive, 300 would be paid out.
    for name, payer, payee, amount in (
        ("p1", "A", "C", 200),
        ("p2", "B", "C", 100),
        ("p3", "B", "C", 200),
        ("p4", "C", "A", 200),
    ):
        assert clearing.pay(name, payer, payee, amount).accepted
    clearing.close_window()
    (reversed_,) = clearing.of(PaymentsReversed)
    assert [item.transaction_id for item in reversed_.items] == ["p3", "p2"]
    assert clearing.posted("vostro:C:EUR") == FUNDS
    # B had paid in what it owed; it has it on its account again.
    assert clearing.posted(EUR_B) == FUNDS + 300
    assert clearing.all_held() == 0


def test_a_frozen_receiver_is_credited_in_suspense(clearing: Clearing) -> None:
    assert clearing.pay("p1", "A", "B", 300).accepted
    assert clearing.pay("p2", "A", "B", 100, destination="USD").accepted
    clearing.freeze(EUR_B)
    clearing.freeze("vostro:B:USD")
    clearing.close_window()
    assert clearing.posted("suspense:EUR") == 300
    assert clearing.posted("suspense:USD") == 110
    assert clearing.all_held() == 0


def test_what_a_frozen_payer_does_not_pay_is_claimed_from_it(clearing: Clearing) -> None:
    assert clearing.pay("p1", "A", "B", 300).accepted
    clearing.freeze(EUR_A)
    clearing.close_window()
    assert clearing.posted("claims:EUR") == -300
    assert clearing.posted("suspense:EUR") == 0
    assert clearing.all_held() == 0


@pytest.mark.parametrize("destination", ["EUR", "USD"])
def test_with_both_banks_frozen_one_owes_us_and_we_owe_the_other(
    clearing: Clearing, destination: str
) -> None:
    assert clearing.pay("p1", "A", "B", 300, destination=destination).accepted
    clearing.freeze(EUR_A)
    clearing.freeze(f"vostro:B:{destination}")
    clearing.close_window()
    received = 300 if destination == "EUR" else 330
    assert clearing.posted("claims:EUR") == -300
    assert clearing.posted(f"suspense:{destination}") == received
    assert clearing.all_held() == 0


def test_a_reversal_to_a_frozen_payer_waits_in_suspense(clearing: Clearing) -> None:
    assert clearing.pay("p1", "A", "B", 300).accepted
    clearing.close_window()
    clearing.freeze(EUR_A)
    cycle = clearing.of(PaymentsSettled)[0].cycle_id
    assert clearing.tell(ReverseSettlement(settlement_id=cycle, reason="error")).accepted
    assert clearing.posted("suspense:EUR") == 300
    assert clearing.posted(EUR_B) == FUNDS - 300


def test_an_operator_reverses_by_new_postings_once(clearing: Clearing) -> None:
    assert clearing.pay("p1", "A", "B", 300, destination="USD").accepted
    clearing.close_window()
    cycle = clearing.of(PaymentsSettled)[0].cycle_id
    command = ReverseSettlement(settlement_id=cycle, transaction_ids=["p1"], reason="error")
    assert clearing.tell(command).accepted
    assert clearing.posted(EUR_A) == FUNDS
    assert clearing.posted("vostro:B:USD") == FUNDS - 330
    before = clearing.posted(EUR_A)
    clearing.tell(command)
    assert clearing.posted(EUR_A) == before


def test_an_unknown_outcome_is_asked_about_and_never_moved_twice(clearing: Clearing) -> None:
    def rail(instruction: NewInstruction, attempt: int) -> tuple[OutcomeKind, str]:
        return (OutcomeKind.UNKNOWN, "") if attempt == 1 else (OutcomeKind.SETTLED, "")

    clearing.rail = rail
    pay_in_parts(clearing, "A", "C", 300)
    pay_in_parts(clearing, "B", "C", 200)
    clearing.close_window()
    names = [each.instruction_id for each in clearing.moved]
    assert len(names) == len(set(names)) == 3
    assert clearing.all_held() == 0


def pay_in_parts(clearing: Clearing, payer: str, payee: str, amount: int) -> set[str]:
    """Pay an amount in ten parts, so that netting them is worth it; return their names."""
    names = {f"{payer}-{payee}-{number}" for number in range(10)}
    for name in sorted(names):
        assert clearing.pay(name, payer, payee, amount // 10).accepted
    return names


def short(participant: str):  # type: ignore[no-untyped-def]
    """A rail on which one bank has no money."""
    return _refusing(participant, "liquidity")


def failed(participant: str):  # type: ignore[no-untyped-def]
    """A rail on which one bank has failed."""
    return _refusing(participant, "counterparty_failed")


def _refusing(participant: str, code: str):  # type: ignore[no-untyped-def]
    def rail(instruction: NewInstruction, _attempt: int) -> tuple[OutcomeKind, str]:
        if instruction.participant_id == participant:
            return OutcomeKind.REFUSED, code
        return OutcomeKind.SETTLED, ""

    return rail


def test_a_reversal_tells_what_the_settlement_does_not_have(clearing: Clearing) -> None:
    assert clearing.pay("p1", "A", "B", 300).accepted
    clearing.close_window()
    cycle = clearing.of(PaymentsSettled)[0].cycle_id
    command = ReverseSettlement(settlement_id=cycle, transaction_ids=["p1", "px"], reason="error")
    assert clearing.tell(command).body["missing"] == ["px"]
