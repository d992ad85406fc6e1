"""What do readers learn of payments, settlements and risk from the views?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nostro.adapters.postgres.payment_queries import PaymentQueries
from nostro.adapters.postgres.risk_queries import RiskQueries
from nostro.adapters.postgres.settlement_queries import SettlementQueries
from nostro.api.payment_reads import PaymentReads, RiskReads, SettlementReads
from nostro.execution import InstructionState, SettlementState
from nostro.kernel.messages import Rejection
from nostro.ledger import (
    AccountType,
    Action,
    CreateTransfers,
    Limit,
    NewAccount,
    NewTransfer,
    OpenAccounts,
)
from nostro.netting import BatchState, CycleState, Edge, Position
from nostro.payments import PaymentFilters, PaymentState, TransactionsSubmitted
from tests.adapters.postgres.chronicle import reader_pool
from tests.adapters.postgres.payment_story import (
    CUT_OFF_US,
    FIRST,
    RATES,
    REPORT,
    SECOND,
    Story,
    follow_story,
    submitted,
    whole_story,
)
from tests.databases import as_role


@pytest.fixture
async def story(postgres: str) -> Story:
    """The whole story, told by the views of the database."""
    story = whole_story()
    await story.write(postgres)
    follow_story(postgres)
    return story


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[Any]:
    """A pool of the reader's role."""
    async with reader_pool(as_role(postgres, "nostro_reader")) as pool:
        yield pool


@pytest.fixture
def payments(pool: Any) -> PaymentReads:
    """The reads of payments."""
    return PaymentQueries(pool)


@pytest.fixture
def settlements(pool: Any) -> SettlementReads:
    """The reads of settlements."""
    return SettlementQueries(pool)


@pytest.fixture
def risk(pool: Any) -> RiskReads:
    """The reads of risk."""
    return RiskQueries(pool)


# -- payments --------------------------------------------------------------------------------------


async def test_what_was_never_heard_of_is_none(
    story: Story, payments: PaymentReads, settlements: SettlementReads
) -> None:
    assert await payments.participant("nobody") is None
    assert await payments.payment("nothing") is None
    assert await payments.timeline("nothing") == []
    assert await payments.postings("nothing") == []
    assert await payments.instructions_of("nothing") == []
    for read in (
        settlements.cycle,
        settlements.batch,
        settlements.settlement,
        settlements.instruction,
        settlements.certificate,
    ):
        assert await read("nothing") is None
    assert await settlements.committee(99) is None


async def test_a_payment_is_told_with_what_it_was_accepted_with(
    story: Story, payments: PaymentReads
) -> None:
    found = await payments.payment("t1")
    assert found is not None
    assert found.details == {"note": 'a "b" \\u0000 \ufffd c\n'}
    assert (found.state, found.batch_id, found.retries) == ("settled", f"{SECOND}.1", 1)
    assert (found.amount_minor, found.source_scale, found.destination_minor) == (100, 2, 100)
    assert (found.cycle_id, found.cut_off_at_us) == (SECOND, CUT_OFF_US + 1)
    assert (found.seq >> 20, found.accepted_at_us) == (5, story.entries[4].at_us)
    assert found.settled_at_us == found.changed_at_us == story.entries[found.height - 1].at_us
    waiting = await payments.payment("t7")
    assert waiting is not None
    assert (waiting.state, waiting.destination_minor, waiting.settled_at_us) == (
        "accepted",
        None,
        None,
    )


