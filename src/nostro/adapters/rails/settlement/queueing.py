"""Which of the payments that wait at the central bank can settle now, and which only together?

One by one in the order of priority and arrival, later ones passing those that cannot be covered;
then pairs that offset each other; then the largest set that covers itself when settled at once
(gridlock: too little for one after the other, enough for all; Bech and Soramaki, Bank of Finland
DP 9/2001, after the order of TARGET2's algorithms). No account ever falls below its floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

ROUNDS_MAX = 1_000
"""Rounds of one clearing; each settles something, so a longer queue only waits for the next."""
TOGETHER_MAX = 200
"""Payments among which a set that covers itself is sought: the search is quadratic."""


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """A payment that waits. The lower the priority's number, the sooner it goes."""

    name: str
    debtor: str
    creditor: str
    amount_minor: int
    priority: int = 0


def clear(
    queue: Sequence[Transfer], balances: Mapping[str, int], *, unlimited: frozenset[str]
) -> list[Transfer]:
    """Return what settles now, in the order in which it settles; `balances` is left alone. An
    account in `unlimited` may fall below zero."""
    held = dict(balances)
    waiting = sorted(queue, key=lambda each: each.priority)  # stable: arrival within a priority
    settled: list[Transfer] = []
    for _ in range(ROUNDS_MAX):
        found = (
            _one_by_one(waiting, held, unlimited)
            or _pair(waiting, held, unlimited)
            or _together(waiting, held, unlimited)
        )
        if not found:
            break
        for each in found:
            _move(held, each)
        settled += found
        names = {each.name for each in found}
        waiting = [each for each in waiting if each.name not in names]
    return settled


def _move(held: dict[str, int], each: Transfer) -> None:
    held[each.debtor] = held.get(each.debtor, 0) - each.amount_minor
    held[each.creditor] = held.get(each.creditor, 0) + each.amount_minor


def _one_by_one(
    waiting: Sequence[Transfer], held: Mapping[str, int], unlimited: frozenset[str]
) -> list[Transfer]:
    now, found = dict(held), []
    for each in waiting:
        if each.debtor in unlimited or now.get(each.debtor, 0) >= each.amount_minor:
            _move(now, each)
            found.append(each)
    return found


def _pair(
    waiting: Sequence[Transfer], held: Mapping[str, int], unlimited: frozenset[str]
) -> list[Transfer]:
    """Return the first two, one each way, that settle together."""
    firsts: dict[tuple[str, str], Transfer] = {}
    for each in waiting:
        firsts.setdefault((each.debtor, each.creditor), each)
    for (debtor, creditor), each in firsts.items():
        other = firsts.get((creditor, debtor))
        if other is not None and _covered([each, other], held, unlimited):
            return [each, other]
    return []


def _together(
    waiting: Sequence[Transfer], held: Mapping[str, int], unlimited: frozenset[str]
) -> list[Transfer]:
    """Return all that wait, without the last ones of each account that the rest cannot cover."""
    chosen = list(waiting[:TOGETHER_MAX])
    while chosen:
        short = _short(chosen, held, unlimited)
        if not short:
            return chosen
        place = max(index for index, each in enumerate(chosen) if each.debtor in short)
        del chosen[place]
    return []


def _covered(
    chosen: Sequence[Transfer], held: Mapping[str, int], unlimited: frozenset[str]
) -> bool:
    return not _short(chosen, held, unlimited)


def _short(
    chosen: Sequence[Transfer], held: Mapping[str, int], unlimited: frozenset[str]
) -> set[str]:
    """Return the accounts that would fall below zero if all these settled at once."""
    now: dict[str, int] = {}
    for each in chosen:
        now[each.debtor] = now.get(each.debtor, 0) - each.amount_minor
        now[each.creditor] = now.get(each.creditor, 0) + each.amount_minor
    return {
        name
        for name, change in now.items()
        if change < 0 and name not in unlimited and held.get(name, 0) + change < 0
    }
