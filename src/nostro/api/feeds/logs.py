"""How is a list followed that only grows: trades, fills, settlements?

The last items are remembered. Who missed older ones is read them from the views, page by page,
before he goes on with the live ones; so nothing is missing and nothing comes twice, also over a
restart of the server.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from nostro.api.feeds.topic import Message, Subscription, Topic

ITEMS_MAX = 1_000
"""Items that a topic remembers, and those that are read from the views at a time."""
PAGES_MAX = 10_000
"""Pages that one subscriber is read at a time: ten million items."""

T = TypeVar("T")


class Item(NamedTuple, Generic[T]):
    """Something on a list: its position, which is that of who was told of it, and the journal
    height at which it came to be."""

    position: int
    height: int
    told: T


class LogTopic(Topic, Generic[T]):
    """A list that is followed. All items beyond `floor` are remembered; what stands at or before it
    is in the views, once they tell of `floor_height`."""

    def __init__(self, about: str, position: int, height: int) -> None:
        super().__init__(about, position)
        self._floor = position
        self._floor_height = height
        self._items: deque[Item[T]] = deque()

    @abstractmethod
    def taken(self) -> Sequence[Item[T]]:
        """Return what is new since the last time."""

    @abstractmethod
    def written(self, items: Sequence[Item[T]], *, previous: int, position: int) -> str:
        """Return the message that tells of items."""

    @abstractmethod
    async def read(self, after: int, height: int, limit: int) -> Sequence[Item[T]]:
        """Return items after a position, oldest first, from views that tell of `height` at least;
        raises ViewsBehind or ViewsUnavailable."""

    def flush(self) -> None:
        """Tell the new items, in one message."""
        items = self.taken()
        if not items:
            return
        previous, position = self.position, items[-1].position
        self._items.extend(items)
        self._forget()
        self.tell(self.written(items, previous=previous, position=position), position)

    def begun(self, after: int | None) -> int | None:
        """Return a position always: who is new is told all that comes from this moment on, also
        what comes before he is brought in step."""
        return self.position if after is None else after

    async def resume(self, subscription: Subscription, after: int | None) -> None:
        """Send all that was missed; to who is new, only what comes from now on."""
        subscription.position = self.position if after is None else min(after, self.position)
        for _ in range(PAGES_MAX):
            if subscription.position >= self._floor:
                self._catch_up(subscription)
                return
            await self._read_page(subscription)
            await subscription.reader.drained()
        raise AssertionError("more was missed than there are trades")

    def _catch_up(self, subscription: Subscription) -> None:
        since = subscription.position
        missed = [item for item in self._items if item.position > since]
        messages = []
        if missed:
            text = self.written(missed, previous=since, position=self.position)
            messages.append(Message(text, self.position))
        self.bring(subscription, messages)

    async def _read_page(self, subscription: Subscription) -> None:
        """Send the next items from the views, up to the remembered ones; without any, that there
        are none, so that what comes next links up."""
        since, floor = subscription.position, self._floor
        items, position = await self._page(since, floor)
        text = self.written(items, previous=since, position=position)
        subscription.reader.send(Message(text, position), subscription)

    async def _page(self, since: int, floor: int) -> tuple[Sequence[Item[T]], int]:
        """Return the next items up to `floor`, and the position of who was told of them."""
        limit = ITEMS_MAX
        while True:
            page = await self.read(since, self._floor_height, limit)
            items = [item for item in page if item.position <= floor]
            if len(page) < limit or len(items) < len(page):
                return items, floor
            # There may be more at the last one's position: these are told together.
            last = items[-1].position
            items = [item for item in items if item.position < last]
            if items:
                return items, items[-1].position
            limit *= 2

    def _forget(self) -> None:
        """Forget the oldest items beyond the bound; those of one position go together."""
        items = self._items
        while len(items) > ITEMS_MAX or (items and items[0].position <= self._floor):
            gone = items.popleft()
            self._floor, self._floor_height = gone.position, gone.height
