"""What does the settlement room report to have happened?

Many settlements stand in one event: what is told of each (`telling.py`) is one place, for views,
notices and messages alike. Days are ordinals (`datetime.date.toordinal`).
"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Event
from nostro.kernel.movement import Lacking, Lock, Move
from nostro.settlement.terms import (
    Deed,
    DomainState,
    Instrument,
    Partial,
    Party,
    PenaltyKind,
    Reason,
    Tranche,
)


class InstructedSettlement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A settlement as it was instructed, PENDING. `bundle`: the number of the first settlement that
    it settles together with, itself when alone. `starts_at_us`: when its first round may begin.
    A side that has not instructed yet has no reference; one that both agreed on has the trade id
    for both. `fingerprint` of what was said: a repeat is known by it."""

    number: int
    bundle: int
    trade_id: str
    seller: str
    buyer: str
    security: str
    quantity_minor: int
    cash: str
    amount_minor: int
    securities_domain: str
    cash_domain: str
    trade_day: int
    settlement_day: int
    starts_at_us: int
    seller_reference: str
    buyer_reference: str
    seller_partial: Partial = Partial.NPAR
    buyer_partial: Partial = Partial.NPAR
    seller_partial_min_minor: int = 0
    buyer_partial_min_minor: int = 0
    held: tuple[Party, ...] = ()
    prefunded: bool = False
    origin: str = "api"
    fingerprint: int = 0


class SettlementsInstructed(
    Event, frozen=True, array_like=True, tag="settlement.settlements_instructed"
):
    """Settlements are known. One with only one reference is alleged to the other party."""

    settlements: list[InstructedSettlement]


class SettlementMatched(Event, frozen=True, array_like=True, tag="settlement.settlement_matched"):
    """The other side instructed and agrees; `amount_minor` is the seller's. `trade_id`: that of
    whichever side gave one. `late_days`: how many settlement days after the intended one. `party`
    that instructed, and the `fingerprint` of what it said."""

    settlement: int
    side: Party
    reference: str
    trade_id: str
    amount_minor: int
    partial: Partial
    partial_min_minor: int
    held: bool
    late_days: int
    starts_at_us: int
    party: str = ""
    fingerprint: int = 0


class SettlementHeld(Event, frozen=True, array_like=True, tag="settlement.settlement_held"):
    """A side keeps it back."""

    settlement: int
    side: Party
    actor: str


class SettlementReleased(Event, frozen=True, array_like=True, tag="settlement.settlement_released"):
    """A side lets it settle, or `quantity_minor` more of it (0: all)."""

    settlement: int
    side: Party
    quantity_minor: int
    actor: str


class CancelAsked(Event, frozen=True, array_like=True, tag="settlement.cancel_asked"):
    """A side (both: "") wants it cancelled."""

    settlement: int
    side: str
    reason: str
    actor: str


class RetryAsked(Event, frozen=True, array_like=True, tag="settlement.retry_asked"):
    """Someone wants it tried again: it is PENDING, if it had failed, and its next round may begin
    at `starts_at_us`."""

    settlement: int
    reason: str
    actor: str
    starts_at_us: int


# -- rounds ----------------------------------------------------------------------------------------


class RoundPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a round does at one domain: earmarks what each party gives away net, then moves every
    leg gross."""

    domain: str
    locks: list[Lock]
    moves: list[Move]


class StartedRound(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A round that begins: INITIATED. `parts` in the order in which they are held, domains with
    securities first. It is decided before `settle_before_us`, exclusive, or aborted. `at_once`: it
    lies on the coordinator's own ledger as a whole."""

    bundle: int
    round: int
    settle_before_us: int
    tranches: list[Tranche]
    parts: list[RoundPart]
    at_once: bool = False


class RoundsStarted(Event, frozen=True, array_like=True, tag="settlement.rounds_started"):
    """Rounds began; their deeds are ordered next."""

    rounds: list[StartedRound]


class DeedOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One deed for one round. `locks` of a hold; `moves` of a hold and a post. `attempt`: how often
    this deed was asked for in this round, from 1."""

    bundle: int
    round: int
    round_id: str
    locks: list[Lock] = []
    moves: list[Move] = []
    attempt: int = 1


class DeedsOrdered(Event, frozen=True, array_like=True, tag="settlement.deeds_ordered"):
    """A domain is asked to do something for each of these rounds. `local`: it is the coordinator's
    own ledger, which answers in the same journal row."""

    domain: str
    local: bool
    deed: Deed
    orders: list[DeedOrder]


class DoneDeed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A domain did it. `reference`: its own name for what it did."""

    bundle: int
    round: int
    reference: str
    contract_id: str = ""


class HoldsPlaced(Event, frozen=True, array_like=True, tag="settlement.holds_placed"):
    """A domain has earmarked its part of these rounds."""

    domain: str
    rounds: list[DoneDeed]
    domain_height: int = 0


class RefusedDeed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A domain would not. `again_at_us`: when it is asked again (0: not in this round)."""

    bundle: int
    round: int
    reason: Reason
    code: str
    lacking: list[Lacking]
    again_at_us: int


class DeedsRefused(Event, frozen=True, array_like=True, tag="settlement.deeds_refused"):
    """A domain would not do these deeds. Of an execution or a release this cannot be: the rounds
    stay as they are, people must look, and it is asked again."""

    domain: str
    deed: Deed
    rounds: list[RefusedDeed]
    domain_height: int = 0


class DecidedRound(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decision, made once and for all. `reason` and `code` of an abort."""

    bundle: int
    round: int
    commit: bool
    reason: str = ""
    code: str = ""


