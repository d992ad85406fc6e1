"""What follows from an outcome, in every state an instruction can be in; pauses, routes and
circuits."""

from __future__ import annotations

import pytest

from nostro.execution import (
    AttemptEnded,
    AttemptPostponed,
    AttemptStarted,
    BreakNoted,
    CircuitClosed,
    CircuitOpened,
    ExecutionPolicy,
    NewInstruction,
    NoteOutcome,
    OutcomeKind,
    Phase,
    Purpose,
    Routes,
    SetRailState,
)
from nostro.execution.routes import Tried, standard_routes, ways_left
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from tests.rooms.execution.play import (
    EAST,
    POLICY,
    SECOND_US,
    SWIFT,
    WEST,
    A,
    Play,
    X,
    Y,
    kinds,
    pay_out,
)


def outs(count: int) -> list[NewInstruction]:
    return [pay_out(f"z{number:03}") for number in range(count)]


def ways(events: list[Event]) -> list[tuple[str, str]]:
    return [(each.rail, each.region) for each in events if isinstance(each, AttemptStarted)]


def in_state(state: str) -> Play:
    """Return a play whose pay-out X (beside Y, which keeps the settlement open) is in a state."""
    play = Play().paying_out(X, Y)
    if state == "asked":
        play.told(X, "unknown")
    elif state == "waiting":
        play.told(X, "refused", "liquidity")
    elif state == "parked":
        for rail, region in (EAST, WEST, SWIFT):
            play.when(SetRailState(rail=rail, region=region, open=False))
        play.told(X, "refused", "rail_down")
    elif state == "settled":
        play.told(X, "settled")
    elif state == "failed":
        play.told(X, "refused", "counterparty_failed")
    return play


ENDED = ["AttemptEnded"]
SETTLED = ["AttemptEnded", "InstructionSettled"]
BROKEN = ["BreakNoted"]
LATE = [*BROKEN, *SETTLED]


@pytest.mark.parametrize(
    ("state", "outcome", "follows"),
    [
        ("sent", "settled", SETTLED),
        ("sent", "pending", ["OutcomeAsked"]),
        ("sent", "refused", ENDED),
        ("sent", "absent", ENDED),
        ("sent", "unknown", ["OutcomeAsked"]),
        ("asked", "settled", SETTLED),
        ("asked", "pending", []),
        ("asked", "refused", ENDED),
        ("asked", "absent", ENDED),
        ("asked", "unknown", []),
        ("waiting", "settled", LATE),
        ("waiting", "pending", []),
        ("waiting", "refused", []),
        ("waiting", "absent", []),
        ("waiting", "unknown", []),
        ("parked", "settled", LATE),
        ("parked", "pending", []),
        ("parked", "refused", []),
        ("parked", "absent", []),
        ("parked", "unknown", []),
        ("settled", "settled", []),
        ("settled", "pending", []),
        ("settled", "refused", BROKEN),
        ("settled", "absent", BROKEN),
        ("settled", "unknown", []),
        ("failed", "settled", BROKEN),
        ("failed", "pending", []),
        ("failed", "refused", []),
        ("failed", "absent", []),
        ("failed", "unknown", []),
    ],
)
def test_what_follows_from_each_outcome_in_each_state(
    state: str, outcome: str, follows: list[str]
) -> None:
    play = in_state(state)
    assert kinds(play.told(X, outcome)) == follows
    play.check()


def test_an_outcome_of_an_attempt_that_was_never_made_is_refused() -> None:
    play = Play().begun(A, X)
    for order, attempt in ((A, 2), (X, 1)):
        command = NoteOutcome(
            instruction_id=order.instruction_id, attempt=attempt, outcome=OutcomeKind.SETTLED
        )
        assert play.refused(command).code == "execution.not_sent"
    unknown = NoteOutcome(instruction_id="c1:zz", attempt=1, outcome=OutcomeKind.SETTLED)
    assert play.refused(unknown).code == "execution.instruction_unknown"


def test_news_of_an_earlier_attempt_that_moved_stops_the_later_one() -> None:
    play = Play().paying_out(X, Y)
    play.told(X, "refused", "counterparty_unavailable")
    assert play.state.instructions[X.instruction_id].way == SWIFT
    events = play.told(X, "settled", attempt=1)
    assert kinds(events) == LATE
    second = NoteOutcome(
        instruction_id=X.instruction_id,
        attempt=2,
        outcome=OutcomeKind.SETTLED,
        rail="correspondent",
    )
    assert play.when(second) == [BreakNoted("c1", X.instruction_id, "settled_twice", "performer")]
    play.check()


