"""How does a call get in, how long does it take, and does its answer get out?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response

from nostro.adapters.domains.canton_double.errors import Refusal
from nostro.adapters.domains.canton_double.faults import Call, Fate
from nostro.runtime.ports import Clock

PAUSE_LOOK_S = 0.05
PAUSES_MAX = 72_000
"""Looks at a pause before it is given up: an hour."""


class NoConnection(Exception):
    """Nobody listens: nothing was sent."""


class Dropped(Exception):
    """The connection broke before an answer came."""


class Gate:
    """Lets so many calls in at once, and does to them what the weather and the faults say.
    `call_s`: how long each takes."""

    def __init__(self, fate: Fate, *, clock: Clock, call_s: float, concurrent_max: int) -> None:
        self.fate = fate
        self._clock = clock
        self._call_s = call_s
        self._places = asyncio.Semaphore(concurrent_max)
        self.calls = 0
        """Calls that were let in."""
        self.concurrent = 0
        """Calls that are inside now, and the most that ever were."""
        self.concurrent_most = 0

    async def through(
        self,
        path: str,
        *,
        deed: bool,
        assigns: bool,
        answer: Callable[[Call], Awaitable[Response]],
        refused: Callable[[Refusal], Response],
    ) -> Response:
        """Return the answer to a call; raises NoConnection or Dropped when there is none. A deed
        takes its time itself. `assigns`: it is to complete a reassignment."""
        call = self.fate.of(path, now_us=self._clock.now_us())
        if call.faults.down:
            raise NoConnection(path)
        await self._pause(call)
        if call.latency_s:
            await self._clock.sleep(call.latency_s)
        if call.lost_request:
            raise Dropped(path)
        async with self._place():
            if call.faults.unavailable or (assigns and call.faults.stranding):
                return refused(
                    Refusal("SERVICE_NOT_RUNNING", "The participant is shutting down or starting")
                )
            if deed and call.faults.busy:
                return refused(Refusal("PARTICIPANT_BACKPRESSURE", "The participant is overloaded"))
            if self._call_s and not deed:
                await self._clock.sleep(self._call_s)
            response = await answer(call)
        return self._outcome(response, call, deed=deed, path=path, refused=refused)

    def _outcome(
        self,
        response: Response,
        call: Call,
        *,
        deed: bool,
        path: str,
        refused: Callable[[Refusal], Response],
    ) -> Response:
        if deed and call.faults.silent:
            raise Dropped(path)
        if deed and call.faults.gone:
            return refused(Refusal("ABORTED_DUE_TO_SHUTDOWN", "Request aborted due to shutdown"))
        return response

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        async with self._places:
            self.calls += 1
            self.concurrent += 1
            self.concurrent_most = max(self.concurrent_most, self.concurrent)
            try:
                yield
            finally:
                self.concurrent -= 1

    async def _pause(self, call: Call) -> None:
        """Wait until nobody pauses the participant any more."""
        if not call.faults.paused:
            return
        for _ in range(PAUSES_MAX):
            await self._clock.sleep(PAUSE_LOOK_S)
            if not self.fate.switchboard.faults().paused:
                return
        raise Dropped("paused for too long")
