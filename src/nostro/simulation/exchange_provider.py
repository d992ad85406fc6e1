"""What does a liquidity provider do on a bad day, and how does a performer get it to fill once?

The provider is a process of its own with books of its own: one fate for each route, drawn from the
seed and the route, whoever asks however often. Calls are lost on the way, their answers are lost,
they arrive twice or long after their sender gave up, and news of an end are late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

import msgspec

from nostro.exchange import EndRoute, RouteFill, RouteToProvider, Side
from nostro.kernel.messages import Command, Effect
from nostro.runtime.ports import NotDone, OutcomeUnknown
from nostro.simulation.loop import Process, SeededLoop
from nostro.simulation.weather import Sky

PROVIDERS = ("acme", "zeta")
THINK_S_MAX = 3.0
"""How long a provider may take to come to an end."""
REFUSED = 0.2
PARTIAL = 0.35
GARBLED = 0.02
"""How often a provider first says what cannot be, until people have spoken to him."""
BETTER_TICKS_MAX = 4
LATE_S_MAX = 10.0


class Deed(msgspec.Struct, frozen=True):
    """What a provider did of a route, for good; known from `final_at` (virtual seconds) on."""

    order: int
    provider: str
    fills: Sequence[RouteFill]
    reason: str
    final_at: float
    garbled: bool


class Provider:
    """The providers' own books, and the stormy line to them."""

    def __init__(self, *, seed: int, loop: SeededLoop, sky: Sky) -> None:
        self._seed = seed
        self._loop = loop
        self._sky = sky
        self._context = Process("provider").context()
        self.deeds: dict[int, Deed] = {}
        """By route."""
        self.calls = 0

    async def execute(self, effect: RouteToProvider) -> None:
        """Take a route; raises NotDone or OutcomeUnknown when no answer came."""
        weather, sky = self._sky.weather, self._sky
        await self._travel()
        if sky.chance(2 * weather.message_lost):
            raise OutcomeUnknown("lost on the way")
        if sky.chance(2 * weather.message_late):
            late = self._take_late(effect, sky.between(0.0, LATE_S_MAX))
            self._loop.create_task(late, context=self._context.copy())
            raise OutcomeUnknown("on the way for long")
        for _ in range(1 + sky.chance(weather.message_twice)):
            self._take(effect)
        if sky.chance(2 * weather.message_lost):
            raise OutcomeUnknown("the answer was lost")

    async def outcome(self, route: int) -> Deed | None:
        """Return what became of a route, None when it has not arrived; raises NotDone when it is
        not final yet, or nobody answers."""
        await self._travel()
        deed = self.deeds.get(route)
        if deed is not None and self._loop.time() < deed.final_at:
            raise NotDone("not final yet")
        return deed

    async def _travel(self) -> None:
        self.calls += 1
        await asyncio.sleep(self._sky.about(self._sky.weather.message_mean_s))
        if self._sky.chance(5 * self._sky.weather.read_failed):
            raise NotDone("the provider does not answer")

    async def _take_late(self, effect: RouteToProvider, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._take(effect)

    def _take(self, effect: RouteToProvider) -> None:
        """Fill, or not, once and for ever."""
        if effect.route in self.deeds:
            return
        dice = Random(f"{self._seed}/route/{effect.route}")
        fills = _fills(effect, dice)
        self.deeds[effect.route] = Deed(
            order=effect.order,
            provider=effect.provider,
            fills=fills,
            reason="" if fills else dice.choice(("no_quote", "inventory", "refused")),
            final_at=self._loop.time() + dice.uniform(0.0, THINK_S_MAX),
            garbled=dice.random() < GARBLED,
        )


def _fills(effect: RouteToProvider, dice: Random) -> list[RouteFill]:
    """Return fills at the limit or better, the best first; all, some or none of the lots."""
    if dice.random() < REFUSED:
        return []
    lots = effect.lots
    if not effect.all_or_none and dice.random() < PARTIAL:
        lots = dice.randint(0, effect.lots)
    better = -1 if effect.side is Side.BUY else 1
    ticks = sorted((dice.randint(0, BETTER_TICKS_MAX) for _ in range(3)), reverse=True)
    fills: list[RouteFill] = []
    for tick in ticks[: dice.randint(1, 3)]:
        part = dice.randint(0, lots)
        price = effect.limit + better * tick
        if part and price > 0:
            fills.append(RouteFill(part, price))
            lots -= part
    if lots and (effect.all_or_none or fills or dice.random() < 1 - PARTIAL):
        whole = effect.all_or_none or dice.random() < 1 - PARTIAL
        fills += [RouteFill(lots, effect.limit)] if whole else []
    return fills


class ProviderPerformer:
    """Asks a provider first, sends, and tells the exchange only what is final; implements
    runtime.ports.Performer."""

    effects: tuple[type[Effect], ...] = (RouteToProvider,)

    def __init__(self, *, provider: Provider) -> None:
        self._provider = provider

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[tuple[str, Command]]:
        """Have a route filled once; safe to call again. Raises an Outage until it is final."""
        assert isinstance(effect, RouteToProvider)
        deed = await self._provider.outcome(effect.route)
        if deed is None:
            await self._provider.execute(effect)
            deed = await self._provider.outcome(effect.route)
        if deed is None:
            raise OutcomeUnknown(f"route {effect.route} is on its way")
        command = told(effect.route, deed)
        if deed.garbled:
            fills = [*command.fills, RouteFill(effect.lots + 1, effect.limit)]
            command = msgspec.structs.replace(command, fills=fills)
        return [(f"route:{effect.route}", command)]


def told(route: int, deed: Deed) -> EndRoute:
    """Return the command that tells of a deed as it was: always the same."""
    return EndRoute(
        order=deed.order,
        route=route,
        fills=list(deed.fills),
        reason=deed.reason,
        reference=f"{deed.provider}-{route}",
        provider=deed.provider,
    )
