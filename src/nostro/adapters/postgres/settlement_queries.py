"""What do the views say of cycles, batches, certificates, settlements and rails?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.ledger_queries import PAGE_ITEMS
from nostro.adapters.postgres.reading import (
    TIME_MAX,
    Cursor,
    ViewReader,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.adapters.postgres.settlement_rows import (
    BATCH,
    CIRCUITS,
    COMMITTEE,
    CYCLE,
    EVIDENCE,
    INSTRUCTION,
    SETTLEMENT,
    Row,
    batch_summary,
    certificate_view,
    circuit_view,
    committee_view,
    cycle_view,
    evidence_view,
    instructions_with_attempts,
    settlement_summary,
)
from nostro.consensus import CertificateView, CommitteeView, EvidenceView
from nostro.execution import (
    CircuitView,
    InstructionView,
    SettlementState,
    SettlementSummary,
    SettlementView,
)
from nostro.ledger import Page
from nostro.netting import (
    BatchEvent,
    BatchState,
    BatchSummary,
    BatchView,
    CycleState,
    CycleView,
    Edge,
    Position,
)

T = TypeVar("T")

_EDGES = """
    SELECT p.payer, p.payee, p.source_currency, sum(p.amount), p.destination_currency,
           sum(m.destination), count(*)
      FROM nostro.batch_items AS m
      JOIN nostro.payments AS p ON p.transaction_id = m.transaction_id
     WHERE m.batch_id = %s
     GROUP BY p.payer, p.payee, p.source_currency, p.destination_currency
     ORDER BY p.payer, p.payee, p.source_currency, p.destination_currency
"""
_BATCH_EVENTS = """
    SELECT seq, event_type, at_us, actor, details FROM nostro.batch_events
     WHERE batch_id = %s ORDER BY seq
