"""What was agreed, and what must follow from it, by rules of our own?

Nothing of the room's own arithmetic is used: locks, cash of parts and tolerances are worked out
once more, from the terms alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from nostro.settlement import InstructedSettlement, Partial, Party, SettlementMatched, Tranche
from nostro.simulation.books import Violation

OWN_LEDGER = "main"
TOLERANCE_MINOR = {"EUR": ((10_000_000, 200), (10**38, 2_500))}
"""By how much two amounts may differ, up to which amount of the seller."""

Legs = dict[tuple[str, str, str], int]
"""(domain, party, asset) to minor units."""


class Deal(msgspec.Struct):
    """A settlement as its parties see it. `free`: how much a side that holds it back lets go."""

    number: int
    bundle: int
    trade_id: str
    seller: str
    buyer: str
    security: str
    quantity: int
    cash: str
    amount: int
    securities_domain: str
    cash_domain: str
    day: int
    partial: dict[Party, tuple[Partial, int]]
    references: dict[Party, str]
    held: dict[Party, int]
    """Sides that keep it back, and how much of it each lets go."""
    cancel: set[Party]
    delivered: int = 0
    paid: int = 0
    state: str = "open"
    """open, settled, failed or cancelled."""

    @property
    def matched(self) -> bool:
        """Tell whether both sides have instructed."""
        return len(self.references) == 2

    @property
    def rest(self) -> int:
        """Return what is still to be delivered."""
        return self.quantity - self.delivered


def deal_of(told: InstructedSettlement) -> Deal:
    """Return a settlement as it was instructed."""
    references = {Party.SELLER: told.seller_reference, Party.BUYER: told.buyer_reference}
    return Deal(
        number=told.number,
        bundle=told.bundle,
        trade_id=told.trade_id,
        seller=told.seller,
        buyer=told.buyer,
        security=told.security,
        quantity=told.quantity_minor,
        cash=told.cash,
        amount=told.amount_minor,
        securities_domain=told.securities_domain,
        cash_domain=told.cash_domain,
        day=told.settlement_day,
        partial={
            Party.SELLER: (told.seller_partial, told.seller_partial_min_minor),
            Party.BUYER: (told.buyer_partial, told.buyer_partial_min_minor),
        },
        references={side: name for side, name in references.items() if name},
        held=dict.fromkeys(told.held, 0),
        cancel=set(),
    )


def match(deal: Deal, told: SettlementMatched) -> None:
    """Take in the other side; raises Violation when the two do not agree."""
    if deal.matched or told.side in deal.references:
        raise Violation(f"settlement {deal.number} is matched again, by {told}")
    deal.references[told.side] = told.reference
    deal.partial[told.side] = (told.partial, told.partial_min_minor)
    if told.held:
        deal.held[told.side] = 0
    reach = next(
        (near for up_to, near in TOLERANCE_MINOR.get(deal.cash, ()) if told.amount_minor <= up_to),
        0,
    )
    if told.side is Party.BUYER and told.amount_minor != deal.amount:
        raise Violation(f"settlement {deal.number} is not settled at the seller's amount: {told}")
    if abs(told.amount_minor - deal.amount) > reach:
        raise Violation(f"{told} is not within tolerance of {deal.amount}")
    deal.amount = told.amount_minor
    deal.trade_id = deal.trade_id or told.trade_id


def check_tranche(deal: Deal, tranche: Tranche, *, alone: bool, lot: int) -> None:
    """Check that a round may settle so much of it, and for so much cash; raises Violation."""
    quantity, amount = tranche.quantity_minor, tranche.amount_minor
    if not 0 < quantity <= deal.rest:
        raise Violation(f"{tranche} of {deal.rest} open in {deal}")
    share = Fraction(deal.amount * (deal.delivered + quantity), deal.quantity)
    if amount != int(share) - deal.paid or amount <= 0:
        raise Violation(f"{tranche} should cost {int(share) - deal.paid} in {deal}")
    for side, free in deal.held.items():
        if quantity > free:
            raise Violation(f"{tranche}: {side} holds all but {free} of {deal} back")
    if quantity == deal.rest:
        return
    if not alone or quantity % lot:
        raise Violation(f"{tranche} is no part of {deal}")
    for side, (partial, least) in deal.partial.items():
        measured = {Partial.PART: least, Partial.PARC: amount, Partial.PARQ: quantity}
        if partial is Partial.NPAR or measured[partial] < least:
            raise Violation(f"{tranche} is a part that {side} does not take of {deal}")


def moved(legs: Iterable[tuple[Deal, Tranche]]) -> Legs:
    """Return what each party has more, or less, of each asset at each domain once these are
    settled."""
    net: Legs = {}
    for deal, tranche in legs:
        where, quantity = deal.securities_domain, tranche.quantity_minor
        _add(net, (where, deal.seller, deal.security), -quantity)
        _add(net, (where, deal.buyer, deal.security), quantity)
        where, amount = deal.cash_domain, tranche.amount_minor
        _add(net, (where, deal.buyer, deal.cash), -amount)
        _add(net, (where, deal.seller, deal.cash), amount)
    return net


def _add(legs: Legs, key: tuple[str, str, str], amount: int) -> None:
    legs[key] = legs.get(key, 0) + amount


def domains_of(deals: Sequence[Deal]) -> list[str]:
    """Return where these settle, in the order in which that must be held."""
    securities = {deal.securities_domain for deal in deals}
    cash = {deal.cash_domain for deal in deals} - securities
    return sorted(securities) + sorted(cash)
