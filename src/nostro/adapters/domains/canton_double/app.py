"""Which operations does the participant serve, and how is each asked and answered?

The JSON Ledger API of Canton 3.5, as far as a settlement coordinator and its set-up need it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nostro.adapters.domains.canton_double import shapes
from nostro.adapters.domains.canton_double.books import (
    Assigned,
    Transaction,
    Unassigned,
    UserChanged,
)
from nostro.adapters.domains.canton_double.deeds import Deeds
from nostro.adapters.domains.canton_double.errors import Malformed, Refusal, Unwelcome
from nostro.adapters.domains.canton_double.faults import Call
from nostro.adapters.domains.canton_double.gate import Gate
from nostro.adapters.domains.canton_double.identity import Bearer, Identity
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.adapters.domains.canton_double.preparing import Preparing
from nostro.adapters.domains.canton_double.reading import Reading, shape_of, too_long
from nostro.adapters.domains.canton_double.telling import ACS_DELTA, Json, Teller, View, view_of
from nostro.runtime.ports import NotDone

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
VERSION = "3.5.14"
BODY_BYTES_MAX = 4 << 20
T = TypeVar("T", bound=shapes.Shape)
_NOBODY = Bearer("", UserChanged("", (), ()))
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_LIMIT = re.compile(r"-?[0-9]{1,18}\Z")


@dataclass(frozen=True)
class Asked:
    """A request, as operations see it. `names`: what stands in its path."""

    bearer: Bearer
    body: bytes
    names: Mapping[str, str]
    query: Mapping[str, str]
    call: Call
    trace: str

    def as_a(self, shape: type[T]) -> T:
        """Return the body; raises Malformed."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Malformed(f"Invalid value for: body ({error})") from None

    @property
    def limit(self) -> int | None:
        """Return how many elements are asked for; raises Malformed."""
        told = self.query.get("limit")
        if told is None:
            return None
        if not _LIMIT.match(told):
            raise Malformed("Invalid value for: query parameter limit")
        return int(told)


