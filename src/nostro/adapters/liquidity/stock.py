"""What does a merchant have, how much can he take and give, and at which price does he want to?

All arithmetic is exact; what is told to the outside is rounded in the merchant's favour.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from nostro.adapters.liquidity.prices import CRYPTO_USD
from nostro.adapters.liquidity.records import Entry, ProviderBooks
from nostro.adapters.liquidity.units import exact
from nostro.exchange import Side

PPM = 1_000_000
OPENING_USD = 100_000_000


def standard_opening() -> dict[str, str]:
    """Return OPENING_USD worth of each crypto asset, by its round figure."""
    return {asset: str(OPENING_USD // exact(price)) for asset, price in CRYPTO_USD.items()}


class MerchantTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a merchant trades. `spread_ppm`: between his two prices. `skew_ppm`: how far he moves
    both when he has none left, or twice what he opened with: he never has more. `opening`: what he
    has of each asset in whole units, `opening_default` of one that is not listed. A quote holds for
    `valid_ms`, its price has `digits` digits. What he fills comes in up to `pieces_max` pieces."""

    spread_ppm: int = 2_000
    skew_ppm: int = 1_000
    valid_ms: int = 2_000
    digits: int = 8
    pieces_max: int = 3
    opening: Mapping[str, str] = msgspec.field(default_factory=standard_opening)
    opening_default: str = str(OPENING_USD)


class Stock:
    """A merchant's assets, by his books."""

    def __init__(self, terms: MerchantTerms, books: ProviderBooks) -> None:
        self._terms = terms
        self._books = books
        self._read = 0
        self._moved: dict[str, Fraction] = {}

    def of(self, asset: str) -> Fraction:
        """Return what he has of an asset; what is pending counts as done."""
        for entry in self._books.after(self._read):
            self._read += 1
            self._book(entry)
        return self._opening(asset) + self._moved.get(asset, Fraction(0))

    def price(self, mid: Fraction, *, base: str, side: Side) -> Fraction:
        """Return his price for our side: off the mid by half the spread, and lower the more of the
        base asset he has."""
        opening = self._opening(base)
        fullness = (self.of(base) - opening) / opening if opening else Fraction(0)
        half = Fraction(self._terms.spread_ppm, 2 * PPM)
        skew = fullness * self._terms.skew_ppm / PPM
        away = half - skew if side is Side.BUY else -half - skew
        return _rounded(mid * (1 + away), digits=self._terms.digits, side=side)

    def capacity(self, *, base: str, quote: str, side: Side, price: Fraction) -> Fraction:
        """Return how much of the base asset he can trade at a price: he gives what he has, and
        takes what there is room for."""
        if side is Side.BUY:
            return max(Fraction(0), min(self.of(base), self._room(quote) / price))
        return max(Fraction(0), min(self._room(base), self.of(quote) / price))

    def _room(self, asset: str) -> Fraction:
        return 2 * self._opening(asset) - self.of(asset)

    def _opening(self, asset: str) -> Fraction:
        return exact(self._terms.opening.get(asset, self._terms.opening_default))

    def _book(self, entry: Entry) -> None:
        if entry.order is None:
            return
        sign = 1 if entry.order.side is Side.SELL else -1
        for piece in entry.pieces:
            quantity = exact(piece.quantity)
            self._move(entry.order.base, sign * quantity)
            self._move(entry.order.quote, -sign * quantity * exact(piece.price))

    def _move(self, asset: str, amount: Fraction) -> None:
        self._moved[asset] = self._moved.get(asset, Fraction(0)) + amount


def down_to(step: Fraction, quantity: Fraction) -> Fraction:
    """Return the largest multiple of a step that is no more."""
    return quantity // step * step


def _rounded(price: Fraction, *, digits: int, side: Side) -> Fraction:
    """Return a price of so many digits: up for one who buys, down for one who sells."""
    step, top = Fraction(1), 10**digits
    while price / step >= top:
        step *= 10
    while price / step * 10 < top:
        step /= 10
    return -(-price // step) * step if side is Side.BUY else price // step * step
