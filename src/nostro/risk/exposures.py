"""Who owes whom how much before it is final, who has paid and not received, and how concentrated is
it?

Pure functions over plain rows, in exact integers; shares are millionths, rounded down.

Settlement (Herstatt) risk is counted by the phases of BCBS 241, guideline 2: a bank that has paid
irrevocably in one currency waits for another. Our settlements are final when all pay-ins are in and
no pay-out leaves before, so we are never out of money ourselves: the risk is that of the bank that
waits, until its pay-out has settled. A bank's pay-out counts whole when it paid in any other
currency in the same settlement, which is an upper bound: netting leaves no pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from nostro.risk.state import USED_SCOPES, Holder, Scope
from nostro.risk.views import ExposureView, LimitView, SettlementLeg

MILLION = 1_000_000
TOP = 5
"""How many of the largest a share is told of."""
MINUTE_US = 60_000_000
BUCKETS_MINUTES = (15, 60, 240, 1_440)
"""Ends of the time buckets: a retry on another rail, an hour, a rail's half day, a day."""


class Phase(StrEnum):
    """How sure it is that what is awaited comes: it is under way; nobody knows whether it moved;
    its last attempt failed."""

    IRREVOCABLE = "irrevocable"
    UNCERTAIN = "uncertain"
    FAILED = "failed"


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What has been awaited for at least `from_minutes` and for less than `to_minutes` (None: any
    time), in minor units."""

    from_minutes: int
    to_minutes: int | None
    amount_minor: int


class Herstatt(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant paid for in another currency and has not received."""

    total_minor: int
    irrevocable_minor: int
    uncertain_minor: int
    failed_minor: int
    buckets: list[Bucket]


class Bilateral(msgspec.Struct, frozen=True, kw_only=True):
    """Open payments between a participant and one other: what it owes, what it is owed in the same
    currency, and the difference (positive: it owes)."""

    counterparty: str
    owes_minor: int
    owes_count: int
    owed_minor: int
    net_minor: int


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """Open payments of a participant in a currency.

    `owes_minor`: gross; `owed_minor`: what others owe it that arrives in the same currency.
    `bilateral_net_minor`: what it owes when each pair sets off; `net_minor`: when all set off
    (negative: it is owed).
    """

    participant: str
    currency: str
    owes_minor: int
    owes_count: int
    owed_minor: int
    bilateral_net_minor: int
    net_minor: int
    counterparties: list[Bilateral]
    herstatt: Herstatt


