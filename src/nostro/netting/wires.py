"""Which payments share wires through us, and which are better off on one of their own?

Netted through the hub, every node (a participant in a currency) with a position takes one
consolidated wire. A payment left gross takes one full wire, and no position. So a payment alone
between two nodes costs two consolidated wires when netted: more than the one it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nostro.netting.commands import Position
from nostro.netting.costs import Tariff
from nostro.netting.positions import Chosen, net
from nostro.netting.problem import Ints, Problem

EXACT_PARTIES_MAX = 12
"""Of `fewest_transfers`: 2**12 * 12 steps are some tens of milliseconds in Python."""


class Transfer(msgspec.Struct, frozen=True, array_like=True):
    """One wire straight from a debtor to a creditor, in one currency."""

    debtor: int
    creditor: int
    amount_minor: int


def gross_ones(problem: Problem, chosen: Chosen, tariff: Tariff) -> Chosen:
    """Return which of the chosen payments settle cheaper on a wire of their own.

    Nodes that payments join are a component; it goes gross as a whole when its payments cost less
    alone than its positions do. While a consolidated wire costs no more than a single one, no part
    of a component that still touches the rest can gain: k nodes that empty take at least k payments
    with them. Only amounts that happen to cancel escape this; the single payments among them that
    empty both their nodes are then taken out as well.
    """
    nets = net(problem, chosen)
    gross = _cheap_components(problem, chosen, nets != 0, tariff)
    rest: Chosen = chosen & ~gross
    nets[problem.from_node[gross]] = 0
    nets[problem.to_node[gross]] = 0
    if 2 * tariff.consolidated_cost <= tariff.wire_cost:
        return gross
    places = np.flatnonzero(rest)
    givers, takers = problem.from_node[places], problem.to_node[places]
    alone = (
        (nets[givers] == -problem.source_minor[places])
        & (nets[takers] == problem.target_minor[places])
        & (givers != takers)
    )
    for place in places[alone].tolist():
        giver, taker = int(problem.from_node[place]), int(problem.to_node[place])
        amount, received = problem.source_minor[place], problem.target_minor[place]
        if amount and received and nets[giver] == -amount and nets[taker] == received:
            nets[giver] = nets[taker] = 0
            gross[place] = True
    return gross


def _cheap_components(
    problem: Problem, chosen: Chosen, open_nodes: NDArray[np.bool_], tariff: Tariff
) -> Chosen:
    """Return the payments of components whose single wires cost less than their positions."""
    none = np.zeros(len(problem), dtype=np.bool_)
    givers, takers = problem.from_node[chosen], problem.to_node[chosen]
    degrees = np.bincount(givers, minlength=problem.nodes)
    degrees += np.bincount(takers, minlength=problem.nodes)
    if tariff.consolidation_ppm >= 0 and not (degrees == 1).any():
        return none  # a component that gains is a tree, and a tree has leaves
    names = components(givers, takers, problem.nodes)
    payments = np.bincount(names[givers], minlength=problem.nodes).tolist()
    wires = np.bincount(names[open_nodes], minlength=problem.nodes).tolist()
    single, shared = tariff.wire_cost, tariff.consolidated_cost
    cheaper = np.array(
        [m > 0 and m * single < k * shared for m, k in zip(payments, wires, strict=True)],
        dtype=np.bool_,
    )
    gross: Chosen = chosen & cheaper[names[problem.from_node]]
    return gross


def components(givers: Ints, takers: Ints, nodes: int) -> Ints:
    """Return for each node the smallest node of its component.

    Minimum labels spread along payments and jump through labels, so that the number of rounds grows
    with the logarithm of the longest path.
    """
    names: Ints = np.arange(nodes, dtype=np.int64)
    for _ in range(2 * nodes + 2):
        before = names.copy()
        low = np.minimum(names[givers], names[takers])
        np.minimum.at(names, names[givers], low)
        np.minimum.at(names, names[takers], low)
        np.minimum.at(names, givers, low)
        np.minimum.at(names, takers, low)
        names = names[names]
        if np.array_equal(names, before):
            return names
    raise AssertionError("each round lowers a label, and there are fewer labels than rounds")


def wires_min(nets: Sequence[int]) -> int:
    """Return how many wires any plan needs at least for these positions: each wire empties at most
    one debtor and one creditor."""
    debtors = sum(1 for amount in nets if amount < 0)
    return max(debtors, sum(1 for amount in nets if amount > 0))


def straight_wires(positions: Sequence[Position]) -> int:
    """Return how many wires would do if debtors paid creditors straight, we among them with what we
    square: the fewest where that can be tried, else what largest-first takes.

    For comparison only: straight wires create debts between participants who had none.
    """
    by_currency: dict[str, list[int]] = {}
    for position in positions:
        by_currency.setdefault(position.currency, []).append(position.net_minor)
    wires = 0
    for amounts in by_currency.values():
        closed = [*amounts, -sum(amounts)]
        few = len(closed) <= EXACT_PARTIES_MAX
        wires += fewest_transfers(closed) if few else len(straight_transfers(closed))
    return wires


def straight_transfers(nets: Sequence[int]) -> list[Transfer]:
    """Return wires from debtors straight to creditors of one currency, largest first: at most one
    less than there are positions. `nets` sum to zero."""
    assert sum(nets) == 0, "what is owed is not what is due"
    debtors = sorted(((amount, place) for place, amount in enumerate(nets) if amount < 0))
    creditors = sorted(((-amount, place) for place, amount in enumerate(nets) if amount > 0))
    transfers: list[Transfer] = []
    owed = due = 0
    debtor = creditor = -1
    while True:
        if not owed:
            if not debtors:
                return transfers
            amount, debtor = debtors.pop(0)
            owed = -amount
        if not due:
            amount, creditor = creditors.pop(0)
            due = -amount
        moved = min(owed, due)
        transfers.append(Transfer(debtor, creditor, moved))
        owed -= moved
        due -= moved


def fewest_transfers(nets: Sequence[int]) -> int:
    """Return the least number of straight wires: positions less the most parts that sum to zero.

    Dynamic programming over subsets, O(2**n n): at most `EXACT_PARTIES_MAX` positions (Verhoeff,
    Settling multiple debts efficiently, 2004).
    """
    amounts = [amount for amount in nets if amount]
    assert sum(amounts) == 0, "what is owed is not what is due"
    assert len(amounts) <= EXACT_PARTIES_MAX, "too many positions for the exact answer"
    everyone = 1 << len(amounts)
    sums, parts = [0] * everyone, [0] * everyone
    for subset in range(1, everyone):
        lowest = subset & -subset
        sums[subset] = sums[subset ^ lowest] + amounts[lowest.bit_length() - 1]
        most, rest = 0, subset
        while rest:
            one = rest & -rest
            rest ^= one
            most = max(most, parts[subset ^ one])
        parts[subset] = most + (sums[subset] == 0)
    return len(amounts) - parts[-1]
