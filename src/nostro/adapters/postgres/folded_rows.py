"""How is a table of views whose rows change compared with what the journal makes of them?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from nostro.adapters.postgres.copy import plain
from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.projections.gathering import Key, Rows, amend, plain_of
from nostro.ledger import LINE_BITS
from nostro.runtime.verify import Contradiction

LONG = 40
"""Characters of a text beyond which only its hash is kept."""


class Folded:
    """A table whose rows change: folded here, compared at the end. `ended` says of which rows
    nothing changes any more: of these only a hash is kept."""

    def __init__(self, rows: Rows, ended: Callable[[Sequence[Any]], bool] | None = None) -> None:
        self._rows = rows
        self._ended = ended
        self._known: dict[Key, list[Any]] = {}
        self._hashes: dict[Key, int] = {}
        self.count = 0

    def hear(self) -> None:
        """Take in what was gathered."""
        rows, table = self._rows, self._rows.table
        for row in rows.new.values():
            self._known[tuple(row[: table.keys])] = content(row)
        for row in rows.wanted.values():
            self._known.setdefault(tuple(row[: table.keys]), content(row))
        for key, values in rows.changes.items():
            known = self._known.get(key)
            if known is not None:
                told = {name: _compact(value) for name, value in values.items()}
                amend(known, told, rows.places, table.sums)
        if self._ended is not None:
            for key in (*rows.new, *rows.changes):
                if key in self._known and self._ended(self._known[key]):
                    self._hashes[key] = hash(tuple(self._known.pop(key)))

    def finish(self, evidence: Evidence, checkpoint: int) -> None:
        """Compare every row as it stands at the checkpoint."""
        table, known, hashes = self._rows.table, self._known, self._hashes
        self.count = len(known) + len(hashes)
        for shown in evidence.stream(f"SELECT {', '.join(table.columns)} FROM nostro.{table.name}"):
            key = tuple(shown[: table.keys])
            name = " ".join(map(str, key))
            if key in hashes:
                if hashes.pop(key) != hash(tuple(content(shown))):
                    raise Contradiction(
                        f"{table.name}: {name} is not shown as it ended", height=checkpoint
                    )
                continue
            wanted = known.pop(key, None)
            if wanted is None:
                raise Contradiction(f"{table.name}: a false row {name} is shown", height=checkpoint)
            have = content(shown)
            wrong = [
                column
                for column, one, other in zip(table.columns, wanted, have, strict=True)
                if one != other
            ]
            if wrong:
                raise Contradiction(
                    f"{table.name}: {name} is shown with another {wrong[0]}", height=checkpoint
                )
        if known or hashes:
            first = " ".join(map(str, min([*known, *hashes])))
            raise Contradiction(f"{table.name}: {first} is not shown", height=checkpoint)


class Grown:
    """A table that only grows, in the order of its first column."""

    def __init__(self, evidence: Evidence, rows: Rows) -> None:
        self.rows = rows
        table = rows.table
        self._shown = evidence.stream(
            f"SELECT {', '.join(table.columns)} FROM nostro.{table.name} ORDER BY 1"
        )

    def hear(self) -> int:
        """Compare the new rows; return how many."""
        table = self.rows.table
        for row in self.rows.new.values():
            shown = next(self._shown, None)
            if shown is None or content(shown) != content(row):
                raise Contradiction(f"{table.name}: {row[2]} is not shown with its {row[3]}")
        return len(self.rows.new)

    def finish(self) -> None:
        """Check that nothing else is shown."""
        extra = next(self._shown, None)
        if extra is not None:
            raise Contradiction(
                f"{self.rows.table.name}: a false {extra[3]} of {extra[2]} is shown",
                height=extra[0] >> LINE_BITS,
            )


def content(row: Sequence[Any]) -> list[Any]:
    """Return a row, ours or as it is shown, such that equal ones are equal."""
    return [_compact(value) for value in row]


def _compact(value: Any) -> Any:
    if isinstance(value, str):
        told = plain(value)
        return told if len(told) <= LONG else hash(told)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Decimal):
        return int(value)
    return hash(_ordered(value))


_encoder: Callable[[Any], bytes] = msgspec.json.Encoder(order="deterministic").encode


def _ordered(value: Any) -> bytes:
    """Return JSON in one order of its names, with texts as PostgreSQL takes them."""
    return _encoder(plain_of(msgspec.to_builtins(value)))
