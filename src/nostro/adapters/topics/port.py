"""What does one need of a topic, whoever carries it?

Kafka can keep these promises, and so can a log in our own database; tests/contracts/test_topic.py
checks them of each.

1. What `publish` returned for is durable. A message that is published twice, because nobody heard
   the first answer, may be read once or twice: readers go by its id.
2. Messages with the same key are read in the order in which they were published.
3. Reading on after a message's place misses nothing that was published and not read before it.
4. A place is good for ever, in every process. What it looks like is the carrier's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

BEGINNING = ""
"""The place before the first message."""
MESSAGES_MAX = 100
"""Messages of one call."""
VALUE_BYTES_MAX = 1 << 20
NAME_BYTES_MAX = 200
"""Longest id, and longest key: neither empty, neither with a space or a control character."""


class Message(msgspec.Struct, frozen=True):
    """What is published: `id` names it for ever, `key` says with what it keeps its order."""

    id: str
    key: str
    value: bytes


class Received(msgspec.Struct, frozen=True):
    """A message that was read. `place`: read on after it."""

    place: str
    message: Message


class Topic(Protocol):
    """Messages in an order, for everybody who reads."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Write messages, durably and in order; at most MESSAGES_MAX, each within the bounds, else
        ValueError. Raises NotDone or OutcomeUnknown; after either, publish the same again."""
        ...

    async def read(self, *, after: str, limit: int = MESSAGES_MAX) -> Sequence[Received]:
        """Return up to `limit` messages beyond a place, none when there are none yet. Raises
        NotDone."""
        ...

    async def changed(self, *, after: str, timeout_s: float) -> None:
        """Return when there may be something beyond a place, or when the time is over. Never
        raises."""
        ...

    async def close(self) -> None:
        """Let it go. Never raises."""
        ...


class Places(Protocol):
    """Where readers remember how far they are."""

    async def of(self, reader: str) -> str:
        """Return the place of a reader, BEGINNING of a new one. Raises NotDone."""
        ...

    async def move(self, reader: str, place: str) -> None:
        """Remember a place, durably. Raises NotDone or OutcomeUnknown."""
        ...


def refuse_oversized(messages: Sequence[Message]) -> None:
    """Raise ValueError when one call would carry what no carrier needs to take."""
    if len(messages) > MESSAGES_MAX:
        raise ValueError(f"{len(messages)} messages in one call, at most {MESSAGES_MAX}")
    for each in messages:
        for what, name in (("id", each.id), ("key", each.key)):
            fits = 0 < len(name.encode()) <= NAME_BYTES_MAX
            if not fits or any(char <= " " or char == "\x7f" for char in name):
                raise ValueError(f"{what} {name[:40]!r}: 1 to {NAME_BYTES_MAX} bytes, no spaces")
        if len(each.value) > VALUE_BYTES_MAX:
            raise ValueError(f"message {each.id}: {len(each.value)} bytes")
