"""In any weather, however often the platform dies: is a route filled once, and told truly?"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from random import Random

import pytest
from msgspec.structs import replace

from nostro.adapters.liquidity.faults import HARSH, MILD, MerchantWeather
from nostro.adapters.liquidity.performer import BEST, ProviderPerformer
from nostro.adapters.liquidity.port import REFUSED, Refused
from nostro.adapters.liquidity.records import Entry
from nostro.exchange import EndRoute
from nostro.runtime.ports import Outage, OutcomeUnknown
from tests.adapters.liquidity.world import (
    EFFECT_ID,
    ROUTE,
    SILENT,
    Scripted,
    World,
    changed,
    command_of,
)

RIVALS = changed(ROUTE, provider=BEST)
SEEDS = range(150)


def lots(command: EndRoute) -> int:
    return sum(fill.lots for fill in command.fills)


def agrees(told: EndRoute, deeds: list[Entry]) -> bool:
    """Tell whether what was told is what stands in the providers' books."""
    done = sum(Fraction(piece.quantity) for deed in deeds for piece in deed.pieces)
    references = {deed.provider_reference for deed in deeds} or {""}
    return done == Fraction(lots(told), 1_000) and references == {told.reference}


@pytest.mark.parametrize("weather", [MILD, HARSH])
@pytest.mark.parametrize("all_or_none", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_in_any_weather_one_fills_or_nobody_and_what_is_told_is_true(
    seed: int, weather: MerchantWeather, all_or_none: bool
) -> None:
    world = World(seed=str(seed))
    dice = Random(f"deaths/{seed}")
    route = changed(RIVALS, all_or_none=all_or_none)

    def platform(first: bool) -> ProviderPerformer:
        rivals = [world.merchant(weather, name=name, seed=seed) for name in ("acme", "beta")]
        return world.performer(*rivals, fresh=first)

    async def story() -> EndRoute:
        performer = platform(first=True)
        for _ in range(300):
            try:
                return command_of(await performer.perform(route, EFFECT_ID))
            except Outage:
                await world.later(dice.uniform(0, 3))
            if dice.random() < 0.3:
                performer = platform(first=False)  # killed, and started again
        raise AssertionError("never told")

    async def whole_story() -> EndRoute:
        told = await story()
        await world.later(60)  # what was on its way arrives
        return told

    told = world.run(whole_story())
    deeds = world.deeds("acme", "beta")
    assert len(deeds) <= 1
    assert agrees(told, deeds)
    assert not all_or_none or lots(told) in (0, ROUTE.lots)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_process_that_was_overtaken_and_its_successor_fill_once_together(seed: int) -> None:
    """The old process goes on performing, though nobody listens any more."""
    world = World(seed=str(seed))
    weather = replace(HARSH, latency_s_max=1.0)

    def platform(number: int) -> ProviderPerformer:
        rivals = [world.merchant(weather, name=name, seed=seed) for name in ("acme", "beta")]
        performer = world.performer(*rivals)
        performer.took_over(0 if number == 0 else 100)
        return performer

    async def perform(number: int) -> EndRoute:
        await world.later(number * 0.7)
        return await world.told(platform(number), replace(RIVALS))

    async def story() -> list[EndRoute]:
        told = await asyncio.gather(*(perform(number) for number in range(3)))
        await world.later(60)
        return told

    told = world.run(story())
    deeds = world.deeds("acme", "beta")
    assert len(deeds) <= 1
    # The one that nobody overtook is heard.
    assert agrees(told[-1], deeds)


def test_one_who_has_promised_to_do_nothing_is_asked_for_nothing_more() -> None:
    world = World()
    best, second = Scripted(price="50000", answers=[Refused(REFUSED)]), Scripted(answers=[SILENT])

    async def story() -> EndRoute:
        performer = world.performer(best, second, fresh=True)
        with pytest.raises(OutcomeUnknown):
            await performer.perform(RIVALS, EFFECT_ID)
        return command_of(await performer.perform(RIVALS, EFFECT_ID))

    assert world.run(story()).provider == "beta"
    assert best.calls == ["quote", "execute", "close"]
    assert second.calls == ["quote", "quote", "execute", "status"]
