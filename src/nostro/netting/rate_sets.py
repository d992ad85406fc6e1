"""What is a frozen set of rates, and is this one what its id says?

The id is SHA-256 (hex) over the canonical JSON array [provider, kind, as_of_us, fetched_at_us,
[[base, quote, numerator, denominator], ...]] with the rates in order of their pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise

from nostro.kernel.codec import encode
from nostro.netting.commands import Rate, RateSet

REFERENCE, INDICATIVE, EXECUTABLE = "reference", "indicative", "executable"
KINDS = (REFERENCE, INDICATIVE, EXECUTABLE)


def freeze(
    *, provider: str, kind: str, as_of_us: int, fetched_at_us: int, rates: Iterable[Rate]
) -> RateSet:
    """Return the rate set with its id; rates come in any order, each pair once."""
    ordered = sorted(rates, key=_pair)
    rate_set = RateSet("", provider, kind, as_of_us, fetched_at_us, ordered)
    return RateSet(rate_set_id(rate_set), provider, kind, as_of_us, fetched_at_us, ordered)


def rate_set_id(rate_set: RateSet) -> str:
    """Return the id that a set with this content must have."""
    content = (
        rate_set.provider,
        rate_set.kind,
        rate_set.as_of_us,
        rate_set.fetched_at_us,
        rate_set.rates,
    )
    return hashlib.sha256(encode(content)).hexdigest()


def is_frozen(rate_set: RateSet) -> bool:
    """Tell whether the rates are positive, in order, each pair once, and the id is theirs."""
    rates = rate_set.rates
    positive = all(rate.numerator > 0 and rate.denominator > 0 for rate in rates)
    ordered = all(_pair(one) < _pair(other) for one, other in pairwise(rates))
    return positive and ordered and rate_set.rate_set_id == rate_set_id(rate_set)


def _pair(rate: Rate) -> tuple[str, str]:
    return rate.base, rate.quote


NO_RATES = freeze(provider="none", kind=REFERENCE, as_of_us=0, fetched_at_us=0, rates=())
"""What a plan names that settles nothing because there were no rates."""
