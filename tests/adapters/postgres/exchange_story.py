"""Two markets, told event by event: what every view of the exchange has something to show of."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from nostro.adapters.postgres.follower import PostgresViews
from nostro.exchange import (
    EVENTS,
    AmendmentPlaced,
    AmendmentRefused,
    AssetListed,
    ClosedOrder,
    FeeScheduleAssigned,
    FeeScheduleSet,
    Fill,
    FundsKeptSuspended,
    FundsReleased,
    FundsSuspended,
    KillSwitchSet,
    MarketChanged,
    MarketCreated,
    MarketRules,
    MarketState,
    MarketStateSet,
    MarketTerms,
    OrderParked,
    OrderReduced,
    OrderRefused,
    OrderReplaced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrdersPlaced,
    OrderState,
    OrderType,
    PlacedOrder,
    ReferenceSet,
    RouteBroken,
    RouteEnded,
    RouteFill,
    RouteTrade,
    Settling,
    Side,
    StopsElected,
    TimeInForce,
    TraderAdmitted,
    TradesExecuted,
)
from nostro.kernel.codec import encode_events, encode_reply
from nostro.kernel.messages import Event, Tick
from nostro.kernel.reply import Reply
from nostro.ledger import LedgerRoom
from nostro.runtime.house import House
from nostro.runtime.projector import Projector
from tests.adapters.postgres.chronicle import STEP_US, Chronicle, catch_up
from tests.adapters.postgres.payment_story import DeafRoom

LOT = 1_000_000
ADA = MarketTerms("ADA", "USD", LOT, 1, 2, 6, 2, 1, 1)
"""A lot is one ADA, a tick a cent: one lot at one tick is worth a cent."""
EUR = MarketTerms("EUR", "USD", 100, 1, 4, 2, 2, 1, 100)
MINUTE_US = 60_000_000
FIRST_US = 1_700_000_040_000_000
"""The first event's time: a whole minute after the epoch, at 22:14 UTC."""
ALICE_CLIENT = 'mine\t"1" \\N'


def deaf_house() -> House:
    """Return a house with the real ledger, in which any events of the exchange may be told."""
    rooms = (LedgerRoom(), DeafRoom("exchange", EVENTS))
    return House(rooms=rooms, flows={})  # type: ignore[arg-type]


