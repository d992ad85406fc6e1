"""What is left of holds, executions and releases when a domain is killed again and again, with its
PostgreSQL at times, and a coordinator that repeats whatever was not answered?"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from nostro.adapters.domains.http_own import DomainLine, HttpAdmin, HttpDomain
from nostro.adapters.domains.port import (
    Absent,
    Executed,
    Held,
    HoldOrder,
    Refused,
    Released,
    RoundOrder,
)
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.kernel.movement import Lock, Move
from nostro.runtime.ports import NotDone, Outage
from nostro.wiring.domains import DomainOrder, embedded_store, order_for
from nostro.wiring.processes import Child

SEED = 20_261_121
KILLS = 8
SELLERS, BONDS = 4, 1_000_000
IN_FLIGHT = 6
BATCH = 5
PATIENCE_S = 90
PAUSE_S = 0.02


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of its own, as the platform starts it: this test kills it."""
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        yield postgres


class Keeper:
    """A domain in a process that is killed and started again, always at the same place."""

    def __init__(self, store: str) -> None:
        order = order_for("csd", store)
        self._order = {"domain": msgspec.to_builtins(order)}
        self._child = Child(name="csd", module="tests.chaos.domain_child", order=self._order)
        self.line: DomainLine
        self._token = order.token

    async def start(self) -> None:
        ready = await self._child.start()
        self._order["domain"]["port"] = ready["port"]
        self.line = DomainLine(ready["url"], token=self._token, timeout_s=5)

    async def kill(self) -> None:
        pid = self._child.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await self._child.ended()
        while True:  # its PostgreSQL may be on its way back, too
            try:
                await self._child.start()
                return
            except NotDone:
                await asyncio.sleep(PAUSE_S)  # sleeps: until it is back

    async def stop(self) -> None:
        await self.line.close()
        await self._child.stop()


@pytest.fixture
async def keeper(server: EmbeddedPostgres) -> AsyncIterator[Keeper]:
    keeper = Keeper(embedded_store(server, "csd"))
    await keeper.start()
    yield keeper
    await keeper.stop()


class Coordinator:
    """Decides each round by its number, and does not rest until the domain has done it."""

    def __init__(self, domain: HttpDomain, chance: random.Random) -> None:
        self._domain = domain
        self._chance = chance
        self.over = False
        self.rounds = 0
        self.held: dict[str, Held] = {}
        self.ended: dict[str, Executed | Released] = {}

    async def run(self) -> None:
        """Settle batches until it is over."""
        while not self.over:
            first = self.rounds
            self.rounds += BATCH
            numbers = range(first, first + BATCH)
            await self._settle(numbers)

    async def _settle(self, numbers: Sequence[int]) -> None:
        orders = [_holding(number) for number in numbers]
        if self._chance.random() < 0.2:  # nobody waits for this one: it arrives at any time
            _forget(asyncio.ensure_future(self._domain.hold(orders)))
            committed: list[int] = []
        else:
            for order, held in zip(
                orders, await self._until(self._domain.hold, orders), strict=True
            ):
                assert isinstance(held, Held), held
                self.held[order.round_id] = held
            committed = [number for number in numbers if _commits(number)]
        commit = [_order(number) for number in committed]
        abort = [_order(number) for number in numbers if number not in committed]
        if commit:
            await self._end(commit, await self._until(self._domain.execute, commit), Executed)
        if abort:
            await self._end(abort, await self._until(self._domain.release, abort), Released)

    async def _end(
        self,
        orders: Sequence[RoundOrder],
        answers: Sequence[object],
        kind: type[Executed] | type[Released],
    ) -> None:
        for order, answer in zip(orders, answers, strict=True):
            assert isinstance(answer, kind), (order, answer)
            self.ended[order.round_id] = answer

    async def _until(self, call: object, orders: Sequence[object]) -> Sequence[object]:
        """Ask until there is an answer; whatever else is heard must be that of a first time."""
        while True:
            try:
                answers: Sequence[object] = await call(orders)  # type: ignore[operator]
                if self._chance.random() < 0.1:
                    assert await call(orders) == answers  # type: ignore[operator]
                return answers
            except Outage:
                await asyncio.sleep(PAUSE_S)  # sleeps: until it is back


def _forget(task: asyncio.Future[object]) -> None:
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


def _commits(number: int) -> bool:
    return number % 3 != 0


def _id(number: int) -> str:
    return f"main.S{number}.1"


def _order(number: int) -> RoundOrder:
    return RoundOrder(_id(number), 1)


def _holding(number: int) -> HoldOrder:
    seller = f"s{number % SELLERS}"
    move = Move(seller, "buyer", "BOND1", 1 + number % 7)
    return HoldOrder(_id(number), 1, (Lock(seller, "BOND1", move.amount_minor),), (move,))


@pytest.mark.slow
async def test_what_a_domain_answered_stands_through_kill_9(
    server: EmbeddedPostgres, keeper: Keeper
) -> None:
    chance = random.Random(SEED)
    domain, admin = HttpDomain("csd", keeper.line), HttpAdmin(keeper.line)
    for number in range(SELLERS):
        await admin.issue(
            reference=f"i{number}",
            party=f"s{number}",
            asset="BOND1",
            scale=0,
            amount_minor=BONDS,
        )
    coordinator = Coordinator(domain, chance)
    settling = [asyncio.create_task(coordinator.run()) for _ in range(IN_FLIGHT)]
    async with asyncio.timeout(PATIENCE_S):
        for number in range(KILLS):
            done = len(coordinator.ended)
            while len(coordinator.ended) < done + 40:
                assert not any(task.done() for task in settling), "a coordinator has ended"
                await asyncio.sleep(PAUSE_S)  # sleeps: until it has settled some
            await asyncio.sleep(chance.uniform(0, 0.1))  # sleeps: the kill must fall anywhere
            if number % 4 == 3:
                pid = server.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                await asyncio.to_thread(server.start)
            await keeper.kill()
        coordinator.over = True
        await asyncio.gather(*settling)
    await _check(domain, admin, coordinator)


async def _check(domain: HttpDomain, admin: HttpAdmin, coordinator: Coordinator) -> None:
    ids = [_id(number) for number in range(coordinator.rounds)]
    statuses = [
        each
        for start in range(0, len(ids), 100)
        for each in await domain.status(ids[start : start + 100])
    ]
    told = dict(zip(ids, statuses, strict=True))
    assert not any(isinstance(each, Absent | Held) for each in statuses)
    for round_id, ended in coordinator.ended.items():
        assert told[round_id] == ended
    assert set(coordinator.ended) == set(ids)
    assert await domain.rounds(after="") == []
    late = await domain.hold([_holding(0)])
    assert isinstance(late[0], Refused)
    delivered = sum(
        1 + number % 7
        for number in range(coordinator.rounds)
        if isinstance(told[_id(number)], Executed)
    )
    (bought,) = (await admin.holdings("buyer")).holdings
    assert (bought.owned_minor, bought.available_minor) == (delivered, delivered)
    sold = [(await admin.holdings(f"s{number}")).holdings[0] for number in range(SELLERS)]
    assert sum(each.owned_minor for each in sold) == SELLERS * BONDS - delivered
    assert all(each.owned_minor == each.available_minor for each in sold), "an earmark is left"


def test_the_order_of_a_domain_survives_the_way_to_its_process() -> None:
    order = order_for("csd", "postgresql:///x")
    assert msgspec.convert(msgspec.to_builtins(order), DomainOrder) == order
    assert len(order.token) > 40
