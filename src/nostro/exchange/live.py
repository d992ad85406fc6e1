"""What is remembered of an order while it lives?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from nostro.exchange.commands import OrderType, PostOnly, SelfTrade, TimeInForce
from nostro.exchange.terms import Side


class LiveOrder(msgspec.Struct, array_like=True, gc=False):
    """An order that is not closed; changed in place by `evolve` only.

    The first fields are the book's. `lots_left`: unfilled, hidden ones included. `display`: lots
    shown at a time (0: all); `shown`: of these, still shown; the book keeps it. `price`: the limit
    or the worst price.

    `filled_minor`: value traded. `fee_exact`: fees so far in millionths of a minor unit; charged
    is this, rounded up (a rebate down). `reserved_minor`: what is held for it. `moves`: movements
    of its funds so far. `route`: the provider's deed that is awaited (0: none). `resting`,
    `parked`: where it stands; an order that does neither, and is not with a provider, is about to
    enter.

    `carry`: what it paid as a taker above the exact value, in parts `value_den` of a minor unit.
    `filled_lots`: counted for an order by budget, which has no `lots`.
    `elected`: its stop price was reached. `routed`: what a provider's answer closes it with, "": it
    has not been with one.
    """

    number: int
    user_id: str
    side: Side
    price: int
    lots_left: int
    display: int = 0
    shown: int = 0
    market: str = ""
    type: OrderType = OrderType.LIMIT
    lots: int = 0
    stop: int = 0
    budget_minor: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_us: int = 0
    post_only: PostOnly = PostOnly.NO
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    client_order_id: str = ""
    maker_ppm: int = 0
    taker_ppm: int = 0
    filled_minor: int = 0
    fee_exact: int = 0
    reserved_minor: int = 0
    moves: int = 0
    route: int = 0
    resting: bool = False
    parked: bool = False
    carry: int = 0
    elected: bool = False
    routed: str = ""
    filled_lots: int = 0

    @property
    def arriving(self) -> bool:
        """Tell whether it is about to enter: its funds are held or asked for, in this very row."""
        return not (self.resting or self.parked or self.route)


copied: Callable[[LiveOrder], LiveOrder] = LiveOrder.__copy__  # type: ignore[attr-defined]
"""Return a copy of an order, to reckon on."""
