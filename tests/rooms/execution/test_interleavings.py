"""Whatever order news comes in, doubled, late, lost or contradicting itself: does money move once,
and does every settlement end once faults stop?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from nostro.execution import (
    AttemptStarted,
    CertifyBatch,
    ConfirmSettlement,
    Direction,
    ExecutionPolicy,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    NoteOutcome,
    OutcomeAsked,
    OutcomeKind,
    PlanSettlement,
    Purpose,
    SetRailState,
    SettlementConfirmed,
    SettlementFailed,
    StartPayOuts,
)
from nostro.kernel.messages import Event, Rejection, Tick
from tests.rooms.execution.play import EAST, SWIFT, WEST, Play, pay_in, pay_out

CODES = (
    "liquidity",
    "closed",
    "limit",
    "counterparty_unavailable",
    "counterparty_failed",
    "rail_down",
    "strange",
    "",
)
POLICY = ExecutionPolicy(circuit_failures=2)
ORDERS = [pay_in("a"), pay_in("b"), pay_out("x"), pay_out("y"), pay_out("z")]
ROUNDS_MAX = 2_000


class Rails:
    """Rails that keep their promises, and a network that keeps none: requests and questions wait in
    `mail` until they are delivered, in any order, twice, or never."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self.moved: Counter[str] = Counter()
        self.known: dict[tuple[str, str], tuple[str, int, str]] = {}
        self.mail: list[AttemptStarted | OutcomeAsked] = []

    def take(self, event: AttemptStarted) -> tuple[str, str]:
        """Judge an attempt once; an id moves at most once on this rail."""
        key = (event.rail, event.instruction.instruction_id)
        mark, attempt, code = self.known.get(key, ("", 0, ""))
        if mark == "settled" or event.attempt <= attempt:
            return mark, code
        mark = self._draw(st.sampled_from(["settled", "refused"]))
        code = self._draw(st.sampled_from(CODES[:-2])) if mark == "refused" else ""
        if mark == "settled":
            self.moved[event.instruction.instruction_id] += 1
        self.known[key] = (mark, event.attempt, code)
        return mark, code

    def ask(self, event: OutcomeAsked) -> tuple[str, str]:
        """Tell what is known; what is not known is barred."""
        key = (event.rail, event.instruction_id)
        mark, attempt, code = self.known.get(key, ("", 0, ""))
        if mark == "settled" or event.attempt <= attempt:
            return mark, code
        self.known[key] = ("absent", event.attempt, "")
        return "absent", ""


