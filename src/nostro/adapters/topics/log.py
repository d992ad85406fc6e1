"""How does an ordered log carry a topic? (The bus that needs nothing but our own database.)

The log writes a key once, so a message that is published twice is read once.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.adapters.topics.port import MESSAGES_MAX, Message, Received, refuse_oversized
from nostro.runtime.ordered_log import OrderedLog

CHAIN = "topic:{name}"
"""The name under which the log of a topic stands beside those of chains."""


class LogTopic:
    """A topic over an OrderedLog that carries nothing else; implements Topic. A place is a position
    of the log, in decimal."""

    def __init__(self, log: OrderedLog) -> None:
        self._log = log

    async def publish(self, messages: Sequence[Message]) -> None:
        """See Topic.publish."""
        refuse_oversized(messages)
        await self._log.append([(f"{each.key} {each.id}", each.value) for each in messages])

    async def read(self, *, after: str, limit: int = MESSAGES_MAX) -> Sequence[Received]:
        """See Topic.read."""
        received = []
        for item in await self._log.read(after=int(after or 0), limit=limit):
            key, _, id_ = item.key.partition(" ")
            received.append(Received(str(item.position), Message(id_, key, item.value)))
        return received

    async def changed(self, *, after: str, timeout_s: float) -> None:
        """See Topic.changed."""
        await self._log.changed(after=int(after or 0), timeout_s=timeout_s)

    async def close(self) -> None:
        """Let the log go."""
        await self._log.close()
