"""How is a command brought onto the ledger exactly once, whatever the participant answers?

Every try has the same command id and a fresh submission id, so of all tries the ledger takes one.
What it did is in the view when `submit` returns. Where no answer comes, the completions since the
offset at which the view was before the first try say what became of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

import msgspec
import structlog
from msgspec.structs import replace

from nostro.adapters.domains.canton.answers import Completion
from nostro.adapters.domains.canton.client import PAGE_MAX, CantonClient
from nostro.adapters.domains.canton.errors import Declined, Duplicate, NotAdmitted
from nostro.adapters.domains.canton.reading import Reading
from nostro.adapters.domains.canton.shapes import (
    Assign,
    Commands,
    CompletionsRequest,
    DeduplicationPeriod,
    LedgerCommand,
    ReassignmentCommand,
    ReassignmentCommands,
    SubmitForReassignment,
    SubmitForTransaction,
    Unassign,
)
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.runtime.ports import Clock, NotDone, OutcomeUnknown

PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Between tries; there is one try more than there are pauses."""
TRYING_S = 60.0
"""No try begins later than this after the first one."""
COMPLETIONS_PAGES_MAX = 1_000

log = structlog.get_logger(__name__)
Attempt = Callable[[str], Awaitable[None]]
"""One try, under a submission id of its own."""


class Position(msgspec.Struct, frozen=True):
    """A place in the order of one participant's updates; offsets of others mean nothing there."""

    participant: str
    offset: int


class Submitting:
    """Submits for one coordinator. `ids` is the source of submission ids."""

    def __init__(
        self,
        terms: CantonTerms,
        client: CantonClient,
        reading: Reading,
        *,
        ids: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._terms = terms
        self._client = client
        self._reading = reading
        self._ids = ids
        self._clock = clock

    async def submit(self, command_id: str, command: LedgerCommand, *, synchronizer: str) -> None:
        """Have a command done once. Raises Declined (Gone among them) when it is refused for good,
        NotDone, or OutcomeUnknown."""
        terms = self._terms
        commands = Commands(
            commands=(command,),
            command_id=command_id,
            act_as=(terms.executor,),
            user_id=terms.user,
            read_as=terms.registrars,
            workflow_id=terms.coordinator,
            deduplication_period=DeduplicationPeriod.of(terms.deduplication_s),
            synchronizer_id=synchronizer,
        )

        async def attempt(submission_id: str) -> None:
            fresh = replace(commands, submission_id=submission_id)
            asked = SubmitForTransaction(
                commands=fresh, transaction_format=self._reading.transactions
            )
            self._reading.view.hear(await self._client.submit_for_transaction(asked))

        await self._until_done(command_id, attempt, terms.executor)

    async def reassign(self, command_id: str, step: Unassign | Assign, *, submitter: str) -> None:
        """Have a step of a reassignment done once; raises as `submit` does."""
        commands = ReassignmentCommands(
            command_id=command_id,
            submitter=submitter,
            user_id=self._terms.user,
            commands=(ReassignmentCommand.of(step),),
        )

        async def attempt(submission_id: str) -> None:
            fresh = replace(commands, submission_id=submission_id)
            asked = SubmitForReassignment(
                reassignment_commands=fresh, event_format=self._reading.events
            )
            self._reading.view.hear(await self._client.submit_for_reassignment(asked))

        await self._until_done(command_id, attempt, submitter)

    async def _until_done(self, command_id: str, attempt: Attempt, party: str) -> None:
        """Try until an answer is certain, or there were tries enough."""
        tries = _Tries(
            command_id, party, Position(self._reading.participant, self._reading.view.offset)
        )
        until_us = self._clock.now_us() + int(TRYING_S * 1_000_000)
        for pause_s in (*PAUSES_S, None):
            if await self._try(tries, attempt):
                return
            if pause_s is None or self._clock.now_us() >= until_us:
                break
            await self._clock.sleep(pause_s)
        if await self._was_done(tries):
            return
        tries.raise_what_is_left()

    async def _try(self, tries: _Tries, attempt: Attempt) -> bool:
        """Tell whether it is done; raises what is final."""
        submission_id = self._ids()
        try:
            await attempt(submission_id)
        except Duplicate as duplicate:
            if duplicate.accepted:
                await self._take_in(duplicate.offset)
                return True
            tries.refusal = duplicate
        except Declined:
            if tries.open and await self._was_done(tries):
                return True
            if not tries.open:
                raise
            tries.raise_what_is_left()
        except OutcomeUnknown as unknown:
            tries.open[submission_id] = unknown
        except NotAdmitted:
            if not tries.open:
                raise
            tries.raise_what_is_left()
        except NotDone as refused:
            tries.refusal = refused
        else:
            return True
        return False

    async def _was_done(self, tries: _Tries) -> bool:
        """Ask the completions about tries whose outcome is open, and take in what was done. False
        also when that cannot be found out."""
        if not tries.open or tries.before.participant != self._reading.participant:
            return False
        try:
            for completion in await self._completions_since(tries):
                if completion.accepted:
                    await self._take_in(completion.offset)
                    return True
                tries.open.pop(completion.submission_id, None)
        except (NotDone, Declined) as error:
            log.debug("canton_completions_not_read", command=tries.command_id, error=str(error))
        return False

    async def _completions_since(self, tries: _Tries) -> list[Completion]:
        """Return what became of a command since its first try."""
        begin, end = tries.before.offset, await self._client.ledger_end()
        found: list[Completion] = []
        for _ in range(COMPLETIONS_PAGES_MAX):
            page = await self._client.completions(
                CompletionsRequest(
                    user_id=self._terms.user, parties=(tries.party,), begin_exclusive=begin
                ),
                limit=PAGE_MAX,
            )
            found += [each for each in page if each.command_id == tries.command_id]
            if not page or page[-1].offset >= end:
                break
            begin = page[-1].offset
        return found

    async def _take_in(self, offset: int | None) -> None:
        """Put into the view what is known to be done. Raises OutcomeUnknown when that fails."""
        try:
            if offset is None:
                await self._reading.read_on()
            else:
                await self._reading.update_at(offset)
        except NotDone as unread:
            raise OutcomeUnknown(f"done, but it cannot be read: {unread}") from unread


class _Tries:
    """What is known of the tries of one command. `open`: those that may have been done, by their
    submission ids; `before`: where the view was when the first began."""

    def __init__(self, command_id: str, party: str, before: Position) -> None:
        self.command_id = command_id
        self.party = party
        self.before = before
        self.open: dict[str, OutcomeUnknown] = {}
        self.refusal: Exception | None = None

    def raise_what_is_left(self) -> NoReturn:
        """Raise what is known when nothing was done for certain."""
        for unknown in self.open.values():
            raise OutcomeUnknown(f"{self.command_id}: {unknown}") from unknown
        raise NotDone(f"{self.command_id}: {self.refusal}") from self.refusal
