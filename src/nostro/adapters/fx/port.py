"""What must a source of exchange rates offer?

One contract suite (tests/contracts/test_rate_source.py) that every source passes unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from nostro.netting import RateSet

GAP_DAYS_MAX = 5
"""A day's rates may be those of an earlier day, at most this many calendar days before: the longest
gap in the ECB's series since 1999 (around Easter and Christmas)."""


class RateSource(Protocol):
    """Gives frozen rates. How old they may be is not its question (`netting.RatePolicy`)."""

    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        """Return one rate to USD for each of these currencies (none for USD itself), all of one
        moment: the newest known, or those of a day or up to GAP_DAYS_MAX calendar days before it.

        Raises Rejection `fx.rate_unknown` or `fx.currency_discontinued` (facts name the
        `currency`, or for a whole day only `at`), and NotDone when the source does not answer and
        nothing is known from before.
        """
        ...
