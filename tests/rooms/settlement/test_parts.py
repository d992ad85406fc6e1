"""What settles of a settlement when not all of it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nostro.kernel.movement import Lacking
from nostro.settlement import (
    DAY_US,
    SECOND_US,
    Deed,
    DeedOrder,
    DeedResult,
    HoldSettlement,
    PartialOffered,
    Party,
    ReleaseSettlement,
    RoundsRecycled,
    RoundsSettled,
    RoundsStarted,
)
from tests.rooms.settlement.play import PARTS, Play, apart, kinds, lacks, new, of, willing


@pytest.fixture
def play() -> Iterator[Play]:
    made = Play()
    yield made
    made.check()


def short_of(party: str, asset: str, available: int) -> Any:
    """Return a ledger that lacks something of every lock or move that asks for more."""

    def answer(deed: Deed, order: DeedOrder) -> DeedResult:
        if deed is Deed.POST:
            asks = sum(
                move.amount_minor
                for move in order.moves
                if (move.source, move.asset) == (party, asset)
            )
            if asks > available:
                return lacks(order.bundle, order.round, Lacking(party, asset, available))
        return willing(deed, order)

    return answer


def test_what_is_there_of_the_securities_settles_at_once_against_its_share_of_the_cash(
    play: Play,
) -> None:
    play.ledger = short_of("ann", "GOLD", 33)
    play.instructed(new(amount_minor=1_001, **PARTS))
    play.tick(), play.tick()
    events = play.tick()
    assert kinds(events) == [
        "DeedsOrdered",
        "DeedsRefused",
        "RoundsDecided",
        "RoundsRecycled",
        "PartialOffered",
        "RoundsStarted",
        "DeedsOrdered",
        "DeedsExecuted",
        "RoundsSettled",
    ]
    assert play.status() == "PARTIALLY_SETTLED"
    assert (play.live().settled_minor, play.live().paid_minor) == (33, 330)
    play.ledger = willing
    play.tick()
    assert play.status() == "SETTLED"


def test_the_last_part_takes_what_rounding_left(play: Play) -> None:
    play.ledger = short_of("ann", "GOLD", 33)
    play.instructed(new(amount_minor=1_001, **PARTS))
    settled: list[Any] = []
    for _ in range(40):
        settled += of(play.tick(), RoundsSettled)
        if not play.state.settlements:
            break
    tranches = [each.rounds[0].tranches[0] for each in settled]
    assert [each.quantity_minor for each in tranches] == [33, 33, 33, 1]
    assert sum(each.amount_minor for each in tranches) == 1_001


def test_cash_that_is_short_pays_for_a_part(play: Play) -> None:
    play.ledger = short_of("bob", "USD", 505)
    play.instructed(new(**PARTS))
    play.tick(), play.tick(), play.tick()
    assert (play.live().settled_minor, play.live().paid_minor) == (50, 500)


def test_a_part_needs_both_sides_consent(play: Play) -> None:
    play.ledger = short_of("ann", "GOLD", 33)
    play.instructed(new(seller_partial=PARTS["seller_partial"]))
    play.tick(), play.tick(), play.tick()
    assert play.status() == "PENDING"
    assert play.live().settled_minor == 0


def test_a_bundle_settles_in_no_parts(play: Play) -> None:
    play.ledger = short_of("ann", "GOLD", 33)
    play.instructed(new("a", **PARTS), new("b", **PARTS), linked=True)
    play.tick(), play.tick(), play.tick()
    assert play.live().settled_minor == 0


def test_a_part_refused_again_waits_for_the_next_window(play: Play) -> None:
    """The securities are there for a part, but meanwhile less of it: no third try at once with as
    much, and the next window asks again."""
    play.instructed(apart(**PARTS))
    for _ in range(3):
        play.told("bonds", "hold", lacks(1, 1, Lacking("ann", "BOND", 50)))
        play.tick()
    play.told("bonds", "hold", lacks(1, 1, Lacking("ann", "BOND", 50)))
    events = play.told("bonds", "release")
    assert of(events, RoundsStarted)[0].rounds[0].tranches[0].quantity_minor == 50
    for _ in range(3):
        play.told("bonds", "hold", lacks(1, 2, Lacking("ann", "BOND", 0)))
        play.tick()
    play.told("bonds", "hold", lacks(1, 2, Lacking("ann", "BOND", 0)))
    [recycled] = of(play.told("bonds", "release", round_=2), RoundsRecycled)
    assert recycled.rounds[0].recycled == 0
    assert (
        recycled.rounds[0].starts_at_us
        == play.now_us // (86_400 * SECOND_US) * (86_400 * SECOND_US) + 10 * 3_600 * SECOND_US
    )
    events = play.tick()
    assert of(events, RoundsStarted)[0].rounds[0].tranches[0].quantity_minor == 100


def test_what_lacked_before_a_side_kept_it_back_limits_nothing_after(play: Play) -> None:
    play.instructed(apart(**PARTS))
    play.told("bonds", "hold", lacks(1, 1, Lacking("ann", "BOND", 50)))
    play.when(HoldSettlement(settlement=1, side=Party.SELLER))
    play.told("bonds", "release")
    play.now_us += 3 * DAY_US
    events = play.when(ReleaseSettlement(settlement=1, side=Party.SELLER))
    assert of(events, RoundsStarted)[0].rounds[0].tranches[0].quantity_minor == 100


def test_a_window_offers_the_part_that_is_known_to_be_there(play: Play) -> None:
    """A part that the seller's own hold cut short is not offered before the window."""
    play.instructed(apart(**PARTS))
    short = Lacking("ann", "BOND", 60)
    for _ in range(3):
        play.told("bonds", "hold", lacks(1, 1, short))
        play.tick()
    play.told("bonds", "hold", lacks(1, 1, short))
    play.told("bonds", "release")
    for _ in range(3):
        play.told("bonds", "hold", lacks(1, 2, Lacking("ann", "BOND", 40)))
        play.tick()
    play.told("bonds", "hold", lacks(1, 2, Lacking("ann", "BOND", 40)))
    events = play.told("bonds", "release", round_=2)
    assert of(events, RoundsStarted)[0].rounds[0].tranches[0].quantity_minor == 40
    for _ in range(3):
        play.told("bonds", "hold", lacks(1, 3, Lacking("ann", "BOND", 40)))
        play.tick()
    play.told("bonds", "hold", lacks(1, 3, Lacking("ann", "BOND", 40)))
    assert of(play.told("bonds", "release", round_=3), RoundsStarted) == []
    assert of(play.tick(), PartialOffered)[0].quantity_minor == 40
    play.held(round_=4)
    play.told("bonds", "execute", round_=4)
    [settled] = of(play.told("euros", "execute", round_=4), RoundsSettled)
    assert settled.rounds[0].open_minor == [(1, 60)]
    assert settled.rounds[0].starts_at_us > play.now_us
