"""What happens in one run when many trade: markets, a provider, a storm, and then the audit?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nostro import exchange, wallets
from nostro.exchange import ExchangeRoom
from nostro.flows import FLOWS
from nostro.ledger import LedgerRoom
from nostro.runtime.house import House
from nostro.runtime.ports import Performer
from nostro.simulation.clients import CUSTOMERS, Customer, Operator
from nostro.simulation.exchange_auditor import ExchangeAuditor
from nostro.simulation.exchange_courses import Exchange
from nostro.simulation.exchange_markets import TRADERS, Street, founding
from nostro.simulation.exchange_provider import Provider, ProviderPerformer
from nostro.simulation.exchange_traders import MarketOperator, Trader
from nostro.simulation.loop import START_US, LoopClock
from nostro.simulation.platform import HOT_MAX, LIMITS, Crew, Parts, RailLine
from nostro.simulation.weather import Weather
from nostro.simulation.world import Run, World, run_world, told_weather
from nostro.wallets import WalletsRoom

EXCHANGE = "exchange"
"""The story of traders, their markets and their providers."""
TRADER_OPS = 26
OPERATOR_OPS = 12
CUSTOMER_OPS = 5
EXPIRY_WAIT_US = 600_000_000
"""Orders that live longer than this are not waited for."""


def build_exchange_house() -> House:
    """Return the rooms and flows that trade, with little memory."""
    return exchange_house()


def exchange_house(
    *,
    exchange_room: Callable[..., ExchangeRoom] = ExchangeRoom,
    ledger: Callable[..., LedgerRoom] = LedgerRoom,
    flows: object = FLOWS,
) -> House:
    """Return the same house; tests put a room with a planted bug in place of a sound one."""
    return House(
        rooms=[
            ledger(seen_hot_max=HOT_MAX),
            WalletsRoom(limits=LIMITS, ended_hot_max=HOT_MAX),
            exchange_room(),
        ],
        flows=flows,  # type: ignore[arg-type]
        effects=(*wallets.EFFECTS, *exchange.EFFECTS),
        keys_hot_max=HOT_MAX,
    )


class ExchangeParts(Parts, frozen=True):
    """What a platform that trades is built of; tests put a part with a planted bug in place of the
    real one."""

    house: Callable[[], House] = build_exchange_house
    providers: Callable[..., Performer] = ProviderPerformer
    rules: Callable[[], Exchange] = Exchange
    """What the auditor goes by."""


def run_exchange_seed(seed: int, weather: Weather | str, parts: ExchangeParts | None = None) -> Run:
    """Run one seed of the story of traders."""
    return run_world(ExchangeWorld(seed, told_weather(weather), parts or ExchangeParts()))


class ExchangeWorld(World):
    """A platform that trades, its traders, its provider and its bank on one loop."""

    story = EXCHANGE
    parts: ExchangeParts
    auditor: ExchangeAuditor

    def _prepare(self) -> None:
        self.auditor = ExchangeAuditor(
            self.house.codec, history=self.history, exchange=self.parts.rules()
        )
        self.rail = RailLine(seed=self.seed, loop=self.loop, sky=self.sky)
        self.provider = Provider(seed=self.seed, loop=self.loop, sky=self.sky)
        self.street = Street(self._chance("street"))

    def _crew(self, clock: LoopClock) -> Crew:
        payouts = self.parts.performer(rail=self.rail, sleep=clock.sleep)
        providers = self.parts.providers(provider=self.provider)
        return Crew([payouts, providers], lambda height: None)

    async def live(self) -> None:
        """Let everybody trade through the storm, mend what is broken, and close the markets: every
        order must have an end, and nothing be held."""
        self._start_platform()
        await self._finish(self._work())
        operator = Operator("operator", self.network, self._chance("operator"), 0)
        await self._finish(operator.mend(self.auditor.courses))
        await self._finish(self._desk.reopen())
        while routes := self.auditor.exchange.to_mend():
            await self._finish(self._desk.mend(routes, self.provider))
        await self._finish(self._desk.close_all())
        await self._finish(self._desk.release(self.auditor.exchange.money.suspended()))

    async def _work(self) -> None:
        ask = self.network.ask
        for key, command in founding():
            await ask(key, command, "operator")
        traders = [
            Trader(name, self.network, self._chance(name), TRADER_OPS, street=self.street)
            for name in TRADERS
        ]
        customers = [
            Customer(name, self.network, self._chance(f"{name}/bank"), CUSTOMER_OPS)
            for name in CUSTOMERS
        ]
        self._desk = MarketOperator("desk", self.network, self._chance("desk"), OPERATOR_OPS)
        await asyncio.gather(*(trader.fund() for trader in traders))
        await asyncio.gather(*(each.work() for each in (*traders, *customers, self._desk)))

    # -- the audit --------------------------------------------------------------------------------

    def _is_calm(self) -> bool:
        """Tell whether the storm is over and no provider, no bank and no time has a word to say."""
        if not super()._is_calm():
            return False
        soon_us = START_US + round(self.loop.time() * 1_000_000) + EXPIRY_WAIT_US
        return not self.auditor.exchange.awaited(soon_us)

    def _rest(self) -> str:
        return f"{super()._rest()}, orders {self.auditor.exchange.live()[:5]}"

    def _check_world(self) -> None:
        super()._check_world()
        self.auditor.check_providers(self.provider.deeds)

    def _counts(self) -> dict[str, int]:
        return {**super()._counts(), **self.auditor.exchange.counts()}
