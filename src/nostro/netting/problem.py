"""What does a cycle look like as arrays of integers?

A *node* is a participant in a currency: `participant * currencies + currency`, both in the order of
their names, so that ascending nodes are sorted by participant and currency. The pivot of the rates
is always among the currencies: two trades through it can be cheaper than one. Amounts are int64
when every sum that is ever made of them provably fits, Python integers (dtype object) otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nostro.netting.commands import Obligation
from nostro.netting.conversion import REPORT_CURRENCY, Mid

Ints = NDArray[np.int64]
Amounts = NDArray[Any]
"""int64, or object holding Python integers."""

INT64_SAFE = 2**62
"""Below this no intermediate sum of ours leaves int64: each is at most the sum of all amounts."""


CACHED = 4_096
"""Obligations read at a time: few enough to stay in the processor's cache while each field is."""


class _Names(dict[str, int]):
    """Gives each name a place when it is first asked for, and sorts them when all are known."""

    def __missing__(self, name: str) -> int:
        place = self[name] = len(self)
        return place

    def places(self, names: Sequence[str]) -> Ints:
        """Return the place of each name."""
        return np.fromiter(map(self.__getitem__, names), dtype=np.int64, count=len(names))

    def sort(self, *columns: Ints) -> list[str]:
        """Return the names in order, and renumber the columns, in place, to match."""
        names = sorted(self)
        moved = np.empty(len(names), dtype=np.int64)
        for place, name in enumerate(names):
            moved[self[name]] = place
        for column in columns:
            column[:] = moved[column]
        return names


class Problem:
    """The obligations of a cycle in arrays, one entry for each payment, in their order.

    `source_minor` is what the payer pays of the source currency, `target_minor` what the payee gets
    of the destination currency; `from_node` and `to_node` are where; `pair` is
    `source * currencies + target`.
    """

    __slots__ = (
        "currencies",
        "from_node",
        "mid",
        "nodes",
        "obligations",
        "pair",
        "participants",
        "payee",
        "payer",
        "source",
        "source_minor",
        "target",
        "target_minor",
        "to_node",
        "unit_values",
    )

    def __init__(self, obligations: Sequence[Obligation], mid: Mid) -> None:
        self.obligations = obligations
        self.mid = mid
        participants, currencies = _Names(), _Names()
        currencies[REPORT_CURRENCY]
        count = len(obligations)
        self.payer: Ints
        self.payee: Ints
        self.source: Ints
        self.target: Ints
        self.payer, self.payee, self.source, self.target = np.empty((4, count), dtype=np.int64)
        amounts: list[int] = []
        for start in range(0, count, CACHED):
            part = obligations[start : start + CACHED]
            end = start + len(part)
            self.payer[start:end] = participants.places([o.payer for o in part])
            self.payee[start:end] = participants.places([o.payee for o in part])
            self.source[start:end] = currencies.places([o.source_currency for o in part])
            self.target[start:end] = currencies.places([o.destination_currency for o in part])
            amounts += [o.amount_minor for o in part]
        self.participants = participants.sort(self.payer, self.payee)
        self.currencies = currencies.sort(self.source, self.target)
        self.nodes = len(self.participants) * len(self.currencies)
        self.from_node: Ints = self.payer * len(self.currencies) + self.source
        self.to_node: Ints = self.payee * len(self.currencies) + self.target
        self.pair: Ints = self.source * len(self.currencies) + self.target
        self.source_minor = amounts_of(amounts)
        self.target_minor = self._converted()
        self.unit_values = [mid.unit_value(currency) for currency in self.currencies]

    def __len__(self) -> int:
        return len(self.obligations)

    def all(self) -> NDArray[np.bool_]:
        """Return the choice of every payment."""
        return np.ones(len(self.obligations), dtype=np.bool_)

    def _converted(self) -> Amounts:
        """Return the destination amount of each payment at mid, rounded down."""
        size = len(self.currencies)
        pairs = self.pair
        numerators, denominators = [1] * (size * size), [1] * (size * size)
        for pair in np.flatnonzero(np.bincount(pairs)).tolist():
            base, quote = divmod(pair, size)
            rate = self.mid.rate(self.currencies[base], self.currencies[quote])
            numerators[pair], denominators[pair] = rate.numerator, rate.denominator
        return convert(self.source_minor, pairs, numerators, denominators)


def amounts_of(amounts: Sequence[int]) -> Amounts:
    """Return amounts as int64 when any sum of them fits, else as Python integers."""
    try:
        array = np.fromiter(amounts, dtype=np.int64, count=len(amounts))
    except OverflowError:
        return _as_objects(amounts)
    largest = max(abs(int(array.max())), abs(int(array.min()))) if len(amounts) else 0
    return array if largest * (len(amounts) + 1) < INT64_SAFE else _as_objects(amounts)


def convert(
    amounts: Amounts, pairs: Ints, numerators: Sequence[int], denominators: Sequence[int]
) -> Amounts:
    """Return each amount times the fraction of its pair, rounded down.

    In int64 an amount is split by the denominator first, `q * d + r`, so that nothing larger than
    the result and `n * d` ever occurs; where that may not fit, in Python integers.
    """
    largest = int(np.abs(amounts).max()) if len(amounts) else 0
    products = max((n * d for n, d in zip(numerators, denominators, strict=True)), default=0)
    results = max(
        (
            (largest // d + 1) * n * (len(amounts) + 1)
            for n, d in zip(numerators, denominators, strict=True)
        ),
        default=0,
    )
    if amounts.dtype == np.object_ or products >= INT64_SAFE or results >= INT64_SAFE:
        return _converted_slowly(amounts, pairs, numerators, denominators)
    numerator = np.array(numerators, dtype=np.int64)[pairs]
    denominator = np.array(denominators, dtype=np.int64)[pairs]
    whole, rest = np.divmod(amounts, denominator)
    whole *= numerator
    rest *= numerator
    whole += rest // denominator
    return whole


def _converted_slowly(
    amounts: Amounts, pairs: Ints, numerators: Sequence[int], denominators: Sequence[int]
) -> Amounts:
    return amounts_of(
        [
            amount * numerators[pair] // denominators[pair]
            for amount, pair in zip(amounts.tolist(), pairs.tolist(), strict=True)
        ]
    )


def _as_objects(amounts: Sequence[int]) -> Amounts:
    array = np.empty(len(amounts), dtype=np.object_)
    array[:] = amounts
    return array
