"""Do the views of payments, settlements and risk tell what the journal says up to their checkpoint?

What is shown is gathered here once more, by the projections, from the events alone. Memory: some
hundred bytes for each row of a table that changes, and for each payment that left the common path.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.folded_rows import Folded, Grown
from nostro.adapters.postgres.projections.consensus import ConsensusProjection
from nostro.adapters.postgres.projections.execution import ExecutionProjection
from nostro.adapters.postgres.projections.gathering import Rows, copy_line
from nostro.adapters.postgres.projections.netting import NettingProjection
from nostro.adapters.postgres.projections.payment_tables import (
    PAYMENT_COURSE,
    PAYMENT_TERMS,
    PAYMENTS,
    PaymentTables,
)
from nostro.adapters.postgres.projections.payments import PaymentsProjection
from nostro.adapters.postgres.projections.risk import RiskProjection
from nostro.kernel.messages import Event, room_of
from nostro.kernel.room import Position
from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction

_COURSE = PAYMENT_COURSE.split(", ")
_ID = PAYMENT_TERMS.split(", ").index("transaction_id")
_JSON = tuple(PAYMENT_TERMS.split(", ").index(name) for name in ("details", "hits"))
_PAYMENTS = (
    f"COPY (SELECT {PAYMENT_TERMS}, {PAYMENT_COURSE} FROM nostro.payments ORDER BY seq) TO STDOUT"
)
_ITEMS = "SELECT batch_id, transaction_id, destination FROM nostro.batch_items ORDER BY 1, place"


class PaymentsCheck:
    """Are payments, batches, settlements, limits and all that belongs to them shown as they came
    about?"""

    name = "payments"

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._checkpoint = evidence.checkpoint().height
        self._tables = tables = PaymentTables(_nowhere)
        self._tellers = {
            each.room: each.after
            for each in (
                PaymentsProjection(tables),
                NettingProjection(tables),
                ConsensusProjection(tables),
                ExecutionProjection(tables),
                RiskProjection(tables),
            )
        }
        self._payments = _PaymentRows(evidence)
        self._grown = [
            Grown(evidence, rows) for rows in (tables.payment_events, tables.batch_events)
        ]
        grown = {id(each.rows) for each in self._grown} | {id(tables.payments)}
        self._folded = [Folded(rows) for rows in tables.all if id(rows) not in grown]
        self._items: dict[str, int] = {}
        """Hash of what is in each batch."""
        self._compared = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare what a row adds, and remember what it changes."""
        if entry.height > self._checkpoint:
            return
        position, heard = Position(entry.height, entry.at_us), False
        for index, event in enumerate(events):
            tell = self._tellers.get(room_of(type(event)))
            if tell is not None:
                tell(event, position, index, None)
                heard = True
        if not heard:
            return
        tables = self._tables
        tables.add_up()
        self._payments.hear(tables.payment_lines, tables.payments)
        self._note_items(tables.item_lines)
        for grown in self._grown:
            self._compared += grown.hear()
        for folded in self._folded:
            folded.hear()
        for rows in tables.all:
            rows.clear()

    def _note_items(self, lines: list[str]) -> None:
        for batch_id, some in groupby(lines, lambda line: line.partition("\t")[0]):
            told = (line.rstrip("\n").split("\t") for line in some)
            self._items[batch_id] = hash(tuple((id_, int(minor)) for _, _, id_, minor in told))
        lines.clear()

    def finish(self) -> None:
        """Compare everything as it stands at the checkpoint."""
        self._payments.finish(self._checkpoint)
        for grown in self._grown:
            grown.finish()
        self._compare_items()
        for folded in self._folded:
            folded.finish(self._evidence, self._checkpoint)

    def _compare_items(self) -> None:
        shown = self._evidence.stream(_ITEMS)
        for batch_id, some in groupby(shown, lambda row: row[0]):
            told = hash(tuple((id_, int(minor)) for _, id_, minor in some))
            if self._items.pop(batch_id, None) != told:
                raise Contradiction(
                    f"batch {batch_id} is not shown with its payments", height=self._checkpoint
                )
        if self._items:
            first = min(self._items)
            raise Contradiction(
                f"batch {first} is shown without its payments", height=self._checkpoint
            )

    def told(self) -> str:
        """Say what was compared."""
        rows = sum(folded.count for folded in self._folded)
        return (
            f"{self._payments.count} payments, {self._compared} entries of their lives,"
            f" {rows} rows of what they led to"
        )


def _nowhere(_statement: str, _data: bytes) -> None:
    """Send rows nowhere."""


class _PaymentRows:
    """Payments in the order of submission; those that something happened to are kept in mind."""

    def __init__(self, evidence: Evidence) -> None:
        self._shown = evidence.copied(_PAYMENTS)
        self._courses: dict[str, tuple[list[str], list[str]]] = {}
        """Of payments that are shown otherwise than submitted: how submitted, how shown."""
        self._changes = Rows(PAYMENTS)
        self.count = 0

    def hear(self, lines: list[str], changes: Rows) -> None:
        """Compare new payments, and remember changes."""
        for line in lines:
            shown = next(self._shown, b"")
            if shown != line.encode():
                self._look(line, shown.decode())
        self.count += len(lines)
        lines.clear()
        for key, values in changes.changes.items():
            self._changes.patch(*key, **values)

    def _look(self, line: str, shown: str) -> None:
        wanted, fields = line.rstrip("\n").split("\t"), shown.rstrip("\n").split("\t")
        id_, terms = wanted[_ID], len(wanted) - len(_COURSE)
        if len(fields) != len(wanted) or fields[0] != wanted[0]:
            raise Contradiction(f"payment {id_} is not shown, or a false one before it")
        for place in range(terms):
            if fields[place] != wanted[place] and not (
                place in _JSON and _unescaped(fields[place]) == _unescaped(wanted[place])
            ):
                name = PAYMENT_TERMS.split(", ")[place]
                raise Contradiction(f"payment {id_} is shown with another {name}")
        if fields[terms:] != wanted[terms:]:
            self._courses[id_] = (wanted[terms:], fields[terms:])

    def finish(self, checkpoint: int) -> None:
        """Compare how payments stand."""
        if next(self._shown, None) is not None:
            raise Contradiction("a payment is shown that was never submitted", height=checkpoint)
        for (id_,), values in self._changes.changes.items():
            submitted, shown = self._courses.pop(id_, ([], []))
            if not shown or _after(submitted, values) != shown:
                raise Contradiction(
                    f"payment {id_} is not shown as it stands", height=values["last_height"]
                )
        if self._courses:
            first = min(self._courses)
            raise Contradiction(
                f"payment {first} is shown changed, and never was", height=checkpoint
            )


def _after(course: list[str], values: dict[str, Any]) -> list[str]:
    """Return a payment's course, as fields of COPY text, after changes."""
    told = dict(zip(_COURSE, course, strict=True))
    for name, value in values.items():
        told[name] = _escaped(int(told[name]) + value if name in PAYMENTS.sums else value)
    return list(told.values())


def _escaped(value: Any) -> str:
    return copy_line([value]).rstrip("\n")


def _unescaped(field: str) -> Any:
    """Return the JSON of a field of COPY text, which writes each backslash twice."""
    return None if field == "\\N" else msgspec.json.decode(field.replace("\\\\", "\\"))
