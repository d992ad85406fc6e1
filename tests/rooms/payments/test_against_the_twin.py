"""Whatever is ordered in whatever order: the room and the slow twin say the same, and every
accepted payment is in exactly one place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nostro.kernel.messages import Event, Tick
from nostro.payments import (
    ApproveReview,
    AssignBatch,
    CancelPayment,
    DeferPayments,
    NewPayment,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    RefusePayments,
    RejectReview,
    ResumeParticipant,
    ReversePayments,
    RollingSchedule,
    SettleBatches,
    Stage,
    SubmitPayments,
    SuspendParticipant,
    UnwindCycle,
    Window,
    WindowClosed,
)
from tests.rooms.payments.play import BANKS, Play, pay
from tests.rooms.payments.twin import UNDER_WAY, Twin

EVERY_US = 60_000_000
IDS_MAX = 39
PICK = st.integers(0, 10**6)


@st.composite
def payments(draw: st.DrawFn) -> NewPayment:
    """One of few payments, so that many come twice, some with another content."""
    number = draw(st.integers(0, IDS_MAX))
    payer, payee = BANKS[number % 3], BANKS[(number + 1 + number // 20) % 3]
    return pay(
        f"p{number}",
        amount_minor=draw(st.sampled_from([100, 100, 100, 200])),
        source_account=f"vostro:{payer}:EUR",
        counterparty_id=payee,
        window=list(Window)[number % 4],
        idempotency_key=draw(st.sampled_from(["", "", f"k{number}", "same"])),
        details=draw(st.sampled_from([None, None, {"a": "1", "b": "2"}])) if number == 7 else None,
        hits=["hit"] if number % 5 == 0 else None,
    )


def told(events: list[Event], kind: type[Event]) -> list[str]:
    """Return the transaction ids in events of a kind, in order."""
    return [
        item[0] if isinstance(item, tuple) else item.transaction_id
        for event in events
        if isinstance(event, kind)
        for item in event.items  # type: ignore[attr-defined]
    ]


class Lives(RuleBasedStateMachine):
    """Orders anything that clients, flows, operators and the clock may order."""

    def __init__(self) -> None:
        super().__init__()
        schedule = RollingSchedule(EVERY_US)
        self.play = Play(schedule)
        self.twin = Twin(schedule)

    @initialize(hot_max=st.sampled_from([0, 3, 1_000]))
    def begin(self, hot_max: int) -> None:
        self.play = Play(self.twin.schedule, hot_max=hot_max).opened()

    # -- clients -----------------------------------------------------------------------------------

    @rule(said=st.lists(payments(), min_size=2, max_size=12), poor=PICK)
    def submit(self, said: list[NewPayment], poor: int) -> None:
        before = set(self.twin.sheets)
        self.play.when(SubmitPayments(payments=said))
        expected = self.twin.submit(said, height=self.play.height, at_us=self.play.at_us)
        assert [[index, code] for index, code, _ in self.play.body["results"]] == expected
        new = [each for each in self.twin.sheets if each not in before]
        assert self.play.body["accepted"] == len(new)
        refused = [(each, "poor") for number, each in enumerate(new) if poor >> number & 3 == 3]
        if refused:
            self.play.when(RefusePayments(refused=refused), same_row=True)
            self.twin.end([each for each, _ in refused], "refused", "poor")

    @rule(payment=payments())
    def submit_alone(self, payment: NewPayment) -> None:
        height, at_us = self.play.height + 1, self.play.at_us
        expected = [code for _, code in self.twin.submit([payment], height=height, at_us=at_us)]
        code, body = self.play.answer(SubmitPayments(payments=[payment]))
        if code:
            assert [code] == expected
            return
        assert [each for _, each, _ in body["results"]] == expected
        first = self.twin.sheets[payment.transaction_id]
        assert body["payment"]["height"] == first.first_height

    @rule(number=st.integers(0, IDS_MAX))
    def cancel(self, number: int) -> None:
        expected = self.twin.cancel(f"p{number}")
        code, said = self.play.answer(CancelPayment(transaction_id=f"p{number}"))
        assert (code or said["state"]) == expected
        if expected == "payments.not_cancellable":
            assert said["state"] == self.twin.sheets[f"p{number}"].state

    # -- operators ---------------------------------------------------------------------------------

    @precondition(lambda self: self.twin._in("held"))
    @rule(pick=PICK, good=st.booleans())
    def review(self, pick: int, good: bool) -> None:
        held = self.twin._in("held")
        sheet = held[pick % len(held)]
        transaction_id = sheet.payment.transaction_id
        if not good:
            self.play.when(RejectReview(transaction_id=transaction_id), actor="chief")
            self.twin.end([transaction_id], "failed")
            return
        gross = self.twin._gross(self.play.at_us)
        [event] = self.play.when(ApproveReview(transaction_id=transaction_id), actor="chief")
        self.twin.places += 1
        sheet.state, sheet.place = "accepted", self.twin.places
        sheet.cycle_id, sheet.cut_off_at_us = self.play.body["cycle_id"], event.cut_off_at_us  # type: ignore[attr-defined]
        if sheet.payment.window is Window.RTGS:
            assert sheet.cycle_id == (gross or f"rtgs.{self.play.height}")
        else:
            assert 0 < sheet.cut_off_at_us - self.play.at_us <= EVERY_US

    @rule(bank=st.sampled_from(BANKS))
    def suspend_or_resume(self, bank: str) -> None:
        if bank in self.twin.suspended:
            self.play.when(ResumeParticipant(participant_id=bank))
            self.twin.suspended.remove(bank)
            return
        events = self.play.when(SuspendParticipant(participant_id=bank))
        assert sorted(told(events, PaymentsFailed)) == sorted(self.twin.suspend(bank))

    # -- the clock and the flows -------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0, 1, 30, 60, 200]))
    def tick(self, seconds: int) -> None:
        self.play.at_us += seconds * 1_000_000
        events = self.play.when(Tick())
        said = [
            (event.cycle_id, [item.transaction_id for item in event.items])
            for event in events
            if isinstance(event, WindowClosed)
        ]
        assert said == self.twin.close(self.play.at_us)
        due = self.play.room.due(self.play.state)
        waiting = [sheet.cut_off_at_us for sheet in self.twin._in("accepted")]
        assert due == (min(waiting) if waiting else None)

    @precondition(lambda self: self.twin.cycles("closed"))
    @rule(pick=PICK, mask=PICK)
    def plan(self, pick: int, mask: int) -> None:
        cycles = self.twin.cycles("closed")
        cycle_id = cycles[pick % len(cycles)]
        members = self.twin.members(cycle_id, "closed")
        batch = [each for number, each in enumerate(members) if mask >> number & 3]
        for number in (0, 1):
            items = [(each, 90) for each in batch[number::2]]
            if items:
                batch_id = f"{cycle_id}.{number}"
                self.play.when(AssignBatch(cycle_id=cycle_id, batch_id=batch_id, items=items))
                self.twin.assign(batch_id, items)
        rest = [each for each in members if each not in batch]
        deferred = [(each, "liquidity") for each in rest]
        events = self.play.when(DeferPayments(cycle_id=cycle_id, deferred=deferred))
        self._same_deferral(events, rest)

    @precondition(lambda self: self.twin.cycles("batched"))
    @rule(pick=PICK)
    def settle(self, pick: int) -> None:
        cycles = self.twin.cycles("batched")
        cycle_id = cycles[pick % len(cycles)]
        batch_ids = sorted(
            {self.twin.sheets[each].batch_id for each in self.twin.members(cycle_id, "batched")}
        )
        order = SettleBatches(cycle_id=cycle_id, batch_ids=batch_ids)
        events = self.play.when(order)
        assert sorted(told(events, PaymentsSettled)) == sorted(
            self.twin.settle(cycle_id, batch_ids)
        )
        assert self.play.when(order) == []

    @precondition(lambda self: self.twin.cycles("closed", "batched"))
    @rule(pick=PICK, fail=st.booleans(), bank=st.sampled_from(BANKS))
    def unwind(self, pick: int, fail: bool, bank: str) -> None:
        cycles = self.twin.cycles("closed", "batched")
        cycle_id = cycles[pick % len(cycles)]
        members = self.twin.members(cycle_id, "closed", "batched")
        order = UnwindCycle(cycle_id=cycle_id, participant_id=bank, fail=fail, reason="r")
        events = self.play.when(order)
        sheets = self.twin.sheets
        theirs = [
            each
            for each in members
            if bank in (sheets[each].payer, sheets[each].payment.counterparty_id)
        ]
        others = [each for each in members if each not in theirs]
        failed = list(theirs) if fail else []
        self.twin.end(failed, "failed")
        height, at_us = self.play.height, self.play.at_us
        said = told(events, PaymentsDeferred)
        first = [each for each in said if each in others]
        rest = [each for each in others if each not in first]
        taken: dict[str, int] = {}
        same = self.twin.defer(
            [*first, *rest], height=height, at_us=at_us, retries_max=2**31, taken=taken
        )
        assert same == (first, rest)
        failed += rest
        if not fail:
            later = max((sheets[each].cut_off_at_us for each in first), default=0)
            second = [each for each in said if each in theirs]
            left = [each for each in theirs if each not in second]
            after = max(at_us, later)
            same = self.twin.defer([*second, *left], height=height, at_us=after, taken=taken)
            assert same == (second, left)
            assert said == [*first, *second]
            failed += left
        assert sorted(told(events, PaymentsFailed)) == sorted(failed)
        assert self.play.when(order) == []

    def _same_deferral(
        self, events: list[Event], ids: list[str], also_failed: list[str] | None = None
    ) -> None:
        """In the order in which the room tells it."""
        said = told(events, PaymentsDeferred)
        rest = [each for each in ids if each not in said]
        at_us, height = self.play.at_us, self.play.height
        assert self.twin.defer([*said, *rest], height=height, at_us=at_us) == (said, rest)
        assert sorted(told(events, PaymentsFailed)) == sorted([*rest, *(also_failed or [])])

    @precondition(lambda self: self.twin.cycles("settled", "reversed"))
    @rule(pick=PICK, mode=st.sampled_from(["all", "named", "fitting"]), up_to=PICK)
    def reverse(self, pick: int, mode: str, up_to: int) -> None:
        cycles = self.twin.cycles("settled", "reversed")
        cycle_id = cycles[pick % len(cycles)]
        members = self.twin.members(cycle_id, "settled", "reversed")
        said: dict[str, Any] = {}
        expected = set(members)
        if mode == "named":
            expected = set(members[:: 1 + pick % 3]) | {"stranger"}
            said["transaction_ids"] = sorted(expected)
        order = ReversePayments(cycle_id=cycle_id, reason="r", **said)
        if mode == "fitting":
            self._reverse_what_fits(cycle_id, members, up_to % 400)
            return
        gone = told(self.play.when(order), PaymentsReversed)
        assert set(gone) == self.twin.reverse(cycle_id, expected)
        assert self.play.when(order) == []

    def _reverse_what_fits(self, cycle_id: str, members: list[str], up_to_minor: int) -> None:
        bank = BANKS[up_to_minor % 3]
        order = ReversePayments(
            cycle_id=cycle_id,
            participant_id=bank,
            currency="EUR",
            up_to_minor=up_to_minor,
            reason="r",
        )
        sheets = self.twin.sheets
        credited = [each for each in members if sheets[each].payment.counterparty_id == bank]
        before = [each for each in credited if sheets[each].state == "reversed"]
        gone = told(self.play.when(order), PaymentsReversed)
        assert set(gone) <= set(credited)
        room = max(0, up_to_minor - 90 * len(before)) // 90
        assert len(gone) == min(room, len(credited) - len(before))
        assert self.twin.reverse(cycle_id, gone) == set(gone)
        assert self.play.when(order) == []

    # -- memory ------------------------------------------------------------------------------------

    @rule()
    def become_durable(self) -> None:
        self.play.settle()

    @rule()
    def restart(self) -> None:
        self.play = self.play.reloaded()

    @invariant()
    def every_accepted_payment_is_in_exactly_one_place(self) -> None:
        state = self.play.state
        under_way = {sheet.payment.transaction_id: sheet for sheet in self.twin._in(*UNDER_WAY)}
        assert state.payments.keys() == under_way.keys()
        for transaction_id, sheet in under_way.items():
            payment = state.payments[transaction_id]
            assert (payment.stage, payment.retries) == (sheet.state, sheet.retries)
            if sheet.state != "held":
                assert payment.cycle_id == sheet.cycle_id
                assert payment.cut_off_at_us == sheet.cut_off_at_us
        places = ((state.cycles, ("accepted",)), (state.closed, ("closed", "batched")))
        for cycles, states in places:
            assert sorted(cycles) == self.twin.cycles(*states)
            for cycle_id, cycle in cycles.items():
                members = self.twin.members(cycle_id, *states)
                inside = cycle.members(*map(Stage, states))
                assert [each.item.transaction_id for each in inside] == members
                assert cycle.count == len(members)

    def teardown(self) -> None:
        self.play.check_memory()


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLives = pytest.mark.slow(Lives.TestCase)