class Story:
    """One settlement from plan to end, with the flow's part in it."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.play = Play(POLICY, ended_hot_max=draw(st.sampled_from([0, 2, 1_000])))
        self.rails = Rails(draw)
        self.events: list[Event] = []

    def do(self, command: Any) -> None:
        """Decide a command; what the flows make of its events is done at once."""
        try:
            events = self.play.when(command)
        except Rejection:
            return
        self.events += events
        for event in events:
            if isinstance(event, AttemptStarted | OutcomeAsked):
                self.rails.mail.append(event)
            elif isinstance(event, FundsSecured):
                self.do(StartPayOuts(settlement_id=event.settlement_id))

    def deliver(self, event: AttemptStarted | OutcomeAsked, *, fate: str) -> None:
        """Let a request or a question reach its rail, and its answer come back, or not."""
        sent = isinstance(event, AttemptStarted)
        if fate == "lost":
            mark, code = "unknown", ""
        elif isinstance(event, AttemptStarted):
            mark, code = self.rails.take(event)
        else:
            mark, code = self.rails.ask(event)
        if fate == "unanswered":
            mark, code = "unknown", ""
        if mark == "unknown" and not sent:
            self.rails.mail.append(event)  # whoever asks goes on asking
            return
        if isinstance(event, AttemptStarted):
            name = event.instruction.instruction_id
        else:
            name = event.instruction_id
        self.tell(name, event.attempt, mark, code, event.rail)

    def tell(self, name: str, attempt: int, mark: str, code: str, rail: str) -> None:
        outcome = OutcomeKind(mark)
        self.do(
            NoteOutcome(instruction_id=name, attempt=attempt, outcome=outcome, code=code, rail=rail)
        )

    def calm(self) -> None:
        """Faults stop: all that waits is delivered and answered, until nothing is due."""
        for rail, region in (EAST, WEST, SWIFT):
            self.do(SetRailState(rail=rail, region=region, open=True))
        for _ in range(ROUNDS_MAX):
            due = self.play.room.due(self.play.state)
            if self.rails.mail:
                self.deliver(self.rails.mail.pop(0), fate="")
            elif due is not None:
                self.play.now_us = max(self.play.now_us, due)
                self.do(Tick())
            else:
                return
        raise AssertionError("it never comes to rest")


def settled_names(events: list[Event]) -> Counter[str]:
    return Counter(
        event.instruction.instruction_id
        for event in events
        if isinstance(event, InstructionSettled)
    )


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(st.data())
def test_on_rails_that_keep_their_promises_money_moves_once_and_every_settlement_ends(
    data: st.DataObject,
) -> None:
    draw = data.draw
    story = Story(draw)
    story.do(PlanSettlement(settlement_id="c1", batch_ids=["c1.1"], instructions=ORDERS))
    story.do(CertifyBatch(settlement_id="c1", batch_id="c1.1"))
    ghosts: list[AttemptStarted] = []
    for _ in range(draw(st.integers(0, 40))):
        mail = story.rails.mail
        step = draw(st.sampled_from(["deliver", "tick", "ghost", "reload", "hand"]))
        if step == "deliver" and mail:
            letter = mail.pop(draw(st.integers(0, len(mail) - 1)))
            fate = draw(st.sampled_from(["", "", "lost", "unanswered"]))
            if isinstance(letter, AttemptStarted):
                ghosts.append(letter)
            story.deliver(letter, fate=fate)
        elif step == "tick" and story.play.room.due(story.play.state) is not None:
            story.play.now_us += draw(st.sampled_from([0, 5_000_000, 40_000_000]))
            story.do(Tick())
        elif step == "ghost" and ghosts:
            story.rails.take(draw(st.sampled_from(ghosts)))  # late or twice; nobody hears of it
        elif step == "reload":
            story.play.settle().reload()
        elif step == "hand":
            rail, region = draw(st.sampled_from([EAST, WEST, SWIFT]))
            story.do(SetRailState(rail=rail, region=region, open=draw(st.booleans())))
    story.calm()
    for ghost in ghosts:
        story.rails.take(ghost)

    assert all(count == 1 for count in story.rails.moved.values())
    assert settled_names(story.events) == story.rails.moved
    ends = [each for each in story.events if isinstance(each, SettlementConfirmed)]
    lost = [each for each in story.events if isinstance(each, SettlementFailed)]
    assert len(ends) + len(lost) == 1
    assert not story.play.state.settlements
    assert not story.play.state.instructions
    assert not any(type(each).__name__ == "BreakNoted" for each in story.events)
    _check_money(story.events, failed=bool(lost))
    story.play.check()


def _check_money(events: list[Event], *, failed: bool) -> None:
    """A settlement that failed keeps nothing but returns that failed for good; one that did not
    pays out only after every pay-in."""
    moved: list[NewInstruction] = [
        each.instruction for each in events if isinstance(each, InstructionSettled)
    ]
    stuck = [
        each.instruction
        for each in events
        if isinstance(each, InstructionFailed) and each.instruction.purpose is Purpose.RETURN
    ]
    if failed:
        came = sorted(each.participant_id for each in moved if each.direction is Direction.IN)
        went = [each for each in moved if each.direction is Direction.OUT]
        assert all(each.purpose is Purpose.RETURN for each in went)
        assert sorted(each.participant_id for each in went + stuck) == came
    else:
        firsts = [each for each in ORDERS if each.direction is Direction.IN]
        assert sorted(each.instruction_id for each in moved[: len(firsts)]) == sorted(
            each.instruction_id for each in firsts
        )


NAMES = [each.instruction_id for each in ORDERS] + [f"{ORDERS[0].instruction_id}:return"]


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(st.data())
def test_whatever_rails_claim_an_instruction_settles_at_most_once_and_states_agree(
    data: st.DataObject,
) -> None:
    draw = data.draw
    story = Story(draw)
    story.do(PlanSettlement(settlement_id="c1", batch_ids=["c1.1"], instructions=ORDERS))
    story.do(CertifyBatch(settlement_id="c1", batch_id="c1.1"))
    for _ in range(draw(st.integers(0, 40))):
        step = draw(st.sampled_from(["outcome", "outcome", "outcome", "tick", "confirm", "reload"]))
        name = draw(st.sampled_from(NAMES))
        if step == "outcome":
            mark = draw(st.sampled_from([str(each) for each in OutcomeKind]))
            attempt, code = draw(st.integers(0, 5)), draw(st.sampled_from(CODES))
            story.tell(name, attempt, mark, code, draw(st.sampled_from(["", "rtgs", "other"])))
        elif step == "tick" and story.play.room.due(story.play.state) is not None:
            story.play.now_us += 40_000_000
            story.do(Tick())
        elif step == "confirm":
            story.do(
                ConfirmSettlement(
                    settlement_id="c1",
                    instruction_id=name,
                    currency="EUR",
                    amount_minor=100,
                    rail_reference="r",
                )
            )
        elif step == "reload":
            story.play.settle().reload()
    counts = settled_names(story.events)
    assert all(count == 1 for count in counts.values())
    failed = Counter(
        each.instruction.instruction_id
        for each in story.events
        if isinstance(each, InstructionFailed)
    )
    assert not counts.keys() & failed.keys()
    ends = [each for each in story.events if isinstance(each, SettlementConfirmed)]
    lost = [each for each in story.events if isinstance(each, SettlementFailed)]
    assert len(ends) + len(lost) <= 1
    story.play.check()
