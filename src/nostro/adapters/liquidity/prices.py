"""What is an asset worth in dollars, right now?

Fiat money as the source of exchange rates says; crypto assets by a table, or by a walk that starts
at the table's prices and follows from a seed. A pair's price is one worth over the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from nostro.adapters.fx.port import RateSource
from nostro.adapters.liquidity.units import exact
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Rejection
from nostro.netting import REPORT_CURRENCY
from nostro.runtime.ports import Clock, NotDone

PPB = 1_000_000_000
STABLE = frozenset({"USDT", "USDC", "DAI"})
"""Crypto assets that are a dollar and do not walk."""
CRYPTO_USD: Mapping[str, str] = {
    "BTC": "60000",
    "ETH": "3000",
    "USDT": "1",
    "USDC": "1",
    "DAI": "1",
    "ADA": "0.5",
    "SOL": "150",
    "XRP": "0.6",
    "BNB": "600",
    "DOGE": "0.12",
    "DOT": "6",
    "LTC": "80",
    "BCH": "400",
    "XLM": "0.11",
    "TRX": "0.13",
    "AVAX": "30",
    "LINK": "14",
    "ATOM": "7",
    "NEAR": "5",
    "ALGO": "0.15",
}
"""Round figures for a simulation, not quotations."""
FILE_BYTES_MAX = 1_048_576
NODE_MAX = 1_000
"""A seeded point is at most this many parts per thousand of its wave's height away."""


class PriceSource(Protocol):
    """Knows what assets are worth."""

    async def dollars(self, asset: str) -> Fraction | None:
        """Return what one whole unit is worth in USD, None when it does not know the asset. Raises
        NotDone when it does not answer."""
        ...


class RatePrices:
    """Worth by a source of exchange rates; implements PriceSource."""

    def __init__(self, rates: RateSource) -> None:
        self._rates = rates

    async def dollars(self, asset: str) -> Fraction | None:
        """Return what one unit of a currency is worth."""
        if asset == REPORT_CURRENCY:
            return Fraction(1)
        if asset not in SEED:
            return None
        try:
            told = await self._rates.rates([asset])
        except Rejection:
            return None
        (rate,) = (each for each in told.rates if each.base == asset)
        steps = SEED[asset].scale - SEED[REPORT_CURRENCY].scale
        return Fraction(rate.numerator, rate.denominator) * Fraction(10) ** steps


class TablePrices:
    """Worth by a table of decimal strings; implements PriceSource."""

    def __init__(self, table: Mapping[str, str] = CRYPTO_USD) -> None:
        self._table = {asset: exact(price) for asset, price in table.items()}
        assert all(self._table.values()), "an asset without worth has no price"

    async def dollars(self, asset: str) -> Fraction | None:
        """Return what the table says."""
        return self._table.get(asset)


class FilePrices:
    """Worth by a JSON object {asset: dollars} in a file, numbers or decimal strings, both read
    exactly; implements PriceSource. It is read at every question, so that it can be replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def dollars(self, asset: str) -> Fraction | None:
        """Return what stands in the file; one that cannot be read is an outage."""
        try:
            with self._path.open("rb") as file:
                told = json.loads(file.read(FILE_BYTES_MAX), parse_float=Decimal, parse_int=Decimal)
            worth = told.get(asset)
            return None if worth is None else exact(f"{Decimal(worth):f}") or None
        except (OSError, ArithmeticError, AttributeError, TypeError, ValueError) as cause:
            raise NotDone(f"prices in {self._path.name}: {cause}") from cause


class WalkPrices:
    """Worth that walks around the prices of a table, the same walk for the same seed whoever asks
    when; implements PriceSource.

    The sum of `turns` waves through seeded points, each with four times the period of the one
    before and twice its height (which is how far a random walk gets); the first has a period of
    `step_s` and `step_ppm`. So it never walks off: with these terms it stays within 2.1 %.
    """

    def __init__(
        self,
        *,
        seed: int,
        clock: Clock,
        table: Mapping[str, str] = CRYPTO_USD,
        step_s: int = 1,
        step_ppm: int = 40,
        turns: int = 9,
    ) -> None:
        self._seed = seed
        self._clock = clock
        self._table = TablePrices(table)
        self._step_us = step_s * 1_000_000
        self._step_ppm = step_ppm
        self._turns = turns

    async def dollars(self, asset: str) -> Fraction | None:
        """Return the worth of this moment."""
        start = await self._table.dollars(asset)
        if start is None or asset in STABLE:
            return start
        now_us = self._clock.now_us()
        away_ppb = sum(self._wave_ppb(asset, turn, now_us) for turn in range(self._turns))
        return start * Fraction(PPB + away_ppb, PPB)

    def _wave_ppb(self, asset: str, turn: int, now_us: int) -> int:
        period_us: int = self._step_us * 4**turn
        place, within_us = divmod(now_us, period_us)
        before, after = (
            _node(f"{self._seed}/{asset}/{turn}/{each}") for each in (place, place + 1)
        )
        height_ppm = self._step_ppm << turn
        return height_ppm * before + height_ppm * (after - before) * within_us // period_us


class FirstPrices:
    """Worth by the first of several sources that knows the asset; implements PriceSource."""

    def __init__(self, sources: Sequence[PriceSource]) -> None:
        self._sources = tuple(sources)

    async def dollars(self, asset: str) -> Fraction | None:
        """Ask one source after the other."""
        for source in self._sources:
            worth = await source.dollars(asset)
            if worth is not None:
                return worth
        return None


@lru_cache(maxsize=4_096)
def _node(name: str) -> int:
    """Return a number from -NODE_MAX to NODE_MAX that follows from a name."""
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return drawn % (2 * NODE_MAX + 1) - NODE_MAX