def test_nothing_is_sent_again_while_the_outcome_is_unknown() -> None:
    play = Play().paying_out(X)
    play.told(X, "unknown")
    assert play.room.due(play.state) is None
    assert play.told(X, "unknown") == []
    play.told(X, "absent")
    play.tick()
    assert play.state.instructions[X.instruction_id].attempt == 2


def test_the_pauses_are_those_of_the_policy() -> None:
    play = Play().begun(A)
    pauses = []
    for _ in range(3):
        ended = play.told(A, "refused", "liquidity")[0]
        assert isinstance(ended, AttemptEnded)
        pauses.append(ended.next_attempt_at_us - play.now_us)
        play.tick()
    assert pauses == [5 * SECOND_US, 15 * SECOND_US, 31 * SECOND_US]
    events = play.told(A, "refused", "liquidity")
    assert kinds(events) == ["AttemptEnded", "InstructionFailed", "SettlementFailed"]


def test_jitter_is_bounded_and_the_same_for_the_same_attempt() -> None:
    policy = ExecutionPolicy()
    drawn = [
        policy.next_attempt_at_us(instruction_id=f"i{number}", attempts=1, now_us=0)
        for number in range(200)
    ]
    assert all(5 * SECOND_US <= each <= 6 * SECOND_US for each in drawn)
    assert len(set(drawn)) > 150
    assert drawn[7] == policy.next_attempt_at_us(instruction_id="i7", attempts=1, now_us=0)


@pytest.mark.parametrize(
    ("code", "then"),
    [
        ("liquidity", [EAST, EAST, EAST, EAST]),
        ("rail_down", [EAST, WEST, SWIFT, EAST]),
        ("closed", [EAST, SWIFT]),
        ("limit", [EAST, SWIFT]),
        ("counterparty_unavailable", [EAST, SWIFT]),
        ("counterparty_failed", [EAST]),
        ("strange", [EAST, EAST, WEST, WEST]),
        ("", [EAST, EAST, WEST, WEST]),
    ],
)
def test_the_code_of_a_refusal_decides_which_way_comes_next(
    code: str, then: list[tuple[str, str]]
) -> None:
    play = Play().begun(A)
    went = [play.state.instructions[A.instruction_id].way]
    while A.instruction_id in play.state.instructions:
        events = play.told(A, "refused", code)
        if "InstructionFailed" in kinds(events):
            break
        if "AttemptStarted" not in kinds(events):
            events = play.tick()
        went += ways(events)
    assert went == then
    play.check()


def test_absent_is_sent_again_the_same_way_and_then_another() -> None:
    play = Play().begun(A)
    went = []
    for _ in range(3):
        play.told(A, "unknown")
        play.told(A, "absent")
        went += ways(play.tick())
    assert went == [EAST, WEST, WEST]


def test_a_rail_that_refused_for_good_is_never_among_the_ways_left() -> None:
    tried = [Tried("rtgs", "east", "closed"), Tried("correspondent", "east", "strange")]
    assert ways_left((EAST, WEST, SWIFT), tried) == [SWIFT]
    tried.append(Tried("correspondent", "east", "limit"))
    assert ways_left((EAST, WEST, SWIFT), tried) == []


def test_small_gross_payments_go_over_the_instant_rail() -> None:
    routes = standard_routes()
    gross = NewInstruction("c:t", "x", "EUR", X.direction, 1_000_000, Purpose.GROSS, "t")
    assert routes.ways(gross)[0] == ("instant", "east")
    big = NewInstruction("c:t", "x", "EUR", X.direction, 1_000_001, Purpose.GROSS, "t")
    assert routes.ways(big)[0] == EAST
    assert routes.ways(A)[0] == EAST


@pytest.mark.parametrize("ways_", [(), (("a:b", "east"),), (EAST, EAST), (("", "east"),)])
def test_routes_that_lead_nowhere_are_refused(ways_: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match=r"ways|rail"):
        Routes(otherwise=ways_)


# -- circuits -------------------------------------------------------------------------------------


def broken(*, only: tuple[tuple[str, str], ...] = (EAST,), count: int = 8) -> Play:
    """Return a play with many pay-outs whose first five failed on the first way."""
    play = Play(routes=Routes(otherwise=only)).paying_out(*outs(count))
    for each in outs(count)[: POLICY.circuit_failures]:
        events = play.told(each, "refused", "rail_down")
    opened = [each for each in events if isinstance(each, CircuitOpened)]
    until_us = play.now_us + POLICY.circuit_open_us
    assert opened == [CircuitOpened(*only[0], until_us, "5 failures in a row")]
    return play


