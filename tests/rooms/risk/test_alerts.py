"""When is an alert given, and when taken back?"""

from __future__ import annotations

import pytest

from nostro.risk import (
    AlertCleared,
    AlertRaised,
    Release,
    Reservation,
    Reserve,
    SetLimit,
    SetThreshold,
    ThresholdSet,
)
from tests.rooms.risk.play import Play

FIRST = Reservation("1", "A", "B", "EUR", 79)
SECOND = Reservation("2", "A", "B", "EUR", 1)
RAISED = AlertRaised("net_debit", "A", "", "EUR", 80, 100, 800_000)
CLEARED = AlertCleared("net_debit", "A", "", "EUR")


def watched() -> Play:
    play = Play()
    play.when(SetLimit(scope="net_debit", currency="EUR", participant="A", amount_minor=100))
    play.when(SetThreshold(scope="net_debit", used_ppm=800_000))
    return play


@pytest.mark.parametrize(
    ("threshold", "field"),
    [
        (SetThreshold(scope="single", used_ppm=1), "scope"),
        (SetThreshold(scope="platform", used_ppm=1), "scope"),
        (SetThreshold(scope="", used_ppm=1), "scope"),
        (SetThreshold(scope="currency", used_ppm=0), "used_ppm"),
        (SetThreshold(scope="currency", used_ppm=1_000_001), "used_ppm"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(threshold: SetThreshold, field: str) -> None:
    no = Play().refused(threshold)
    assert (no.code, no.facts["field"]) == ("risk.bad_threshold", field)


def test_a_threshold_set_twice_is_one_event() -> None:
    play = Play()
    threshold = SetThreshold(scope="currency", used_ppm=1)
    assert play.when(threshold) == [ThresholdSet("currency", 1, "operator")]
    assert play.when(threshold) == []


def test_an_alert_is_raised_once_when_use_reaches_the_threshold() -> None:
    play = watched()
    assert len(play.when(Reserve(items=[FIRST]))) == 1
    assert play.when(Reserve(items=[SECOND]))[1:] == [RAISED]
    assert len(play.when(Reserve(items=[Reservation("3", "A", "B", "EUR", 5)]))) == 1
    play.check_memory()


def test_an_alert_is_cleared_once_when_use_falls_below_and_can_be_raised_again() -> None:
    play = watched()
    play.when(Reserve(items=[FIRST, SECOND]))
    assert play.when(Release(items=[SECOND]))[1:] == [CLEARED]
    assert play.when(Release(items=[FIRST]))[1:] == []
    assert play.when(Reserve(items=[FIRST, SECOND]))[1:] == [RAISED]


def test_a_payment_the_other_way_clears_the_alert() -> None:
    play = watched()
    play.when(Reserve(items=[FIRST, SECOND]))
    assert play.when(Reserve(items=[Reservation("3", "B", "A", "EUR", 1)]))[1:] == [CLEARED]


def test_a_release_can_raise_an_alert_on_who_was_owed() -> None:
    play = watched()
    back = Reservation("3", "B", "A", "EUR", 50)
    play.when(Reserve(items=[back, FIRST, SECOND]))
    assert play.when(Release(items=[back]))[1:] == [RAISED]


def test_a_new_limit_or_threshold_raises_and_clears_at_once() -> None:
    play = watched()
    play.when(Reserve(items=[FIRST, SECOND]))
    wide = SetLimit(scope="net_debit", currency="EUR", participant="A", amount_minor=1_000)
    assert play.when(wide)[1:] == [CLEARED]
    raised = play.when(SetThreshold(scope="net_debit", used_ppm=80_000))[1:]
    assert raised == [AlertRaised("net_debit", "A", "", "EUR", 80, 1_000, 80_000)]
    assert play.when(SetThreshold(scope="net_debit"))[1:] == [CLEARED]
    assert play.when(SetThreshold(scope="net_debit", used_ppm=80_000))[1:] == raised
    assert play.when(SetLimit(scope="net_debit", currency="EUR", participant="A"))[1:] == [CLEARED]
    play.check_memory()


def test_a_limit_of_nothing_is_fully_used_by_anything() -> None:
    play = Play()
    play.when(Reserve(items=[FIRST]))
    play.when(SetThreshold(scope="currency", used_ppm=1_000_000))
    events = play.when(SetLimit(scope="currency", currency="EUR", amount_minor=0))
    assert events[1:] == [AlertRaised("currency", "", "", "EUR", 79, 0, 1_000_000)]
