"""Which rows do the wallets show: customers, deposits, withdrawals, and the history of both?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import psycopg

from nostro.adapters.postgres.copy import plain, text
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Event, kind_of
from nostro.kernel.room import Position
from nostro.ledger.events import LINE_BITS
from nostro.wallets.commands import deposit_key, withdrawal_key
from nostro.wallets.events import AssetOffered, CustomerOpened, WalletOpened
from nostro.wallets.state import Deposit, WalletsState, Withdrawal

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
        self._customers: list[str] = []
        self._history: list[str] = []
        self._courses: dict[str, Course] = {}
        self._scales: dict[str, int] = {}

    def restore(self, state: WalletsState) -> None:
        """Start from a state of which everything is in the views."""
        self._forget()
        self._scales = {code: asset.scale for code, asset in SEED.items()} | state.assets

    def _forget(self) -> None:
        self._customers.clear()
        self._history.clear()
        self._courses.clear()

    def before(self, event: Event, position: Position, state: WalletsState) -> None:
        """Do nothing: what an event changed is read from the state after it."""

    def after(self, event: Any, position: Position, index: int, state: WalletsState) -> None:
        """Take in the event at `index` of its journal row, after `state` has evolved by it."""
        match event:
            case CustomerOpened(user_id):
                self._customers.append(f"{text(user_id)}\t{position.height}\t{position.at_us}\n")
            case AssetOffered(code, scale):
                self._scales[code] = scale
            case WalletOpened():
                pass  # shown by the account that opens with it
            case _:
                self._change(event, position, (position.height << LINE_BITS) + index, state)

    def _change(self, event: Any, position: Position, seq: int, state: WalletsState) -> None:
        thing: Deposit | Withdrawal | None
        if hasattr(event, "withdrawal_id"):
            subject = withdrawal_key(event.withdrawal_id)
            thing = state.withdrawals.get(subject)  # a note may come long after it has ended
        else:
            subject = deposit_key(event.user_id, event.transaction_id)
            thing = state.deposits[subject]
        if thing is not None:
            known = self._courses.get(subject)
            if known is None:
                self._courses[subject] = Course(thing, seq, position, position)
            else:
                known.thing, known.last = thing, position
        cls: type[Event] = type(event)
        kind = kind_of(cls).partition(".")[2]
        self._history.append(
            f"{seq}\t{position.at_us}\t{text(subject)}\t{kind}\t{thing.state if thing else ''}"
            f"\t{text(event.actor)}\t{text(getattr(event, 'reason', ''))}\n"
        )

    def ship(self) -> None:
        """Send what has gathered as rows of tables that only grow."""
        tables = (("customers", self._customers), ("wallet_history", self._history))
        for table, gathered in tables:
            if gathered:
                self._ship(f"COPY nostro.{table} FROM STDIN", "".join(gathered).encode())

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the rows that have changed, in the transaction under way."""
        deposits = [self._row(c) for c in self._courses.values() if isinstance(c.thing, Deposit)]
        if deposits:
            connection.execute(_DEPOSITS, _columns(deposits))
        others = [self._row(c) for c in self._courses.values() if isinstance(c.thing, Withdrawal)]
        if others:
            connection.execute(_WITHDRAWALS, _columns(others))
        self._forget()

    def _row(self, course: Course) -> tuple[object, ...]:
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


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
