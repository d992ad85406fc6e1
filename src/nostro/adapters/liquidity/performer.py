"""How does an order reach a liquidity provider once, when answers get lost and processes die?

By asking before anything is sent, and closing before anything else is said. A *suspect* is a
provider at which a request of a route may be under way: those that this process sent one to, and
after a restart all of them. Suspects are asked first. A route goes to another provider, or is told
to have ended without fills, only once every other suspect has promised that nothing was done and
nothing ever will be. No answer is ever guessed: without one the outage is passed on and the effect
stays in the outbox.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from nostro.adapters.liquidity.bargain import PROVIDER_DOWN, Bargain, order_of, request_of
from nostro.adapters.liquidity.port import (
    CLOSED,
    Absent,
    Executed,
    LiquidityProvider,
    Pending,
    Quote,
    Refused,
    UnknownReference,
)
from nostro.adapters.liquidity.units import BadAnswer, lots_of, ticks_of
from nostro.exchange import EndRoute, RouteFill, RouteToProvider
from nostro.kernel.messages import Command, Effect
from nostro.runtime.deadline import within
from nostro.runtime.ports import Clock, NotDone, Outage, OutcomeUnknown

BEST = "best"
"""The provider of a market where all compete."""
PROVIDER_UNKNOWN = "provider_unknown"
PARTIALLY_FILLED = "partially_filled"
BARGAINS_MAX = 5
"""Rounds of quotes within one performance; a provider that lets its quotes expire has two."""
PAUSE_S = 0.05
"""Before asking again when no provider can be reached."""
ANSWER_S_MAX = 10.0
"""After this long without an answer there is none."""
ROUTES_MAX = 100_000
"""Routes whose suspects are remembered; older ones count as repeated."""

Outcomes = Sequence[tuple[str, Command]]
T = TypeVar("T")

log = structlog.get_logger(__name__)


class _Course:
    """How far a route is, in this process: whether another one can have begun it, its suspects, who
    has promised to do nothing, and what was told of it."""

    def __init__(self, *, repeated: bool, suspects: set[str]) -> None:
        self.repeated = repeated
        self.suspects = suspects
        self.absent: set[str] = set()
        self.told: Outcomes | None = None

    def promised(self, name: str) -> None:
        """Note that a provider has done nothing, and never will."""
        self.suspects.discard(name)
        self.absent.add(name)


class ProviderPerformer:
    """Has orders filled by liquidity providers; implements runtime.ports.Performer.

    `providers` by name. An effect names one of them, or BEST: all of them compete, the best price
    wins, among equals the first by name. `chain` keeps the routes of several chains at one provider
    apart.
    """

    effects: tuple[type[Effect], ...] = (RouteToProvider,)

    def __init__(
        self,
        providers: Mapping[str, LiquidityProvider],
        *,
        clock: Clock,
        chain: str = "main",
        answer_s_max: float = ANSWER_S_MAX,
    ) -> None:
        assert BEST not in providers, f"no provider can be called {BEST!r}"
        self._providers = dict(sorted(providers.items()))
        self._clock = clock
        self._chain = chain
        self._answer_s_max = answer_s_max
        self._courses: OrderedDict[str, _Course] = OrderedDict()
        self._repeats_up_to: int | None = None

    def took_over(self, height: int) -> None:
        """Tell that effects above this journal height were never performed by another process: the
        head of the chain when this process became its writer."""
        self._repeats_up_to = max(height, self._repeats_up_to or 0)

    async def perform(self, effect: Effect, effect_id: str) -> Outcomes:
        """Have a route filled as far as it can be; safe to call again. Raises NotDone or
        OutcomeUnknown while something that was sent, or may have been, has no answer."""
        if not isinstance(effect, RouteToProvider):
            raise TypeError(f"{type(effect).__name__} ({effect_id}) is no deed of a provider")
        course = self._course(effect_id)
        if course.told is None:
            course.told = await self._fill(effect, course)
        return course.told

    # -- what is remembered -----------------------------------------------------------------------

    def _course(self, effect_id: str) -> _Course:
        """Return the course of an effect. What was told of it is kept: another performance may not
        say otherwise, nor send again, even if nobody heard this one."""
        course = self._courses.get(effect_id)
        if course is None:
            height = self._repeats_up_to
            repeated = height is None or _height(effect_id) <= height
            suspects = set(self._providers) if repeated else set()
            course = _Course(repeated=repeated, suspects=suspects)
            self._courses[effect_id] = course
            if len(self._courses) > ROUTES_MAX:
                forgotten, _ = self._courses.popitem(last=False)
                if self._repeats_up_to is not None:
                    self._repeats_up_to = max(self._repeats_up_to, _height(forgotten))
        return course

    # -- filling ----------------------------------------------------------------------------------

    async def _fill(self, effect: RouteToProvider, course: _Course) -> Outcomes:
        names = self._candidates(effect)
        if not names and course.repeated:
            raise NotDone(f"route {effect.route}: there is no provider {effect.provider!r}")
        course.suspects &= set(names)
        reference = f"{self._chain}:{effect.route}"
        bargain = Bargain(effect, names, why=CLOSED if names else PROVIDER_UNKNOWN)
        done = await self._asked(reference, course, bargain)
        for _ in range(BARGAINS_MAX):
            if done is not None:
                return _filled(effect, *done)
            name, quote = bargain.best(await self._quotes(effect, course, bargain))
            if quote is None:
                if bargain.why != PROVIDER_DOWN:
                    break
                await self._clock.sleep(PAUSE_S)
                continue
            done = await self._closed(reference, course, keep=name)
            if done is None:
                done = await self._executed(reference, effect, course, bargain, name, quote)
        if done is None:
            done = await self._closed(reference, course, keep="")
        return _unfilled(effect, bargain.why) if done is None else _filled(effect, *done)

    def _candidates(self, effect: RouteToProvider) -> list[str]:
        if effect.provider == BEST:
            return list(self._providers)
        return [effect.provider] if effect.provider in self._providers else []

    async def _asked(
        self, reference: str, course: _Course, bargain: Bargain
    ) -> tuple[str, Executed] | None:
        """Ask the suspects; return what one of them did."""
        answers = await self._of_each(
            {name: self._providers[name].status(reference) for name in sorted(course.suspects)}
        )
        for name, answer in answers.items():
            if isinstance(answer, Absent):
                course.promised(name)
                bargain.why = answer.code
        return _one_deed(reference, answers)

    async def _closed(
        self, reference: str, course: _Course, *, keep: str
    ) -> tuple[str, Executed] | None:
        """Close the reference at every suspect but one; return what one did before."""
        answers = await self._of_each(
            {
                name: self._providers[name].close(reference)
                for name in sorted(course.suspects - {keep})
            }
        )
        for name, answer in answers.items():
            if isinstance(answer, Absent):
                course.promised(name)
        return _one_deed(reference, answers)

    async def _quotes(
        self, effect: RouteToProvider, course: _Course, bargain: Bargain
    ) -> dict[str, Quote | Refused]:
        request = request_of(effect)
        names = [name for name in bargain.names if name not in course.absent]
        answers = await self._of_each(
            {name: self._providers[name].quote(request) for name in names}
        )
        return {
            name: Refused(PROVIDER_DOWN) if isinstance(answer, Outage) else answer
            for name, answer in answers.items()
        }

    async def _executed(
        self,
        reference: str,
        effect: RouteToProvider,
        course: _Course,
        bargain: Bargain,
        name: str,
        quote: Quote,
    ) -> tuple[str, Executed] | None:
        """Execute at a provider; returns None when it refused. An answer that is lost, or is to
        come, raises an Outage: then the provider is asked, in another performance."""
        course.suspects.add(name)
        answer = await self._answer(
            self._providers[name].execute(order_of(effect, reference), quote)
        )
        match answer:
            case Executed():
                return name, answer
            case Pending():
                raise NotDone(f"{name} has not come to an end with {reference}")
            case Refused():
                bargain.refused(name, answer.code)
                return None

    # -- the line ---------------------------------------------------------------------------------

    async def _of_each(self, calls: Mapping[str, Coroutine[Any, Any, T]]) -> dict[str, T | Outage]:
        """Return what each of several providers answers, or why it does not."""
        answers = await asyncio.gather(*map(self._heard, calls.values()))
        return dict(zip(calls, answers, strict=True))

    async def _heard(self, call: Coroutine[Any, Any, T]) -> T | Outage:
        try:
            return await self._answer(call)
        except Outage as outage:
            return outage

    async def _answer(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await within(self._answer_s_max, call)
        except TimeoutError as timeout:
            raise OutcomeUnknown(str(timeout)) from timeout


def _one_deed(
    reference: str, answers: Mapping[str, Executed | Pending | Absent | UnknownReference | Outage]
) -> tuple[str, Executed] | None:
    """Return the one deed that is told; raises NotDone while someone is silent or not at an end."""
    deeds = [(name, each) for name, each in answers.items() if isinstance(each, Executed)]
    if len(deeds) > 1:
        raise BadAnswer(f"{reference} was executed by {', '.join(name for name, _ in deeds)}")
    if deeds:
        return deeds[0]
    for name, answer in answers.items():
        if isinstance(answer, Pending | Outage):
            raise NotDone(f"{name} says nothing final of {reference}: {answer}")
    return None


# -- telling --------------------------------------------------------------------------------------


def _filled(effect: RouteToProvider, name: str, done: Executed) -> Outcomes:
    """Tell what was done as it is, even if it cannot be: the room notes the break."""
    fills = [
        RouteFill(
            lots_of(effect.terms, piece.quantity),
            ticks_of(effect.terms, piece.price, effect.side),
        )
        for piece in done.pieces
    ]
    whole = sum(fill.lots for fill in fills) >= effect.lots
    command = EndRoute(
        order=effect.order,
        route=effect.route,
        fills=[fill for fill in fills if fill.lots],
        reason="" if whole else PARTIALLY_FILLED,
        reference=done.provider_reference,
        provider=name,
    )
    return _outcomes(command)


def _unfilled(effect: RouteToProvider, why: str) -> Outcomes:
    log.info("route_unfilled", route=effect.route, provider=effect.provider, why=why)
    return _outcomes(EndRoute(order=effect.order, route=effect.route, fills=[], reason=why))


def _outcomes(command: EndRoute) -> Outcomes:
    # The key says all that the command says, so a key never comes with two contents.
    content = hashlib.sha256(msgspec.json.encode(command)).hexdigest()[:16]
    return [(f"route:{command.route}:{content}", command)]


def _height(effect_id: str) -> int:
    """Return the journal height in an effect's id `<chain>:<height>:<index>`."""
    return int(effect_id.rsplit(":", 2)[1])
