"""The story of an order: its funds held, released, asked for again, or not to be had."""

from __future__ import annotations

import pytest

from nostro.exchange import (
    AmendOrder,
    CancelOrders,
    MarketRules,
    NewOrder,
    OrderType,
    PlaceOrders,
    ReleaseFunds,
    SetKillSwitch,
    Side,
    TimeInForce,
)
from nostro.ledger import CloseAccount
from tests.flows.bourse import LOT, MARKET, Bourse


@pytest.fixture
def bourse() -> Bourse:
    town = Bourse()
    town.fund("alice", usd=100_000)
    town.fund("bob", lots=500)
    return town


def test_an_order_holds_its_worst_case_and_its_dearest_fee(bourse: Bourse) -> None:
    told = bourse.buy("alice", 10, 100)
    assert (told["state"], told["left"], told["fills"]) == ("open", 10, [])
    # 1,000 cents, and as it rests now, one in a thousand of it.
    assert bourse.money("alice") == (100_000 - 1_001, 0, 1_001, 0)
    bourse.sell("bob", 10, 200)
    assert bourse.money("bob") == (0, 490, 0, 10)
    bourse.check()


def test_an_order_without_the_funds_is_rejected_and_moves_nothing(bourse: Bourse) -> None:
    reply = bourse.place("alice", Side.BUY, 1_000, 100)
    assert reply.code == "exchange.insufficient_funds"
    facts = {"order": 1, "asset": "USD", "needed_minor": 100_200}
    assert facts.items() <= reply.facts.items()
    assert bourse.kinds()[-1] == "OrderRefused"
    assert bourse.money("alice") == (100_000, 0, 0, 0)
    assert not bourse.exchange.orders
    assert bourse.buy("alice", 10, 100)["order"] == 2
    bourse.check()


def test_who_never_had_the_asset_has_insufficient_funds_too() -> None:
    bourse = Bourse()
    assert bourse.place("carol", Side.SELL, 1, 100).code == "exchange.insufficient_funds"


def test_a_frozen_wallet_places_no_order(bourse: Bourse) -> None:
    bourse.freeze("wallet:alice:USD")
    assert bourse.place("alice", Side.BUY, 10, 100).code == "ledger.debit_frozen"


def test_a_cancelled_order_gives_everything_back(bourse: Bourse) -> None:
    order = bourse.buy("alice", 10, 100)["order"]
    reply = bourse.cancel("alice", order)
    assert (reply.code, reply.body["state"]) == ("", "cancelled")
    assert bourse.money("alice") == (100_000, 0, 0, 0)
    assert bourse.cancel("alice", order).code == "exchange.order_not_open"
    bourse.check()


def test_a_better_price_than_the_limit_is_released_at_once(bourse: Bourse) -> None:
    bourse.sell("bob", 10, 90)
    told = bourse.buy("alice", 10, 100)
    assert told["state"] == "filled"
    assert bourse.money("alice") == (100_000 - 900 - 2, 10, 0, 0)
    bourse.check()


def test_reducing_releases_and_asking_for_more_holds_more(bourse: Bourse) -> None:
    order = bourse.buy("alice", 10, 100)["order"]
    bourse.must(AmendOrder(order=order, user_id="alice", lots=4))
    assert bourse.money("alice")[2] == 401
    told = bourse.must(AmendOrder(order=order, user_id="alice", lots=20)).body
    assert (told["order"], told["left"], told["state"]) == (order, 20, "open")
    assert bourse.money("alice")[2] == 2_002
    bourse.check()


def test_an_amendment_beyond_the_means_leaves_the_order_as_it_was(bourse: Bourse) -> None:
    order = bourse.buy("alice", 10, 100)["order"]
    before = bourse.money("alice")
    reply = bourse.tell(AmendOrder(order=order, user_id="alice", lots=10_000))
    assert reply.code == "exchange.insufficient_funds"
    assert reply.facts["order"] == order
    assert bourse.money("alice") == before
    assert bourse.exchange.orders[order].lots_left == 10
    assert bourse.sell("bob", 10, 100)["state"] == "filled"
    bourse.check()


def test_an_amendment_that_crosses_trades(bourse: Bourse) -> None:
    bourse.sell("bob", 10, 110)
    order = bourse.buy("alice", 10, 100)["order"]
    told = bourse.must(AmendOrder(order=order, user_id="alice", price=120)).body
    assert (told["state"], told["value_minor"]) == ("filled", 1_100)
    assert bourse.money("alice") == (100_000 - 1_100 - 3, 10, 0, 0)
    bourse.check()


