"""Is each event told as what it means for each settlement, whoever tells it, and from wherever?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest

from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.settlement import (
    EVENTS,
    FACTS,
    SILENT,
    Alleged,
    Confirmed,
    DecidedRound,
    Deed,
    DeedsExecuted,
    DeedsRefused,
    DoneDeed,
    FailedSettlement,
    HoldsPlaced,
    InstructedSettlement,
    LegExecuted,
    Matched,
    Partial,
    PartiallySettled,
    Party,
    Reason,
    RecycledRound,
    RefusedBy,
    RefusedDeed,
    RetryAsked,
    RoundsDecided,
    RoundsRecycled,
    RoundsSettled,
    RoundsStarted,
    SettledRound,
    SettlementMatched,
    SettlementsFailed,
    SettlementsInstructed,
    SettlementsPostponed,
    StartedRound,
    Status,
    Telling,
    Told,
    ToldType,
    Tranche,
    event_id,
    remembered,
)
from nostro.settlement.telling import _HEAR
from tests.rooms.settlement.told_course import CHAIN, Dealer

SEEDS = range(12)
STEPS = 250
DAY = 738_000
T = ToldType


def instructed(
    number: int = 1, *, securities: str = "depot", cash: str = "cash", bundle: int = 0
) -> InstructedSettlement:
    """Return a settlement on which both agree."""
    return InstructedSettlement(
        number,
        bundle or number,
        f"T{number}",
        "alba",
        "bora",
        "BOND",
        100,
        "EUR",
        1_000,
        securities,
        cash,
        DAY,
        DAY,
        0,
        f"T{number}",
        f"T{number}",
    )


def started(round: int = 1, *numbers: int, quantity: int = 100) -> RoundsStarted:
    """Return that a round of the first bundle begins."""
    tranches = [Tranche(number, quantity, quantity * 10) for number in numbers or (1,)]
    return RoundsStarted([StartedRound(1, round, 99, tranches, [])])


def held(domain: str, round: int = 1) -> HoldsPlaced:
    """Return that a domain has earmarked its part of a round."""
    return HoldsPlaced(domain, [DoneDeed(1, round, f"{domain}:1", "")])


def executed(domain: str, deed: Deed = Deed.EXECUTE, contract: str = "") -> DeedsExecuted:
    """Return that a domain has done its part of the first round."""
    return DeedsExecuted(domain, deed, [DoneDeed(1, 1, f"{domain}:2", contract)])


def decided(commit: bool) -> RoundsDecided:
    """Return that the first round is decided."""
    return RoundsDecided([DecidedRound(1, 1, commit, "" if commit else "timed_out")])


def settled(open_minor: int = 0, quantity: int = 100) -> RoundsSettled:
    """Return that the first round ended well."""
    still = [(1, open_minor)] if open_minor else []
    return RoundsSettled([SettledRound(1, 1, [Tranche(1, quantity, quantity * 10)], still, 7)])


def told_of(*events: Event) -> list[Told]:
    """Return what one row tells, after one that instructs if the first event does not."""
    telling = Telling(CHAIN)
    if not isinstance(events[0], SettlementsInstructed):
        telling.fold([SettlementsInstructed([instructed()])], 1, 1)
    return telling.fold(events, 2, 2_000)


def names(told: Iterable[Told]) -> list[tuple[ToldType, Status]]:
    """Return what is told, and where the settlement stands after it."""
    return [(each.event_type, each.status) for each in told]


# -- what it means ---------------------------------------------------------------------------------


def test_every_event_of_the_room_is_told_or_is_known_to_tell_nothing() -> None:
    assert {*_HEAR, *SILENT} == {*EVENTS}
    assert not {*_HEAR} & {*SILENT}
    assert {*FACTS} == {*ToldType}


def test_what_is_posted_at_once_is_told_in_all_its_states_at_one_moment() -> None:
    told = told_of(
        SettlementsInstructed([instructed(securities="main", cash="main")]),
        started(),
        executed("main", Deed.POST),
        settled(),
    )
    assert names(told) == [
        (T.INSTRUCTED, Status.PENDING),
        (T.INITIATED, Status.INITIATED),
        (T.SELLER_SECURITIES_LOCKED, Status.SELLER_SECURITIES_LOCKED),
        (T.BUYER_CASH_LOCKED, Status.BUYER_CASH_LOCKED),
        (T.EXECUTING, Status.EXECUTING),
        (T.CONFIRMED, Status.CONFIRMED),
        (T.SETTLED, Status.SETTLED),
    ]
    assert {each.at_us for each in told} == {2_000}
    assert [each.place for each in told] == list(range(7))
    confirmed = told[5].facts
    assert isinstance(confirmed, Confirmed)
    assert confirmed.securities_reference == "main:2"
    assert confirmed.dvp_atomic_transaction_id == confirmed.round_id, "others may be in that row"


def test_what_one_contract_settled_goes_by_the_ledgers_name_for_it() -> None:
    done = DoneDeed(1, 1, "update-7", "contract-7")
    told = told_of(
        SettlementsInstructed([instructed(securities="canton", cash="canton")]),
        started(),
        DeedsExecuted("canton", Deed.POST, [done]),
        settled(),
    )
    [confirmed] = [each.facts for each in told if isinstance(each.facts, Confirmed)]
    assert confirmed.dvp_atomic_transaction_id == "update-7"
    assert confirmed.dvp_contract_id == "contract-7"


def test_two_domains_lock_one_after_the_other_and_settle_under_the_name_of_the_round() -> None:
    told = told_of(
        started(),
        held("depot"),
        held("cash"),
        decided(commit=True),
        executed("cash"),
        executed("depot", contract="#7"),
        settled(),
    )
    assert [each.event_type for each in told] == [
        T.INITIATED,
        T.SELLER_SECURITIES_LOCKED,
        T.BUYER_CASH_LOCKED,
        T.EXECUTING,
        T.LEG_EXECUTED,
        T.LEG_EXECUTED,
        T.CONFIRMED,
        T.SETTLED,
    ]
    assert names(told)[4][1] is Status.EXECUTING
    assert told[4].facts == LegExecuted("main.S1.1", "cash", False, True, "cash:2", "")
    assert told[6].facts == Confirmed(
        "main.S1.1", 100, 1_000, "main.S1.1", "#7", "depot:2", "cash:2"
    )


def test_cash_that_is_earmarked_first_is_told_after_the_securities() -> None:
    assert names(told_of(started(), held("cash"))) == [(T.INITIATED, Status.INITIATED)]
    told = told_of(started(), held("cash"), held("depot"))
    assert names(told)[1:] == [
        (T.SELLER_SECURITIES_LOCKED, Status.SELLER_SECURITIES_LOCKED),
        (T.BUYER_CASH_LOCKED, Status.BUYER_CASH_LOCKED),
    ]


def test_a_domain_that_a_settlement_does_not_touch_tells_nothing_of_it() -> None:
    assert len(told_of(started(), held("elsewhere"))) == 1


def test_what_comes_late_for_another_round_tells_nothing() -> None:
    assert told_of(started(2), held("depot", 1), decided(commit=True))[1:] == []


def test_a_refused_hold_does_not_say_what_others_have() -> None:
    refused = RefusedDeed(1, 1, Reason.LACK_OF_CASH, "lacking", [], 30)
    told = told_of(started(), DeedsRefused("cash", Deed.HOLD, [refused]))
    assert names(told)[1:] == [(T.REFUSED, Status.INITIATED)]
    assert told[1].facts == RefusedBy(
        "main.S1.1", "cash", Deed.HOLD, Reason.LACK_OF_CASH, "lacking", 30
    )


def test_an_execution_that_is_refused_is_told_as_stuck_and_still_executing() -> None:
    refused = RefusedDeed(1, 1, Reason.REFUSED, "stuck", [], 30)
    told = told_of(started(), decided(commit=True), DeedsRefused("cash", Deed.EXECUTE, [refused]))
    assert names(told)[2:] == [(T.STUCK, Status.EXECUTING)]


def test_a_round_that_is_aborted_is_recycled_and_waits() -> None:
    recycled = RoundsRecycled([RecycledRound(1, 1, Reason.TIMED_OUT, "", 77, 1)])
    told = told_of(started(), held("depot"), decided(commit=False), recycled)
    assert names(told)[2:] == [
        (T.ABORTED, Status.SELLER_SECURITIES_LOCKED),
        (T.RECYCLED, Status.PENDING),
    ]


def test_a_part_that_settled_leaves_the_rest_open_until_it_is_settled_too() -> None:
    telling = Telling(CHAIN)
    telling.fold([SettlementsInstructed([instructed(securities="main", cash="main")])], 1, 1)
    posted = executed("main", Deed.POST)
    told = telling.fold([started(1, quantity=60), posted, settled(40, 60)], 2, 2)
    assert names(told)[-1] == (T.PARTIALLY_SETTLED, Status.PARTIALLY_SETTLED)
    assert told[-1].facts == PartiallySettled("main.S1.1", 60, 600, 60, 600, 40, 400, 7)
    recycled = RoundsRecycled([RecycledRound(1, 2, Reason.LACK_OF_CASH, "", 77, 1)])
    told = telling.fold([started(2, quantity=40), recycled], 3, 3)
    assert names(told)[-1] == (T.RECYCLED, Status.PARTIALLY_SETTLED)


def test_what_failed_may_be_tried_again_and_what_was_cancelled_is_forgotten() -> None:
    telling = Telling(CHAIN)
    telling.fold([SettlementsInstructed([instructed(1), instructed(2)])], 1, 1)
    failed = [
        FailedSettlement(1, Reason.LACK_OF_CASH, "lacking", 100),
        FailedSettlement(2, Reason.CANCELLED, "", 100),
    ]
    told = telling.fold([SettlementsFailed(failed), RetryAsked(1, "again", "ops", 5)], 2, 2)
    assert names(told) == [
        (T.FAILED, Status.FAILED),
        (T.FAILED, Status.FAILED),
        (T.RETRIED, Status.PENDING),
    ]
    assert [*telling._live] == [1]


def test_a_bundle_that_is_tried_again_or_put_off_is_told_of_all_its_settlements() -> None:
    telling = Telling(CHAIN)
    both = [instructed(1), instructed(2, bundle=1)]
    telling.fold([SettlementsInstructed(both)], 1, 1)
    told = telling.fold([SettlementsPostponed([(1, 9)]), RetryAsked(2, "", "ops", 5)], 2, 2)
    assert [(each.event_type, each.about.number) for each in told] == [
        (T.POSTPONED, 1),
        (T.POSTPONED, 2),
        (T.RETRIED, 1),
        (T.RETRIED, 2),
    ]


def test_one_side_alone_is_alleged_to_the_other_until_it_matches() -> None:
    telling = Telling(CHAIN)
    alone = InstructedSettlement(
        1, 1, "", "alba", "bora", "BOND", 100, "EUR", 1_000, "main", "main", DAY, DAY, 0, "R1", ""
    )
    told = telling.fold([SettlementsInstructed([alone])], 1, 1)
    assert [each.event_type for each in told] == [T.INSTRUCTED, T.ALLEGED]
    assert told[1].facts == Alleged(Party.BUYER, 100, 1_000, DAY)
    matched = SettlementMatched(1, Party.BUYER, "R2", "T9", 1_001, Partial.NPAR, 0, True, 0, 0)
    (told_match,) = telling.fold([matched], 2, 2)
    assert told_match.about.trade_id == "T9"
    assert told_match.facts == Matched(Party.BUYER, 1_001, 0, (Party.BUYER,))


def test_the_name_of_what_is_told_is_the_same_whenever_the_journal_is_read() -> None:
    rows = Dealer(1).run(STEPS).rows
    told = [*_told(rows)]
    again = [*_told(rows)]
    assert told == again
    ids = [event_id(CHAIN, each.height, each.place) for each in told]
    assert len({*ids}) == len(ids)


# -- whole courses ---------------------------------------------------------------------------------


def _told(rows: Sequence[tuple[int, int, list[Event]]]) -> Iterable[Told]:
    telling = Telling(CHAIN)
    for height, at_us, events in rows:
        yield from telling.fold(events, height, at_us)


@pytest.mark.parametrize("seed", SEEDS)
def test_telling_goes_on_from_what_the_room_remembers_as_if_it_had_heard_all(seed: int) -> None:
    dealer = Dealer(seed).run(STEPS)
    telling, state = Telling(CHAIN), dealer.room.new()
    for height, at_us, events in dealer.rows:
        other = Telling(CHAIN)
        other.remember(remembered(state, CHAIN))
        assert other.fold(events, height, at_us) == telling.fold(events, height, at_us)
        for event in events:
            dealer.room.evolve(state, event, Position(height, at_us))
    assert dealer.room.digest(state) == dealer.room.digest(dealer.state)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_settlement_goes_through_its_states_in_order_and_never_back_from_executing(
    seed: int,
) -> None:
    courses: dict[int, list[tuple[ToldType, Status]]] = defaultdict(list)
    for each in _told(Dealer(seed).run(STEPS).rows):
        courses[each.about.number].append((each.event_type, each.status))
    for course in courses.values():
        for (_, before), (type, after) in pairwise(course):
            if before is Status.EXECUTING:
                assert after in (Status.EXECUTING, Status.CONFIRMED)
            assert before is not Status.SETTLED
            if type in _BEFORE:
                assert before is _BEFORE[type]


_BEFORE = {
    T.SELLER_SECURITIES_LOCKED: Status.INITIATED,
    T.BUYER_CASH_LOCKED: Status.SELLER_SECURITIES_LOCKED,
    T.EXECUTING: Status.BUYER_CASH_LOCKED,
    T.CONFIRMED: Status.EXECUTING,
    T.SETTLED: Status.CONFIRMED,
    T.PARTIALLY_SETTLED: Status.CONFIRMED,
    T.ALLEGED: Status.PENDING,
}
"""Where a settlement stands before it is told that."""


def test_a_course_tells_of_everything_but_what_calendars_bring() -> None:
    types = {each.event_type for seed in SEEDS for each in _told(Dealer(seed).run(STEPS).rows)}
    assert {*ToldType} - types <= {T.POSTPONED}


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_all_the_same_whether_a_row_is_told_whole_or_in_pieces(seed: int) -> None:
    rows = Dealer(seed).run(STEPS).rows
    telling = Telling(CHAIN)
    pieces = [
        told
        for height, at_us, events in rows
        for event in events
        for told in telling.fold((event,), height, at_us)
    ]
    assert pieces == [*_told(rows)]
