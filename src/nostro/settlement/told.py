"""What is there to tell of a settlement, in which words, and with which facts?

`Told` is what `telling.py` makes of the journal. Names end in what they are: `_minor` minor units
of the security (quantity) or of the cash asset (amount), `_us` microseconds since the epoch (UTC),
0 when there is no such time, `_day` an ordinal (`datetime.date.toordinal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from nostro.settlement.terms import Deed, Party, PenaltyKind, Reason, Status, settlement_id


class ToldType(StrEnum):
    """What happened to a settlement."""

    INSTRUCTED = "settlement.instructed"
    ALLEGED = "settlement.alleged"
    MATCHED = "settlement.matched"
    HELD = "settlement.held"
    RELEASED = "settlement.released"
    CANCEL_ASKED = "settlement.cancel_asked"
    RETRIED = "settlement.retried"
    PARTIAL_OFFERED = "settlement.partial_offered"
    INITIATED = "settlement.initiated"
    SELLER_SECURITIES_LOCKED = "settlement.seller_securities_locked"
    BUYER_CASH_LOCKED = "settlement.buyer_cash_locked"
    REFUSED = "settlement.refused"
    EXECUTING = "settlement.executing"
    LEG_EXECUTED = "settlement.leg_executed"
    STUCK = "settlement.stuck"
    ABORTED = "settlement.aborted"
    CONFIRMED = "settlement.confirmed"
    SETTLED = "settlement.settled"
    PARTIALLY_SETTLED = "settlement.partially_settled"
    RECYCLED = "settlement.recycled"
    POSTPONED = "settlement.postponed"
    FAILED = "settlement.failed"
    PENALTY = "settlement.penalty"


class About(msgspec.Struct, frozen=True, gc=False):
    """Which settlement it is: what stays as it is, but for the trade id of one that is matched."""

    number: int
    bundle: int
    trade_id: str
    seller: str
    buyer: str
    security: str
    cash: str
    securities_domain: str
    cash_domain: str

    @property
    def settlement_id(self) -> str:
        """Return the name by which the outside knows it."""
        return settlement_id(self.number)


class Instructed(msgspec.Struct, frozen=True, gc=False):
    """It is known. `matched`: both sides agree already; `on_hold`: sides that keep it back."""

    quantity_minor: int
    amount_minor: int
    trade_day: int
    settlement_day: int
    matched: bool
    on_hold: tuple[Party, ...]
    origin: str


class Alleged(msgspec.Struct, frozen=True, gc=False):
    """One side instructed; `side` has not, and is told what the other says."""

    side: Party
    quantity_minor: int
    amount_minor: int
    settlement_day: int


class Matched(msgspec.Struct, frozen=True, gc=False):
    """`side` instructed as well, and both agree; the amount is the seller's."""

    side: Party
    amount_minor: int
    late_days: int
    on_hold: tuple[Party, ...]


class HeldBack(msgspec.Struct, frozen=True, gc=False):
    """A side keeps it back. `on_hold`: the sides that do now."""

    side: Party
    actor: str
    on_hold: tuple[Party, ...]


class LetGo(msgspec.Struct, frozen=True, gc=False):
    """A side lets it settle, or so much more of it (None: all). `on_hold`: the sides that keep back
    what they did not let go."""

    side: Party
    quantity_minor: int | None
    actor: str
    on_hold: tuple[Party, ...]


class CancelWanted(msgspec.Struct, frozen=True, gc=False):
    """A side (both: "") wants it cancelled. `asked_by`: the sides that do now."""

    side: str
    reason: str
    actor: str
    asked_by: tuple[Party, ...]


class Retried(msgspec.Struct, frozen=True, gc=False):
    """Someone wants it tried again."""

    reason: str
    actor: str
    retry_count: int
    starts_at_us: int


class Offered(msgspec.Struct, frozen=True, gc=False):
    """Its next round settles only so much (None: all)."""

    quantity_minor: int | None


class Initiated(msgspec.Struct, frozen=True, gc=False):
    """A round began, for so much; it is decided before `settle_before_us`, or aborted."""

    round_id: str
    quantity_minor: int
    amount_minor: int
    settle_before_us: int


class SecuritiesLocked(msgspec.Struct, frozen=True, gc=False):
    """What the seller delivers is earmarked. `reference`: the domain's own name for that."""

    round_id: str
    quantity_minor: int
    domain: str
    reference: str
    contract_id: str


class CashLocked(msgspec.Struct, frozen=True, gc=False):
    """What the buyer pays is earmarked, as well as what the seller delivers."""

    round_id: str
    amount_minor: int
    domain: str
    reference: str
    contract_id: str


class RefusedBy(msgspec.Struct, frozen=True, gc=False):
    """A domain would not; it is asked again at `again_at_us`, if that is not 0. What others have
    there is nobody's to know."""

    round_id: str
    domain: str
    deed: Deed
    reason: Reason
    code: str
    again_at_us: int


