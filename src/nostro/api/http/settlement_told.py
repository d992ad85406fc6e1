"""How are cycles, batches, settlements and the members' word told to callers?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nostro.api.http.payment_told import (
    CertificateTold,
    InstructionTold,
    instruction_told,
    moment,
)
from nostro.api.times import rfc3339
from nostro.consensus import CertificateView, CommitteeView, EvidenceView
from nostro.execution import SettlementSummary, SettlementView
from nostro.kernel.asset import Asset
from nostro.kernel.money import format_amount
from nostro.netting import BatchSummary, BatchView, CostReport, CycleView, Edge, Position

_PPM_PER_PERCENT_DIGITS = 4
"""A per cent is 10,000 millionths."""


class SettlementTold(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement as it stands now; its id is that of its netting cycle.

    `certificates_missing`: batches that the members have not certified yet. `participant_id`: whose
    fault a failure was; `failed_instructions`: pay-outs that will not move though the payments are
    final; `breaks`: how often what was told contradicted what is booked.
    """

    settlement_id: str
    state: str
    batch_ids: list[str]
    certificates_missing: int
    instructions_count: int
    participant_id: str
    code: str
    reason: str
    failed_instructions: list[str]
    breaks: int
    planned_at: str
    initiated_at: str | None
    secured_at: str | None
    ended_at: str | None
    changed_at: str
    height: int


class SettlementStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement with its movements on rails, pay-ins first, and their attempts."""

    settlement: SettlementTold
    instructions: list[InstructionTold]


class SettlementsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Settlements, the newest first, as far as `next_cursor`."""

    data: list[SettlementTold]
    next_cursor: str | None
    has_more: bool
    height: int


