"""Which rates stand in a file?

A JSON object {base, date, rates: {code: units of it for one unit of base}}; numbers or decimal
strings, both read exactly. Optional: `kind` (reference, indicative, executable), `provider`,
`timestamp`. The file is read at every question, so that it can be replaced (by renaming another).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from nostro.adapters.fx.quotes import BYTES_MAX, BadQuotes, check_day, frozen, parse_quotes
from nostro.netting import RateSet
from nostro.runtime.ports import Clock, NotDone


class FileRates:
    """Rates from a file; implements RateSource. A file that cannot be read is an outage: someone
    is replacing it, or must."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        """Return the rates that stand in the file."""
        try:
            quotes = parse_quotes(self._read(), provider="file")
        except (OSError, BadQuotes) as cause:
            raise NotDone(f"rates in {self._path.name}: {cause}") from cause
        check_day(quotes, at)
        return frozen(quotes, currencies, fetched_at_us=self._clock.now_us())

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
