"""Which payments wait when limits do not let all of them settle?

All-or-nothing selection under caps: each cap is a row `sum of coefficient * chosen <= cap` over
the payments. From all of them (so that what only works together, works) payments are taken out of
broken rows until none is broken, then whatever fits is put back. Exact integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nostro.netting.commands import Caps, Obligation
from nostro.netting.conversion import VALUE_SCALE
from nostro.netting.positions import Chosen
from nostro.netting.problem import Problem

NET_DEBIT, BILATERAL, PLATFORM = (
    "netting.net_debit_cap",
    "netting.bilateral_limit",
    "netting.platform_liquidity",
)
REPAIR_ROUNDS = 3
"""Passes that put payments back; each frees room for few others, the second rarely finds any."""

EASE_STEPS_MAX = 1_000_000
"""Steps that looking for the least loss may take in the worst case, about half a second; beyond, a
row has so many payments that their order matters little (10,000 payments: 0.88 of the value against
0.92)."""

URGENT_WEIGHT = 10
"""What a payment of priority 0 counts for, next to one of priority 9 with the same value."""


class Row(NamedTuple):
    """One cap over the payments that touch it: why it defers, what it allows, place and
    coefficient (minor units) of each."""

    reason: str
    cap: int
    terms: list[tuple[int, int]]


def rows_of(problem: Problem, caps: Caps) -> list[Row]:
    """Return the caps that could bind, as rows. A cap below zero counts as zero: nothing may be
    owed. Rows that even the sum of what weighs on them does not break are left out."""
    wanted: dict[tuple[object, ...], Row] = {}
    for participant, currency, cap in sorted(caps.net_debit):
        wanted.setdefault((participant, currency), Row(NET_DEBIT, max(0, cap), []))
    for payer, payee, currency, cap in sorted(caps.bilateral):
        wanted.setdefault((payer, payee, currency), Row(BILATERAL, max(0, cap), []))
    for currency, cap in sorted(caps.platform):
        wanted.setdefault((currency,), Row(PLATFORM, max(0, cap), []))
    if not wanted:
        return []
    found: dict[tuple[object, ...], dict[int, int]] = {key: {} for key in wanted}
    legs = zip(
        problem.obligations,
        problem.source_minor.tolist(),
        problem.target_minor.tolist(),
        strict=True,
    )
    for place, (obligation, amount, received) in enumerate(legs):
        for key, weight in _weights(obligation, amount, received):
            sums = found.get(key)
            if sums is not None:
                sums[place] = sums.get(place, 0) + weight
    rows = []
    for key, row in wanted.items():
        terms = [(place, weight) for place, weight in found[key].items() if weight]
        if sum(weight for _, weight in terms if weight > 0) > row.cap:
            rows.append(row._replace(terms=terms))
    return rows


def _weights(
    obligation: Obligation, amount: int, received: int
) -> Iterable[tuple[tuple[object, ...], int]]:
    """Return what a payment adds to the rows that it touches, by the row's key."""
    payer, payee = obligation.payer, obligation.payee
    source, target = obligation.source_currency, obligation.destination_currency
    return (
        ((payer, source), amount),
        ((payee, target), -received),
        ((payer, payee, source), amount),
        ((payee, payer, target), -received),
        ((source,), -amount),
        ((target,), received),
    )