Operation = Callable[[Asked], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """An operation. `deed`: it may change the ledger; `open_`: no token is asked for."""

    operation: Operation
    deed: bool = False
    open_: bool = False
    text: bool = False


class Participant:
    """The ASGI application."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        deeds: Deeds,
        preparing: Preparing,
        reading: Reading,
        teller: Teller,
        identity: Identity,
        gate: Gate,
        participant_id: str,
    ) -> None:
        self._ledger = ledger
        self._deeds = deeds
        self._preparing = preparing
        self._reading = reading
        self._teller = teller
        self._identity = identity
        self._gate = gate
        self._participant_id = participant_id
        self.routes: dict[tuple[str, str], Route] = {
            ("POST", "/v2/commands/submit-and-wait"): Route(self._submit, deed=True),
            ("POST", "/v2/commands/submit-and-wait-for-transaction"): Route(
                self._submit_for_transaction, deed=True
            ),
            ("POST", "/v2/commands/submit-and-wait-for-reassignment"): Route(
                self._submit_for_reassignment, deed=True
            ),
            ("POST", "/v2/commands/async/submit"): Route(self._submit_async, deed=True),
            ("POST", "/v2/commands/async/submit-reassignment"): Route(
                self._submit_reassignment_async, deed=True
            ),
            ("POST", "/v2/commands/completions"): Route(self._completions),
            ("POST", "/v2/commands/command-completions"): Route(self._command_completions),
            ("POST", "/v2/state/active-contracts"): Route(self._active),
            ("POST", "/v2/state/active-contracts-page"): Route(self._active_page),
            ("GET", "/v2/state/connected-synchronizers"): Route(self._connected),
            ("GET", "/v2/state/ledger-end"): Route(self._ledger_end),
            ("GET", "/v2/state/latest-pruned-offsets"): Route(self._pruned),
            ("POST", "/v2/updates"): Route(self._updates),
            ("POST", "/v2/updates/get-updates-page"): Route(self._updates_page),
            ("POST", "/v2/updates/update-by-offset"): Route(self._update_by_offset),
            ("POST", "/v2/updates/update-by-id"): Route(self._update_by_id),
            ("POST", "/v2/events/events-by-contract-id"): Route(self._events),
            ("POST", "/v2/contracts/contract-by-id"): Route(self._contract),
            ("GET", "/v2/version"): Route(self._version, open_=True),
            ("GET", "/livez"): Route(self._alive, open_=True, text=True),
            ("GET", "/readyz"): Route(self._ready, open_=True, text=True),
        }

    def add(self, routes: Mapping[tuple[str, str], Route]) -> None:
        """Serve further operations."""
        self.routes.update(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; raises NoConnection or Dropped when there is to be no answer."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = self._find(request.method, request.url.path)
        if isinstance(found, Response):
            return found
        route, names = found
        trace = request.headers.get("traceparent", "")
        trace = trace if _TRACE.match(trace) else ""
        body = await request.body()

        async def answer(call: Call) -> Response:
            return await self._operate(route, names, request, body, call, trace)

        return await self._gate.through(
            request.url.path,
            deed=route.deed,
            assigns=route.deed and b'"AssignCommand"' in body,
            answer=answer,
            refused=lambda refusal: _refused(refusal, trace),
        )

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | Response:
        allowed = []
        for (wanted, pattern), route in self.routes.items():
            names = _names(pattern, path)
            if names is None:
                continue
            if wanted == method:
                return route, names
            allowed.append(wanted)
        if allowed:
            told = f"HTTP method not allowed, supported methods: {', '.join(sorted(allowed))}"
            return Response(told, 405, {"Allow": ", ".join(sorted(allowed))}, TEXT)
        return Response("The requested resource could not be found.", 404, media_type=TEXT)

    async def _operate(
        self,
        route: Route,
        names: dict[str, str],
        request: Request,
        body: bytes,
        call: Call,
        trace: str,
    ) -> Response:
        try:
            bearer = (
                _NOBODY
                if route.open_
                else self._identity.bearer(request.headers.get("authorization"))
            )
            if len(body) > BODY_BYTES_MAX:
                return Response("Entity too large", 413, media_type=TEXT)
            asked = Asked(bearer, body, names, request.query_params, call, trace)
            told = await route.operation(asked)
        except Malformed as error:
            return Response(str(error), 400, media_type=TEXT)
        except Refusal as refusal:
            return _refused(refusal, trace)
        except Unwelcome as refusal:
            body = msgspec.json.encode(refusal.body(trace_id=_trace_id(trace)))
            return Response(body, refusal.status, media_type=JSON)
        except NotDone as outage:
            return _refused(Refusal("LEDGER_API_INTERNAL_ERROR", str(outage)), trace)
        if route.text:
            return Response(told, 200, media_type=TEXT if told else None)
        return Response(msgspec.json.encode(told), 200, media_type=JSON)

    # -- commands -----------------------------------------------------------------------------

    async def _submit(self, asked: Asked) -> Json:
        commands = asked.as_a(shapes.Commands)
        plan = self._preparing.transaction(asked.bearer, commands, trace=asked.trace)
        made = await self._deeds.do(plan, asked.call)
        return {"updateId": made.update_id, "completionOffset": made.offset}

    async def _submit_for_transaction(self, asked: Asked) -> Json:
        told = asked.as_a(shapes.SubmitForTransaction)
        plan = self._preparing.transaction(asked.bearer, told.commands, trace=asked.trace)
        wanted = told.transaction_format
        if wanted is None:
            view, shape = _own_view(plan.submission.act_as), ACS_DELTA
        else:
            view = self._reading.view(asked.bearer, wanted.event_format)
            shape = shape_of(wanted)
        made = await self._deeds.do(plan, asked.call)
        assert isinstance(made, Transaction)
        return {"transaction": self._teller.transaction(made, view, shape)}

    async def _submit_async(self, asked: Asked) -> Json:
        commands = asked.as_a(shapes.Commands)
        plan = self._preparing.transaction(asked.bearer, commands, trace=asked.trace)
        self._deeds.submit(plan, asked.call)
        return {}

    async def _submit_for_reassignment(self, asked: Asked) -> Json:
        told = asked.as_a(shapes.SubmitForReassignment)
        view = None
        plan = self._preparing.reassignment(
            asked.bearer, told.reassignment_commands, trace=asked.trace
        )
        if told.event_format is not None:
            view = self._reading.view(asked.bearer, told.event_format)
        made = await self._deeds.do(plan, asked.call)
        assert isinstance(made, Unassigned | Assigned)
        return {"reassignment": self._teller.reassignment(made, view)}

    async def _submit_reassignment_async(self, asked: Asked) -> Json:
        told = asked.as_a(shapes.SubmitReassignment)
        plan = self._preparing.reassignment(
            asked.bearer, told.reassignment_commands, trace=asked.trace
        )
        self._deeds.submit(plan, asked.call)
        return {}

    # -- reads --------------------------------------------------------------------------------

    async def _completions(self, asked: Asked) -> list[Json]:
        told, limit = asked.as_a(shapes.CompletionStream), asked.limit
        user = asked.bearer.user_of(told.user_id)
        if not told.parties:
            raise Refusal(
                "MISSING_FIELD", "The submitted command is missing a mandatory field: parties"
            )
        asked.bearer.must_read_as(told.parties)
        _not_crowded(asked.call)
        return self._reading.completions(
            user=user, parties=told.parties, begin=told.begin_exclusive, limit=limit
        )

    async def _command_completions(self, asked: Asked) -> list[Json]:
        told, limit = asked.as_a(shapes.CommandCompletions), asked.limit
        parties = told.parties or []
        asked.bearer.must_read_as(parties)
        if not parties:
            asked.bearer.must_read_all()
        _not_crowded(asked.call)
        return self._reading.completions(
            user=None, parties=parties, begin=told.begin_exclusive, limit=limit
        )

    async def _active(self, asked: Asked) -> list[Json]:
        told, limit = asked.as_a(shapes.ActiveContracts), asked.limit
        _not_crowded(asked.call)
        return self._reading.active(asked.bearer, told, limit=limit)

    async def _active_page(self, asked: Asked) -> Json:
        return self._reading.active_page(asked.bearer, asked.as_a(shapes.ActiveContractsPage))

    async def _updates(self, asked: Asked) -> list[Json]:
        told, limit = asked.as_a(shapes.Updates), asked.limit
        _not_crowded(asked.call)
        return self._reading.updates(asked.bearer, told, limit=limit)

    async def _updates_page(self, asked: Asked) -> Json:
        return self._reading.updates_page(asked.bearer, asked.as_a(shapes.UpdatesPage))

    async def _update_by_offset(self, asked: Asked) -> Json:
        return self._reading.update_by_offset(asked.bearer, asked.as_a(shapes.UpdateByOffset))

    async def _update_by_id(self, asked: Asked) -> Json:
        return self._reading.update_by_id(asked.bearer, asked.as_a(shapes.UpdateById))

    async def _events(self, asked: Asked) -> Json:
        return self._reading.events(asked.bearer, asked.as_a(shapes.EventsByContractId))

    async def _contract(self, asked: Asked) -> Json:
        return self._reading.contract(asked.bearer, asked.as_a(shapes.ContractById))

    async def _ledger_end(self, _asked: Asked) -> Json:
        return {"offset": self._ledger.end}

    async def _pruned(self, _asked: Asked) -> Json:
        pruned_to = self._ledger.pruned_to
        return {
            "participantPrunedUpToInclusive": pruned_to,
            "allDivulgedContractsPrunedUpToInclusive": pruned_to,
        }

    async def _connected(self, asked: Asked) -> Json:
        party = asked.query.get("party")
        if party:
            asked.bearer.must_read_as((party,))
        known = not party or party in self._ledger.parties
        return {
            "connectedSynchronizers": [
                {
                    "synchronizerAlias": each.partition("::")[0],
                    "synchronizerId": each,
                    "permission": "PARTICIPANT_PERMISSION_SUBMISSION",
                }
                for each in self._deeds.synchronizers
                if known
            ]
        }

    async def _version(self, _asked: Asked) -> Json:
        unsupported = {"supported": False}
        return {
            "version": VERSION,
            "features": {
                "experimental": {
                    "staticTime": unsupported,
                    "commandInspectionService": unsupported,
                },
                "userManagement": {
                    "supported": True,
                    "maxRightsPerUser": 1_000,
                    "maxUsersPageSize": 1_000,
                },
                "partyManagement": {"maxPartiesPageSize": 10_000},
                "offsetCheckpoint": {
                    "maxOffsetCheckpointEmissionDelay": {"seconds": 75, "nanos": 0}
                },
                "packageFeature": {"maxVettedPackagesPageSize": 100},
            },
        }

    async def _alive(self, _asked: Asked) -> str:
        return ""

    async def _ready(self, _asked: Asked) -> str:
        return "[+] ledger ok (SERVING)\nreadyz check passed\n"


def _own_view(parties: tuple[str, ...]) -> View:
    told = shapes.EventFormat(filters_by_party=dict.fromkeys(parties, shapes.Filters()))
    return view_of(told, str)


def _not_crowded(call: Call) -> None:
    if call.faults.crowded:
        raise too_long(201)


def _refused(refusal: Refusal, trace: str) -> Response:
    body = refusal.body(correlation_id="", trace_id=_trace_id(trace))
    return Response(msgspec.json.encode(body), refusal.status, media_type=JSON)


def _trace_id(trace: str) -> str:
    found = _TRACE.match(trace)
    return found.group(1) if found else ""


def _names(pattern: str, path: str) -> dict[str, str] | None:
    """Return what stands in a path where its pattern has {names}, None when it does not fit."""
    wanted, told = pattern.split("/"), path.split("/")
    if len(wanted) != len(told):
        return None
    names = {}
    for each, there in zip(wanted, told, strict=True):
        if each.startswith("{") and there:
            names[each[1:-1]] = there
        elif each != there:
            return None
    return names


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
