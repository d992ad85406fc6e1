"""How is the view of a ledger read, and kept in step?"""

from __future__ import annotations

import asyncio

import structlog
from msgspec.structs import replace

from nostro.adapters.domains.canton.answers import Update
from nostro.adapters.domains.canton.client import PAGE_MAX, CantonClient
from nostro.adapters.domains.canton.errors import PRUNED, Declined, TooLong
from nostro.adapters.domains.canton.ledger_view import LedgerView, Round
from nostro.adapters.domains.canton.model import HOLDING, OF_EXECUTOR, template_id
from nostro.adapters.domains.canton.shapes import (
    ACS_DELTA,
    ActiveContractsPageRequest,
    EventFormat,
    TransactionFormat,
    UpdateByOffset,
    UpdateFormat,
    UpdatesPageRequest,
    told_of,
)
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.runtime.ports import NotDone

_OF_A_PAGE = frozenset({2, 8, -1})
"""Categories of error in which a page may be too long."""
AHEAD_MAX = 10_000
"""Archived contracts that are kept in mind until the updates have told of them."""
PAGES_MAX = 100_000
"""Pages of one reading."""

log = structlog.get_logger(__name__)


def event_format(terms: CantonTerms) -> EventFormat:
    """Return which contracts concern a coordinator: what its executor has a stake in, and what
    the registrars have in their registers."""
    of_party: dict[str, tuple[str, ...]] = {
        registrar: (template_id(HOLDING),) for registrar in terms.registrars
    }
    own = tuple(template_id(name) for name in OF_EXECUTOR)
    of_party[terms.executor] = own + of_party.get(terms.executor, ())
    return told_of(of_party)


class Reading:
    """Reads what the ledger holds into `view`, which is replaced when the ledger turns out to be
    another one, or restored: then whatever was known of it may never have been."""

    def __init__(self, terms: CantonTerms, client: CantonClient) -> None:
        self._terms = terms
        self._client = client
        self.events = event_format(terms)
        self.transactions = TransactionFormat(transaction_shape=ACS_DELTA, event_format=self.events)
        self._updates = UpdateFormat(
            include_transactions=self.transactions, include_reassignments=self.events
        )
        self.view = LedgerView(terms)
        self.participant = ""
        self._page = PAGE_MAX
        self._reading = asyncio.Lock()
        self._asked = 0
        self._answered = 0

    @property
    def is_open(self) -> bool:
        """Tell whether anything was read yet."""
        return bool(self.participant)

    async def opened(self) -> None:
        """Return once the view has been read, and is not too far from it. Raises NotDone."""
        if not self.is_open or self.view.ahead > AHEAD_MAX:
            await self.read_on()

    async def read_on(self) -> None:
        """Return once the view has all that was on the ledger when this was called; calls that
        come meanwhile share the next reading. Raises NotDone."""
        self._asked += 1
        asked = self._asked
        async with self._reading:
            if self._answered < asked:
                covered = self._asked
                await self._read()
                self._answered = covered

    async def update_at(self, offset: int) -> None:
        """Take in what happened at an offset, or, where that cannot be read, all up to now."""
        try:
            update = await self._client.update_by_offset(
                UpdateByOffset(offset=offset, update_format=self._updates)
            )
        except Declined:
            await self.read_on()
            return
        self._hear(update)

    async def update_id_of(self, at: Round) -> str:
        """Return which update brought a round to where it stands. Where the participant has pruned
        it, its place in the order of updates is all that is left to name it by."""
        try:
            update = await self._client.update_by_offset(
                UpdateByOffset(offset=at.offset, update_format=self._updates)
            )
        except Declined:
            return f"{self.participant}:{at.offset}"
        told = update.transaction or update.reassignment
        if told is None:
            return f"{self.participant}:{at.offset}"
        if self.view.rounds.get(at.round_id) == at:
            self.view.name_update(at.round_id, told.update_id)
        return told.update_id

    def reset(self) -> None:
        """Have all read anew at the next call."""
        self.participant = ""

    def _hear(self, update: Update) -> None:
        told = update.transaction or update.reassignment
        if told is not None:
            self.view.hear(told)

    async def _read(self) -> None:
        try:
            end = await self._client.ledger_end()
            if self.is_open and end < self.view.offset:
                log.warning("canton_ledger_fell_back", offset=self.view.offset, end=end)
                self.reset()
            if not self.is_open:
                await self._read_active(end)
            elif end > self.view.offset:
                await self._read_updates(end)
        except Declined as declined:
            if declined.error.code == PRUNED:
                self.reset()
            raise NotDone(f"the ledger cannot be read: {declined}") from declined

    async def _read_active(self, end: int) -> None:
        participant = await self._client.participant_id()
        view = LedgerView(self._terms)
        if end:
            await self._read_contracts(view, end)
        view.read_to(end)
        self.view, self.participant = view, participant

    async def _read_contracts(self, view: LedgerView, end: int) -> None:
        asked = ActiveContractsPageRequest(event_format=self.events, active_at_offset=end)
        for _ in range(PAGES_MAX):
            try:
                page = await self._client.active_contracts_page(
                    replace(asked, max_page_size=self._page)
                )
            except (TooLong, Declined) as refused:
                self._smaller(refused)
                continue
            for each in page.active_contracts:
                view.hear_active(each.contract_entry)
            if not page.next_page_token:
                return
            asked = replace(asked, page_token=page.next_page_token)
        raise NotDone(f"more than {PAGES_MAX} pages of active contracts")

    async def _read_updates(self, end: int) -> None:
        view = self.view
        asked = UpdatesPageRequest(
            begin_offset_exclusive=view.offset,
            end_offset_inclusive=end,
            update_format=self._updates,
        )
        for _ in range(PAGES_MAX):
            try:
                page = await self._client.updates_page(replace(asked, max_page_size=self._page))
            except (TooLong, Declined) as refused:
                self._smaller(refused)
                continue
            for each in page.updates:
                self._hear(each.update)
            if not page.next_page_token:
                view.read_to(end)
                return
            asked = replace(asked, page_token=page.next_page_token)
        raise NotDone(f"more than {PAGES_MAX} pages of updates")

    def _smaller(self, refused: TooLong | Declined) -> None:
        """Ask for smaller pages from now on: a participant may have a bound of its own, of which it
        speaks as of any bad request. Raises what it said when that cannot be why."""
        if self._page == 1 or refused.error.error_category not in _OF_A_PAGE:
            raise refused
        self._page = max(1, self._page // 2)
