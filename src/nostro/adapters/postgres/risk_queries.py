"""What do the views say of limits, exposures, alerts and liquidity?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.ledger_queries import PAGE_ITEMS
from nostro.adapters.postgres.reading import (
    CHECKPOINT,
    TIME_MAX,
    Cursor,
    ViewReader,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.ledger import LINE_BITS, Page
from nostro.risk import (
    AccountPosition,
    AlertView,
    DayFlow,
    ExposureView,
    InstructionFlow,
    LimitView,
    LiquidityInputs,
    SettlementLeg,
    ThresholdView,
    WindowFlow,
)

_LIMITS = """
    SELECT scope, participant, counterparty, currency, amount, actor, set_at_us, last_height
      FROM nostro.limits
     WHERE amount IS NOT NULL AND (%(participant)s::text IS NULL OR participant = %(participant)s)
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     ORDER BY scope, participant, counterparty, currency
"""
_EXPOSURES = """
    SELECT payer, payee, currency, open_amount, open_count, offset_amount, last_height
      FROM nostro.exposures
     WHERE open_count <> 0
       AND (%(participant)s::text IS NULL OR %(participant)s IN (payer, payee))
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     ORDER BY payer, payee, currency
"""
_CLEARED = """
    (SELECT n.at_us FROM nostro.alerts AS n
      WHERE n.scope = a.scope AND n.participant = a.participant
        AND n.counterparty = a.counterparty AND n.currency = a.currency
        AND n.seq > a.seq AND NOT n.raised ORDER BY n.seq LIMIT 1)
"""
_ALERTS = f"""
    SELECT seq, scope, participant, counterparty, currency, used, limit_amount, used_ppm, at_us,
           cleared_at_us
      FROM (SELECT a.*, {_CLEARED} AS cleared_at_us FROM nostro.alerts AS a WHERE a.raised) AS told
     WHERE seq < %s AND (NOT %s OR cleared_at_us IS NULL) ORDER BY seq DESC LIMIT %s
"""
# One statement, so that all of it is of one moment. Our own at the rails, desk and claims are
# assets, the others liabilities.
_LIQUIDITY = f"""
    SELECT 'account', a.id, a.asset, '', '', '', a.scale::bigint, 0::bigint,
           CASE WHEN a.side = 'credit' THEN a.credits_posted - a.debits_posted
                ELSE a.debits_posted - a.credits_posted END,
           CASE WHEN a.side = 'credit' THEN a.debits_pending ELSE a.credits_pending END,
           CASE WHEN a.side = 'credit' THEN a.credits_pending ELSE a.debits_pending END,
           a.overdraft
      FROM nostro.accounts AS a
     WHERE ((a.id >= 'vostro:' AND a.id < 'vostro;') OR (a.id >= 'nostro:' AND a.id < 'nostro;')
            OR (a.id >= 'fx:' AND a.id < 'fx;') OR (a.id >= 'desk:' AND a.id < 'desk;')
            OR (a.id >= 'claims:' AND a.id < 'claims;')
            OR (a.id >= 'transit:' AND a.id < 'transit;')
            OR (a.id >= 'suspense:' AND a.id < 'suspense;'))
       AND (%(currency)s::text IS NULL OR a.asset = %(currency)s)
    UNION ALL
    SELECT 'window', c.cycle_id, p.payer, p.payee, p.source_currency, p.destination_currency,
           count(*), c.cut_off_at_us, sum(p.amount), 0, 0, 0
      FROM nostro.cycles AS c JOIN nostro.payments AS p ON p.cycle_id = c.cycle_id
     WHERE c.state = 'collecting' AND p.state IN ('accepted', 'deferred')
       AND (%(currency)s::text IS NULL
            OR %(currency)s IN (p.source_currency, p.destination_currency))
     GROUP BY c.cycle_id, c.cut_off_at_us, p.payer, p.payee, p.source_currency,
              p.destination_currency
    UNION ALL
    SELECT 'instruction', i.settlement_id, i.participant_id, i.currency, i.direction, '',
           count(*), 0, sum(i.amount), 0, 0, 0
      FROM nostro.instructions AS i
      JOIN nostro.cycle_settlements AS s ON s.settlement_id = i.settlement_id
     WHERE i.state NOT IN ('settled', 'failed')
       AND (s.state <> 'failed' OR i.purpose = 'return')
       AND (%(currency)s::text IS NULL OR i.currency = %(currency)s)
     GROUP BY i.settlement_id, i.participant_id, i.currency, i.direction
    UNION ALL
    SELECT 'height', '', '', '', '', '', coalesce({CHECKPOINT}, 0), 0, 0, 0, 0, 0
     ORDER BY 1, 2, 3, 4, 5, 6
"""

_LEGS = """
    SELECT i.settlement_id, s.state, s.secured_at_us, i.participant_id, i.currency, i.direction,
           i.state, i.last_at_us, i.amount,
           coalesce(CASE WHEN i.purpose = 'gross' THEN
               (SELECT p.source_currency FROM nostro.payments AS p
                 WHERE p.transaction_id = i.transaction_id LIMIT 1) END, '')
      FROM nostro.cycle_settlements AS s
      JOIN nostro.instructions AS i ON i.settlement_id = s.settlement_id
     WHERE s.state IN ('initiated', 'secured') AND i.purpose <> 'return'
       AND (%(participant)s::text IS NULL OR i.participant_id = %(participant)s)
     ORDER BY s.seq, i.place