def test_many_orders_are_told_of_one_by_one(bourse: Bourse) -> None:
    orders = [
        NewOrder(market=MARKET, side=Side.BUY, lots=10, price=100),
        NewOrder(market=MARKET, side=Side.BUY, lots=10_000, price=100),
        NewOrder(market="NO-SUCH", side=Side.BUY, lots=10, price=100),
        NewOrder(market=MARKET, side=Side.BUY, lots=10, price=101),
    ]
    results = bourse.must(PlaceOrders(user_id="alice", orders=orders)).body["results"]
    assert [each.get("code", each.get("state")) for each in results] == [
        "open",
        "exchange.insufficient_funds",
        "exchange.market_unknown",
        "open",
    ]
    assert bourse.money("alice")[2] == 1_001 + 1_012
    bourse.check()


def test_all_funds_are_held_before_the_first_order_trades(bourse: Bourse) -> None:
    bourse.sell("bob", 10, 1)
    held = [
        NewOrder(market=MARKET, side=Side.BUY, lots=10, price=9_000),
        NewOrder(market=MARKET, side=Side.BUY, lots=10, price=9_000),
    ]
    first, second = bourse.must(PlaceOrders(user_id="alice", orders=held)).body["results"]
    assert first["state"] == "filled"
    assert second["code"] == "exchange.insufficient_funds"  # what the first did not need comes late
    bourse.check()


def test_a_mass_cancel_and_a_kill_switch_give_everything_back(bourse: Bourse) -> None:
    bourse.buy("alice", 10, 100)
    bourse.buy("alice", 10, 101)
    assert bourse.must(CancelOrders(user_id="alice")).body["cancelled"] == [1, 2]
    assert bourse.money("alice") == (100_000, 0, 0, 0)
    bourse.buy("alice", 10, 100)
    bourse.must(SetKillSwitch(user_id="alice"))
    assert bourse.money("alice") == (100_000, 0, 0, 0)
    assert bourse.place("alice", Side.BUY, 1, 1).code == "exchange.trading_stopped"
    bourse.check()


def test_an_elected_stop_trades_in_the_row_that_elected_it(bourse: Bourse) -> None:
    bourse.fund("carol", usd=100_000)
    told = bourse.buy("carol", 5, 120, type=OrderType.STOP_LIMIT, stop=110)
    assert told["state"] == "untriggered"
    assert bourse.money("carol")[2] == 602
    bourse.sell("bob", 20, 110)
    assert bourse.buy("alice", 1, 110)["state"] == "filled"
    assert "StopsElected" in bourse.kinds()
    assert bourse.money("carol") == (100_000 - 550 - 2, 5, 0, 0)
    bourse.check()


def test_what_is_released_to_a_frozen_wallet_waits_in_suspense(bourse: Bourse) -> None:
    order = bourse.buy("alice", 10, 100)["order"]
    bourse.freeze("wallet:alice:USD")
    assert bourse.cancel("alice", order).accepted
    assert bourse.posted("suspense:USD") == 1_001
    assert bourse.money("alice")[2] == 0
    assert bourse.tell(ReleaseFunds(suspension=1)).code == "ledger.credit_frozen"
    bourse.unfreeze("wallet:alice:USD")
    bourse.must(ReleaseFunds(suspension=1))
    assert bourse.posted("suspense:USD") == 0
    assert bourse.money("alice") == (100_000, 0, 0, 0)
    assert bourse.must(ReleaseFunds(suspension=1)).body["exists"]
    bourse.check()


def test_proceeds_for_a_closed_wallet_wait_in_suspense(bourse: Bourse) -> None:
    order = bourse.buy("alice", 10, 100)["order"]
    bourse.must(CloseAccount(account="wallet:alice:BTC"))
    bourse.sell("bob", 4, 100)
    assert bourse.posted("suspense:BTC") == 4 * LOT
    assert bourse.exchange.orders[order].lots_left == 6
    bourse.check()


def test_a_market_order_by_budget_spends_no_more(bourse: Bourse) -> None:
    bourse.sell("bob", 3, 100)
    bourse.sell("bob", 30, 110)
    told = bourse.buy("alice", 0, 200, type=OrderType.MARKET, budget_minor=1_000)
    assert told["value_minor"] == 300 + 6 * 110
    assert bourse.money("alice") == (100_000 - 960 - 2, 9, 0, 0)
    bourse.check()


def test_fill_or_kill_moves_nothing_when_it_cannot_be_filled(bourse: Bourse) -> None:
    bourse.sell("bob", 3, 100)
    told = bourse.buy("alice", 4, 100, time_in_force=TimeInForce.FOK)
    assert (told["state"], told["reason"]) == ("cancelled", "fok")
    assert bourse.money("alice") == (100_000, 0, 0, 0)
    bourse.check()


def test_a_market_that_is_dear_by_rule_refuses_small_orders() -> None:
    bourse = Bourse(MarketRules(value_min_minor=1_000))
    bourse.fund("alice", usd=100_000)
    assert bourse.place("alice", Side.BUY, 9, 100).code == "exchange.value_below_minimum"
    assert bourse.place("alice", Side.BUY, 10, 100).accepted
