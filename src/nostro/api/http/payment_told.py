"""How are payments, participants and movements on rails told to callers?

The views count in minor units and microseconds; here they become decimal strings and RFC 3339.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.api.http.ledger_told import TransferTold
from nostro.api.times import rfc3339
from nostro.execution import AttemptView, InstructionView
from nostro.kernel.asset import Asset
from nostro.kernel.money import format_amount
from nostro.payments import LedgerEntry, ParticipantView, PaymentSummary


class PaymentTold(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it stands now. `received`: what the counterparty gets, null before the rate is
    known. `reason`: why it was deferred, refused, cancelled, failed or reversed; `deferrals`: how
    often it had to wait for another cycle. `hits`: what screening found."""

    transaction_id: str
    state: str
    reason: str
    payer: str
    counterparty_id: str
    amount: str
    source_currency: str
    received: str | None
    destination_currency: str
    destination_account: str
    settlement_window: str
    priority: int
    value_date: str
    cycle_id: str
    cut_off_at: str
    batch_id: str
    deferrals: int
    accepted_at: str
    changed_at: str
    settled_at: str | None
    actor: str
    idempotency_key: str
    details: dict[str, str]
    hits: list[str]
    height: int
    links: dict[str, str]


class EntryTold(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the life of a payment, as in the SQL view settlement_ledger; `entry_id` as a
    string of digits."""

    entry_id: str
    event_type: str
    batch_id: str
    amount: str
    currency: str
    actor: str
    details: dict[str, Any]
    recorded_at: str
    height: int


class AttemptTold(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt on a rail. `outcome`: settled, pending, refused, absent or unknown, "" while it
    is open. `asks`: how often the rail was asked what became of it."""

    attempt: int
    rail: str
    region: str
    outcome: str
    code: str
    asks: int
    started_at: str
    ended_at: str | None
    next_attempt_at: str | None


class InstructionTold(msgspec.Struct, frozen=True, kw_only=True):
    """A movement on a rail with its attempts. `direction`: in or out, seen from our account;
    `purpose`: position, gross or return; `code`: why it failed. `transaction_id` of a gross
    payment, else ""."""

    instruction_id: str
    settlement_id: str
    participant_id: str
    currency: str
    amount: str
    direction: str
    purpose: str
    transaction_id: str
    state: str
    code: str
    rail: str
    rail_reference: str
    charges: str
    confirmed_by: str
    planned_at: str
    changed_at: str
    attempts: list[AttemptTold]
    height: int


class CertificateTold(msgspec.Struct, frozen=True, kw_only=True):
    """What the members said of a batch: a quorum agreed to it, or (`rejected`) to its end. `entry`
    and `certificate` are canonical encodings in base64, hashes are hex."""

    batch_id: str
    cycle_id: str
    consensus_height: int
    epoch: int
    round: int
    rejected: bool
    reason: str
    body_hash: str
    entry_hash: str
    entry: str
    certificate: str
    signers: list[str]
    certified_at: str
    height: int


class PaymentInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A payment with its life: `timeline`, oldest first; the members' certificate of its batch;
    the movements on rails that settle it (its own, or the net positions of both banks in its
    cycle); and its lines in the ledger."""

    payment: PaymentTold
    timeline: list[EntryTold]
    certificate: CertificateTold | None
    instructions: list[InstructionTold]
    postings: list[TransferTold]


class PaymentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Payments, the newest first, as far as `next_cursor`. A page narrowed by state may be short
    and still have more."""

    data: list[PaymentTold]
    next_cursor: str | None
    has_more: bool
    height: int


class ParticipantTold(msgspec.Struct, frozen=True, kw_only=True):
    """A bank that takes part; `accounts` are its settlement accounts in the ledger by currency,
    `credit_lines` how far each may go below zero."""

    participant_id: str
    name: str
    bic: str
    lei: str
    country: str
    currencies: list[str]
    accounts: dict[str, str]
    credit_lines: dict[str, str]
    suspended: bool
    reason: str
    opened_at: str
    height: int


class Participants(msgspec.Struct, frozen=True, kw_only=True):
    """All participants, in the order of their ids."""

    data: list[ParticipantTold]


def moment(at_us: int | None) -> str | None:
    """Return a time, or None for none."""
    return None if at_us is None else rfc3339(at_us)


def payment_told(view: PaymentSummary, links: dict[str, str]) -> PaymentTold:
    """Return a payment as it is told."""
    received = view.destination_minor
    return PaymentTold(
        transaction_id=view.transaction_id,
        state=view.state,
        reason=view.reason,
        payer=view.payer,
        counterparty_id=view.payee,
        amount=format_amount(view.amount_minor, view.source_scale),
        source_currency=view.source_currency,
        received=None if received is None else format_amount(received, view.destination_scale),
        destination_currency=view.destination_currency,
        destination_account=view.destination_account,
        settlement_window=view.window,
        priority=view.priority,
        value_date=view.value_date,
        cycle_id=view.cycle_id,
        cut_off_at=rfc3339(view.cut_off_at_us),
        batch_id=view.batch_id,
        deferrals=view.retries,
        accepted_at=rfc3339(view.accepted_at_us),
        changed_at=rfc3339(view.changed_at_us),
        settled_at=moment(view.settled_at_us),
        actor=view.actor,
        idempotency_key=view.idempotency_key,
        details=view.details,
        hits=view.hits,
        height=view.height,
        links=links,
    )


def entry_told(view: LedgerEntry, scale: int) -> EntryTold:
    """Return an entry of a life as it is told; `scale` of its currency."""
    return EntryTold(
        entry_id=str(view.entry_id),
        event_type=view.event_type,
        batch_id=view.batch_id,
        amount=format_amount(view.amount_minor, scale),
        currency=view.currency,
        actor=view.actor,
        details=view.details,
        recorded_at=rfc3339(view.at_us),
        height=view.height,
    )


def instruction_told(view: InstructionView) -> InstructionTold:
    """Return a movement on a rail as it is told."""
    return InstructionTold(
        instruction_id=view.instruction_id,
        settlement_id=view.settlement_id,
        participant_id=view.participant_id,
        currency=view.currency,
        amount=format_amount(view.amount_minor, view.scale),
        direction=view.direction,
        purpose=view.purpose,
        transaction_id=view.transaction_id,
        state=view.state,
        code=view.code,
        rail=view.rail,
        rail_reference=view.rail_reference,
        charges=format_amount(view.charges_minor, view.scale),
        confirmed_by=view.confirmed_by,
        planned_at=rfc3339(view.planned_at_us),
        changed_at=rfc3339(view.changed_at_us),
        attempts=[_attempt_told(each) for each in view.attempts],
        height=view.height,
    )


def _attempt_told(view: AttemptView) -> AttemptTold:
    return AttemptTold(
        attempt=view.attempt,
        rail=view.rail,
        region=view.region,
        outcome=view.outcome,
        code=view.code,
        asks=view.asks,
        started_at=rfc3339(view.started_at_us),
        ended_at=moment(view.ended_at_us),
        next_attempt_at=moment(view.next_attempt_at_us),
    )


def participant_told(view: ParticipantView, assets: Mapping[str, Asset]) -> ParticipantTold:
    """Return a participant as it is told; `assets`: those it holds."""
    return ParticipantTold(
        participant_id=view.participant_id,
        name=view.name,
        bic=view.bic,
        lei=view.lei,
        country=view.country,
        currencies=view.currencies,
        accounts=accounts_of(view.participant_id, view.currencies),
        credit_lines={
            currency: format_amount(minor, assets[currency].scale)
            for currency, minor in sorted(view.credit_lines_minor.items())
        },
        suspended=view.suspended,
        reason=view.reason,
        opened_at=rfc3339(view.opened_at_us),
        height=view.height,
    )


def accounts_of(participant_id: str, currencies: Sequence[str]) -> dict[str, str]:
    """Return a participant's settlement accounts by currency."""
    return {currency: f"vostro:{participant_id}:{currency}" for currency in currencies}
