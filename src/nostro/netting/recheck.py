"""Is a plan what it says: complete, at the frozen rates, squared, within the caps, no loss?

Everything is counted again in plain integers, one payment after the other, without the arrays that
the plan was made with.

What trades may leave: payments are rounded to units, trades too. With X the positions that they
square, each currency's rest is worth at most |value of all X| (what rounding of payments left) plus
what each trade's two sides differ by in value, plus one most valuable unit for each trade and each
currency. Each trade itself is at mid to within one unit of either side for each payment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.netting.commands import CostReport, FxTrade, Obligation, Plan, Position
from nostro.netting.conversion import REPORT_CURRENCY, Mid
from nostro.netting.costs import PPM, Tariff, cents, value_cents
from nostro.netting.events import BatchItem
from nostro.netting.state import Cycle

REPORTED = (
    "currency",
    "gross_cost_minor",
    "cost_minor",
    "wires_before",
    "wires_after",
    "fx_gross_minor",
    "fx_volume_minor",
    "saving_ppm",
)
"""What of a report is counted again; the rest tells of ways not taken and of bounds."""


class PlanWrong(Exception):
    """A plan is not what it says: `where`, and the facts."""

    def __init__(self, where: str, **facts: Any) -> None:
        super().__init__(where)
        self.facts = {"where": where, **facts}


class Checked(msgspec.Struct, frozen=True):
    """What a plan comes to: payments that settle, in the cycle's order, and those of them that do
    on a wire of their own (id, payee, currency, amount)."""

    items: list[BatchItem]
    gross: list[tuple[str, str, str, int]]


class _Sums(msgspec.Struct):
    """What the payments that settle come to."""

    items: list[BatchItem] = []
    gross: list[tuple[str, str, str, int]] = []
    netted: dict[tuple[str, str], int] = {}
    """(participant, currency): what the netted ones leave it to receive."""
    owed: dict[tuple[str, str], int] = {}
    """(participant, currency): what it pays minus what it receives, netted and gross."""
    between: dict[tuple[str, str, str], int] = {}
    longs: dict[str, int] = {}
    """Currency: what is paid to us minus what we pay."""
    sold: dict[tuple[str, str], int] = {}
    """Pair of two currencies: what is paid of the first."""


def check(cycle: Cycle, plan: Plan, tariff: Tariff) -> Checked:
    """Return what the plan comes to; raises PlanWrong, and Rejection `netting.rate_missing`."""
    settling = _settling(cycle, plan)
    mid = Mid(plan.rate_set)
    sums = _summed(settling, frozenset(plan.gross), mid)
    if cycle.gross and len(sums.gross) != len(sums.items):
        raise PlanWrong("gross", netted=len(sums.items) - len(sums.gross))
    _check_positions(plan.positions, sums)
    _check_trades(plan.fx_trades, sums, mid)
    if not cycle.gross:
        _check_caps(cycle, sums)
    _check_report(plan, sums, mid, tariff)
    return Checked(sums.items, sums.gross)


def _settling(cycle: Cycle, plan: Plan) -> Sequence[Obligation]:
    """Return the payments that are not deferred, once each is known to be in one place only."""
    obligations = cycle.obligations
    gross = frozenset(plan.gross)
    deferred = frozenset(each for each, _ in plan.deferred)
    if gross & deferred:
        raise PlanWrong("membership", twice=min(gross & deferred))
    if not gross and not deferred:
        if plan.gross or plan.deferred:
            raise PlanWrong("membership", list="gross")
        return obligations
    named = [each.transaction_id for each in obligations]
    if [each for each in named if each in gross] != plan.gross:
        raise PlanWrong("membership", list="gross")
    if [each for each in named if each in deferred] != [each for each, _ in plan.deferred]:
        raise PlanWrong("membership", list="deferred")
    if not all(reason for _, reason in plan.deferred):
        raise PlanWrong("membership", list="deferred", reason="")
    return [each for each in obligations if each.transaction_id not in deferred]


def _summed(settling: Sequence[Obligation], gross: frozenset[str], mid: Mid) -> _Sums:
    sums = _Sums()
    netted, owed, between, longs, sold = (
        sums.netted,
        sums.owed,
        sums.between,
        sums.longs,
        sums.sold,
    )
    rates: dict[tuple[str, str], tuple[int, int]] = {}
    for each in settling:
        payer, payee, amount = each.payer, each.payee, each.amount_minor
        source, target = each.source_currency, each.destination_currency
        received = amount
        if source != target:
            pair = (source, target)
            fraction = rates.get(pair)
            if fraction is None:
                rate = mid.rate(source, target)
                fraction = rates[pair] = rate.numerator, rate.denominator
            received = amount * fraction[0] // fraction[1]
            if not received:
                raise PlanWrong("amount", transaction_id=each.transaction_id)
            sold[pair] = sold.get(pair, 0) + amount
        name = each.transaction_id
        item = BatchItem(name, payer, source, amount, payee, target, received, each.retries)
        sums.items.append(item)
        giver, taker = (payer, source), (payee, target)
        if name in gross:
            sums.gross.append((name, payee, target, received))
        else:
            netted[giver] = netted.get(giver, 0) - amount
            netted[taker] = netted.get(taker, 0) + received
        owed[giver] = owed.get(giver, 0) + amount
        owed[taker] = owed.get(taker, 0) - received
        there, back = (payer, payee, source), (payee, payer, target)
        between[there] = between.get(there, 0) + amount
        between[back] = between.get(back, 0) - received
        longs[source] = longs.get(source, 0) + amount
        longs[target] = longs.get(target, 0) - received
    return sums


def _check_positions(positions: Sequence[Position], sums: _Sums) -> None:
    expected = [
        Position(participant, currency, net_minor)
        for (participant, currency), net_minor in sorted(sums.netted.items())
        if net_minor
    ]
    if expected != positions:
        wrong = next(
            (one for one, other in zip(expected, positions, strict=False) if one != other), None
        )
        facts = (
            {} if wrong is None else {"participant": wrong.participant, "currency": wrong.currency}
        )
        raise PlanWrong("positions", count=len(positions), expected=len(expected), **facts)


def _check_trades(trades: Sequence[FxTrade], sums: _Sums, mid: Mid) -> None:
    rests = dict(sums.longs)
    drift = 0
    payments = len(sums.items)
    for trade in trades:
        one, other = trade.sell_currency, trade.buy_currency
        sold, bought = trade.sell_minor, trade.buy_minor
        if sold <= 0 or bought <= 0 or one == other or not rests:
            raise PlanWrong("fx_trades", sell_currency=one, buy_currency=other)
        rate = mid.rate(one, other)
        n, d = rate.numerator, rate.denominator
        if abs(bought * d - sold * n) > (payments + 1) * (n + d):
            raise PlanWrong("fx_trades", sell_currency=one, buy_currency=other, rate="not mid")
        rests[one] = rests.get(one, 0) - sold
        rests[other] = rests.get(other, 0) + bought
        drift += abs(sold * mid.unit_value(one) - bought * mid.unit_value(other))
    units = {currency: mid.unit_value(currency) for currency in rests}
    excess = abs(sum(amount * units[currency] for currency, amount in sums.longs.items()))
    steps = (len(trades) + len(rests)) * max(units.values(), default=0)
    for currency, rest in sorted(rests.items()):
        if abs(rest) * units[currency] > excess + drift + steps:
            raise PlanWrong("fx_position", currency=currency, rest_minor=rest)


def _check_caps(cycle: Cycle, sums: _Sums) -> None:
    """A cap below zero counts as zero; what is owed net is never below zero in a cap's sense."""
    caps = cycle.caps
    for participant, currency, cap in caps.net_debit:
        if sums.owed.get((participant, currency), 0) > max(0, cap):
            raise PlanWrong("net_debit_cap", participant=participant, currency=currency)
    for payer, payee, currency, cap in caps.bilateral:
        if sums.between.get((payer, payee, currency), 0) > max(0, cap):
            raise PlanWrong(
                "bilateral_limit", participant=payer, counterparty=payee, currency=currency
            )
    for currency, cap in caps.platform:
        if -sums.longs.get(currency, 0) > max(0, cap):
            raise PlanWrong("platform_liquidity", currency=currency)


