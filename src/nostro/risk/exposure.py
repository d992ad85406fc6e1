"""Which payments fit under the limits, and by how much does that change what is open?

The limits hold at every prefix: each payment is held against them with all that are open and all
that were taken before it in the same command. Most commands are far from every limit, so first the
whole command is held against them as if nothing in it offset anything; only if that does not fit
are its payments taken one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nostro.risk.commands import Reservation
from nostro.risk.events import Change
from nostro.risk.state import NOTHING, Lane, RiskState, Scope

Sums = dict[Lane, list[int]]
"""Sum, number and offsetting part of the payments of a command, by lane."""
Refusal = tuple[str, str, dict[str, Any]]
"""Transaction id, code and facts."""


def summed(items: Iterable[Reservation]) -> Sums:
    """Return the sums of payments by lane, in the order in which lanes are first met."""
    sums: Sums = {}
    find = sums.get
    for item in items:
        currency, amount_minor = item.currency, item.amount_minor
        destination = item.destination_currency
        lane = (item.payer, item.payee, currency)
        held = find(lane)
        if held is None:
            held = sums[lane] = [0, 0, 0]
        held[0] += amount_minor
        held[1] += 1
        if not destination or destination == currency:
            held[2] += amount_minor
    return sums


def changes_of(sums: Sums) -> list[Change]:
    """Return the changes that add these sums."""
    return [
        Change(payer, payee, currency, amount_minor, count, offset_minor)
        for (payer, payee, currency), (amount_minor, count, offset_minor) in sums.items()
    ]


def released(state: RiskState, items: Sequence[Reservation]) -> list[Change]:
    """Return the changes that take payments away; more than is open is a bug of the caller."""
    changes = []
    for lane, (amount_minor, count, offset_minor) in summed(items).items():
        is_open = state.open.get(lane, NOTHING)
        enough = amount_minor <= is_open[0] and count <= is_open[1] and offset_minor <= is_open[2]
        assert enough, f"released {lane}: {(amount_minor, count, offset_minor)} of {is_open}"
        emptied = count == is_open[1]
        whole = not emptied or (amount_minor, count, offset_minor) == is_open
        assert whole, f"released the last of {lane}: {(amount_minor, offset_minor)} of {is_open}"
        payer, payee, currency = lane
        changes.append(Change(payer, payee, currency, -amount_minor, -count, -offset_minor))
    return changes


def reserved(state: RiskState, items: Sequence[Reservation]) -> tuple[list[Change], list[Refusal]]:
    """Return the changes that the payments make which fit under the limits, and the others."""
    sums = summed(items)
    if _surely_fits(state, items, sums):
        return changes_of(sums), []
    taking = _Taking(state)
    refused: list[Refusal] = []
    taken: list[Reservation] = []
    for item in items:
        no = taking.refusal(item)
        if no is None:
            taking.take(item)
            taken.append(item)
        else:
            refused.append((item.transaction_id, *no))
    return changes_of(summed(taken)), refused


def _surely_fits(state: RiskState, items: Sequence[Reservation], sums: Sums) -> bool:
    """Tell whether every payment fits even if none of these offset another; False: perhaps not."""
    limits = state.limits
    net_debit, bilateral = limits[Scope.NET_DEBIT], limits[Scope.BILATERAL]
    by_currency, single = limits[Scope.CURRENCY], limits[Scope.SINGLE]
    if single and not _each_fits(single, items):
        return False
    if bilateral:
        for lane, held in sums.items():
            if lane in bilateral and state.between(*lane) + held[0] > bilateral[lane]:
                return False
    if by_currency or net_debit:
        return _sums_fit(state, sums)
    return True


def _each_fits(single: dict[Lane, int], items: Sequence[Reservation]) -> bool:
    find = single.get
    for item in items:
        currency, amount_minor = item.currency, item.amount_minor
        own, every = find((item.payer, "", currency)), find(("", "", currency))
        if (own is not None and amount_minor > own) or (every is not None and amount_minor > every):
            return False
    return True


def _sums_fit(state: RiskState, sums: Sums) -> bool:
    totals: dict[str, int] = {}
    owing: dict[tuple[str, str], int] = {}
    for (payer, _, currency), held in sums.items():
        totals[currency] = totals.get(currency, 0) + held[0]
        owing[payer, currency] = owing.get((payer, currency), 0) + held[0]
    by_currency = state.limits[Scope.CURRENCY]
    for currency, amount_minor in totals.items():
        limit = by_currency.get(("", "", currency))
        if limit is not None and state.totals.get(currency, 0) + amount_minor > limit:
            return False
    net_debit = state.limits[Scope.NET_DEBIT]
    for (payer, currency), amount_minor in owing.items():
        limit = net_debit.get((payer, "", currency))
        if limit is not None and state.owed.get((payer, currency), 0) + amount_minor > limit:
            return False
    return True


class _Taking:
    """Payments taken one by one: what they add to the state so far."""

    __slots__ = ("_between", "_owed", "_state", "_totals")

    def __init__(self, state: RiskState) -> None:
        self._state = state
        self._owed: dict[tuple[str, str], int] = {}
        self._between: dict[Lane, int] = {}
        self._totals: dict[str, int] = {}

    def refusal(self, item: Reservation) -> tuple[str, dict[str, Any]] | None:
        """Return why a payment does not fit, or None."""
        state, limits = self._state, self._state.limits
        payer, payee, currency = item.payer, item.payee, item.currency
        amount_minor = item.amount_minor
        for holder in ((payer, "", currency), ("", "", currency)):
            limit = limits[Scope.SINGLE].get(holder)
            if limit is not None and amount_minor > limit:
                return _no("risk.single_limit", item, limit)
        lane = (payer, payee, currency)
        limit = limits[Scope.BILATERAL].get(lane)
        if limit is not None:
            used = state.between(*lane) + self._between.get(lane, 0)
            if used + amount_minor > limit:
                return _no("risk.bilateral_limit", item, limit, used)
        limit = limits[Scope.NET_DEBIT].get((payer, "", currency))
        if limit is not None:
            debtor = (payer, currency)
            used = state.owed.get(debtor, 0) + self._owed.get(debtor, 0)
            if used + amount_minor > limit:
                return _no("risk.net_debit_cap", item, limit, used)
        limit = limits[Scope.CURRENCY].get(("", "", currency))
        if limit is not None:
            used = state.totals.get(currency, 0) + self._totals.get(currency, 0)
            if used + amount_minor > limit:
                return _no("risk.currency_limit", item, limit, used)
        return None

    def take(self, item: Reservation) -> None:
        """Count a payment that fits."""
        payer, payee, currency = item.payer, item.payee, item.currency
        amount_minor = item.amount_minor
        owed, between, totals = self._owed, self._between, self._totals
        owed[payer, currency] = owed.get((payer, currency), 0) + amount_minor
        lane = (payer, payee, currency)
        between[lane] = between.get(lane, 0) + amount_minor
        totals[currency] = totals.get(currency, 0) + amount_minor
        if item.destination_currency in ("", currency):
            owed[payee, currency] = owed.get((payee, currency), 0) - amount_minor
            back = (payee, payer, currency)
            between[back] = between.get(back, 0) - amount_minor


def _no(
    code: str, item: Reservation, limit_minor: int, used_minor: int | None = None
) -> tuple[str, dict[str, Any]]:
    facts: dict[str, Any] = {
        "participant": item.payer,
        "counterparty": item.payee,
        "currency": item.currency,
        "amount_minor": item.amount_minor,
        "limit_minor": limit_minor,
    }
    if used_minor is not None:
        facts["used_minor"] = used_minor
    return code, facts
