"""Which columns do readers of batches and settlements ask for, and what do the rows mean?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from nostro.adapters.postgres.reading import Rows, ViewReader
from nostro.consensus import CertificateView, CommitteeView, EvidenceView, Member
from nostro.execution import (
    AttemptView,
    CircuitView,
    InstructionState,
    InstructionView,
    SettlementState,
    SettlementSummary,
)
from nostro.kernel.asset import SEED
from nostro.ledger import LINE_BITS
from nostro.netting import (
    BatchState,
    BatchSummary,
    Caps,
    CostReport,
    CycleState,
    CycleView,
    FxTrade,
    Position,
    RateSet,
)

Row = Sequence[Any]

CYCLE = """
    SELECT c.cycle_id, c.state, c.gross, c.value_date, c.cut_off_at_us, c.opened_at_us,
           c.planned_at_us, c.closed_at_us, c.payments_count, c.batches_count, c.gross_count,
           c.deferred_count, c.plans_refused, c.refusal, c.caps, coalesce(c.positions, '[]'),
           coalesce(c.fx_trades, '[]'), c.rate_set, c.report, c.last_height, c.seq
      FROM nostro.cycles AS c
"""
BATCH = """
    SELECT b.batch_id, b.cycle_id, b.number, b.of_count, b.items_count,
           CASE WHEN b.unwound THEN 'unwound' ELSE b.state END, b.reason, b.body_hash, b.epoch,
           b.consensus_height, b.round, b.entry_hash, coalesce(b.signers, '[]'), b.created_at_us,
           b.certified_at_us, b.settled_at_us, b.last_height, b.seq, b.entry, b.certificate,
           b.rejected
      FROM nostro.batches AS b
"""
SETTLEMENT = """
    SELECT s.settlement_id, s.state, s.batch_ids, s.missing, s.instructions_count,
           s.participant_id, s.code, s.reason, s.failed, s.breaks, s.planned_at_us,
           s.initiated_at_us, s.secured_at_us, s.ended_at_us, s.last_at_us, s.last_height, s.seq
      FROM nostro.cycle_settlements AS s
"""
INSTRUCTION = """
    SELECT i.instruction_id, i.settlement_id, i.participant_id, i.currency, i.direction, i.amount,
           i.purpose, i.transaction_id, i.state, i.code, i.rail, i.rail_reference, i.charges,
           i.confirmed_by, i.planned_at_us, i.last_at_us, i.last_height
      FROM nostro.instructions AS i
"""
_ATTEMPTS = """
    SELECT instruction_id, attempt, rail, region, outcome, code, asks, started_at_us, ended_at_us,
           next_attempt_at_us
      FROM nostro.rail_attempts WHERE instruction_id = ANY(%s) ORDER BY instruction_id, attempt
"""
COMMITTEE = """
    SELECT epoch, chain_id, members, ruleset_version, activation_height, formed_at_us, height
      FROM nostro.committee
"""
EVIDENCE = """
    SELECT member_id, epoch, consensus_height, round, step, first, second, at_us, seq
      FROM nostro.evidence ORDER BY seq
"""
CIRCUITS = """
    SELECT rail, region, is_open, until_us, reason, last_at_us, last_height
      FROM nostro.circuits ORDER BY rail, region
