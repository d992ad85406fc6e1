"""Which rows do the wallets show: customers, deposits, withdrawals, and the history of both?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

from nostro.adapters.postgres.copy import plain, text
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Event, kind_of
from nostro.kernel.room import Position
from nostro.ledger import LINE_BITS
from nostro.wallets import (
    AssetOffered,
    CustomerOpened,
    Deposit,
    WalletOpened,
    WalletsState,
    Withdrawal,
    WithdrawalBreakNoted,
    deposit_key,
    withdrawal_key,
)

Row = tuple[object, ...]

_DEPOSITS = """
    INSERT INTO nostro.deposits (opened_seq, last_height, opened_at_us, last_at_us, asset, scale,
           amount, state, reason, user_id, transaction_id)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
           %s::smallint[], %s::numeric[], %s::text[], %s::text[], %s::text[], %s::text[])
        ON CONFLICT (user_id, transaction_id) DO UPDATE
       SET last_height = excluded.last_height, last_at_us = excluded.last_at_us,
           state = excluded.state, reason = excluded.reason
"""
_WITHDRAWALS = """
    INSERT INTO nostro.withdrawals (opened_seq, last_height, opened_at_us, last_at_us, asset,
           scale, amount, state, reason, user_id, withdrawal_id, destination, approvals_missing)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
           %s::smallint[], %s::numeric[], %s::text[], %s::text[], %s::text[], %s::text[],
           %s::text[], %s::integer[])
        ON CONFLICT (withdrawal_id) DO UPDATE
       SET last_height = excluded.last_height, last_at_us = excluded.last_at_us,
           state = excluded.state, reason = excluded.reason,
           approvals_missing = excluded.approvals_missing
"""


class Course(msgspec.Struct):
    """A deposit or withdrawal that a batch touched, and the places of its first and last event
    there."""

    thing: Deposit | Withdrawal
    first_seq: int
    first: Position
    last: Position


class WalletsProjection:
    """Keeps the wallets' views; each deposit and withdrawal that a batch touched is written
    once."""

    room = "wallets"

    def __init__(self, ship: Callable[[str, bytes], None]) -> None:
        self._ship = ship
        self._courses: dict[str, Course] = {}
        self._scales: dict[str, int] = {}
        self.customers: list[Row] = []
        """New rows: user id, height, time."""
        self.history: list[Row] = []
        """New rows: sequence, time, subject, event, state, actor, reason."""

    def restore(self, state: WalletsState) -> None:
        """Start from a state of which everything is in the views."""
        self.forget()
        self._scales = {code: asset.scale for code, asset in SEED.items()} | state.assets

    def forget(self) -> None:
        """Drop what has gathered: it is written."""
        self.customers.clear()
        self.history.clear()
        self._courses.clear()

    def before(self, event: Event, position: Position, state: WalletsState) -> None:
        """Do nothing: what an event changed is read from the state after it."""

    def after(self, event: Any, position: Position, index: int, state: WalletsState) -> None:
        """Take in the event at `index` of its journal row, after `state` has evolved by it."""
        seq = (position.height << LINE_BITS) + index
        match event:
            case CustomerOpened(user_id):
                self.customers.append((user_id, position.height, position.at_us))
            case AssetOffered(code, scale):
                self._scales[code] = scale
            case WalletOpened():
                pass  # shown by the account that opens with it
            case WithdrawalBreakNoted(withdrawal_id):
                self._note(event, position, seq, subject=withdrawal_key(withdrawal_id), state="")
            case _ if hasattr(event, "withdrawal_id"):
                key = withdrawal_key(event.withdrawal_id)
                self._change(event, position, seq, state.withdrawals[key])
            case _:
                key = deposit_key(event.user_id, event.transaction_id)
                self._change(event, position, seq, state.deposits[key])

    def _change(
        self, event: Any, position: Position, seq: int, thing: Deposit | Withdrawal
    ) -> None:
        known = self._courses.get(thing.key)
        if known is None:
            self._courses[thing.key] = Course(thing, seq, position, position)
        else:
            known.thing, known.last = thing, position
        self._note(event, position, seq, subject=thing.key, state=thing.state)

    def _note(self, event: Any, position: Position, seq: int, *, subject: str, state: str) -> None:
        cls: type[Event] = type(event)
        kind = kind_of(cls).partition(".")[2]
        reason = plain(getattr(event, "reason", ""))
        self.history.append((seq, position.at_us, subject, kind, state, event.actor, reason))

    def deposits(self) -> list[Row]:
        """Return the rows of the deposits touched, in the order of the statement that writes
        them."""
        return [self._row(c) for c in self._courses.values() if isinstance(c.thing, Deposit)]

    def withdrawals(self) -> list[Row]:
        """Return the rows of the withdrawals touched, likewise."""
        return [self._row(c) for c in self._courses.values() if isinstance(c.thing, Withdrawal)]

    def ship(self) -> None:
        """Send what has gathered as rows of tables that only grow."""
        for table, rows in (("customers", self.customers), ("wallet_history", self.history)):
            if rows:
                lines = ("\t".join(text(str(field)) for field in row) + "\n" for row in rows)
                self._ship(f"COPY nostro.{table} FROM STDIN", "".join(lines).encode())

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the rows that have changed, in the transaction under way."""
        for statement, rows in ((_DEPOSITS, self.deposits()), (_WITHDRAWALS, self.withdrawals())):
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                connection.execute(statement.encode(), columns)
        self.forget()

    def _row(self, course: Course) -> Row:
        thing = course.thing
        row = (
            course.first_seq,
            course.last.height,
            course.first.at_us,
            course.last.at_us,
            thing.asset,
            self._scales[thing.asset],
            thing.amount_minor,
            str(thing.state),
            plain(thing.reason),
            thing.user_id,
        )
        if isinstance(thing, Deposit):
            return (*row, thing.transaction_id)
        return (*row, thing.withdrawal_id, plain(thing.destination), thing.approvals_missing)
