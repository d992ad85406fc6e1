"""What do readers see of settlements, instructions and rails?

Amounts are integer minor units, `scale` the decimals of the currency; times are microseconds since
the epoch (UTC).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class SettlementState(StrEnum):
    """Where a settlement is: it waits for certificates; pay-ins are under way; all have arrived,
    the payments are final and pay-outs are under way; nothing is left to move; it ended before
    finality; or an operator reversed it (all of it, or some payments)."""

    PLANNED = "planned"
    INITIATED = "initiated"
    SECURED = "secured"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    REVERSED = "reversed"


class InstructionState(StrEnum):
    """Where an instruction is: not yet sent; with a rail; asked about, for nothing is known of it;
    waiting for its next attempt; moved; or it will not move."""

    PLANNED = "planned"
    SENT = "sent"
    ASKED = "asked"
    WAITING = "waiting"
    SETTLED = "settled"
    FAILED = "failed"


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of an instruction on a rail. `outcome`: what was heard last, as in OutcomeKind,
    "" before anything was. `asks`: how often the rail was asked what became of it."""

    instruction_id: str
    attempt: int
    rail: str
    region: str
    outcome: str
    code: str
    asks: int
    started_at_us: int
    ended_at_us: int | None
    next_attempt_at_us: int | None


class InstructionView(msgspec.Struct, frozen=True, kw_only=True):
    """A movement on a rail and its attempts. `direction`: in or out, seen from our account.
    `transaction_id` of a gross payment, else ""."""

    instruction_id: str
    settlement_id: str
    participant_id: str
    currency: str
    scale: int
    direction: str
    amount_minor: int
    purpose: str
    transaction_id: str
    state: InstructionState
    code: str
    rail: str
    rail_reference: str
    charges_minor: int
    confirmed_by: str
    planned_at_us: int
    changed_at_us: int
    attempts: list[AttemptView]
    height: int


class SettlementSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement as it stands now. `participant_id`: whose fault a failure was, "" for nobody's;
    `code` and `reason`: why it failed or was reversed. `missing`: batches without a certificate.
    `failed_instructions`: pay-outs that will not move though the payments are final. `breaks`: how
    often what was told contradicted what is booked."""

    settlement_id: str
    state: SettlementState
    batch_ids: list[str]
    missing: int
    instructions_count: int
    participant_id: str
    code: str
    reason: str
    failed_instructions: list[str]
    breaks: int
    planned_at_us: int
    initiated_at_us: int | None
    secured_at_us: int | None
    ended_at_us: int | None
    changed_at_us: int
    height: int


class SettlementView(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement with its instructions, pay-ins first, and their attempts."""

    settlement: SettlementSummary
    instructions: list[InstructionView]


class CircuitView(msgspec.Struct, frozen=True, kw_only=True):
    """A rail in a region that fails too often, or did: nothing is sent there until `until_us` (None
    when it works, 0 until it is opened by hand)."""

    rail: str
    region: str
    open: bool
    until_us: int | None
    reason: str
    changed_at_us: int
    height: int
