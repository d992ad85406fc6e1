"""Random orders through the real rooms and flows: do views, room and books say the same?"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.exchange_checks import ExchangeCheck, OrderFundsCheck
from nostro.adapters.postgres.follower import PostgresViews
from nostro.exchange import (
    AmendOrder,
    CancelOrder,
    CancelOrders,
    CreateMarket,
    EndRoute,
    ExchangeState,
    LiveOrder,
    MarketRules,
    MarketState,
    NewOrder,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    RouteFill,
    Routing,
    SelfTrade,
    SetFeeSchedule,
    SetMarketState,
    SetReference,
    Side,
    TimeInForce,
)
from nostro.kernel.messages import Command, Tick
from nostro.ledger import CreateTransfersTogether, NewTransfer
from nostro.runtime.projector import Projector
from nostro.runtime.verify import Verdict, audit
from nostro.wallets import OpenWallet
from nostro.wiring.audit import audit_database
from nostro.wiring.rooms import make_house
from tests import databases
from tests.adapters.postgres.chronicle import Chronicle, catch_up, rows

USERS = ("ann", "ben", "cid", "dot")
MARKETS = ("BTC-USD", "ETH-USD", "ETH-BTC")
MID = 1_000
US_PER_S = 1_000_000


class Trading(Chronicle):
    """Four users who trade in three markets, without much sense."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.dice = random.Random(seed)
        self.names = 0
        self._open()

    @property
    def room(self) -> ExchangeState:
        """What the room remembers."""
        state: ExchangeState = self.memory.states["exchange"]
        return state

    def must(self, command: Command) -> None:
        """Run a command that must be accepted."""
        reply = self.tell(command)
        assert reply.accepted, (command, reply)

    def _open(self) -> None:
        self.must(SetFeeSchedule(name="standard", maker_ppm=-333, taker_ppm=1_777))
        routings = (Routing.BOOK, Routing.BOOK_THEN_PROVIDER, Routing.BOOK)
        for market, routing, lot in zip(MARKETS, routings, (7_777, 777_777, 10**9), strict=True):
            base, quote = market.split("-")
            rules = MarketRules(
                routing=routing,
                provider="desk" if routing is not Routing.BOOK else "",
                band_ppm=50_000 if market == "BTC-USD" else 0,
            )
            self.must(
                CreateMarket(market=market, base=base, quote=quote, lot_minor=lot, rules=rules)
            )
            self.must(SetReference(market=market, price=MID))
            self.must(SetMarketState(market=market, state=MarketState.OPEN))
        for user in USERS:
            for asset in ("BTC", "ETH", "USD"):
                self.must(OpenWallet(user_id=user, asset=asset))
                given = NewTransfer(
                    id=f"given:{user}:{asset}",
                    debit=f"nostro:{asset}",
                    credit=f"wallet:{user}:{asset}",
                    amount_minor=self.dice.choice((10**7, 10**13, 10**15)),
                )
                self.must(CreateTransfersTogether(transfers=[given]))

    def step(self) -> None:
        """Let something happen."""
        dice, user = self.dice, self.dice.choice(USERS)
        pause_us = dice.choice((1_000, 1_000, 20 * US_PER_S))
        command: Command
        match dice.randrange(12):
            case 0:
                command = PlaceOrders(
                    user_id=user, orders=[self._order() for _ in range(dice.randint(1, 5))]
                )
            case 1 if self.room.orders:
                order = self._one()
                command = CancelOrder(user_id=order.user_id, order=order.number)
            case 2 | 3 if self.room.orders:
                order = self._one()
                command = AmendOrder(
                    user_id=order.user_id,
                    order=order.number,
                    lots=max(1, order.lots + dice.randint(-9, 9)),
                    price=max(1, order.price + dice.choice((0, 0, -5, 5))),
                )
            case 4 | 5 | 6 if any(order.route for order in self.room.orders.values()):
                command = self._answer()
            case 7 if dice.random() < 0.2:
                market = dice.choice(MARKETS)
                command = CancelOrders(user_id=user, market=market)
            case 8:
                halted = [m for m in MARKETS if self.room.markets[m].state is not MarketState.OPEN]
                market = halted[0] if halted else dice.choice(MARKETS)
                wanted = (
                    MarketState.OPEN
                    if halted
                    else dice.choice((MarketState.OPEN, MarketState.OPEN, MarketState.HALTED))
                )
                command = SetMarketState(market=market, state=wanted)
            case 9:
                command = Tick()
            case _:
                command = PlaceOrder(user_id=user, order=self._order())
        self.tell(command, pause_us=pause_us)

    def _one(self) -> LiveOrder:
        return self.room.orders[self.dice.choice(list(self.room.orders))]

    def _order(self) -> NewOrder:
        dice = self.dice
        type_ = dice.choice((OrderType.LIMIT,) * 5 + tuple(OrderType))
        price = MID + dice.randint(-12, 12)
        stops = type_ in (OrderType.STOP, OrderType.STOP_LIMIT)
        market = type_ in (OrderType.MARKET, OrderType.STOP)
        budget = type_ is OrderType.MARKET and dice.random() < 0.4
        limits = (TimeInForce.GTC,) * 5 + (TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD)
        tif = TimeInForce.IOC if market else dice.choice(limits)
        rests = tif in (TimeInForce.GTC, TimeInForce.GTD)
        expires_at_us = self.memory.at_us + 60 * US_PER_S if tif is TimeInForce.GTD else 0
        lots = 0 if budget else dice.randint(1, 40)
        self.names += 1
        return NewOrder(
            market=dice.choice(MARKETS),
            side=dice.choice(tuple(Side)),
            type=type_,
            lots=lots,
            price=price,
            stop=MID + dice.randint(-8, 8) if stops else 0,
            display=dice.choice((0, 0, 3)) if rests and lots > 3 and not market else 0,
            budget_minor=dice.randint(1, 2_000) if budget else 0,
            time_in_force=tif,
            expires_at_us=expires_at_us,
            post_only=dice.choice((PostOnly.NO,) * 4 + (PostOnly.REJECT, PostOnly.SLIDE))
            if type_ is OrderType.LIMIT and rests
            else PostOnly.NO,
            self_trade=dice.choice(tuple(SelfTrade)),
            client_order_id=f"c{self.names}" if dice.random() < 0.5 else "",
        )

    def _answer(self) -> EndRoute:
        """Have the provider fill some, all, nothing, or what cannot be."""
        order = self.dice.choice([one for one in self.room.orders.values() if one.route])
        fills = []
        left = order.lots_left if order.lots else 0
        for _ in range(self.dice.randint(0, 2)):
            if left:
                lots = self.dice.choice((left, self.dice.randint(1, left)))
                fills.append(RouteFill(lots, order.price))
                left -= lots
        if order.time_in_force is TimeInForce.FOK and left:
            fills = []
        if self.dice.random() < 0.3:
            fills = [RouteFill(10**6, order.price)]
        reason = "" if fills else "no price"
        return EndRoute(order=order.number, route=order.route, fills=fills, reason=reason)


