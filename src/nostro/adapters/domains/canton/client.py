"""How is one call made to a participant's JSON Ledger API v2 (release 3.5)?

One method for each operation that is used; what fails raises as errors.py says. A call that only
reads never leaves its outcome open: it raises NotDone where one that changes something would raise
OutcomeUnknown. Nothing is tried again here, but with a new token when the old one was refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, TypeVar

import httpx
import msgspec

from nostro.adapters.domains.canton.answers import (
    ActiveContracts,
    ActiveContractsPage,
    Completion,
    CompletionAnswer,
    ContractAnswer,
    ContractEvents,
    LedgerEnd,
    ParticipantId,
    PrunedOffsets,
    Reassignment,
    ReassignmentAnswer,
    Submitted,
    Synchronizer,
    Synchronizers,
    Transaction,
    TransactionAnswer,
    Update,
    UpdateAnswer,
    UpdatesPage,
)
from nostro.adapters.domains.canton.auth import BearerToken
from nostro.adapters.domains.canton.errors import NotAdmitted, Unclear, failure_of
from nostro.adapters.domains.canton.shapes import (
    ActiveContractsPageRequest,
    ActiveContractsRequest,
    Commands,
    CompletionsRequest,
    ContractById,
    EventsByContractId,
    Said,
    SubmitForReassignment,
    SubmitForTransaction,
    UpdateById,
    UpdateByOffset,
    UpdatesPageRequest,
    UpdatesRequest,
)
from nostro.runtime.ports import NotDone, OutcomeUnknown

CALL_TIMEOUT_S = 20.0
"""As long as a participant itself takes at most (its request timeout)."""
CONNECT_TIMEOUT_S = 3.0
CALLS_MAX = 32
"""Calls under way at once."""
ANSWER_BYTES_MAX = 32 * 1024 * 1024
IDLE_MS = 200
"""After how long without a further element a participant ends a list that stays open."""
PAGE_MAX: Final = 199
"""Elements of a page, below the 200 at which a participant refuses to list (413)."""

_Answer = TypeVar("_Answer")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_JSON = {"content-type": "application/json"}


class CantonClient:
    """Calls to one participant; at most `calls_max` at once."""

    def __init__(
        self,
        url: str,
        *,
        token: BearerToken | None = None,
        calls_max: int = CALLS_MAX,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        limits = httpx.Limits(max_connections=calls_max, max_keepalive_connections=calls_max)
        # A transport of its own: of what httpx.AsyncClient adds nothing is needed but its cost.
        self._transport = transport or httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._url = url.rstrip("/")
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S, pool=None)
        self._extensions = {"timeout": timeout.as_dict()}
        self._timeout_s = timeout_s
        self._token = token
        self._slots = asyncio.Semaphore(calls_max)
        self.calls_max = calls_max

    async def close(self) -> None:
        """End the connections."""
        await self._transport.aclose()

    # Commands

    async def submit_and_wait(self, commands: Commands) -> Submitted:
        """Change the ledger, and return once that is done."""
        return await self._deed("/v2/commands/submit-and-wait", commands, Submitted)

    async def submit_for_transaction(self, asked: SubmitForTransaction) -> Transaction:
        """Change the ledger, and return what that did."""
        path = "/v2/commands/submit-and-wait-for-transaction"
        return (await self._deed(path, asked, TransactionAnswer)).transaction

    async def submit(self, commands: Commands) -> None:
        """Have the ledger changed; what comes of it is a completion."""
        await self._deed("/v2/commands/async/submit", commands, dict[str, object])

    async def submit_for_reassignment(self, asked: SubmitForReassignment) -> Reassignment:
        """Take contracts off a synchronizer, or bring them to another."""
        path = "/v2/commands/submit-and-wait-for-reassignment"
        return (await self._deed(path, asked, ReassignmentAnswer)).reassignment

    async def completions(self, asked: CompletionsRequest, *, limit: int) -> list[Completion]:
        """List what became of commands, from an offset on, up to `limit` elements."""
        return await self._completions("/v2/commands/completions", asked, limit)

    async def command_completions(
        self, asked: CompletionsRequest, *, limit: int
    ) -> list[Completion]:
        """List them by the operation that release 3.5 brought; the user is that of the token."""
        asked = msgspec.structs.replace(asked, user_id=msgspec.UNSET)
        return await self._completions("/v2/commands/command-completions", asked, limit)

    # What has happened

    async def updates(self, asked: UpdatesRequest, *, limit: int) -> list[Update]:
        """List what changed the ledger between two offsets, up to `limit` elements."""
        elements = await self._list("/v2/updates", asked, list[UpdateAnswer], limit)
        return [each.update for each in elements]

    async def updates_page(self, asked: UpdatesPageRequest) -> UpdatesPage:
        """List one page of what changed the ledger between two offsets."""
        return await self._read("/v2/updates/get-updates-page", asked, UpdatesPage)

    async def update_by_offset(self, asked: UpdateByOffset) -> Update:
        """Return what changed the ledger at an offset."""
        return (await self._read("/v2/updates/update-by-offset", asked, UpdateAnswer)).update

    async def update_by_id(self, asked: UpdateById) -> Update:
        """Return what changed the ledger under an id."""
        return (await self._read("/v2/updates/update-by-id", asked, UpdateAnswer)).update

    async def events_by_contract(self, asked: EventsByContractId) -> ContractEvents:
        """Return how a contract began, and how it ended if it has."""
        return await self._read("/v2/events/events-by-contract-id", asked, ContractEvents)

    # What is

    async def active_contracts(
        self, asked: ActiveContractsRequest, *, limit: int
    ) -> list[ActiveContracts]:
        """List the contracts that are active at an offset, up to `limit`."""
        path = "/v2/state/active-contracts"
        return await self._list(path, asked, list[ActiveContracts], limit)

    async def active_contracts_page(self, asked: ActiveContractsPageRequest) -> ActiveContractsPage:
        """List one page of the contracts that are active at an offset."""
        return await self._read("/v2/state/active-contracts-page", asked, ActiveContractsPage)

    async def contract(self, asked: ContractById) -> ContractAnswer:
        """Return a contract."""
        return await self._read("/v2/contracts/contract-by-id", asked, ContractAnswer)

    async def synchronizers(self, party: str) -> Sequence[Synchronizer]:
        """List to which synchronizers the participant is connected, where a party is."""
        path = "/v2/state/connected-synchronizers"
        answer = await self._get(path, Synchronizers, {"party": party})
        return answer.connected_synchronizers

    async def ledger_end(self) -> int:
        """Return the offset of the newest update."""
        return (await self._get("/v2/state/ledger-end", LedgerEnd)).offset

    async def pruned_to(self) -> int:
        """Return the offset up to which updates can no longer be read; 0 for none."""
        answer = await self._get("/v2/state/latest-pruned-offsets", PrunedOffsets)
        return answer.participant_pruned_up_to_inclusive

    async def participant_id(self) -> str:
        """Return whose offsets these are."""
        return (await self._get("/v2/parties/participant-id", ParticipantId)).participant_id

    async def is_live(self) -> bool:
        """Tell whether the participant runs."""
        return await self._is_well("/livez")

    async def is_ready(self) -> bool:
        """Tell whether the participant serves."""
        return await self._is_well("/readyz")

    # One call

    async def _completions(
        self, path: str, asked: CompletionsRequest, limit: int
    ) -> list[Completion]:
        elements = await self._list(path, asked, list[CompletionAnswer], limit)
        return [each.completion for each in elements if each.completion is not None]

    async def _deed(self, path: str, asked: Said, answer: type[_Answer]) -> _Answer:
        try:
            return await self._call("POST", path, answer, content=msgspec.json.encode(asked))
        except _NOT_SENT as lost:
            raise NotDone(f"the participant is not there: {lost!r}") from lost
        except (httpx.HTTPError, TimeoutError) as lost:
            raise OutcomeUnknown(f"the participant did not answer: {lost!r}") from lost
        except msgspec.DecodeError as garbled:
            raise OutcomeUnknown(f"the participant's answer is none: {garbled}") from garbled

    async def _read(self, path: str, asked: Said, answer: type[_Answer]) -> _Answer:
        return await self._ask("POST", path, answer, content=msgspec.json.encode(asked))

    async def _list(self, path: str, asked: Said, answer: type[_Answer], limit: int) -> _Answer:
        params = {"limit": str(limit), "stream_idle_timeout_ms": str(IDLE_MS)}
        content = msgspec.json.encode(asked)
        return await self._ask("POST", path, answer, content=content, params=params)

    async def _get(
        self, path: str, answer: type[_Answer], params: dict[str, str] | None = None
    ) -> _Answer:
        return await self._ask("GET", path, answer, params=params)

    async def _ask(
        self,
        method: str,
        path: str,
        answer: type[_Answer],
        *,
        content: bytes | None = None,
        params: dict[str, str] | None = None,
    ) -> _Answer:
        try:
            return await self._call(method, path, answer, content=content, params=params)
        except Unclear as unclear:
            raise NotDone(str(unclear)) from unclear
        except (httpx.HTTPError, TimeoutError, msgspec.DecodeError) as lost:
            raise NotDone(f"the participant did not answer: {lost!r}") from lost

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[_Answer],
        *,
        content: bytes | None = None,
        params: dict[str, str] | None = None,
    ) -> _Answer:
        """Make a call, a second time with a new token when the first was refused: what was refused
        for its token was not done."""
        header = self._token.header() if self._token else ""
        status, body = await self._exchange(method, path, content, params, header)
        if status == HTTPStatus.UNAUTHORIZED and self._token is not None:
            self._token.refused(header)
            header = self._token.header()
            status, body = await self._exchange(method, path, content, params, header)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            failure = failure_of(status, body)
            if isinstance(failure, NotAdmitted) and self._token is not None:
                self._token.refused(header)
            raise failure
        return msgspec.json.decode(body, type=answer)

    async def _exchange(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: dict[str, str] | None,
        header: str,
    ) -> tuple[int, bytes]:
        headers = {"authorization": header} if header else {}
        if content is not None:
            headers |= _JSON
        request = httpx.Request(
            method,
            self._url + path,
            content=content,
            params=params,
            headers=headers,
            extensions=self._extensions,
        )
        async with self._slots, asyncio.timeout(self._timeout_s):
            answer = await self._transport.handle_async_request(request)
            try:
                return answer.status_code, await _body(answer)
            finally:
                await answer.aclose()

    async def _is_well(self, path: str) -> bool:
        try:
            status, _ = await self._exchange("GET", path, None, None, "")
        except (httpx.HTTPError, TimeoutError):
            return False
        return status == HTTPStatus.OK


async def _body(answer: httpx.Response) -> bytes:
    """Return the whole body; raises ReadError when it is beyond all bounds."""
    data = bytearray()
    async for part in answer.aiter_bytes():
        data += part
        if len(data) > ANSWER_BYTES_MAX:
            raise httpx.ReadError(f"more than {ANSWER_BYTES_MAX} bytes")
    return bytes(data)
