"""Do the wallets' views tell what the journal says up to their checkpoint?

What is shown is made here once more, by the projection, from a replay of the room. Memory: some 130
bytes for each deposit and withdrawal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.projections.wallets import WalletsProjection
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.ledger import LINE_BITS
from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction
from nostro.wallets import WalletsRoom

_OURS = frozenset(WalletsRoom.events)
_CUSTOMERS = "SELECT user_id, opened_height, opened_at_us FROM nostro.customers ORDER BY 2, 1"
_HISTORY = """
    SELECT seq, at_us, subject, event, state, actor, reason FROM nostro.wallet_history ORDER BY seq
"""
_DEPOSITS = """
    SELECT opened_seq, last_height, opened_at_us, last_at_us, asset, scale, amount, state, reason,
           user_id, transaction_id
      FROM nostro.deposits ORDER BY opened_seq
"""
_WITHDRAWALS = """
    SELECT opened_seq, last_height, opened_at_us, last_at_us, asset, scale, amount, state, reason,
           user_id, withdrawal_id, destination, approvals_missing
      FROM nostro.withdrawals ORDER BY opened_seq
"""


class WalletsCheck:
    """Are customers, deposits, withdrawals and their histories shown as they came about?"""

    name = "wallets"

    def __init__(self, evidence: Evidence) -> None:
        self._room = WalletsRoom()
        self._state = self._room.new()
        self._made = WalletsProjection(lambda _statement, _data: None)
        self._made.restore(self._state)
        self._checkpoint = evidence.checkpoint().height
        self._customers = evidence.stream(_CUSTOMERS)
        self._history = evidence.stream(_HISTORY)
        self._courses = (evidence.stream(_DEPOSITS), evidence.stream(_WITHDRAWALS))
        self._rows: tuple[dict[int, int], dict[int, int]] = ({}, {})
        """Hash of a deposit's or withdrawal's key to the hash of its latest row but for its
        opening."""
        self._compared = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare what a row adds, and remember what it changes."""
        ours = [pair for pair in enumerate(events) if type(pair[1]) in _OURS]
        if not ours or entry.height > self._checkpoint:
            return
        position, made = Position(entry.height, entry.at_us), self._made
        for index, event in ours:
            self._room.evolve(self._state, event, position)
            made.after(event, position, index, self._state)
        for row in sorted(made.customers, key=str):
            if next(self._customers, None) != row:
                raise Contradiction(f"customer {row[0]} is not shown as opened")
        for row in made.history:
            if next(self._history, None) != row:
                raise Contradiction(f"the history of {row[2]} is not shown")
        for known, rows in zip(self._rows, (made.deposits(), made.withdrawals()), strict=True):
            known.update((_name(row), _content(row)) for row in rows)
        self._compared += len(made.history)
        made.forget()
        self._room.settle(self._state, entry.height)

    def finish(self) -> None:
        """Compare every deposit and withdrawal as it stands at the checkpoint."""
        for known, shown in zip(self._rows, self._courses, strict=True):
            for row in shown:
                if known.pop(_name(row), None) != _content(row):
                    raise Contradiction(
                        f"{row[9]}'s {row[10]} is not shown as it stands", height=row[1]
                    )
            if known:
                raise Contradiction(
                    f"{len(known)} deposits or withdrawals are not shown", height=self._checkpoint
                )
        customer = next(self._customers, None)
        if customer is not None:
            raise Contradiction(f"a false customer {customer[0]} is shown", height=customer[1])
        change = next(self._history, None)
        if change is not None:
            raise Contradiction(
                f"a false change of {change[2]} is shown", height=change[0] >> LINE_BITS
            )

    def told(self) -> str:
        """Say how many changes were compared."""
        return f"{self._compared} changes of deposits and withdrawals"


def _name(row: Sequence[Any]) -> int:
    return hash((row[9], row[10]))


def _content(row: Sequence[Any]) -> int:
    """Return the hash of all that a later change may leave different; an opening is in the
    history."""
    return hash((row[1], *row[3:6], int(row[6]), *row[7:]))
