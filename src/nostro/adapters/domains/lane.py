"""How do many deeds reach one domain: in few calls, some at a time, and none lost while it is away?

What waits is merged: up to `batch_size` orders of one deed go in one call, whichever effects they
come from. A domain that fails is asked for its head in growing pauses, and gets nothing else until
it answers and nothing speaks against it; so is one that was quiet for a while, or seems to have
forgotten something: it may have been restored while nobody looked. What was not answered is asked
again: every deed may be repeated.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from nostro.adapters.domains.port import (
    CLOSED,
    DONE,
    FENCED,
    UNKNOWN,
    Domain,
    DomainHead,
    Executed,
    Held,
    HoldAnswer,
    HoldOrder,
    Refused,
    Released,
    RoundOrder,
    Silent,
)
from nostro.adapters.domains.sense import check_head, height_of, nonsense
from nostro.runtime.deadline import within
from nostro.runtime.ending import ended
from nostro.runtime.ports import Clock, Outage
from nostro.settlement import SECOND_US, Deed, DeedOrder, DeedResult, Outcome

DROPPED = "dropped"
"""A hold that was not asked for, as its round no longer wants it."""
URGENT = (Deed.EXECUTE, Deed.RELEASE, Deed.HOLD)
"""What is begun is finished before anything else is begun."""
_SAID = {Held: Outcome.HELD, Executed: Outcome.EXECUTED, Released: Outcome.RELEASED}
_WANTED = {
    Deed.HOLD: Outcome.HELD,
    Deed.EXECUTE: Outcome.EXECUTED,
    Deed.RELEASE: Outcome.RELEASED,
}
_FURTHER = {Outcome.EXECUTED: DONE, Outcome.RELEASED: CLOSED}

log = structlog.get_logger(__name__)


class LaneTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`batch_size`: orders of one call; `calls_max`: calls under way at once; `answer_s_max`: after
    so long there is no answer; `quiet_s_max`: after so long without one, its head is asked for
    first. Pauses before asking again grow from the first to the last."""

    batch_size: int = 100
    calls_max: int = 4
    answer_s_max: float = 10.0
    quiet_s_max: float = 1.0
    pause_first_s: float = 0.1
    pause_last_s: float = 2.0


class Errand:
    """An effect on its way: `untold`, how many of its orders have no durable answer."""

    __slots__ = ("effect_id", "untold")

    def __init__(self, effect_id: tuple[int, int], untold: int) -> None:
        self.effect_id = effect_id
        self.untold = untold


class Item:
    """One order of an errand. `failures`: how many calls with it failed as a whole; `rests`: how
    often it alone got no answer; `is_doubted`: its answer was not believed once."""

    __slots__ = ("deed", "errand", "failures", "is_doubted", "order", "rests")

    def __init__(self, errand: Errand, deed: Deed, order: DeedOrder) -> None:
        self.errand = errand
        self.deed = deed
        self.order = order
        self.failures = 0
        self.rests = 0
        self.is_doubted = False


