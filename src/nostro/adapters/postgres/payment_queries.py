"""What do the views say of participants, payments and their lives?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.ledger_queries import PAGE_ITEMS
from nostro.adapters.postgres.ledger_rows import TRANSFER, transfer_view
from nostro.adapters.postgres.reading import (
    Cursor,
    Rows,
    ViewReader,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.adapters.postgres.settlement_rows import (
    INSTRUCTION,
    instructions_with_attempts,
    scales_of,
)
from nostro.execution import InstructionView
from nostro.flows import books
from nostro.flows.suspense import LEGS, leg_id
from nostro.ledger import LINE_BITS, AsOf, Page, TransferView
from nostro.payments import (
    DailyFlow,
    LedgerEntry,
    ParticipantView,
    PaymentFilters,
    PaymentState,
    PaymentSummary,
)

SCAN_PAYMENTS = 2_000
"""Payments that one look takes in while filters leave few of them."""
SCANS_MAX = 10
"""Looks of one request; a page that stays short has a cursor that goes on."""
OWN_STATES = frozenset(
    {
        PaymentState.HELD,
        PaymentState.DEFERRED,
        PaymentState.REFUSED,
        PaymentState.CANCELLED,
        PaymentState.FAILED,
        PaymentState.REVERSED,
    }
)
"""States that a payment's own row has, and an index knows."""

_PARTICIPANT = """
    SELECT p.participant_id, p.name, p.bic, p.lei, p.country, p.suspended, p.reason,
           p.opened_at_us, p.last_height,
           ARRAY(SELECT jsonb_build_array(c.currency, c.credit_line)
                   FROM nostro.participant_currencies AS c
                  WHERE c.participant_id = p.participant_id ORDER BY c.seq)
      FROM nostro.participants AS p
"""
_PAYMENT = """
    SELECT transaction_id, state, reason, payer, payee, source_currency, amount,
           destination_currency, destination, destination_account, settlement_window, priority,
           value_date, cycle_id, cut_off_at_us, coalesce(batch_id, ''), retries, accepted_at_us,
           last_at_us, settled_at_us, actor, coalesce(idempotency_key, ''),
           coalesce(details, '{}'), coalesce(hits, '[]'), seq, last_height
      FROM nostro.payments_now
"""
_TIMELINE = """
    SELECT entry_id, transaction_id, coalesce(batch_id, ''), event_type, amount, currency,
           (extract(epoch FROM "timestamp") * 1000000)::bigint, actor, details
      FROM nostro.settlement_ledger WHERE transaction_id = %s ORDER BY "timestamp", entry_id
"""
_FLOWS = """
    SELECT currency, day, in_amount, in_count, out_amount, out_count
      FROM nostro.payment_flows_daily
     WHERE currency = %s AND day >= %s AND day <= %s ORDER BY day
"""
_POSITIONS = f"""{INSTRUCTION}
     WHERE i.settlement_id = %s AND ((i.participant_id = %s AND i.currency = %s)
                                     OR (i.participant_id = %s AND i.currency = %s))
       AND i.transaction_id = '' ORDER BY i.place
"""


