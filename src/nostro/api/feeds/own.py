"""How are a user's orders and balances followed?"""

from __future__ import annotations

import asyncio
from typing import Any

from nostro.api.feeds.reading import PatientReads
from nostro.api.feeds.told import balances_told, order_told, own_told, read_order_told
from nostro.api.feeds.topic import Message, Ring, Subscription, Topic
from nostro.api.picture import Picture, ShownOrder
from nostro.runtime.projector import ViewsBehind, ViewsUnavailable

ORDERS_READ_MAX = 1_000
BALANCES_PAUSE_S = 0.2
"""Between two reads of one user's balances from the views."""


class OrdersTopic(Topic):
    """A user's orders, each as it stands after the row `position`.

    Who was told up to a height gets the steps since then, or what the views say of the orders that
    changed; who is new, and whoever cannot be read what he missed, a snapshot of the open ones.
    """

    channel = "orders"

    def __init__(self, user_id: str, picture: Picture, reads: PatientReads) -> None:
        super().__init__(user_id, picture.height)
        self._picture = picture
        self._reads = reads
        self._noted: dict[int, tuple[ShownOrder, str]] = {}
        self._ring = Ring()

    def note(self, order: ShownOrder, reason: str) -> None:
        """Note that an order changed, to be told as it stands at the next tick."""
        self._noted[order.placed.number] = (order, reason)

    def flush(self) -> None:
        """Tell of every order that changed, once."""
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        previous, height = self.position, self._picture.height
        told = [self._told(order, reason) for order, reason in noted.values()]
        text = self._written("orders", told, height=height, previous=previous)
        self._ring.add(previous, self.tell(text, height))

    async def resume(self, subscription: Subscription, after: int | None) -> None:
        """Send what was missed, or a snapshot."""
        if after is None:
            self.bring(subscription, [self.snapshot()])
            return
        subscription.position = min(after, self.position)
        if not self._step_on(subscription):
            try:
                await self._read(subscription)
            except (ViewsBehind, ViewsUnavailable):
                self.bring(subscription, [self.snapshot()])
                return
            if not self._step_on(subscription):
                self.bring(subscription, [self.snapshot()])

    def _step_on(self, subscription: Subscription) -> bool:
        """Send the steps that are remembered; False when they are not."""
        since = subscription.position
        steps = [] if since == self.position else self._ring.since(since)
        if steps is None:
            return False
        self.bring(subscription, steps)
        return True

    async def _read(self, subscription: Subscription) -> None:
        """Send the orders that changed, as the views say that they stand."""
        await subscription.reader.drained()
        height, since = self.position, subscription.position
        after = since
        while True:
            views = await self._reads.orders_changed(
                self.about, after_height=after, height=height, limit=ORDERS_READ_MAX
            )
            last = len(views) < ORDERS_READ_MAX
            after = height if last else views[-1].height
            told = [read_order_told(view) for view in views]
            text = self._written("orders", told, height=after, previous=since)
            subscription.reader.send(Message(text, after), subscription)
            await subscription.reader.drained()
            if last:
                return
            since = after

    def snapshot(self) -> Message:
        """Return the orders that are not closed."""
        orders = self._picture.open_orders(self.about)
        told = [self._told(order, "") for order in orders]
        return Message(self._written("snapshot", told, height=self.position), self.position)

    def _written(
        self, kind: str, told: list[dict[str, Any]], *, height: int, previous: int | None = None
    ) -> str:
        return own_told(kind, "orders", told, user_id=self.about, height=height, previous=previous)

    def _told(self, order: ShownOrder, reason: str) -> dict[str, Any]:
        market = self._picture.market(order.placed.market)
        assert market is not None, "orders are placed in markets that there are"
        return order_told(order, market.terms, reason)

    def close(self) -> None:
        """Whoever noted for it is told to stop by the hub."""


class BalancesTopic(Topic):
    """What a user has. Every message tells all of it, as the views say once they tell of what
    moved; so nothing is ever missed."""

    channel = "balances"

    def __init__(self, user_id: str, picture: Picture, reads: PatientReads) -> None:
        super().__init__(user_id, picture.height)
        self._picture = picture
        self._reads = reads
        self._moved = False
        self._reading: asyncio.Task[None] | None = None

    def note(self) -> None:
        """Note that something moved."""
        self._moved = True

    def flush(self) -> None:
        """Begin to read what there is now; it is told when it is read."""
        if self._moved and (self._reading is None or self._reading.done()):
            self._moved = False
            self._reading = asyncio.create_task(self._read_on(), name="balances")

    async def resume(self, subscription: Subscription, after: int | None) -> None:
        """Send what there is."""
        message = await self._message()
        self.bring(subscription, [message])

    async def _read_on(self) -> None:
        try:
            message = await self._message()
        except (ViewsBehind, ViewsUnavailable):
            self._moved = True
        else:
            if self.position < message.position:
                self.tell(message.text, message.position)
        await asyncio.sleep(BALANCES_PAUSE_S)

    async def _message(self) -> Message:
        balances = await self._reads.balances(self.about, height=self._picture.height)
        height = max((each.height for each in balances), default=self._picture.height)
        told = balances_told(balances)
        text = own_told("balances", "balances", told, user_id=self.about, height=height)
        return Message(text, height)

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
