"""What does a day of failing cost, and whom?

Classes and rates follow the annex of Delegated Regulation (EU) 2017/389, charged since 1 February
2022 under the regulation on settlement discipline, from field notes and common knowledge: they were
not held against the regulation's page, and whoever charges by them checks them first, or says
better with SetPenaltyRate. A basis point is 100 parts per million. Who lacks cash pays by what the
central bank takes for overnight credit, a year of 360 days, rounded down to parts per million of a
day. Every penalty is rounded half up to the minor unit of the cash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from nostro.settlement.events import Penalty
from nostro.settlement.terms import Party, PenaltyKind, Reason

PPM = 1_000_000
DISCIPLINE_BEGINS = date(2022, 2, 1).toordinal()

RateTable = Mapping[str, Mapping[int, int]]
"""Parts per million of what failed, a day, by class and the day from which it counts."""

SECURITIES_RATES: RateTable = {
    "liquid_shares": {DISCIPLINE_BEGINS: 100},
    "illiquid_shares": {DISCIPLINE_BEGINS: 50},
    "sme_growth": {DISCIPLINE_BEGINS: 25},
    "sovereign_debt": {DISCIPLINE_BEGINS: 10},
    "debt": {DISCIPLINE_BEGINS: 20},
    "sme_growth_debt": {DISCIPLINE_BEGINS: 15},
    "other": {DISCIPLINE_BEGINS: 50},
}
"""Shares with and without a liquid market, other instruments of growth markets for small
companies, debt of sovereigns and the like, other debt, debt of growth markets, all the rest."""

CASH = "cash:"
_EUR_CREDIT_BP: Mapping[str, int] = {
    "2022-02-01": 25,
    "2022-07-27": 75,
    "2022-09-14": 150,
    "2022-11-02": 225,
    "2022-12-21": 275,
    "2023-02-08": 325,
    "2023-03-22": 375,
    "2023-05-10": 400,
    "2023-06-21": 425,
    "2023-08-02": 450,
    "2023-09-20": 475,
    "2024-06-12": 450,
    "2024-09-18": 390,
    "2024-10-23": 365,
    "2024-12-18": 340,
    "2025-02-05": 315,
    "2025-03-12": 290,
    "2025-04-23": 265,
    "2025-06-11": 240,
}
"""The marginal lending facility of the European Central Bank, basis points a year, from when on."""
CASH_RATES: RateTable = {
    f"{CASH}EUR": {
        date.fromisoformat(since).toordinal(): year_bp * 100 // 360
        for since, year_bp in _EUR_CREDIT_BP.items()
    },
}
"""Who lacks another cash asset pays nothing until a rate is said for it."""
RATES: RateTable = {**SECURITIES_RATES, **CASH_RATES}

NONE_SAID: RateTable = {}


def is_class(name: str) -> bool:
    """Tell whether an instrument can be of a penalty class."""
    return name in SECURITIES_RATES


def is_rated(name: str) -> bool:
    """Tell whether a rate can be said for a class: of securities, or `cash:` and an asset."""
    return is_class(name) or (name.startswith(CASH) and len(name) > len(CASH))


def rate_ppm(penalty_class: str, day: int, said: RateTable = NONE_SAID) -> int:
    """Return what a day of failing costs, in parts per million of what failed: the newest rate that
    counts by then, of those that were `said` (SetPenaltyRate) and those known here; of the same
    day, what was said. 0 when there is none yet."""
    rates = {**RATES.get(penalty_class, {}), **said.get(penalty_class, {})}
    return rates.get(max((since for since in rates if since <= day), default=-1), 0)


def failing_sides(reason: Reason | None, held: Sequence[Party] = ()) -> tuple[Party, ...]:
    """Return who keeps a settlement from settling: who holds it back, or who lacks something; none
    when it is neither side's doing."""
    if held:
        return tuple(side for side in Party if side in held)
    match reason:
        case Reason.LACK_OF_SECURITIES:
            return (Party.SELLER,)
        case Reason.LACK_OF_CASH:
            return (Party.BUYER,)
        case _:
            return ()


class Fail(msgspec.Struct, frozen=True):
    """A settlement that is past its day: what is open of its cash, `amount_minor`, the class of its
    security, and whether it is cash that lacks."""

    settlement: int
    failing: Party
    cash: str
    amount_minor: int
    penalty_class: str
    lacks_cash: bool = False


def fail_penalty(fail: Fail, day: int, said: RateTable = NONE_SAID) -> Penalty | None:
    """Return what the failing side owes for not settling on a settlement day (SEFP); None when that
    is nothing."""
    penalty_class = f"{CASH}{fail.cash}" if fail.lacks_cash else fail.penalty_class
    return _penalty(PenaltyKind.SEFP, fail, day, rate_ppm(penalty_class, day, said))


def late_matching_penalties(
    fail: Fail, days: Iterable[int], said: RateTable = NONE_SAID
) -> list[Penalty]:
    """Return what the side that instructed last owes for each settlement day from the intended one
    to the day before it matched (LMFP), by the class of the security."""
    owed = (
        _penalty(PenaltyKind.LMFP, fail, day, rate_ppm(fail.penalty_class, day, said))
        for day in days
    )
    return [penalty for penalty in owed if penalty is not None]


def _penalty(penalty: PenaltyKind, fail: Fail, day: int, rate: int) -> Penalty | None:
    amount_minor = (fail.amount_minor * rate + PPM // 2) // PPM
    if not amount_minor:
        return None
    return Penalty(fail.settlement, day, penalty, fail.failing, fail.cash, amount_minor, rate)