def _check_report(plan: Plan, sums: _Sums, mid: Mid, tariff: Tariff) -> None:
    report, count = plan.report, len(sums.items)
    traded = {trade.sell_currency for trade in plan.fx_trades}
    traded |= {trade.buy_currency for trade in plan.fx_trades}
    currencies = sorted(traded | sums.longs.keys())
    table = tariff.table(currencies)
    place = {currency: number for number, currency in enumerate(currencies)}
    value = gross = volume = cost = 0
    for (source, target), amount in sums.sold.items():
        worth = amount * mid.unit_value(source)
        value += worth
        gross += worth * table[place[source]][place[target]]
    for trade in plan.fx_trades:
        worth = trade.sell_minor * mid.unit_value(trade.sell_currency)
        volume += worth
        cost += worth * table[place[trade.sell_currency]][place[trade.buy_currency]]
    gross += count * tariff.wire_cost
    wires = len(plan.positions) + len(sums.gross)
    cost += len(plan.positions) * tariff.consolidated_cost + len(sums.gross) * tariff.wire_cost
    if cost > gross:
        raise PlanWrong("cost", cost_minor=cents(cost), gross_cost_minor=cents(gross))
    expected = (
        REPORT_CURRENCY,
        cents(gross),
        cents(cost),
        count,
        wires,
        value_cents(value),
        value_cents(volume),
        (gross - cost) * PPM // gross if gross else 0,
    )
    for name, figure in zip(REPORTED, expected, strict=True):
        if getattr(report, name) != figure:
            raise PlanWrong("report", figure=name, told=getattr(report, name), expected=figure)
    if not report.lower_bound_minor <= report.cost_minor or report.gap_ppm < 0:
        raise PlanWrong("report", figure="lower_bound_minor")


REPORT_OF_NOTHING = CostReport(REPORT_CURRENCY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "deferred", 0)
"""What a plan costs in which every payment waits."""
