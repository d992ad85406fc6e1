"""How long does a caller wait for the engine's answer?

One sweep a second looks after all callers, instead of a timer for each: they all wait equally long,
so the first in the row is always the next to lose patience.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from nostro.runtime.ports import OutcomeUnknown

SWEEP_S = 1.0


class NoAnswerInTime(OutcomeUnknown):
    """The command was accepted and is not durable yet: ask again with the same key."""


class Patience:
    """Fails futures that are not done within `timeout_s` seconds (and up to one sweep more) with
    NoAnswerInTime. All of them must belong to the running loop."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._sweep_s = min(SWEEP_S, timeout_s)
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, future: asyncio.Future[Any]) -> None:
        """Look after a future from now on."""
        loop = future.get_loop()
        if self._loop is not loop:
            self._waiting.clear()
            self._loop = loop
            loop.call_later(self._sweep_s, self._sweep, loop)
        self._waiting.append((loop.time() + self._timeout_s, future))

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            future = waiting.popleft()[1]
            if not future.done():
                future.set_exception(NoAnswerInTime(f"no answer within {self._timeout_s:g} s"))
        if waiting:
            loop.call_later(self._sweep_s, self._sweep, loop)
        else:
            self._loop = None
