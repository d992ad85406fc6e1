"""What does the front door read of settlements, delivery versus payment?

Every read may raise ViewsUnavailable; with a cursor Rejection `request.bad_cursor`. None: there is
no such thing (yet). Settlements go by number; days are ISO dates, both included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nostro.ledger import Page
from nostro.settlement import (
    DomainView,
    InstrumentView,
    PenaltyView,
    PositionView,
    SettlementEventView,
    SettlementsFound,
    SettlementView,
    Status,
)


class DvpReads(Protocol):
    """The views of settlements."""

    async def settlement(self, number: int) -> SettlementView | None:
        """Return a settlement as it stands."""
        ...

    async def settlement_by_reference(self, party: str, reference: str) -> SettlementView | None:
        """Return the settlement that a party instructed under a reference of its own, or that has
        this trade id and the party on a side."""
        ...

    async def settlements(
        self,
        *,
        party: str | None = None,
        status: Status | None = None,
        trade_id: str | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> SettlementsFound:
        """Return settlements, the newest first; days are settlement dates. `total` counts all that
        the filter finds, when the first page is read."""
        ...

    async def events(
        self, number: int, *, cursor: str | None = None, limit: int
    ) -> Page[SettlementEventView]:
        """Return what happened to a settlement, oldest first."""
        ...

    async def penalties(
        self,
        *,
        party: str | None = None,
        number: int | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Page[PenaltyView]:
        """Return penalties of whom they cost or whom they are for, the newest first."""
        ...

    async def positions(self, party: str, *, asset: str | None = None) -> Sequence[PositionView]:
        """Return what settlements under way have of a party's assets."""
        ...

    async def instruments(self) -> Sequence[InstrumentView]:
        """Return how assets settle, by code; one that is not there settles by default."""
        ...

    async def domains(self) -> Sequence[DomainView]:
        """Return the domains that something was said of, by name."""
        ...