def follow_trading(url: str, *, rows_max: int) -> int:
    """Let a new follower take in what there is; return the height."""
    house = make_house()
    with closing(PostgresViews(url, rooms=house.rooms)) as store:
        one = Projector(house, store, snapshot_every=0)
        one.open()
        while one._advance(rows_max=rows_max, up_to=None):
            pass
        catch_up(one)
        return one.checkpoint.height


def verdicts(url: str) -> list[Verdict]:
    """Return what the checks of the exchange come to."""
    with Evidence(url, "main") as evidence:
        report = audit(
            evidence.entries(),
            chain="main",
            decode=make_house().codec.decode_events,
            checks=[ExchangeCheck(evidence), OrderFundsCheck()],
        )
    return list(report.verdicts)


def shown_live(url: str) -> dict[int, tuple[Any, ...]]:
    """Return what the views say of live orders."""
    found = rows(
        url,
        "SELECT number, user_id, market, side, price, lots, lots_left, filled_value, fees,"
        " reserved, state, client_order_id FROM nostro.orders WHERE closed_height IS NULL",
    )
    return {number: tuple(rest) for number, *rest in found}


def known_live(room: ExchangeState) -> dict[int, tuple[Any, ...]]:
    """Return the same of what the room remembers."""
    return {
        number: (
            order.user_id,
            order.market,
            order.side,
            order.price,
            order.lots,
            order.lots_left,
            order.filled_minor,
            -(-order.fee_exact // 1_000_000),
            order.reserved_minor,
            "untriggered"
            if order.parked
            else "partially_filled"
            if order.lots_left < order.lots
            else "open",
            order.client_order_id,
        )
        for number, order in room.orders.items()
    }


CANDLES = """
    SELECT market, span, at_us - mod(at_us, span::bigint * 1000000), count(*),
           (array_agg(price ORDER BY trade))[1], max(price), min(price),
           (array_agg(price ORDER BY trade DESC))[1], max(trade), sum(lots), sum(value)
      FROM nostro.trades, unnest(ARRAY[60, 3600]) AS span GROUP BY 1, 2, 3
"""


@pytest.mark.parametrize("seed", range(3))
async def test_views_room_and_books_say_the_same(
    fresh_database: Callable[[str], str], seed: int
) -> None:
    trading = Trading(seed)
    url = fresh_database(databases.NAMES[0])
    for _ in range(3):
        for _ in range(150):
            trading.step()
        await trading.write(url)
        rows_max = trading.dice.choice((1, 7, 1_000))  # a new follower each time
        assert follow_trading(url, rows_max=rows_max) == trading.memory.height
        assert shown_live(url) == known_live(trading.room)
        ((trades,),) = rows(url, "SELECT coalesce(max(trade), 0) FROM nostro.trades")
        assert trades == trading.room.trades_next - 1 == len(rows(url, "TABLE nostro.trades"))
        assert sorted(rows(url, CANDLES)) == sorted(rows(url, "TABLE nostro.candles"))
        for verdict in verdicts(url):
            assert verdict.sound, verdict
    report = audit_database(url, "main")
    assert [verdict for verdict in report.verdicts if not verdict.sound] == []
    assert {"exchange", "order funds"} <= {verdict.check for verdict in report.verdicts}
    for happened in (
        "orders WHERE state = 'filled'",
        "orders WHERE state = 'rejected'",
        "orders WHERE reason = 'expired'",
        "orders WHERE type = 'stop_limit' AND filled_lots > 0",
        "trades WHERE route IS NOT NULL",
        "trades WHERE maker_fee < 0",
    ):
        assert rows(url, f"SELECT FROM nostro.{happened} LIMIT 1"), happened
