"""What does the picture show that nothing was folded into yet: the state an engine recovered?"""

from __future__ import annotations

from nostro.api.picture.halves import ShownOrder
from nostro.api.picture.market import MarketPicture
from nostro.exchange import LiveOrder, Market, OrderState, PlacedOrder, Side

_MILLIONTHS = 1_000_000


def shown(order: LiveOrder, asset: str) -> ShownOrder:
    """Return a live order as it is shown before it is put on the book."""
    placed = PlacedOrder(
        number=order.number,
        market=order.market,
        side=order.side,
        type=order.type,
        lots=order.lots,
        price=order.price,
        asset=asset,
        reserved_minor=order.reserved_minor,
        maker_ppm=order.maker_ppm,
        taker_ppm=order.taker_ppm,
        stop=order.stop,
        display=order.display,
        budget_minor=order.budget_minor,
        time_in_force=order.time_in_force,
        expires_at_us=order.expires_at_us,
        post_only=order.post_only,
        self_trade=order.self_trade,
        client_order_id=order.client_order_id,
    )
    return ShownOrder(
        placed=placed,
        user_id=order.user_id,
        price=order.price,
        lots=order.lots,
        left=order.lots_left,
        state=_state_of(order),
        filled=order.lots - order.lots_left if order.lots else order.filled_lots,
        value_minor=order.filled_minor,
        fee_minor=-(-order.fee_exact // _MILLIONTHS),
    )


def _state_of(order: LiveOrder) -> OrderState:
    if order.parked:
        return OrderState.UNTRIGGERED
    filled = order.filled_minor or order.lots_left != order.lots
    return OrderState.PARTIALLY_FILLED if filled else OrderState.OPEN


def pictured(market: Market, *, height: int, at_us: int) -> MarketPicture:
    """Return a market as it stands after the row `height`, with an empty book. Which row changed it
    last is not remembered."""
    picture = MarketPicture(market.name, market.terms, market.rules)
    picture.height, picture.at_us = height, at_us
    picture.state = market.state
    picture.sequence = market.sequence
    picture.reference = market.reference
    picture.reference_at_us = market.reference_at_us
    picture.last_price = market.last_price
    picture.last_trade = market.last_trade
    picture.live = sum(len(own) for own in market.users.values())
    return picture


def stand(market: Market, picture: MarketPicture, orders: dict[int, ShownOrder]) -> None:
    """Put the orders that rest on the book, each at its place."""
    for side in (Side.BUY, Side.SELL):
        half = picture.half(side)
        for order in market.book.orders(side):
            half.restore(orders[order.number], order.shown if order.display else order.lots_left)
