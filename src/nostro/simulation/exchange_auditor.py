"""Is everything so that must always be so, when many trade?

Adds to the auditor of the ledger: what every order led to, by rules of our own (exchange_courses.py
and what it uses), whose money is where, and the provider's own books.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nostro import exchange
from nostro.exchange import (
    AmendOrder,
    CancelOrder,
    CancelOrders,
    NewOrder,
    PlacedOrder,
    PlaceOrder,
    PlaceOrders,
)
from nostro.kernel.codec import Codec
from nostro.kernel.messages import Command, Event
from nostro.ledger import TransfersRecorded, TransfersRefused
from nostro.runtime.ports import Entry
from nostro.simulation.auditor import Auditor, _check_tick
from nostro.simulation.books import Violation
from nostro.simulation.exchange_answers import check_mark
from nostro.simulation.exchange_courses import Exchange
from nostro.simulation.exchange_money import TradingBooks, TradingCourses
from nostro.simulation.exchange_provider import Deed
from nostro.simulation.history import Ask, History

EXCHANGE_EVENTS = frozenset(exchange.EVENTS)


class ExchangeAuditor(Auditor):
    """Reads the journal as it grows; every finding is raised as a Violation at once."""

    courses: TradingCourses

    def __init__(
        self, codec: Codec, *, history: History | None = None, exchange: Exchange | None = None
    ) -> None:
        """`history`: where to look up which command led to a row (None: that is not known)."""
        super().__init__(codec)
        self.exchange = exchange or Exchange()
        self.books = TradingBooks()
        self.courses = TradingCourses(self.exchange.money)
        self._history = history

    def _follow(self, entry: Entry, events: Sequence[Event], *, accepted: bool) -> None:
        self.exchange.begin_row(entry, self._command(entry))
        for event in events:
            self.courses.read(event, entry.height)
            self.exchange.read(event)
        self.exchange.end_row(accepted=accepted)
        self.courses.end_row(self.books, accepted=accepted)
        touched = self.exchange.money.end_row(self.books, self.courses, events)
        self.exchange.check_held(touched, self.books)

    def _command(self, entry: Entry) -> Command | None:
        if self._history is None:
            return None
        for ask in self._history.asks.get(entry.command_id, ()):
            if ask.hash == entry.request_hash:
                return ask.command
        return None

    def _check_tick(self, events: Sequence[Event]) -> None:
        """Time ends orders too, and releases what they hold: the courses see to that."""
        if not any(type(event) in EXCHANGE_EVENTS for event in events):
            _check_tick(events)

    def _check_marks(self, entry: Entry, events: Sequence[Event]) -> None:
        if entry.room != "exchange":
            super()._check_marks(entry, events)
            return
        for event in events:
            if isinstance(event, TransfersRecorded):
                raise Violation(f"a refusal moves {event!r:.200}")
            if not isinstance(event, TransfersRefused):
                check_mark(event)

    # -- what was asked and answered --------------------------------------------------------------

    def _check_reply(self, ask: Ask, row: Entry) -> None:
        super()._check_reply(ask, row)
        code, facts, body = json.loads(row.reply)
        match ask.command:
            case PlaceOrder(user_id=user_id, order=order):
                if code:
                    self._check_refused(user_id, order, row, facts)
                else:
                    self._check_placed(user_id, order, row, body)
            case PlaceOrders(user_id=user_id, orders=orders) if not code:
                if len(body["results"]) != len(orders):
                    raise Violation(f"{len(body['results'])} results for {len(orders)} orders")
                for order, told in zip(orders, body["results"], strict=True):
                    if "code" in told:
                        self._check_refused(user_id, order, row, told["facts"])
                    else:
                        self._check_placed(user_id, order, row, told)
            case AmendOrder() | CancelOrder() if not code:
                self._check_told(row, body)
            case CancelOrders() if not code:
                closed = self.exchange.closed_at.get(row.height, [])
                if sorted(body["cancelled"]) != sorted(closed):
                    raise Violation(f"{body['cancelled']} are told as cancelled, {closed} were")
            case _:
                pass

    def _check_placed(self, user_id: str, order: NewOrder, row: Entry, body: Any) -> None:
        """An acknowledged order is there, as it was ordered, and did what its sender was told."""
        held = self.exchange.orders.get(body["order"])
        if held is None or held.height != row.height or held.user_id != user_id:
            raise Violation(f"{body} was acknowledged, there is {held}")
        _check_same(order, held.placed)
        self._check_told(row, body)

    def _check_told(self, row: Entry, body: Any) -> None:
        told = self.exchange.told.get((row.height, body["order"]))
        if told != body:
            raise Violation(f"{body} was told, {told} is so")

    def _check_refused(
        self, user_id: str, order: NewOrder, row: Entry, facts: Mapping[str, Any]
    ) -> None:
        """A refused order is not there, or is there as rejected in this very row."""
        number = facts.get("order")
        if number is None:
            return
        held = self.exchange.orders.get(number)
        if held is None or held.height != row.height or held.state != "rejected":
            raise Violation(f"order {number} was refused, there is {held}")
        if held.user_id != user_id:
            raise Violation(f"order {number} of {user_id} is {held}")
        _check_same(order, held.placed)

    # -- the end ----------------------------------------------------------------------------------

    def check_rest(self, *, now_us: int) -> None:
        """When all is calm and the markets are closed: no order lives, nothing is held for any."""
        super().check_rest(now_us=now_us)
        self.exchange.money.check_all(self.books, self.courses)
        self.exchange.check_rest()
        for account in self.books.accounts.values():
            if account.id.startswith("orders:") and account.debits != account.credits:
                raise Violation(f"{account.id} still holds {account.credits - account.debits}")

    def check_providers(self, deeds: Mapping[int, Deed]) -> None:
        """What providers say they did is what we booked, and nothing else is."""
        booked = dict(self.exchange.ended_routes)
        for route, deed in deeds.items():
            ours = booked.pop(route, None)
            theirs = (deed.order, [(fill.lots, fill.price) for fill in deed.fills])
            if ours is None or ours != theirs:
                raise Violation(f"the provider did {theirs} of route {route}, we booked {ours}")
        if booked:
            raise Violation(f"booked, and no provider knows of it: {booked}")


def _check_same(order: NewOrder, placed: PlacedOrder) -> None:
    """Check that an order stands as it was sent; what the sender left open may be filled in."""
    for name in (
        "market",
        "side",
        "type",
        "lots",
        "stop",
        "display",
        "budget_minor",
        "time_in_force",
        "post_only",
        "self_trade",
        "client_order_id",
    ):
        if getattr(order, name) != getattr(placed, name):
            raise Violation(f"{order} was placed as {placed}")
    if order.price not in (0, placed.price):
        raise Violation(f"{order} was placed at {placed.price}")
    if order.expires_at_us not in (0, placed.expires_at_us):
        raise Violation(f"{order} was placed to expire at {placed.expires_at_us}")
