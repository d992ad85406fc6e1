"""What is each participant to pay or to receive, net, in each currency?

One scatter-add over integers: what the payer pays leaves its node, what the payee gets arrives at
its own. The sum over all participants in a currency is what the platform pays out beyond what it
takes in, so the platform's position is its negative: an FX position that the market squares.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nostro.netting.commands import Position
from nostro.netting.problem import Amounts, Ints, Problem

Chosen = NDArray[np.bool_]
Leg = tuple[str, str, int, str, str, int]
"""Payer, source currency, amount, payee, destination currency, destination amount."""


def net(problem: Problem, chosen: Chosen) -> Amounts:
    """Return the net position of every node for the chosen payments; positive is to receive."""
    sums = _zeros(problem, problem.nodes)
    np.subtract.at(sums, problem.from_node[chosen], problem.source_minor[chosen])
    np.add.at(sums, problem.to_node[chosen], problem.target_minor[chosen])
    return sums


def platform_positions(problem: Problem, chosen: Chosen) -> list[int]:
    """Return what the platform is long (positive) or short of each currency, in their order."""
    sums = _zeros(problem, len(problem.currencies))
    np.add.at(sums, problem.source[chosen], problem.source_minor[chosen])
    np.subtract.at(sums, problem.target[chosen], problem.target_minor[chosen])
    longs: list[int] = sums.tolist()
    return longs


def sums_by(problem: Problem, keys: Ints, amounts: Amounts, size: int) -> Amounts:
    """Return the sum of amounts for each key from 0 to `size` - 1, exactly."""
    sums = _zeros(problem, size)
    np.add.at(sums, keys, amounts)
    return sums


def named(problem: Problem, nets: Amounts) -> list[Position]:
    """Return the positions that are not zero, sorted by participant and currency."""
    size = len(problem.currencies)
    found = np.flatnonzero(nets)
    return [
        Position(problem.participants[node // size], problem.currencies[node % size], amount)
        for node, amount in zip(found.tolist(), nets[found].tolist(), strict=True)
    ]


def positions_of(legs: Iterable[Leg]) -> list[Position]:
    """Return the net positions of payments, non-zero only, sorted by participant and currency.

    In plain Python: the exact re-check of what the arrays found.
    """
    sums: dict[tuple[str, str], int] = {}
    for payer, source, amount, payee, target, received in legs:
        sums[payer, source] = sums.get((payer, source), 0) - amount
        sums[payee, target] = sums.get((payee, target), 0) + received
    return [
        Position(participant, currency, amount)
        for (participant, currency), amount in sorted(sums.items())
        if amount
    ]


def fx_positions_of(legs: Iterable[Leg]) -> dict[str, int]:
    """Return what the platform is long or short of each currency, non-zero only, sorted."""
    sums: dict[str, int] = {}
    for _, source, amount, _, target, received in legs:
        sums[source] = sums.get(source, 0) + amount
        sums[target] = sums.get(target, 0) - received
    return {currency: amount for currency, amount in sorted(sums.items()) if amount}


def _zeros(problem: Problem, size: int) -> Amounts:
    """Return sums to add to: int64 only when both kinds of amounts are (`problem.amounts_of`)."""
    exact = problem.source_minor.dtype == np.object_ or problem.target_minor.dtype == np.object_
    if exact:
        sums = np.empty(size, dtype=np.object_)
        sums[:] = 0
        return sums
    return np.zeros(size, dtype=np.int64)
