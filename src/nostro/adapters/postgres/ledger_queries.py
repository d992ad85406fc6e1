"""What do the views say of accounts, balances, statements, transfers and the trial balance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.ledger_rows import (
    ACCOUNT,
    BALANCE_THEN,
    LAST_LINE,
    LINES_DOWN,
    LINES_UP,
    THEN,
    TRANSFER,
    Row,
    account_terms,
    account_view,
    balance_view,
    statement_line,
    totals,
    transfer_view,
)
from nostro.adapters.postgres.reading import (
    CHECKPOINT,
    Cursor,
    ViewReader,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.kernel.asset import Asset
from nostro.kernel.messages import Rejection
from nostro.ledger import (
    LINE_BITS,
    AccountType,
    AccountView,
    Action,
    AsOf,
    BalanceView,
    LineKind,
    Page,
    Refusal,
    Statement,
    Totals,
    TransferView,
    TrialBalanceRow,
    TypeTotals,
)

PAGE_ITEMS = 100
SCAN_LINES = 2_000
"""Lines of an account that one look takes in while filters leave few of them."""
SCANS_MAX = 10
"""Looks of one request; a page that stays short has a cursor that goes on."""

KINDS_OF: Mapping[Action, tuple[LineKind, ...]] = {
    Action.TRANSFER: (LineKind.POSTED,),
    Action.HOLD: (LineKind.HELD,),
    Action.POST: (LineKind.HOLD_POSTED,),
    Action.VOID: (LineKind.HOLD_VOIDED, LineKind.HOLD_EXPIRED, LineKind.HOLD_CLOSED),
    Action.REVERSE: (LineKind.REVERSAL,),
}
"""Which lines an action leaves; a hold that expired counts as voided."""

_TRIAL_NOW = f"""
    SELECT a.asset, max(a.scale), a.type, count(*), sum(a.debits_posted), sum(a.credits_posted),
           sum(a.debits_pending), sum(a.credits_pending), coalesce({CHECKPOINT}, 0)
      FROM nostro.accounts AS a GROUP BY a.asset, a.type ORDER BY a.asset, a.type
"""
_TRIAL_THEN = f"""
    SELECT asset, max(scale), type, count(*), sum(t1), sum(t2), sum(t3), sum(t4), %(height)s::bigint
      FROM (SELECT a.asset, a.scale, a.type, {THEN} FROM nostro.accounts AS a {LAST_LINE}
             WHERE a.opened_height <= %(height)s)
        AS past (asset, scale, type, t1, t2, t3, t4)
     GROUP BY asset, type ORDER BY asset, type