class Concentration(msgspec.Struct, frozen=True, kw_only=True):
    """All open payments of a currency: gross, set off pair by pair, and set off among all; the
    Herfindahl-Hirschman index and the share of the largest five of what payers owe gross."""

    currency: str
    gross_minor: int
    count: int
    bilateral_net_minor: int
    multilateral_net_minor: int
    payers: int
    hhi_ppm: int
    top5_ppm: int


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a limit is used. `used_ppm` is None for a limit without use that adds up, and
    for one of zero."""

    limit: LimitView
    used_minor: int | None
    used_ppm: int | None


NO_HERSTATT = Herstatt(
    total_minor=0, irrevocable_minor=0, uncertain_minor=0, failed_minor=0, buckets=[]
)


# -- exposures -------------------------------------------------------------------------------------


def exposures(
    rows: Iterable[ExposureView], legs: Iterable[SettlementLeg] = (), *, at_us: int = 0
) -> list[Exposure]:
    """Return the exposure of every participant in every currency, by currency and participant.

    `rows` are to hold both sides of each pair. `at_us`: the time at which legs are looked at.
    """
    owes, owed = _by_pair(rows)
    waiting = herstatt(legs, at_us=at_us)
    keys = {(payer, currency) for payer, _, currency in owes}
    keys |= {(payee, currency) for payee, _, currency in owed}
    keys |= waiting.keys()
    others: dict[tuple[str, str], set[str]] = {key: set() for key in keys}
    for participant, counterparty, currency in [*owes, *owed]:
        others[participant, currency].add(counterparty)
    return [
        _exposure(
            participant,
            currency,
            [
                _bilateral(counterparty, owes, owed, (participant, counterparty, currency))
                for counterparty in sorted(others[participant, currency])
            ],
            waiting.get((participant, currency), NO_HERSTATT),
        )
        for participant, currency in sorted(keys, key=lambda key: (key[1], key[0]))
    ]


def _by_pair(
    rows: Iterable[ExposureView],
) -> tuple[dict[Holder, tuple[int, int]], dict[Holder, int]]:
    """Return what each owes each other (sum and number), and what of it the other can set off."""
    owes: dict[Holder, tuple[int, int]] = {}
    owed: dict[Holder, int] = {}
    for row in rows:
        there = (row.payer, row.payee, row.currency)
        before = owes.get(there, (0, 0))
        owes[there] = (before[0] + row.open_minor, before[1] + row.open_count)
        if row.offset_minor:
            back = (row.payee, row.payer, row.currency)
            owed[back] = owed.get(back, 0) + row.offset_minor
    return owes, owed


def _bilateral(
    counterparty: str,
    owes: dict[Holder, tuple[int, int]],
    owed: dict[Holder, int],
    pair: Holder,
) -> Bilateral:
    amount_minor, count = owes.get(pair, (0, 0))
    back_minor = owed.get(pair, 0)
    return Bilateral(
        counterparty=counterparty,
        owes_minor=amount_minor,
        owes_count=count,
        owed_minor=back_minor,
        net_minor=amount_minor - back_minor,
    )


def _exposure(
    participant: str, currency: str, pairs: list[Bilateral], waiting: Herstatt
) -> Exposure:
    return Exposure(
        participant=participant,
        currency=currency,
        owes_minor=sum(pair.owes_minor for pair in pairs),
        owes_count=sum(pair.owes_count for pair in pairs),
        owed_minor=sum(pair.owed_minor for pair in pairs),
        bilateral_net_minor=sum(max(0, pair.net_minor) for pair in pairs),
        net_minor=sum(pair.net_minor for pair in pairs),
        counterparties=pairs,
        herstatt=waiting,
    )


def concentrations(found: Iterable[Exposure]) -> list[Concentration]:
    """Return the sums and the concentration of each currency, in the order of their codes; `found`
    is to hold all participants of a currency."""
    by_currency: dict[str, list[Exposure]] = {}
    for each in found:
        by_currency.setdefault(each.currency, []).append(each)
    return [
        Concentration(
            currency=currency,
            gross_minor=sum(each.owes_minor for each in all),
            count=sum(each.owes_count for each in all),
            bilateral_net_minor=sum(each.bilateral_net_minor for each in all),
            multilateral_net_minor=sum(max(0, each.net_minor) for each in all),
            payers=sum(each.owes_minor > 0 for each in all),
            hhi_ppm=hhi_ppm([each.owes_minor for each in all]),
            top5_ppm=top_ppm([each.owes_minor for each in all]),
        )
        for currency, all in sorted(by_currency.items())
    ]


def hhi_ppm(amounts: Sequence[int]) -> int:
    """Return the sum of the squares of the shares: 1,000,000 when one has all, 0 for nothing."""
    total = sum(amounts)
    return sum(amount * amount for amount in amounts) * MILLION // (total * total) if total else 0


def top_ppm(amounts: Sequence[int], top: int = TOP) -> int:
    """Return the share of the largest amounts; 0 for nothing."""
    total = sum(amounts)
    return sum(sorted(amounts, reverse=True)[:top]) * MILLION // total if total else 0


# -- paid and not received -------------------------------------------------------------------------

_ON_ITS_WAY = frozenset({"sent", "asked", "settled"})
"""States of a pay-in that its payer cannot take back."""
_OVER = frozenset({"failed", "reversed"})


def herstatt(legs: Iterable[SettlementLeg], *, at_us: int) -> dict[tuple[str, str], Herstatt]:
    """Return what each participant awaits in each currency after it paid in another, by
    participant and currency."""
    by_settlement: dict[tuple[str, str], list[SettlementLeg]] = {}
    for leg in legs:
        by_settlement.setdefault((leg.settlement_id, leg.participant_id), []).append(leg)
    waits: dict[tuple[str, str], list[tuple[Phase, int, int]]] = {}
    for (_, participant), all in sorted(by_settlement.items()):
        for leg in all:
            since_us = _paid_since(leg, all)
            if since_us is not None:
                held = (_phase(leg.state), max(0, at_us - since_us), leg.amount_minor)
                waits.setdefault((participant, leg.currency), []).append(held)
    return {key: _summed(held) for key, held in waits.items()}


def _paid_since(leg: SettlementLeg, all: Sequence[SettlementLeg]) -> int | None:
    """Return when what a leg is awaited for was paid, None when it is not awaited: it has come, it
    is of the currency that was paid, nothing was paid yet, or what was paid goes back."""
    if leg.direction != "out" or leg.state == "settled" or leg.settlement_state in _OVER:
        return None
    if leg.paid_currency:  # a gross payment: its payer's money is ours for good with finality
        return leg.secured_at_us if leg.paid_currency != leg.currency else None
    paid = [
        other.changed_at_us
        for other in all
        if other.direction == "in" and other.currency != leg.currency and other.state in _ON_ITS_WAY
    ]
    return min(paid) if paid else None


def _phase(state: str) -> Phase:
    if state == "failed":
        return Phase.FAILED
    return Phase.UNCERTAIN if state == "asked" else Phase.IRREVOCABLE


def _summed(held: Sequence[tuple[Phase, int, int]]) -> Herstatt:
    def of(phase: Phase) -> int:
        return sum(amount_minor for each, _, amount_minor in held if each is phase)

    ends = [end * MINUTE_US for end in BUCKETS_MINUTES]
    amounts = [0] * (len(ends) + 1)
    for _, age_us, amount_minor in held:
        amounts[sum(age_us >= end for end in ends)] += amount_minor
    starts = (0, *BUCKETS_MINUTES)
    return Herstatt(
        total_minor=sum(amounts),
        irrevocable_minor=of(Phase.IRREVOCABLE),
        uncertain_minor=of(Phase.UNCERTAIN),
        failed_minor=of(Phase.FAILED),
        buckets=[
            Bucket(from_minutes=start, to_minutes=end, amount_minor=amount_minor)
            for start, end, amount_minor in zip(
                starts, (*BUCKETS_MINUTES, None), amounts, strict=True
            )
        ],
    )


# -- limits ----------------------------------------------------------------------------------------


def limit_uses(limits: Iterable[LimitView], rows: Iterable[ExposureView]) -> list[LimitUse]:
    """Return how much of each limit is used; `rows` are to hold all that counts against them."""
    owed: dict[Holder, int] = {}
    between: dict[Holder, int] = {}
    totals: dict[Holder, int] = {}
    for row in rows:
        payer, payee, currency = row.payer, row.payee, row.currency
        for sums, key, added_minor in (
            (owed, (payer, "", currency), row.open_minor),
            (owed, (payee, "", currency), -row.offset_minor),
            (between, (payer, payee, currency), row.open_minor),
            (between, (payee, payer, currency), -row.offset_minor),
            (totals, ("", "", currency), row.open_minor),
        ):
            sums[key] = sums.get(key, 0) + added_minor
    by_scope = dict(zip(USED_SCOPES, (owed, between, totals), strict=True))
    found = []
    for limit in limits:
        sums_of = by_scope.get(Scope(limit.scope))
        holder = (limit.participant, limit.counterparty, limit.currency)
        used = None if sums_of is None else sums_of.get(holder, 0)
        found.append(LimitUse(limit=limit, used_minor=used, used_ppm=_share(used, limit)))
    return found


def _share(used_minor: int | None, limit: LimitView) -> int | None:
    if used_minor is None or not limit.amount_minor:
        return None
    return max(0, used_minor) * MILLION // limit.amount_minor
