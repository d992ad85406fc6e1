"""Orders that go to providers under the real engine, with merchants in bad weather and a platform
that dies: do the ledger, the exchange and the merchants' books say the same in the end?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from nostro.adapters.liquidity.faults import FAIR, HARSH, MerchantWeather
from nostro.adapters.liquidity.merchant import SimulatedMerchant
from nostro.adapters.liquidity.performer import BEST, ProviderPerformer
from nostro.adapters.liquidity.reconcile import ProvidersCheck, Reconciled, reconcile, routes_of
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.exchange import (
    CreateMarket,
    MarketRules,
    MarketState,
    NewOrder,
    OrderType,
    PlaceOrder,
    RouteEnded,
    Routing,
    SetFeeSchedule,
    SetMarketState,
    Side,
    TimeInForce,
)
from nostro.kernel.messages import Command, Event
from nostro.kernel.reply import Receipt
from nostro.ledger import CreateTransfersTogether, NewTransfer
from nostro.runtime.engine import Engine
from nostro.runtime.performers import Performing
from nostro.runtime.verify import audit
from nostro.wallets import OpenWallet
from nostro.wiring.rooms import make_house
from tests.adapters.liquidity.world import World

ORDERS = 24
GIVEN = {"USD": 1_000_000_000, "BTC": 10_000_000_000}
SEEDS = range(12)


class Platform:
    """One life of the platform, over a disk and merchants' books that outlive it."""

    def __init__(self, world: World, disk: MemoryDisk, weather: MerchantWeather, seed: int) -> None:
        house = make_house()
        self.merchants: dict[str, SimulatedMerchant] = {
            name: world.merchant(weather, name=name, seed=seed) for name in ("acme", "beta")
        }
        self._performer = ProviderPerformer(self.merchants, clock=world.clock)
        self._performing = Performing(
            house=house, clock=world.clock, chain="main", performers=[self._performer]
        )
        self.engine = Engine(
            house=house,
            journal=MemoryJournal(disk),
            clock=world.clock,
            on_effects=self._performing.start,
        )
        self._performing.attach(self.engine)

    async def start(self) -> Platform:
        """Recover, and go on with what was awaited."""
        await self.engine.start()
        self._performer.took_over(self.engine.height)
        return self

    async def must(self, key: str, command: Command) -> Receipt:
        """Submit a command that must be accepted."""
        receipt = await self.engine.submit(key=key, command=command, actor="alice")
        assert receipt.reply.accepted, receipt.reply
        return receipt

    async def stop(self) -> None:
        """End this life; what merchants have heard they do."""
        await self._performing.stop()
        await self.engine.stop()


def opening(routing: Routing) -> list[Command]:
    rules = MarketRules(routing=routing, provider=BEST)
    market = CreateMarket(
        market="BTC-USD", base="BTC", quote="USD", lot_minor=100_000, price_scale=2, rules=rules
    )
    given = [
        NewTransfer(
            id=f"given:{asset}",
            debit=f"nostro:{asset}",
            credit=f"wallet:alice:{asset}",
            amount_minor=amount,
        )
        for asset, amount in GIVEN.items()
    ]
    return [
        SetFeeSchedule(name="standard", maker_ppm=1_000, taker_ppm=2_000),
        market,
        SetMarketState(market="BTC-USD", state=MarketState.OPEN),
        *(OpenWallet(user_id="alice", asset=asset) for asset in GIVEN),
        CreateTransfersTogether(transfers=given),
    ]


def order(dice: Random) -> PlaceOrder:
    side = dice.choice(list(Side))
    fits = dice.random() < 0.8
    price = 5_020_000 if (side is Side.BUY) is fits else 4_980_000
    kind = dice.choice([OrderType.LIMIT, OrderType.MARKET])
    lives = [TimeInForce.IOC, TimeInForce.FOK]
    new = NewOrder(
        market="BTC-USD",
        side=side,
        type=kind,
        lots=dice.randrange(1, 2_000),
        price=price,
        time_in_force=dice.choice(lives),
    )
    return PlaceOrder(user_id="alice", order=new)


def events_of(disk: MemoryDisk) -> list[Event]:
    codec = make_house().codec
    return [event for row in disk.entries for event in codec.decode_events(row.payload)]


def owed(platform: Platform, account: str) -> int:
    accounts: dict[str, Any] = platform.engine.look("ledger").accounts
    found = accounts.get(account)
    return found.credits_posted - found.debits_posted if found else 0


def check_money(platform: Platform, found: Reconciled) -> None:
    """What the ledger says of each merchant is what he has moved, but for rounding."""
    for name, merchant in platform.merchants.items():
        btc = (merchant.stock("BTC") - 100) * 10**8
        usd = (merchant.stock("USD") - 5_000_000) * 100
        assert owed(platform, f"provider:{name}:BTC") == btc
        kept = found.rounding.get((name, "USD"), Fraction(0))
        assert owed(platform, f"provider:{name}:USD") == usd + kept
        assert -ORDERS < kept < 3 * ORDERS
    for asset in GIVEN:
        assert owed(platform, f"orders:alice:{asset}") == 0


def check_fills(events: Sequence[Event]) -> None:
    ended = [event for event in events if isinstance(event, RouteEnded)]
    assert len(ended) == len({event.route for event in ended}) == ORDERS
    assert sum(bool(event.fills) for event in ended) > ORDERS / 4


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("routing", [Routing.PROVIDER, Routing.BOOK_THEN_PROVIDER])
@pytest.mark.parametrize("weather", [FAIR, HARSH], ids=["fair", "harsh"])
def test_every_route_ends_once_and_all_books_agree(
    seed: int, routing: Routing, weather: MerchantWeather
) -> None:
    world, disk, dice = World(seed=f"engine-{seed}"), MemoryDisk(), Random(f"orders-{seed}")

    async def story() -> None:
        platform = await Platform(world, disk, weather, seed).start()
        for number, command in enumerate(opening(routing)):
            await platform.must(f"open-{number}", command)
        for number in range(ORDERS):
            await platform.must(f"order-{number}", order(dice))
            await world.later(dice.uniform(0, 0.2))
            if dice.random() < 0.2:
                await platform.stop()
                platform = await Platform(world, disk, weather, seed).start()
        for _ in range(2_000):
            if not disk.outbox:
                break
            await world.later(1)
        assert disk.outbox == {}
        await world.later(60)  # what was on its way arrives
        events = events_of(disk)
        check_fills(events)
        theirs = {name: merchant.books for name, merchant in platform.merchants.items()}
        found = reconcile(routes_of(events), theirs)
        assert found.differences == []
        check_money(platform, found)
        check = ProvidersCheck(lambda: theirs, chain="main")
        told = audit(
            disk.entries, chain="main", decode=make_house().codec.decode_events, checks=[check]
        )
        assert told.sound
        await platform.stop()

    world.run(story())
