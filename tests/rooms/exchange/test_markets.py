"""Markets, fees and assets: what operators may set, and what they may not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from nostro.exchange import (
    AssetListed,
    AssignFeeSchedule,
    ChangeMarket,
    CreateMarket,
    ListAsset,
    MarketCreated,
    MarketRules,
    MarketState,
    MarketTerms,
    NewOrder,
    PlaceOrder,
    Routing,
    SetFeeSchedule,
    SetMarketState,
    SetReference,
)
from nostro.kernel.messages import Command
from tests.rooms.exchange.play import BUY, NAME, SELL, Play

CREATE = CreateMarket(
    market="BTC-USD", base="BTC", quote="USD", lot_minor=1_000, tick_units=5, price_scale=2
)


def changed(**fields: Any) -> CreateMarket:
    return msgspec.structs.replace(CREATE, **fields)


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("market", ["", "btc-usd", "BTC/USD", "B" * 33, "BTC\n", "É"])
def test_a_malformed_name_is_refused(market: str) -> None:
    assert Play().refused(changed(market=market)).code == "exchange.bad_market"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"base": "GOLD"}, "exchange.asset_unknown"),
        ({"quote": "GOLD"}, "exchange.asset_unknown"),
        ({"base": "USD"}, "exchange.same_assets"),
        ({"lot_minor": 0}, "exchange.bad_terms"),
        ({"lot_minor": 10**23}, "exchange.bad_terms"),
        ({"tick_units": 0}, "exchange.bad_terms"),
        ({"price_scale": -1}, "exchange.bad_terms"),
        ({"price_scale": 19}, "exchange.bad_terms"),
        ({"rules": MarketRules(fee_schedule="gold")}, "exchange.fee_schedule_unknown"),
        ({"rules": MarketRules(lots_min=0)}, "exchange.bad_rules"),
        ({"rules": MarketRules(lots_min=5, lots_max=4)}, "exchange.bad_rules"),
        ({"rules": MarketRules(lots_max=10**16)}, "exchange.bad_rules"),
        ({"rules": MarketRules(value_min_minor=-1)}, "exchange.bad_rules"),
        ({"rules": MarketRules(band_ppm=1_000_000)}, "exchange.bad_rules"),
        ({"rules": MarketRules(reference_s=-1)}, "exchange.bad_rules"),
        ({"rules": MarketRules(orders_per_user_max=0)}, "exchange.bad_rules"),
        ({"rules": MarketRules(day_ends_minute=1_440)}, "exchange.bad_rules"),
        ({"rules": MarketRules(routing=Routing.PROVIDER)}, "exchange.bad_rules"),
        ({"rules": MarketRules(provider="A B")}, "exchange.bad_rules"),
    ],
)
def test_terms_and_rules_that_make_no_sense_are_refused(fields: dict[str, Any], code: str) -> None:
    play = Play()
    assert play.refused(changed(**fields)).code == code
    assert play.state.markets == {}


@pytest.mark.parametrize(
    "command",
    [
        ChangeMarket(market="X", rules=MarketRules()),
        SetMarketState(market="X", state=MarketState.OPEN),
        SetReference(market="X", price=1),
    ],
)
def test_a_market_that_is_not_there_cannot_be_set(command: Command) -> None:
    assert Play().refused(command).code == "exchange.market_unknown"


@pytest.mark.parametrize("price", [0, -1, 10**15 + 1])
def test_a_reference_is_a_price(price: int) -> None:
    assert Play().market().refused(SetReference(market=NAME, price=price)).code == (
        "exchange.bad_price"
    )


def test_a_name_never_stands_for_two_markets() -> None:
    play = Play()
    play.when(CREATE)
    no = play.refused(changed(quote="EUR", lot_minor=5))
    assert no.code == "exchange.market_exists"
    assert no.facts == {"market": "BTC-USD", "differs": ["quote", "lot_minor"]}


@pytest.mark.parametrize(
    ("maker_ppm", "taker_ppm"), [(0, -1), (0, 1_000_001), (1_000_001, 0), (-1, 0), (-11, 10)]
)
def test_fees_that_would_cost_the_house_are_refused(maker_ppm: int, taker_ppm: int) -> None:
    command = SetFeeSchedule(name="standard", maker_ppm=maker_ppm, taker_ppm=taker_ppm)
    assert Play().refused(command).code == "exchange.bad_fees"


def test_a_rebate_is_bound_by_the_taker_fees_of_all_schedules() -> None:
    play = Play()
    gold = SetFeeSchedule(name="gold", maker_ppm=-100, taker_ppm=500)
    assert play.refused(gold).facts["taker_min_ppm"] == 0  # "standard" is free of charge
    play.when(SetFeeSchedule(name="standard", maker_ppm=0, taker_ppm=100), gold)
    low = SetFeeSchedule(name="low", maker_ppm=0, taker_ppm=99)
    assert play.refused(low).facts["maker_min_ppm"] == -100


@pytest.mark.parametrize("name", ["", "a b", "x" * 33])
def test_a_schedule_has_a_name(name: str) -> None:
    command = SetFeeSchedule(name=name, maker_ppm=0, taker_ppm=0)
    assert Play().refused(command).code == "exchange.bad_fees"


def test_a_schedule_that_is_not_there_cannot_be_assigned() -> None:
    command = AssignFeeSchedule(user_id="ann", schedule="gold")
    assert Play().refused(command).code == "exchange.fee_schedule_unknown"
    command = AssignFeeSchedule(user_id="a b", schedule="standard")
    assert Play().refused(command).code == "exchange.bad_user_id"


# -- twice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        CREATE,
        ListAsset(code="GOLD", scale=3),
        SetFeeSchedule(name="gold", maker_ppm=0, taker_ppm=500),
        AssignFeeSchedule(user_id="ann", schedule="standard"),
        SetReference(market=NAME, price=7),
        SetMarketState(market=NAME, state=MarketState.HALTED),
        ChangeMarket(market=NAME, rules=MarketRules(lots_min=2)),
    ],
)
def test_what_is_so_already_leaves_no_mark(command: Command) -> None:
    play = Play().market()
    assert play.when(command)
    assert play.when(command) == []
    play.check()


# -- set ------------------------------------------------------------------------------------------


def test_a_market_knows_what_a_lot_at_a_tick_is_worth() -> None:
    play = Play()
    row = play.when(CREATE)
    # 0.00001 BTC at 0.05 USD are 0.00005 cents
    terms = MarketTerms("BTC", "USD", 1_000, 5, 2, 8, 2, 1, 20_000)
    assert row == [MarketCreated("BTC-USD", terms, MarketRules(), "desk")]
    assert play.body == {
        "market": "BTC-USD",
        "state": "closed",
        "reason": "",
        "reference": 0,
    }


def test_an_asset_beyond_the_registry_can_be_traded_once_it_is_listed() -> None:
    play = Play()
    assert play.when(ListAsset(code="GOLD", scale=3)) == [AssetListed("GOLD", 3)]
    assert play.when(ListAsset(code="BTC", scale=8)) == []
    play.when(changed(base="GOLD"))
    assert play.at("BTC-USD").terms.base_scale == 3
    play.check()


def test_an_order_keeps_the_fees_that_it_was_placed_with() -> None:
    play = Play().market(maker_ppm=10_000, taker_ppm=10_000, lot_minor=1_000_000)
    order = play.place("ann", SELL, 1, 1_000)["order"]
    play.when(SetFeeSchedule(name="standard", maker_ppm=0, taker_ppm=0))
    assert play.place("bob", BUY, 1, 1_000)["fee_minor"] == 0
    assert order not in play.state.orders
    assert play.ledger.wallets["ann", "USD"] == 990
    play.check()


def test_a_rebate_of_other_times_is_never_more_than_what_the_taker_pays() -> None:
    play = Play().market(maker_ppm=-10_000, taker_ppm=10_000, lot_minor=1_000_000)
    play.place("ann", SELL, 1, 1_000)
    play.when(SetFeeSchedule(name="standard", maker_ppm=0, taker_ppm=2_000))
    play.place("bob", BUY, 1, 1_000)
    assert play.ledger.wallets["ann", "USD"] == 1_002
    assert play.ledger.earnings["USD"] == 0
    play.check()


def test_a_user_with_a_schedule_of_his_own_pays_by_it() -> None:
    play = Play().market(taker_ppm=10_000, lot_minor=1_000_000)
    play.when(SetFeeSchedule(name="gold", maker_ppm=0, taker_ppm=0))
    play.when(AssignFeeSchedule(user_id="ann", schedule="gold"))
    play.place("bob", SELL, 2, 1_000)
    assert play.place("ann", BUY, 1, 1_000)["fee_minor"] == 0
    play.when(AssignFeeSchedule(user_id="ann", schedule=""))
    assert play.place("ann", BUY, 1, 1_000)["fee_minor"] == 10
    play.check()


def test_other_rules_hold_for_orders_to_come_and_leave_those_that_rest() -> None:
    play = Play().market()
    play.place("ann", BUY, 1, 100)
    play.when(ChangeMarket(market=NAME, rules=MarketRules(lots_min=5)))
    order = NewOrder(market=NAME, side=BUY, lots=1, price=100)
    assert play.refused(PlaceOrder(user_id="ann", order=order)).code == (
        "exchange.quantity_below_minimum"
    )
    assert play.book()[0] == [(1, 100, 1)]
