"""The same answers, slowly: everything is tried, or added up one by one in fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from math import floor

from nostro.netting import Caps, Obligation, Tariff
from tests.rooms.netting.algorithms.cycles import PER_USD

Nets = dict[tuple[str, str], int]


def in_usd(currency: str) -> Fraction:
    """What one minor unit is worth in cents."""
    return Fraction(*PER_USD.get(currency, (1, 1)))


def received(o: Obligation) -> int:
    """The destination amount, rounded down."""
    exact = o.amount_minor * in_usd(o.source_currency) / in_usd(o.destination_currency)
    return floor(exact)


def nets(obligations: Sequence[Obligation]) -> Nets:
    """Net positions, zero ones left out."""
    sums: Nets = {}
    for o in obligations:
        giver, taker = (o.payer, o.source_currency), (o.payee, o.destination_currency)
        sums[giver] = sums.get(giver, 0) - o.amount_minor
        sums[taker] = sums.get(taker, 0) + received(o)
    return {node: amount for node, amount in sums.items() if amount}


def longs(obligations: Sequence[Obligation]) -> dict[str, int]:
    """What the platform takes in beyond what it pays out."""
    sums: dict[str, int] = {}
    for (_, currency), amount in nets(obligations).items():
        sums[currency] = sums.get(currency, 0) - amount
    return {currency: amount for currency, amount in sums.items() if amount}


def gross_cost(obligations: Sequence[Obligation], tariff: Tariff) -> Fraction:
    """In cents: each payment alone."""
    cost = Fraction(0)
    for o in obligations:
        (spread,) = (
            tariff.table([o.source_currency, o.destination_currency])[0][1:]
            if o.source_currency != o.destination_currency
            else (0,)
        )
        cost += o.amount_minor * in_usd(o.source_currency) * Fraction(spread, 10**6)
        cost += tariff.wire_minor
    return cost


def cheapest_flow_cost(supply: Sequence[int], spreads: Sequence[Sequence[int]]) -> int:
    """Every way to send units from those who have to those who lack, over shortest paths."""
    size = len(supply)
    near = [list(row) for row in spreads]
    for middle, one, other in product(range(size), repeat=3):
        near[one][other] = min(near[one][other], near[one][middle] + near[middle][other])

    @cache
    def least(left: tuple[int, ...]) -> int:
        giver = next((place for place, amount in enumerate(left) if amount > 0), None)
        if giver is None:
            return 0
        return min(
            near[giver][taker] + least(_moved(left, giver, taker))
            for taker, amount in enumerate(left)
            if amount < 0
        )

    return least(tuple(supply))


def _moved(left: tuple[int, ...], giver: int, taker: int) -> tuple[int, ...]:
    changed = list(left)
    changed[giver] -= 1
    changed[taker] += 1
    return tuple(changed)


def least_wire_cost(obligations: Sequence[Obligation], tariff: Tariff) -> Fraction:
    """In cents: every way to leave some gross and net the rest."""
    shared = Fraction(tariff.wire_minor * (10**6 - tariff.consolidation_ppm), 10**6)
    return min(
        sum(alone) * tariff.wire_minor
        + shared
        * len(nets([o for o, single in zip(obligations, alone, strict=True) if not single]))
        for alone in product((False, True), repeat=len(obligations))
    )


def fewest_transfers(amounts: Sequence[int]) -> int:
    """Settle the first open position against every other one, and count the fewest wires."""

    @cache
    def least(left: tuple[int, ...]) -> int:
        if not left:
            return 0
        first, rest = left[0], left[1:]
        return 1 + min(
            least(tuple(sorted(a for a in (*rest[:n], rest[n] + first, *rest[n + 1 :]) if a)))
            for n in range(len(rest))
            if rest[n] * first < 0
        )

    return least(tuple(sorted(amount for amount in amounts if amount)))


def broken(obligations: Sequence[Obligation], caps: Caps) -> list[str]:
    """The caps that these payments break together, in words."""
    owed, toward, out = _owed(obligations)
    found = [f"{p} {c}" for p, c, cap in caps.net_debit if owed.get((p, c), 0) > max(0, cap)]
    found += [
        f"{p} {q} {c}" for p, q, c, cap in caps.bilateral if toward.get((p, q, c), 0) > max(0, cap)
    ]
    return found + [c for c, cap in caps.platform if out.get(c, 0) > max(0, cap)]


def _owed(
    obligations: Sequence[Obligation],
) -> tuple[Mapping[tuple[str, str], int], Mapping[tuple[str, str, str], int], Mapping[str, int]]:
    owed: dict[tuple[str, str], int] = {}
    toward: dict[tuple[str, str, str], int] = {}
    out: dict[str, int] = {}
    for o in obligations:
        p, s, q, d = o.payer, o.source_currency, o.payee, o.destination_currency
        owed[p, s] = owed.get((p, s), 0) + o.amount_minor
        owed[q, d] = owed.get((q, d), 0) - received(o)
        toward[p, q, s] = toward.get((p, q, s), 0) + o.amount_minor
        toward[q, p, d] = toward.get((q, p, d), 0) - received(o)
        out[s] = out.get(s, 0) - o.amount_minor
        out[d] = out.get(d, 0) + received(o)
    return owed, toward, out


def best_worth(obligations: Sequence[Obligation], caps: Caps, worth: Sequence[int]) -> int:
    """Every selection, and the most that one which keeps the caps is worth."""
    best = 0
    for inside in product((False, True), repeat=len(obligations)):
        chosen = [o for o, settles in zip(obligations, inside, strict=True) if settles]
        if not broken(chosen, caps):
            best = max(best, sum(w for w, settles in zip(worth, inside, strict=True) if settles))
    return best
