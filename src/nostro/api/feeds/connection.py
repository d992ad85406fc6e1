"""What waits for one reader, and what happens when he does not read?

Messages wait in a queue that is bounded in bytes. When it is full, what waits is dropped; once the
reader has taken the rest, each thing that he follows is brought in step again. Nobody else, and
never the engine, waits for him.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from nostro.api.auth import Caller
from nostro.api.feeds.topic import Gone, Message, Reader, Subscription

QUEUE_BYTES_MAX = 512_000
"""Beyond it what waits is dropped; one message may be larger."""
ANSWERS_MAX = 1_000
"""Answers that may wait: who asks on and never reads is let go."""

CLOSE_GOING_AWAY = 1001
CLOSE_NOT_TEXT = 1003
CLOSE_POLICY = 1008
CLOSE_TOO_BIG = 1009
CLOSE_LOGIN_OVER = 4401
CLOSE_IDLE = 4408
CLOSE_TOO_MUCH = 4429
"""Codes with which a WebSocket is closed (RFC 6455 section 7.4; from 4000 on our own, named like
the status codes of HTTP)."""

Key = tuple[str, str]
"""A channel, and the market or user that it is about."""


class Connection(Reader):
    """One reader: who he is, what he follows, what waits for him. `address`: from where he
    connects, which is all that is known of one who shows nothing. `lagged` counts how often what
    waited was dropped."""

    def __init__(
        self, caller: Caller, *, address: str = "", bytes_max: int = QUEUE_BYTES_MAX
    ) -> None:
        self.caller = caller
        self.address = address
        self.subscriptions: dict[Key, Subscription] = {}
        self.resumes: deque[tuple[Subscription, int | None]] = deque()
        """Whom to bring in step next, from where."""
        self.to_resume = asyncio.Event()
        self.lagged = 0
        self.gone = False
        self.close_code = CLOSE_GOING_AWAY
        self._bytes_max = bytes_max
        self.quiet_since = 0.0
        """Since when he follows nothing, by the loop's clock; 0: he does."""
        self._queue: deque[tuple[Message, Subscription | None]] = deque()
        self._bytes = 0
        self._answers = 0
        self._wake = asyncio.Event()
        self._empty: list[asyncio.Future[None]] = []
        self._taking = False
        self._behind: list[Subscription] = []

    # -- putting in --------------------------------------------------------------------------------

    def send(self, message: Message, subscription: Subscription | None = None) -> bool:
        """Queue a message; an answer (without a subscription) is never dropped."""
        if self.gone:
            return False
        if subscription is None:
            self._answers += 1
            if self._answers > ANSWERS_MAX:
                self.let_go(CLOSE_TOO_MUCH)
                return False
        elif self._queue and self._bytes + len(message.text) > self._bytes_max:
            self._fall_behind()
            return False
        self._put(message, subscription)
        return True

    def bring(self, messages: Sequence[Message], subscription: Subscription) -> None:
        """Queue what brings a subscription in step; topics bound it."""
        for message in messages:
            self._put(message, subscription)

    def _put(self, message: Message, subscription: Subscription | None) -> None:
        if not self.gone:
            self._queue.append((message, subscription))
            self._bytes += len(message.text)
            self._wake.set()

    def _fall_behind(self) -> None:
        """Drop what waits, but for answers."""
        kept = [waiting for waiting in self._queue if waiting[1] is None]
        self._queue = deque(kept)
        self._bytes = sum(len(message.text) for message, _ in kept)
        self.lagged += 1
        for subscription in self.subscriptions.values():
            if subscription.in_step:
                subscription.in_step = False
                self._behind.append(subscription)
        self._wake.set()

    async def drained(self) -> None:
        """Return once nothing waits; raises Gone."""
        while not self.gone and (self._queue or self._taking):
            empty: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._empty.append(empty)
            await empty
        if self.gone:
            raise Gone

    # -- taking out --------------------------------------------------------------------------------

    async def next(self) -> Message | None:
        """Return the message that is to go out next, waiting for it; None when there is none any
        more. Whoever calls again has sent the one before."""
        self._taking = False
        while not self._queue:
            if self.gone:
                return None
            self._all_taken()
            self._wake.clear()
            await self._wake.wait()
        message, subscription = self._queue.popleft()
        self._bytes -= len(message.text)
        self._taking = True
        if subscription is None:
            self._answers -= 1
        elif message.position >= 0:
            subscription.position = message.position
        return message

    def _all_taken(self) -> None:
        for empty in self._empty:
            if not empty.done():
                empty.set_result(None)
        self._empty.clear()
        for subscription in self._behind:
            if not subscription.in_step and subscription in self.subscriptions.values():
                self.resume(subscription, subscription.position)
        self._behind.clear()

    def resume(self, subscription: Subscription, after: int | None) -> None:
        """Have a subscription brought in step."""
        self.resumes.append((subscription, after))
        self.to_resume.set()

    def let_go(self, code: int) -> None:
        """Let the reader go, with a close code; the answers that wait are still sent."""
        if not self.gone:
            self.gone = True
            self.close_code = code
            self._queue = deque(waiting for waiting in self._queue if waiting[1] is None)
            self._all_taken()
            self._wake.set()
            self.to_resume.set()