async def test_a_life_ascends(story: Story, payments: PaymentReads) -> None:
    life = await payments.timeline("t2")
    assert [entry.entry_id for entry in life] == sorted(entry.entry_id for entry in life)
    assert life[-1].event_type == "SETTLEMENT_REVERSED"
    assert life[-1].actor == "ops"
    assert life[-1].batch_id == f"{SECOND}.1"
    assert {story.entries[entry.height - 1].at_us == entry.at_us for entry in life} == {True}


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (PaymentFilters(), "t7 t6 t5 t4 t3 t2 t1"),
        (PaymentFilters(state=PaymentState.SETTLED), "t6 t1"),
        (PaymentFilters(state=PaymentState.REVERSED), "t2"),
        (PaymentFilters(state=PaymentState.DEFERRED), ""),
        (PaymentFilters(state=PaymentState.ACCEPTED), "t7"),
        (PaymentFilters(participant="bora"), "t7 t6 t5 t4 t3 t2 t1"),
        (PaymentFilters(participant="cira"), "t7"),
        (PaymentFilters(payer="alba", currency="USD"), "t2"),
        (PaymentFilters(counterparty="alba"), ""),
        (PaymentFilters(cycle_id=SECOND), "t6 t2 t1"),
        (PaymentFilters(cycle_id=SECOND, state=PaymentState.SETTLED), "t6 t1"),
        (PaymentFilters(batch_id=f"{SECOND}.1", payer="alba"), "t6 t2 t1"),
        (PaymentFilters(batch_id=f"{FIRST}.1"), ""),
        (PaymentFilters(window="rtgs"), ""),
        (PaymentFilters(currency="EUR", state=PaymentState.CANCELLED), "t5"),
    ],
)
async def test_payments_are_found_by_what_they_are(
    story: Story, payments: PaymentReads, filters: PaymentFilters, ids: str
) -> None:
    for limit in (1, 2, 100):
        found: list[str] = []
        cursor: str | None = None
        for _ in range(20):
            page = await payments.payments(filters, cursor=cursor, limit=limit)
            found += [payment.transaction_id for payment in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == ids.split()


async def test_payments_are_found_by_when_they_came(story: Story, payments: PaymentReads) -> None:
    first_us, last_us = story.entries[4].at_us, story.entries[-1].at_us
    only_first = PaymentFilters(from_us=first_us, to_us=first_us)
    page = await payments.payments(only_first, limit=100)
    ids = [payment.transaction_id for payment in page.items]
    assert ids == ["t6", "t5", "t4", "t3", "t2", "t1"]
    later = await payments.payments(PaymentFilters(from_us=first_us + 1, to_us=last_us), limit=100)
    assert [payment.transaction_id for payment in later.items] == ["t7"]


async def test_a_cursor_is_good_for_its_own_question_only(
    story: Story, payments: PaymentReads
) -> None:
    page = await payments.payments(PaymentFilters(), limit=2)
    with pytest.raises(Rejection) as refused:
        await payments.payments(PaymentFilters(payer="alba"), cursor=page.next_cursor, limit=2)
    assert refused.value.code == "request.bad_cursor"


async def test_a_page_stays_put_while_payments_come_in(
    postgres: str, story: Story, payments: PaymentReads
) -> None:
    page = await payments.payments(PaymentFilters(), limit=3)
    story.happen(TransactionsSubmitted([submitted("t8")], "x"))
    await story.write(postgres)
    follow_story(postgres)
    rest = await payments.payments(PaymentFilters(), cursor=page.next_cursor, limit=100)
    assert [payment.transaction_id for payment in rest.items] == ["t4", "t3", "t2", "t1"]


async def test_participants_have_their_currencies_in_order_of_admission(
    story: Story, payments: PaymentReads
) -> None:
    alba, bora, cira = await payments.participants()
    assert (alba.name, alba.bic, alba.currencies) == ("Alba", "ALBAITMM", ["EUR", "USD", "JPY"])
    assert alba.credit_lines_minor == {"EUR": 500}
    assert (bora.suspended, cira.suspended, cira.reason) == (False, True, "late")
    assert await payments.participant("cira") == cira


async def test_the_postings_of_a_payment_are_those_of_its_ids(
    postgres: str, payments: PaymentReads
) -> None:
    story = Story()
    ids = ("vostro:alba:EUR", "vostro:bora:EUR")
    credit = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
    story.tell(
        OpenAccounts(
            accounts=[
                NewAccount(
                    id=id_,
                    asset="EUR",
                    type=AccountType.LIABILITY,
                    limit=credit,
                    overdraft_minor=500,
                )
                for id_ in ids
            ]
        )
    )
    hold = NewTransfer(
        id="payment:t1", action=Action.HOLD, debit=ids[0], credit=ids[1], amount_minor=100
    )
    post = NewTransfer(id="payment.post:t1", action=Action.POST, refers_to="payment:t1")
    other = NewTransfer(id="payment:t2", debit=ids[0], credit=ids[1], amount_minor=1)
    assert story.tell(CreateTransfers(transfers=[hold, other, post])).accepted
    await story.write(postgres)
    follow_story(postgres)
    lines = await payments.postings("t1")
    assert [line.id for line in lines] == ["payment:t1", "payment.post:t1"]


async def test_what_moves_for_a_payment_is_its_own_wire_or_the_positions_of_both_banks(
    story: Story, payments: PaymentReads
) -> None:
    own = await payments.instructions_of("t2")
    assert [move.instruction_id for move in own] == [f"{FIRST}:t2", f"{SECOND}:t2"]
    netted = await payments.instructions_of("t1")
    assert [move.instruction_id for move in netted] == [f"{SECOND}:alba:EUR", f"{SECOND}:bora:EUR"]
    attempt = netted[0].attempts[0]
    assert (attempt.rail, attempt.outcome, attempt.asks) == ("rtgs", "unknown", 2)
    assert await payments.instructions_of("t7") == []


async def test_the_flows_of_a_day_are_what_became_final_then(
    story: Story, payments: PaymentReads
) -> None:
    (euros,) = await payments.daily_flows("EUR")
    assert (euros.day, euros.in_minor, euros.in_count) == ("2023-11-14", 400, 3)
    assert (euros.out_minor, euros.out_count) == (200, 2)
    assert await payments.daily_flows("EUR", from_day="2023-11-15") == []
    assert await payments.daily_flows("EUR", to_day="2023-11-13") == []


# -- settlements -----------------------------------------------------------------------------------


async def test_a_cycle_tells_its_plan_and_what_it_saves(
    story: Story, settlements: SettlementReads
) -> None:
    cycle = await settlements.cycle(FIRST)
    assert cycle is not None
    assert (cycle.state, cycle.payments_count, cycle.batches_count) == ("unwound", 4, 2)
    assert (cycle.gross_count, cycle.deferred_count) == (1, 1)
    assert (cycle.plans_refused, cycle.refusal) == (1, "netting.rates_stale")
    assert (cycle.rate_set, cycle.report) == (RATES, REPORT)
    assert cycle.positions == [Position("alba", "EUR", -300), Position("bora", "EUR", 100)]
    assert cycle.caps == {"net_debit": [], "bilateral": [], "platform": [("EUR", 5)]}
    page = await settlements.cycles(limit=10)
    assert [each.cycle_id for each in page.items] == ["later", SECOND, FIRST]
    assert page.items[0].state is CycleState.COLLECTING
    collecting = await settlements.cycles(state=CycleState.SETTLED, limit=10)
    assert [each.cycle_id for each in collecting.items] == [SECOND]


async def test_a_batch_has_its_certificate_and_the_graph_before_and_after(
    story: Story, settlements: SettlementReads
) -> None:
    batch = await settlements.batch(f"{SECOND}.1")
    assert batch is not None
    assert (batch.batch.state, batch.batch.consensus_height) == ("settled", 3)
    assert (batch.entry, batch.certificate) == ("ZW50cnk=", "Y2VydA==")
    assert batch.transaction_ids == ["t1", "t2", "t6"]
    assert batch.before == [
        Edge("alba", "bora", "EUR", 200, "EUR", 200, 2),
        Edge("alba", "bora", "EUR", 200, "USD", 220, 1),
    ]
    assert batch.own_positions == [
        Position("alba", "EUR", -400),
        Position("bora", "EUR", 200),
        Position("bora", "USD", 220),
    ]
    assert batch.cycle.cycle_id == SECOND
    assert [event.event_type for event in batch.events] == [
        "BATCH_CREATED",
        "CONSENSUS_SUBMITTED",
        "BATCH_OPTIMIZED",
        "CONSENSUS_ACHIEVED",
        "SETTLEMENT_INITIATED",
        "SETTLEMENT_CONFIRMED",
    ]


async def test_batches_are_listed_by_cycle_and_state(
    story: Story, settlements: SettlementReads
) -> None:
    page = await settlements.batches(limit=3)
    assert [each.batch_id for each in page.items] == ["rtgs.9.1", f"{SECOND}.1", f"{FIRST}.2"]
    rest = await settlements.batches(cursor=page.next_cursor, limit=3)
    assert [each.batch_id for each in rest.items] == [f"{FIRST}.1"]
    unwound = await settlements.batches(state=BatchState.UNWOUND, cycle_id=FIRST, limit=9)
    assert [each.number for each in unwound.items] == [2, 1]
    rejected = await settlements.batches(state=BatchState.REJECTED, limit=9)
    assert [each.reason for each in rejected.items] == ["rates"]


async def test_a_settlement_is_found_by_its_own_id_and_by_its_batches(
    story: Story, settlements: SettlementReads
) -> None:
    found = await settlements.settlement(SECOND)
    assert found is not None
    assert await settlements.settlement(f"{SECOND}.1") == found
    told = found.settlement
    assert (told.state, told.reason, told.breaks, told.missing) == ("reversed", "fraud", 1, 0)
    assert told.failed_instructions == [f"{SECOND}:bora:EUR"]
    pay_in, position, gross = found.instructions
    assert (pay_in.direction, pay_in.state) == ("in", InstructionState.SETTLED)
    assert (pay_in.rail_reference, pay_in.charges_minor) == ("R-1", 3)
    assert (position.state, gross.purpose) == (InstructionState.PLANNED, "gross")
    failed = await settlements.settlement(FIRST)
    assert failed is not None
    assert (failed.settlement.state, failed.settlement.code) == ("failed", "counterparty_failed")
    assert failed.settlement.instructions_count == len(failed.instructions) == 4
    assert failed.instructions[0].code == "counterparty_failed"


async def test_settlements_are_listed_by_state_bank_currency_and_time(
    story: Story, settlements: SettlementReads
) -> None:
    async def ids(**filters: Any) -> list[str]:
        page = await settlements.settlements(limit=9, **filters)
        return [each.settlement_id for each in page.items]

    found = await settlements.settlement(SECOND)
    assert found is not None
    planned = found.settlement.planned_at_us
    assert await ids() == [SECOND, FIRST]
    assert await ids(state=SettlementState.FAILED) == [FIRST]
    assert await ids(participant="bora", currency="USD") == [SECOND, FIRST]
    assert await ids(participant="cira") == []
    assert await ids(from_us=planned) == [SECOND]
    assert await ids(to_us=planned - 1) == [FIRST]


async def test_rails_and_members_are_told(story: Story, settlements: SettlementReads) -> None:
    rtgs, swift = await settlements.circuits()
    assert (rtgs.open, rtgs.until_us) == (False, None)
    assert (swift.open, swift.region, swift.reason) == (True, "us", "fails")
    committees = await settlements.committees()
    assert await settlements.committee() == committees[-1]
    assert await settlements.committee(committees[0].epoch) == committees[0]
    assert committees[0].members[0].public_key == "aa"
    (evidence,) = await settlements.evidence()
    assert (evidence.member_id, evidence.step) == ("m4", "prevote")
    certificates = await settlements.certificates(after=1, limit=2)
    assert [each.consensus_height for each in certificates] == [2, 3]
    rejected = await settlements.certificate("rtgs.9.1")
    assert rejected is not None
    assert (rejected.rejected, rejected.reason, rejected.certificate) == (True, "rates", "Y2VydA==")
    move = await settlements.instruction(f"{SECOND}:alba:EUR")
    assert move is not None
    assert len(move.attempts) == 1


# -- risk ------------------------------------------------------------------------------------------


async def test_limits_that_were_taken_away_are_not_told(story: Story, risk: RiskReads) -> None:
    (limit,) = await risk.limits()
    assert (limit.scope, limit.amount_minor) == ("bilateral", 900)
    assert await risk.limits(currency="USD") == []
    assert await risk.limits(participant="alba") == [limit]
    (threshold,) = await risk.thresholds()
    assert threshold.used_ppm == 800_000


async def test_an_exposure_that_is_closed_is_not_told(
    postgres: str, story: Story, risk: RiskReads
) -> None:
    assert await risk.exposures() == []


async def test_an_alert_tells_when_it_was_cleared(story: Story, risk: RiskReads) -> None:
    page = await risk.alerts(limit=5)
    (alert,) = page.items
    assert (alert.used_minor, alert.limit_minor) == (800, 900)
    assert alert.cleared_at_us is not None
    assert alert.cleared_at_us > alert.raised_at_us
    assert (await risk.alerts(open_only=True, limit=5)).items == []


async def test_liquidity_is_what_waits_and_what_has_not_moved(
    story: Story, risk: RiskReads
) -> None:
    found = await risk.liquidity()
    (window,) = found.windows
    assert (window.cycle_id, window.payer, window.amount_minor, window.count) == (
        "later",
        "cira",
        100,
        1,
    )
    moving = {(each.settlement_id, each.currency, each.direction) for each in found.instructions}
    assert moving == {
        (FIRST, "EUR", "out"),
        (SECOND, "EUR", "out"),
        (SECOND, "USD", "out"),
    }
    assert found.height == story.memory.height
    assert (await risk.liquidity(currency="JPY")).instructions == []
