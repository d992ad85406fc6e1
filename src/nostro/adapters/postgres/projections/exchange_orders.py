"""How are orders and trades gathered, so that each order that a batch touches is written once?

Of an order two things are kept: how it was placed, if the batch has that, and its course: what the
batch makes of it. A course has what is replaced (None: as it was) and what is added up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg

from nostro.adapters.postgres.copy import NULL, array
from nostro.adapters.postgres.projections.gathering import Ship, elements, quick
from nostro.exchange import OrderState, PlacedOrder
from nostro.kernel.room import Position

ORDER_COLUMNS = (
    "number, placed_at_us, placed_height, last_at_us, last_height, closed_height, price, lots,"
    " lots_left, filled_lots, stop, display, expires_at_us, trades_count, maker_ppm, taker_ppm,"
    " filled_value, notional, fees, reserved, budget, user_id, market, side, type, time_in_force,"
    " post_only, self_trade, reserved_asset, client_order_id, state, reason"
)
COPY_ORDERS = f"COPY nostro.orders ({ORDER_COLUMNS}) FROM STDIN"
_UPDATE_ORDERS = """
    UPDATE nostro.orders AS old
       SET last_at_us = new.last_at_us, last_height = new.last_height,
           closed_height = coalesce(new.closed_height, old.closed_height),
           price = coalesce(new.price, old.price), lots = coalesce(new.lots, old.lots),
           lots_left = coalesce(new.lots_left, old.lots_left),
           state = coalesce(new.state, old.state), reason = coalesce(new.reason, old.reason),
           filled_lots = old.filled_lots + new.filled_lots,
           trades_count = old.trades_count + new.trades_count,
           filled_value = old.filled_value + new.filled_value,
           notional = old.notional + new.notional, fees = old.fees + new.fees,
           reserved = old.reserved + new.reserved
      FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                  %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::numeric[],
                  %s::numeric[], %s::numeric[], %s::numeric[], %s::text[], %s::text[])
           AS new (number, last_at_us, last_height, closed_height, price, lots, lots_left,
                   filled_lots, trades_count, filled_value, notional, fees, reserved, state, reason)
     WHERE old.number = new.number
"""


OPEN = OrderState.OPEN


class Course(msgspec.Struct, gc=False):
    """What a batch makes of an order: None where it leaves it as it was; the last six are added to
    what they were."""

    at_us: int
    height: int
    closed_height: int | None = None
    price: int | None = None
    lots: int | None = None
    lots_left: int | None = None
    state: OrderState | None = None
    reason: str | None = None
    filled_lots: int = 0
    trades_count: int = 0
    filled_value: int = 0
    notional: int = 0
    fees: int = 0
    reserved: int = 0

    def close(self, state: OrderState, position: Position) -> None:
        """End the order."""
        self.state = state
        self.closed_height = position.height

    def trade(
        self, *, price: int, lots: int, value_minor: int, fee_minor: int, spent_minor: int
    ) -> None:
        """Add a fill; `spent_minor` of what was reserved are gone."""
        self.filled_lots += lots
        self.trades_count += 1
        self.filled_value += value_minor
        self.notional += price * lots
        self.fees += fee_minor
        self.reserved -= spent_minor

    def follow(self, later: Course) -> None:
        """Go on by what a later batch makes of the order."""
        self.at_us, self.height = later.at_us, later.height
        for name in ("closed_height", "price", "lots", "lots_left", "state", "reason"):
            value = getattr(later, name)
            if value is not None:
                setattr(self, name, value)
        self.filled_lots += later.filled_lots
        self.trades_count += later.trades_count
        self.filled_value += later.filled_value
        self.notional += later.notional
        self.fees += later.fees
        self.reserved += later.reserved


class Placed(msgspec.Struct, frozen=True, gc=False):
    """An order as it came."""

    order: PlacedOrder
    user_id: str
    at_us: int
    height: int


class OrderRows:
    """The orders that a batch touches."""

    def __init__(self) -> None:
        self.placed: dict[int, Placed] = {}
        self.courses: dict[int, Course] = {}

    def place(self, order: PlacedOrder, user_id: str, position: Position) -> None:
        """Take in a new order."""
        self.placed[order.number] = Placed(order, user_id, position.at_us, position.height)
        self.courses[order.number] = Course(
            position.at_us,
            position.height,
            None,
            order.price,
            order.lots,
            order.lots,
            OPEN,
            "",
            reserved=order.reserved_minor,
        )

    def touch(self, number: int, position: Position) -> Course:
        """Return the course of an order to which something happens."""
        course = self.courses.get(number)
        if course is None:
            self.courses[number] = course = Course(position.at_us, position.height)
        else:
            course.at_us, course.height = position.at_us, position.height
        return course

    def ship(self, ship: Ship) -> None:
        """Send the new orders, each as the batch leaves it."""
        if self.placed:
            courses = self.courses
            lines = (_line(number, told, courses[number]) for number, told in self.placed.items())
            ship(COPY_ORDERS, "".join(lines).encode())

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the orders of earlier batches, in the transaction under way."""
        placed = self.placed
        changed = sorted(number for number in self.courses if number not in placed)
        if changed:
            connection.execute(_UPDATE_ORDERS, _parameters(changed, self.courses), prepare=False)
        self.clear()

    def clear(self) -> None:
        """Drop what has gathered."""
        self.placed.clear()
        self.courses.clear()