class RoundsDecided(Event, frozen=True, array_like=True, tag="settlement.rounds_decided"):
    """Rounds are decided: committed ones are EXECUTING, and final from this journal row on."""

    rounds: list[DecidedRound]


class DeedsExecuted(Event, frozen=True, array_like=True, tag="settlement.deeds_executed"):
    """A domain has executed its part of these rounds. `deed` POST: all of it, at once."""

    domain: str
    deed: Deed
    rounds: list[DoneDeed]
    domain_height: int = 0


class HoldsReleased(Event, frozen=True, array_like=True, tag="settlement.holds_released"):
    """A domain has nothing earmarked for these rounds, and never will have."""

    domain: str
    rounds: list[DoneDeed]
    domain_height: int = 0


class SettledRound(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A round that every domain executed: CONFIRMED, and what the domains say agrees with what was
    ordered: SETTLED, or PARTIALLY_SETTLED for those in `open_minor`, with the quantities still
    open and `starts_at_us`, when their next round may begin."""

    bundle: int
    round: int
    tranches: list[Tranche]
    open_minor: list[tuple[int, int]] = []
    starts_at_us: int = 0


class RoundsSettled(Event, frozen=True, array_like=True, tag="settlement.rounds_settled"):
    """Rounds ended well."""

    rounds: list[SettledRound]


class RecycledRound(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A round that ended without effect: nothing is earmarked. Its settlements wait until
    `starts_at_us` (PENDING, or PARTIALLY_SETTLED when a part was settled before), on hold for ever
    when a side keeps them back. `recycled`: how often its bundle has gone to another cycle."""

    bundle: int
    round: int
    reason: Reason
    code: str
    starts_at_us: int
    recycled: int


class RoundsRecycled(Event, frozen=True, array_like=True, tag="settlement.rounds_recycled"):
    """Rounds failed, and are tried again later."""

    rounds: list[RecycledRound]


class FailedSettlement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A settlement that ended: FAILED; `open_minor` of it was not delivered."""

    settlement: int
    reason: Reason
    code: str
    open_minor: int


class SettlementsFailed(Event, frozen=True, array_like=True, tag="settlement.settlements_failed"):
    """Settlements failed or were cancelled; nothing is earmarked for them."""

    settlements: list[FailedSettlement]


class SettlementsLapsed(Event, frozen=True, array_like=True, tag="settlement.settlements_lapsed"):
    """Bundles that failed long ago can no longer be tried again, and leave memory."""

    bundles: list[int]


class SettlementsPostponed(
    Event, frozen=True, array_like=True, tag="settlement.settlements_postponed"
):
    """Bundles whose next round was due on a day that is no settlement day of theirs: it may begin
    at (bundle, time)."""

    bundles: list[tuple[int, int]]


class PartialOffered(Event, frozen=True, array_like=True, tag="settlement.partial_offered"):
    """How much of a settlement its next round may settle, as there is no more; 0: the whole."""

    settlement: int
    quantity_minor: int


# -- penalties, instruments, domains ---------------------------------------------------------------


class Penalty(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one day of failing costs the failing party, for the other: `amount_minor` of the cash
    asset, `rate_ppm` of what is open."""

    settlement: int
    day: int
    penalty: PenaltyKind
    failing: Party
    asset: str
    amount_minor: int
    rate_ppm: int


class PenaltiesAccrued(Event, frozen=True, array_like=True, tag="settlement.penalties_accrued"):
    """Penalties of a day that is over. They are reported, not collected."""

    penalties: list[Penalty]


class DayClosed(Event, frozen=True, array_like=True, tag="settlement.day_closed"):
    """Everything that a settlement day asks for has been done."""

    day: int


class InstrumentSet(Event, frozen=True, array_like=True, tag="settlement.instrument_set"):
    """An asset settles so from now on."""

    instrument: Instrument
    actor: str


class PenaltyRateSet(Event, frozen=True, array_like=True, tag="settlement.penalty_rate_set"):
    """A day of failing costs so much from a day on."""

    penalty_class: str
    valid_from: int
    rate_ppm: int
    actor: str


class DomainStateSet(Event, frozen=True, array_like=True, tag="settlement.domain_state_set"):
    """A domain takes part, or not."""

    domain: str
    state: DomainState
    reason: str
    actor: str


EVENTS: tuple[type[Event], ...] = (
    SettlementsInstructed,
    SettlementMatched,
    SettlementHeld,
    SettlementReleased,
    CancelAsked,
    RetryAsked,
    RoundsStarted,
    DeedsOrdered,
    HoldsPlaced,
    DeedsRefused,
    RoundsDecided,
    DeedsExecuted,
    HoldsReleased,
    RoundsSettled,
    RoundsRecycled,
    SettlementsFailed,
    SettlementsLapsed,
    SettlementsPostponed,
    PartialOffered,
    PenaltiesAccrued,
    DayClosed,
    InstrumentSet,
    PenaltyRateSet,
    DomainStateSet,
)
