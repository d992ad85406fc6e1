"""Do the recorded lines themselves keep the rules of the books?

A bookkeeping of its own: it shares the words of the events with the ledger, and none of its code.
Memory: some 300 bytes an account and an open hold, 16 an id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from nostro.kernel.census import Census
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.ledger.commands import Limit
from nostro.ledger.events import (
    LINE_BITS,
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    Line,
    LineKind,
    TransfersRecorded,
    TransfersRefused,
)

TOTAL_MAX = 10**38 - 1
_SECOND_US = 1_000_000
_DEBITS_LIMITED, _CREDITS_LIMITED, _FROZEN, _CLOSED = 1, 2, 4, 8
_STOPPED = _FROZEN | _CLOSED
_OF_LIMIT = {
    Limit.NONE: 0,
    Limit.DEBITS_MUST_NOT_EXCEED_CREDITS: _DEBITS_LIMITED,
    Limit.CREDITS_MUST_NOT_EXCEED_DEBITS: _CREDITS_LIMITED,
}
_MOVED = (LineKind.POSTED, LineKind.HOLD_POSTED)

Totals = list[int]
"""[debits posted, credits posted, debits pending, credits pending]"""
Sink = Callable[[Line, int, Position, Totals, Totals], None]
"""Hears every line: its sequence, its place, and the totals of its accounts right after it."""


class BooksBroken(ValueError):
    """A line that must not stand in the books. `height`: where, unless it is the row at hand."""

    def __init__(self, detail: str, *, height: int | None = None) -> None:
        super().__init__(detail)
        self.height = height


class _Held(msgspec.Struct, frozen=True):
    debit: int
    credit: int
    amount: int
    expires_at_us: int


class _Reversal(msgspec.Struct, frozen=True):
    height: int
    line: Line


class LedgerAudit:
    """Reads the ledger's events in order; raises BooksBroken at the first line that breaks a rule.

    Checked at every line: both accounts are there, open and of one asset, so that every asset stays
    conserved; no limit is broken, pending counted; holds are resolved once, in time, and by no more
    than was held. `finish` checks what needs the whole: no id twice, sums, totals within 38 digits.
    """

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self._totals: list[Totals] = [[0, 0, 0, 0]]
        self._flags = [0]
        self._overdrafts = [0]
        self._assets = [""]
        self._ids = [""]
        self._holds: dict[str, _Held] = {}
        self._reversals: dict[str, _Reversal] = {}
        self._seen = Census()
        self._place = Position(0, 0)
        self._next = 0
        self.lines = 0
        self.broken = False
        """Whether a row has broken a rule: from there on nothing here means anything."""

    def hear(self, events: Sequence[Event], position: Position) -> None:
        """Take in the events of one journal row."""
        self.broken = True
        self._hear(events, position)
        self.broken = False

    def _hear(self, events: Sequence[Event], position: Position) -> None:
        for event in events:
            match event:
                case TransfersRecorded(lines):
                    self._record(lines, position)
                case AccountOpened():
                    self._open(event)
                case AccountFrozen(number):
                    self._flags[number] |= _FROZEN
                case AccountUnfrozen(number):
                    self._flags[number] &= ~_FROZEN
                case AccountClosed(number):
                    self._close(number)
                case TransfersRefused(refused):
                    for id_, _ in refused:
                        self._seen.add(id_, position.height)
                case _:
                    pass

    def accounts(self) -> Iterator[tuple[int, str, str, Totals]]:
        """Yield (number, id, asset, totals) of every account, in the order of opening."""
        for number in range(1, len(self._ids)):
            yield number, self._ids[number], self._assets[number], self._totals[number]

    def is_stopped(self, number: int) -> tuple[bool, bool]:
        """Tell whether an account is frozen, and whether it is closed."""
        flags = self._flags[number]
        return bool(flags & _FROZEN), bool(flags & _CLOSED)

    # -- accounts ---------------------------------------------------------------------------------

    def _open(self, event: AccountOpened) -> None:
        _must(event.number == len(self._ids), f"account number {event.number} is out of order")
        self._ids.append(event.id)
        self._assets.append(event.asset)
        self._flags.append(_OF_LIMIT[event.limit])
        self._overdrafts.append(event.overdraft_minor)
        self._totals.append([0, 0, 0, 0])

    def _close(self, number: int) -> None:
        debits, credits, *pending = self._totals[number]
        _must(debits == credits, f"{self._ids[number]} is closed with a balance")
        _must(not any(pending), f"{self._ids[number]} is closed with holds on it")
        self._flags[number] |= _CLOSED

    # -- lines ------------------------------------------------------------------------------------

    def _record(self, lines: Sequence[Line], position: Position) -> None:
        if position.height != self._place.height:
            self._place, self._next = position, position.height << LINE_BITS
        totals, assets, flags, sink = self._totals, self._assets, self._flags, self.sink
        seen, height = self._seen.add, position.height
        for line in lines:
            debit_number, credit_number = line.debit, line.credit
            debit, credit = totals[debit_number], totals[credit_number]
            seen(line.id, height)
            if line.kind != LineKind.HOLD_CLOSED:
                if (
                    line.amount_minor <= 0
                    or debit_number <= 0
                    or credit_number <= 0
                    or debit_number == credit_number
                    or assets[debit_number] != assets[credit_number]
                ):
                    raise BooksBroken(f"{line.id} does not move an amount of one asset")
                if line.kind:
                    self._move(line, debit, credit, position)
                else:
                    debit[0] += line.amount_minor
                    credit[1] += line.amount_minor
                if flags[debit_number] or flags[credit_number]:
                    self._check_terms(line)
            else:
                seen(line.refers_to, height)  # a late hold under that id would be a second use
            if sink is not None:
                sink(line, self._next, position, debit, credit)
            self._next += 1
        self.lines += len(lines)

    def _move(self, line: Line, debit: Totals, credit: Totals, position: Position) -> None:
        amount, kind = line.amount_minor, line.kind
        if kind == LineKind.HELD:
            timeout_us = line.timeout_s * _SECOND_US
            expires_at_us = position.at_us + timeout_us if timeout_us else 0
            self._holds[line.id] = _Held(line.debit, line.credit, amount, expires_at_us)
            debit[2] += amount
            credit[3] += amount
        elif kind == LineKind.REVERSAL:
            _must(line.refers_to not in self._reversals, f"{line.refers_to} is reversed twice")
            self._reversals[line.refers_to] = _Reversal(position.height, line)
            debit[0] += amount
            credit[1] += amount
        else:
            held = self._released(line, position.at_us)
            debit[2] -= held.amount
            credit[3] -= held.amount
            if kind == LineKind.HOLD_POSTED:
                _must(amount <= held.amount, f"{line.id} posts more than was held")
                debit[0] += amount
                credit[1] += amount
            else:
                _must(amount == held.amount, f"{line.id} releases another amount than was held")

    def _released(self, line: Line, at_us: int) -> _Held:
        held = self._holds.pop(line.refers_to, None)
        if held is None:
            raise BooksBroken(f"{line.id} resolves {line.refers_to}, which is not open")
        same = (held.debit, held.credit) == (line.debit, line.credit)
        _must(same, f"{line.id} resolves {line.refers_to} between other accounts")
        expired = 0 < held.expires_at_us <= at_us
        _must(
            expired == (line.kind == LineKind.HOLD_EXPIRED),
            f"{line.id} resolves {line.refers_to} "
            + ("after it expired" if expired else "before it expired"),
        )
        return held

    def _check_terms(self, line: Line) -> None:
        """Check that neither account is stopped, unless money is released, and both limits."""
        releases = line.kind in (LineKind.HOLD_VOIDED, LineKind.HOLD_EXPIRED)
        for number in (line.debit, line.credit):
            flags = self._flags[number]
            debits, credits, debits_pending, credits_pending = self._totals[number]
            room = 0
            if flags & _DEBITS_LIMITED:
                room = credits + self._overdrafts[number] - debits - debits_pending
            elif flags & _CREDITS_LIMITED:
                room = debits + self._overdrafts[number] - credits - credits_pending
            if room < 0:
                raise BooksBroken(f"{line.id} takes {self._ids[number]} {-room} beyond its limit")
            if flags & _STOPPED and not releases:
                raise BooksBroken(f"{line.id} moves {self._ids[number]}, which is stopped")

    # -- the whole --------------------------------------------------------------------------------

    def finish(self) -> None:
        """Check what needs all lines; call it after the last row. Raises BooksBroken with `height`
        where one is to blame."""
        twice = self._seen.twice()
        if twice is not None:
            first, again = twice
            raise BooksBroken(f"an id is used again that was used at height {first}", height=again)
        sums: dict[str, Totals] = {}
        for _, id_, asset, totals in self.accounts():
            _must(min(totals) >= 0, f"{id_} has a negative total")
            _must(max(totals) <= TOTAL_MAX, f"{id_} has a total of more than 38 digits")
            sums[asset] = [a + b for a, b in zip(sums.get(asset, [0] * 4), totals, strict=True)]
        for asset, (debits, credits, debits_pending, credits_pending) in sums.items():
            _must(debits == credits, f"{asset} is not conserved: {debits} against {credits}")
            _must(debits_pending == credits_pending, f"pending {asset} is not conserved")
        held = sum(hold.amount for hold in self._holds.values())
        _must(held == sum(totals[2] for totals in self._totals), "more is pending than is held")

    def questions(self) -> Sequence[int]:
        """Return the heights at which originals of reversals must stand: hear them again with
        `hear_again`, then call `finish_answers`. Raises BooksBroken for an original never seen."""
        heights = self._seen.heights_of(self._reversals.keys())
        for original, reversal in self._reversals.items():
            if original not in heights:
                raise BooksBroken(
                    f"{reversal.line.id} reverses what was never recorded", height=reversal.height
                )
        return sorted(set(heights.values()))

    def hear_again(self, events: Sequence[Event], position: Position) -> None:
        """Compare the originals in one journal row with their reversals."""
        for event in events:
            for line in event.lines if isinstance(event, TransfersRecorded) else ():
                reversal = self._reversals.get(line.id)
                if reversal is None:
                    continue
                back = reversal.line
                whole = (line.debit, line.credit, line.amount_minor) == (
                    back.credit,
                    back.debit,
                    back.amount_minor,
                )
                if not whole or line.kind not in _MOVED or position.height > reversal.height:
                    raise BooksBroken(
                        f"{back.id} does not give back {line.id}", height=reversal.height
                    )
                del self._reversals[line.id]

    def finish_answers(self) -> None:
        """Check that every reversal has met its original."""
        for original, reversal in self._reversals.items():
            raise BooksBroken(
                f"{reversal.line.id} reverses {original}, which was never recorded",
                height=reversal.height,
            )


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BooksBroken(otherwise)
