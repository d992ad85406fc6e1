"""Random streams of every kind of order: the book answers as its slow twin does."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings, strategies as st

from nostro.exchange.commands import OrderType, SelfTrade
from tests.rooms.exchange.book_play import (
    BUY,
    SELL,
    Cancel,
    Desk,
    Entry,
    Message,
    Reduce,
    Replace,
    told,
)
from tests.rooms.exchange.reference_book import Outcome, ReferenceBook

LOW, HIGH = 95, 105
prices = st.integers(LOW, HIGH)
lots = st.integers(1, 12)
rates = st.tuples(st.integers(1, 7), st.integers(1, 7))
sides = st.sampled_from((BUY, SELL))
users = st.sampled_from("abc")

plain = st.builds(Entry, users, sides, prices, lots)
icebergs = st.builds(Entry, users, sides, prices, lots, display=st.integers(1, 4))
modes = st.builds(
    Entry,
    users,
    sides,
    prices,
    lots,
    display=st.integers(0, 3),
    self_trade=st.sampled_from(SelfTrade),
    rests=st.booleans(),
    whole=st.booleans(),
)
banded = st.builds(
    Entry,
    users,
    sides,
    prices,
    st.integers(1, 40),
    type=st.sampled_from((OrderType.LIMIT, OrderType.MARKET, OrderType.STOP)),
    band=prices,
    rests=st.booleans(),
)
budgeted = st.builds(
    lambda user, side, price, lots, budget, rate, band, mode, whole: Entry(
        user,
        side,
        price,
        lots,
        type=OrderType.MARKET,
        self_trade=mode,
        rests=False,
        whole=whole,
        budget=budget,
        band=band,
        value_num=rate[0],
        value_den=rate[1],
    ),
    users,
    sides,
    prices,
    st.one_of(st.just(0), lots),
    st.integers(1, 3_000),
    rates,
    st.one_of(st.just(0), prices),
    st.sampled_from(SelfTrade),
    st.booleans(),
)
numbers = st.integers(1, 40)
messages = st.one_of(
    plain,
    plain,
    plain,
    icebergs,
    modes,
    banded,
    budgeted,
    st.builds(Cancel, numbers),
    st.builds(Reduce, numbers, lots),
    st.builds(Replace, numbers, prices, lots),
)


def told_by_twin(outcome: Outcome) -> tuple[object, ...]:
    return (
        outcome.fills,
        outcome.cancelled,
        outcome.reduced,
        outcome.left,
        outcome.decremented,
        outcome.stopped,
    )


class Pair:
    """A desk and the twin of its book, which are given the same messages."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.twin = ReferenceBook()

    def play(self, message: Message) -> tuple[object, ...]:
        said: tuple[object, ...] = ()
        match message:
            case Entry():
                said = self.enter(message)
            case Cancel(number) if number in self.desk.orders:
                self.desk.cancel(number)
                self.twin.remove(number)
            case Reduce(number, size) if number in self.desk.orders:
                order = self.desk.orders[number]
                less = min(size, order.lots_left - 1)
                self.desk.book.reduce(order, less)
                self.twin.reduce(number, less)
            case Replace(number, price, size) if number in self.desk.orders:
                said = self.replace(message, price, size)
            case _:
                pass
        self.compare()
        return said

    def enter(self, entry: Entry) -> tuple[object, ...]:
        taker = self.desk.taker(entry)
        before, was = self.desk.book.picture(), replace_of(taker)
        fillable = self.desk.book.fillable(taker, **entry.limits)
        assert self.desk.book.match(taker, **entry.limits).whole == fillable
        assert (self.desk.book.picture(), replace_of(taker)) == (before, was)
        outcome = self.twin.match(taker, **entry.limits)
        matched = self.desk.enter(entry)
        assert told(matched) == told_by_twin(outcome)
        whole = outcome.stopped in ("filled", "budget") and not outcome.decremented
        assert fillable == whole
        if whole or not entry.whole:
            self.follow(outcome, was[0], entry)
        return told(matched)

    def replace(self, message: Replace, price: int, size: int) -> tuple[object, ...]:
        order = self.desk.orders[message.number]
        entry = Entry(order.user_id, order.side, price, size, self_trade=order.self_trade)
        again = self.desk.taker(replace(entry, display=order.display))
        again.number = message.number
        self.twin.remove(message.number)
        outcome = self.twin.match(again, **entry.limits)
        matched = self.desk.replace(message, entry)
        assert told(matched) == told_by_twin(outcome)
        self.follow(outcome, message.number, replace(entry, display=order.display))
        return told(matched)

    def follow(self, outcome: Outcome, number: int, entry: Entry) -> None:
        """Let the twin's book become what the outcome says."""
        for maker, _, size in outcome.fills:
            self.twin.trade(maker, size)
        for maker in outcome.cancelled:
            self.twin.remove(maker)
        for maker, size in outcome.reduced:
            self.twin.reduce(maker, size)
        if outcome.left and entry.rests and outcome.stopped in ("empty", "price"):
            order = self.desk.taker(replace(entry, lots=outcome.left))
            order.number = number
            self.twin.add(order)

    def compare(self) -> None:
        book, twin = self.desk.book, self.twin
        book.check()
        assert book.picture() == twin.picture()
        assert (book.best_bid, book.best_ask) == (twin.best(BUY), twin.best(SELL))
        assert len(book) == len(twin.resting) == len(self.desk.orders)
        for side in (BUY, SELL):
            assert book.depth(side) == twin.depth(side)
            assert book.depth(side, 2) == twin.depth(side)[:2]
            assert [o.number for o in book.orders(side)] == [o.number for o in twin.queue(side)]
            for price in (LOW, 100, HIGH):
                own = twin.best(SELL if side is BUY else BUY)
                meets = bool(own) and (own <= price if side is BUY else own >= price)
                assert book.crosses(side, price) == meets
                level = [row[1:] for row in twin.depth(side) if row[0] == price]
                assert book.level(side, price) == (level or [(0, 0)])[0]


def replace_of(taker: object) -> tuple[int, ...]:
    fields = ("number", "price", "lots_left", "display", "shown")
    return tuple(getattr(taker, name) for name in fields)


@settings(max_examples=400, deadline=None)
@given(st.lists(messages, max_size=40))
def test_the_book_answers_as_its_slow_twin(stream: list[Message]) -> None:
    pair = Pair()
    for message in stream:
        pair.play(message)


@settings(max_examples=150, deadline=None)
@given(st.lists(icebergs, max_size=12), st.lists(st.one_of(modes, banded, budgeted), max_size=12))
def test_icebergs_that_take_turns_are_met_as_by_the_slow_twin(
    before: list[Entry], after: list[Entry]
) -> None:
    pair = Pair()
    for message in [*before, *after]:
        pair.play(replace(message, price=100))


@settings(max_examples=150, deadline=None)
@given(st.lists(messages, max_size=30), st.lists(messages, max_size=15))
def test_a_book_restored_in_priority_order_is_equal_and_goes_on_the_same(
    before: list[Message], after: list[Message]
) -> None:
    pair, again = Pair(), Pair()
    for message in before:
        pair.play(message)
        again.play(message)
    again.desk = again.desk.restored()
    again.compare()
    for message in after:
        assert pair.play(message) == again.play(message)
        assert pair.desk.book.picture() == again.desk.book.picture()