def _line(number: int, told: Placed, course: Course) -> str:
    """Return a new order as a row of COPY text."""
    order = told.order
    closed = NULL if course.closed_height is None else course.closed_height
    client = quick(order.client_order_id) if order.client_order_id else ""
    reason = quick(course.reason) if course.reason else ""
    return (
        f"{number}\t{told.at_us}\t{told.height}\t{course.at_us}\t{course.height}\t{closed}"
        f"\t{course.price}\t{course.lots}\t{course.lots_left}\t{course.filled_lots}\t{order.stop}"
        f"\t{order.display}\t{order.expires_at_us}\t{course.trades_count}\t{order.maker_ppm}"
        f"\t{order.taker_ppm}\t{course.filled_value}\t{course.notional}\t{course.fees}"
        f"\t{course.reserved}\t{order.budget_minor}\t{quick(told.user_id)}\t{order.market}"
        f"\t{order.side}\t{order.type}\t{order.time_in_force}\t{order.post_only}"
        f"\t{order.self_trade}\t{order.asset}\t{client}\t{course.state}\t{reason}\n"
    )


def order_row(number: int, told: Placed, course: Course) -> tuple[Any, ...]:
    """Return an order as a row in the order of ORDER_COLUMNS."""
    order = told.order
    return (
        number,
        told.at_us,
        told.height,
        course.at_us,
        course.height,
        course.closed_height,
        course.price,
        course.lots,
        course.lots_left,
        course.filled_lots,
        order.stop,
        order.display,
        order.expires_at_us,
        course.trades_count,
        order.maker_ppm,
        order.taker_ppm,
        course.filled_value,
        course.notional,
        course.fees,
        course.reserved,
        order.budget_minor,
        told.user_id,
        order.market,
        order.side,
        order.type,
        order.time_in_force,
        order.post_only,
        order.self_trade,
        order.asset,
        order.client_order_id,
        course.state,
        course.reason,
    )


def _parameters(numbers: list[int], courses: dict[int, Course]) -> list[str]:
    """Return the columns of the update as the text of arrays, for `unnest`."""
    some = [courses[number] for number in numbers]
    return [
        array(numbers),
        array(course.at_us for course in some),
        array(course.height for course in some),
        _given(course.closed_height for course in some),
        _given(course.price for course in some),
        _given(course.lots for course in some),
        _given(course.lots_left for course in some),
        array(course.filled_lots for course in some),
        array(course.trades_count for course in some),
        array(course.filled_value for course in some),
        array(course.notional for course in some),
        array(course.fees for course in some),
        array(course.reserved for course in some),
        _given(course.state for course in some),
        elements(course.reason for course in some),
    ]


def _given(values: Iterable[int | str | None]) -> str:
    """Return numbers or plain words as the text of an array, None as NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