def test_many_failures_in_a_row_open_the_circuit_and_others_go_elsewhere() -> None:
    play = broken(only=(EAST, SWIFT))
    play.begun(A, cycle="c2")
    assert play.state.instructions[A.instruction_id].way == SWIFT
    play.check()


def test_a_success_in_between_keeps_it_closed() -> None:
    orders = outs(12)
    play = Play(routes=Routes(otherwise=(EAST,))).paying_out(*orders)
    for place, each in enumerate(orders):
        if place % 4 == 3:
            play.told(each, "settled")
        else:
            assert "CircuitOpened" not in kinds(play.told(each, "unknown"))


def test_without_another_way_attempts_wait_for_the_trial() -> None:
    play = broken()
    play.begun(A, cycle="c2")
    while play.room.due(play.state) != play.state.circuits[EAST].until_us:
        assert "AttemptStarted" not in kinds(play.tick())
    play.reload().check()
    events = play.tick()
    assert kinds(events) == ["AttemptStarted"], "one trial, not all"
    (started,) = events
    assert isinstance(started, AttemptStarted)
    assert play.room.due(play.state) is None, "nothing more until the trial ends"
    closed = play.told(started.instruction, "settled")
    assert CircuitClosed(*EAST) in closed
    parked = sum(each.phase is Phase.WAITING for each in play.state.instructions.values())
    assert len(ways(play.tick())) == parked
    play.check()


@pytest.mark.parametrize(
    ("outcome", "code"), [("unknown", ""), ("absent", ""), ("refused", "rail_down")]
)
def test_a_trial_that_fails_opens_the_circuit_again(outcome: str, code: str) -> None:
    play = broken()
    for _ in range(20):
        events = play.tick()
        if ways(events):
            break
    (started,) = [each for each in events if isinstance(each, AttemptStarted)]
    events = play.told(started.instruction, outcome, code)
    (opened,) = [each for each in events if isinstance(each, CircuitOpened)]
    assert opened.until_us == play.now_us + POLICY.circuit_open_us
    assert play.state.circuits[EAST].trial == ""
    play.check()


def test_a_refusal_by_the_rail_is_a_sign_of_life() -> None:
    play = broken()
    while not ways(events := play.tick()):
        pass
    (started,) = [each for each in events if isinstance(each, AttemptStarted)]
    assert "CircuitClosed" in kinds(play.told(started.instruction, "refused", "liquidity"))


def test_a_rail_is_closed_and_opened_by_hand() -> None:
    play = Play()
    close = SetRailState(rail="rtgs", region="east", open=False, reason="maintenance")
    assert play.when(close) == [CircuitOpened("rtgs", "east", 0, "maintenance")]
    assert play.when(close) == []
    play.begun(A)
    assert play.state.instructions[A.instruction_id].way == WEST
    reopen = SetRailState(rail="rtgs", region="east", open=True)
    assert play.when(reopen) == [CircuitClosed("rtgs", "east")]
    assert play.when(reopen) == []
    strange = SetRailState(rail="rtgs", region="mars", open=False)
    assert play.refused(strange).code == "execution.rail_unknown"
    play.check()


def test_what_waits_for_rails_closed_by_hand_goes_when_one_opens() -> None:
    play = Play()
    for rail, region in (EAST, WEST, SWIFT):
        play.when(SetRailState(rail=rail, region=region, open=False))
    events = play.begun(A).codec.decode_events(play.rows[play.height][1])
    assert AttemptPostponed("c1", A, 0, [EAST, WEST, SWIFT]) in events
    assert play.room.due(play.state) is None
    play.when(SetRailState(rail="rtgs", region="west", open=True))
    assert ways(play.tick()) == [WEST]
    play.check()


def test_after_a_restart_with_other_routes_what_waits_goes_the_new_way() -> None:
    play = Play().begun(A)
    play.told(A, "refused", "closed")
    play.told(A, "refused", "liquidity")
    other = Play(routes=Routes(otherwise=(("instant", "east"),)))
    other.state = other.room.load(play.room.dump(play.state))
    assert ways(other.tick()) == [("instant", "east")]


def test_a_tick_starts_a_bounded_number_and_the_next_one_goes_on() -> None:
    orders = outs(2_500)
    play = Play().paying_out(*orders)
    position = Position(play.height, play.now_us)
    for each in orders:
        name, later_us = each.instruction_id, play.now_us + SECOND_US
        ended = AttemptEnded("c1", name, 1, *EAST, "refused", "liquidity", later_us)
        play.room.evolve(play.state, ended, position)
    play.now_us += 60 * SECOND_US
    assert [len(ways(play.tick())) for _ in range(2)] == [2_000, 500]
