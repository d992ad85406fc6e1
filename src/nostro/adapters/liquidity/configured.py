"""Which liquidity providers does a deployment have?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nostro.adapters.fx.port import RateSource
from nostro.adapters.liquidity.faults import FAIR, FileSwitchboard, MerchantWeather
from nostro.adapters.liquidity.merchant import SimulatedMerchant
from nostro.adapters.liquidity.prices import (
    FilePrices,
    FirstPrices,
    PriceSource,
    RatePrices,
    TablePrices,
    WalkPrices,
)
from nostro.adapters.liquidity.records import FileBooks
from nostro.adapters.liquidity.stock import MerchantTerms
from nostro.runtime.ports import Clock

FAULTS_FILE = "faults.json"
"""Beside the merchants' books: what is wrong with them, for demonstrations."""
WALK = "walk"
FIXED = "fixed"


def prices_of(told: str, *, rates: RateSource, clock: Clock, seed: int) -> PriceSource:
    """Return where prices come from: crypto assets by `walk`, `fixed`, or the path of a JSON table
    (which goes before everything else), fiat money by its rates."""
    table = TablePrices()
    walk = WalkPrices(seed=seed, clock=clock)
    fiat = RatePrices(rates)
    if told == WALK:
        return FirstPrices((walk, fiat))
    if told == FIXED:
        return FirstPrices((table, fiat))
    return FirstPrices((FilePrices(Path(told)), table, fiat))


def providers_of(
    *,
    names: Sequence[str],
    directory: Path,
    clock: Clock,
    rates: RateSource,
    seed: int = 1,
    prices: str = WALK,
    terms: MerchantTerms | None = None,
    weather: MerchantWeather = FAIR,
) -> Mapping[str, SimulatedMerchant]:
    """Return simulated merchants, which keep their books in a directory and obey the file of
    faults that stands there. They share their prices, and differ by their dice and their stock."""
    switchboard = FileSwitchboard(directory / FAULTS_FILE)
    source = prices_of(prices, rates=rates, clock=clock, seed=seed)
    return {
        name: SimulatedMerchant(
            name=name,
            seed=seed,
            prices=source,
            books=FileBooks(directory / f"{name}.jsonl"),
            clock=clock,
            terms=terms,
            weather=weather,
            switchboard=switchboard,
        )
        for name in names
    }
