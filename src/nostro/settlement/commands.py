"""What can one order the settlement room to do?

Settlements go by number, from 1; parties by id: 1 to 48 characters of `A-Z a-z 0-9 . _ @ -`.
Trade ids and references: 1 to 64 characters of `A-Z a-z 0-9 . _ : @ / -`. Quantities and amounts
are integer minor units; days are ISO dates. Who sends a command is the actor of its context; the
door sees to it that a party speaks for itself only.
"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Command
from nostro.kernel.movement import Lacking
from nostro.settlement.terms import (
    Cycle,
    Deed,
    DomainState,
    Instrument,
    Outcome,
    Partial,
    Party,
    settlement_id,
)


class NewSettlement(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A delivery against payment on which both sides agree.

    `securities_domain`, `cash_domain` "": where the instrument settles, or where it was set aside.
    `trade_date` "": today. `settlement_date` "": by `cycle`, counted from the trade date. `held`:
    sides that want to release it first. `prefunded`: both sides were set aside when the trade was
    made (only on the coordinator's own ledger). `origin`: where it comes from: `api`, `topic`, or a
    market's symbol.
    """

    trade_id: str
    seller: str
    buyer: str
    security: str
    quantity_minor: int
    cash: str
    amount_minor: int
    securities_domain: str = ""
    cash_domain: str = ""
    trade_date: str = ""
    settlement_date: str = ""
    cycle: Cycle = Cycle.INSTANT
    seller_partial: Partial = Partial.NPAR
    buyer_partial: Partial = Partial.NPAR
    seller_partial_min_minor: int = 0
    buyer_partial_min_minor: int = 0
    held: tuple[Party, ...] = ()
    prefunded: bool = False
    origin: str = "api"


