"""What a book must not get wrong, one small example each; most are bugs that others have had."""

from __future__ import annotations

import pytest

from nostro.exchange.commands import OrderType, SelfTrade
from nostro.exchange.levels import LONG
from nostro.exchange.matching import Stop
from nostro.exchange.terms import LOTS_MAX, TICKS_MAX, Side
from tests.rooms.exchange.book_play import BUY, SELL, Desk, Entry, Replace, told


@pytest.fixture
def desk() -> Desk:
    return Desk()


def queue(desk: Desk, side: Side) -> list[tuple[int, int]]:
    """Return (number, lots left) in priority order, of a book that is consistent."""
    desk.book.check()
    return [(order.number, order.lots_left) for order in desk.book.orders(side)]


def fills(desk: Desk, entry: Entry) -> list[tuple[int, int, int]]:
    """Enter an order; return (maker, price, lots) of its fills."""
    return [(maker.number, maker.price, lots) for maker, lots in desk.enter(entry).fills]


# -- price and time ------------------------------------------------------------------------------


def test_an_empty_book_has_no_best_price_and_matches_nothing(desk: Desk) -> None:
    assert (desk.book.best_bid, desk.book.best_ask, len(desk.book)) == (0, 0, 0)
    assert not desk.book.crosses(BUY, TICKS_MAX)
    assert not desk.book.crosses(SELL, 1)
    matched = desk.enter(Entry("a", BUY, 100, 5, rests=False))
    assert told(matched) == ([], [], [], 5, 0, "empty")
    assert desk.book.depth(BUY) == []


def test_a_trade_prints_at_the_makers_price(desk: Desk) -> None:
    maker = desk.rest("a", SELL, 100, 5)
    assert fills(desk, Entry("b", BUY, 110, 5)) == [(maker, 100, 5)]
    maker = desk.rest("a", BUY, 100, 5)
    assert fills(desk, Entry("b", SELL, 90, 5)) == [(maker, 100, 5)]


def test_the_best_price_trades_first_and_at_one_price_the_oldest(desk: Desk) -> None:
    second, third, first = (desk.rest("a", SELL, price, 5) for price in (101, 101, 100))
    assert fills(desk, Entry("b", BUY, 101, 12)) == [
        (first, 100, 5),
        (second, 101, 5),
        (third, 101, 2),
    ]
    assert queue(desk, SELL) == [(third, 3)]


