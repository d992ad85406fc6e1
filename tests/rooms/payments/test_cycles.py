"""What becomes of the payments of a cycle: closed, batched, deferred, settled, or given back?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nostro.kernel.messages import Event, Tick
from nostro.payments import (
    AssignBatch,
    BatchAssigned,
    CancelPayment,
    CycleItem,
    DeferPayments,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    ReversePayments,
    SettleBatches,
    Settled,
    SuspendParticipant,
    UnwindCycle,
    Window,
    WindowClosed,
    cycles,
    reversal,
)
from nostro.payments.schedule import GROSS_RETRY_US
from nostro.payments.settlement import RETRIES_MAX
from tests.rooms.payments.play import Play, at, pay, submit

CYCLE = "2026-01-05T1600Z"
NEXT = "2026-01-06T1600Z"


def ids(events: Sequence[Event]) -> list[str]:
    """Return the transaction ids that the items of events name, in order."""
    return [
        item[0] if isinstance(item, tuple) else item.transaction_id
        for event in events
        for item in getattr(event, "items", [])
    ]


def closed(*names: str, **given: Any) -> Play:
    """A room whose cycle CYCLE has closed with these payments."""
    play = Play(**given).opened()
    play.when(submit(*map(pay, names)))
    [window] = play.until("16:00:00")
    assert window.cycle_id == CYCLE
    return play


def batched(*names: str, **given: Any) -> Play:
    """A room with these payments in the one batch `b` of CYCLE."""
    play = closed(*names, **given)
    items = [(name, 100) for name in names]
    play.when(AssignBatch(cycle_id=CYCLE, batch_id="b", items=items))
    return play


def settled(*names: str, **given: Any) -> Play:
    """A room that has settled these payments with CYCLE."""
    play = batched(*names, **given)
    play.when(SettleBatches(cycle_id=CYCLE, batch_ids=["b"]))
    return play.settle()


# -- closing ---------------------------------------------------------------------------------------


def test_nothing_is_due_while_nothing_waits() -> None:
    play = Play().opened()
    assert play.room.due(play.state) is None
    assert play.when(Tick()) == []


def test_a_cycle_closes_when_its_cut_off_has_come_and_not_before() -> None:
    play = Play().opened()
    play.when(submit(pay("a", priority=2)))
    play.at_us = at("10:30:00")
    play.when(submit(pay("b")))
    assert play.room.due(play.state) == at("16:00:00")
    play.at_us = at("15:59:59")
    assert play.when(Tick()) == []
    play.at_us = at("16:00:03")
    [event] = play.when(Tick())
    assert event == WindowClosed(
        CYCLE,
        False,
        at("16:00:00"),
        "2026-01-05",
        [
            CycleItem("a", "ALFA", "EUR", 10_000, "BETA", "EUR", 2, at("10:00:00"), 0),
            CycleItem("b", "ALFA", "EUR", 10_000, "BETA", "EUR", 5, at("10:30:00"), 0),
        ],
    )
    assert play.when(Tick()) == []
    assert play.room.due(play.state) is None
    play.check_memory()


def test_a_late_tick_closes_every_cycle_in_the_order_of_cut_offs() -> None:
    play = Play().opened()
    play.when(submit(pay("t2", window=Window.T2), pay("t0"), pay("t1", window=Window.T1)))
    play.at_us = at("2026-01-08T10:00:00")
    events = play.when(Tick())
    assert ids(events) == ["t0", "t1", "t2"]
    play.check_memory()


def test_a_payment_after_a_late_clock_does_not_join_a_closed_cycle() -> None:
    play = Play().opened()
    play.when(submit(pay("a")))
    play.until("16:00:00")
    play.at_us = at("15:59:00")  # another engine, whose clock is behind
    play.when(submit(pay("b")))
    assert play.body["payment"]["cycle_id"] == NEXT


def test_gross_payments_since_the_last_tick_are_one_cycle() -> None:
    play = Play().opened()
    play.when(submit(pay("a", window=Window.RTGS)))
    first = f"rtgs.{play.height}"
    play.at_us += 1_000
    play.when(submit(pay("b", window=Window.RTGS), pay("c")))
    play.check_memory()
    play.reloaded().check_memory()
    [event] = play.when(Tick())
    assert isinstance(event, WindowClosed)
    assert (event.cycle_id, event.gross, ids([event])) == (first, True, ["a", "b"])
    play.when(submit(pay("d", window=Window.RTGS)))
    assert play.body["payment"]["cycle_id"] == f"rtgs.{play.height}"
    play.check_memory()


def test_a_gross_cycle_that_was_emptied_is_not_joined() -> None:
    play = Play().opened()
    play.when(submit(pay("a", window=Window.RTGS)))
    play.when(CancelPayment(transaction_id="a"))
    play.when(submit(pay("b", window=Window.RTGS)))
    assert play.body["payment"]["cycle_id"] == f"rtgs.{play.height}"
    play.check_memory()


def test_a_full_cycle_has_another_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycles, "CYCLE_MAX", 3)
    monkeypatch.setattr(cycles, "GROSS_MAX", 3)
    play = Play().opened()
    for start in range(0, 6, 2):
        names = [f"p{start}", f"p{start + 1}"]
        play.when(submit(*map(pay, names), pay(f"g{start}", window=Window.RTGS)))
    assert sorted(play.state.cycles) == sorted(
        [CYCLE, f"{CYCLE}-2", f"{CYCLE}-3", *(f"rtgs.{height}" for height in (4, 5, 6))]
    )
    windows = play.until("16:00:00")
    assert [len(window.items) for window in windows] == [1, 1, 1, 2, 2, 2]
    play.check_memory()


# -- batches ---------------------------------------------------------------------------------------


def test_payments_of_a_closed_cycle_are_put_into_batches_once() -> None:
    play = closed("a", "b", "c")
    assign = AssignBatch(cycle_id=CYCLE, batch_id=f"{CYCLE}.1", items=[("b", 7), ("a", 8)])
    assert play.when(assign) == [BatchAssigned(CYCLE, f"{CYCLE}.1", [("b", 7), ("a", 8)])]
    assert play.when(assign) == []
    play.check_memory()
    for cycle_id, name, code in (
        (CYCLE, "a", "payments.not_in_cycle"),
        (CYCLE, "z", "payments.not_in_cycle"),
        (NEXT, "c", "payments.cycle_unknown"),
    ):
        wrong = AssignBatch(cycle_id=cycle_id, batch_id="other", items=[(name, 1)])
        assert play.refused(wrong).code == code


def test_a_cycle_settles_as_a_whole_and_once() -> None:
    play = closed("a", "b")
    play.when(AssignBatch(cycle_id=CYCLE, batch_id="1", items=[("b", 7)]))
    play.when(AssignBatch(cycle_id=CYCLE, batch_id="2", items=[("a", 8)]))
    part = SettleBatches(cycle_id=CYCLE, batch_ids=["1"])
    assert play.refused(part).code == "payments.batches_differ"
    settle = SettleBatches(cycle_id=CYCLE, batch_ids=["1", "2"])
    assert play.when(settle) == [
        PaymentsSettled(CYCLE, "1", [Settled("b", "ALFA", "EUR", 10_000, "BETA", "EUR", 7)]),
        PaymentsSettled(CYCLE, "2", [Settled("a", "ALFA", "EUR", 10_000, "BETA", "EUR", 8)]),
    ]
    assert play.when(settle) == []
    unknown = SettleBatches(cycle_id=NEXT, batch_ids=["1"])
    assert play.refused(unknown).code == "payments.cycle_unknown"
    assert play.state.payments == {}
    assert play.state.closed == {}
    play.check_memory()


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_a_cycle_that_settled_long_ago_is_known_to_have(hot_max: int) -> None:
    play = settled("a", hot_max=hot_max)
    assert play.when(SettleBatches(cycle_id=CYCLE, batch_ids=["b"])) == []


# -- deferral --------------------------------------------------------------------------------------


def test_a_deferred_payment_waits_for_the_next_cycle_with_its_reason() -> None:
    play = closed("a", "b")
    defer = DeferPayments(cycle_id=CYCLE, deferred=[("b", "liquidity")])
    close = at("2026-01-06T16:00:00")
    assert play.when(defer) == [PaymentsDeferred(CYCLE, [("b", "liquidity", NEXT, close)])]
    assert play.when(defer) == []
    assert play.when(DeferPayments(cycle_id="unknown", deferred=[("b", "x")])) == []
    play.when(submit(pay("c")))
    play.check_memory()
    [window] = play.until("2026-01-06T16:00:00")
    assert [(item.transaction_id, item.retries) for item in window.items] == [("b", 1), ("c", 0)]
    assert window.items[0].accepted_at_us == at("10:00:00")
    play.check_memory()


def test_a_deferred_payment_can_be_taken_back() -> None:
    play = closed("a")
    play.when(DeferPayments(cycle_id=CYCLE, deferred=[("a", "liquidity")]))
    assert play.state.closed == {}
    assert play.when(CancelPayment(transaction_id="a"))
    assert play.room.due(play.state) is None
    play.check_memory()


def test_a_deferred_gross_payment_waits_in_a_cycle_of_its_own() -> None:
    play = Play().opened()
    play.when(submit(pay("a", window=Window.RTGS)))
    [window] = play.until("10:00:00")
    play.when(DeferPayments(cycle_id=window.cycle_id, deferred=[("a", "liquidity")]))
    own = f"rtgs.{play.height}"
    play.when(submit(pay("b", window=Window.RTGS)))
    [soon] = play.until("10:00:01")
    assert ids([soon]) == ["b"]
    assert play.room.due(play.state) == at("10:00:00") + GROSS_RETRY_US
    [later] = play.until("10:02:00")
    assert (later.cycle_id, later.gross, ids([later])) == (own, True, ["a"])
    play.check_memory()


def test_a_payment_that_was_deferred_too_often_fails() -> None:
    play = Play().opened()
    play.when(submit(pay("a", window=Window.RTGS)))
    for _ in range(RETRIES_MAX):
        [window] = play.until("11:00:00")
        play.at_us = at("10:00:00")
        play.when(DeferPayments(cycle_id=window.cycle_id, deferred=[("a", "liquidity")]))
    [window] = play.until("12:00:00")
    assert window.items[0].retries == RETRIES_MAX
    [failed] = play.when(DeferPayments(cycle_id=window.cycle_id, deferred=[("a", "liquidity")]))
    assert isinstance(failed, PaymentsFailed)
    assert [item.reason for item in failed.items] == ["payments.deferred_too_often"]
    assert play.state.payments == {}
    play.check_memory()


def test_a_payment_of_a_suspended_bank_is_not_deferred_but_fails() -> None:
    play = closed("a")
    play.when(SuspendParticipant(participant_id="ALFA"))
    [failed] = play.when(DeferPayments(cycle_id=CYCLE, deferred=[("a", "liquidity")]))
    assert isinstance(failed, PaymentsFailed)
    assert [item.reason for item in failed.items] == ["payments.participant_suspended"]


def test_a_payment_beyond_the_calendars_fails_instead_of_waiting_for_ever() -> None:
    play = Play().opened()
    play.at_us = at("2026-02-27T10:00:00")
    play.when(submit(pay("a")))
    [window] = play.until("2026-02-27T16:00:00")
    play.at_us = at("2026-03-20T16:00:00")
    [failed] = play.when(DeferPayments(cycle_id=window.cycle_id, deferred=[("a", "liquidity")]))
    assert isinstance(failed, PaymentsFailed)
    assert [item.reason for item in failed.items] == ["payments.value_date_too_far"]


# -- unwinding -------------------------------------------------------------------------------------


def three_banks() -> Play:
    """A closed cycle in which BETA, which will fail, is payee, payer and neither."""
    play = Play().opened()
    play.when(
        submit(
            pay("to-beta"),
            pay("to-gama", counterparty_id="GAMA"),
            pay("of-beta", source_account="vostro:BETA:EUR", counterparty_id="ALFA"),
        )
    )
    play.until("16:00:00")
    items = [("to-beta", 1), ("to-gama", 1), ("of-beta", 1)]
    play.when(AssignBatch(cycle_id=CYCLE, batch_id="b", items=items))
    return play


def test_a_failed_counterparty_fails_its_own_payments_and_defers_the_others() -> None:
    play = three_banks()
    unwind = UnwindCycle(
        cycle_id=CYCLE, participant_id="BETA", fail=True, reason="counterparty_failed"
    )
    [failed, deferred] = play.when(unwind)
    assert isinstance(failed, PaymentsFailed)
    assert isinstance(deferred, PaymentsDeferred)
    assert (ids([failed]), ids([deferred])) == (["to-beta", "of-beta"], ["to-gama"])
    assert {item.reason for item in failed.items} == {"counterparty_failed"}
    assert play.when(unwind) == []
    assert play.state.closed == {}
    play.check_memory()
    assert play.when(CancelPayment(transaction_id="to-gama"))


def test_a_shortfall_defers_all_and_those_of_who_was_short_longer() -> None:
    play = three_banks()
    unwind = UnwindCycle(cycle_id=CYCLE, participant_id="BETA", reason="liquidity")
    first, second = play.when(unwind)
    assert (ids([first]), ids([second])) == (["to-gama"], ["to-beta", "of-beta"])
    [window] = play.until("2026-01-06T16:00:00")
    assert ids([window]) == ["to-gama"]
    windows = play.until("2026-01-07T16:00:00")
    assert [ids([each]) for each in windows][-1] == ["to-beta", "of-beta"]
    play.check_memory()


def test_what_is_settled_or_unknown_is_not_unwound() -> None:
    play = settled("a")
    for cycle_id in (CYCLE, "unknown"):
        assert play.when(UnwindCycle(cycle_id=cycle_id, reason="late")) == []


# -- reversal --------------------------------------------------------------------------------------


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_named_payments_are_reversed_once_the_last_first(hot_max: int) -> None:
    play = settled("a", "b", "c", hot_max=hot_max)
    reverse = ReversePayments(cycle_id=CYCLE, transaction_ids=["a", "c", "z"], reason="fraud")
    [event] = play.when(reverse, actor="operator")
    assert isinstance(event, PaymentsReversed)
    assert (ids([event]), event.reason, event.actor) == (["c", "a"], "fraud", "operator")
    assert event.items[0] == Settled("c", "ALFA", "EUR", 10_000, "BETA", "EUR", 100)
    assert play.body == {"reversed": 2, "missing": ["z"]}
    play.settle()
    assert play.when(reverse) == []
    play.settle()
    assert ids(play.when(ReversePayments(cycle_id=CYCLE, reason="all"))) == ["b"]
    play.settle()
    assert play.when(ReversePayments(cycle_id=CYCLE, reason="all")) == []
    play.check_memory()


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_as_many_as_fit_into_what_was_not_paid_out_are_reversed(hot_max: int) -> None:
    play = Play(hot_max=hot_max).opened()
    play.when(
        submit(
            pay("a"),
            pay("b", counterparty_id="GAMA"),
            pay("c"),
            pay("d", destination_currency="USD"),
            pay("e"),
            pay("f"),
        )
    )
    play.until("16:00:00")
    sizes = {"a": 30, "b": 10, "c": 40, "d": 10, "e": 60, "f": 50}
    play.when(AssignBatch(cycle_id=CYCLE, batch_id="b", items=list(sizes.items())))
    play.when(SettleBatches(cycle_id=CYCLE, batch_ids=["b"]))
    play.settle()
    reverse = ReversePayments(
        cycle_id=CYCLE, participant_id="BETA", currency="EUR", up_to_minor=95, reason="failed"
    )
    assert ids(play.when(reverse)) == ["f", "c"]  # e is too large after f, a after c
    play.settle()
    assert play.when(reverse) == []
    other = ReversePayments(
        cycle_id=CYCLE, participant_id="BETA", currency="USD", up_to_minor=9, reason="failed"
    )
    assert play.when(other) == []
    play.check_memory()


def test_a_large_reversal_is_told_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reversal, "REVERSED_MAX", 2)
    play = settled("a", "b", "c", hot_max=0)
    parts = play.when(ReversePayments(cycle_id=CYCLE, reason="all"))
    assert [ids([part]) for part in parts] == [["c", "b"], ["a"]]
    play.settle()
    assert play.when(ReversePayments(cycle_id=CYCLE, reason="all")) == []
    play.check_memory()


def test_a_cycle_that_nobody_knows_is_not_reversed_and_said_so() -> None:
    play = Play().opened()
    assert play.when(ReversePayments(cycle_id="never", reason="r", transaction_ids=["a"])) == []
    assert play.body == {"reversed": 0, "missing": ["a"], "cycle_unknown": True}


def test_a_reversal_that_a_flow_orders_finds_its_cycle_in_memory_after_a_restart() -> None:
    play = settled("a", "b").reloaded()
    reverse = ReversePayments(cycle_id=CYCLE, transaction_ids=["a"], reason="r")
    assert play.room.cold(play.state, reverse) == []
    assert ids(play.when(reverse)) == ["a"]
    assert play.reloaded().when(reverse) == []