class NewSide(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One side's instruction, to be matched with the other's. `reference`: the party's own, unique
    for it. `trade_id`: a common reference, compared only when both give one."""

    side: Party
    reference: str
    party: str
    counterparty: str
    security: str
    quantity_minor: int
    cash: str
    amount_minor: int
    trade_date: str
    settlement_date: str
    trade_id: str = ""
    securities_domain: str = ""
    cash_domain: str = ""
    partial: Partial = Partial.NPAR
    partial_min_minor: int = 0
    held: bool = False


class InstructSettlements(Command, frozen=True, kw_only=True, tag="settlement.InstructSettlements"):
    """Settle what is agreed, each with its own result; `linked`: as one bundle, all or none, and
    the first refusal refuses the command (facts `index`).

    Reply body: {"results": [{"settlement", "settlement_id", "trade_id", "status", "exists"} or
    {"trade_id", "code", "facts"}, ...]}. A trade id with the same content again: `exists`, as it
    stands. Refused, each: `settlement.bad_trade_id`, `.bad_party`, `.same_party`, `.bad_asset`,
    `.same_asset`, `.bad_amount`, `.bad_lot` (no multiple of the instrument's), `.domain_unknown`,
    `.bad_date`, `.date_past`, `.date_too_far`, `.date_closed` (facts `next_day`), `.bad_partial`,
    `.bad_origin`, `.prefunded_elsewhere`, `.trade_exists` (other content); whole:
    `.too_many`, `.bundle_too_large`, `.link_differs` (a linked command names some that exist and
    others that do not), `.linked_days_differ`.
    """

    settlements: list[NewSettlement]
    linked: bool = False


class InstructSide(Command, frozen=True, kw_only=True, tag="settlement.InstructSide"):
    """Instruct one side: it is matched with the oldest instruction of the other that agrees in
    every mandatory field, cash within tolerance, or waits and is alleged to the other.

    Reply body: {"settlement", "settlement_id", "status", "matched", "exists"}. Sent twice (same
    party and reference): `exists`. Refused as in InstructSettlements, and
    `settlement.bad_reference`, `settlement.reference_exists` (other content),
    `settlement.too_many_unmatched`.
    """

    instruction: NewSide


class _AboutSettlement(Command, frozen=True, kw_only=True):
    settlement: int

    @property
    def stream(self) -> str:
        """Name the settlement."""
        return settlement_id(self.settlement)


class HoldSettlement(_AboutSettlement, frozen=True, kw_only=True, tag="settlement.HoldSettlement"):
    """Keep a settlement back for one side until it releases it; by that party. A round under way
    that is not decided is aborted. Sent twice: accepted, no event. Refused: `settlement.unknown`,
    `settlement.decided`, `settlement.ended`, `settlement.not_matched` (that side has not
    instructed), `settlement.prefunded` (a market made the trade, and has both sides)."""

    side: Party


class ReleaseSettlement(
    _AboutSettlement, frozen=True, kw_only=True, tag="settlement.ReleaseSettlement"
):
    """Release what a side held back, or only `quantity_minor` of it (0: all); by that party. Sent
    twice: accepted, no event. Refused: `settlement.unknown`, `settlement.ended`,
    `settlement.not_on_hold`, `settlement.partial_not_agreed`, `settlement.quantity_too_large`,
    `settlement.bad_lot`."""

    side: Party
    quantity_minor: int = 0


class CancelSettlement(
    _AboutSettlement, frozen=True, kw_only=True, tag="settlement.CancelSettlement"
):
    """Ask to cancel, by a party, or by the operator for both (`side` None). What is not matched
    ends at once; what is, when both have asked. A bundle is cancelled as a whole, once both sides
    of each of its settlements have asked. Sent twice: accepted, no event.

    Reply body: {"settlement", "settlement_id", "status", "cancelled": bool}; `cancelled`: all have
    asked, and it ends once nothing is earmarked any more. Refused: `settlement.unknown`,
    `settlement.decided`, `settlement.ended`, `settlement.not_matched` (that side has not
    instructed), `settlement.prefunded` (a market made the trade, and has both sides).
    """

    side: Party | None = None
    reason: str = ""


class RetrySettlement(
    _AboutSettlement, frozen=True, kw_only=True, tag="settlement.RetrySettlement"
):
    """Try again now what failed, or what waits for its next round; by either party or the operator.
    Counts in `retry_count`. Refused: `settlement.unknown`, `settlement.cancelled`,
    `settlement.ended` (settled), `settlement.under_way` (a round is), `settlement.on_hold`,
    `settlement.not_matched`, `settlement.not_due`."""

    reason: str


class DeedResult(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a domain said of a round. `reference`: its name for what it did (of Canton the id of
    the update); `contract_id` where there is one. `code` and `lacking` of a refusal."""

    bundle: int
    round: int
    outcome: Outcome
    reference: str = ""
    contract_id: str = ""
    code: str = ""
    lacking: list[Lacking] = []


class NoteDeeds(Command, frozen=True, kw_only=True, tag="settlement.NoteDeeds"):
    """Say what a domain answered to deeds; by performers and flows. Repeats, and what a round no
    longer waits for, change nothing. `domain_height`: up to where the domain is durable (0: it
    does not count)."""

    domain: str
    deed: Deed
    results: list[DeedResult]
    domain_height: int = 0

    @property
    def stream(self) -> str:
        """Name the domain."""
        return f"domain:{self.domain}"


class SetInstrument(Command, frozen=True, kw_only=True, tag="settlement.SetInstrument"):
    """Say how an asset settles from now on; by the operator. Sent twice: accepted, no event.
    Refused: `settlement.bad_asset`, `settlement.domain_unknown`, `settlement.bad_lot`,
    `settlement.calendar_unknown`, `settlement.penalty_class_unknown`."""

    instrument: Instrument


class SetPenaltyRate(Command, frozen=True, kw_only=True, tag="settlement.SetPenaltyRate"):
    """Say what a day of failing costs from a date on, in parts per million of what failed; by the
    operator. The newest word for a class and date counts. Refused: `settlement.bad_date`,
    `settlement.bad_rate`."""

    penalty_class: str
    valid_from: str
    rate_ppm: int


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """A word that a domain goes back on: that it was at `height`, or that it holds the round
    `held`, a (bundle, round)."""

    height: int = 0
    held: tuple[int, int] | None = None


class SetDomainState(Command, frozen=True, kw_only=True, tag="settlement.SetDomainState"):
    """Open, close or quarantine a domain; by the operator, and by reconciliation. Sent twice:
    accepted, no event. Refused: `settlement.domain_unknown`. `denied`: for this alone; when the
    word does not count any more, no event: who sends this may have been overtaken by another
    coordinator, which let go what was held."""

    domain: str
    state: DomainState
    reason: str = ""
    denied: Denial | None = None


COMMANDS: tuple[type[Command], ...] = (
    InstructSettlements,
    InstructSide,
    HoldSettlement,
    ReleaseSettlement,
    CancelSettlement,
    RetrySettlement,
    NoteDeeds,
    SetInstrument,
    SetPenaltyRate,
    SetDomainState,
)
