"""In which world do the tests of settlement rails play?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nostro.adapters.rails.settlement.clearing import (
    Clearing,
    Correspondent,
    Instant,
    Rtgs,
)
from nostro.adapters.rails.settlement.performer import RailsPerformer
from nostro.adapters.rails.settlement.port import (
    Answer,
    Pending,
    RailOrder,
)
from nostro.adapters.rails.settlement.records import FileBooks, MemoryBooks, RailBooks
from nostro.adapters.rails.settlement.simulator import (
    FAIR,
    PPM,
    SettlementWeather,
    SimulatedSettlementRail,
)
from nostro.adapters.rails.settlement.switchboard import Faults, MemorySwitchboard
from nostro.execution import (
    AskInstruction,
    Direction,
    NewInstruction,
    Purpose,
    SendInstruction,
)
from nostro.runtime.ports import Outage
from nostro.simulation.loop import LoopClock, seeded_loop

T = TypeVar("T")

ORDER = RailOrder(
    instruction_id="main:c1:a:EUR",
    attempt=1,
    participant_id="a",
    currency="EUR",
    direction=Direction.OUT,
    amount_minor=500,
)
NAME = ORDER.instruction_id
INSTRUCTION = NewInstruction("c1:a:EUR", "a", "EUR", Direction.OUT, 500, Purpose.POSITION)
SEND = SendInstruction(
    settlement_id="c1", instruction=INSTRUCTION, attempt=1, rail="rail", region="east"
)
ASK = AskInstruction(
    settlement_id="c1", instruction_id="c1:a:EUR", attempt=1, rail="rail", region="east"
)
CLEARINGS: dict[str, Callable[[], Clearing]] = {
    "rtgs": Rtgs,
    "correspondent": Correspondent,
    "instant": Instant,
}
HARSH_SEEDS = range(60)
FAILED = Faults(failed=frozenset({"a"}))


class World:
    """The rail's books, and as many platforms after each other as a test needs. Time is virtual."""

    def __init__(self, clearing: Callable[[], Clearing], path: Path | None = None) -> None:
        self._loop = seeded_loop("rail")
        self._clearing = clearing
        self._path = path
        self._memory = MemoryBooks()
        self._files: list[FileBooks] = []
        self.clock = LoopClock(self._loop)
        self.switchboard = MemorySwitchboard()

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Run a story to its end."""
        return self._loop.run(story)

    def rail(self, weather: SettlementWeather = FAIR, *, seed: int = 1) -> SimulatedSettlementRail:
        """Return the rail as a new process of the platform finds it."""
        return SimulatedSettlementRail(
            name="rail",
            clearing=self._clearing(),
            books=self.books(),
            clock=self.clock,
            seed=seed,
            weather=weather,
            switchboard=self.switchboard,
        )

    def books(self) -> RailBooks:
        if self._path is None:
            return self._memory
        books = FileBooks(self._path)
        self._files.append(books)
        return books

    def performer(self, rail: SimulatedSettlementRail, *, chain: str = "main") -> RailsPerformer:
        return RailsPerformer({"rail": rail}, chain=chain)

    def moved(self) -> list[RailOrder]:
        """Return every movement, of every process."""
        return self.rail().moved

    async def final(self, rail: SimulatedSettlementRail, *, attempt: int = 1) -> Answer:
        """Ask until the rail says something final."""
        for _ in range(1_000):
            try:
                answer = await rail.status(NAME, attempt=attempt, region="east")
            except Outage:
                answer = Pending()
            if not isinstance(answer, Pending):
                return answer
            await self.clock.sleep(0.1)  # sleeps: virtual time
        raise AssertionError("never final")

    def close(self) -> None:
        for file in self._files:
            file.close()


def always(name: str) -> SettlementWeather:
    return SettlementWeather(**{name: PPM})


def attempt(number: int) -> RailOrder:
    return msgspec.structs.replace(ORDER, attempt=number)