def worth_of(problem: Problem) -> list[int]:
    """Return what settling each payment is worth: its value in cents (at least 1), times the weight
    of its priority, times one more than its retries. Greedy and MILP maximise the sum."""
    worth = []
    for obligation, source, amount in zip(
        problem.obligations, problem.source.tolist(), problem.source_minor.tolist(), strict=True
    ):
        value = max(1, amount * problem.unit_values[source] // VALUE_SCALE)
        urgency = max(1, URGENT_WEIGHT - obligation.priority)
        worth.append(value * urgency * (1 + obligation.retries))
    return worth


def rank(obligation: Obligation) -> tuple[int, int, int, int, str]:
    """Return the order in which payments go first: urgent, often deferred, old, large."""
    return (
        obligation.priority,
        -obligation.retries,
        obligation.accepted_at_us,
        -obligation.amount_minor,
        obligation.transaction_id,
    )


class Selection:
    """Which payments are in, and how far each row is used."""

    def __init__(self, size: int, rows: Sequence[Row], chosen: Iterable[int]) -> None:
        self.rows = rows
        self.touches: list[list[tuple[int, int]]] = [[] for _ in range(size)]
        for number, row in enumerate(rows):
            for place, weight in row.terms:
                self.touches[place].append((number, weight))
        self.chosen = [False] * size
        self.room = [row.cap for row in rows]
        for place in chosen:
            self.put(place)

    def put(self, place: int) -> None:
        """Take a payment in."""
        self.chosen[place] = True
        for number, weight in self.touches[place]:
            self.room[number] -= weight

    def take(self, place: int) -> None:
        """Take a payment out."""
        self.chosen[place] = False
        for number, weight in self.touches[place]:
            self.room[number] += weight

    def fits(self, place: int) -> bool:
        """Tell whether no row that the payment weighs on would break."""
        room = self.room
        return all(weight <= room[number] for number, weight in self.touches[place] if weight > 0)

    def holds(self) -> bool:
        """Tell whether every cap is kept."""
        return all(room >= 0 for room in self.room)

    def repair(self, last_first: Sequence[int]) -> None:
        """Take payments out of broken rows, in this order, until every cap is kept."""
        turn = {place: turn for turn, place in enumerate(last_first)}
        waiting = [
            sorted((place for place, weight in row.terms if weight > 0), key=turn.__getitem__)
            for row in self.rows
        ]
        heads = [0] * len(waiting)
        broken = [number for number, room in enumerate(self.room) if room < 0]
        for number in broken:  # grows while rows break that lived on what was taken out
            queue = waiting[number]
            while self.room[number] < 0:
                place = queue[heads[number]]
                heads[number] += 1
                if self.chosen[place]:
                    self.take(place)
                    broken.extend(
                        other
                        for other, weight in self.touches[place]
                        if weight < 0 and self.room[other] < 0 and other != number
                    )

    def ease(self, worth: Sequence[int]) -> list[int]:
        """Take payments out of broken rows, each time the one that loses least, until every cap is
        kept; return them in that order."""
        taken: list[int] = []
        broken = [number for number, room in enumerate(self.room) if room < 0]
        for number in broken:  # grows while rows break that lived on what was taken out
            while self.room[number] < 0:
                place = self._cheapest(number, worth)
                self.take(place)
                taken.append(place)
                broken.extend(
                    other
                    for other, weight in self.touches[place]
                    if weight < 0 and self.room[other] < 0 and other != number
                )
        return taken

    def _cheapest(self, number: int, worth: Sequence[int]) -> int:
        """Return the payment of a broken row whose leaving costs least for what it mends: its
        worth, and as much again for the share of it that would then be missing elsewhere."""
        over = -self.room[number]
        best, least = -1, (0, 0)
        for place, weight in self.rows[number].terms:
            if weight <= 0 or not self.chosen[place]:
                continue
            value = worth[place]
            loss = value
            for other, offset in self.touches[place]:
                if offset < 0:
                    missing = -offset - max(0, self.room[other])
                    if missing > 0:
                        loss += value * missing // -offset
            # Loss per unit mended; compared in integers, per `over` units.
            cost = (loss * over // min(weight, over), place)
            if best < 0 or cost < least:
                best, least = place, cost
        return best

    def improve(self, first_first: Sequence[int], worth: Sequence[int]) -> None:
        """Put in payments that are out, the worthiest first, where what must leave for them is
        worth less."""
        for place in first_first:
            if self.chosen[place]:
                continue
            self.put(place)
            taken = self.ease(worth)
            if sum(worth[other] for other in taken) >= worth[place]:
                for other in taken:
                    self.put(other)
                self.take(place)

    def fill(self, first_first: Sequence[int]) -> None:
        """Put back what fits, in this order, until a pass finds nothing."""
        for _ in range(REPAIR_ROUNDS):
            again = [place for place in first_first if not self.chosen[place] and self.fits(place)]
            if not again:
                return
            for place in again:
                if self.fits(place):
                    self.put(place)

    def reason(self, place: int) -> str:
        """Return why a payment that is out does not fit; the narrowest cap first."""
        blocking = {
            self.rows[number].reason
            for number, weight in self.touches[place]
            if weight > self.room[number]
        }
        return next((reason for reason in (NET_DEBIT, BILATERAL) if reason in blocking), PLATFORM)


def greedy(problem: Problem, rows: Sequence[Row], worth: Sequence[int]) -> Selection:
    """Return a selection that keeps every cap: the best of a few orders of taking out.

    Fair first: by rank alone. Then by value, smallest and largest worth first within a priority;
    then, while that is affordable, by what each step loses, with exchanges. The first of equals is
    kept, so fairness costs nothing when it loses nothing.
    """
    obligations = problem.obligations
    ranks = [rank(obligation) for obligation in obligations]
    fair = sorted(range(len(ranks)), key=ranks.__getitem__)
    orders: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda place: (-ranks[place][0], -ranks[place][1], worth[place], place),
        lambda place: (-ranks[place][0], -ranks[place][1], -worth[place], place),
        lambda place: (worth[place], place),
    )
    best: Selection | None = None
    gain = -1
    for last_first in (fair[::-1], *(sorted(fair, key=order) for order in orders)):
        tried = Selection(len(ranks), rows, range(len(ranks)))
        tried.repair(last_first)
        tried.fill(fair)
        total = total_worth(tried.chosen, worth)
        if total > gain:
            best, gain = tried, total
    assert best is not None
    if not affordable(rows):
        return best
    eased = Selection(len(ranks), rows, range(len(ranks)))
    eased.ease(worth)
    polish(eased, worth)
    return eased if total_worth(eased.chosen, worth) > gain else best


def affordable(rows: Sequence[Row]) -> bool:
    """Tell whether looking for the least loss takes no more than `EASE_STEPS_MAX` steps."""
    return sum(len(row.terms) ** 2 for row in rows) <= EASE_STEPS_MAX


def polish(selection: Selection, worth: Sequence[int]) -> None:
    """Put back what fits, the worthiest first, and exchange where that is affordable."""
    worthiest = sorted(range(len(worth)), key=lambda place: (-worth[place], place))
    selection.fill(worthiest)
    if affordable(selection.rows):
        selection.improve(worthiest, worth)
        selection.fill(worthiest)


def total_worth(chosen: Sequence[bool], worth: Sequence[int]) -> int:
    """Return what a selection is worth."""
    return sum(value for value, inside in zip(worth, chosen, strict=True) if inside)


def seniors_first(problem: Problem, selection: Selection) -> None:
    """Among payments that are the same but for urgency and age, let the first ones settle."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, o in enumerate(problem.obligations):
        terms = o.payer, o.source_currency, o.amount_minor, o.payee, o.destination_currency
        alike.setdefault(terms, []).append(place)
    for places in alike.values():
        inside = sum(selection.chosen[place] for place in places)
        if not 0 < inside < len(places):
            continue
        for place in places:
            if selection.chosen[place]:
                selection.take(place)
        for place in sorted(places, key=lambda place: rank(problem.obligations[place]))[:inside]:
            selection.put(place)


def as_chosen(selection: Selection) -> Chosen:
    """Return the selection as an array."""
    return np.array(selection.chosen, dtype=np.bool_)
