"""What would the books be after the lines decided so far, while the state stays as it is?"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence, Set
from typing import Any, TypeVar

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.room import Context
from nostro.ledger.commands import NewTransfer
from nostro.ledger.events import Line, TransfersRecorded, TransfersRefused
from nostro.ledger.rules import FINAL
from nostro.ledger.state import (
    AMOUNT_PLAIN_MAX,
    CREDITS_LIMITED,
    DEBITS_LIMITED,
    LARGE,
    Account,
    Hold,
    LedgerState,
    Seen,
    derived_key,
)

K = TypeVar("K")
V = TypeVar("V")
Mark = tuple[int, int, int]

_ABSENT: Any = object()


class TotalsNeeded(Exception):
    """An amount or an account is so large that totals must be added up: start again with them."""


class Draft:
    """Lines, refusals and results of one command, and an overlay of what they touch.

    `rooms`: how much the limited side of an account may still take, by number; only accounts with a
    limit that a line has touched. `known`: what became of the ids of this command; None while all
    of them are new, different from each other, and none is referred to. `totals`: debits and
    credits with what is pending, by number, of accounts touched; None while nothing is large.
    """

    __slots__ = (
        "at_us",
        "holds",
        "known",
        "lines",
        "notes",
        "recalled",
        "refused",
        "results",
        "rooms",
        "state",
        "totals",
        "undo",
    )

    def __init__(self, state: LedgerState, context: Context, ids: Sequence[str]) -> None:
        self.state = state
        self.at_us = context.at_us
        self.recalled = context.recalled
        self.lines: list[Line] = []
        self.refused: list[tuple[str, str]] = []
        self.results: list[tuple[int, str, dict[str, Any]]] = []
        self.notes: list[tuple[int, str, dict[str, Any]]] = []
        self.rooms: dict[int, int] = {}
        self.holds: dict[str, Hold | None] = {}
        self.known: dict[str, Seen] | None = None
        self.totals: dict[int, tuple[int, int]] | None = None
        self.undo: list[tuple[MutableMapping[Any, Any], Any, Any]] | None = None
        if self.recalled or not self._all_new(ids):
            self.known = {}

    def _all_new(self, ids: Sequence[str]) -> bool:
        different: Set[str] = set(ids)
        return len(different) == len(ids) and self.state.seen.none_hot(different)

    def add_up_totals(self) -> None:
        """Keep totals from here on; only for a draft that is still empty."""
        self.totals = {}

    # -- what is known

    def seen(self, transfer_id: str) -> Seen | None:
        """Return what became of the id of a transfer of this command; None if it is new."""
        known = self.known
        if known is None:
            return None
        return known.get(transfer_id) or self._before(transfer_id)

    def find(self, key: str) -> Seen | None:
        """Return what became of any id, or of a derived key; None if it was never used."""
        return self.all_known().get(key) or self._before(key)

    def _before(self, key: str) -> Seen | None:
        return self.state.seen.hot(key) or self.recalled.get(key)

    def all_known(self) -> dict[str, Seen]:
        """Return what became of each id of this command so far, and keep it up from now on."""
        if self.known is None:
            self.known = {line.id: line for line in self.lines}
            self.known.update(self.refused)
            for line in self.lines:
                if line.kind and (key := derived_key(line)):
                    self.known[key] = line
        return self.known

    def hold(self, hold_id: str) -> Hold | None:
        """Return a hold if it is open at this point of the command."""
        if hold_id in self.holds:
            return self.holds[hold_id]
        return self.state.holds.get(hold_id)

    def room(self, account: Account) -> int:
        """Return how much the limited side may still take; only for an account with a limit."""
        room = self.rooms.get(account.number)
        return account.room if room is None else room

    # -- what a line changes

    def check_totals(self, debit: Account, credit: Account, amount: int) -> None:
        """Refuse an amount that would take a total beyond 38 digits.

        Raises Rejection `ledger.debit_would_overflow` or `ledger.credit_would_overflow`.
        """
        if self.totals is None:
            if amount > AMOUNT_PLAIN_MAX or (debit.guard | credit.guard) & LARGE:
                raise TotalsNeeded
            return
        if self._totals(self.totals, debit)[0] + amount > AMOUNT_MINOR_MAX:
            raise Rejection("ledger.debit_would_overflow", account=debit.id)
        if self._totals(self.totals, credit)[1] + amount > AMOUNT_MINOR_MAX:
            raise Rejection("ledger.credit_would_overflow", account=credit.id)

    @staticmethod
    def _totals(totals: dict[int, tuple[int, int]], account: Account) -> tuple[int, int]:
        return totals.get(account.number) or (
            account.debits_posted + account.debits_pending,
            account.credits_posted + account.credits_pending,
        )

    def move(self, debit: Account, credit: Account, *, posted: int, pending: int) -> None:
        """Change what is posted on both sides, and what is pending (a release is negative)."""
        both = posted + pending
        if debit.guard & DEBITS_LIMITED:
            self._put(self.rooms, debit.number, self.room(debit) - both)
        elif debit.guard & CREDITS_LIMITED and posted:
            self._put(self.rooms, debit.number, self.room(debit) + posted)
        if credit.guard & CREDITS_LIMITED:
            self._put(self.rooms, credit.number, self.room(credit) - both)
        elif credit.guard & DEBITS_LIMITED and posted:
            self._put(self.rooms, credit.number, self.room(credit) + posted)
        if self.totals is not None:
            debits, credits = self._totals(self.totals, debit)
            self._put(self.totals, debit.number, (debits + both, credits))
            debits, credits = self._totals(self.totals, credit)
            self._put(self.totals, credit.number, (debits, credits + both))

    def set_hold(self, hold_id: str, hold: Hold | None) -> None:
        """Open a hold, or with None resolve it."""
        self._put(self.holds, hold_id, hold)

    def record(self, line: Line) -> None:
        """Add a line and remember what it means for its id, its hold or its original."""
        self.lines.append(line)
        key = derived_key(line)
        if self.known is None and key:
            self.all_known()
        elif self.known is not None:
            self._put(self.known, line.id, line)
            if key:
                self._put(self.known, key, line)

    def refuse(self, index: int, transfer: NewTransfer, no: Rejection) -> None:
        """Note a refusal, and that it stays if it is final."""
        self.results.append((index, no.code, dict(no.facts)))
        if no.code in FINAL:
            self.refused.append((transfer.id, no.code))
            if self.known is not None:
                self.known[transfer.id] = no.code

    def events(self) -> list[Event]:
        """Return what has been decided."""
        events: list[Event] = []
        if self.lines:
            events.append(TransfersRecorded(self.lines))
        if self.refused:
            events.append(TransfersRefused(self.refused))
        return events

    # -- all or none

    def begin(self) -> Mark:
        """Start something that succeeds or fails as a whole, and return how to go back."""
        self.all_known()
        self.undo = []
        return len(self.lines), len(self.results), len(self.notes)

    def keep(self) -> None:
        """End it with success."""
        self.undo = None

    def go_back(self, mark: Mark) -> None:
        """End it as if it had never begun."""
        for mapping, key, old in reversed(self.undo or ()):
            if old is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = old
        self.undo = None
        lines, results, notes = mark
        del self.lines[lines:], self.results[results:], self.notes[notes:]

    def _put(self, mapping: MutableMapping[K, V], key: K, value: V) -> None:
        if self.undo is not None:
            self.undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value
