"""What does a subscriber follow, and how does he stay, or come back, in step?

A topic tells its changes in steps that link up: each goes from one position to the next, and is
written once for everybody. Who is new, or could not keep up, is brought in step by `resume`: with
the steps that are still remembered, with a snapshot, or by reading what he missed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

RING_MESSAGES_MAX = 1_200
"""Steps that are remembered: a minute of them, at 20 a second."""
RING_BYTES_MAX = 1_000_000


class Message(NamedTuple):
    """What is sent: the text, and the position that its reader then stands at (-1: it is no step
    of a topic)."""

    text: str
    position: int = -1


class Gone(Exception):
    """The reader is not there any more."""


class Reader(ABC):
    """One connection, as topics see it."""

    @abstractmethod
    def send(self, message: Message, subscription: Subscription | None = None) -> bool:
        """Queue a message; False when too much waits: what waited is dropped, and who followed
        anything here is brought in step again once the reader can take it."""

    @abstractmethod
    def bring(self, messages: Sequence[Message], subscription: Subscription) -> None:
        """Queue what brings a subscription in step, whatever waits already."""

    @abstractmethod
    async def drained(self) -> None:
        """Return once nothing waits; raises Gone."""


class Subscription:
    """That one reader follows one topic. `position`: up to where he was told; `in_step`: the next
    step follows on that, or what waits for him brings him there."""

    __slots__ = ("in_step", "name", "position", "reader", "topic")

    def __init__(self, topic: Topic, reader: Reader, name: str | None = None) -> None:
        self.topic = topic
        self.reader = reader
        self.name = name
        self.position = -1
        self.in_step = False


class Topic(ABC):
    """Something that can be followed: a channel, about a market or a user. `position`: up to where
    it has told."""

    channel: str

    def __init__(self, about: str, position: int) -> None:
        self.about = about
        self.position = position
        self.subscriptions: set[Subscription] = set()
        self.idle_since = 0.0
        """When the last subscriber left, by the loop's clock."""

    @abstractmethod
    def flush(self) -> None:
        """Tell what changed since the last time; called once a tick."""

    def begun(self, after: int | None) -> int | None:
        """Return from where a subscriber is brought in step who names a position, or none."""
        return after

    @abstractmethod
    async def resume(self, subscription: Subscription, after: int | None) -> None:
        """Bring a subscriber in step: one who was told up to `after`, or is new (None). Raises
        Gone, or what the views raise when they cannot be read."""

    @abstractmethod
    def close(self) -> None:
        """Listen no more: nobody follows this."""

    def bring(self, subscription: Subscription, messages: Sequence[Message]) -> None:
        """Send what leads to the topic's position: from now on the subscriber is in step."""
        subscription.in_step = True
        subscription.reader.bring(messages, subscription)

    def tell(self, text: str, position: int) -> Message:
        """Send a step to everybody in step."""
        self.position = position
        message = Message(text, position)
        for subscription in self.subscriptions:
            if subscription.in_step:
                subscription.reader.send(message, subscription)
        return message


class Ring:
    """The last steps of a topic, bounded in number and bytes."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Message]] = deque()
        self._bytes = 0

    def add(self, previous: int, message: Message) -> None:
        """Remember a step, and forget the oldest ones beyond the bounds."""
        self._steps.append((previous, message))
        self._bytes += len(message.text)
        while len(self._steps) > RING_MESSAGES_MAX or self._bytes > RING_BYTES_MAX:
            _, gone = self._steps.popleft()
            self._bytes -= len(gone.text)

    def since(self, after: int) -> list[Message] | None:
        """Return the steps that follow on a position; None when they are not all remembered."""
        steps: list[Message] = []
        for previous, message in reversed(self._steps):
            if previous < after:
                break
            steps.append(message)
            if previous == after:
                steps.reverse()
                return steps
        return None