"""


class _Filters(msgspec.Struct, frozen=True, array_like=True):
    """What a list of transfers is narrowed to; None where it is not."""

    account: str | None
    code: int | None
    reference: str | None
    action: Action | None
    from_us: int | None
    to_us: int | None

    def where(self) -> tuple[str, list[Any]]:
        """Return the conditions on columns of a transfer, and their parameters.

        What looks needless among them is what the partial indexes are made on.
        """
        conditions: list[str] = []
        parameters: list[Any] = []
        if self.code is not None:
            conditions.append("t.code = %s" + (" AND t.code <> 0" if self.code else ""))
            parameters.append(self.code)
        if self.reference is not None:
            conditions.append("t.reference = %s")
            parameters.append(self.reference)
        if self.action is not None:
            kinds = [int(kind) for kind in KINDS_OF[self.action]]
            conditions.append("t.kind = ANY(%s)" + (" AND t.kind <> 0" if all(kinds) else ""))
            parameters.append(kinds)
        return "".join(f" AND {condition}" for condition in conditions), parameters


class LedgerQueries:
    """Reads the ledger's views; see `views.py` of the ledger for what the figures mean.

    Every read may raise ViewsUnavailable; with a moment ViewsBehind and Rejection `views.ahead`,
    with a cursor Rejection `request.bad_cursor`. The pool's connections commit by themselves.
    """

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)

    async def checkpoint(self) -> int:
        """Return the journal height up to which the views tell."""
        return await self._reader.checkpoint()

    async def wait_for(self, height: int, timeout_ms: int) -> None:
        """Return once the views tell of a height; raises ViewsBehind when they do not in time."""
        await self._reader.wait_for(height, timeout_ms)

    async def stopped_reason(self) -> str:
        """Return why the follower cannot go on, naming the height; "" while all is well."""
        rows = await self._reader.rows("SELECT stopped_reason FROM nostro.projection_checkpoint")
        return rows[0][0] if rows else ""

    async def assets(self) -> Sequence[Asset]:
        """Return the assets registered beyond the seed registry."""
        rows = await self._reader.rows(
            "SELECT code, scale, name FROM nostro.assets ORDER BY height, code"
        )
        return [Asset(*row) for row in rows]

    # -- accounts and balances --------------------------------------------------------------------

    async def account(self, id: str) -> AccountView | None:
        """Return an account with its present balance."""
        rows = await self._reader.rows(f"{ACCOUNT} WHERE a.id = %s", (id,))
        return account_view(rows[0]) if rows else None

    async def accounts(
        self,
        *,
        owner: str | None = None,
        asset: str | None = None,
        type: AccountType | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[AccountView]:
        """Return accounts in the order of their opening."""
        question = question_of("accounts", owner, asset, type)
        start = read_cursor(cursor, question)
        wanted = {"owner": owner, "asset": asset, "type": type}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = "".join(f" AND a.{name} = %s" for name in given)
        size = page_limit(limit)
        rows = await self._reader.rows(
            f"{ACCOUNT} WHERE a.number > %s{where} ORDER BY a.number LIMIT %s",
            (start.after if start else 0, *given.values(), size + 1),
        )
        items = [account_view(row) for row in rows[:size]]
        more = write_cursor(Cursor(question, items[-1].number)) if len(rows) > size else None
        height = items[0].balance.height if items else await self.checkpoint()
        return Page(items, more, height)

    async def balance(self, id: str, as_of: AsOf | None = None) -> BalanceView | None:
        """Return a balance, now or at a moment of the past; None for an account not open then."""
        if as_of is None:
            account = await self.account(id)
            return account.balance if account else None
        height = await self._reader.height_of(as_of)
        row = await self._balance_row(id, height)
        return None if row is None or row[11] > height else balance_view(row, height)

    async def _balance_row(self, id: str, height: int) -> Row | None:
        """Return an account's row of BALANCE_THEN: with zeros before it was opened."""
        rows = await self._reader.rows(BALANCE_THEN, {"id": id, "bound": _first_seq(height + 1)})
        return rows[0] if rows else None

    async def trial_balance(self, as_of: AsOf | None = None) -> list[TrialBalanceRow]:
        """Return the sums of all accounts, asset by asset, now or at a moment of the past.

        The past costs two lookups for each account there was.
        """
        if as_of is None:
            rows = await self._reader.rows(_TRIAL_NOW)
        else:
            height = await self._reader.height_of(as_of)
            rows = await self._reader.rows(
                _TRIAL_THEN, {"height": height, "bound": _first_seq(height + 1)}
            )
        return [_trial_row(list(of_asset)) for _, of_asset in groupby(rows, lambda row: row[0])]

    # -- lines ------------------------------------------------------------------------------------

    async def statement(
        self,
        id: str,
        *,
        after: AsOf | None = None,
        until: AsOf | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Statement | None:
        """Return the lines of an account recorded after one moment (None: from its opening) and up
        to another (None: now), oldest first; None for an unknown account.

        The first page fixes both moments, so that later pages belong to the same statement. Raises
        Rejection `request.bad_value` when the period ends before it begins.
        """
        question = question_of("statement", id, after, until)
        start = read_cursor(cursor, question)
        if start is None:
            low = await self._reader.height_of(after) if after is not None else 0
            start = Cursor(question, 0, low, await self._reader.height_of(until))
        if start.high < start.low:
            raise Rejection("request.bad_value", after=start.low, until=start.high)
        opening = await self._balance_row(id, start.low)
        closing = await self._balance_row(id, start.high)
        if opening is None or closing is None:
            return None
        size = page_limit(limit)
        terms = account_terms(closing)
        seqs = await self._seqs(
            LINES_UP,
            number=closing[10],
            low=max(start.after + 1, _first_seq(start.low + 1)),
            high=_first_seq(start.high + 1),
            limit=size + 1,
        )
        lines = await self._transfers("t.seq = ANY(%s) ORDER BY t.seq", (seqs[:size],))
        more = None
        if len(seqs) > size:
            more = write_cursor(Cursor(question, seqs[size - 1], start.low, start.high))
        return Statement(
            account=terms.id,
            asset=terms.asset,
            scale=closing[5],
            opening=balance_view(opening, start.low),
            closing=balance_view(closing, start.high),
            lines=[statement_line(line, terms) for line in lines],
            next_cursor=more,
            height=start.high,
        )

    async def transfer(self, id: str) -> TransferView | None:
        """Return a recorded line by its id."""
        found = await self._transfers("t.id = %s", (id,))
        return found[0] if found else None

    async def refusal(self, id: str) -> Refusal | None:
        """Return why a transfer id is refused for good."""
        rows = await self._reader.rows(
            "SELECT id, code, height, at_us FROM nostro.refusals WHERE id = %s", (id,)
        )
        return (
            Refusal(id=id, code=rows[0][1], height=rows[0][2], at_us=rows[0][3]) if rows else None
        )

    async def transfers(
        self,
        *,
        account: str | None = None,
        code: int | None = None,
        reference: str | None = None,
        action: Action | None = None,
        from_us: int | None = None,
        to_us: int | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[TransferView]:
        """Return lines, the newest first, recorded from one time up to another (both included).

        The first page fixes the newest line, so that later pages do not move while the books grow.
        A page narrowed by several filters may be short and still have a next one.
        """
        filters = _Filters(account, code, reference, action, from_us, to_us)
        question = question_of("transfers", filters)
        start = read_cursor(cursor, question)
        if start is None:
            start = await self._period(question, filters)
        size = page_limit(limit)
        if account is None:
            items, last = await self._lines_of_all(filters, start, size)
        else:
            items, last = await self._lines_of_one(account, filters, start, size)
        more = None
        if last is not None:
            more = write_cursor(Cursor(question, last, start.low, start.high))
        return Page(items, more, start.high)

    async def _period(self, question: str, filters: _Filters) -> Cursor:
        """Return the start of the first page: above the newest line of the period."""
        until = None if filters.to_us is None else AsOf(at_us=filters.to_us)
        high = await self._reader.height_of(until)
        low = 0
        if filters.from_us is not None:
            low = await self._reader.height_of(AsOf(at_us=filters.from_us - 1))
        return Cursor(question, _first_seq(high + 1), low, high)

    async def _lines_of_all(
        self, filters: _Filters, start: Cursor, size: int
    ) -> tuple[list[TransferView], int | None]:
        """Return a page, and the place where the next one starts."""
        where, parameters = filters.where()
        items = await self._transfers(
            f"t.seq >= %s AND t.seq < %s{where} ORDER BY t.seq DESC LIMIT %s",
            (_first_seq(start.low + 1), start.after, *parameters, size + 1),
        )
        return items[:size], items[size - 1].seq if len(items) > size else None

    async def _lines_of_one(
        self, account: str, filters: _Filters, start: Cursor, size: int
    ) -> tuple[list[TransferView], int | None]:
        """Return a page of an account's lines, and the place where the next one starts."""
        numbers = await self._reader.rows(
            "SELECT number FROM nostro.accounts WHERE id = %s", (account,)
        )
        where, parameters = filters.where()
        window = SCAN_LINES if where else size + 1
        items: list[TransferView] = []
        bound = start.after
        for _ in range(SCANS_MAX if numbers else 0):
            low = _first_seq(start.low + 1)
            seqs = await self._seqs(
                LINES_DOWN, number=numbers[0][0], low=low, high=bound, limit=window
            )
            items += await self._transfers(
                f"t.seq = ANY(%s){where} ORDER BY t.seq DESC LIMIT %s",
                (seqs, *parameters, size + 1 - len(items)),
            )
            if len(items) > size:
                return items[:size], items[size - 1].seq
            if len(seqs) < window:
                return items, None
            bound = seqs[-1]
        return items, bound if numbers else None

    async def _seqs(self, query: str, *, number: int, low: int, high: int, limit: int) -> list[int]:
        rows = await self._reader.rows(
            query, {"number": number, "low": low, "high": high, "limit": limit}
        )
        return [seq for (seq,) in rows]

    async def _transfers(self, where: str, parameters: Sequence[Any]) -> list[TransferView]:
        rows = await self._reader.rows(f"{TRANSFER} WHERE {where}", parameters)
        return [transfer_view(row) for row in rows]


def _first_seq(height: int) -> int:
    """Return the sequence of the first line of a journal row, whether it has one or not."""
    return height << LINE_BITS


def _trial_row(rows: Sequence[Row]) -> TrialBalanceRow:
    """Add the account types of one asset up."""
    by_type = [
        TypeTotals(type=AccountType(row[2]), accounts=row[3], totals=totals(row[4:8]))
        for row in rows
    ]
    sums = Totals(*(sum(int(row[place]) for row in rows) for place in range(4, 8)))
    return TrialBalanceRow(
        asset=rows[0][0],
        scale=rows[0][1],
        height=rows[0][8],
        accounts=sum(row[3] for row in rows),
        totals=sums,
        difference=sums.debits_posted - sums.credits_posted,
        pending_difference=sums.debits_pending - sums.credits_pending,
        by_type=by_type,
    )
