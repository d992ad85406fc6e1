"""Is a destination amount exact, and rounded as its name says?"""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nostro.kernel.messages import Rejection
from nostro.netting import Mid, Rate, RateSet, destination_amount
from nostro.netting.problem import convert
from tests.rooms.netting.algorithms.cycles import MID, RATES


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "expected"),
    [
        (1, 1, 2, 0),
        (3, 1, 2, 1),
        (5, 1, 2, 2),
        (7, 1, 2, 3),
        (1, 1, 3, 0),
        (2, 1, 3, 0),
        (10**38 - 1, 1, 1, 10**38 - 1),
        (0, 7, 3, 0),
    ],
)
def test_what_is_less_than_a_unit_is_cut_off(
    amount: int, numerator: int, denominator: int, expected: int
) -> None:
    assert destination_amount(amount, Rate("EUR", "USD", numerator, denominator)) == expected


def test_a_pair_that_is_not_listed_has_the_rate_through_the_dollar() -> None:
    assert MID.rate("EUR", "JPY") == Rate("EUR", "JPY", 10853, 6600)
    assert MID.rate("USD", "KWD") == Rate("USD", "KWD", 40, 13)
    assert MID.rate("JPY", "JPY") == Rate("JPY", "JPY", 1, 1)


def test_a_pair_that_is_listed_has_its_own_rate_and_gives_its_inverse() -> None:
    listed = RateSet("", "", "reference", 0, 0, [*RATES.rates, Rate("EUR", "JPY", 170, 1)])
    assert Mid(listed).rate("EUR", "JPY") == Rate("EUR", "JPY", 170, 1)
    assert Mid(listed).rate("JPY", "EUR") == Rate("JPY", "EUR", 1, 170)


@pytest.mark.parametrize("rate", [Rate("XXX", "EUR", 1, 1), Rate("XXX", "USD", 0, 1)])
def test_a_rate_that_is_missing_or_makes_no_sense_is_refused(rate: Rate) -> None:
    with pytest.raises(Rejection) as refused:
        Mid(RateSet("", "", "reference", 0, 0, [*RATES.rates, rate])).rate("XXX", "GBP")
    assert refused.value.code == "netting.rate_missing"


@settings(deadline=None)
@given(
    amounts=st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=5),
    numerator=st.integers(min_value=1, max_value=10**12),
    denominator=st.integers(min_value=1, max_value=10**12),
)
def test_arrays_convert_as_fractions_do_in_machine_words_and_beyond(
    amounts: list[int], numerator: int, denominator: int
) -> None:
    pairs = np.zeros(len(amounts), dtype=np.int64)
    found = convert(np.array(amounts, dtype=np.int64), pairs, [numerator], [denominator])
    assert found.tolist() == [
        floor(amount * Fraction(numerator, denominator)) for amount in amounts
    ]
