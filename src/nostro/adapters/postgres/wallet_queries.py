"""What do the views say of customers, their balances, deposits and withdrawals?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.ledger_queries import PAGE_ITEMS
from nostro.adapters.postgres.ledger_rows import ACCOUNT, account_view
from nostro.adapters.postgres.reading import (
    CHECKPOINT,
    TIME_MAX,
    Cursor,
    Rows,
    ViewReader,
    page_limit,
    question_of,
    read_cursor,
    write_cursor,
)
from nostro.flows.books import wallet_account
from nostro.ledger import LINE_BITS, BalanceView, Page
from nostro.wallets import (
    Change,
    CustomerView,
    DepositState,
    DepositView,
    WithdrawalState,
    WithdrawalView,
)

_HISTORY = """
    ARRAY(SELECT jsonb_build_array(h.event, h.state, h.actor, h.reason, h.seq, h.at_us)
            FROM nostro.wallet_history AS h WHERE h.subject = {subject} ORDER BY h.seq)
"""


class _Course(msgspec.Struct, frozen=True):
    """Deposits or withdrawals: the query, its alias, and where its rows have `opened_seq`."""

    select: str
    alias: str
    opened_seq: int


_DEPOSIT = f"""
    SELECT d.user_id, d.transaction_id, d.asset, d.scale, d.amount, d.state, d.reason,
           d.opened_at_us, d.last_at_us, d.last_height, d.opened_seq,
           {_HISTORY.format(subject="'deposit:' || d.user_id || ':' || d.transaction_id")}
      FROM nostro.deposits AS d
"""
_WITHDRAWAL = f"""
    SELECT w.withdrawal_id, w.user_id, w.asset, w.scale, w.amount, w.destination, w.state,
           w.reason, w.approvals_missing, w.opened_at_us, w.last_at_us, w.last_height, w.opened_seq,
           {_HISTORY.format(subject="'withdrawal:' || w.withdrawal_id")}
      FROM nostro.withdrawals AS w
"""
_DEPOSITS = _Course(_DEPOSIT, "d", 10)
_WITHDRAWALS = _Course(_WITHDRAWAL, "w", 12)


class WalletQueries:
    """Reads the wallets' views. Every read may raise ViewsUnavailable; those with a cursor
    Rejection `request.bad_cursor`. The pool's connections commit by themselves."""

    def __init__(self, pool: AsyncConnectionPool[Any], chain: str = "main") -> None:
        self._reader = ViewReader(pool, chain)

    async def customer(self, user_id: str) -> CustomerView | None:
        """Return a customer and the assets of their wallets."""
        rows = await self._reader.rows(
            f"SELECT opened_at_us, opened_height, coalesce({CHECKPOINT}, 0),"
            " ARRAY(SELECT asset FROM nostro.accounts WHERE id >= %s AND id < %s ORDER BY number)"
            " FROM nostro.customers WHERE user_id = %s",
            (*_wallets_of(user_id), user_id),
        )
        if not rows:
            return None
        opened_at_us, opened_height, height, assets = rows[0]
        return CustomerView(
            user_id=user_id,
            opened_at_us=opened_at_us,
            opened_height=opened_height,
            assets=assets,
            height=height,
        )

    async def balances(self, user_id: str) -> list[BalanceView]:
        """Return the balance of each of a customer's wallets, in the order of their opening."""
        rows = await self._reader.rows(
            f"{ACCOUNT} WHERE a.id >= %s AND a.id < %s ORDER BY a.number", _wallets_of(user_id)
        )
        return [account_view(row).balance for row in rows]

    async def deposits(
        self,
        user_id: str,
        *,
        state: DepositState | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[DepositView]:
        """Return a customer's deposits, the newest first."""
        height = await self._reader.checkpoint()
        rows, more = await self._page(_DEPOSITS, user_id, state, cursor, limit)
        return Page([_deposit(row) for row in rows], more, height)

    async def deposit(self, user_id: str, transaction_id: str) -> DepositView | None:
        """Return a deposit with its history."""
        rows = await self._reader.rows(
            f"{_DEPOSIT} WHERE d.user_id = %s AND d.transaction_id = %s", (user_id, transaction_id)
        )
        return _deposit(rows[0]) if rows else None

    async def withdrawals(
        self,
        user_id: str,
        *,
        state: WithdrawalState | None = None,
        cursor: str | None = None,
        limit: int = PAGE_ITEMS,
    ) -> Page[WithdrawalView]:
        """Return a customer's withdrawals, the newest first."""
        height = await self._reader.checkpoint()
        rows, more = await self._page(_WITHDRAWALS, user_id, state, cursor, limit)
        return Page([_withdrawal(row) for row in rows], more, height)

    async def withdrawal(self, withdrawal_id: str) -> WithdrawalView | None:
        """Return a withdrawal with its history."""
        rows = await self._reader.rows(
            f"{_WITHDRAWAL} WHERE w.withdrawal_id = %s", (withdrawal_id,)
        )
        return _withdrawal(rows[0]) if rows else None

    async def _page(
        self, course: _Course, user_id: str, state: str | None, cursor: str | None, limit: int
    ) -> tuple[Rows, str | None]:
        question = question_of(course.alias, user_id, state)
        start = read_cursor(cursor, question)
        size, alias = page_limit(limit), course.alias
        of_state = f" AND {alias}.state = %s" if state is not None else ""
        rows = await self._reader.rows(
            f"{course.select} WHERE {alias}.user_id = %s AND {alias}.opened_seq < %s{of_state}"
            f" ORDER BY {alias}.opened_seq DESC LIMIT %s",
            (user_id, start.after if start else TIME_MAX, *([state] if state else ()), size + 1),
        )
        more = None
        if len(rows) > size:
            more = write_cursor(Cursor(question, rows[size - 1][course.opened_seq]))
        return rows[:size], more


def _wallets_of(user_id: str) -> tuple[str, str]:
    """Return the bounds between which the ids of a customer's wallets lie."""
    prefix = wallet_account(user_id, "")
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _deposit(row: Sequence[Any]) -> DepositView:
    user_id, transaction_id, asset, scale, amount, state, reason = row[:7]
    return DepositView(
        user_id=user_id,
        transaction_id=transaction_id,
        asset=asset,
        scale=scale,
        amount_minor=int(amount),
        state=DepositState(state),
        reason=reason,
        opened_at_us=row[7],
        changed_at_us=row[8],
        height=row[9],
        history=_history(row[11]),
    )


def _withdrawal(row: Sequence[Any]) -> WithdrawalView:
    withdrawal_id, user_id, asset, scale, amount, destination, state, reason, missing = row[:9]
    return WithdrawalView(
        withdrawal_id=withdrawal_id,
        user_id=user_id,
        asset=asset,
        scale=scale,
        amount_minor=int(amount),
        destination=destination,
        state=WithdrawalState(state),
        reason=reason,
        approvals_missing=missing,
        opened_at_us=row[9],
        changed_at_us=row[10],
        height=row[11],
        history=_history(row[13]),
    )


def _history(changes: Sequence[Sequence[Any]]) -> list[Change]:
    return [
        Change(
            event=event,
            state=state,
            actor=actor,
            reason=reason,
            height=seq >> LINE_BITS,
            at_us=at_us,
        )
        for event, state, actor, reason, seq, at_us in changes
    ]
