"""Which rows does the ledger show: assets, accounts, transfers, refusals?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg

from nostro.adapters.postgres.copy import NULL, array, json_or_null, text, text_or_null
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.ledger import (
    LINE_BITS,
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AssetRegistered,
    Hold,
    LedgerState,
    Line,
    LineKind,
    RunningTotals,
    Status,
    TransfersRecorded,
    TransfersRefused,
)

SEQS_MAX = 200
"""Lines in one row of account_lines: 1,600 bytes, which are read without a detour."""
CHUNK_ROWS = 500  # about 70 kB: the server copies one chunk in while the next one is written
TRANSFER_COLUMNS = (
    "seq, at_us, effective_at_us, debit_number, credit_number, timeout_s, code, kind, flags, id,"
    " amount, asked, debit_debits_posted, debit_credits_posted, debit_debits_pending,"
    " debit_credits_pending, credit_debits_posted, credit_credits_posted, credit_debits_pending,"
    " credit_credits_pending, refers_to, reference, metadata"
)
COPY_TRANSFERS = f"COPY nostro.transfers ({TRANSFER_COLUMNS}) FROM STDIN"
_COPY_ACCOUNTS = (
    "COPY nostro.accounts (number, scale, opened_at_us, opened_height, id, asset, type, side,"
    " limit_rule, owner, overdraft, metadata, status,"
    " debits_posted, credits_posted, debits_pending, credits_pending) FROM STDIN"
)
_UPDATE_ACCOUNTS = """
    UPDATE nostro.accounts AS account
       SET debits_posted = new.debits_posted, credits_posted = new.credits_posted,
           debits_pending = new.debits_pending, credits_pending = new.credits_pending
      FROM unnest(%s::integer[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[])
           AS new (number, debits_posted, credits_posted, debits_pending, credits_pending)
     WHERE account.number = new.number
"""
_PLAIN_END = f"\t{NULL}\t{NULL}\t{NULL}\n"


def transfer_row(line: Line, *, seq: str, at_us: int, debit: list[int], credit: list[int]) -> str:
    """Return a recorded line as a row of COPY text in the order of TRANSFER_COLUMNS.

    `debit`, `credit`: the totals of its accounts right after it, as `RunningTotals` has them.
    """
    if line.refers_to or line.reference or line.metadata is not None:
        end = (
            f"\t{text_or_null(line.refers_to)}\t{text_or_null(line.reference)}"
            f"\t{json_or_null(line.metadata)}\n"
        )
    else:
        end = _PLAIN_END
    asked = NULL if line.asked_minor is None else line.asked_minor
    return (
        f"{seq}\t{at_us}\t{line.effective_at_us or NULL}\t{line.debit}\t{line.credit}"
        f"\t{line.timeout_s}\t{line.code}\t{line.kind}\t{line.flags}\t{line.id}"
        f"\t{line.amount_minor}\t{asked}"
        f"\t{debit[0]}\t{debit[1]}\t{debit[2]}\t{debit[3]}"
        f"\t{credit[0]}\t{credit[1]}\t{credit[2]}\t{credit[3]}{end}"
    )


class _Held(dict[str, int]):
    """The amounts of holds by id: those of the event at hand, otherwise those open before it."""

    def __init__(self, before: Mapping[str, Hold]) -> None:
        super().__init__()
        self._before = before

    def __missing__(self, hold_id: str) -> int:
        return self._before[hold_id].amount_minor


class LedgerProjection:
    """Keeps the ledger's views: lines are shipped as they come in, the rest at the end of a
    batch."""

    room = "ledger"

    def __init__(self, ship: Callable[[str, bytes], None]) -> None:
        self._ship = ship
        self._totals = RunningTotals(())
        self._held = _Held({})
        self._pending: list[str] = []
        """What is pending on each account, as it stands in a row: most lines leave it as it is."""
        self._lines: list[str] = []
        self._place = Position(0, 0)
        self._seq = 0
        self._touched: defaultdict[int, list[str]] = defaultdict(list)
        """Account number to the sequences of its lines in this batch."""
        self._opened: dict[int, str] = {}
        self._statuses: dict[int, Status] = {}
        self._assets: list[str] = []
        self._refusals: list[str] = []

    def restore(self, state: LedgerState) -> None:
        """Start from a state of which everything is in the views."""
        for gathered in (self._lines, self._assets, self._refusals):
            gathered.clear()
        self._touched.clear()
        self._opened.clear()
        self._statuses.clear()
        self._place, self._seq = Position(0, 0), 0
        self._totals = RunningTotals(state.by_number)
        self._held = _Held(state.holds)
        self._pending = [f"\t{total[2]}\t{total[3]}" for total in self._totals.by_number]

    def after(self, event: Event, position: Position, index: int, state: LedgerState) -> None:
        """Do nothing: all is told before."""

    def before(self, event: Event, position: Position, state: LedgerState) -> None:
        """Take in an event, before `state` evolves by it: a hold that it resolves is there
        still."""
        match event:
            case TransfersRecorded(lines):
                self._record(lines, position)
            case TransfersRefused(refused):
                self._refusals.extend(
                    f"{text(id)}\t{code}\t{position.height}\t{position.at_us}\n"
                    for id, code in refused
                )
            case AccountOpened():
                self._open(event, position, state.assets[event.asset].scale)
            case AccountFrozen(number):
                self._statuses[number] = Status.FROZEN
            case AccountUnfrozen(number):
                self._statuses[number] = Status.OPEN
            case AccountClosed(number):
                self._statuses[number] = Status.CLOSED
            case AssetRegistered(code, scale, name):
                self._assets.append(f"{code}\t{scale}\t{text(name)}\t{position.height}\n")
            case _:
                raise AssertionError(f"not an event of the ledger: {event!r}")

    def _record(self, lines: list[Line], position: Position) -> None:
        """Write a row for each line. Plain transfers, which most are, take the short way: one
        string."""
        if position.height != self._place.height:
            self._place, self._seq = position, position.height << LINE_BITS
        seq, at_us = self._seq, position.at_us
        rows, totals, pending = self._lines, self._totals.by_number, self._pending
        touched, when = self._touched, f"\t{at_us}\t{NULL}\t"
        for line in lines:
            place, debit_number, credit_number = str(seq), line.debit, line.credit
            debit, credit = totals[debit_number], totals[credit_number]
            if (
                line.kind
                or line.code
                or line.flags
                or line.timeout_s
                or line.effective_at_us
                or line.refers_to
                or line.reference
                or line.asked_minor is not None
                or line.metadata is not None
            ):
                self._move(line)
                rows.append(transfer_row(line, seq=place, at_us=at_us, debit=debit, credit=credit))
            else:
                debit[0] += line.amount_minor
                credit[1] += line.amount_minor
                rows.append(
                    f"{place}{when}{debit_number}\t{credit_number}\t0\t0\t0\t0\t{line.id}"
                    f"\t{line.amount_minor}\t\\N\t{debit[0]}\t{debit[1]}{pending[debit_number]}"
                    f"\t{credit[0]}\t{credit[1]}{pending[credit_number]}{_PLAIN_END}"
                )
            if debit_number:
                touched[debit_number].append(place)
                touched[credit_number].append(place)
            seq += 1
            if len(rows) == CHUNK_ROWS:
                self._ship_lines()
        self._seq = seq
        self._held.clear()

    def _move(self, line: Line) -> None:
        if line.kind == LineKind.HELD:
            self._held[line.id] = line.amount_minor
        self._totals.move(line, self._held)
        for number in (line.debit, line.credit):
            total = self._totals.by_number[number]
            self._pending[number] = f"\t{total[2]}\t{total[3]}"

    def _open(self, event: AccountOpened, position: Position, scale: int) -> None:
        self._totals.open(event.number)
        self._pending.append("\t0\t0")
        self._opened[event.number] = (
            f"{event.number}\t{scale}\t{position.at_us}\t{position.height}\t{event.id}"
            f"\t{event.asset}\t{event.type}\t{event.side}\t{event.limit}\t{text(event.owner)}"
            f"\t{event.overdraft_minor}\t{json_or_null(event.metadata)}"
        )

    def _ship_lines(self) -> None:
        self._ship(COPY_TRANSFERS, "".join(self._lines).encode())
        self._lines.clear()

    def ship(self) -> None:
        """Send what has gathered as rows of tables that only grow."""
        if self._lines:
            self._ship_lines()
        totals, statuses = self._totals.by_number, self._statuses
        if self._opened:
            rows = (
                f"{terms}\t{statuses.pop(number, Status.OPEN)}"
                f"\t{total[0]}\t{total[1]}\t{total[2]}\t{total[3]}\n"
                for number, terms in self._opened.items()
                for total in (totals[number],)
            )
            self._ship(_COPY_ACCOUNTS, "".join(rows).encode())
        if self._touched:
            self._ship(
                "COPY nostro.account_lines FROM STDIN", "".join(self._account_lines()).encode()
            )
        for table, gathered in (("assets", self._assets), ("refusals", self._refusals)):
            if gathered:
                self._ship(f"COPY nostro.{table} FROM STDIN", "".join(gathered).encode())
                gathered.clear()

    def _account_lines(self) -> Iterator[str]:
        for number, seqs in self._touched.items():
            for start in range(0, len(seqs), SEQS_MAX):
                some = seqs[start : start + SEQS_MAX]
                yield f"{number}\t{some[0]}\t{{{','.join(some)}}}\n"

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the rows that have changed, in the transaction under way."""
        numbers = sorted(self._touched.keys() - self._opened.keys())
        if numbers:
            totals = [self._totals.by_number[number] for number in numbers]
            columns = (array(total[place] for total in totals) for place in range(4))
            connection.execute(_UPDATE_ACCOUNTS, (array(numbers), *columns), prepare=False)
        for number, status in self._statuses.items():
            connection.execute(
                "UPDATE nostro.accounts SET status = %s WHERE number = %s", (status, number)
            )
        self._touched.clear()
        self._opened.clear()
        self._statuses.clear()
