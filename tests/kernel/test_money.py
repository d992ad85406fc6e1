"""Is an amount exactly what was said?"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from nostro.kernel.asset import SEED, Asset, checked, seeded
from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX, format_amount, parse_amount

EUR = seeded("EUR")
ETH = seeded("ETH")
JPY = seeded("JPY")

scales = st.integers(min_value=0, max_value=18)
amounts = st.integers(min_value=-AMOUNT_MINOR_MAX, max_value=AMOUNT_MINOR_MAX)


@given(amounts, scales)
def test_what_is_written_is_read_again_exactly(amount_minor: int, scale: int) -> None:
    asset = Asset("X", scale)
    assert parse_amount(format_amount(amount_minor, scale), asset) == amount_minor


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30
    )
)
def test_an_amount_is_its_decimal_times_the_scale(value: Decimal) -> None:
    asset = Asset("X", 6)
    assert parse_amount(value, asset) == Fraction(value) * 10**6


@pytest.mark.parametrize(
    ("said", "asset", "minor"),
    [
        ("1.5", EUR, 150),
        ("1.50", EUR, 150),
        ("1.500000", EUR, 150),
        ("0.01", EUR, 1),
        (".5", EUR, 50),
        ("5.", EUR, 500),
        ("1e2", EUR, 10_000),
        ("15E-1", EUR, 150),
        ("-1.5", EUR, -150),
        ("0", JPY, 0),
        ("0e999", JPY, 0),
        ("12345678901234567890.123456789012345678", ETH, 12345678901234567890123456789012345678),
        (7, JPY, 7),
    ],
)
def test_every_way_to_say_an_amount_is_understood(
    said: str | int, asset: Asset, minor: int
) -> None:
    assert parse_amount(said, asset) == minor


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("1.555", "money.too_many_decimals"),
        ("1e-3", "money.too_many_decimals"),
        ("1e-999", "money.too_many_decimals"),
        ("1e37", "money.too_large"),
        ("9" * 37, "money.too_large"),
        ("1e999", "money.too_large"),
        ("", "money.not_a_number"),
        ("abc", "money.not_a_number"),
        ("NaN", "money.not_a_number"),
        ("Infinity", "money.not_a_number"),
        ("1,5", "money.not_a_number"),
        ("1_000", "money.not_a_number"),
        (" 1", "money.not_a_number"),
        ("1\n", "money.not_a_number"),
        ("\u0661", "money.not_a_number"),
        ("1e9999", "money.not_a_number"),
        ("1" * 65, "money.not_a_number"),
    ],
)
def test_what_is_no_exact_amount_of_the_asset_is_refused(said: str, code: str) -> None:
    with pytest.raises(Rejection) as refused:
        parse_amount(said, EUR)
    assert refused.value.code == code


def test_the_registry_knows_the_decimals_of_currencies_and_crypto_assets() -> None:
    known = {code: SEED[code].scale for code in ("EUR", "JPY", "KWD", "CLF", "BTC", "ETH", "USDT")}
    assert known == {"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4, "BTC": 8, "ETH": 18, "USDT": 6}
    with pytest.raises(Rejection, match=r"asset\.unknown"):
        seeded("ZZZ")


@pytest.mark.parametrize(
    ("code", "scale", "refusal"),
    [("eur", 2, "asset.bad_code"), ("", 2, "asset.bad_code"), ("X", 19, "asset.bad_scale")],
)
def test_a_new_asset_has_a_proper_code_and_at_most_18_decimals(
    code: str, scale: int, refusal: str
) -> None:
    with pytest.raises(Rejection) as refused:
        checked(code, scale)
    assert refused.value.code == refusal
