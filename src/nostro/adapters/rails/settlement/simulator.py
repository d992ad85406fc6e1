"""How does a settlement rail behave on a bad day, the same bad day each time?

What happens to a call is drawn from (seed, instruction, number of the call, time; without the time,
bad luck with an instruction would come back with every restart). What the rail knows stands in its
books (records.py), so a platform that was killed finds again what it had sent.
"""

from __future__ import annotations

import asyncio
from random import Random

import msgspec

from nostro.adapters.rails.settlement.clearing import Clearing
from nostro.adapters.rails.settlement.port import (
    CONTENT_DIFFERS,
    Absent,
    Answer,
    Pending,
    RailOrder,
    Refused,
    Settled,
)
from nostro.adapters.rails.settlement.records import Entry, Mark, RailBooks
from nostro.adapters.rails.settlement.switchboard import MemorySwitchboard, Switchboard
from nostro.runtime.ports import Clock, NotDone, OutcomeUnknown

PPM = 1_000_000
RAIL_ERROR = "rail_error"


class SettlementWeather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Odds in parts per million, and times in seconds.

    `down_ppm`: no connection. `lost_request_ppm`, `late_request_ppm`, `lost_answer_ppm`: no answer,
    and the order never arrives, arrives within `late_s_max`, or has arrived. `twice_ppm`: it
    arrives twice. `late_news_ppm`: what is final is still told as pending. `refused_ppm`: an
    attempt is refused for no good reason.
    """

    down_ppm: int = 0
    lost_request_ppm: int = 0
    late_request_ppm: int = 0
    lost_answer_ppm: int = 0
    twice_ppm: int = 0
    late_news_ppm: int = 0
    refused_ppm: int = 0
    latency_s_max: float = 0.005
    late_s_max: float = 1.0


FAIR = SettlementWeather()
MILD = SettlementWeather(
    down_ppm=10_000,
    lost_request_ppm=10_000,
    late_request_ppm=5_000,
    lost_answer_ppm=10_000,
    twice_ppm=10_000,
    late_news_ppm=50_000,
    refused_ppm=5_000,
)
HARSH = SettlementWeather(
    down_ppm=100_000,
    lost_request_ppm=100_000,
    late_request_ppm=100_000,
    lost_answer_ppm=150_000,
    twice_ppm=150_000,
    late_news_ppm=200_000,
    refused_ppm=50_000,
)


class SimulatedSettlementRail:
    """A settlement rail in this process; implements SettlementRail. Its books are the same in all
    its regions."""

    def __init__(
        self,
        *,
        name: str,
        clearing: Clearing,
        books: RailBooks,
        clock: Clock,
        seed: int,
        regions: tuple[str, ...] = ("east", "west"),
        weather: SettlementWeather = FAIR,
        switchboard: Switchboard | None = None,
    ) -> None:
        self._name = name
        self._clearing = clearing
        self._books = books
        self._clock = clock
        self._seed = seed
        self._regions = regions
        self._weather = weather
        self._switchboard = switchboard or MemorySwitchboard()
        self._calls: dict[str, int] = {}
        self._late: set[asyncio.Task[None]] = set()

    @property
    def regions(self) -> tuple[str, ...]:
        """Return where the rail can be reached."""
        return self._regions

    @property
    def moved(self) -> list[RailOrder]:
        """Return every movement in its books, oldest first, for an auditor to count."""
        entries = self._books.after(0)
        return [each.order for each in entries if each.mark is Mark.SETTLED and each.order]

    async def send(self, order: RailOrder, *, region: str) -> Answer:
        """Take an order, as far as the weather lets it through."""
        dice, weather = await self._call(order.instruction_id, region), self._weather
        if _falls(dice, weather.lost_request_ppm):
            raise OutcomeUnknown(f"no answer to {order.instruction_id}")
        if _falls(dice, weather.late_request_ppm):
            self._deliver_late(order, dice.uniform(0, weather.late_s_max))
            raise OutcomeUnknown(f"no answer to {order.instruction_id}")
        answer = self._take(order)
        if _falls(dice, weather.twice_ppm):
            answer = self._take(order)
        if _falls(dice, weather.lost_answer_ppm):
            raise OutcomeUnknown(f"no answer to {order.instruction_id}")
        return answer

    async def status(self, instruction_id: str, *, attempt: int, region: str) -> Answer:
        """Say what became of an instruction; an attempt that never arrived is barred for ever."""
        dice = await self._call(instruction_id, region)
        self._advance()
        known = self._books.find(instruction_id)
        if known is None or (known.mark in (Mark.REFUSED, Mark.BARRED) and known.attempt < attempt):
            barred = Entry(
                instruction_id=instruction_id,
                attempt=attempt,
                mark=Mark.BARRED,
                at_us=self._clock.now_us(),
                order=known.order if known else None,
            )
            self._books.add(barred)
            return Absent()
        answer = _answer(known)
        if not isinstance(answer, Absent) and _falls(dice, self._weather.late_news_ppm):
            return Pending()
        return answer

    async def close(self) -> None:
        """Forget what is still on its way."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _call(self, instruction_id: str, region: str) -> Random:
        number = self._calls[instruction_id] = self._calls.get(instruction_id, 0) + 1
        dice = Random(f"{self._seed}/{instruction_id}/{number}/{self._clock.now_us()}")
        if self._weather.latency_s_max:
            await self._clock.sleep(dice.uniform(0, self._weather.latency_s_max))
        if region not in self._regions:
            raise NotDone(f"{self._name} cannot be reached in {region!r}")
        faults = self._switchboard.faults()
        if faults.is_down(self._name, region, self._clock.now_us()) or _falls(
            dice, self._weather.down_ppm
        ):
            raise NotDone(f"{self._name} is down in {region}")
        return dice

    def _take(self, order: RailOrder) -> Answer:
        self._advance()
        known = self._books.find(order.instruction_id)
        if known is not None:
            if known.order is not None and not same_content(known.order, order):
                return Refused(CONTENT_DIFFERS)
            if known.mark in (Mark.PENDING, Mark.SETTLED) or order.attempt <= known.attempt:
                return _answer(known)
        now_us = self._clock.now_us()
        answer = self._clearing.judge(order, now_us, self._switchboard.faults())
        dice = Random(f"{self._seed}/{order.instruction_id}/{order.attempt}/fate")
        if _falls(dice, self._weather.refused_ppm):
            answer = Refused(RAIL_ERROR)
        self._write(order, answer)
        if isinstance(answer, Pending):
            self._advance()
            known = self._books.find(order.instruction_id)
            return answer if known is None else _answer(known)
        return answer

    def _advance(self) -> None:
        """Bring the clearing up to this moment, and its books too."""
        self._clearing.read(self._books)
        now_us, faults = self._clock.now_us(), self._switchboard.faults()
        for instruction_id, answer in self._clearing.advance(now_us, faults):
            known = self._books.find(instruction_id)
            if known is not None and known.mark is Mark.PENDING and known.order is not None:
                self._write(known.order, answer)

    def _write(self, order: RailOrder, answer: Answer) -> None:
        entry = Entry(
            instruction_id=order.instruction_id,
            attempt=order.attempt,
            mark=_mark(answer),
            at_us=self._clock.now_us(),
            order=order,
            code=answer.code if isinstance(answer, Refused) else "",
            rail_reference=answer.rail_reference if isinstance(answer, Settled) else "",
            charges_minor=answer.charges_minor if isinstance(answer, Settled) else 0,
        )
        self._books.add(entry)
        self._clearing.read(self._books)

    def _deliver_late(self, order: RailOrder, after_s: float) -> None:
        async def deliver() -> None:
            await self._clock.sleep(after_s)
            self._take(order)

        task = asyncio.create_task(deliver(), name=f"late-{order.instruction_id}")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def same_content(one: RailOrder, other: RailOrder) -> bool:
    """Tell whether two orders name the same movement, whatever their attempts."""
    return msgspec.structs.replace(one, attempt=other.attempt) == other


def _mark(answer: Answer) -> Mark:
    match answer:
        case Settled():
            return Mark.SETTLED
        case Pending():
            return Mark.PENDING
        case Refused():
            return Mark.REFUSED
        case Absent():
            return Mark.BARRED


def _answer(entry: Entry) -> Answer:
    match entry.mark:
        case Mark.SETTLED:
            return Settled(entry.rail_reference, entry.charges_minor)
        case Mark.PENDING:
            return Pending()
        case Mark.REFUSED:
            return Refused(entry.code)
        case Mark.BARRED:
            return Absent()


def _falls(dice: Random, odds_ppm: int) -> bool:
    return odds_ppm > 0 and dice.randrange(PPM) < odds_ppm
