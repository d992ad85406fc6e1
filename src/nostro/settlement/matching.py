"""Which instruction of the other side agrees with this one, and on which amount?

The fields that must agree, and the tolerance in cash, are those of T2S as they are commonly known;
they were not held against its documents. Deterministic: the oldest that agrees is the one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, OrderedDict
from collections.abc import Iterator

import msgspec

from nostro.settlement.terms import Party


class OneSide(msgspec.Struct, frozen=True, gc=False):
    """What one side says was agreed, every default filled in. Days are ordinals. `trade_id`: a
    common reference, "" when it gives none."""

    side: Party
    seller: str
    buyer: str
    security: str
    quantity_minor: int
    cash: str
    amount_minor: int
    securities_domain: str
    cash_domain: str
    trade_day: int
    settlement_day: int
    trade_id: str = ""

    @property
    def party(self) -> str:
        """Return who says it."""
        return self.seller if self.side is Party.SELLER else self.buyer

    @property
    def mandatory(self) -> tuple[str, str, str, int, str, str, str, int, int]:
        """What must be the same on both sides."""
        return (
            self.seller,
            self.buyer,
            self.security,
            self.quantity_minor,
            self.cash,
            self.securities_domain,
            self.cash_domain,
            self.trade_day,
            self.settlement_day,
        )


class Tolerance(msgspec.Struct, frozen=True):
    """By how much two amounts of a cash asset may differ, in minor units, for settlements from
    `valid_from` on whose amount is at most `up_to_minor`."""

    cash: str
    valid_from: int
    up_to_minor: int
    tolerance_minor: int


T2S_LIVE = 735_771
"""Ordinal of 2015-06-22, when T2S began."""
WITHOUT_END = 10**38
TOLERANCES: tuple[Tolerance, ...] = (
    Tolerance("EUR", T2S_LIVE, 10_000_000, 200),
    Tolerance("EUR", T2S_LIVE, WITHOUT_END, 2_500),
)
"""2 euros up to 100,000, 25 above; any other asset must agree to the minor unit."""


def tolerance_of(
    cash: str, amount_minor: int, day: int, table: tuple[Tolerance, ...] = TOLERANCES
) -> int:
    """Return by how much a buyer's amount may differ from the seller's, `amount_minor`, for
    settlement on a day: by the newest rows of the table that are valid by then."""
    rows = _valid(cash, day, table)
    return next((row.tolerance_minor for row in rows if amount_minor <= row.up_to_minor), 0)


def agree(one: OneSide, other: OneSide, table: tuple[Tolerance, ...] = TOLERANCES) -> bool:
    """Tell whether these are the two sides of one settlement."""
    if one.side is other.side or one.mandatory != other.mandatory:
        return False
    if one.trade_id and other.trade_id and one.trade_id != other.trade_id:
        return False
    seller, buyer = (one, other) if one.side is Party.SELLER else (other, one)
    allowed = tolerance_of(seller.cash, seller.amount_minor, seller.settlement_day, table)
    return abs(seller.amount_minor - buyer.amount_minor) <= allowed


def agreed_amount(one: OneSide, other: OneSide) -> int:
    """Return the amount at which two sides that agree settle: the seller's."""
    return one.amount_minor if one.side is Party.SELLER else other.amount_minor