"""


class _List(msgspec.Struct, frozen=True):
    """A list of things: how it is called, its query, alias, and where its rows have `seq`."""

    name: str
    select: str
    alias: str
    seq: int


_CYCLES = _List("cycles", CYCLE, "c", 20)
_BATCHES = _List("batches", BATCH, "b", 17)
_SETTLEMENTS = _List("settlements", SETTLEMENT, "s", 16)


class SettlementQueries:
    """Reads the views of settlements, as `SettlementReads` in the API says."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)

    # -- cycles and batches ------------------------------------------------------------------------

    async def cycle(self, cycle_id: str) -> CycleView | None:
        """Return a cycle with its report."""
        rows = await self._reader.rows(f"{CYCLE} WHERE c.cycle_id = %s", (cycle_id,))
        return cycle_view(rows[0]) if rows else None

    async def cycles(
        self,
        *,
        state: CycleState | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[CycleView]:
        """Return cycles, the newest first."""
        return await self._page(_CYCLES, cycle_view, {"c.state = %s": state}, cursor, limit)

    async def batch(self, batch_id: str) -> BatchView | None:
        """Return a batch with certificate, netting graph and events."""
        rows = await self._reader.rows(f"{BATCH} WHERE b.batch_id = %s", (batch_id,))
        if not rows:
            return None
        batch = batch_summary(rows[0])
        cycle = await self.cycle(batch.cycle_id)
        if cycle is None:  # the follower writes both in one transaction, this one came between
            return None
        edges = [_edge(row) for row in await self._reader.rows(_EDGES, (batch_id,))]
        ids = await self._reader.rows(
            "SELECT transaction_id FROM nostro.batch_items WHERE batch_id = %s ORDER BY place",
            (batch_id,),
        )
        events = await self._reader.rows(_BATCH_EVENTS, (batch_id,))
        return BatchView(
            batch=batch,
            entry=rows[0][18],
            certificate=rows[0][19],
            transaction_ids=[id_ for (id_,) in ids],
            before=edges,
            own_positions=_net(edges),
            cycle=cycle,
            events=[_batch_event(row) for row in events],
        )

    async def batches(
        self,
        *,
        cycle_id: str | None = None,
        state: BatchState | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[BatchSummary]:
        """Return batches, the newest first."""
        wanted = {
            "b.cycle_id = %s": cycle_id,
            "CASE WHEN b.unwound THEN 'unwound' ELSE b.state END = %s": state,
        }
        return await self._page(_BATCHES, batch_summary, wanted, cursor, limit)

    # -- settlements and rails ---------------------------------------------------------------------

    async def settlement(self, id: str) -> SettlementView | None:
        """Return a settlement by its own id (the cycle's) or that of one of its batches."""
        rows = await self._reader.rows(
            f"{SETTLEMENT} WHERE s.settlement_id = coalesce("
            "(SELECT cycle_id FROM nostro.batches WHERE batch_id = %s), %s)",
            (id, id),
        )
        if not rows:
            return None
        found = await self._reader.rows(
            f"{INSTRUCTION} WHERE i.settlement_id = %s ORDER BY i.direction, i.place",
            (rows[0][0],),
        )
        return SettlementView(
            settlement=settlement_summary(rows[0]),
            instructions=await instructions_with_attempts(self._reader, found),
        )

    async def settlements(
        self,
        *,
        state: SettlementState | None = None,
        participant: str | None = None,
        currency: str | None = None,
        from_us: int | None = None,
        to_us: int | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[SettlementSummary]:
        """Return settlements, the newest first."""
        has = (
            "EXISTS (SELECT FROM nostro.instructions AS i"
            " WHERE i.settlement_id = s.settlement_id AND i.{} = %s)"
        )
        wanted = {
            "s.state = %s": state,
            has.format("participant_id"): participant,
            has.format("currency"): currency,
            "s.planned_at_us >= %s": from_us,
            "s.planned_at_us <= %s": to_us,
        }
        return await self._page(_SETTLEMENTS, settlement_summary, wanted, cursor, limit)

    async def instruction(self, instruction_id: str) -> InstructionView | None:
        """Return an instruction with its attempts."""
        rows = await self._reader.rows(
            f"{INSTRUCTION} WHERE i.instruction_id = %s", (instruction_id,)
        )
        found = await instructions_with_attempts(self._reader, rows)
        return found[0] if found else None

    async def circuits(self) -> list[CircuitView]:
        """Return every rail and region that was ever closed off, by name."""
        return [circuit_view(row) for row in await self._reader.rows(CIRCUITS)]

    # -- the members -------------------------------------------------------------------------------

    async def committee(self, epoch: int | None = None) -> CommitteeView | None:
        """Return the members of an epoch (None: the newest)."""
        rows = await self._reader.rows(
            f"{COMMITTEE} WHERE %s::bigint IS NULL OR epoch = %s ORDER BY epoch DESC LIMIT 1",
            (epoch, epoch),
        )
        return committee_view(rows[0]) if rows else None

    async def committees(self) -> list[CommitteeView]:
        """Return all epochs, oldest first."""
        rows = await self._reader.rows(f"{COMMITTEE} ORDER BY epoch")
        return [committee_view(row) for row in rows]

    async def certificate(self, batch_id: str) -> CertificateView | None:
        """Return what the members said of a batch."""
        rows = await self._reader.rows(
            f"{BATCH} WHERE b.batch_id = %s AND b.consensus_height IS NOT NULL", (batch_id,)
        )
        return certificate_view(rows[0]) if rows else None

    async def certificates(
        self, *, after: int = 0, limit: int = PAGE_ITEMS
    ) -> list[CertificateView]:
        """Return certificates above a height of the members' chain, lowest first."""
        rows = await self._reader.rows(
            f"{BATCH} WHERE b.consensus_height > %s ORDER BY b.consensus_height LIMIT %s",
            (after, page_limit(limit)),
        )
        return [certificate_view(row) for row in rows]

    async def evidence(self) -> list[EvidenceView]:
        """Return all evidence, oldest first."""
        return [evidence_view(row) for row in await self._reader.rows(EVIDENCE)]

    async def _page(
        self,
        things: _List,
        view: Callable[[Row], T],
        wanted: dict[str, Any],
        cursor: str | None,
        limit: int,
    ) -> Page[T]:
        question = question_of(things.name, list(wanted.values()))
        start = read_cursor(cursor, question)
        size = page_limit(limit)
        given = {condition: value for condition, value in wanted.items() if value is not None}
        where = "".join(f" AND {condition}" for condition in given)
        height = await self._reader.checkpoint()
        rows = await self._reader.rows(
            f"{things.select} WHERE {things.alias}.seq < %s{where}"
            f" ORDER BY {things.alias}.seq DESC LIMIT %s",
            (start.after if start else TIME_MAX, *given.values(), size + 1),
        )
        more = None
        if len(rows) > size:
            more = write_cursor(Cursor(question, rows[size - 1][things.seq]))
        return Page([view(row) for row in rows[:size]], more, height)


def _edge(row: Sequence[Any]) -> Edge:
    payer, payee, source, amount, destination, received, count = row
    return Edge(payer, payee, source, int(amount), destination, int(received), count)


def _net(edges: Sequence[Edge]) -> list[Position]:
    """Return what edges come to, by participant and currency, without those that are zero."""
    nets: dict[tuple[str, str], int] = {}
    for edge in edges:
        paid, got = (edge.payer, edge.source_currency), (edge.payee, edge.destination_currency)
        nets[paid] = nets.get(paid, 0) - edge.amount_minor
        nets[got] = nets.get(got, 0) + edge.destination_minor
    return [Position(*key, net) for key, net in sorted(nets.items()) if net]


def _batch_event(row: Sequence[Any]) -> BatchEvent:
    return BatchEvent(
        entry_id=row[0], event_type=row[1], at_us=row[2], actor=row[3], details=row[4]
    )
