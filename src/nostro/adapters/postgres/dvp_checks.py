"""Do the views of settlements tell what the journal says up to their checkpoint?

What is shown is gathered here once more, by the projection, from the events alone. Memory: some
3 kB for each settlement that is not settled, 100 bytes for one that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.folded_rows import Folded, Grown
from nostro.adapters.postgres.projections.dvp import DvpProjection
from nostro.adapters.postgres.projections.dvp_tables import SETTLEMENTS, DvpTables
from nostro.kernel.messages import Event, room_of
from nostro.kernel.room import Position
from nostro.runtime.ports import Entry
from nostro.settlement import Status

_STATUS = list(SETTLEMENTS.columns).index("status")


class DvpCheck:
    """Are settlements, what happened to them, penalties, instruments and domains shown as they came
    about?"""

    name = "settlements"

    def __init__(self, evidence: Evidence, chain: str) -> None:
        self._evidence = evidence
        self._checkpoint = evidence.checkpoint().height
        self._tables = tables = DvpTables(_nowhere)
        self._projection = DvpProjection(tables, chain)
        self._grown = [Grown(evidence, rows) for rows in (tables.events, tables.penalties)]
        self._settlements = Folded(tables.settlements, _is_settled)
        self._folded = [
            self._settlements,
            *map(Folded, (tables.instruments, tables.domains, tables.penalty_rates)),
        ]
        self._compared = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare what a row adds, and remember what it changes."""
        ours = [event for event in events if room_of(type(event)) == "settlement"]
        if not ours or entry.height > self._checkpoint:
            return
        position = Position(entry.height, entry.at_us)
        for index, event in enumerate(ours):
            self._projection.after(event, position, index, None)
        for grown in self._grown:
            self._compared += grown.hear()
        for folded in self._folded:
            folded.hear()
        self._tables.clear()

    def finish(self) -> None:
        """Compare everything as it stands at the checkpoint."""
        for grown in self._grown:
            grown.finish()
        for folded in self._folded:
            folded.finish(self._evidence, self._checkpoint)

    def told(self) -> str:
        """Say what was compared."""
        rows = sum(folded.count for folded in self._folded) - self._settlements.count
        return (
            f"{self._settlements.count} settlements, {self._compared} entries of their lives,"
            f" {rows} rows of what they go by"
        )


def _is_settled(row: Sequence[Any]) -> bool:
    return bool(row[_STATUS] == Status.SETTLED)


def _nowhere(_statement: str, _data: bytes) -> None:
    """Send rows nowhere."""
