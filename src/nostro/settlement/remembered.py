"""What must be known of what went before, so that the next event can be told?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from nostro.settlement.events import DoneDeed, InstructedSettlement
from nostro.settlement.live import Bundle, Decided, Live, Round
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import DomainState, Party, Status, Tranche, round_id
from nostro.settlement.told import About


class KnownSettlement(msgspec.Struct, gc=False):
    """What is known of a settlement that has not ended, or may be tried again."""

    about: About
    status: Status
    quantity_minor: int
    amount_minor: int
    on_hold: tuple[Party, ...] = ()
    cancel_asked: tuple[Party, ...] = ()
    settled_quantity_minor: int = 0
    settled_amount_minor: int = 0
    retry_count: int = 0

    @property
    def waiting(self) -> Status:
        """Where it stands while no round is under way."""
        return Status.PARTIALLY_SETTLED if self.settled_quantity_minor else Status.PENDING


class KnownRound(msgspec.Struct):
    """What is known of a round under way. `held`, `executed`: what domains said, by name."""

    round: int
    round_id: str
    tranches: Sequence[Tranche]
    held: dict[str, DoneDeed] = {}
    executed: dict[str, DoneDeed] = {}


class Memory(msgspec.Struct):
    """What is known of all settlements, of rounds by bundle, and of domains by name: up to where
    each has said to be durable, and whether it takes part."""

    settlements: Sequence[KnownSettlement] = ()
    rounds: Mapping[int, KnownRound] = {}
    domain_heights: Mapping[str, int] = {}
    domain_states: Mapping[str, DomainState] = {}


def remembered(state: SettlementState, coordinator: str) -> Memory:
    """Return what telling must know to go on from a state of the room."""
    rounds = {
        bundle.number: _known_round(bundle, round_, coordinator)
        for bundle, round_ in state.open_rounds()
    }
    return Memory(
        settlements=[
            _known(live, bundle, rounds.get(bundle.number))
            for bundle in state.bundles.values()
            for live in bundle.settlements
        ],
        rounds=rounds,
        domain_heights={name: each.height for name, each in state.domains.items()},
        domain_states={name: each.state for name, each in state.domains.items()},
    )


def _known_round(bundle: Bundle, round_: Round, coordinator: str) -> KnownRound:
    return KnownRound(
        round_.number,
        round_id(coordinator, bundle.number, round_.number),
        round_.tranches,
        {part.terms.domain: part.held for part in round_.parts if part.held},
        {part.terms.domain: part.executed for part in round_.parts if part.executed},
    )


def _known(live: Live, bundle: Bundle, known: KnownRound | None) -> KnownSettlement:
    terms = live.terms
    settlement = KnownSettlement(
        about=about_of(terms),
        status=Status.PENDING,
        quantity_minor=terms.quantity_minor,
        amount_minor=terms.amount_minor,
        on_hold=live.held,
        cancel_asked=live.cancel_asked,
        settled_quantity_minor=live.settled_minor,
        settled_amount_minor=live.paid_minor,
        retry_count=live.retries,
    )
    settlement.status = _status(settlement, bundle, known)
    return settlement


def _status(settlement: KnownSettlement, bundle: Bundle, known: KnownRound | None) -> Status:
    """Return as what it was told last: a round that is being aborted is told as it stood."""
    if bundle.failed:
        return Status.FAILED
    if bundle.round is None or known is None:
        return settlement.waiting
    if bundle.round.decided is Decided.COMMIT:
        return Status.EXECUTING
    if settlement.about.securities_domain not in known.held:
        return Status.INITIATED
    if settlement.about.cash_domain not in known.held:
        return Status.SELLER_SECURITIES_LOCKED
    return Status.BUYER_CASH_LOCKED


def about_of(terms: InstructedSettlement) -> About:
    """Return which settlement it is."""
    return About(
        number=terms.number,
        bundle=terms.bundle,
        trade_id=terms.trade_id,
        seller=terms.seller,
        buyer=terms.buyer,
        security=terms.security,
        cash=terms.cash,
        securities_domain=terms.securities_domain,
        cash_domain=terms.cash_domain,
    )
