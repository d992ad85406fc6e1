"""How much of a settlement can be settled when not all of it is there, and what is paid for a part?

The cash of the first tranches together is the whole amount in proportion to their quantities,
rounded down to minor units; so the last one takes what rounding left, and all of them together pay
the amount that was agreed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from nostro.kernel.movement import Lacking
from nostro.settlement.terms import Partial


class Divisible(Protocol):
    """A settlement as agreed: the whole of it, and which parts of it each side takes."""

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
    def quantity_minor(self) -> int:
        """All of the security, from 1."""
        ...

    @property
    def amount_minor(self) -> int:
        """All of the cash, from 1."""
        ...

    @property
    def seller_partial(self) -> Partial:
        """Whether the seller takes less than the whole."""
        ...

    @property
    def buyer_partial(self) -> Partial:
        """Whether the buyer takes less than the whole."""
        ...

    @property
    def seller_partial_min_minor(self) -> int:
        """From which cash amount or quantity on the seller does."""
        ...

    @property
    def buyer_partial_min_minor(self) -> int:
        """From which cash amount or quantity on the buyer does."""
        ...


class Done(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How much of a settlement its earlier tranches have settled."""

    quantity_minor: int = 0
    amount_minor: int = 0


NOTHING = Done()


def cash_of(terms: Divisible, quantity_minor: int, done: Done = NOTHING) -> int:
    """Return what is paid for the next `quantity_minor` (at most what is open), rounded down over
    all tranches so far; 0 when that is less than a minor unit."""
    delivered = done.quantity_minor + quantity_minor
    return terms.amount_minor * delivered // terms.quantity_minor - done.amount_minor


def allows_parts(terms: Divisible) -> bool:
    """Tell whether both sides take less than the whole."""
    return terms.seller_partial is not Partial.NPAR and terms.buyer_partial is not Partial.NPAR


def is_part(terms: Divisible, quantity_minor: int, *, lot_minor: int, done: Done = NOTHING) -> bool:
    """Tell whether the next tranche may have this quantity: what is open, or less of it in whole
    lots where both sides allow that, large enough for each of them, and worth a minor unit of
    cash."""
    rest = terms.quantity_minor - done.quantity_minor
    if quantity_minor == rest:
        return rest > 0
    if not 0 < quantity_minor < rest or quantity_minor % lot_minor:
        return False
    amount_minor = cash_of(terms, quantity_minor, done)
    return (
        amount_minor > 0
        and _takes(
            terms.seller_partial, terms.seller_partial_min_minor, quantity_minor, amount_minor
        )
        and _takes(terms.buyer_partial, terms.buyer_partial_min_minor, quantity_minor, amount_minor)
    )


def possible(
    terms: Divisible,
    lacking: Iterable[Lacking],
    *,
    lot_minor: int,
    done: Done = NOTHING,
) -> int:
    """Return the largest quantity that the next tranche may have, given what the domains say is
    there of what was lacking; all that is open, when that is enough for it; 0 when no part is
    possible, or when nothing is known of what is lacking."""
    rest = terms.quantity_minor - done.quantity_minor
    most, known = rest, False
    for each in lacking:
        if (each.party, each.asset) == (terms.seller, terms.security):
            enough_for = each.available_minor
        elif (each.party, each.asset) == (terms.buyer, terms.cash):
            enough_for = _paid_for(terms, each.available_minor, done)
        else:
            continue
        if each.available_minor < 0:
            return 0
        most, known = min(most, enough_for), True
    if not known:
        return 0
    part = most if most == rest else most - most % lot_minor
    return part if is_part(terms, part, lot_minor=lot_minor, done=done) else 0


def _paid_for(terms: Divisible, available_minor: int, done: Done) -> int:
    """Return the largest quantity whose cash (see `cash_of`) is no more than `available_minor`."""
    beyond = done.amount_minor + available_minor + 1
    return (beyond * terms.quantity_minor - 1) // terms.amount_minor - done.quantity_minor


def _takes(partial: Partial, least_minor: int, quantity_minor: int, amount_minor: int) -> bool:
    match partial:
        case Partial.NPAR:
            return False
        case Partial.PART:
            return True
        case Partial.PARC:
            return amount_minor >= least_minor
        case Partial.PARQ:
            return quantity_minor >= least_minor