"""


async def scales_of(reader: ViewReader, codes: Iterable[str]) -> dict[str, int]:
    """Return the decimals of currencies; those registered beyond the seed are looked up."""
    wanted = set(codes)
    scales = {code: SEED[code].scale for code in wanted if code in SEED}
    missing = sorted(wanted - scales.keys())
    if missing:
        rows = await reader.rows(
            "SELECT code, scale FROM nostro.assets WHERE code = ANY(%s)", (missing,)
        )
        scales |= dict.fromkeys(missing, 0) | dict(rows)
    return scales


async def instructions_with_attempts(reader: ViewReader, rows: Rows) -> list[InstructionView]:
    """Return the instructions in rows of INSTRUCTION with their attempts."""
    if not rows:
        return []
    scales = await scales_of(reader, (row[3] for row in rows))
    attempts: dict[str, list[AttemptView]] = {}
    for row in await reader.rows(_ATTEMPTS, ([row[0] for row in rows],)):
        attempts.setdefault(row[0], []).append(attempt_view(row))
    return [instruction_view(row, scales[row[3]], attempts.get(row[0], [])) for row in rows]


def cycle_view(row: Row) -> CycleView:
    """Return the cycle in a row of CYCLE."""
    caps = msgspec.convert(row[14] or [], Caps)
    return CycleView(
        cycle_id=row[0],
        state=CycleState(row[1]),
        gross=row[2],
        value_date=row[3],
        cut_off_at_us=row[4],
        opened_at_us=row[5],
        planned_at_us=row[6],
        closed_at_us=row[7],
        payments_count=row[8],
        batches_count=row[9],
        gross_count=row[10],
        deferred_count=row[11],
        plans_refused=row[12],
        refusal=row[13],
        caps=msgspec.structs.asdict(caps),
        positions=msgspec.convert(row[15], list[Position]),
        fx_trades=msgspec.convert(row[16], list[FxTrade]),
        rate_set=None if row[17] is None else msgspec.convert(row[17], RateSet),
        report=None if row[18] is None else msgspec.convert(row[18], CostReport),
        height=row[19],
    )


def batch_summary(row: Row) -> BatchSummary:
    """Return the batch in a row of BATCH."""
    return BatchSummary(
        batch_id=row[0],
        cycle_id=row[1],
        number=row[2],
        of=row[3],
        items_count=row[4],
        state=BatchState(row[5]),
        reason=row[6],
        body_hash=row[7],
        epoch=row[8],
        consensus_height=row[9],
        round=row[10],
        entry_hash=row[11],
        signers=row[12],
        created_at_us=row[13],
        certified_at_us=row[14],
        settled_at_us=row[15],
        height=row[16],
    )


def certificate_view(row: Row) -> CertificateView:
    """Return the certificate in a row of BATCH that has one."""
    return CertificateView(
        consensus_height=row[9],
        batch_id=row[0],
        cycle_id=row[1],
        epoch=row[8],
        round=row[10],
        rejected=row[20],
        reason=row[6],
        body_hash=row[7],
        entry_hash=row[11],
        entry=row[18],
        certificate=row[19],
        signers=row[12],
        at_us=row[14],
        height=row[16],
    )


def settlement_summary(row: Row) -> SettlementSummary:
    """Return the settlement in a row of SETTLEMENT."""
    return SettlementSummary(
        settlement_id=row[0],
        state=SettlementState(row[1]),
        batch_ids=row[2],
        missing=row[3],
        instructions_count=row[4],
        participant_id=row[5],
        code=row[6],
        reason=row[7],
        failed_instructions=row[8],
        breaks=row[9],
        planned_at_us=row[10],
        initiated_at_us=row[11],
        secured_at_us=row[12],
        ended_at_us=row[13],
        changed_at_us=row[14],
        height=row[15],
    )


def instruction_view(row: Row, scale: int, attempts: list[AttemptView]) -> InstructionView:
    """Return the instruction in a row of INSTRUCTION."""
    return InstructionView(
        instruction_id=row[0],
        settlement_id=row[1],
        participant_id=row[2],
        currency=row[3],
        scale=scale,
        direction=row[4],
        amount_minor=int(row[5]),
        purpose=row[6],
        transaction_id=row[7],
        state=InstructionState(row[8]),
        code=row[9],
        rail=row[10],
        rail_reference=row[11],
        charges_minor=int(row[12]),
        confirmed_by=row[13],
        planned_at_us=row[14],
        changed_at_us=row[15],
        attempts=attempts,
        height=row[16],
    )


def attempt_view(row: Row) -> AttemptView:
    """Return an attempt."""
    return AttemptView(
        instruction_id=row[0],
        attempt=row[1],
        rail=row[2],
        region=row[3],
        outcome=row[4],
        code=row[5],
        asks=row[6],
        started_at_us=row[7],
        ended_at_us=row[8],
        next_attempt_at_us=row[9],
    )


def committee_view(row: Row) -> CommitteeView:
    """Return the members in a row of COMMITTEE."""
    return CommitteeView(
        epoch=row[0],
        chain_id=row[1],
        members=[Member(member_id=id_, public_key=key, proof=proof) for id_, key, proof in row[2]],
        ruleset_version=row[3],
        activation_height=row[4],
        formed_at_us=row[5],
        height=row[6],
    )


def evidence_view(row: Row) -> EvidenceView:
    """Return the evidence in a row of EVIDENCE."""
    return EvidenceView(
        member_id=row[0],
        epoch=row[1],
        consensus_height=row[2],
        round=row[3],
        step=row[4],
        first=row[5],
        second=row[6],
        at_us=row[7],
        height=row[8] >> LINE_BITS,
    )


def circuit_view(row: Row) -> CircuitView:
    """Return a rail in a region in a row of CIRCUITS."""
    return CircuitView(
        rail=row[0],
        region=row[1],
        open=row[2],
        until_us=row[3],
        reason=row[4],
        changed_at_us=row[5],
        height=row[6],
    )
