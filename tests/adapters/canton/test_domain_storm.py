"""Do rounds end once, when coordinators replace each other in the worst weather?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.domain import CantonDomain
from nostro.adapters.domains.canton_double import CantonDouble, DoubleTerms
from nostro.adapters.domains.port import FENCED, Executed, Held, Released, Silent
from nostro.runtime.ports import Outage
from tests.adapters.canton.test_domain_faults import WILD
from tests.contracts.canton_domains import CantonWorld
from tests.contracts.domain_conformance import (
    PAYMENT,
    SALE,
    holding,
    is_closed,
    money,
    order,
    refuses,
)
from tests.contracts.test_domain_canton import on_the_double

ROUNDS = 25
TAKEOVERS = 4
ASKED_MAX = 500
BONDS, EUROS = 1_700, 250_000
Call = Callable[[CantonDomain, int], Awaitable[Sequence[Any]]]


class Coordinators:
    """One after the other; those that were replaced live on and go on asking."""

    def __init__(self, world: CantonWorld, dice: Random) -> None:
        self._world = world
        self._dice = dice
        self._domains = [world.another()]

    async def replace_each_other(self) -> None:
        """Take over a few times."""
        for _ in range(TAKEOVERS):
            await asyncio.sleep(self._dice.random() * 0.3)  # sleeps: rounds go on meanwhile
            self._domains.append(self._world.another())

    async def insist(self, call: Call) -> Any:
        """Ask, mostly by the one that is in charge, until there is an answer."""
        for _ in range(ASKED_MAX):
            epoch = len(self._domains)
            if self._dice.random() < 0.2:
                epoch = self._dice.randint(1, epoch)
            try:
                (answer,) = await call(self._domains[epoch - 1], epoch)
            except Outage:
                continue
            if not isinstance(answer, Silent) and not refuses(answer, FENCED):
                return answer
        raise AssertionError("never answered")

    async def hold(self, name: str) -> Any:
        return await self.insist(
            lambda domain, epoch: domain.hold([holding(name, SALE, PAYMENT, epoch=epoch)])
        )

    async def execute(self, name: str) -> Any:
        return await self.insist(lambda domain, epoch: domain.execute([order(name, epoch)]))

    async def release(self, name: str) -> Any:
        return await self.insist(lambda domain, epoch: domain.release([order(name, epoch)]))


async def live(coordinators: Coordinators, name: str, dice: Random) -> type[Executed | Released]:
    """Bring a round to one of its ends, and say which."""
    if dice.random() < 0.3:
        holding_on = asyncio.create_task(coordinators.hold(name))
        for _ in range(dice.randint(0, 6)):
            await asyncio.sleep(0.002)  # sleeps: the hold gets some way, or none
        assert isinstance(await coordinators.release(name), Released)
        await holding_on
        assert is_closed(await coordinators.hold(name))
        return Released
    answer = await coordinators.hold(name)
    if isinstance(answer, Held) and dice.random() < 0.6:
        assert isinstance(await coordinators.execute(name), Executed)
        return Executed
    assert isinstance(await coordinators.release(name), Released)
    return Released


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_every_round_ends_once_whoever_is_in_charge(seed: int, tmp_path: Path) -> None:
    dice = Random(seed)
    terms = DoubleTerms(seed=seed, synchronizers=("settlement", "csd"))
    double = CantonDouble(clock=SystemClock(), terms=terms, directory=tmp_path)
    world = await on_the_double(double).start()
    await world.issue("alice", "BOND1", 1_000, double.synchronizers["csd"])
    await world.give("alice", "BOND1", BONDS - 1_000)
    await world.give("bob", "EUR", EUROS)
    await double.close()

    double = CantonDouble(clock=SystemClock(), terms=terms, directory=tmp_path, weather=WILD)
    world.transport.inner = double.transport()
    coordinators = Coordinators(world, dice)
    names = [f"main.S{number}.1" for number in range(ROUNDS)]
    _, *ends = await asyncio.gather(
        coordinators.replace_each_other(), *(live(coordinators, name, dice) for name in names)
    )
    await double.close()

    double = CantonDouble(clock=SystemClock(), terms=terms, directory=tmp_path)
    world.transport.inner = double.transport()
    executed = ends.count(Executed)
    bonds, euros = 100 * executed, 9_950 * executed
    assert await money(world, "bob", "BOND1") == (bonds, bonds)
    assert await money(world, "alice", "BOND1") == (BONDS - bonds, BONDS - bonds)
    assert await money(world, "alice", "EUR") == (euros, euros)
    assert await money(world, "bob", "EUR") == (EUROS - euros, EUROS - euros)
    listed = await world.another().rounds(after="")
    assert {each.round_id: type(each.answer) for each in listed} == dict(
        zip(names, ends, strict=True)
    )
    await world.stop()
    await double.close()