class PaymentQueries:
    """Reads the views of payments, as `PaymentReads` in the API says."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)

    async def participant(self, participant_id: str) -> ParticipantView | None:
        """Return a participant."""
        rows = await self._reader.rows(
            f"{_PARTICIPANT} WHERE p.participant_id = %s", (participant_id,)
        )
        return _participant(rows[0]) if rows else None

    async def participants(self) -> list[ParticipantView]:
        """Return all participants, in the order of their ids."""
        rows = await self._reader.rows(f"{_PARTICIPANT} ORDER BY p.participant_id")
        return [_participant(row) for row in rows]

    async def payment(self, transaction_id: str) -> PaymentSummary | None:
        """Return a payment as it stands."""
        rows = await self._reader.rows(f"{_PAYMENT} WHERE transaction_id = %s", (transaction_id,))
        found = await self._summaries(rows)
        return found[0] if found else None

    async def timeline(self, transaction_id: str) -> list[LedgerEntry]:
        """Return the life of a payment, oldest first."""
        rows = await self._reader.rows(_TIMELINE, (transaction_id,))
        return [_entry(row) for row in rows]

    async def postings(self, transaction_id: str) -> list[TransferView]:
        """Return the ledger's lines of a payment, oldest first."""
        rows = await self._reader.rows(
            f"{TRANSFER} WHERE t.id = ANY(%s) OR t.refers_to = %s ORDER BY t.seq",
            (_posting_ids(transaction_id), books.payment_hold_id(transaction_id)),
        )
        return [transfer_view(row) for row in rows]

    async def instructions_of(self, transaction_id: str) -> list[InstructionView]:
        """Return what settles a payment: its own instructions, else the positions of both banks."""
        rows = await self._reader.rows(
            f"{INSTRUCTION} WHERE i.transaction_id = %s AND i.transaction_id <> ''"
            " ORDER BY i.place",
            (transaction_id,),
        )
        if not rows:
            payment = await self.payment(transaction_id)
            if payment is None or not payment.batch_id:
                return []
            rows = await self._reader.rows(
                _POSITIONS,
                (
                    payment.cycle_id,
                    payment.payer,
                    payment.source_currency,
                    payment.payee,
                    payment.destination_currency,
                ),
            )
        return await instructions_with_attempts(self._reader, rows)

    async def payments(
        self,
        filters: PaymentFilters,
        *,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[PaymentSummary]:
        """Return payments, the newest first. A page narrowed by several filters may be short and
        still have a next one."""
        question = question_of("payments", filters)
        start = read_cursor(cursor, question) or await self._period(question, filters)
        size = page_limit(limit)
        source, given, rest = _source(filters)
        where, parameters = _where(filters, rest)
        window = SCAN_PAYMENTS if where else size + 1
        rows: Rows = []
        bound, more = start.after, False
        for _ in range(SCANS_MAX):
            seqs = [
                seq
                for (seq,) in await self._reader.rows(
                    source,
                    {**given, "low": start.low << LINE_BITS, "high": bound, "limit": window},
                )
            ]
            rows += await self._reader.rows(
                f"{_PAYMENT} WHERE seq = ANY(%s){where} ORDER BY seq DESC LIMIT %s",
                (seqs, *parameters, size + 1 - len(rows)),
            )
            more = len(rows) > size
            if more or len(seqs) < window:
                break
            bound = seqs[-1]
        else:
            more = True
        last = rows[size - 1][24] if len(rows) > size else bound
        items = await self._summaries(rows[:size])
        next_cursor = write_cursor(Cursor(question, last, start.low, start.high)) if more else None
        return Page(items, next_cursor, start.high)

    async def _period(self, question: str, filters: PaymentFilters) -> Cursor:
        until = None if filters.to_us is None else AsOf(at_us=filters.to_us)
        high = await self._reader.height_of(until)
        low = 0
        if filters.from_us is not None:
            low = 1 + await self._reader.height_of(AsOf(at_us=filters.from_us - 1))
        return Cursor(question, (high + 1) << LINE_BITS, low, high)

    async def daily_flows(
        self, currency: str, *, from_day: str | None = None, to_day: str | None = None
    ) -> list[DailyFlow]:
        """Return what settled in a currency on each day that had something, oldest first."""
        rows = await self._reader.rows(_FLOWS, (currency, from_day or "", to_day or "9999-12-31"))
        return [
            DailyFlow(
                currency=row[0],
                day=row[1],
                in_minor=int(row[2]),
                in_count=row[3],
                out_minor=int(row[4]),
                out_count=row[5],
            )
            for row in rows
        ]

    async def _summaries(self, rows: Rows) -> list[PaymentSummary]:
        scales = await scales_of(self._reader, (code for row in rows for code in (row[5], row[7])))
        return [_payment(row, scales) for row in rows]


def _source(filters: PaymentFilters) -> tuple[str, dict[str, Any], frozenset[str]]:
    """Return the query for the next candidates' sequences by the index that helps most, its
    parameters, and the filters that it does not answer."""
    within = "seq >= %(low)s AND seq < %(high)s"
    one = (
        f"SELECT seq FROM nostro.payments WHERE {{}} AND {within} ORDER BY seq DESC LIMIT %(limit)s"
    )
    asked = {
        name
        for name in ("state", "participant", "payer", "counterparty", "currency", "window")
        if getattr(filters, name) is not None
    }
    for name in ("cycle_id", "batch_id"):
        if getattr(filters, name) is not None:
            asked.add(name)
    given = {name: getattr(filters, name) for name in asked}

    def by(query: str, *answered: str) -> tuple[str, dict[str, Any], frozenset[str]]:
        return query, {name: given[name] for name in answered}, frozenset(asked - {*answered})

    if "batch_id" in asked:
        return (
            "SELECT p.seq FROM nostro.batch_items AS m"
            " JOIN nostro.payments AS p ON p.transaction_id = m.transaction_id"
            f" WHERE m.batch_id = %(batch_id)s AND {within.replace('seq', 'p.seq')}"
            " ORDER BY p.seq DESC LIMIT %(limit)s",
            {"batch_id": filters.batch_id},
            frozenset(asked),
        )
    if filters.state in OWN_STATES:
        query = one.format("state = %(state)s AND state <> 'accepted'")
        return query, {"state": filters.state}, frozenset(asked)
    if "cycle_id" in asked:
        return by(one.format("cycle_id = %(cycle_id)s"), "cycle_id")
    if "payer" in asked:
        return by(one.format("payer = %(payer)s"), "payer")
    if "counterparty" in asked:
        return by(one.format("payee = %(counterparty)s"), "counterparty")
    if "participant" in asked:
        sides = " UNION ".join(
            f"({one.format(f'{side} = %(participant)s')})" for side in ("payer", "payee")
        )
        return by(f"{sides} ORDER BY seq DESC LIMIT %(limit)s", "participant")
    return by(one.format("true"))


def _where(filters: PaymentFilters, rest: Iterable[str]) -> tuple[str, list[Any]]:
    """Return conditions on payments_now for the filters that no index answered."""
    columns = {
        "state": "state = %s",
        "participant": "%s IN (payer, payee)",
        "payer": "payer = %s",
        "counterparty": "payee = %s",
        "currency": "%s IN (source_currency, destination_currency)",
        "window": "settlement_window = %s",
        "cycle_id": "cycle_id = %s",
        "batch_id": "batch_id = %s",
    }
    names = sorted(rest)
    told = "".join(f" AND {columns[name]}" for name in names)
    return told, [getattr(filters, name) for name in names]


def _posting_ids(transaction_id: str) -> list[str]:
    """Return every id under which flows book a payment."""
    moves = [
        books.payment_post_id(transaction_id),
        books.payment_credit_id(transaction_id),
        books.payment_reversal_id(transaction_id),
        books.payment_credit_reversal_id(transaction_id),
    ]
    legs = [leg_id(move, leg) for move in moves for leg in LEGS]
    held = [books.payment_hold_id(transaction_id), books.payment_void_id(transaction_id)]
    return [*held, *moves, *legs]


def _participant(row: Sequence[Any]) -> ParticipantView:
    currencies = row[9]
    return ParticipantView(
        participant_id=row[0],
        name=row[1],
        bic=row[2],
        lei=row[3],
        country=row[4],
        currencies=[currency for currency, _ in currencies],
        credit_lines_minor={currency: int(line) for currency, line in currencies if line},
        suspended=row[5],
        reason=row[6],
        opened_at_us=row[7],
        height=row[8],
    )


def _payment(row: Sequence[Any], scales: dict[str, int]) -> PaymentSummary:
    return PaymentSummary(
        transaction_id=row[0],
        state=PaymentState(row[1]),
        reason=row[2],
        payer=row[3],
        payee=row[4],
        source_currency=row[5],
        source_scale=scales[row[5]],
        amount_minor=int(row[6]),
        destination_currency=row[7],
        destination_scale=scales[row[7]],
        destination_minor=None if row[8] is None else int(row[8]),
        destination_account=row[9],
        window=row[10],
        priority=row[11],
        value_date=row[12],
        cycle_id=row[13],
        cut_off_at_us=row[14],
        batch_id=row[15],
        retries=row[16],
        accepted_at_us=row[17],
        changed_at_us=row[18],
        settled_at_us=row[19],
        actor=row[20],
        idempotency_key=row[21],
        details=row[22],
        hits=row[23],
        seq=row[24],
        height=row[25],
    )


def _entry(row: Sequence[Any]) -> LedgerEntry:
    return LedgerEntry(
        entry_id=row[0],
        transaction_id=row[1],
        batch_id=row[2],
        event_type=row[3],
        amount_minor=int(row[4]),
        currency=row[5],
        at_us=row[6],
        actor=row[7],
        details=row[8],
    )
