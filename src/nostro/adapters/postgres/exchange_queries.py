"""What do the views say of markets, orders and trades?"""

from __future__ import annotations

from nostro.adapters.postgres.exchange_order_queries import OrderQueries, bounded
from nostro.adapters.postgres.exchange_rows import (
    CANDLES,
    FEES,
    MARKET,
    SUSPENSION,
    TICKERS,
    candle_view,
    fees_view,
    market_view,
    suspension_view,
    ticker_view,
)
from nostro.adapters.postgres.follower import NAME
from nostro.adapters.postgres.ledger_queries import PAGE_ITEMS
from nostro.adapters.postgres.ledger_rows import ACCOUNT, account_view
from nostro.adapters.postgres.projections.exchange_candles import HOUR_S, MINUTE_S, MINUTE_US
from nostro.adapters.postgres.reading import (
    TIME_MAX,
    Cursor,
    Rows,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.adapters.postgres.settlement_rows import scales_of
from nostro.exchange import (
    CandleView,
    FeeScheduleView,
    FeesView,
    KillSwitchView,
    MarketView,
    SuspensionView,
    TickerView,
)
from nostro.flows.books import orders_account, unsettled_account, wallet_account
from nostro.ledger import BalanceView, Page

DAY_MINUTES = 1_440
STANDARD = "standard"
"""The fee schedule that every market knows from the beginning, without fees until it is set."""

_NOW = f"SELECT at_us FROM nostro.projection_checkpoint WHERE name = '{NAME}'"
_SCHEDULES = """
    SELECT s.name, s.maker_ppm, s.taker_ppm, s.actor, s.set_at_us, s.last_height,
           (SELECT count(*) FROM nostro.fee_assignments AS a WHERE a.schedule = s.name)
      FROM nostro.fee_schedules AS s ORDER BY s.name
"""


class ExchangeQueries(OrderQueries):
    """Reads the views of the exchange, as `ExchangeReads` in the API says."""

    async def checkpoint(self) -> int:
        """Return the journal height up to which the views tell."""
        return await self._reader.checkpoint()

    async def wait_for(self, height: int, timeout_ms: int) -> None:
        """Return once the views tell of a height; raises ViewsBehind when they do not in time."""
        await self._reader.wait_for(height, timeout_ms)

    # -- markets -----------------------------------------------------------------------------------

    async def market(self, market: str) -> MarketView | None:
        """Return a market."""
        rows = await self._reader.rows(f"{MARKET} WHERE market = %s", (market,))
        return market_view(rows[0]) if rows else None

    async def markets(self) -> list[MarketView]:
        """Return all markets, by name."""
        return [market_view(row) for row in await self._reader.rows(f"{MARKET} ORDER BY market")]

    async def candles(
        self,
        market: str,
        interval_s: int,
        *,
        from_us: int | None = None,
        to_us: int | None = None,
        limit: int = PAGE_ITEMS,
    ) -> list[CandleView]:
        """Return candles, oldest first: of the last intervals up to `to_us`, but for those without
        trades."""
        step = interval_s * 1_000_000
        if step <= 0 or step % MINUTE_US:
            raise ValueError(f"candles of {interval_s} s")
        last = await self._now() if to_us is None else to_us
        last -= last % step
        low = last - (page_limit(limit) - 1) * step
        if from_us is not None:
            low = max(low, -(-from_us // step) * step)
        span = HOUR_S if interval_s % HOUR_S == 0 else MINUTE_S
        asked = {"market": market, "span": span, "step": step, "low": low, "high": last + step}
        return [candle_view(row) for row in await self._reader.rows(CANDLES, asked)]

    async def ticker(self, market: str, *, now_us: int | None = None) -> TickerView | None:
        """Return what a market did in the 24 hours up to now."""
        found = await self._tickers(market, now_us)
        return found[0] if found else None

    async def tickers(self, *, now_us: int | None = None) -> list[TickerView]:
        """Return the same of all markets, by name."""
        return await self._tickers("", now_us)

    async def _tickers(self, market: str, now_us: int | None) -> list[TickerView]:
        now = await self._now() if now_us is None else now_us
        low = now - now % MINUTE_US - (DAY_MINUTES - 1) * MINUTE_US
        rows = await self._reader.rows(TICKERS, {"market": market, "low": low})
        return [ticker_view(row, now) for row in rows]

    async def _now(self) -> int:
        """Return the time up to which the views tell."""
        rows = await self._reader.rows(_NOW)
        return rows[0][0] if rows else 0

    # -- money -------------------------------------------------------------------------------------

    async def balances(self, user_id: str) -> list[BalanceView]:
        """Return the balances of a user's wallets, of what is held for his orders, and of what
        trades set aside that settle later."""
        prefixes = [of(user_id, "") for of in (wallet_account, orders_account, unsettled_account)]
        bounds = [bound for prefix in prefixes for bound in (prefix, prefix[:-1] + ";")]
        within = " OR ".join(["(a.id >= %s AND a.id < %s)"] * len(prefixes))
        rows = await self._reader.rows(f"{ACCOUNT} WHERE {within} ORDER BY a.id", bounds)
        return [account_view(row).balance for row in rows]

    async def fees(
        self,
        *,
        market: str | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
    ) -> list[FeesView]:
        """Return the fees of each market that had trades, by name."""
        asked = {"market": market or "", "from": from_day or "", "to": to_day or "9999-12-31"}
        return [fees_view(row) for row in await self._reader.rows(FEES, asked)]

    async def fee_schedules(self) -> list[FeeScheduleView]:
        """Return all fee schedules, by name."""
        rows = await self._reader.rows(_SCHEDULES)
        if all(row[0] != STANDARD for row in rows):
            rows = sorted([*rows, (STANDARD, 0, 0, "", 0, 0, 0)])
        return [
            FeeScheduleView(
                name=row[0],
                maker_ppm=row[1],
                taker_ppm=row[2],
                actor=row[3],
                set_at_us=row[4],
                height=row[5],
                users_count=row[6],
            )
            for row in rows
        ]

    async def schedule_of(self, user_id: str) -> str:
        """Return the name of a user's own fee schedule, "" if he has none."""
        rows = await self._reader.rows(
            "SELECT schedule FROM nostro.fee_assignments WHERE user_id = %s", (user_id,)
        )
        return str(rows[0][0]) if rows else ""

    async def suspensions(
        self,
        *,
        user_id: str | None = None,
        open_only: bool = False,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[SuspensionView]:
        """Return money that wallets would not take, the newest first."""
        question = question_of("suspensions", user_id, open_only)
        start = read_cursor(cursor, question)
        size = page_limit(limit)
        of_user = "" if user_id is None else " AND user_id = %(user)s"
        still = " AND state = 'suspended'" if open_only else ""
        height = await self._reader.checkpoint()
        rows = await self._reader.rows(
            f"{SUSPENSION} WHERE suspension < %(high)s{of_user}{still}"
            " ORDER BY suspension DESC LIMIT %(limit)s",
            {"user": user_id, "high": start.after if start else TIME_MAX, "limit": size + 1},
        )
        more = None
        if len(rows) > size:
            more = write_cursor(Cursor(question, rows[size - 1][0]))
        found = await self._suspensions(rows[:size])
        return Page(found, more, height)

    async def suspension(self, suspension: int) -> SuspensionView | None:
        """Return one of these."""
        rows = await self._reader.rows(
            f"{SUSPENSION} WHERE suspension = %s", (bounded(suspension),)
        )
        found = await self._suspensions(rows)
        return found[0] if found else None

    async def _suspensions(self, rows: Rows) -> list[SuspensionView]:
        scales = await scales_of(self._reader, (row[2] for row in rows))
        return [suspension_view(row, scales) for row in rows]

    async def kill_switches(self) -> list[KillSwitchView]:
        """Return the kill switches that are engaged, by user."""
        rows = await self._reader.rows(
            "SELECT user_id, reason, actor, set_at_us, last_height FROM nostro.kill_switches"
            " WHERE engaged ORDER BY user_id"
        )
        return [
            KillSwitchView(
                user_id=row[0],
                engaged=True,
                reason=row[1],
                actor=row[2],
                set_at_us=row[3],
                height=row[4],
            )
            for row in rows
        ]