class Executing(msgspec.Struct, frozen=True, gc=False):
    """It is decided: from here on only forward."""

    round_id: str
    quantity_minor: int
    amount_minor: int


class LegExecuted(msgspec.Struct, frozen=True, gc=False):
    """A domain has executed what lies there: the securities, or the cash; the other leg follows.
    `reference`: the domain's own name for that."""

    round_id: str
    domain: str
    securities: bool
    cash: bool
    reference: str
    contract_id: str


class Aborted(msgspec.Struct, frozen=True, gc=False):
    """It is decided that this round does nothing; what is earmarked is released."""

    round_id: str
    reason: str
    code: str


class Confirmed(msgspec.Struct, frozen=True, gc=False):
    """Every domain has executed. `dvp_atomic_transaction_id`: of a round that one contract of a
    domain settled what that domain calls it, else the round's id; no other round has it.
    References: the domains' names for what they did."""

    round_id: str
    quantity_minor: int
    amount_minor: int
    dvp_atomic_transaction_id: str
    dvp_contract_id: str
    securities_reference: str
    cash_reference: str


class Settled(msgspec.Struct, frozen=True, gc=False):
    """This round's tranche is settled, and so much in all; nothing is open."""

    round_id: str
    quantity_minor: int
    amount_minor: int
    settled_quantity_minor: int
    settled_amount_minor: int


class PartiallySettled(msgspec.Struct, frozen=True, gc=False):
    """This round's tranche is settled, and so much in all; the rest is open."""

    round_id: str
    quantity_minor: int
    amount_minor: int
    settled_quantity_minor: int
    settled_amount_minor: int
    open_quantity_minor: int
    open_amount_minor: int
    starts_at_us: int


class Recycled(msgspec.Struct, frozen=True, gc=False):
    """A round did nothing; the next may begin at `starts_at_us` (0: once it is let go)."""

    round_id: str
    reason: Reason
    code: str
    recycled: int
    starts_at_us: int


class Postponed(msgspec.Struct, frozen=True, gc=False):
    """Its day is no settlement day after all; its next round may begin at `starts_at_us`."""

    starts_at_us: int


class Failed(msgspec.Struct, frozen=True, gc=False):
    """It ended; so much was not delivered. `round_id`: the round that came to nothing; "" when none
    was under way."""

    round_id: str
    reason: Reason
    code: str
    open_quantity_minor: int


class PenaltyAccrued(msgspec.Struct, frozen=True, gc=False):
    """What a day of failing costs `failing`, for the other, in the cash asset."""

    day: int
    penalty: PenaltyKind
    failing: Party
    amount_minor: int
    rate_ppm: int


Facts = (
    Instructed
    | Alleged
    | Matched
    | HeldBack
    | LetGo
    | CancelWanted
    | Retried
    | Offered
    | Initiated
    | SecuritiesLocked
    | CashLocked
    | RefusedBy
    | Executing
    | LegExecuted
    | Aborted
    | Confirmed
    | Settled
    | PartiallySettled
    | Recycled
    | Postponed
    | Failed
    | PenaltyAccrued
)
FACTS: Mapping[ToldType, type[msgspec.Struct]] = {
    ToldType.INSTRUCTED: Instructed,
    ToldType.ALLEGED: Alleged,
    ToldType.MATCHED: Matched,
    ToldType.HELD: HeldBack,
    ToldType.RELEASED: LetGo,
    ToldType.CANCEL_ASKED: CancelWanted,
    ToldType.RETRIED: Retried,
    ToldType.PARTIAL_OFFERED: Offered,
    ToldType.INITIATED: Initiated,
    ToldType.SELLER_SECURITIES_LOCKED: SecuritiesLocked,
    ToldType.BUYER_CASH_LOCKED: CashLocked,
    ToldType.REFUSED: RefusedBy,
    ToldType.EXECUTING: Executing,
    ToldType.LEG_EXECUTED: LegExecuted,
    ToldType.STUCK: RefusedBy,
    ToldType.ABORTED: Aborted,
    ToldType.CONFIRMED: Confirmed,
    ToldType.SETTLED: Settled,
    ToldType.PARTIALLY_SETTLED: PartiallySettled,
    ToldType.RECYCLED: Recycled,
    ToldType.POSTPONED: Postponed,
    ToldType.FAILED: Failed,
    ToldType.PENALTY: PenaltyAccrued,
}
"""What is told with each."""


class Told(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to a settlement. `place`: from 0, in its journal row; `status`: where
    the settlement stands after it."""

    about: About
    event_type: ToldType
    status: Status
    height: int
    at_us: int
    place: int
    facts: Facts


def event_id(chain: str, height: int, place: int) -> str:
    """Return the name of what is told: the same whenever the journal is read."""
    return f"{chain}.{height}.{place}"
