"""How far from the reference may trades be, and what happens at the end of the band?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.exchange import (
    ChangeMarket,
    CreateMarket,
    MarketRules,
    MarketState,
    MarketStateSet,
    OrderType,
    SetMarketState,
    SetReference,
    TimeInForce,
    band_around,
)
from tests.rooms.exchange.play import BUY, NAME, SECOND_US, SELL, Play, kinds


def banded(**rules: Any) -> Play:
    """A market with a band of 95 to 105, in which bob offers 2 each at 104, 105, 106."""
    play = Play().market(lot_minor=1_000_000, reference=100, band_ppm=50_000, **rules)
    for price in (104, 105, 106):
        play.place("bob", SELL, 2, price)
    return play


@pytest.mark.parametrize(
    ("reference", "band_ppm", "band"),
    [
        (100, 50_000, (95, 105)),
        (101, 50_000, (96, 106)),  # 95.95 to 106.05: rounded inwards
        (1, 50_000, (1, 1)),
        (10**15, 50_000, (95 * 10**13, 10**15)),
        (100, 999_999, (1, 199)),
        (0, 50_000, (0, 0)),
        (100, 0, (0, 0)),
    ],
)
def test_the_ends_of_a_band_are_within_it(
    reference: int, band_ppm: int, band: tuple[int, int]
) -> None:
    assert band_around(reference, band_ppm) == band


def test_a_market_with_a_band_does_not_open_without_a_reference() -> None:
    play = Play()
    rules = MarketRules(band_ppm=1)
    play.when(CreateMarket(market=NAME, base="ADA", quote="USD", lot_minor=1, rules=rules))
    opening = SetMarketState(market=NAME, state=MarketState.OPEN)
    no = play.refused(opening)
    assert (no.code, no.facts) == ("exchange.reference_missing", {"market": NAME})
    play.when(SetReference(market=NAME, price=100))
    play.when(opening)


def test_an_open_market_gets_no_band_without_a_reference() -> None:
    play = Play().market()
    no = play.refused(ChangeMarket(market=NAME, rules=MarketRules(band_ppm=1)))
    assert no.code == "exchange.reference_missing"


def test_a_sweep_to_the_end_of_the_band_halts_the_market_and_ends_there() -> None:
    play = banded()
    body = play.place("ann", BUY, 10, type=OrderType.MARKET)
    assert (body["state"], body["reason"], body["filled"]) == ("cancelled", "band_breached", 4)
    assert kinds(play.events[-3:]) == ["TradesExecuted", "OrdersClosed", "MarketStateSet"]
    halted = play.events[-1]
    assert isinstance(halted, MarketStateSet)
    assert (halted.state, halted.reason) == (MarketState.HALTED, "band_breached")
    assert play.book() == [[], [(3, 106, 2)]]
    play.check()


def test_a_users_own_limit_halts_nothing() -> None:
    play = banded()
    body = play.place("ann", BUY, 10, 105)
    assert (body["state"], body["filled"], body["left"]) == ("partially_filled", 4, 6)
    assert play.at().state is MarketState.OPEN


def test_a_book_that_ends_within_the_band_halts_nothing() -> None:
    play = Play().market(reference=100, band_ppm=50_000)
    play.place("bob", SELL, 2, 104)
    body = play.place("ann", BUY, 10, type=OrderType.MARKET)
    assert (body["reason"], body["filled"]) == ("nothing_to_match", 2)
    assert play.at().state is MarketState.OPEN


def test_all_or_nothing_beyond_the_band_is_cancelled_without_a_halt() -> None:
    play = banded()
    terms: dict[str, Any] = {"type": OrderType.MARKET, "time_in_force": TimeInForce.FOK}
    assert play.place("ann", BUY, 6, **terms)["reason"] == "fok"
    assert play.at().state is MarketState.OPEN


def test_a_reference_moves_the_band_at_once() -> None:
    play = banded()
    play.when(SetReference(market=NAME, price=101))
    assert (play.at().band_low, play.at().band_high) == (96, 106)
    assert play.when(SetReference(market=NAME, price=101)) == []
    body = play.place("ann", BUY, 6, type=OrderType.MARKET)
    assert (body["state"], body["filled"]) == ("filled", 6)


def test_the_last_price_becomes_the_reference_once_the_reference_is_old_enough() -> None:
    play = banded(reference_s=60)
    play.now_us += 60 * SECOND_US - 1
    play.place("ann", BUY, 1, 104)
    assert play.at().reference == 100
    play.now_us += 1
    play.place("ann", BUY, 1, 104)
    assert (play.at().reference, play.at().band_high) == (104, 109)
    play.check()
    play.now_us += 60 * SECOND_US - 1
    play.place("ann", BUY, 1, 105)
    assert play.at().reference == 104
    play.check()


def test_a_stop_without_a_worst_price_has_a_band_around_its_stop_price() -> None:
    play = banded()
    order = play.place("ann", BUY, 1, type=OrderType.STOP, stop=200)["order"]
    assert play.order(order).price == 210


def test_a_market_order_that_finds_nothing_within_the_band_halts_nothing() -> None:
    play = Play().market(reference=100, band_ppm=50_000)
    play.place("bob", SELL, 1, 106)
    body = play.place("ann", BUY, 1, type=OrderType.MARKET)
    assert (body["state"], body["reason"]) == ("cancelled", "band_breached")
    assert play.at().state is MarketState.OPEN
