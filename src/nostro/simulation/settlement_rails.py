"""How do the settlement rails live: their books, their bad days, and who is cut off when?

The rails are one process apart from the platform: what they have begun they finish. They die too,
and come back with their books.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from nostro.adapters.rails.settlement.clearing import (
    Clearing,
    Correspondent,
    CorrespondentTerms,
    Instant,
    InstantTerms,
    Rtgs,
    RtgsTerms,
)
from nostro.adapters.rails.settlement.port import Answer, RailOrder
from nostro.adapters.rails.settlement.records import Entry, MemoryBooks
from nostro.adapters.rails.settlement.simulator import (
    FAIR,
    HARSH,
    MILD,
    SettlementWeather,
    SimulatedSettlementRail,
)
from nostro.adapters.rails.settlement.switchboard import NO_FAULTS, Faults, MemorySwitchboard
from nostro.simulation.loop import LoopClock, Process, SeededLoop
from nostro.simulation.weather import Sky

NAMES = ("rtgs", "correspondent", "instant")
REGIONS = ("east", "west")
WEATHERS = {"mild": MILD, "harsh": HARSH}
PHASE_MEAN_S = 6.0
"""How long a fault lasts on average, and the quiet until the next."""
RESTART_MEAN_S = 20.0
OPENING_MINOR = 400_000
"""What a participant has at the central bank: in a bad hour too little for its pay-ins."""

T = TypeVar("T")


class RailsLine:
    """The lines to the three rails, which share books with all their later selves."""

    def __init__(
        self, *, seed: int, loop: SeededLoop, sky: Sky, participants: Sequence[str]
    ) -> None:
        self.books = {name: MemoryBooks() for name in NAMES}
        self.phases = 0
        self._seed = seed
        self._loop = loop
        self._sky = sky
        self._participants = list(participants)
        self._switchboard = MemorySwitchboard()
        self._dice = Random(f"{seed}/rails")
        self._storming = True
        self._outside = Process("outside of the rails").context()
        self._open()

    def _open(self) -> None:
        """Start all rails anew: of what they were doing only what stands in their books is left."""
        self._process = Process("rails")
        self._context = self._process.context()
        storming = WEATHERS.get(self._sky.weather.name, FAIR)
        self._rails = {
            name: SimulatedSettlementRail(
                name=name,
                clearing=self._clearing(name),
                books=self.books[name],
                clock=LoopClock(self._loop),
                seed=self._seed,
                weather=storming if self._storming else SettlementWeather(),
                switchboard=self._switchboard,
            )
            for name in NAMES
        }

    def _clearing(self, name: str) -> Clearing:
        if name == "rtgs":
            return Rtgs(name, RtgsTerms(opening_other_minor=OPENING_MINOR, queue_s_max=1.0))
        if name == "correspondent":
            terms = CorrespondentTerms(returned_ppm=20_000, charge_minor=7, charge_ppm=100)
            return Correspondent(name, terms, seed=self._seed)
        return Instant(name, InstantTerms(amount_max_minor=60_000))

    # -- what the platform sees -------------------------------------------------------------------

    def line(self, name: str) -> RailLine:
        """Return the line to one rail."""
        return RailLine(self, name)

    async def there(self, name: str, deed: str, *args: Any, **more: Any) -> Any:
        """Have something done by a rail, which does it whether or not the caller lives on."""
        work: Coroutine[Any, Any, Any] = getattr(self._rails[name], deed)(*args, **more)
        task = self._loop.create_task(work, context=self._context.copy())
        waiting = asyncio.shield(task)
        # Heard out here too: whoever called may be dead by then, and so may the rail.
        for each in (task, waiting):
            each.add_done_callback(_heard, context=self._outside.copy())
        return await waiting

    # -- bad days ---------------------------------------------------------------------------------

    async def suffer(self) -> None:
        """Switch faults on and off, in phases, until the storm is over."""
        while self._storming:
            await asyncio.sleep(self._dice.expovariate(1 / PHASE_MEAN_S))
            if self._storming:
                self.phases += 1
                self._switchboard.set(self._fault())
            await asyncio.sleep(self._dice.expovariate(1 / PHASE_MEAN_S))
            if self._storming:
                self._switchboard.set(NO_FAULTS)

    async def restart(self) -> None:
        """Let the rails die and come back, until the storm is over."""
        while self._storming and self._sky.weather.crash_steps_mean:
            await asyncio.sleep(self._dice.expovariate(1 / RESTART_MEAN_S))
            if self._storming:
                self._process.kill()
                self._open()

    def _fault(self) -> Faults:
        dice = self._dice
        match dice.randrange(6):
            case 0:
                return Faults(down=frozenset({(dice.choice(NAMES), dice.choice(REGIONS))}))
            case 1:
                name = dice.choice(NAMES)
                return Faults(down=frozenset((name, region) for region in REGIONS))
            case 2:
                return Faults(failed=frozenset({dice.choice(self._participants)}))
            case 3:
                return Faults(unavailable=frozenset(dice.sample(self._participants, 2)))
            case 4:
                return Faults(short=frozenset(dice.sample(self._participants, 2)))
            case _:
                everyone = frozenset(self._participants)
                return Faults(failed=frozenset({dice.choice(self._participants)}), short=everyone)

    def clear(self) -> None:
        """End all faults; the rails know what they knew."""
        self._storming = False
        self._switchboard.set(NO_FAULTS)
        self._process.kill()
        self._open()

    # -- what an auditor sees ---------------------------------------------------------------------

    def entries(self) -> list[tuple[str, Entry]]:
        """Return every line of every rail's books."""
        return [(name, entry) for name in NAMES for entry in self.books[name].after(0)]


class RailLine:
    """The line to one rail; implements SettlementRail."""

    def __init__(self, rails: RailsLine, name: str) -> None:
        self._rails = rails
        self._name = name

    @property
    def regions(self) -> tuple[str, ...]:
        """Return where the rail can be reached."""
        return REGIONS

    async def send(self, order: RailOrder, *, region: str) -> Answer:
        """Take an order."""
        answer: Answer = await self._rails.there(self._name, "send", order, region=region)
        return answer

    async def status(self, instruction_id: str, *, attempt: int, region: str) -> Answer:
        """Say what became of an instruction."""
        answer: Answer = await self._rails.there(
            self._name, "status", instruction_id, attempt=attempt, region=region
        )
        return answer


def _heard(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()