"""
_DAYS = """
    SELECT currency, day, in_amount, out_amount FROM nostro.payment_flows_daily
     WHERE day >= %s AND day <= %s ORDER BY currency, day
"""


class RiskQueries:
    """Reads the views of risk, as `RiskReads` in the API says."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)

    async def limits(
        self, *, participant: str | None = None, currency: str | None = None
    ) -> list[LimitView]:
        """Return the limits that hold, by scope, participant, counterparty and currency."""
        rows = await self._reader.rows(_LIMITS, {"participant": participant, "currency": currency})
        return [
            LimitView(
                scope=row[0],
                participant=row[1],
                counterparty=row[2],
                currency=row[3],
                amount_minor=int(row[4]),
                actor=row[5],
                set_at_us=row[6],
                height=row[7],
            )
            for row in rows
        ]

    async def thresholds(self) -> list[ThresholdView]:
        """Return from which use on alerts are given, by scope."""
        rows = await self._reader.rows(
            "SELECT scope, used_ppm, actor, set_at_us, last_height FROM nostro.thresholds"
            " WHERE used_ppm IS NOT NULL ORDER BY scope"
        )
        return [
            ThresholdView(
                scope=row[0], used_ppm=row[1], actor=row[2], set_at_us=row[3], height=row[4]
            )
            for row in rows
        ]

    async def exposures(
        self, *, participant: str | None = None, currency: str | None = None
    ) -> list[ExposureView]:
        """Return what is open, by payer, payee and currency; `participant`: on either side."""
        rows = await self._reader.rows(
            _EXPOSURES, {"participant": participant, "currency": currency}
        )
        return [
            ExposureView(
                payer=row[0],
                payee=row[1],
                currency=row[2],
                open_minor=int(row[3]),
                open_count=row[4],
                offset_minor=int(row[5]),
                height=row[6],
            )
            for row in rows
        ]

    async def alerts(
        self, *, open_only: bool = False, cursor: str | None = None, limit: int = PAGE_ITEMS
    ) -> Page[AlertView]:
        """Return alerts, the newest first."""
        question = question_of("alerts", open_only)
        start = read_cursor(cursor, question)
        size = page_limit(limit)
        height = await self._reader.checkpoint()
        rows = await self._reader.rows(
            _ALERTS, (start.after if start else TIME_MAX, open_only, size + 1)
        )
        more = write_cursor(Cursor(question, rows[size - 1][0])) if len(rows) > size else None
        items = [_alert(row) for row in rows[:size]]
        return Page(items, more, height)

    async def legs(self, *, participant: str | None = None) -> list[SettlementLeg]:
        """Return the instructions of settlements under way, in the order of their planning."""
        rows = await self._reader.rows(_LEGS, {"participant": participant})
        return [
            SettlementLeg(
                settlement_id=row[0],
                settlement_state=row[1],
                secured_at_us=row[2],
                participant_id=row[3],
                currency=row[4],
                direction=row[5],
                state=row[6],
                changed_at_us=row[7],
                amount_minor=int(row[8]),
                paid_currency=row[9],
            )
            for row in rows
        ]

    async def flows(self, *, from_day: str, to_day: str) -> list[DayFlow]:
        """Return what settled in every currency on each day that had something."""
        rows = await self._reader.rows(_DAYS, (from_day, to_day))
        return [DayFlow(row[0], row[1], int(row[2]), int(row[3])) for row in rows]

    async def liquidity(self, *, currency: str | None = None) -> LiquidityInputs:
        """Return balances, what waits for each open cycle, and what settlements still move."""
        rows = await self._reader.rows(_LIQUIDITY, {"currency": currency})
        found: dict[str, list[Sequence[Any]]] = {}
        for what, *row in rows:
            found.setdefault(what, []).append(row)
        return LiquidityInputs(
            accounts=[_account(row) for row in found.get("account", ())],
            windows=[_window(row) for row in found.get("window", ())],
            instructions=[_instruction(row) for row in found.get("instruction", ())],
            height=found["height"][0][5],
        )


def _alert(row: Sequence[Any]) -> AlertView:
    return AlertView(
        seq=row[0],
        scope=row[1],
        participant=row[2],
        counterparty=row[3],
        currency=row[4],
        used_minor=int(row[5]),
        limit_minor=int(row[6]),
        used_ppm=row[7],
        raised_at_us=row[8],
        cleared_at_us=row[9],
        height=row[0] >> LINE_BITS,
    )


def _account(row: Sequence[Any]) -> AccountPosition:
    kind, _, rest = row[0].partition(":")
    return AccountPosition(
        kind=kind,
        holder=rest.rpartition(":")[0],
        currency=row[1],
        scale=row[5],
        posted_minor=int(row[7]),
        pending_out_minor=int(row[8]),
        pending_in_minor=int(row[9]),
        credit_line_minor=int(row[10]),
    )


def _window(row: Sequence[Any]) -> WindowFlow:
    return WindowFlow(
        cycle_id=row[0],
        cut_off_at_us=row[6],
        payer=row[1],
        payee=row[2],
        source_currency=row[3],
        destination_currency=row[4],
        amount_minor=int(row[7]),
        count=row[5],
    )


def _instruction(row: Sequence[Any]) -> InstructionFlow:
    return InstructionFlow(
        settlement_id=row[0],
        participant_id=row[1],
        currency=row[2],
        direction=row[3],
        amount_minor=int(row[7]),
        count=row[5],
    )