def test_a_limit_is_not_traded_through(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    desk.rest("a", SELL, 102, 5)
    matched = desk.enter(Entry("b", BUY, 101, 8))
    assert (matched.left, matched.stopped) == (3, Stop.PRICE)
    assert (desk.book.best_bid, desk.book.best_ask) == (101, 102)


def test_a_partly_filled_maker_keeps_its_place(desk: Desk) -> None:
    first, second = desk.rest("a", SELL, 100, 5), desk.rest("a", SELL, 100, 5)
    desk.enter(Entry("b", BUY, 100, 2))
    assert fills(desk, Entry("b", BUY, 100, 4)) == [(first, 100, 3), (second, 100, 1)]


def test_a_cancel_in_the_middle_leaves_the_others_in_their_places(desk: Desk) -> None:
    first, middle, last = (desk.rest("a", BUY, 100, 5) for _ in range(3))
    desk.cancel(middle)
    assert queue(desk, BUY) == [(first, 5), (last, 5)]
    assert fills(desk, Entry("b", SELL, 100, 10)) == [(first, 100, 5), (last, 100, 5)]


def test_the_best_price_is_not_stale_after_its_last_order_is_cancelled(desk: Desk) -> None:
    desk.rest("a", BUY, 99, 5)
    best = desk.rest("a", BUY, 100, 5)
    desk.cancel(best)
    assert desk.book.best_bid == 99
    assert not desk.book.crosses(SELL, 100)
    assert desk.enter(Entry("b", SELL, 100, 5)).fills == ()


def test_the_best_price_is_not_stale_after_its_last_order_is_filled(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    desk.rest("a", SELL, 101, 5)
    desk.enter(Entry("b", BUY, 100, 5))
    assert desk.book.best_ask == 101


def test_a_filled_order_is_gone_and_cannot_be_cancelled(desk: Desk) -> None:
    number = desk.rest("a", SELL, 100, 5)
    order = desk.orders[number]
    desk.enter(Entry("b", BUY, 100, 5))
    assert queue(desk, SELL) == []
    assert order.lots_left == 0
    with pytest.raises(KeyError):
        desk.book.remove(order)


def test_an_order_that_is_cancelled_twice_takes_no_other_with_it(desk: Desk) -> None:
    first, second = desk.rest("a", SELL, 100, 5), desk.rest("a", SELL, 100, 5)
    order = desk.orders[first]
    desk.cancel(first)
    with pytest.raises(KeyError):
        desk.book.remove(order)
    assert queue(desk, SELL) == [(second, 5)]


def test_no_trade_has_zero_lots(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    assert told(desk.enter(Entry("b", BUY, 100, 0))) == ([], [], [], 0, 0, "filled")
    desk.enter(Entry("b", BUY, 100, 5))
    desk.rest("a", SELL, 100, 5, display=5)
    assert fills(desk, Entry("b", BUY, 100, 5)) == [(5 - 1, 100, 5)]


def test_matching_changes_neither_the_book_nor_the_taker(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5, display=2)
    desk.rest("b", SELL, 100, 5)
    taker = desk.taker(Entry("b", BUY, 100, 9, self_trade=SelfTrade.DECREMENT))
    before = desk.book.picture()
    assert told(desk.book.match(taker)) == told(desk.book.match(taker))
    assert desk.book.picture() == before
    assert taker.lots_left == 9


def test_the_largest_prices_and_quantities_match_exactly(desk: Desk) -> None:
    maker = desk.rest("a", SELL, TICKS_MAX, LOTS_MAX)
    assert fills(desk, Entry("b", BUY, TICKS_MAX, LOTS_MAX - 1)) == [
        (maker, TICKS_MAX, LOTS_MAX - 1)
    ]
    assert queue(desk, SELL) == [(maker, 1)]
    desk.rest("b", BUY, 1, LOTS_MAX)
    assert desk.book.best_bid == 1


# -- amending ------------------------------------------------------------------------------------


def test_a_reduced_order_keeps_its_place(desk: Desk) -> None:
    first, second = desk.rest("a", SELL, 100, 5), desk.rest("a", SELL, 100, 5)
    desk.book.reduce(desk.orders[first], 3)
    assert queue(desk, SELL) == [(first, 2), (second, 5)]


def test_a_reduced_iceberg_loses_hidden_lots_first(desk: Desk) -> None:
    number = desk.rest("a", SELL, 100, 10, display=4)
    desk.book.reduce(desk.orders[number], 5)
    assert desk.book.level(SELL, 100) == (4, 1)
    desk.book.reduce(desk.orders[number], 3)
    assert desk.book.level(SELL, 100) == (2, 1)
    assert fills(desk, Entry("b", BUY, 100, 9)) == [(number, 100, 2)]


def test_a_replaced_order_goes_to_the_back_and_its_siblings_stay(desk: Desk) -> None:
    first, second = desk.rest("a", BUY, 100, 5), desk.rest("a", BUY, 100, 5)
    desk.replace(Replace(first, 100, 6), Entry("a", BUY, 100, 6))
    assert queue(desk, BUY) == [(second, 5), (first, 6)]
    desk.replace(Replace(second, 101, 5), Entry("a", BUY, 101, 5))
    assert queue(desk, BUY) == [(second, 5), (first, 6)]


def test_a_crossing_replace_trades_and_leaves_no_crossed_book(desk: Desk) -> None:
    maker = desk.rest("a", SELL, 105, 3)
    number = desk.rest("b", BUY, 100, 5)
    matched = desk.replace(Replace(number, 106, 5), Entry("b", BUY, 106, 5))
    assert told(matched) == ([(maker, 105, 3)], [], [], 2, 0, "empty")
    assert queue(desk, BUY) == [(number, 2)]
    assert (desk.book.best_bid, desk.book.best_ask) == (106, 0)


# -- icebergs ------------------------------------------------------------------------------------


def test_an_iceberg_shows_one_slice(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 10, display=3)
    desk.rest("a", SELL, 100, 5)
    desk.rest("a", SELL, 101, 7)
    assert desk.book.depth(SELL) == [(100, 8, 2), (101, 7, 1)]
    assert desk.book.depth(SELL, 1) == [(100, 8, 2)]


def test_a_new_slice_of_an_iceberg_goes_to_the_back(desk: Desk) -> None:
    iceberg = desk.rest("a", SELL, 100, 7, display=3)
    plain = desk.rest("a", SELL, 100, 4)
    assert fills(desk, Entry("b", BUY, 100, 4)) == [(iceberg, 100, 3), (plain, 100, 1)]
    assert queue(desk, SELL) == [(plain, 3), (iceberg, 4)]
    assert desk.book.level(SELL, 100) == (6, 2)


def test_a_large_order_meets_every_slice_in_turn(desk: Desk) -> None:
    one = desk.rest("a", SELL, 100, 5, display=2)
    two = desk.rest("c", SELL, 100, 4, display=3)
    assert fills(desk, Entry("b", BUY, 100, 20)) == [
        (one, 100, 2),
        (two, 100, 3),
        (one, 100, 2),
        (two, 100, 1),
        (one, 100, 1),
    ]
    assert queue(desk, SELL) == []


def test_a_slice_that_is_partly_filled_keeps_its_place(desk: Desk) -> None:
    iceberg = desk.rest("a", SELL, 100, 9, display=3)
    plain = desk.rest("a", SELL, 100, 4)
    desk.enter(Entry("b", BUY, 100, 2))
    assert fills(desk, Entry("b", BUY, 100, 2)) == [(iceberg, 100, 1), (plain, 100, 1)]


def test_an_iceberg_that_enters_again_shows_a_whole_slice(desk: Desk) -> None:
    number = desk.rest("a", SELL, 100, 9, display=3)
    desk.enter(Entry("b", BUY, 100, 2))
    desk.replace(Replace(number, 101, 7), Entry("a", SELL, 101, 7))
    assert desk.book.depth(SELL) == [(101, 3, 1)]


# -- all or nothing ------------------------------------------------------------------------------


def test_all_or_nothing_looks_at_the_whole_quantity_of_several_makers(desk: Desk) -> None:
    for price in (100, 101, 102):
        desk.rest("a", SELL, price, 5)
    before = desk.book.picture()
    assert not desk.enter(Entry("b", BUY, 102, 16, whole=True, rests=False)).whole
    assert not desk.enter(Entry("b", BUY, 101, 11, whole=True, rests=False)).whole
    assert desk.book.picture() == before
    assert desk.enter(Entry("b", BUY, 102, 15, whole=True, rests=False)).whole
    assert queue(desk, SELL) == []


def test_all_or_nothing_counts_what_icebergs_hide(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 50, display=1)
    assert desk.book.fillable(desk.taker(Entry("b", BUY, 100, 50)))
    assert not desk.book.fillable(desk.taker(Entry("b", BUY, 100, 51)))


@pytest.mark.parametrize("mode", SelfTrade)
def test_all_or_nothing_does_not_count_orders_of_the_same_user(desk: Desk, mode: SelfTrade) -> None:
    desk.rest("b", SELL, 100, 5)
    desk.rest("a", SELL, 100, 5)
    assert not desk.book.fillable(desk.taker(Entry("b", BUY, 100, 6, self_trade=mode)))
    skips = mode is SelfTrade.CANCEL_MAKER
    assert desk.book.fillable(desk.taker(Entry("b", BUY, 100, 5, self_trade=mode))) == skips


# -- self trade ----------------------------------------------------------------------------------


def met(desk: Desk, mode: SelfTrade, lots: int) -> tuple[object, ...]:
    """Rest 1: 3 of a, 2: 5 of b, 3: 4 of a; let b buy."""
    for user, size in (("a", 3), ("b", 5), ("a", 4)):
        desk.rest(user, SELL, 100, size)
    return told(desk.enter(Entry("b", BUY, 100, lots, self_trade=mode)))


def test_cancel_taker_ends_the_taker_at_its_own_order(desk: Desk) -> None:
    said = met(desk, SelfTrade.CANCEL_TAKER, 10)
    assert said == ([(1, 100, 3)], [], [], 7, 0, "self_trade")
    assert queue(desk, SELL) == [(2, 5), (3, 4)]


def test_cancel_maker_cancels_its_own_orders_and_goes_on(desk: Desk) -> None:
    said = met(desk, SelfTrade.CANCEL_MAKER, 10)
    assert said == ([(1, 100, 3), (3, 100, 4)], [2], [], 3, 0, "empty")
    assert queue(desk, BUY) == [(4, 3)]


def test_cancel_both_cancels_its_own_order_and_ends(desk: Desk) -> None:
    said = met(desk, SelfTrade.CANCEL_BOTH, 10)
    assert said == ([(1, 100, 3)], [2], [], 7, 0, "self_trade")
    assert queue(desk, SELL) == [(3, 4)]


def test_decrement_takes_the_smaller_quantity_off_both(desk: Desk) -> None:
    said = met(desk, SelfTrade.DECREMENT, 10)
    assert said == ([(1, 100, 3), (3, 100, 2)], [2], [], 0, 5, "filled")
    assert queue(desk, SELL) == [(3, 2)]


def test_decrement_leaves_a_larger_maker_in_its_place(desk: Desk) -> None:
    said = met(desk, SelfTrade.DECREMENT, 7)
    assert said == ([(1, 100, 3)], [], [(2, 4)], 0, 4, "self_trade")
    assert queue(desk, SELL) == [(2, 1), (3, 4)]


def test_decrement_of_equals_leaves_neither(desk: Desk) -> None:
    said = met(desk, SelfTrade.DECREMENT, 8)
    assert said == ([(1, 100, 3)], [2], [], 0, 5, "self_trade")
    assert queue(desk, SELL) == [(3, 4)]


def test_decrement_counts_what_an_own_iceberg_hides(desk: Desk) -> None:
    number = desk.rest("b", SELL, 100, 9, display=2)
    said = told(desk.enter(Entry("b", BUY, 100, 8, self_trade=SelfTrade.DECREMENT)))
    assert said == ([], [], [(number, 8)], 0, 8, "self_trade")
    assert desk.book.level(SELL, 100) == (1, 1)


def test_the_takers_instruction_wins(desk: Desk) -> None:
    maker = desk.rest("b", SELL, 100, 5, self_trade=SelfTrade.CANCEL_MAKER)
    matched = desk.enter(Entry("b", BUY, 100, 5, self_trade=SelfTrade.CANCEL_TAKER))
    assert matched.stopped is Stop.SELF_TRADE
    assert queue(desk, SELL) == [(maker, 5)]


# -- budgets -------------------------------------------------------------------------------------


def test_a_budget_is_spent_to_the_last_lot_that_it_pays_for(desk: Desk) -> None:
    cheap, dear = desk.rest("a", SELL, 100, 5), desk.rest("a", SELL, 200, 5)
    market = Entry("b", BUY, TICKS_MAX, 0, type=OrderType.MARKET, rests=False, budget=999)
    said = told(desk.enter(market))
    assert said == ([(cheap, 100, 5), (dear, 200, 2)], [], [], 0, 0, "budget")


def test_a_budget_is_compared_with_exact_values(desk: Desk) -> None:
    """A lot at 100 is worth 100/3: 33 lots cost 1,100 exactly, and nothing is rounded per fill."""
    makers = [desk.rest("a", SELL, 100, 1) for _ in range(40)]
    taker = desk.taker(Entry("b", BUY, 100, 0, type=OrderType.MARKET))
    matched = desk.book.match(taker, budget=1_100, value_num=1, value_den=3)
    assert [maker.number for maker, _ in matched.fills] == makers[:33]
    assert matched.whole


def test_a_budget_too_small_for_one_lot_trades_nothing(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    market = Entry("b", BUY, 100, 0, type=OrderType.MARKET, rests=False, budget=99)
    assert told(desk.enter(market)) == ([], [], [], 0, 0, "budget")


def test_a_sale_earns_at_most_its_budget(desk: Desk) -> None:
    high, low = desk.rest("a", BUY, 100, 5), desk.rest("a", BUY, 50, 50)
    market = Entry("b", SELL, 1, 20, type=OrderType.MARKET, rests=False, budget=700)
    said = told(desk.enter(market))
    assert said == ([(high, 100, 5), (low, 50, 4)], [], [], 11, 0, "budget")


def test_a_budget_that_the_book_cannot_use_up_is_not_whole(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    taker = desk.taker(Entry("b", BUY, 100, 0, type=OrderType.MARKET))
    assert not desk.book.fillable(taker, budget=600)
    assert desk.book.fillable(taker, budget=500)


# -- bands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "price", "stopped"),
    [
        (OrderType.LIMIT, 103, Stop.BAND),
        (OrderType.LIMIT, 102, Stop.PRICE),
        (OrderType.LIMIT, 101, Stop.PRICE),
        (OrderType.LIMIT, 100, Stop.PRICE),
        (OrderType.MARKET, 103, Stop.BAND),
        (OrderType.MARKET, 101, Stop.BAND),
        (OrderType.STOP, 101, Stop.BAND),
        (OrderType.STOP_LIMIT, 101, Stop.PRICE),
        (OrderType.MARKET, 100, Stop.PRICE),
    ],
)
def test_the_band_stops_what_its_own_limit_would_not_have_stopped(
    desk: Desk, kind: OrderType, price: int, stopped: Stop
) -> None:
    desk.rest("a", SELL, 100, 5)
    desk.rest("a", SELL, 103, 5)
    entry = Entry("b", BUY, price, 9, type=kind, band=101, rests=False)
    matched = desk.enter(entry)
    assert (matched.stopped, matched.left) == (stopped, 4)
    desk.rest("a", BUY, 97, 5)
    desk.rest("a", BUY, 94, 5)
    mirrored = Entry("b", SELL, 197 - price, 9, type=kind, band=96, rests=False)
    assert desk.enter(mirrored).stopped is stopped


def test_a_band_that_nothing_lies_beyond_is_not_breached(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    matched = desk.enter(Entry("b", BUY, 110, 9, type=OrderType.MARKET, band=101, rests=False))
    assert matched.stopped is Stop.EMPTY


def test_a_band_that_ends_before_the_best_price_lets_nothing_trade(desk: Desk) -> None:
    desk.rest("a", SELL, 100, 5)
    matched = desk.enter(Entry("b", BUY, 110, 9, type=OrderType.MARKET, band=99, rests=False))
    assert told(matched) == ([], [], [], 9, 0, "band")


# -- long queues and restoring -------------------------------------------------------------------


def test_a_long_level_keeps_its_order(desk: Desk) -> None:
    size = LONG + 50
    numbers = [desk.rest("a", BUY, 100, 2) for _ in range(size)]
    for number in numbers[10::7]:
        desk.cancel(number)
    left = [number for place, number in enumerate(numbers) if place < 10 or (place - 10) % 7]
    desk.enter(Entry("b", SELL, 100, 3))
    assert queue(desk, BUY) == [(left[1], 1), *((number, 2) for number in left[2:])]
    iceberg = desk.rest("a", BUY, 100, 6, display=2)
    matched = desk.enter(Entry("b", SELL, 100, 2 * len(left)))
    assert [maker.number for maker, _ in matched.fills] == [*left[1:], iceberg, iceberg]
    assert queue(desk, BUY) == [(iceberg, 3)]


def test_a_restored_book_is_equal_and_icebergs_keep_what_they_show(desk: Desk) -> None:
    touched = desk.rest("a", SELL, 100, 9, display=4)
    desk.rest("c", SELL, 100, 3)
    desk.rest("a", SELL, 100, 9, display=3)
    desk.rest("a", BUY, 98, 3)
    desk.enter(Entry("b", BUY, 100, 1))
    again = desk.restored()
    assert again.book.picture() == desk.book.picture()
    assert again.book.depth(SELL) == desk.book.depth(SELL) == [(100, 9, 3)]
    entry = Entry("b", BUY, 100, 12)
    matched = desk.enter(entry)
    assert matched.fills[0][0].number == touched
    assert told(again.enter(entry)) == told(matched)
    assert again.book.picture() == desk.book.picture()


def test_books_that_differ_in_the_order_of_a_queue_have_other_pictures(desk: Desk) -> None:
    other = Desk()
    for at, numbers in ((desk, (1, 2)), (other, (2, 1))):
        for at.next in numbers:
            at.rest("a", BUY, 100, 5)
    assert desk.book.depth(BUY) == other.book.depth(BUY)
    assert desk.book.picture() != other.book.picture()


def test_the_check_finds_a_price_that_was_changed_on_the_book(desk: Desk) -> None:
    number = desk.rest("a", BUY, 100, 5)
    desk.book.check()
    desk.orders[number].price = 101
    with pytest.raises(AssertionError):
        desk.book.check()
