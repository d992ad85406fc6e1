"""Which quote is the best one that an order can take, and why is there none?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from nostro.adapters.liquidity.port import (
    PRICE,
    QUANTITY,
    QUOTE_EXPIRED,
    ProviderOrder,
    Quote,
    QuoteRequest,
    Refused,
)
from nostro.adapters.liquidity.units import (
    BadAnswer,
    exact,
    price_told,
    quantity_told,
    tick,
)
from nostro.exchange import RouteToProvider, Side

BAD_QUOTE = "bad_quote"
"""A quote that is no decimal number, or of nothing."""
PROVIDER_DOWN = "provider_down"
"""It cannot be reached."""
STRIKES_MAX = 2
"""How often a provider may let its quote expire."""


def request_of(effect: RouteToProvider) -> QuoteRequest:
    """Return for what a price is asked."""
    terms = effect.terms
    return QuoteRequest(
        base=terms.base,
        quote=terms.quote,
        side=effect.side,
        quantity=quantity_told(terms, effect.lots),
        quantity_step=quantity_told(terms, 1),
        all_or_none=effect.all_or_none,
    )


def order_of(effect: RouteToProvider, reference: str) -> ProviderOrder:
    """Return what is to be executed: the same for every quote."""
    terms = effect.terms
    return ProviderOrder(
        reference=reference,
        base=terms.base,
        quote=terms.quote,
        side=effect.side,
        quantity=quantity_told(terms, effect.lots),
        quantity_step=quantity_told(terms, 1),
        limit=price_told(terms, effect.limit),
        all_or_none=effect.all_or_none,
    )


class Bargain:
    """The quotes for one route. `names`: who still competes; `why`: what spoke against a fill
    last."""

    def __init__(self, effect: RouteToProvider, names: Sequence[str], *, why: str) -> None:
        self._effect = effect
        self._limit = tick(effect.terms) * effect.limit
        self._strikes: dict[str, int] = {}
        self.names = list(names)
        self.why = why

    def refused(self, name: str, why: str) -> None:
        """Note that a provider did not execute what it had quoted."""
        self._strikes[name] = self._strikes.get(name, 0) + 1
        if why != QUOTE_EXPIRED or self._strikes[name] >= STRIKES_MAX:
            self.names.remove(name)
        self.why = why

    def best(self, quotes: Mapping[str, Quote | Refused]) -> tuple[str, Quote | None]:
        """Return the best quote that the order can take, and whose it is; among equals the first by
        name."""
        best: tuple[Fraction, str, Quote] | None = None
        reasons: list[str] = []
        for name, quote in quotes.items():
            why = self._against(quote)
            if why:
                reasons.append(why)
            elif isinstance(quote, Quote):
                price = exact(quote.price) * (1 if self._effect.side is Side.BUY else -1)
                if best is None or price < best[0]:
                    best = price, name, quote
        if best is not None:
            return best[1], best[2]
        if reasons:
            self.why = min(reasons, key=_weight)
        return "", None

    def _against(self, quote: Quote | Refused) -> str:
        """Return why the order cannot take a quote ("": it can)."""
        if isinstance(quote, Refused):
            return quote.code
        try:
            price, quantity = exact(quote.price), exact(quote.quantity)
        except BadAnswer:
            return BAD_QUOTE
        if not price or not quantity:
            return BAD_QUOTE
        if price > self._limit if self._effect.side is Side.BUY else price < self._limit:
            return PRICE
        wanted = exact(quantity_told(self._effect.terms, self._effect.lots))
        return QUANTITY if self._effect.all_or_none and quantity < wanted else ""


def _weight(why: str) -> int:
    """Sort the reasons of several providers: the one that says most about the order comes first."""
    told = (PRICE, QUANTITY)
    return told.index(why) if why in told else len(told) + (why == PROVIDER_DOWN)
