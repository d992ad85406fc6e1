"""No client_order_id ever stands for two orders of a user, however and how late it comes again."""

from __future__ import annotations

import pytest

from nostro.exchange import (
    CreateMarket,
    EnterOrder,
    ExchangeRoom,
    ExchangeState,
    MarketState,
    NewOrder,
    PlaceOrder,
    PlaceOrders,
    RefuseOrder,
    SetMarketState,
    Side,
)
from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Decision, Position

USED = "exchange.client_order_id_used"


class Counter:
    """A room whose names leave memory as soon as they may, and the rows that it has made."""

    def __init__(self) -> None:
        self.room = ExchangeRoom(names_hot_max=0)
        self.state: ExchangeState = self.room.new()
        self.rows: list[list[Event]] = []
        self.tell(CreateMarket(market="ADA-USD", base="ADA", quote="USD", lot_minor=10**6))
        self.tell(SetMarketState(market="ADA-USD", state=MarketState.OPEN))

    def tell(self, command: Command) -> Decision:
        """Decide a command as the engine does: what left memory is read again first."""
        recalled: dict[str, int] = {}
        for name, height in self.room.cold(self.state, command):
            recalled |= self.room.recall([name], self.rows[height - 1])
        height = len(self.rows) + 1
        decision = self.room.decide(self.state, command, Context(height, height, "a", recalled))
        for event in decision.events:
            self.room.evolve(self.state, event, Position(height, height))
        self.rows.append(list(decision.events))
        return decision

    def forget(self) -> None:
        """Let everything leave memory that may."""
        self.room.settle(self.state, len(self.rows))

    def restart(self) -> None:
        """Go on from a snapshot."""
        digest = self.room.digest(self.state)
        self.state = self.room.load(self.room.dump(self.state))
        assert self.room.digest(self.state) == digest


def named(name: str, *, lots: int = 1) -> NewOrder:
    return NewOrder(market="ADA-USD", side=Side.BUY, lots=lots, price=1, client_order_id=name)


def one(name: str, user_id: str = "alice") -> PlaceOrder:
    return PlaceOrder(user_id=user_id, order=named(name))


@pytest.mark.parametrize("way", ["at once", "forgotten", "restarted"])
def test_a_name_that_was_used_is_used_for_ever(way: str) -> None:
    counter = Counter()
    counter.tell(one("mine"))
    counter.tell(EnterOrder(order=1))
    if way == "forgotten":
        counter.forget()
        assert not counter.state.names.seen.hot_count
    elif way == "restarted":
        counter.restart()
    with pytest.raises(Rejection) as refused:
        counter.tell(one("mine"))
    assert (refused.value.code, refused.value.facts["order"]) == (USED, 1)
    results = counter.tell(PlaceOrders(user_id="alice", orders=[named("mine"), named("other")]))
    assert [each.get("code") for each in results.body["results"]] == [USED, None]


def test_a_rejected_order_has_used_its_name() -> None:
    counter = Counter()
    counter.tell(one("mine"))
    counter.tell(RefuseOrder(order=1, reason="exchange.insufficient_funds"))
    with pytest.raises(Rejection, match=USED):
        counter.tell(one("mine"))


def test_an_order_that_was_refused_before_it_was_one_has_used_nothing() -> None:
    counter = Counter()
    with pytest.raises(Rejection):
        counter.tell(PlaceOrder(user_id="alice", order=named("mine", lots=0)))
    assert counter.tell(one("mine")).body == {"order": 1}


def test_a_name_is_its_users_own_and_none_is_none() -> None:
    counter = Counter()
    counter.tell(one("mine"))
    counter.tell(one("mine", user_id="bob"))
    counter.tell(one(""))
    assert counter.tell(one("")).body == {"order": 4}


def test_one_command_does_not_use_a_name_twice() -> None:
    counter = Counter()
    told = counter.tell(PlaceOrders(user_id="alice", orders=[named("mine"), named("mine")]))
    assert [each.get("code") for each in told.body["results"]] == [None, USED]
