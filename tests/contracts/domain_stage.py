"""A performer of settlement domains on a stage: orders go in, and what it tells is kept."""

from __future__ import annotations

import asyncio

from nostro.adapters.domains.lane import LaneTerms
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.standing import Standing
from nostro.kernel.movement import Lock
from nostro.runtime.ending import ended
from nostro.runtime.ports import Told
from nostro.settlement import (
    AskDomain,
    Deed,
    DeedOrder,
    DeedResult,
    DomainState,
    NoteDeeds,
    Outcome,
    SetDomainState,
)
from nostro.simulation.loop import LoopClock, SeededLoop
from tests.adapters.domains.scripted import ScriptedDomain

TERMS = LaneTerms(batch_size=4, calls_max=2, answer_s_max=5.0)


def order(number: int) -> DeedOrder:
    return DeedOrder(number, 1, f"main.S{number}.1", [Lock("ann", "ACME", number)])


def name(number: int) -> str:
    return order(number).round_id


class Stage:
    """A performer with domains, what it told, and the room's hints. `tell_gate`: telling waits
    while it is clear."""

    def __init__(self, *domains: ScriptedDomain, terms: LaneTerms = TERMS) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.told: list[Told] = []
        self.tell_gate = asyncio.Event()
        self.tell_gate.set()
        self.epoch = 7
        self.standings: dict[str, Standing] = {}
        self.barred: set[str] = set()
        self.unwanted: set[int] = set()
        self.performer = DomainPerformer(
            {each.name: each for each in domains},
            clock=LoopClock(loop, 0.0),
            epoch=lambda: self.epoch,
            hints=self,
            terms=terms,
        )
        self._heights = 0

    async def __aenter__(self) -> Stage:
        self._run = asyncio.create_task(self.performer.run(self._tell))
        return self

    async def __aexit__(self, *_: object) -> None:
        await ended([self._run])

    async def _tell(self, told: Told) -> None:
        await self.tell_gate.wait()
        self.told.append(told)
        if isinstance(told.command, SetDomainState):
            assert told.command.state is DomainState.QUARANTINED
            self.barred.add(told.command.domain)

    def is_barred(self, domain: str) -> bool:
        return domain in self.barred

    def wants(self, bundle: int, number: int) -> bool:
        return bundle not in self.unwanted

    def standing(self, domain: str) -> Standing:
        return self.standings.get(domain, Standing())

    def ask(self, deed: Deed, *numbers: int, domain: str = "equities") -> tuple[int, int]:
        """Order a deed for rounds, as one effect; return its id."""
        self._heights += 1
        effect_id = (self._heights, 0)
        orders = [order(number) for number in numbers]
        self.performer.take(AskDomain(domain=domain, deed=deed, orders=orders), effect_id)
        return effect_id

    def results(self) -> list[DeedResult]:
        return [
            result
            for told in self.told
            if isinstance(told.command, NoteDeeds)
            for result in told.command.results
        ]

    def outcomes(self) -> dict[int, Outcome]:
        return {result.bundle: result.outcome for result in self.results()}

    def settled(self) -> list[tuple[int, int]]:
        return sorted(each for told in self.told for each in told.settles)


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds)  # sleeps: in virtual time
