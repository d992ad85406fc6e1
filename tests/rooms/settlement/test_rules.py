"""What the operator says about instruments, penalty rates and domains."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nostro.kernel.movement import Lacking
from nostro.settlement import (
    DeedsOrdered,
    Denial,
    DomainState,
    Instrument,
    RoundsDecided,
    RoundsRecycled,
    RoundsStarted,
    SetDomainState,
    SetInstrument,
    SetPenaltyRate,
)
from tests.rooms.settlement.play import PARTS, Play, apart, kinds, lacks, new, of


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


def set_domain(
    state: DomainState, domain: str = "euros", denied: Denial | None = None
) -> SetDomainState:
    return SetDomainState(domain=domain, state=state, reason="because", denied=denied)


OPEN, CLOSED, QUARANTINED = DomainState.OPEN, DomainState.CLOSED, DomainState.QUARANTINED


@pytest.mark.parametrize(
    ("code", "instrument"),
    [
        ("bad_asset", Instrument("gold", "main")),
        ("domain_unknown", Instrument("GOLD", "nowhere")),
        ("bad_lot", Instrument("GOLD", "main", 0)),
        ("calendar_unknown", Instrument("GOLD", "main", 1, "NEVER")),
        ("penalty_class_unknown", Instrument("GOLD", "main", 1, "", "dear")),
    ],
)
def test_an_instrument_that_cannot_be_is_refused(
    play: Play, code: str, instrument: Instrument
) -> None:
    assert play.refused(SetInstrument(instrument=instrument)).code == f"settlement.{code}"


def test_an_instrument_told_again_is_no_news(play: Play) -> None:
    told = SetInstrument(instrument=Instrument("GOLD", "main", 10))
    assert kinds(play.when(told)) == ["InstrumentSet"]
    assert play.when(told) == []


def test_a_larger_lot_keeps_back_no_whole_and_starts_no_round_in_vain(play: Play) -> None:
    play.when(set_domain(CLOSED))
    play.instructed(apart(quantity_minor=105))
    play.when(SetInstrument(instrument=Instrument("BOND", "bonds", 10)))
    play.when(set_domain(OPEN))
    assert kinds(play.tick()) == ["RoundsStarted", "DeedsOrdered"]


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("bad_date", SetPenaltyRate(penalty_class="debt", valid_from="never", rate_ppm=1)),
        ("bad_rate", SetPenaltyRate(penalty_class="dear", valid_from="2026-11-18", rate_ppm=1)),
        ("bad_rate", SetPenaltyRate(penalty_class="debt", valid_from="2026-11-18", rate_ppm=-1)),
        ("bad_rate", SetPenaltyRate(penalty_class="cash:", valid_from="2026-11-18", rate_ppm=1)),
        (
            "bad_rate",
            SetPenaltyRate(penalty_class="debt", valid_from="2026-11-18", rate_ppm=1_000_001),
        ),
    ],
)
def test_a_rate_that_cannot_be_is_refused(play: Play, code: str, command: SetPenaltyRate) -> None:
    assert play.refused(command).code == f"settlement.{code}"


def test_a_rate_told_again_is_no_news(play: Play) -> None:
    told = SetPenaltyRate(penalty_class="debt", valid_from="2026-11-18", rate_ppm=1)
    assert kinds(play.when(told)) == ["PenaltyRateSet"]
    assert play.when(told) == []


# -- domains --------------------------------------------------------------------------------------


def test_an_unknown_domain_is_refused(play: Play) -> None:
    assert play.refused(set_domain(CLOSED, "nowhere")).code == "settlement.domain_unknown"


def test_a_domains_state_told_again_is_no_news(play: Play) -> None:
    assert play.when(set_domain(OPEN)) == []
    assert kinds(play.when(set_domain(CLOSED))) == ["DomainStateSet"]
    assert play.when(set_domain(CLOSED)) == []


def test_a_closed_domain_ends_what_is_under_way(play: Play) -> None:
    play.instructed(apart())
    play.when(set_domain(CLOSED))
    play.held()
    play.told("bonds", "execute")
    play.told("euros", "execute")
    assert play.status() == "SETTLED"


def test_quarantine_aborts_what_is_not_decided_and_waits_until_the_domain_is_open(
    play: Play,
) -> None:
    play.instructed(apart("a"), apart("b"), new("c"))
    play.told("bonds", "hold", bundle=1)
    play.held(bundle=2)
    play.take_asked()
    events = play.when(set_domain(QUARANTINED))
    assert kinds(events) == ["DomainStateSet", "RoundsDecided", "DeedsOrdered", "DeedsOrdered"]
    [decided] = of(events, RoundsDecided)
    assert [(each.bundle, each.commit) for each in decided.rounds] == [(1, False)]
    assert [each.deed for each in of(events, DeedsOrdered)] == ["release", "release"]
    play.told("bonds", "release")
    [recycled] = of(play.told("euros", "release"), RoundsRecycled)
    assert (recycled.rounds[0].reason, recycled.rounds[0].recycled) == ("domain_unavailable", 0)
    play.told("bonds", "execute", bundle=2)
    play.told("euros", "execute", bundle=2)
    assert play.status(2) == "SETTLED"
    assert of(play.tick(), RoundsStarted) == []  # only the day is over
    play.when(set_domain(OPEN))
    assert of(play.tick(), RoundsStarted)[0].rounds[0].round == 2


def test_a_domain_that_denies_what_it_no_longer_has_to_hold_stays_open(play: Play) -> None:
    denies = set_domain(QUARANTINED, "bonds", Denial(held=(1, 1)))
    play.instructed(apart())
    assert play.when(denies) == [], "it never said that it holds"
    play.told("bonds", "hold")
    play.told("euros", "hold", lacks(1, 1, Lacking("bob", "EUR", 0), code="closed"))
    assert play.when(denies) == [], "it was asked to release"
    play.told("bonds", "release")
    play.told("euros", "release")
    assert play.when(denies) == [], "the round is over"


@pytest.mark.parametrize("denied", [Denial(held=(1, 1)), Denial(height=7)])
def test_a_domain_that_denies_what_we_go_by_is_quarantined(play: Play, denied: Denial) -> None:
    play.instructed(apart())
    play.told("bonds", "hold", height=7)
    events = play.when(set_domain(QUARANTINED, "bonds", denied))
    assert kinds(events) == ["DomainStateSet", "RoundsDecided", "DeedsOrdered", "DeedsOrdered"]


def test_a_height_from_before_a_domain_was_reconciled_no_longer_counts(play: Play) -> None:
    denies = set_domain(QUARANTINED, "bonds", Denial(height=7))
    play.instructed(apart())
    play.told("bonds", "hold", height=7)
    play.when(denies)
    play.when(set_domain(OPEN, "bonds"))
    assert play.when(denies) == []


@pytest.mark.parametrize("state", [CLOSED, QUARANTINED])
def test_a_part_is_not_offered_while_a_domain_is_away(play: Play, state: DomainState) -> None:
    play.instructed(apart(**PARTS))
    short = Lacking("ann", "BOND", 50)
    play.told("bonds", "hold", lacks(1, 1, short, code="lacking"))
    for _ in range(3):
        play.tick()
        play.told("bonds", "hold", lacks(1, 1, short))
    play.when(set_domain(state))
    assert kinds(play.told("bonds", "release")) == ["HoldsReleased", "RoundsRecycled"]
    play.when(set_domain(OPEN))
    assert kinds(play.tick()) == ["PartialOffered", "RoundsStarted", "DeedsOrdered"]


def test_a_hold_that_a_quarantined_domain_reports_late_decides_nothing(play: Play) -> None:
    play.instructed(apart())
    play.told("bonds", "hold")
    play.when(set_domain(QUARANTINED))
    assert play.told("euros", "hold") == []


def test_other_domains_go_on_during_a_quarantine(play: Play) -> None:
    play.when(set_domain(QUARANTINED))
    play.instructed(new(security="BOND"))
    play.told("bonds", "hold")
    play.told("bonds", "execute")
    assert play.status() == "SETTLED"


def test_the_highest_word_of_a_domain_is_kept_until_it_was_reconciled(play: Play) -> None:
    play.instructed(apart("a"), apart("b"))
    play.told("bonds", "hold", bundle=1, height=7)
    play.told("bonds", "hold", bundle=2, height=5)
    assert play.state.domains["bonds"].height == 7
    play.when(set_domain(CLOSED, "bonds"))
    play.when(set_domain(OPEN, "bonds"))
    assert play.state.domains["bonds"].height == 7
    play.when(set_domain(QUARANTINED, "bonds"))
    assert play.state.domains["bonds"].height == 7
    play.when(set_domain(OPEN, "bonds"))
    assert play.state.domains["bonds"].height == 0
