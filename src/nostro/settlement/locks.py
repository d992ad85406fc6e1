"""What does a round earmark, and what does it move, at which domain?

Each party locks what it gives away net of what it gets in the same round: whoever passes on what it
buys needs nothing of its own. Every leg moves gross all the same. What was set aside when the trade
was made is given from there in full, and netted with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from nostro.kernel.movement import Lock, Move
from nostro.settlement.events import RoundPart
from nostro.settlement.terms import Tranche


class Delivery(Protocol):
    """What the two sides of a settlement owe each other, and where."""

    @property
    def seller(self) -> str:
        """Who delivers the security."""
        ...

    @property
    def buyer(self) -> str:
        """Who pays for it."""
        ...

    @property
    def security(self) -> str:
        """What is delivered."""
        ...

    @property
    def cash(self) -> str:
        """What it is paid in."""
        ...

    @property
    def securities_domain(self) -> str:
        """Where it is delivered."""
        ...

    @property
    def cash_domain(self) -> str:
        """Where it is paid."""
        ...

    @property
    def prefunded(self) -> bool:
        """Whether both sides were set aside when the trade was made."""
        ...


def parts_of(legs: Iterable[tuple[Delivery, Tranche]]) -> list[RoundPart]:
    """Return what a round does at each domain: first those where securities are delivered, then
    those where there is only cash, each in the order of their names; a domain stands once.

    Locks and moves are in the order in which the settlements first name them. A part where
    everything nets out has moves and no lock.
    """
    moves: dict[str, list[Move]] = {}
    delivering: set[str] = set()
    for terms, tranche in legs:
        aside = terms.prefunded
        delivering.add(terms.securities_domain)
        moves.setdefault(terms.securities_domain, []).append(
            Move(terms.seller, terms.buyer, terms.security, tranche.quantity_minor, aside)
        )
        moves.setdefault(terms.cash_domain, []).append(
            Move(terms.buyer, terms.seller, terms.cash, tranche.amount_minor, aside)
        )
    order = sorted(moves, key=lambda domain: (domain not in delivering, domain))
    return [RoundPart(domain, _locks(moves[domain]), moves[domain]) for domain in order]


def _locks(moves: Sequence[Move]) -> list[Lock]:
    """Return what each party gives away net of an asset; of what was set aside: gross."""
    given: dict[tuple[str, str, bool], int] = {}
    for move in moves:
        source = (move.source, move.asset, move.prefunded)
        given[source] = given.get(source, 0) + move.amount_minor
        if not move.prefunded:
            target = (move.target, move.asset, False)
            given[target] = given.get(target, 0) - move.amount_minor
    return [
        Lock(party, asset, amount_minor, prefunded)
        for (party, asset, prefunded), amount_minor in given.items()
        if amount_minor > 0
    ]
