"""What do readers see of settlements, of what happened to them, and of what failing costs?

Quantities are minor units of the security, amounts of the cash asset; times microseconds since the
epoch (UTC), days ISO dates. `height`: the journal row that last changed what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.settlement.terms import (
    DomainState,
    Instrument,
    Partial,
    Party,
    PenaltyKind,
    Status,
    settlement_id,
)
from nostro.settlement.told import ToldType


class SettlementView(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement as it stands.

    `bundle`: the first of those that settle together, itself when alone. `held`, `cancel_asked`:
    sides that keep it back, that want it cancelled. `round_id`, `initiated_at_us`: of its present,
    or last, round, which settles `round_quantity_minor` for `round_amount_minor`.
    `waiting_reason`, `waiting_code`: why it does not go on, or why its last round did not.
    `seller_securities_ref`, `buyer_cash_ref`: what the domains call the earmarks, and once each
    has executed its leg, the executions; the other two only these. Times: None where it has not
    come to that; `starts_at_us` 0: once it is matched, or let go.
    """

    number: int
    bundle: int
    trade_id: str
    seller: str
    buyer: str
    security: str
    cash: str
    quantity_minor: int
    amount_minor: int
    settled_quantity_minor: int
    settled_amount_minor: int
    securities_domain: str
    cash_domain: str
    status: Status
    matched: bool
    held: tuple[Party, ...]
    cancel_asked: tuple[Party, ...]
    seller_reference: str
    buyer_reference: str
    seller_partial: Partial
    buyer_partial: Partial
    seller_partial_min_minor: int
    buyer_partial_min_minor: int
    trade_date: str
    settlement_date: str
    starts_at_us: int
    round_id: str
    round_quantity_minor: int
    round_amount_minor: int
    settle_before_us: int
    retry_count: int
    recycled: int
    waiting_reason: str
    waiting_code: str
    failure_reason: str
    failure_code: str
    dvp_atomic_transaction_id: str
    dvp_contract_id: str
    seller_securities_ref: str
    buyer_securities_ref: str
    seller_cash_ref: str
    buyer_cash_ref: str
    prefunded: bool
    origin: str
    instructed_at_us: int
    initiated_at_us: int | None
    confirmed_at_us: int | None
    settled_at_us: int | None
    failed_at_us: int | None
    changed_at_us: int
    height: int

    @property
    def settlement_id(self) -> str:
        """Return the name by which the outside knows it."""
        return settlement_id(self.number)

    @property
    def symbol(self) -> str:
        """Return what is exchanged: the security and the cash asset."""
        return f"{self.security}/{self.cash}"

    @property
    def open_quantity_minor(self) -> int:
        """Return what is left to deliver."""
        return self.quantity_minor - self.settled_quantity_minor

    @property
    def open_amount_minor(self) -> int:
        """Return what is left to pay."""
        return self.amount_minor - self.settled_amount_minor


class SettlementsFound(msgspec.Struct, frozen=True, kw_only=True):
    """A page of settlements; `total`: how many there were on all pages together when the first was
    read. `height`: of the journal, of which the page tells at least."""

    items: Sequence[SettlementView]
    next_cursor: str | None
    total: int
    height: int


class SettlementEventView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a settlement. `status`: where it stood after it; `facts`: those of
    its type, as told.py names them, minor units as whole numbers."""

    event_id: str
    event_type: ToldType
    number: int
    trade_id: str
    status: Status
    facts: Mapping[str, Any]
    at_us: int
    height: int

    @property
    def settlement_id(self) -> str:
        """Return the name of the settlement."""
        return settlement_id(self.number)


class ToldEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a settlement, with what a message of it needs besides. `seq`:
    where it stands in the order of all that is told; higher later."""

    seq: int
    event: SettlementEventView
    seller: str
    buyer: str
    security: str
    cash: str


class PenaltyView(msgspec.Struct, frozen=True, kw_only=True):
    """What a day of failing costs a party, for the other, in minor units of `asset`: `rate_ppm` of
    what failed. Reported, not collected."""

    number: int
    day: str
    penalty: PenaltyKind
    failing: Party
    failing_party: str
    other_party: str
    asset: str
    amount_minor: int
    rate_ppm: int
    at_us: int
    height: int


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What settlements under way have of a party's asset: earmarked, to be given away if its round
    is committed; and in settlement, decided and not yet executed everywhere: being delivered and
    being received. None of these is available to the party."""

    party: str
    asset: str
    earmarked_minor: int
    delivering_minor: int
    receiving_minor: int


class InstrumentView(msgspec.Struct, frozen=True, kw_only=True):
    """How an asset settles."""

    instrument: Instrument
    actor: str
    set_at_us: int
    height: int


class DomainView(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger that takes part, or not, and why. `domain_height`: up to where it has said to be
    durable, since it was last opened."""

    name: str
    state: DomainState
    reason: str
    actor: str
    domain_height: int
    set_at_us: int
    height: int


class PenaltyRateView(msgspec.Struct, frozen=True, kw_only=True):
    """What a day of failing costs from a day on, as an operator said."""

    penalty_class: str
    valid_from: str
    rate_ppm: int
    actor: str
    set_at_us: int
    height: int
