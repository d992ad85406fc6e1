"""What are assets worth, and to whom?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from nostro.adapters.liquidity.configured import FIXED, WALK, prices_of
from nostro.adapters.liquidity.prices import (
    CRYPTO_USD,
    FilePrices,
    RatePrices,
    TablePrices,
    WalkPrices,
)
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Rejection
from nostro.netting import REFERENCE, Rate, RateSet, freeze
from nostro.runtime.ports import NotDone

DAY_US = 86_400_000_000


RATES = {"JPY": Rate("JPY", "USD", 65, 100), "KWD": Rate("KWD", "USD", 325, 1_000)}
"""In minor units: a yen is 0.0065 dollars, a dinar 3.25."""


class Rates:
    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        if unknown := set(currencies) - RATES.keys():
            raise Rejection("fx.rate_unknown", currency=min(unknown))
        rates = [RATES[currency] for currency in currencies]
        return freeze(provider="x", kind=REFERENCE, as_of_us=1, fetched_at_us=1, rates=rates)


class StillClock:
    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


def walked(seed: int, moments_us: Iterable[int], asset: str = "BTC") -> list[Fraction]:
    async def story() -> list[Fraction | None]:
        return [
            await WalkPrices(seed=seed, clock=StillClock(at_us)).dollars(asset)
            for at_us in moments_us
        ]

    return [worth for worth in asyncio.run(story()) if worth is not None]


@pytest.mark.parametrize(
    ("asset", "worth"),
    [("USD", 1), ("JPY", Fraction("0.0065")), ("KWD", Fraction("3.25")), ("EUR", None)],
)
def test_fiat_money_is_worth_what_the_rates_say(asset: str, worth: Fraction | None) -> None:
    assert asyncio.run(RatePrices(Rates()).dollars(asset)) == worth


def test_an_asset_of_nobody_has_no_price() -> None:
    for told in (WALK, FIXED):
        prices = prices_of(told, rates=Rates(), clock=StillClock(0), seed=1)
        assert asyncio.run(prices.dollars("XYZ")) is None


def test_what_has_a_round_figure_is_an_asset_of_the_registry() -> None:
    assert set(CRYPTO_USD) <= set(SEED)
    assert not {code for code, asset in SEED.items() if asset.scale > 4} - set(CRYPTO_USD)


def test_a_walk_is_the_same_for_the_same_seed_whoever_asks_when() -> None:
    moments = range(0, 50 * DAY_US, DAY_US // 3)
    assert walked(4, moments) == walked(4, reversed(moments))[::-1]
    assert walked(4, moments) != walked(5, moments)


def test_a_walk_moves_and_never_walks_off() -> None:
    worths = walked(1, range(0, 365 * DAY_US, DAY_US))
    assert all(abs(worth / 60_000 - 1) < Fraction(21, 1_000) for worth in worths)
    assert len(set(worths)) > 360
    assert max(worths) / min(worths) > Fraction(101, 100)


def test_a_walk_takes_small_steps() -> None:
    start = 1_750_000_000_000_000
    worths = walked(1, range(start, start + 600_000_000, 1_000_000))
    steps = [abs(b / a - 1) for a, b in pairwise(worths)]
    assert 0 < max(steps) < Fraction(1, 1_000)


def test_a_stable_coin_stays_where_it_is() -> None:
    assert walked(1, [12 * DAY_US], "USDT") == [1]


def test_a_table_in_a_file_goes_before_everything_else_and_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    prices = prices_of(str(path), rates=Rates(), clock=StillClock(0), seed=1)
    path.write_text('{"BTC": 12345.678901234567890123, "JPY": "0.01", "GOLD": 1e3}')
    assert asyncio.run(prices.dollars("BTC")) == Fraction("12345.678901234567890123")
    assert asyncio.run(prices.dollars("JPY")) == Fraction("0.01")
    assert asyncio.run(prices.dollars("GOLD")) == 1_000
    assert asyncio.run(prices.dollars("ETH")) == 3_000
    assert asyncio.run(prices.dollars("KWD")) == Fraction("3.25")
    path.write_text('{"BTC": "7"}')
    assert asyncio.run(prices.dollars("BTC")) == 7


@pytest.mark.parametrize(
    "text", ["", "[]", '{"BTC": "much"}', '{"BTC": -1}', '{"BTC": NaN}', '{"BTC": [1]}']
)
def test_a_table_that_cannot_be_read_is_an_outage(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(NotDone):
        asyncio.run(FilePrices(path).dollars("BTC"))


def test_a_table_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(NotDone):
        asyncio.run(FilePrices(tmp_path / "none.json").dollars("BTC"))


def test_a_table_without_an_asset_does_not_know_it() -> None:
    assert asyncio.run(TablePrices({"BTC": "1"}).dollars("ETH")) is None
