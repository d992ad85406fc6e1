"""Which plans are taken, and what becomes of those that are not?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from nostro.netting import (
    BATCH_MAX,
    INDICATIVE,
    NO_RATES,
    REPORT_OF_NOTHING,
    BatchCreated,
    BatchOptimized,
    Caps,
    CloseCycle,
    CycleClosed,
    CycleOpened,
    FxTrade,
    Obligation,
    OpenCycle,
    Plan,
    PlanRefused,
    Position,
    Rate,
    RatePolicy,
    RecordPlan,
    freeze,
)
from tests.rooms.netting.room.play import CYCLE, NOW_US, RATES, TARIFF, Play, drawn, planned

TWENTY = drawn(20)


def changed(plan: Plan, **fields: Any) -> RecordPlan:
    return RecordPlan(plan=msgspec.structs.replace(plan, **fields))


def test_a_plan_for_a_cycle_that_never_was_is_refused() -> None:
    no = Play().refused(RecordPlan(plan=planned(TWENTY)))
    assert no.code == "netting.cycle_unknown"


def test_a_cycle_without_payments_is_closed_at_once() -> None:
    play = Play()
    command = OpenCycle(cycle_id=CYCLE, gross=False, value_date="2026-11-20", obligations=[])
    assert play.when(command) == [CycleClosed(CYCLE, "empty")]
    assert play.refused(command).code == "netting.cycle_exists"


def test_a_cycle_is_opened_once() -> None:
    play = Play().opened(TWENTY)
    (event,) = play.events
    assert event == CycleOpened(CYCLE, False, "2026-11-20", TWENTY, Caps())
    again = OpenCycle(cycle_id=CYCLE, gross=False, value_date="2026-11-20", obligations=TWENTY)
    assert play.refused(again).code == "netting.cycle_exists"


def test_a_plan_becomes_batches_in_the_order_of_the_payments() -> None:
    obligations = drawn(2 * BATCH_MAX + 1)
    play = Play().opened(obligations)
    plan = planned(obligations)
    *batches, optimised = play.when(RecordPlan(plan=plan))
    assert all(isinstance(batch, BatchCreated) for batch in batches)
    assert [(b.batch_id, b.number, b.of, len(b.items)) for b in batches] == [  # type: ignore[attr-defined]
        (f"{CYCLE}.1", 1, 3, BATCH_MAX),
        (f"{CYCLE}.2", 2, 3, BATCH_MAX),
        (f"{CYCLE}.3", 3, 3, 1),
    ]
    items = [item.transaction_id for batch in batches for item in batch.items]  # type: ignore[attr-defined]
    assert items == [each.transaction_id for each in obligations]
    assert isinstance(optimised, BatchOptimized)
    assert optimised.batch_ids == [f"{CYCLE}.{number}" for number in (1, 2, 3)]
    assert optimised.positions == plan.positions
    play.check_memory()


def test_a_plan_told_twice_is_taken_once_also_after_the_cycle_has_left_memory() -> None:
    play = Play(closed_hot_max=0).opened(TWENTY)
    record = RecordPlan(plan=planned(TWENTY))
    play.when(record)
    assert play.when(record) == []
    (closed,) = play.when(CloseCycle(cycle_id=CYCLE, outcome="settled"))
    assert closed == CycleClosed(CYCLE, "settled", record.plan.fx_trades)
    assert play.when(record) == []
    play.room.settle(play.state, play.height)
    assert play.state.closed.hot_count == 0
    assert play.when(record) == []
    assert play.body["exists"]
    assert play.when(CloseCycle(cycle_id=CYCLE, outcome="settled")) == []
    play.check_memory()


def test_a_cycle_that_is_unwound_trades_nothing() -> None:
    play = Play().opened(TWENTY)
    play.when(RecordPlan(plan=planned(TWENTY)))
    closed = play.when(CloseCycle(cycle_id=CYCLE, outcome="unwound"))
    assert closed == [CycleClosed(CYCLE, "unwound", [])]


def test_a_cycle_is_not_closed_before_its_plan() -> None:
    play = Play().opened(TWENTY)
    no = play.refused(CloseCycle(cycle_id=CYCLE, outcome="settled"))
    assert no.code == "netting.cycle_not_planned"


def test_gross_payments_are_told_with_what_their_payee_receives() -> None:
    obligations = [Obligation("one", "A", "EUR", 1_000, "B", "USD")]
    play = Play().opened(obligations, gross=True)
    *_, optimised = play.when(RecordPlan(plan=planned(obligations, gross=True)))
    assert isinstance(optimised, BatchOptimized)
    assert optimised.gross == [("one", "B", "USD", 1_117)]
    assert optimised.positions == []


def test_in_a_gross_cycle_nothing_is_netted() -> None:
    play = Play().opened(TWENTY, gross=True)
    no = play.refused(RecordPlan(plan=planned(TWENTY)))
    assert (no.code, no.facts["where"]) == ("netting.plan_wrong", "gross")


def test_a_plan_in_which_all_wait_makes_no_batch_and_needs_no_rates() -> None:
    play = Play().opened(TWENTY)
    plan = Plan(
        cycle_id=CYCLE,
        rate_set=NO_RATES,
        deferred=[(each.transaction_id, "netting.rates_unavailable") for each in TWENTY],
        positions=[],
        fx_trades=[],
        report=REPORT_OF_NOTHING,
    )
    (optimised,) = play.when(RecordPlan(plan=plan))
    assert isinstance(optimised, BatchOptimized)
    assert (optimised.batch_ids, optimised.deferred) == ([], plan.deferred)
    assert play.when(CloseCycle(cycle_id=CYCLE, outcome="empty")) == [CycleClosed(CYCLE, "empty")]


# -- wrong plans -----------------------------------------------------------------------------------

RIGHT = planned(TWENTY)
NAMES = [each.transaction_id for each in TWENTY]
FORGED = msgspec.structs.replace(RATES, rates=[Rate("EUR", "USD", 12, 10), RATES.rates[1]])
NO_USD = freeze(
    provider="test", kind="reference", as_of_us=NOW_US, fetched_at_us=NOW_US, rates=[RATES.rates[0]]
)


def _shifted(position: Position, by: int) -> Position:
    return Position(position.participant, position.currency, position.net_minor + by)


def _doubled(trade: FxTrade) -> FxTrade:
    return FxTrade(
        trade.sell_currency, 2 * trade.sell_minor, trade.buy_currency, 2 * trade.buy_minor
    )


def _dearer(trade: FxTrade) -> FxTrade:
    bought = trade.buy_minor - trade.buy_minor // 1_000
    return FxTrade(trade.sell_currency, trade.sell_minor, trade.buy_currency, bought)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("membership", {"deferred": [("other", "why")]}),
    ("membership", {"deferred": [(NAMES[0], "")]}),
    ("membership", {"deferred": [(NAMES[1], "why"), (NAMES[0], "why")]}),
    ("membership", {"deferred": [(NAMES[1], "why"), (NAMES[1], "why")]}),
    ("membership", {"gross": ["other"]}),
    ("membership", {"gross": [NAMES[1], NAMES[0]]}),
    ("membership", {"gross": [NAMES[0]], "deferred": [(NAMES[0], "why")]}),
    ("positions", {"deferred": [(NAMES[0], "why")]}),
    ("positions", {"positions": RIGHT.positions[1:]}),
    ("positions", {"positions": RIGHT.positions[::-1]}),
    ("positions", {"positions": [_shifted(RIGHT.positions[0], 1), *RIGHT.positions[1:]]}),
    ("rate_set", {"rate_set": FORGED}),
    ("fx_trades", {"fx_trades": [FxTrade("EUR", 0, "USD", 0)]}),
    ("fx_trades", {"fx_trades": [FxTrade("EUR", 5, "EUR", 5)]}),
    ("fx_trades", {"fx_trades": [_dearer(RIGHT.fx_trades[0]), *RIGHT.fx_trades[1:]]}),
    ("fx_position", {"fx_trades": []}),
    ("fx_position", {"fx_trades": [_doubled(RIGHT.fx_trades[0]), *RIGHT.fx_trades[1:]]}),
    ("report", {"report": msgspec.structs.replace(RIGHT.report, cost_minor=1)}),
    ("report", {"report": msgspec.structs.replace(RIGHT.report, wires_before=21)}),
    ("report", {"report": msgspec.structs.replace(RIGHT.report, saving_ppm=999_999)}),
    ("report", {"report": msgspec.structs.replace(RIGHT.report, currency="EUR")}),
    ("report", {"report": msgspec.structs.replace(RIGHT.report, lower_bound_minor=10**9)}),
]


@pytest.mark.parametrize(("where", "fields"), WRONG)
def test_a_wrong_plan_is_refused_and_another_one_asked_for(
    where: str, fields: dict[str, Any]
) -> None:
    play = Play().opened(TWENTY)
    no = play.refused(changed(RIGHT, **fields))
    assert (no.code, no.facts["where"]) == ("netting.plan_wrong", where)
    refused = PlanRefused(CYCLE, "netting.plan_wrong", 1, False, "2026-11-20", TWENTY, Caps())
    assert play.events == [refused]
    assert len(play.when(RecordPlan(plan=RIGHT))) == 2
    play.check_memory()


def test_a_rate_that_is_missing_refuses_the_plan() -> None:
    play = Play().opened(TWENTY)
    assert play.refused(changed(RIGHT, rate_set=NO_USD)).code == "netting.rate_missing"
    elsewhere = [*RIGHT.fx_trades, FxTrade("EUR", 5, "CHF", 5)]
    assert play.refused(changed(RIGHT, fx_trades=elsewhere)).code == "netting.rate_missing"


def test_a_payment_of_which_nothing_would_arrive_cannot_settle() -> None:
    obligations = [*TWENTY, Obligation("dust", "BANK01", "JPY", 1, "BANK02", "USD")]
    rates = freeze(
        provider="test",
        kind="reference",
        as_of_us=NOW_US,
        fetched_at_us=NOW_US,
        rates=[Rate("EUR", "USD", 1, 1), Rate("JPY", "USD", 1, 2)],
    )
    play = Play().opened(obligations)
    plan = planned(obligations, rates=rates)
    assert plan.deferred == [("dust", "netting.amount_too_small")]
    assert play.refused(changed(plan, deferred=[])).facts["where"] == "amount"
    play.when(RecordPlan(plan=plan))


def test_a_plan_that_nets_into_a_loss_is_refused() -> None:
    lone = [Obligation("one", "A", "EUR", 1_000, "B", "EUR")]
    right = planned(lone)
    assert right.gross == ["one"]
    play = Play().opened(lone)
    wrong = changed(
        right, gross=[], positions=[Position("A", "EUR", -1_000), Position("B", "EUR", 1_000)]
    )
    assert play.refused(wrong).facts["where"] == "cost"


@pytest.mark.parametrize(
    ("where", "caps"),
    [
        ("net_debit_cap", Caps(net_debit=[("A", "EUR", 69)])),
        ("net_debit_cap", Caps(net_debit=[("A", "EUR", -5)])),
        ("bilateral_limit", Caps(bilateral=[("A", "B", "EUR", 69)])),
        ("platform_liquidity", Caps(platform=[("USD", 109)])),
    ],
)
def test_a_plan_that_breaks_a_cap_is_refused(where: str, caps: Caps) -> None:
    obligations = [
        Obligation("1", "A", "EUR", 100, "B", "USD"),
        Obligation("2", "B", "EUR", 30, "A", "EUR"),
    ]
    play = Play().opened(obligations, caps=caps)
    assert play.refused(RecordPlan(plan=planned(obligations))).facts["where"] == where
    kept = RecordPlan(plan=planned(obligations, caps=caps))
    assert isinstance(play.when(kept)[-1], BatchOptimized)


def test_after_five_refused_plans_all_payments_wait() -> None:
    play = Play().opened(TWENTY)
    wrong = changed(RIGHT, positions=[])
    for attempt in range(1, 5):
        play.refused(wrong)
        (event,) = play.events
        assert isinstance(event, PlanRefused)
        assert event.attempt == attempt
    (optimised,) = play.when(wrong)
    assert isinstance(optimised, BatchOptimized)
    assert optimised.batch_ids == []
    assert optimised.deferred == [(each, "netting.plan_wrong") for each in NAMES]
    play.check_memory()


# -- rates by age ----------------------------------------------------------------------------------


def test_stale_rates_refuse_the_plan_and_history_does_not() -> None:
    later = NOW_US + 6 * 86_400 * 1_000_000
    play = Play().opened(TWENTY)
    assert play.refused(RecordPlan(plan=RIGHT), at_us=later).code == "netting.rates_stale"
    history = Play(rate_policy=RatePolicy.off()).opened(TWENTY)
    history.when(RecordPlan(plan=RIGHT), at_us=later)
    assert history.body["rates"] == "not_judged"


def test_old_indicative_rates_must_be_priced_with_wider_spreads() -> None:
    rates = freeze(
        provider="screen",
        kind=INDICATIVE,
        as_of_us=NOW_US,
        fetched_at_us=NOW_US,
        rates=RATES.rates,
    )
    later = NOW_US + 1_000 * 1_000_000
    play = Play().opened(TWENTY)
    narrow = RecordPlan(plan=planned(TWENTY, rates=rates))
    assert play.refused(narrow, at_us=later).facts["where"] == "report"
    policy = RatePolicy()
    wide = policy.tariff(TARIFF, policy.judge(rates, at_us=later))
    play.when(RecordPlan(plan=planned(TWENTY, rates=rates, tariff=wide)), at_us=later)
    assert play.body["rates"] == "widen"


# -- all plans of the optimiser --------------------------------------------------------------------

banks = st.sampled_from("ABCD")
currencies = st.sampled_from(["EUR", "USD", "JPY"])
amounts = st.one_of(st.integers(500, 10**7), st.integers(10**15, 10**30))
payments = st.lists(st.tuples(banks, currencies, amounts, banks, currencies), max_size=30)
caps_drawn = st.builds(
    Caps,
    net_debit=st.lists(st.tuples(banks, currencies, st.integers(0, 10**7)), max_size=3),
    bilateral=st.lists(st.tuples(banks, banks, currencies, st.integers(0, 10**7)), max_size=3),
    platform=st.lists(st.tuples(currencies, st.integers(0, 10**7)), max_size=2),
)


@settings(deadline=None)
@given(payments, caps_drawn, st.booleans())
def test_every_plan_of_the_optimiser_is_taken(drawn: list[Any], caps: Caps, gross: bool) -> None:
    obligations = [
        Obligation(str(number), payer, source, amount, payee, target)
        for number, (payer, source, amount, payee, target) in enumerate(drawn)
        if payer != payee
    ]
    play = Play().opened(obligations, gross=gross, caps=caps)
    if obligations:
        play.when(RecordPlan(plan=planned(obligations, gross=gross, caps=caps)))
        assert isinstance(play.events[-1], BatchOptimized)
    play.check_memory()
