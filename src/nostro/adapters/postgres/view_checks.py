"""Do the views tell, row by row, what the journal says up to their checkpoint?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.projections.ledger import TRANSFER_COLUMNS, transfer_row
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.ledger import LINE_BITS, AccountOpened, LedgerAudit, Line, Status, TransfersRefused
from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction

_TRANSFERS = f"COPY (SELECT {TRANSFER_COLUMNS} FROM nostro.transfers ORDER BY seq) TO STDOUT"
_ACCOUNTS = """
    SELECT number, id, asset, type, side, limit_rule, overdraft, owner, metadata, opened_at_us,
           opened_height
      FROM nostro.accounts ORDER BY number
"""
_TOTALS = """
    SELECT id, status, debits_posted, credits_posted, debits_pending, credits_pending
      FROM nostro.accounts ORDER BY number
"""
# The sums of both sides are equal unless somebody took great pains; if not, the slow query names
# the place.
_LINES_SUMS = """
    SELECT (SELECT ARRAY[count(*), sum(seq), sum(number * mod(seq, 1000003))]
              FROM nostro.account_lines, unnest(seqs) AS s(seq)),
           (SELECT ARRAY[count(*), sum(seq), sum(number * mod(seq, 1000003))]
              FROM nostro.transfers, unnest(ARRAY[debit_number, credit_number]) AS n(number)
             WHERE number > 0),
           (SELECT min(first_seq) FROM nostro.account_lines WHERE first_seq <> seqs[1])
"""
_LINES_DIFFERENCE = """
    WITH shown AS (SELECT number, seq FROM nostro.account_lines, unnest(seqs) AS s(seq)),
         true_ones AS (SELECT number, seq FROM nostro.transfers,
                              unnest(ARRAY[debit_number, credit_number]) AS n(number)
                        WHERE number > 0)
    SELECT min(seq) FROM ((TABLE shown EXCEPT ALL TABLE true_ones)
                          UNION ALL (TABLE true_ones EXCEPT ALL TABLE shown)) AS different
"""


class TransfersCheck:
    """Is every recorded line shown as it was recorded, with the totals that the audit has?

    `expect` is the sink of the LedgerAudit, which must hear each row before this does.
    """

    name = "transfers"

    def __init__(self, evidence: Evidence, audit: LedgerAudit) -> None:
        self._shown = evidence.copied(_TRANSFERS)
        self._checkpoint = evidence.checkpoint().height
        self._audit = audit
        self._expected: list[tuple[Line, str]] = []
        self._compared = 0

    def expect(
        self, line: Line, seq: int, position: Position, debit: list[int], credit: list[int]
    ) -> None:
        """Take in a line and the totals of its accounts right after it."""
        if position.height <= self._checkpoint:
            row = transfer_row(line, seq=str(seq), at_us=position.at_us, debit=debit, credit=credit)
            self._expected.append((line, row))

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare the lines of a journal row."""
        _if_sound(self._audit, entry)
        for line, row in self._expected:
            shown = next(self._shown, b"")
            if shown != row.encode():
                _explain_line(line, row, shown)
        self._compared += len(self._expected)
        self._expected.clear()

    def finish(self) -> None:
        """Check that nothing else is shown."""
        extra = next(self._shown, None)
        if extra is not None:
            raise Contradiction("a line is shown that was never recorded", height=_height_of(extra))

    def told(self) -> str:
        """Say how many lines were compared."""
        return f"{self._compared} lines, each with the totals after it"


def _explain_line(line: Line, row: str, shown: bytes) -> None:
    """Raise Contradiction unless only the metadata is written in another way."""
    if not shown:
        raise Contradiction(f"{line.id} is not shown")
    wanted, fields = row.rstrip("\n").split("\t"), shown.decode().rstrip("\n").split("\t")
    if fields[0] != wanted[0]:
        height = min(int(fields[0]), int(wanted[0])) >> LINE_BITS
        what = "is not shown" if int(fields[0]) > int(wanted[0]) else "is preceded by a false line"
        raise Contradiction(f"{line.id} {what}", height=height)
    names = TRANSFER_COLUMNS.replace(" ", "").split(",")
    for name, want, have in zip(names, wanted, fields, strict=True):
        if name == "metadata" and _unescaped(have) == _unescaped(want):
            continue
        if want != have:
            raise Contradiction(f"{line.id} shows {name} {have}, recorded is {want}")


def _unescaped(field: str) -> Any:
    """Return the JSON of a field of COPY text, which writes each backslash twice."""
    return None if field == "\\N" else msgspec.json.decode(field.replace("\\\\", "\\"))


