"""Which trades square the platform's currency positions at the least spread?

A minimum-cost flow over currencies: what we are long of flows to what we are short of, through
currencies where we are neither when two small spreads beat a large one. Successive shortest paths
with potentials (Ahuja, Magnanti, Orlin, Network Flows, 9.7), in Python integers, so that the
optimum is exact; there are a few dozen currencies at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from nostro.netting.commands import FxTrade
from nostro.netting.conversion import Mid, half_even

Flow = dict[tuple[int, int], int]
"""What flows from one currency into another, positive, in value."""


class Squared(msgspec.Struct, frozen=True):
    """Trades at mid, and what rounding leaves of each currency (non-zero only).

    `cost` in `COST_SCALE`ths of a cent and `volume` in `VALUE_SCALE`ths are of the trades;
    `bound` is the cost of the exact optimum before amounts are rounded: no trades cost less, up to
    that rounding.
    """

    trades: list[FxTrade]
    residuals: dict[str, int]
    cost: int
    bound: int
    volume: int


def square(
    positions: Sequence[int],
    *,
    currencies: Sequence[str],
    unit_values: Sequence[int],
    spreads: Sequence[Sequence[int]],
    mid: Mid,
) -> Squared:
    """Return the cheapest trades that bring every position to zero, up to rounding.

    `positions` are minor units by currency, long positive. Their values sum to zero but for what
    rounding of payments left; the largest one absorbs that, so its currency keeps a residual of at
    most half a unit for each payment and each trade. A currency traded away whole leaves nothing.
    """
    values = [amount * unit for amount, unit in zip(positions, unit_values, strict=True)]
    excess = sum(values)
    if excess:
        largest = max(range(len(values)), key=lambda place: abs(values[place]))
        values[largest] -= excess
    flow = cheapest_flow(values, spreads)
    bound = sum(amount * spreads[one][other] for (one, other), amount in flow.items())
    trades, left = _trades(flow, positions, currencies, unit_values, mid)
    cost = volume = 0
    for (one, other), (sold, _) in trades.items():
        worth = sold * unit_values[one]
        volume += worth
        cost += worth * spreads[one][other]
    return Squared(
        trades=[
            FxTrade(currencies[one], sold, currencies[other], bought)
            for (one, other), (sold, bought) in sorted(trades.items())
        ],
        residuals={currencies[place]: amount for place, amount in enumerate(left) if amount},
        cost=cost,
        bound=bound,
        volume=volume,
    )


def cheapest_flow(supply: Sequence[int], spreads: Sequence[Sequence[int]]) -> Flow:
    """Return the flow of least cost that takes every supply (sum zero) to zero.

    Costs are not negative. What carries flow is a forest: at most one arc less than currencies.
    """
    assert sum(supply) == 0, "supplies that do not sum to zero have no flow"
    excess = list(supply)
    potential = [0] * len(excess)
    flow: Flow = {}
    while any(amount > 0 for amount in excess):
        _augment(excess, potential, spreads, flow)
    _break_circles(len(excess), flow)
    return flow


def _augment(
    excess: list[int], potential: list[int], spreads: Sequence[Sequence[int]], flow: Flow
) -> None:
    """Send what fits along the cheapest path from any excess to any deficit (Dijkstra on reduced
    costs; a flow that exists can be taken back for what it cost)."""
    count = len(excess)
    distance: list[int | None] = [0 if amount > 0 else None for amount in excess]
    before = [-1] * count
    open_places = set(range(count))
    done: list[int] = []
    end = -1
    while end < 0:
        place, near = -1, -1
        for other in open_places:
            far = distance[other]
            if far is not None and (place < 0 or (far, other) < (near, place)):
                place, near = other, far
        open_places.discard(place)
        done.append(place)
        if excess[place] < 0:
            end = place
            break
        row, base = spreads[place], near + potential[place]
        for other in open_places:
            step = row[other]
            if (other, place) in flow and -spreads[other][place] < step:
                step = -spreads[other][place]
            length = base + step - potential[other]
            known = distance[other]
            if known is None or length < known:
                distance[other], before[other] = length, place
    limit = distance[end]
    assert limit is not None
    for place in done:
        near_by = distance[place]
        assert near_by is not None
        potential[place] += near_by - limit
    _send(excess, _path(before, end), spreads, flow)


def _path(before: Sequence[int], end: int) -> list[int]:
    path = [end]
    while before[path[-1]] >= 0:
        path.append(before[path[-1]])
    return path[::-1]


def _send(
    excess: list[int], path: Sequence[int], spreads: Sequence[Sequence[int]], flow: Flow
) -> None:
    steps = list(pairwise(path))
    # Taking back is cheaper than a new flow the other way, whenever there is something to take.
    amount = min(
        [excess[path[0]], -excess[path[-1]]]
        + [flow[other, one] for one, other in steps if (other, one) in flow]
    )
    excess[path[0]] -= amount
    excess[path[-1]] += amount
    for one, other in steps:
        if (other, one) in flow:
            _add(flow, (other, one), -amount)
        else:
            _add(flow, (one, other), amount)


def _add(flow: Flow, arc: tuple[int, int], amount: int) -> None:
    total = flow.get(arc, 0) + amount
    if total:
        flow[arc] = total
    else:
        flow.pop(arc, None)


def _break_circles(count: int, flow: Flow) -> None:
    """Shift flow around each undirected circle until one of its arcs is empty.

    Around a circle of an optimal flow both directions cost the same, nothing, so this is free.
    """
    for _ in range(count * count):
        circle = _circle(count, flow)
        if not circle:
            return
        against = [arc for arc, along in circle if not along]
        taken = min(flow[arc] for arc in against) if against else 0
        if not against:
            taken = min(flow[arc] for arc, _ in circle)
            circle = [(arc, not along) for arc, along in circle]
        for arc, along in circle:
            _add(flow, arc, taken if along else -taken)
    raise AssertionError("each turn empties an arc, and there are fewer arcs than turns")


def _circle(count: int, flow: Flow) -> list[tuple[tuple[int, int], bool]]:
    """Return the arcs of one undirected circle, each with whether it is passed along its
    direction; empty when the flow is a forest."""
    parent: list[tuple[int, tuple[int, int]] | None] = [None] * count
    root = list(range(count))
    beside: dict[int, list[tuple[int, tuple[int, int]]]] = {}
    for arc in sorted(flow):
        one, other = arc
        if root[one] != root[other]:
            old, new = root[other], root[one]
            root = [new if name == old else name for name in root]
            beside.setdefault(one, []).append((other, arc))
            beside.setdefault(other, []).append((one, arc))
            continue
        seen, waiting = {other}, [other]
        while waiting:
            place = waiting.pop()
            for following, through in beside.get(place, ()):
                if following not in seen:
                    seen.add(following)
                    parent[following] = place, through
                    waiting.append(following)
        circle, place = [(arc, True)], one
        steps: list[tuple[tuple[int, int], bool]] = []
        while place != other:
            found = parent[place]
            assert found is not None
            steps.append((found[1], found[1] == (found[0], place)))
            place = found[0]
        # Walked backwards from `one` to `other`, so that each step goes from parent to child.
        return circle + steps[::-1]
    return []


def _trades(
    flow: Flow,
    positions: Sequence[int],
    currencies: Sequence[str],
    unit_values: Sequence[int],
    mid: Mid,
) -> tuple[dict[tuple[int, int], tuple[int, int]], list[int]]:
    """Return (sold, bought) for each arc of the forest, and what is left of each currency.

    Each tree is walked from its leaves to its root, the largest position: a leaf trades exactly
    what it has left, and the other side is that amount at mid. So only roots keep a rest.
    """
    left = list(positions)
    trades: dict[tuple[int, int], tuple[int, int]] = {}
    for place, parent in _leaves_first(flow, positions, unit_values):
        selling = (place, parent) in flow
        amount = left[place] if selling else -left[place]
        if amount <= 0:
            continue  # rounding has eaten a position of a unit or two
        rate = mid.rate(currencies[place], currencies[parent])
        opposite = half_even(amount * rate.numerator, rate.denominator)
        if not opposite:
            continue  # worth less than half a unit of the other currency: nothing to trade
        left[place] = 0
        if selling:
            trades[place, parent] = amount, opposite
            left[parent] += opposite
        else:
            trades[parent, place] = opposite, amount
            left[parent] -= opposite
    return trades, left


def _leaves_first(
    flow: Flow, positions: Sequence[int], unit_values: Sequence[int]
) -> list[tuple[int, int]]:
    """Return (currency, its parent) for each currency of the forest that is no root, children
    before parents."""
    beside: dict[int, list[int]] = {}
    for one, other in sorted(flow):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    by_size = sorted(beside, key=lambda place: (-abs(positions[place] * unit_values[place]), place))
    seen: set[int] = set()
    walked: list[tuple[int, int]] = []
    for root in by_size:
        if root in seen:
            continue
        seen.add(root)
        waiting = [root]
        for place in waiting:
            for child in beside[place]:
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
                    walked.append((child, place))
    return walked[::-1]
