"""Which markets does the simulation trade on, and where do their prices go?"""

from __future__ import annotations

from random import Random

from nostro.exchange import (
    CreateMarket,
    MarketRules,
    MarketState,
    Routing,
    SetFeeSchedule,
    SetMarketState,
    SetReference,
)
from nostro.kernel.messages import Command

ASSETS = ("USD", "BTC", "JPY")
TRADERS = ("ann", "ben", "cem", "dan", "eve", "fay")
BAND_PPM = 120_000
MIDS = {"BTC-USD": 100, "BTC-JPY": 900, "USD-JPY": 480}
"""In ticks. A lot is worth 10, 0.63 and 10.08 minor units at these: rounding matters."""
LOTS_MAX = 400
DAY_ENDS_MINUTE = 907
"""The virtual day's 15:07, twenty seconds after every run begins."""
SCHEDULES = {"standard": (1_000, 2_500), "maker": (-700, 1_900), "dear": (10_000, 30_000)}
"""Maker's and taker's fee by name, in parts per million."""
FUNDS = {"USD": 400_000, "BTC": 700_000_000, "JPY": 300_000}
"""About what each trader brings, in minor units: enough for some forty orders."""

RULES = {
    "BTC-USD": MarketRules(
        band_ppm=BAND_PPM, reference_s=7, value_min_minor=2, orders_per_user_max=25
    ),
    "BTC-JPY": MarketRules(
        routing=Routing.BOOK_THEN_PROVIDER,
        provider="acme",
        fee_schedule="maker",
        lots_max=5_000,
        day_ends_minute=DAY_ENDS_MINUTE,
    ),
    "USD-JPY": MarketRules(
        band_ppm=2 * BAND_PPM,
        routing=Routing.PROVIDER,
        provider="zeta",
        day_ends_minute=DAY_ENDS_MINUTE + 1,
    ),
}
CREATIONS = {
    "BTC-USD": CreateMarket(
        market="BTC-USD", base="BTC", quote="USD", lot_minor=100_000, rules=RULES["BTC-USD"]
    ),
    "BTC-JPY": CreateMarket(
        market="BTC-JPY",
        base="BTC",
        quote="JPY",
        lot_minor=10_000,
        tick_units=7,
        rules=RULES["BTC-JPY"],
    ),
    "USD-JPY": CreateMarket(
        market="USD-JPY",
        base="USD",
        quote="JPY",
        lot_minor=7,
        tick_units=3,
        price_scale=1,
        rules=RULES["USD-JPY"],
    ),
}


def founding() -> list[tuple[str, Command]]:
    """Return the commands, with their keys, that found the markets; in this order."""
    commands: list[tuple[str, Command]] = []
    for name, (maker, taker) in SCHEDULES.items():
        command = SetFeeSchedule(name=name, maker_ppm=maker, taker_ppm=taker)
        commands.append((f"fees:{name}", command))
    for market, create in CREATIONS.items():
        commands.append((f"create:{market}", create))
        commands.append((f"refer:{market}", SetReference(market=market, price=MIDS[market])))
        opened = SetMarketState(market=market, state=MarketState.OPEN)
        commands.append((f"open:{market}", opened))
    return commands


class Street:
    """Where everybody believes prices to be, in ticks; they wander."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._mids = {market: float(mid) for market, mid in MIDS.items()}
        self.orders: list[tuple[int, str]] = []
        """Numbers and owners of orders that anybody heard of."""

    def mid(self, market: str) -> int:
        """Return the middle of a market, after one more step."""
        step = self._random.gauss(0.0, 0.006)
        home = (MIDS[market] - self._mids[market]) / MIDS[market]
        self._mids[market] *= 1 + step + 0.05 * home
        return max(2, round(self._mids[market]))