def _height_of(row: bytes) -> int:
    return int(row.partition(b"\t")[0]) >> LINE_BITS


def _if_sound(audit: LedgerAudit, entry: Entry) -> None:
    if audit.broken:
        raise Contradiction("cannot be compared from here on: see the books", height=entry.height)


class AccountsCheck:
    """Is every account shown as it was opened, and with the balance that it has at the
    checkpoint?"""

    name = "accounts"

    def __init__(self, evidence: Evidence, audit: LedgerAudit) -> None:
        self._evidence = evidence
        self._shown = evidence.stream(_ACCOUNTS)
        self._checkpoint = evidence.checkpoint()
        self._audit = audit
        self._compared = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare the accounts that a row opens, and at the checkpoint all balances."""
        if entry.height > self._checkpoint.height:
            return
        _if_sound(self._audit, entry)
        for event in events:
            if type(event) is AccountOpened:
                self._compare_terms(event, entry)
        if entry.height == self._checkpoint.height:
            if entry.hash != self._checkpoint.hash:
                raise Contradiction("the checkpoint has another hash")
            self._compare_totals()

    def _compare_terms(self, event: AccountOpened, entry: Entry) -> None:
        wanted = (
            event.number,
            event.id,
            event.asset,
            event.type,
            event.side,
            event.limit,
            event.overdraft_minor,
            event.owner,
            event.metadata,
            entry.at_us,
            entry.height,
        )
        if next(self._shown, None) != wanted:
            raise Contradiction(f"account {event.id} is not shown as it was opened")

    def _compare_totals(self) -> None:
        shown = self._evidence.stream(_TOTALS)
        for number, id_, _, totals in self._audit.accounts():
            row = next(shown, None)
            frozen, closed = self._audit.is_stopped(number)
            status = Status.CLOSED if closed else Status.FROZEN if frozen else Status.OPEN
            if row is None or row[:2] != (id_, status):
                raise Contradiction(f"account {id_} is not shown as {status}")
            if [int(total) for total in row[2:]] != totals:
                told = ", ".join(str(total) for total in row[2:])
                raise Contradiction(f"account {id_} shows {told}; its lines come to {totals}")
            self._compared += 1

    def finish(self) -> None:
        """Check that no other account is shown."""
        if next(self._shown, None) is not None:
            raise Contradiction(
                "an account is shown that was never opened", height=self._checkpoint.height
            )

    def told(self) -> str:
        """Say how many were compared, and where."""
        return f"{self._compared} balances at height {self._checkpoint.height}"


class AccountLinesCheck:
    """Does the list of each account's lines have all its lines, and no other? (Compared with the
    lines that are shown, which another check compares with the journal.)"""

    name = "account lines"

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._count = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Wait for the whole."""

    def finish(self) -> None:
        """Compare both lists by their sums, and name the place if these differ."""
        ((listed, shown, misplaced),) = self._evidence.rows(_LINES_SUMS)
        if misplaced is not None:
            raise Contradiction("a list begins elsewhere", height=misplaced >> LINE_BITS)
        if listed != shown:
            ((seq,),) = self._evidence.rows(_LINES_DIFFERENCE)
            raise Contradiction("an account's list differs from its lines", height=seq >> LINE_BITS)
        self._count = int(listed[0])

    def told(self) -> str:
        """Say how many entries there are."""
        return f"{self._count} entries"


class RefusalsCheck:
    """Is every final refusal shown, and no other?"""

    name = "refusals"

    def __init__(self, evidence: Evidence) -> None:
        self._shown = evidence.stream(
            "SELECT height, id, code, at_us FROM nostro.refusals ORDER BY height, id"
        )
        self._checkpoint = evidence.checkpoint().height
        self._compared = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare the refusals of a row."""
        refused = [pair for e in events if type(e) is TransfersRefused for pair in e.refused]
        if not refused or entry.height > self._checkpoint:
            return
        for id_, code in sorted(refused):
            if next(self._shown, None) != (entry.height, id_, code, entry.at_us):
                raise Contradiction(f"the refusal of {id_} is not shown")
        self._compared += len(refused)

    def finish(self) -> None:
        """Check that nothing else is shown."""
        extra = next(self._shown, None)
        if extra is not None:
            raise Contradiction(f"a false refusal of {extra[1]} is shown", height=extra[0])

    def told(self) -> str:
        """Say how many were compared."""
        return f"{self._compared} refusals"
