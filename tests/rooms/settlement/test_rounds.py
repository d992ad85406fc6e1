"""How a round holds, is decided once, and is carried out, whatever answers do on their way."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from nostro.kernel.messages import Tick
from nostro.kernel.movement import Lacking
from nostro.settlement import (
    SECOND_US,
    Deed,
    DeedResult,
    DeedsOrdered,
    DeedsRefused,
    Instrument,
    NoteDeeds,
    Outcome,
    Party,
    ReleaseSettlement,
    RoundsDecided,
    RoundsRecycled,
    RoundsStarted,
    SetInstrument,
    SettlementsFailed,
    round_id,
)
from tests.rooms.settlement.play import (
    POLICY,
    Play,
    apart,
    kinds,
    lacks,
    new,
    of,
    refusing,
    willing,
)


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


def asked(play: Play) -> list[tuple[str, str]]:
    return [(each.domain, str(each.deed)) for each in play.take_asked()]


# -- everything on our own ledger -----------------------------------------------------------------


def test_what_lies_on_our_own_ledger_settles_in_the_row_that_instructs_it(play: Play) -> None:
    events = play.instructed(new("a"), new("b"))
    assert kinds(events) == [
        "DayClosed",
        "SettlementsInstructed",
        "RoundsStarted",
        "DeedsOrdered",
        "DeedsExecuted",
        "RoundsSettled",
    ]
    assert play.status(1) == play.status(2) == "SETTLED"
    assert not play.state.settlements
    assert not play.state.bundles
    assert not play.state.timers


def test_a_post_carries_the_moves_and_the_name_of_the_round(play: Play) -> None:
    [ordered] = of(play.instructed(new()), DeedsOrdered)
    [order] = ordered.orders
    assert (ordered.domain, ordered.local, ordered.deed) == ("main", True, Deed.POST)
    assert order.round_id == round_id("main", 1, 1)
    assert [(move.source, move.asset, move.amount_minor) for move in order.moves] == [
        ("ann", "GOLD", 100),
        ("bob", "USD", 1_000),
    ]


def test_a_refused_post_is_asked_again_a_while_later_with_another_attempt(play: Play) -> None:
    play.ledger = refusing
    [refused] = of(play.instructed(new()), DeedsRefused)
    assert refused.rounds[0].again_at_us == play.now_us + 30 * SECOND_US
    play.ledger = willing
    events = play.tick()
    assert kinds(events) == ["DeedsOrdered", "DeedsExecuted", "RoundsSettled"]
    assert of(events, DeedsOrdered)[0].orders[0].attempt == 2


def test_a_post_refused_too_often_is_recycled_and_releases_nothing(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new())
    play.tick()
    play.tick()
    events = play.tick()
    assert kinds(events) == ["DeedsOrdered", "DeedsRefused", "RoundsDecided", "RoundsRecycled"]
    assert play.status() == "PENDING"


def test_deeds_are_ordered_in_batches(play: Play) -> None:
    many = [apart(f"t{number}") for number in range(250)]
    sizes = [len(each.orders) for each in of(play.instructed(*many), DeedsOrdered)]
    assert sizes == [100, 100, 50]


# -- two domains ----------------------------------------------------------------------------------


def test_securities_are_held_first_then_cash_then_it_is_decided(play: Play) -> None:
    play.instructed(apart())
    assert asked(play) == [("bonds", "hold")]
    assert play.status() == "INITIATED"
    play.told("bonds", "hold")
    assert asked(play) == [("euros", "hold")]
    assert play.status() == "SELLER_SECURITIES_LOCKED"
    events = play.told("euros", "hold")
    assert kinds(events) == ["HoldsPlaced", "RoundsDecided", "DeedsOrdered", "DeedsOrdered"]
    assert asked(play) == [("bonds", "execute"), ("euros", "execute")]
    assert play.status() == "EXECUTING"


@pytest.mark.parametrize("order", [("bonds", "euros"), ("euros", "bonds")])
def test_it_is_settled_once_both_domains_have_executed(play: Play, order: tuple[str, ...]) -> None:
    play.instructed(apart())
    play.held()
    assert kinds(play.told(order[0], "execute")) == ["DeedsExecuted"]
    assert play.status() == "EXECUTING"
    assert kinds(play.told(order[1], "execute")) == ["DeedsExecuted", "RoundsSettled"]
    assert play.status() == "SETTLED"


def test_our_own_part_of_a_round_that_spans_domains_is_answered_in_the_row(play: Play) -> None:
    play.instructed(new(cash="EUR"))
    events = play.told("euros", "hold")
    assert [each.local for each in of(events, DeedsOrdered)] == [True, False]
    play.told("euros", "execute")
    assert play.status() == "SETTLED"


def test_a_repeated_answer_changes_nothing(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    assert play.told("bonds", "hold") == []
    play.told("euros", "hold")
    assert play.told("euros", "hold") == []
    play.told("bonds", "execute")
    assert play.told("bonds", "execute") == []
    play.told("euros", "execute")
    assert play.told("euros", "execute") == []


def test_two_answers_for_one_round_in_one_command_count_once(play: Play) -> None:
    play.instructed(apart())
    held = DeedResult(1, 1, Outcome.HELD)
    assert kinds(play.told("bonds", "hold", held, held)) == ["HoldsPlaced", "DeedsOrdered"]


def test_answers_for_what_there_is_not_change_nothing(play: Play) -> None:
    play.instructed(apart())
    assert play.told("bonds", "hold", bundle=7) == []
    assert play.told("bonds", "hold", round_=2) == []
    assert play.told("euros", "execute") == []
    assert play.told("bonds", "release") == []
    assert play.told("elsewhere", "hold") == []
    assert play.told("euros", "hold", DeedResult(1, 1, Outcome.REFUSED, code="lacking")) == []
    play.now_us += 1
    assert play.status() == "INITIATED"


def test_no_results_are_accepted(play: Play) -> None:
    assert play.when(NoteDeeds(domain="bonds", deed=Deed.HOLD, results=[])) == []


def test_a_hold_that_arrives_after_a_refusal_counts(play: Play) -> None:
    """The request was performed twice, and the second time there was enough."""
    play.instructed(apart())
    play.told("bonds", "hold", lacks(1, 1))
    assert kinds(play.told("bonds", "hold")) == ["HoldsPlaced", "DeedsOrdered"]


def test_a_stale_refusal_after_the_hold_changes_nothing(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    assert play.told("bonds", "hold", lacks(1, 1)) == []


def test_a_refusal_told_twice_counts_once(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold", lacks(1, 1))
    assert play.told("bonds", "hold", lacks(1, 1)) == []


def test_a_refused_hold_is_asked_again_as_often_as_allowed(play: Play) -> None:
    play.instructed(apart())
    for attempt in (2, 3, 4):
        play.told("bonds", "hold", lacks(1, 1))
        play.take_asked()
        play.tick()
        [again] = play.take_asked("bonds", "hold")
        assert again.orders[0].attempt == attempt
    events = play.told("bonds", "hold", lacks(1, 1))
    assert kinds(events) == ["DeedsRefused", "RoundsDecided", "DeedsOrdered"]
    [decided] = of(events, RoundsDecided)
    assert not decided.rounds[0].commit
    assert asked(play) == [("bonds", "release")]  # refused or not, a late hold must not stay


@pytest.mark.parametrize("code", ["closed", "content_differs", "done", "rejected"])
def test_a_hold_refused_for_good_is_not_asked_again(play: Play, code: str) -> None:
    play.instructed(apart())
    events = play.told("bonds", "hold", lacks(1, 1, code=code))
    assert kinds(events) == ["DeedsRefused", "RoundsDecided", "DeedsOrdered"]


@pytest.mark.parametrize(
    ("domain", "code", "lacking", "reason"),
    [
        ("bonds", "lacking", [Lacking("ann", "BOND", 5)], "lack_of_securities"),
        ("bonds", "lacking", [], "lack_of_securities"),
        ("euros", "lacking", [Lacking("bob", "EUR", 5)], "lack_of_cash"),
        ("euros", "lacking", [], "lack_of_cash"),
        ("euros", "account", [], "account_blocked"),
        ("euros", "whatever", [], "refused"),
    ],
)
def test_a_refusal_says_why(
    play: Play, domain: str, code: str, lacking: list[Lacking], reason: str
) -> None:
    play.instructed(apart())
    if domain == "euros":
        play.told("bonds", "hold")
    [refused] = of(play.told(domain, "hold", lacks(1, 1, *lacking, code=code)), DeedsRefused)
    assert refused.rounds[0].reason == reason


# -- the deadline ---------------------------------------------------------------------------------


def test_the_last_microsecond_before_the_deadline_still_decides(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.now_us += 300 * SECOND_US - 1
    [decided] = of(play.told("euros", "hold"), RoundsDecided)
    assert decided.rounds[0].commit


def test_at_the_deadline_it_is_too_late(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.take_asked()
    play.now_us += 300 * SECOND_US
    events = play.told("euros", "hold")
    assert kinds(events) == ["HoldsPlaced", "RoundsDecided", "DeedsOrdered", "DeedsOrdered"]
    [decided] = of(events, RoundsDecided)
    assert (decided.rounds[0].commit, decided.rounds[0].reason) == (False, "timed_out")
    assert asked(play) == [("bonds", "release"), ("euros", "release")]


def test_too_late_for_the_first_hold_no_second_is_asked(play: Play) -> None:
    play.instructed(apart())
    play.take_asked()
    play.now_us += 300 * SECOND_US
    play.told("bonds", "hold")
    assert asked(play) == [("bonds", "release")]


def test_the_deadline_aborts_while_an_answer_is_unknown_and_releases_what_was_asked(
    play: Play,
) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.take_asked()
    due = play.room.due(play.state)
    assert due == play.now_us + 300 * SECOND_US
    play.now_us = due - 1
    assert play.when(Tick()) == []
    play.tick()
    assert asked(play) == [("bonds", "release"), ("euros", "release")]
    assert play.told("euros", "hold") == []  # late: the release under way deals with it
    assert kinds(play.told("bonds", "release")) == ["HoldsReleased"]
    assert kinds(play.told("euros", "release")) == ["HoldsReleased", "RoundsRecycled"]


def test_a_domain_that_was_never_asked_has_nothing_to_release(play: Play) -> None:
    play.instructed(apart())
    play.take_asked()
    play.tick()
    assert asked(play) == [("bonds", "release")]
    events = play.told("bonds", "release")
    [recycled] = of(events, RoundsRecycled)
    assert recycled.rounds[0].reason == "timed_out"


def test_a_refusal_after_which_no_try_is_left_before_the_deadline_aborts(play: Play) -> None:
    play.instructed(apart())
    play.now_us += 270 * SECOND_US
    [decided] = of(play.told("bonds", "hold", lacks(1, 1, code="account")), RoundsDecided)
    assert decided.rounds[0].reason == "account_blocked"


def test_the_deadline_tells_the_refusal_that_it_waited_out() -> None:
    play = Play(msgspec.structs.replace(POLICY, retry_attempts=100))
    play.instructed(apart())
    play.told("bonds", "hold", lacks(1, 1, code="account"))
    play.now_us += 300 * SECOND_US  # nobody ticked in time
    [decided] = of(play.when(Tick()), RoundsDecided)
    assert (decided.rounds[0].reason, decided.rounds[0].code) == ("account_blocked", "account")
    play.check()


def test_after_the_decision_deadlines_no_longer_apply(play: Play) -> None:
    play.instructed(apart())
    play.held()
    play.now_us += 7_200 * SECOND_US
    assert play.when(Tick()) == []
    play.told("bonds", "execute")
    play.told("euros", "execute")
    assert play.status() == "SETTLED"


# -- after the decision ---------------------------------------------------------------------------


def test_a_refused_execution_is_an_alarm_and_is_asked_again_for_ever(play: Play) -> None:
    play.instructed(apart())
    play.held()
    play.told("bonds", "execute")
    for _ in range(10):
        events = play.told("euros", "execute", DeedResult(1, 1, Outcome.REFUSED, code="stuck"))
        assert kinds(events) == ["DeedsRefused"]
        assert play.state.stuck == {1}
        play.check()
        play.take_asked()
        assert kinds(play.tick()) == ["DeedsOrdered"]
        assert asked(play) == [("euros", "execute")]
    play.told("euros", "execute")
    assert play.status() == "SETTLED"
    assert not play.state.stuck


def test_an_alarm_stays_while_the_other_domain_executes(play: Play) -> None:
    play.instructed(apart())
    play.held()
    play.told("euros", "execute", DeedResult(1, 1, Outcome.REFUSED, code="stuck"))
    play.told("bonds", "execute")
    assert play.state.stuck == {1}


def test_a_refused_release_is_asked_again_for_ever(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.tick()
    play.told("bonds", "release", DeedResult(1, 1, Outcome.REFUSED, code="stuck"))
    assert play.state.stuck == {1}
    play.told("euros", "release")
    play.take_asked()
    play.tick()
    assert asked(play) == [("bonds", "release")]
    assert kinds(play.told("bonds", "release")) == ["HoldsReleased", "RoundsRecycled"]
    assert not play.state.stuck


def test_an_execution_told_of_an_aborted_round_is_no_answer(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.tick()
    assert play.told("bonds", "execute") == []


def test_answers_of_an_old_round_do_not_count_for_the_next(play: Play) -> None:
    play.instructed(apart())
    play.tick()
    play.told("bonds", "release")
    while play.state.bundles[1].rounds == 1:
        play.tick()
    assert play.told("bonds", "hold", round_=1) == []
    assert kinds(play.told("bonds", "hold", round_=2)) == ["HoldsPlaced", "DeedsOrdered"]


# -- recycling ------------------------------------------------------------------------------------


def test_a_fail_is_recycled_to_the_next_day_until_the_bound_and_then_failed(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new())
    events = play.tick_until(play.now_us + 20 * 86_400 * SECOND_US)
    recycled = [each.rounds[0] for each in of(events, RoundsRecycled)]
    assert [each.recycled for each in recycled] == list(range(1, 11))
    assert all(each.starts_at_us % (86_400 * SECOND_US) == 0 for each in recycled)
    [failed] = of(events, SettlementsFailed)
    assert failed.settlements[0].open_minor == 100
    assert play.status() == "FAILED"


def test_recycling_skips_days_on_which_an_asset_does_not_settle(play: Play) -> None:
    play.when(SetInstrument(instrument=Instrument("SHARE", "main", calendar="CSD")))
    play.tick_until(play.now_us + 2 * 86_400 * SECOND_US)  # Friday
    play.ledger = refusing
    play.instructed(new(security="SHARE"))
    play.tick(), play.tick()
    [recycled] = of(play.tick(), RoundsRecycled)
    day = play.policy.days.day_of(recycled.rounds[0].starts_at_us)
    assert day == play.policy.days.day_of(play.now_us) + 3


# -- linked ---------------------------------------------------------------------------------------


def test_linked_settlements_have_one_round_and_net_locks(play: Play) -> None:
    pass_on = [
        apart("a", seller="ann", buyer="bob"),
        apart("b", seller="bob", buyer="cy", amount_minor=1_010),
    ]
    events = play.instructed(*pass_on, linked=True)
    [started] = of(events, RoundsStarted)
    [round_] = started.rounds
    assert round_.bundle == 1
    assert [each.settlement for each in round_.tranches] == [1, 2]
    bonds, euros = round_.parts
    assert [(lock.party, lock.amount_minor) for lock in bonds.locks] == [("ann", 100)]
    assert [(lock.party, lock.amount_minor) for lock in euros.locks] == [("cy", 1_010)]
    assert len(bonds.moves) == len(euros.moves) == 2
    play.held()
    play.told("bonds", "execute")
    play.told("euros", "execute")
    assert play.status(1) == play.status(2) == "SETTLED"


def test_a_bundle_fails_as_a_whole(play: Play) -> None:
    play.ledger = refusing
    play.instructed(new("a"), new("b"), linked=True)
    events = play.tick_until(play.now_us + 20 * 86_400 * SECOND_US)
    [failed] = of(events, SettlementsFailed)
    assert [each.settlement for each in failed.settlements] == [1, 2]


def test_one_side_that_holds_back_one_settlement_holds_back_the_bundle(play: Play) -> None:
    play.instructed(new("a"), new("b", held=(Party.BUYER,)), linked=True)
    assert play.status(1) == play.status(2) == "PENDING"
    assert of(play.tick(), RoundsStarted) == []
    play.when(ReleaseSettlement(settlement=2, side=Party.BUYER))
    assert play.status(1) == play.status(2) == "SETTLED"