class Unmatched:
    """The instructions that wait for the other side, by the numbers of their settlements; a lower
    number is an older instruction."""

    __slots__ = ("_groups", "_of_party", "_sides", "_table")

    def __init__(self, table: tuple[Tolerance, ...] = TOLERANCES) -> None:
        self._table = table
        self._sides: dict[int, OneSide] = {}
        self._groups: dict[tuple[object, ...], _ByAmount] = {}
        self._of_party: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._sides)

    def __contains__(self, number: int) -> bool:
        return number in self._sides

    def count_of(self, party: str) -> int:
        """Return how many instructions of a party wait."""
        return self._of_party[party]

    def add(self, number: int, side: OneSide) -> None:
        """Let an instruction wait."""
        self._sides[number] = side
        self._of_party[side.party] += 1
        for key in _kept_under(side):
            self._groups.setdefault(key, _ByAmount()).add(side.amount_minor, number)

    def remove(self, number: int) -> None:
        """Let go an instruction that was matched or cancelled; one that does not wait is none."""
        side = self._sides.pop(number, None)
        if side is None:
            return
        self._of_party[side.party] -= 1
        if not self._of_party[side.party]:
            del self._of_party[side.party]
        for key in _kept_under(side):
            group = self._groups[key]
            group.remove(side.amount_minor, number)
            if not group:
                del self._groups[key]

    def oldest_agreeing(self, side: OneSide) -> int | None:
        """Return the number of the oldest instruction that agrees with this one."""
        reaches = self._reaches(side)
        best: int | None = None
        for key in _sought_under(side):
            group = self._groups.get(key)
            if group is None:
                continue
            for least, most in reaches:
                found = min(group.between(least, most), default=None)
                if found is not None and (best is None or found < best):
                    best = found
        return best

    def _reaches(self, side: OneSide) -> list[tuple[int, int]]:
        """Return between which amounts each of the other side agrees: none is looked at in vain, or
        who leaves thousands that do not could make every look a long one. The tolerance goes by the
        seller's amount."""
        amount_minor = side.amount_minor
        if side.side is Party.SELLER:
            allowed = tolerance_of(side.cash, amount_minor, side.settlement_day, self._table)
            return [(amount_minor - allowed, amount_minor + allowed)]
        reaches, beyond = [], 0
        for row in _valid(side.cash, side.settlement_day, self._table):
            least = max(beyond, amount_minor - row.tolerance_minor)
            most = min(row.up_to_minor, amount_minor + row.tolerance_minor)
            if least <= most:
                reaches.append((least, most))
            beyond = row.up_to_minor + 1
        if amount_minor >= beyond:
            reaches.append((amount_minor, amount_minor))
        return reaches


class _ByAmount:
    """Numbers by amount: of each amount the oldest stands first."""

    __slots__ = ("_amounts", "_at")

    def __init__(self) -> None:
        self._amounts: list[int] = []
        self._at: dict[int, OrderedDict[int, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._amounts)

    def add(self, amount_minor: int, number: int) -> None:
        """Keep a number, which is higher than those kept before."""
        if amount_minor not in self._at:
            insort(self._amounts, amount_minor)
            self._at[amount_minor] = OrderedDict()
        self._at[amount_minor][number] = None

    def remove(self, amount_minor: int, number: int) -> None:
        """Keep it no longer."""
        numbers = self._at[amount_minor]
        del numbers[number]
        if not numbers:
            del self._at[amount_minor]
            del self._amounts[bisect_left(self._amounts, amount_minor)]

    def between(self, least: int, most: int) -> Iterator[int]:
        """Yield the oldest number of each amount from `least` to `most`."""
        amounts = self._amounts
        for index in range(bisect_left(amounts, least), bisect_right(amounts, most)):
            yield next(iter(self._at[amounts[index]]))


def _kept_under(side: OneSide) -> tuple[tuple[object, ...], ...]:
    """Return where an instruction is kept: with its trade id, and, where it gives one, also with
    all that give any, for who gives none."""
    group = (side.side, *side.mandatory)
    if side.trade_id:
        return ((*group, side.trade_id), (*group, None))
    return ((*group, ""),)


def _sought_under(side: OneSide) -> tuple[tuple[object, ...], ...]:
    """Return where those stand that may agree with an instruction."""
    group = (side.side.other, *side.mandatory)
    return ((*group, ""), (*group, side.trade_id or None))


def _valid(cash: str, day: int, table: tuple[Tolerance, ...]) -> list[Tolerance]:
    """Return the rows that count on a day, the smallest amounts first."""
    since = max(
        (row.valid_from for row in table if row.cash == cash and row.valid_from <= day),
        default=None,
    )
    return sorted(
        (row for row in table if row.cash == cash and row.valid_from == since),
        key=lambda row: row.up_to_minor,
    )