class Story(Chronicle):
    """A journal whose rows have the events they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.house = deaf_house()
        self.memory = self.house.new()
        self.memory.at_us = FIRST_US - STEP_US

    def happen(self, *events: Event, pause_us: int = STEP_US) -> int:
        """Add a row with these events and return its time."""
        at_us = self.memory.at_us + pause_us
        self.add(Tick(), encode_events(events), encode_reply(Reply()), at_us)
        return at_us


def follow_story(url: str, *, rows_max: int | None = None) -> int:
    """Let a new follower take in what there is; return the height."""
    house = deaf_house()
    with closing(PostgresViews(url, rooms=house.rooms)) as store:
        one = Projector(house, store, snapshot_every=0)
        one.open()
        if rows_max is None:
            catch_up(one)
        else:
            while one._advance(rows_max=rows_max, up_to=None):
                pass
        return one.checkpoint.height


def sale(number: int, lots: int, price: int, **more: Any) -> PlacedOrder:
    """Return an order to sell ADA."""
    return PlacedOrder(
        number,
        more.pop("market", "ADA-USD"),
        Side.SELL,
        more.pop("type", OrderType.LIMIT),
        lots,
        price,
        "ADA",
        more.pop("reserved_minor", lots * LOT),
        1_000,
        2_000,
        **more,
    )


def purchase(number: int, lots: int, price: int, **more: Any) -> PlacedOrder:
    """Return an order to buy ADA; a cent is held for fees."""
    return PlacedOrder(
        number,
        more.pop("market", "ADA-USD"),
        Side.BUY,
        more.pop("type", OrderType.LIMIT),
        lots,
        price,
        "USD",
        more.pop("reserved_minor", lots * price + 1),
        1_000,
        2_000,
        **more,
    )


def rested(number: int, user: str, lots: int, price: int, *, buy: bool = False) -> OrderRested:
    """Return that an order stands on the book, with nothing released."""
    asset = "USD" if buy else "ADA"
    return OrderRested("ADA-USD", 1, number, user, price, lots, asset, 0, 1)


def bought(
    order: int, user: str, fills: list[Fill], *, left: int = 0, released: int = 0, sequence: int = 2
) -> TradesExecuted:
    """Return that an order to buy took these."""
    return TradesExecuted(
        "ADA-USD",
        sequence,
        order,
        user,
        Side.BUY,
        "ADA",
        "USD",
        LOT,
        fills,
        left,
        released,
        2,
    )


def closed(order: int, user: str, left: int, released: int, *, buy: bool = False) -> ClosedOrder:
    """Return an order that was cancelled."""
    asset = "USD" if buy else "ADA"
    return ClosedOrder(order, user, OrderState.CANCELLED, left, asset, released, 2)


def whole_story() -> Story:
    """Tell the lives of orders 1 to 14.

    1, 2 and 3 trade; 4 is refused; 5 is a stop that is elected and cancelled; 6 is amended; 7 is
    reduced; 8 and 9 are with a provider; 10 is broken there; 11 is by budget; 12, 13 rest, 14 waits
    for its stop price.
    """
    story = Story()
    markets(story)
    trades(story)
    stops_and_amendments(story)
    providers(story)
    money_aside(story)
    story.happen(
        OrdersPlaced("bob", [purchase(12, 5, 150), purchase(13, 1, 100, market="EUR-USD")]),
        rested(12, "bob", 5, 150, buy=True),
        OrderRested("EUR-USD", 1, 13, "bob", 100, 1, "USD", 0, 1),
        OrdersPlaced("alice", [sale(14, 3, 90, type=OrderType.STOP, stop=100)]),
        OrderParked("ADA-USD", 14, "alice"),
    )
    return story


def markets(story: Story) -> None:
    """Tell of markets, fees and kill switches."""
    story.happen(
        AssetListed("ADA", 6),
        FeeScheduleSet("standard", 0, 0, "ops"),
        FeeScheduleSet("standard", 1_000, 2_000, "ops"),
        FeeScheduleSet("vip", -100, 500, "ops"),
        MarketCreated("ADA-USD", ADA, MarketRules(band_ppm=100_000), "ops"),
        MarketCreated("EUR-USD", EUR, MarketRules(), "ops"),
    )
    story.happen(
        MarketChanged("ADA-USD", MarketRules(lots_max=500), "ops"),
        ReferenceSet("ADA-USD", 200, "ops"),
        MarketStateSet("ADA-USD", 1, MarketState.OPEN, "", "ops"),
        FeeScheduleAssigned("alice", "vip", "ops"),
        FeeScheduleAssigned("bob", "vip", "ops"),
        KillSwitchSet("mallory", True, "fraud", "ops"),
        KillSwitchSet("bob", True, "mistake", "ops"),
    )
    story.happen(
        FeeScheduleAssigned("bob", "", "ops"),
        KillSwitchSet("bob", False, "", "ops"),
        TraderAdmitted("alice", "ADA", "USD"),
        TraderAdmitted("bob", "ADA", "USD"),
    )


def trades(story: Story) -> None:
    """Tell of an order to sell that is filled by two others, in two minutes."""
    story.happen(
        OrdersPlaced("alice", [sale(1, 10, 200, client_order_id=ALICE_CLIENT)]),
        rested(1, "alice", 10, 200),
    )
    story.happen(
        OrdersPlaced("bob", [purchase(2, 4, 205, reserved_minor=822)]),
        bought(
            2,
            "bob",
            [Fill(1, 1, "alice", 200, 3, 600, 1, 2, 7), Fill(2, 1, "alice", 200, 1, 200, 0, 0, 6)],
            released=20,
        ),
    )
    story.happen(
        OrdersPlaced("bob", [purchase(3, 8, 210, reserved_minor=1_684)]),
        bought(
            3,
            "bob",
            [Fill(3, 1, "alice", 200, 6, 1_200, -1, 3, 0, 0, 3)],
            left=2,
            sequence=3,
        ),
        OrderRested("ADA-USD", 4, 3, "bob", 210, 2, "USD", 40, 2),
        OrdersPlaced("carl", [purchase(4, 1, 10)]),
        OrderRefused("ADA-USD", 4, "carl", "exchange.insufficient_funds"),
        pause_us=MINUTE_US,
    )


def stops_and_amendments(story: Story) -> None:
    """Tell of a stop, of amendments that work and one that does not, and of a self-trade."""
    story.happen(
        OrdersPlaced("alice", [sale(5, 2, 190, type=OrderType.STOP_LIMIT, stop=195)]),
        OrderParked("ADA-USD", 5, "alice"),
    )
    story.happen(
        StopsElected("ADA-USD", [5]),
        OrdersClosed("ADA-USD", 5, "band_breached", [closed(5, "alice", 2, 2 * LOT)]),
        MarketStateSet("ADA-USD", 6, MarketState.HALTED, "band_breached", ""),
    )
    story.happen(
        OrdersPlaced("bob", [purchase(6, 10, 100), purchase(7, 10, 101)]),
        rested(6, "bob", 10, 100, buy=True),
        rested(7, "bob", 10, 101, buy=True),
    )
    story.happen(
        AmendmentPlaced("ADA-USD", 6, "bob", 12, 105, "USD", 260, 2),
        OrderReplaced("ADA-USD", 7, 6, "bob", 12, 12, 105),
        rested(6, "bob", 12, 105, buy=True),
    )
    story.happen(
        AmendmentPlaced("ADA-USD", 6, "bob", 999, 105, "USD", 10**6, 3),
        AmendmentRefused("ADA-USD", 6, "bob", "ledger.insufficient_funds"),
        OrderReduced("ADA-USD", 8, 7, "bob", 4, 4, "USD", 606, 2, "amended"),
        OrdersClosed("ADA-USD", 9, "cancelled", [closed(6, "bob", 12, 1_261, buy=True)]),
    )


def providers(story: Story) -> None:
    """Tell of an order that a provider fills, one that he does not, one that he breaks, and one by
    budget."""
    story.happen(
        OrdersPlaced("bob", [purchase(8, 10, 110), purchase(9, 10, 110), purchase(10, 1, 110)]),
        *(
            OrderRouted("ADA-USD", order, "bob", order - 7, "desk", ADA, Side.BUY, lots, 110, False)
            for order, lots in ((8, 10), (9, 10), (10, 1))
        ),
    )
    story.happen(
        route_ended(8, 1, [RouteTrade(4, 108, 4, 432, 1), RouteTrade(5, 110, 6, 660, 1)], 7),
        route_ended(9, 2, [], 0, left=10),
        OrdersClosed(
            "ADA-USD",
            12,
            "provider: no price",
            [ClosedOrder(9, "bob", OrderState.CANCELLED, 10, "USD", 1_101, 2)],
        ),
        RouteBroken("ADA-USD", 10, 3, [RouteFill(99, 110)], "D-3"),
        pause_us=5 * MINUTE_US,
    )
    story.happen(RouteBroken("ADA-USD", 9, 2, [RouteFill(10, 110)], "D-9"))
    story.happen(
        OrdersPlaced(
            "alice",
            [
                sale(
                    11,
                    0,
                    101,
                    type=OrderType.MARKET,
                    budget_minor=202,
                    reserved_minor=2 * LOT,
                    time_in_force=TimeInForce.IOC,
                )
            ],
        ),
        TradesExecuted(
            "ADA-USD",
            13,
            11,
            "alice",
            Side.SELL,
            "ADA",
            "USD",
            LOT,
            [Fill(6, 7, "bob", 101, 2, 202, 1, 1, 2)],
            0,
            0,
            2,
            Settling.T1,
        ),
        OrdersClosed("ADA-USD", 14, "cancelled", [closed(3, "bob", 2, 441, buy=True)]),
        pause_us=24 * 60 * MINUTE_US,
    )


def route_ended(
    order: int, route: int, fills: list[RouteTrade], released: int, *, left: int = 0
) -> RouteEnded:
    """Return what a provider answered."""
    return RouteEnded(
        "ADA-USD",
        10 + route,
        order,
        "bob",
        Side.BUY,
        route,
        "desk",
        "ADA",
        "USD",
        LOT,
        fills,
        "" if fills else "no price",
        f"D-{route}",
        left,
        released,
        2,
    )


def money_aside(story: Story) -> None:
    """Tell of money that two wallets would not take."""
    story.happen(
        FundsSuspended(1, "alice", "USD", 600, "match.quote:1", "ledger.account_frozen"),
        FundsSuspended(2, "bob", "ADA", 4 * LOT, "match.base:1", "ledger.account_frozen"),
        FundsReleased(2, "bob", "ADA", 4 * LOT, 1, "ops"),
        FundsKeptSuspended(2, "ledger.account_closed"),
    )
    story.happen(FundsReleased(2, "bob", "ADA", 4 * LOT, 2, "ops"))