class BatchTold(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it stands now, the `number`-th of its cycle's `of`; hashes are hex."""

    batch_id: str
    cycle_id: str
    number: int
    of: int
    payments_count: int
    state: str
    reason: str
    body_hash: str
    epoch: int | None
    consensus_height: int | None
    round: int | None
    entry_hash: str
    signers: list[str]
    created_at: str
    certified_at: str | None
    settled_at: str | None
    height: int


class EdgeTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer owes a payee: the sum and the number of payments of one currency pair."""

    payer: str
    payee: str
    amount: str
    source_currency: str
    received: str
    destination_currency: str
    count: int


class PositionTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant receives (positive) or pays (negative), net."""

    participant_id: str
    currency: str
    net: str


class TradeTold(msgspec.Struct, frozen=True, kw_only=True):
    """A trade with the market that squares a currency."""

    sell: str
    sell_currency: str
    buy: str
    buy_currency: str


class RatesTold(msgspec.Struct, frozen=True, kw_only=True):
    """The rates that were used, frozen under their hash; `rates` has [base, quote, numerator,
    denominator] of minor units, as strings."""

    rate_set_id: str
    provider: str
    kind: str
    as_of: str
    fetched_at: str
    rates: list[list[str]]


class ReportTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan costs and saves; money in `currency` at mid of the rate set.

    `gross_cost`: each payment alone. `grouped_cost`: same payer, payee and currency pair in one
    wire. `bilateral_cost`: what two owe each other set off. `gap_percent`: how far the cost is
    above a bound that no plan can undercut. `method`: how payments were selected.
    """

    currency: str
    gross_cost: str
    grouped_cost: str
    bilateral_cost: str
    cost: str
    saving: str
    saving_percent: str
    lower_bound: str
    gap_percent: str
    wires_before: int
    wires_after: int
    fx_gross: str
    fx_volume: str
    method: str
    solve_us: int


class CycleTold(msgspec.Struct, frozen=True, kw_only=True):
    """A netting cycle and its plan; `after` is what really moves, net."""

    cycle_id: str
    state: str
    gross: bool
    value_date: str
    cut_off_at: str
    opened_at: str
    planned_at: str | None
    closed_at: str | None
    payments_count: int
    batches_count: int
    gross_count: int
    deferred_count: int
    plans_refused: int
    refusal: str
    after: list[PositionTold]
    fx_trades: list[TradeTold]
    rates: RatesTold | None
    report: ReportTold | None
    height: int


class BatchEventTold(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the life of a batch."""

    entry_id: str
    event_type: str
    actor: str
    details: dict[str, Any]
    recorded_at: str


class BatchInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A batch with its life and the netting graph: `before`, what its payments owe; `positions`,
    what these alone come to; `cycle.after`, what really moves, as netting is over the whole cycle.
    `certificate` is canonical, in base64; see `/certificate` for the whole of it."""

    batch: BatchTold
    certificate: str
    transaction_ids: list[str]
    before: list[EdgeTold]
    positions: list[PositionTold]
    cycle: CycleTold
    events: list[BatchEventTold]


class MemberTold(msgspec.Struct, frozen=True, kw_only=True):
    """A member, its public key and its proof of possession, in hex."""

    member_id: str
    public_key: str
    proof: str


class CommitteeTold(msgspec.Struct, frozen=True, kw_only=True):
    """The members of an epoch, in order; from `activation_height` of their own chain on. `quorum`:
    how many must sign."""

    chain_id: str
    epoch: int
    members: list[MemberTold]
    quorum: int
    ruleset_version: int
    activation_height: int
    formed_at: str
    height: int


class EvidenceTold(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that a member signed two values for one step: both messages, signed."""

    member_id: str
    epoch: int
    consensus_height: int
    round: int
    step: str
    first: str
    second: str
    recorded_at: str
    height: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All evidence, the oldest first."""

    data: list[EvidenceTold]


def settlement_told(view: SettlementSummary) -> SettlementTold:
    """Return a settlement as it is told."""
    return SettlementTold(
        settlement_id=view.settlement_id,
        state=view.state,
        batch_ids=view.batch_ids,
        certificates_missing=view.missing,
        instructions_count=view.instructions_count,
        participant_id=view.participant_id,
        code=view.code,
        reason=view.reason,
        failed_instructions=view.failed_instructions,
        breaks=view.breaks,
        planned_at=rfc3339(view.planned_at_us),
        initiated_at=moment(view.initiated_at_us),
        secured_at=moment(view.secured_at_us),
        ended_at=moment(view.ended_at_us),
        changed_at=rfc3339(view.changed_at_us),
        height=view.height,
    )


def status_told(view: SettlementView) -> SettlementStatus:
    """Return a settlement with its movements as it is told."""
    return SettlementStatus(
        settlement=settlement_told(view.settlement),
        instructions=[instruction_told(each) for each in view.instructions],
    )


def certificate_told(view: CertificateView) -> CertificateTold:
    """Return a certificate as it is told."""
    return CertificateTold(
        batch_id=view.batch_id,
        cycle_id=view.cycle_id,
        consensus_height=view.consensus_height,
        epoch=view.epoch,
        round=view.round,
        rejected=view.rejected,
        reason=view.reason,
        body_hash=view.body_hash,
        entry_hash=view.entry_hash,
        entry=view.entry,
        certificate=view.certificate,
        signers=view.signers,
        certified_at=rfc3339(view.at_us),
        height=view.height,
    )


def batch_told(view: BatchSummary) -> BatchTold:
    """Return a batch as it is told."""
    return BatchTold(
        batch_id=view.batch_id,
        cycle_id=view.cycle_id,
        number=view.number,
        of=view.of,
        payments_count=view.items_count,
        state=view.state,
        reason=view.reason,
        body_hash=view.body_hash,
        epoch=view.epoch,
        consensus_height=view.consensus_height,
        round=view.round,
        entry_hash=view.entry_hash,
        signers=view.signers,
        created_at=rfc3339(view.created_at_us),
        certified_at=moment(view.certified_at_us),
        settled_at=moment(view.settled_at_us),
        height=view.height,
    )


def batch_in_full(view: BatchView, assets: Mapping[str, Asset]) -> BatchInFull:
    """Return a batch with its netting graph as it is told; `assets`: its currencies."""
    return BatchInFull(
        batch=batch_told(view.batch),
        certificate=view.certificate,
        transaction_ids=view.transaction_ids,
        before=[_edge_told(edge, assets) for edge in view.before],
        positions=[_position_told(each, assets) for each in view.own_positions],
        cycle=cycle_told(view.cycle, assets),
        events=[
            BatchEventTold(
                entry_id=str(each.entry_id),
                event_type=each.event_type,
                actor=each.actor,
                details=each.details,
                recorded_at=rfc3339(each.at_us),
            )
            for each in view.events
        ],
    )


def currencies_of(view: BatchView) -> set[str]:
    """Return every currency that a batch and its cycle name."""
    cycle = view.cycle
    codes = {each.currency for each in (*view.own_positions, *cycle.positions)}
    codes |= {code for edge in view.before for code in (edge.source_currency,)}
    codes |= {edge.destination_currency for edge in view.before}
    codes |= {trade.sell_currency for trade in cycle.fx_trades}
    codes |= {trade.buy_currency for trade in cycle.fx_trades}
    return codes if cycle.report is None else codes | {cycle.report.currency}


def _edge_told(edge: Edge, assets: Mapping[str, Asset]) -> EdgeTold:
    return EdgeTold(
        payer=edge.payer,
        payee=edge.payee,
        amount=format_amount(edge.amount_minor, assets[edge.source_currency].scale),
        source_currency=edge.source_currency,
        received=format_amount(edge.destination_minor, assets[edge.destination_currency].scale),
        destination_currency=edge.destination_currency,
        count=edge.count,
    )


def _position_told(position: Position, assets: Mapping[str, Asset]) -> PositionTold:
    return PositionTold(
        participant_id=position.participant,
        currency=position.currency,
        net=format_amount(position.net_minor, assets[position.currency].scale),
    )


def cycle_told(view: CycleView, assets: Mapping[str, Asset]) -> CycleTold:
    """Return a cycle as it is told."""
    rates, report = view.rate_set, view.report
    return CycleTold(
        cycle_id=view.cycle_id,
        state=view.state,
        gross=view.gross,
        value_date=view.value_date,
        cut_off_at=rfc3339(view.cut_off_at_us),
        opened_at=rfc3339(view.opened_at_us),
        planned_at=moment(view.planned_at_us),
        closed_at=moment(view.closed_at_us),
        payments_count=view.payments_count,
        batches_count=view.batches_count,
        gross_count=view.gross_count,
        deferred_count=view.deferred_count,
        plans_refused=view.plans_refused,
        refusal=view.refusal,
        after=[_position_told(each, assets) for each in view.positions],
        fx_trades=[
            TradeTold(
                sell=format_amount(each.sell_minor, assets[each.sell_currency].scale),
                sell_currency=each.sell_currency,
                buy=format_amount(each.buy_minor, assets[each.buy_currency].scale),
                buy_currency=each.buy_currency,
            )
            for each in view.fx_trades
        ],
        rates=None
        if rates is None
        else RatesTold(
            rate_set_id=rates.rate_set_id,
            provider=rates.provider,
            kind=rates.kind,
            as_of=rfc3339(rates.as_of_us),
            fetched_at=rfc3339(rates.fetched_at_us),
            rates=[
                [each.base, each.quote, str(each.numerator), str(each.denominator)]
                for each in rates.rates
            ],
        ),
        report=None if report is None else _report_told(report, assets[report.currency].scale),
        height=view.height,
    )


def _report_told(report: CostReport, scale: int) -> ReportTold:
    return ReportTold(
        currency=report.currency,
        gross_cost=format_amount(report.gross_cost_minor, scale),
        grouped_cost=format_amount(report.grouped_cost_minor, scale),
        bilateral_cost=format_amount(report.bilateral_cost_minor, scale),
        cost=format_amount(report.cost_minor, scale),
        saving=format_amount(report.gross_cost_minor - report.cost_minor, scale),
        saving_percent=format_amount(report.saving_ppm, _PPM_PER_PERCENT_DIGITS),
        lower_bound=format_amount(report.lower_bound_minor, scale),
        gap_percent=format_amount(report.gap_ppm, _PPM_PER_PERCENT_DIGITS),
        wires_before=report.wires_before,
        wires_after=report.wires_after,
        fx_gross=format_amount(report.fx_gross_minor, scale),
        fx_volume=format_amount(report.fx_volume_minor, scale),
        method=report.method,
        solve_us=report.solve_us,
    )


def committee_told(view: CommitteeView) -> CommitteeTold:
    """Return a committee as it is told; two thirds and one more must sign."""
    return CommitteeTold(
        chain_id=view.chain_id,
        epoch=view.epoch,
        members=[
            MemberTold(member_id=each.member_id, public_key=each.public_key, proof=each.proof)
            for each in view.members
        ],
        quorum=2 * len(view.members) // 3 + 1,
        ruleset_version=view.ruleset_version,
        activation_height=view.activation_height,
        formed_at=rfc3339(view.formed_at_us),
        height=view.height,
    )


def evidence_told(view: EvidenceView) -> EvidenceTold:
    """Return evidence as it is told."""
    return EvidenceTold(
        member_id=view.member_id,
        epoch=view.epoch,
        consensus_height=view.consensus_height,
        round=view.round,
        step=view.step,
        first=view.first,
        second=view.second,
        recorded_at=rfc3339(view.at_us),
        height=view.height,
    )
