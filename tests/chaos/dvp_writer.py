"""Who settles across two ledgers while it is being killed? A domain, or a coordinator, in a process
of its own.

A coordinator submits numbered sales under numbered keys, and says `over` once none is open; a trap
is where it kills itself, with SIGKILL. On the next start it begins again at the first number.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import uvloop

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.http_own import DomainLine, HttpDomain
from nostro.adapters.domains.lane import LaneTerms
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.port import Domain, DomainHead, HoldOrder, RoundAt, RoundOrder
from nostro.adapters.domains.standing import RoomHints
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.runtime.engine import Engine
from nostro.runtime.performers import Performing
from nostro.runtime.ports import Batch, Head, Outage
from nostro.settlement import InstructSettlements
from nostro.wiring.domains import DomainOrder, DomainPlace, serve_domain
from nostro.wiring.starting import start_patiently
from tests.chaos.dvp_world import CASH, EQUITIES, MAIN, POLICY, coordinator_house, trade

A = TypeVar("A")
BETWEEN = "between the executions"
POLICY_HERE = msgspec.structs.replace(POLICY, retry_delay_us=200_000)
IN_FLIGHT = 16
PATIENCE_S = 0.05
LOOK_S = 0.02


class Work(msgspec.Struct, frozen=True):
    """What a coordinator is to do: sales from 1 to `sales` (one share for one cent each), and where
    it dies: `before` or `after` something, or BETWEEN."""

    store: str
    places: list[DomainPlace]
    sales: int
    trap: str = ""


def die() -> None:
    """End as by SIGKILL: it is one."""
    os.kill(os.getpid(), signal.SIGKILL)


class DeadlyLine:
    """The way to a domain, on which the coordinator may die."""

    def __init__(self, domain: Domain, trap: str) -> None:
        self.name = domain.name
        self._domain = domain
        self._trap = trap

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[Any]:
        return await self._call("hold", lambda: self._domain.hold(orders))

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[Any]:
        if self._trap == BETWEEN and self.name == CASH:
            await asyncio.Event().wait()
        answers = await self._call("execute", lambda: self._domain.execute(orders))
        if self._trap == BETWEEN:
            die()
        return answers

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[Any]:
        return await self._call("release", lambda: self._domain.release(orders))

    async def status(self, round_ids: Sequence[str]) -> Sequence[Any]:
        return await self._domain.status(round_ids)

    async def head(self) -> DomainHead:
        return await self._domain.head()

    async def rounds(self, *, after: str, limit: int = 200) -> Sequence[RoundAt]:
        return await self._domain.rounds(after=after, limit=limit)

    async def close(self) -> None:
        await self._domain.close()

    async def _call(self, deed: str, ask: Callable[[], Awaitable[A]]) -> A:
        if self._trap == f"before {deed} {self.name}":
            die()
        answer = await ask()
        if self._trap == f"after {deed} {self.name}":
            die()
        return answer


class DeadlyJournal(PostgresJournal):
    """A journal after whose commits the coordinator may die."""

    trap = ""

    async def append(self, batch: Batch, head: Head) -> None:
        hit = any(self.trap.encode() in entry.payload for entry in batch.entries)
        await super().append(batch, head)
        if self.trap and hit:
            die()


async def coordinate(work: Work) -> None:
    """Settle all sales."""
    house = coordinator_house(POLICY_HERE)
    lines = {
        place.name: DeadlyLine(
            HttpDomain(place.name, DomainLine(place.url, token=place.token)), work.trap
        )
        for place in work.places
    }
    performer = DomainPerformer(
        lines,
        clock=SystemClock(),
        epoch=lambda: engine.fence,
        hints=RoomHints(lambda: engine.look("settlement"), MAIN),
        terms=LaneTerms(answer_s_max=2.0),
    )
    performing = Performing(
        house=house, clock=SystemClock(), chain=MAIN, performers=(), patient=(performer,)
    )
    journal = DeadlyJournal(work.store, MAIN)
    journal.trap = work.trap.partition("after commit ")[2]
    engine = Engine(house=house, journal=journal, clock=SystemClock(), on_effects=performing.start)
    performing.attach(engine)
    await start_patiently(engine)
    numbers = iter(range(1, work.sales + 1))

    async def client() -> None:
        for number in numbers:
            await _submit(engine, number)

    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
    await _until_over(engine)
    _say("over")
    await performing.stop()
    await engine.stop()


async def _until_over(engine: Engine) -> None:
    while True:
        if engine.idle and not engine.look("settlement").settlements:
            return
        await asyncio.sleep(LOOK_S)  # sleeps: until everything is settled


async def _submit(engine: Engine, number: int) -> None:
    sale = trade(number, quantity_minor=1, amount_minor=1)
    while True:
        try:
            await engine.submit(
                key=f"t{number}", command=InstructSettlements(settlements=[sale]), actor="writer"
            )
        except Outage:
            await asyncio.sleep(PATIENCE_S)  # sleeps: the server is coming back
            continue
        _say(f"instructed {number}")
        return


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Be what the first argument says, with the order in the second."""
    if sys.argv[1] == "domain":
        order = msgspec.json.decode(sys.argv[2], type=DomainOrder)
        uvloop.run(serve_domain(order, on_ready=lambda facts: _say(str(facts["port"]))))
    else:
        uvloop.run(coordinate(msgspec.json.decode(sys.argv[2], type=Work)))


assert {EQUITIES, CASH} == set(POLICY.domains)
if __name__ == "__main__":
    main()
