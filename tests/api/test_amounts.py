"""How exactly are amounts read and told?"""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.api.amounts import minor_units, told
from nostro.kernel.asset import SEED, Asset
from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX, format_amount, parse_amount

EUR, BTC, ETH = SEED["EUR"], SEED["BTC"], SEED["ETH"]


def read(text: str, asset: Asset = EUR) -> int:
    return minor_units(msgspec.Raw(text.encode()), asset)


@pytest.mark.parametrize(
    "text",
    ['""', '"."', '"1,5"', '"1_000"', '" 1"', '"NaN"', '"Infinity"', '"１"', '"0x1"', "true"],
)
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(Rejection) as no:
        read(text)
    assert no.value.code == "money.not_a_number"


@pytest.mark.parametrize("text", ["1.505", '"1.505"', "1505e-3", '"0.001"'])
def test_too_many_decimals_are_refused_never_rounded(text: str) -> None:
    with pytest.raises(Rejection) as no:
        read(text)
    assert no.value.code == "money.too_many_decimals"
    assert no.value.facts["decimals_max"] == 2


@pytest.mark.parametrize("text", ['"' + "9" * 37 + '"', "1e40", '"1' + "0" * 50 + '"'])
def test_more_than_38_digits_are_refused(text: str) -> None:
    with pytest.raises(Rejection) as no:
        read(text)
    assert no.value.code == "money.too_large"


@pytest.mark.parametrize(
    ("text", "asset", "minor"),
    [
        ("1.5", EUR, 150),
        ('"1.5"', EUR, 150),
        ("0.1", BTC, 10_000_000),
        ("1.50000", EUR, 150),
        ('"12."', EUR, 1200),
        ("15e-1", EUR, 150),
        ("9007199254740993.01", EUR, 900_719_925_474_099_301),
        ('"0.123456789012345678"', ETH, 123_456_789_012_345_678),
        ("-3", EUR, -300),
        ('"' + "9" * 20 + '"', ETH, int("9" * 20) * 10**18),
    ],
)
def test_a_number_and_a_string_are_exact(text: str, asset: Asset, minor: int) -> None:
    assert read(text, asset) == minor


@given(
    minor=st.integers(0, AMOUNT_MINOR_MAX),
    scale=st.integers(0, 18),
    quoted=st.booleans(),
    more=st.integers(0, 3),
)
def test_the_quick_way_reads_what_the_kernel_reads(
    minor: int, scale: int, quoted: bool, more: int
) -> None:
    asset = Asset("X", scale)
    text = format_amount(minor, scale) + ("0" * more if scale else "")
    assert read(f'"{text}"' if quoted else text, asset) == parse_amount(text, asset) == minor


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**20))
def test_any_number_means_the_same_with_and_without_quotes(value: Decimal) -> None:
    outcomes = []
    for text in (json.dumps(str(value)), str(value)):
        try:
            outcomes.append(str(read(text, BTC)))
        except Rejection as no:
            outcomes.append(no.code)
    assert outcomes[0] == outcomes[1]


def test_facts_leave_the_house_as_decimal_strings() -> None:
    facts = {"account": "a", "available_minor": 150, "asset": "EUR"}
    assert told(facts, SEED) == {"account": "a", "available": "1.50", "asset": "EUR"}


def test_facts_of_an_unknown_asset_keep_their_minor_units_as_digits() -> None:
    assert told({"available_minor": 10**30}, SEED) == {"available_minor": "1" + "0" * 30}
