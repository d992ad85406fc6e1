"""How does a rail behave on a bad day, the same bad day each time?

Everything is drawn from the seed: what becomes of a reference from (seed, reference), what happens
to a call from (seed, reference, number of the call, time; without the time, bad luck with a
reference would come back with every restart). Only what reached the rail, and when, is kept (see
records.py), so a platform that was killed finds again what it had sent.
"""

from __future__ import annotations

import asyncio
from random import Random

import msgspec

from nostro.adapters.rails.port import (
    Payout,
    RailState,
    RailStatus,
    Refused,
    Sent,
)
from nostro.adapters.rails.records import RailRecords, Record
from nostro.runtime.ports import Clock, NotDone, OutcomeUnknown

PPM = 1_000_000
REFUSE_DESTINATION = "test-refuse"
"""Payouts to a destination that begins like this are refused in any weather."""
FAIL_DESTINATION = "test-fail"
"""Payouts to a destination that begins like this are taken, and fail in any weather."""
REFERENCE_REUSED = "reference_reused"


class RailWeather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Odds in parts per million, and times in seconds.

    `down_ppm`: no connection. `lost_request_ppm`, `late_request_ppm`, `lost_answer_ppm`: no answer,
    and the payout never arrives, arrives after `late_s_max`, or has arrived. `twice_ppm`: it
    arrives twice. `late_news_ppm`: a status that is final is still told as pending.
    """

    down_ppm: int = 0
    lost_request_ppm: int = 0
    late_request_ppm: int = 0
    lost_answer_ppm: int = 0
    twice_ppm: int = 0
    late_news_ppm: int = 0
    refused_ppm: int = 0
    failed_ppm: int = 0
    latency_s_max: float = 0.005
    late_s_max: float = 1.0
    settle_s_max: float = 0.05


FAIR = RailWeather()
MILD = RailWeather(
    down_ppm=10_000,
    lost_request_ppm=10_000,
    lost_answer_ppm=10_000,
    twice_ppm=10_000,
    late_news_ppm=50_000,
    refused_ppm=5_000,
    failed_ppm=5_000,
)
HARSH = RailWeather(
    down_ppm=150_000,
    lost_request_ppm=100_000,
    late_request_ppm=100_000,
    lost_answer_ppm=150_000,
    twice_ppm=150_000,
    late_news_ppm=200_000,
    refused_ppm=50_000,
    failed_ppm=50_000,
    settle_s_max=2.0,
)


class SimulatedRail:
    """A payout rail in this process; implements PayoutRail.

    `moved` lists every movement it ever made in this process, for an auditor to count.
    """

    def __init__(
        self,
        *,
        seed: int,
        clock: Clock,
        records: RailRecords,
        weather: RailWeather = FAIR,
    ) -> None:
        self._seed = seed
        self._clock = clock
        self._records = records
        self._weather = weather
        self._calls: dict[str, int] = {}
        self._late: set[asyncio.Task[None]] = set()
        self.moved: list[Payout] = []

    async def send(self, payout: Payout) -> Sent | Refused:
        """Take a payout, as far as the weather lets it through."""
        dice, weather = await self._call(payout.reference), self._weather
        if _falls(dice, weather.lost_request_ppm):
            raise OutcomeUnknown(f"no answer to {payout.reference}")
        if _falls(dice, weather.late_request_ppm):
            self._deliver_late(payout, dice.uniform(0, weather.late_s_max))
            raise OutcomeUnknown(f"no answer to {payout.reference}")
        answer = self._take(payout)
        if _falls(dice, weather.twice_ppm):
            answer = self._take(payout)
        if _falls(dice, weather.lost_answer_ppm):
            raise OutcomeUnknown(f"no answer to {payout.reference}")
        return answer

    async def status(self, reference: str) -> RailStatus:
        """Say what became of a reference."""
        dice = await self._call(reference)
        record = self._records.find(reference)
        if record is None:
            return RailStatus(RailState.UNKNOWN_REFERENCE)
        if record.refused:
            return RailStatus(RailState.FAILED, record.refused)
        fate = self._fate(record.payout)
        final_at_us = record.at_us + int(fate.settle_s * 1_000_000)
        if self._clock.now_us() < final_at_us or _falls(dice, self._weather.late_news_ppm):
            return RailStatus(RailState.PENDING)
        if fate.failed:
            return RailStatus(RailState.FAILED, fate.failed)
        return RailStatus(RailState.SETTLED)

    async def close(self) -> None:
        """Forget what is still on its way."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _call(self, reference: str) -> Random:
        number = self._calls[reference] = self._calls.get(reference, 0) + 1
        dice = Random(f"{self._seed}/{reference}/{number}/{self._clock.now_us()}")
        await self._clock.sleep(dice.uniform(0, self._weather.latency_s_max))
        if _falls(dice, self._weather.down_ppm):
            raise NotDone("the rail is down")
        return dice

    def _take(self, payout: Payout) -> Sent | Refused:
        known = self._records.find(payout.reference)
        if known is not None:
            if known.payout != payout:
                return Refused(REFERENCE_REUSED)
            return Refused(known.refused) if known.refused else Sent()
        fate = self._fate(payout)
        self._records.add(Record(payout, self._clock.now_us(), fate.refused))
        if fate.refused:
            return Refused(fate.refused)
        if not fate.failed:
            self.moved.append(payout)
        return Sent()

    def _fate(self, payout: Payout) -> _Fate:
        dice, weather = Random(f"{self._seed}/{payout.reference}"), self._weather
        settle_s = dice.uniform(0, weather.settle_s_max)
        refused = _falls(dice, weather.refused_ppm)
        failed = _falls(dice, weather.failed_ppm)
        return _Fate(
            settle_s,
            "destination_refused"
            if refused or payout.destination.startswith(REFUSE_DESTINATION)
            else "",
            "returned_by_receiver"
            if failed or payout.destination.startswith(FAIL_DESTINATION)
            else "",
        )

    def _deliver_late(self, payout: Payout, after_s: float) -> None:
        async def deliver() -> None:
            await self._clock.sleep(after_s)
            self._take(payout)

        task = asyncio.create_task(deliver(), name=f"late-{payout.reference}")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class _Fate(msgspec.Struct, frozen=True):
    settle_s: float
    refused: str
    failed: str


def _falls(dice: Random, odds_ppm: int) -> bool:
    return dice.randrange(PPM) < odds_ppm
