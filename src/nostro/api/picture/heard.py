"""What does one hear who listens to what happens to a user?"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from nostro.api.picture.halves import ShownOrder
from nostro.exchange import (
    Fill,
    FillView,
    MarketTerms,
    Role,
    RouteEnded,
    RouteTrade,
    TradesExecuted,
)


class OwnFunds(NamedTuple):
    """Money of a user that his wallet would not take. `state`: suspended, or released."""

    suspension: int
    asset: str
    scale: int
    amount_minor: int
    state: str
    reason: str
    at_us: int
    height: int


class Heard(Protocol):
    """Somebody who listens to what happens to one user; he is called while durable rows are taken
    in, so he only takes a note."""

    @property
    def watches_money(self) -> bool:
        """Tell whether he wants to hear of what moves on accounts, also on those opened later."""
        ...

    def order(self, order: ShownOrder, reason: str) -> None:
        """Hear that an order changed, or (its state says so) ended."""
        ...

    def filled(self, fill: FillView) -> None:
        """Hear that an order traded."""
        ...

    def funds(self, funds: OwnFunds) -> None:
        """Hear that money was suspended, or released."""
        ...

    def moved(self) -> None:
        """Hear that something moved on an account."""
        ...


def maker_fill(
    terms: MarketTerms, event: TradesExecuted, fill: Fill, at_us: int, height: int
) -> FillView:
    """Return the maker's side of a trade."""
    return FillView(
        trade=fill.trade,
        order=fill.maker,
        user_id=fill.maker_user_id,
        market=event.market,
        terms=terms,
        side=event.side.other,
        role=Role.MAKER,
        price=fill.price,
        lots=fill.lots,
        value_minor=fill.value_minor,
        fee_minor=fill.maker_fee_minor,
        provider="",
        at_us=at_us,
        height=height,
        settling=event.settling,
    )


def taker_fill(
    terms: MarketTerms, event: TradesExecuted, fill: Fill, at_us: int, height: int
) -> FillView:
    """Return the taker's side of a trade."""
    return FillView(
        trade=fill.trade,
        order=event.order,
        user_id=event.user_id,
        market=event.market,
        terms=terms,
        side=event.side,
        role=Role.TAKER,
        price=fill.price,
        lots=fill.lots,
        value_minor=fill.value_minor,
        fee_minor=fill.taker_fee_minor,
        provider="",
        at_us=at_us,
        height=height,
        settling=event.settling,
    )


def routed_fill(
    terms: MarketTerms, event: RouteEnded, fill: RouteTrade, at_us: int, height: int
) -> FillView:
    """Return the user's side of a trade with a provider."""
    return FillView(
        trade=fill.trade,
        order=event.order,
        user_id=event.user_id,
        market=event.market,
        terms=terms,
        side=event.side,
        role=Role.TAKER,
        price=fill.price,
        lots=fill.lots,
        value_minor=fill.value_minor,
        fee_minor=fill.fee_minor,
        provider=event.provider,
        at_us=at_us,
        height=height,
    )
