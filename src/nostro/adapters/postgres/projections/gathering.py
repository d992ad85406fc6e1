"""How do several projections gather rows of the same tables, and write each touched row once?

Of each row three things can be asked: `insert` it, `ensure` that it is there, `patch` some of its
columns. What a batch asks of one row is folded first, so it costs one statement's share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import psycopg

from nostro.adapters.postgres.copy import NULL, plain, text
from nostro.kernel.codec import encode
from nostro.kernel.room import Position
from nostro.ledger import LINE_BITS

KNOWN_MAX = 100_000
"""Keys of a table that are remembered to be there."""

Key = tuple[Any, ...]
Ship = Callable[[str, bytes], None]


class Table(msgspec.Struct, frozen=True):
    """A table of views: its columns with their SQL types, the first `keys` of which name a row;
    `sums` are added to by a patch, the others replaced."""

    name: str
    keys: int
    columns: Mapping[str, str]
    sums: frozenset[str] = frozenset()


class Rows:
    """What is gathered for one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.places = {name: place for place, name in enumerate(table.columns)}
        self.new: dict[Key, list[Any]] = {}
        self.wanted: dict[Key, list[Any]] = {}
        """Rows to be there unless they are already."""
        self.changes: dict[Key, dict[str, Any]] = {}
        self._known: set[Key] = set()
        self._keys = list(table.columns)[: table.keys]

    def insert(self, *values: Any) -> None:
        """Take in a new row, in the order of the columns."""
        self.new[values[: self.table.keys]] = list(values)

    def ensure(self, *values: Any) -> None:
        """Take in a row that counts only if there is none of its key."""
        key = values[: self.table.keys]
        if key not in self._known and key not in self.new:
            self.wanted.setdefault(key, list(values))
            self._known.add(key)

    def patch(self, *key: Any, **values: Any) -> None:
        """Change columns of a row that is there."""
        row = self.new.get(key)
        if row is not None:
            amend(row, values, self.places, self.table.sums)
            return
        known = self.changes.get(key)
        if known is None:
            self.changes[key] = values
            return
        for name, value in values.items():
            if name in self.table.sums:
                known[name] = known.get(name, 0) + value
            else:
                known[name] = value

    def ship(self, ship: Ship) -> None:
        """Send the new rows."""
        if self.new:
            names = ", ".join(self.table.columns)
            ship(
                f"COPY nostro.{self.table.name} ({names}) FROM STDIN",
                "".join(copy_line(row) for row in self.new.values()).encode(),
            )

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Write what is wanted and changed, in the transaction under way."""
        if self.wanted:
            self._write_wanted(connection)
        groups: dict[tuple[str, ...], list[Key]] = {}
        for key, values in self.changes.items():
            groups.setdefault(tuple(values), []).append(key)
        for names, keys in groups.items():
            self._write_changes(connection, names, keys)
        self.clear()

    def _write_wanted(self, connection: psycopg.Connection[Any]) -> None:
        columns = self.table.columns
        fields = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        connection.execute(
            f"INSERT INTO nostro.{self.table.name} ({', '.join(columns)})"
            f" SELECT * FROM unnest({fields}) ON CONFLICT DO NOTHING".encode(),
            _parameters(self.wanted.values()),
        )

    def _write_changes(
        self, connection: psycopg.Connection[Any], names: tuple[str, ...], keys: list[Key]
    ) -> None:
        columns, sums = self.table.columns, self.table.sums
        told = [*self._keys, *names]
        fields = ", ".join(f"%s::{columns[name]}[]" for name in told)
        assigned = ", ".join(
            f"{name} = old.{name} + new.{name}" if name in sums else f"{name} = new.{name}"
            for name in names
        )
        matched = " AND ".join(f"old.{name} = new.{name}" for name in self._keys)
        rows = ((*key, *(self.changes[key][name] for name in names)) for key in keys)
        connection.execute(
            f"UPDATE nostro.{self.table.name} AS old SET {assigned}"
            f" FROM unnest({fields}) AS new ({', '.join(told)}) WHERE {matched}".encode(),
            _parameters(rows),
        )

    def clear(self) -> None:
        """Drop what is written."""
        self.new.clear()
        self.wanted.clear()
        self.changes.clear()
        if len(self._known) > KNOWN_MAX:
            self._known.clear()

    def forget(self) -> None:
        """Drop everything, also what is thought to be there."""
        self.clear()
        self._known.clear()


def amend(
    row: list[Any], values: Mapping[str, Any], places: Mapping[str, int], sums: frozenset[str]
) -> None:
    """Change some columns of a row in place."""
    for name, value in values.items():
        place = places[name]
        row[place] = row[place] + value if name in sums else value


def copy_line(row: Iterable[Any]) -> str:
    """Return a row as COPY text."""
    return "\t".join([_field(value) for value in row]) + "\n"


def _field(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return value if value.isprintable() and "\\" not in value else text(value)
    if kind is int:
        return str(value)
    if value is None:
        return NULL
    if kind is bool:
        return "t" if value else "f"
    if isinstance(value, str):
        return quick(value)
    return quick(written(value))


def quick(value: str) -> str:
    """Return a string as a field of COPY text; the common one, with nothing to escape, in a tenth
    of the time."""
    return value if value.isprintable() and "\\" not in value else text(value)


def written(value: Any) -> str:
    """Return a value as JSON that PostgreSQL takes: its text has no NUL."""
    told = encode(value).decode()
    if "\\u0000" in told:
        told = encode(plain_of(msgspec.to_builtins(value))).decode()
    return told


def plain_of(value: Any) -> Any:
    """Return builtins whose texts PostgreSQL takes."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(name): plain_of(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_of(item) for item in value]
    return value


def _parameters(rows: Iterable[Iterable[Any]]) -> list[str]:
    """Return the columns of rows as the text of arrays, for `unnest`."""
    return [elements(column) for column in zip(*rows, strict=True)]


def elements(values: Iterable[Any]) -> str:
    """Return values of one column as the text of an array."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if value is None:
        return "NULL"
    if type(value) is bool:
        return "t" if value else "f"
    told = plain(value) if isinstance(value, str) else written(value)
    if "\\" in told or '"' in told:
        told = told.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{told}"'


class Places:
    """Numbers what the payments' rooms tell, through a journal row and beyond none."""

    def __init__(self) -> None:
        self._height = 0
        self._next = 0

    def take(self, position: Position, count: int = 1) -> int:
        """Return the first of `count` sequences that follow each other."""
        if position.height != self._height:
            self._height, self._next = position.height, position.height << LINE_BITS
        first = self._next
        self._next = first + count
        return first

    def forget(self) -> None:
        """Start anew with the next row."""
        self._height = 0