class Lane:
    """The way to one domain. What is put here stays until it is answered, through any number of
    runs. `is_there`: the domain answers and nothing speaks against it; `why_not` else."""

    def __init__(
        self,
        domain: Domain,
        *,
        clock: Clock,
        epoch: Callable[[], int],
        terms: LaneTerms,
        wanted: Callable[[DeedOrder], bool],
        barred: Callable[[], bool],
        admit: Callable[[Domain, DomainHead], Awaitable[bool]],
        answered: Callable[[Item, DeedResult], None],
    ) -> None:
        """`epoch` of the coordinator, asked whenever something is sent. `wanted`: whether a hold
        that waits is still of use. `barred`: whether the domain is to get nothing at all. `admit`:
        asked whenever the domain was away."""
        self._domain = domain
        self._clock = clock
        self._epoch = epoch
        self._terms = terms
        self._wanted = wanted
        self._barred = barred
        self._admit = admit
        self._answered = answered
        self._waiting: dict[Deed, deque[Item]] = {deed: deque() for deed in URGENT}
        self._wake = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._resting: set[asyncio.Task[None]] = set()
        self._pause_s = 0.0
        self._heard_us = 0
        self.is_there = False
        self.why_not = "not asked yet"
        self.height = 0
        """The highest that the domain said it is at, in this process."""

    @property
    def waiting(self) -> int:
        """Return how many orders wait to be sent, those that rest left out."""
        return sum(map(len, self._waiting.values()))

    @property
    def under_way(self) -> int:
        """Return how many calls have no answer yet."""
        return len(self._calls)

    def put(self, items: Sequence[Item]) -> None:
        """Take on orders."""
        for item in items:
            self._waiting[item.deed].append(item)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._barred():
                    self._lose("barred")
                if self._is_quiet():
                    self.is_there, self.why_not = False, "quiet"
                if self.waiting and not self.is_there:
                    await self._reach()
                while self.is_there and len(self._calls) < self._terms.calls_max:
                    items = self._next()
                    if not items:
                        break
                    self._keep(self._calls, self._call(items))
        finally:
            await ended({*self._calls, *self._resting})

    # -- sending -----------------------------------------------------------------------------------

    def _next(self) -> list[Item]:
        """Return what goes into the next call. What was in calls that failed goes in smaller and
        smaller ones, so that one that cannot be done does not keep others from it."""
        for deed in URGENT:
            queue, items = self._waiting[deed], list[Item]()
            room = self._terms.batch_size
            while queue:
                if deed is Deed.HOLD and not self._wanted(queue[0].order):
                    self._drop(queue.popleft())
                    continue
                room = min(room, max(1, self._terms.batch_size >> queue[0].failures))
                if len(items) >= room:
                    break
                items.append(queue.popleft())
            if items:
                return items
        return []

    def _drop(self, item: Item) -> None:
        # Were the hint wrong, the round would have it refused, and ask again.
        order = item.order
        self._answered(item, DeedResult(order.bundle, order.round, Outcome.REFUSED, code=DROPPED))

    async def _call(self, items: list[Item]) -> None:
        height = self.height
        try:
            answers = await within(self._terms.answer_s_max, self._ask(items))
            pairs = zip(items, answers, strict=True)
            results = [self._heard(item, answer, height) for item, answer in pairs]
        except (Outage, TimeoutError) as outage:
            self._fail(items, str(outage))
        except asyncio.CancelledError:
            self.put(items)
            raise
        except Exception as bug:
            log.exception("domain_failed", domain=self._domain.name)
            self._fail(items, repr(bug))
        else:
            self._pause_s, self._heard_us = 0.0, self._clock.now_us()
            again = [item for item, result in zip(items, results, strict=True) if result is None]
            for item, result in zip(items, results, strict=True):
                if result is not None:
                    self._answered(item, result)
            if again:
                self._keep(self._resting, self._rest(again))

    def _heard(self, item: Item, answer: HoldAnswer, height_before: int) -> DeedResult | None:
        """Return what to tell of an answer, None when it is to be asked for again. A domain that
        seems to have forgotten something is looked at more closely before it gets more, and before
        anybody goes by what it answered: it does not know what it held, or did something new at a
        height that it had before it was asked (or something old: that costs no more than a
        look)."""
        if wrong := nonsense(answer):
            log.error("domain_talks_nonsense", domain=self._domain.name, why=wrong)
            return None
        why = self._doubt(item, answer, height_before)
        if why and not item.is_doubted:
            item.is_doubted = True
            self._lose(why)
            return None
        if isinstance(answer, Held | Executed | Released):
            height = height_of(answer.reference, self._domain.name)
            self.height = max(self.height, height)
        return _result(item, answer)

    def _doubt(self, item: Item, answer: HoldAnswer, height_before: int) -> str:
        """Return what speaks against an answer; "" when nothing does."""
        if item.deed is Deed.EXECUTE and answer == Refused(UNKNOWN):
            return f"it does not know {item.order.round_id}, which it held"
        if isinstance(answer, Held | Executed | Released):
            height = height_of(answer.reference, self._domain.name)
            if 0 < height < height_before:
                return f"it answers at height {height}, and was at {height_before}"
        return ""

    async def _ask(self, items: list[Item]) -> Sequence[HoldAnswer]:
        epoch, orders = self._epoch(), [item.order for item in items]
        if items[0].deed is Deed.HOLD:
            return await self._domain.hold(
                [
                    HoldOrder(each.round_id, epoch, tuple(each.locks), tuple(each.moves))
                    for each in orders
                ]
            )
        rounds = [RoundOrder(each.round_id, epoch) for each in orders]
        if items[0].deed is Deed.EXECUTE:
            return await self._domain.execute(rounds)
        return await self._domain.release(rounds)

    # -- what is not there -------------------------------------------------------------------------

    def _fail(self, items: list[Item], why: str) -> None:
        for item in items:
            item.failures += 1
        self.put(items)
        self._lose(why)

    def _lose(self, why: str) -> None:
        if self.is_there:
            log.warning("domain_lost", domain=self._domain.name, why=why)
        self.is_there, self.why_not = False, why

    def _is_quiet(self) -> bool:
        quiet_us = self._clock.now_us() - self._heard_us
        return not self._calls and quiet_us > self._terms.quiet_s_max * SECOND_US

    async def _reach(self) -> None:
        """Return once the domain answers and is admitted."""
        first, last = self._terms.pause_first_s, self._terms.pause_last_s
        while not self.is_there:
            await self._clock.sleep(self._pause_s)
            self._pause_s = min(max(first, self._pause_s * 2), last)
            if self._barred():
                self.why_not = "barred"
                continue
            try:
                head = await within(self._terms.answer_s_max, self._domain.head())
                check_head(head)
                self.is_there = await self._admit(self._domain, head)
            except (Outage, TimeoutError) as outage:
                self.why_not = str(outage)
            except Exception as bug:  # of this domain's alone: the other lanes go on
                log.exception("domain_failed", domain=self._domain.name)
                self.why_not = repr(bug)
            else:
                self.height, self._heard_us = max(self.height, head.height), self._clock.now_us()

    async def _rest(self, items: list[Item]) -> None:
        """Ask again after a while for what got no answer while others did."""
        rests = min(max(item.rests for item in items), 16)
        pause = min(self._terms.pause_first_s * 2**rests, self._terms.pause_last_s)
        for item in items:
            item.rests += 1
        try:
            await self._clock.sleep(pause)
        finally:
            self.put(items)

    def _keep(self, tasks: set[asyncio.Task[None]], deed: Awaitable[None]) -> None:
        task = asyncio.ensure_future(deed)
        tasks.add(task)
        task.add_done_callback(lambda done: self._over(tasks, done))

    def _over(self, tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        self._wake.set()


def _result(item: Item, answer: HoldAnswer) -> DeedResult | None:
    """Return what to tell of an order; None when it is to be asked again. Of a domain that has seen
    a newer coordinator too: either this one is newer by then, or nobody listens to it any more."""
    order = item.order
    match answer:
        case Silent(why=why):
            log.info("domain_silent", round=order.round_id, deed=item.deed, why=why)
            return None
        case Refused(code=code) if code == FENCED:
            log.warning("domain_fenced_us", round=order.round_id, deed=item.deed)
            return None
        case Refused(code=code, lacking=lacking, detail=detail):
            if detail:
                log.info("domain_refused", round=order.round_id, code=code, detail=detail)
            return DeedResult(
                order.bundle, order.round, Outcome.REFUSED, code=code, lacking=list(lacking)
            )
    outcome = _SAID[type(answer)]
    if outcome is not _WANTED[item.deed]:
        return DeedResult(order.bundle, order.round, Outcome.REFUSED, code=_FURTHER[outcome])
    contract_id = "" if isinstance(answer, Released) else answer.contract_id
    return DeedResult(
        order.bundle, order.round, outcome, reference=answer.reference, contract_id=contract_id
    )
