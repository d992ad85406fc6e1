"""How does a client's command reach the platform, and how does the answer find its way back?"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.runtime.ports import Outage
from nostro.simulation.history import Ask, History
from nostro.simulation.loop import SeededLoop
from nostro.simulation.platform import Node
from nostro.simulation.weather import Sky

PATIENCE_S = 1.5
"""How long a client waits for an answer before it sends the same again."""
PAUSE_MEAN_S = 0.5

Heard = Receipt | Rejection | Outage | None


class Served(Protocol):
    """Something whose processes take commands."""

    def door(self) -> Node | None:
        """Return the process that a message reaches, if any does."""
        ...


class Network:
    """Carries messages: lost, twice, late and in any order, as the weather has it."""

    def __init__(self, *, loop: SeededLoop, sky: Sky, platform: Served, history: History) -> None:
        self._loop = loop
        self._sky = sky
        self._platform = platform
        self._history = history

    async def ask(self, key: str, command: Command, actor: str) -> Receipt | Rejection:
        """Send a command, again and again under the same key, until there is a final answer."""
        ask = self._history.ask(key, command, actor)
        while True:
            heard = await self._try(ask)
            if isinstance(heard, Receipt | Rejection):
                return heard
            await asyncio.sleep(self._sky.about(PAUSE_MEAN_S))

    async def _try(self, ask: Ask) -> Heard:
        answer: asyncio.Future[Heard] = self._loop.create_future()
        patience = self._loop.call_later(PATIENCE_S, _hear, answer, None)
        for _ in range(1 + self._sky.chance(self._sky.weather.message_twice)):
            if not self._sky.chance(self._sky.weather.message_lost):
                self._loop.call_later(self._sky.travel_s(), self._arrive, ask, answer)
        heard = await answer
        patience.cancel()
        return heard

    def _arrive(self, ask: Ask, answer: asyncio.Future[Heard]) -> None:
        node = self._platform.door()
        if node is not None:
            node.take(ask, partial(self._send_back, answer), self._history)

    def _send_back(self, answer: asyncio.Future[Heard], said: Heard) -> None:
        if not self._sky.chance(self._sky.weather.message_lost):
            self._loop.call_later(self._sky.travel_s(), _hear, answer, said)


def _hear(answer: asyncio.Future[Heard], said: Heard) -> None:
    if not answer.done():
        answer.set_result(said)
