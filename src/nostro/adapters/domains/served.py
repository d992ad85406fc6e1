"""How is a domain of ours served to a coordinator in another process?

POST with a JSON body; `Authorization: Bearer <token>`. What is answered is answered with 200, also
a refusal. 503: nothing was done; 504: perhaps it was, ask again; 422: the operator's order is
refused, with `code` and `facts`.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nostro.adapters.domains.own import DomainAdmin
from nostro.adapters.domains.port import ROUNDS_MAX, Domain, HoldOrder, RoundOrder
from nostro.kernel.messages import Rejection
from nostro.runtime.ports import NotDone, OutcomeUnknown

BODY_BYTES_MAX = 8_000_000
"""Of a call: 100 rounds of some hundred legs each."""
T = TypeVar("T", bound=msgspec.Struct)


class Holds(msgspec.Struct, frozen=True):
    """To hold rounds."""

    asked: list[HoldOrder]


class Rounds(msgspec.Struct, frozen=True):
    """To execute, or to release, rounds."""

    asked: list[RoundOrder]


class Ids(msgspec.Struct, frozen=True):
    """To say where rounds stand."""

    asked: list[str]


class Listing(msgspec.Struct, frozen=True):
    """To list rounds."""

    after: str
    limit: int


class Nothing(msgspec.Struct, frozen=True):
    """To say how far the domain is."""


class NewIssue(msgspec.Struct, frozen=True):
    """To credit or debit a party. Amounts are integers of any size."""

    reference: str
    party: str
    asset: str
    scale: int
    amount_minor: int


class OfParty(msgspec.Struct, frozen=True):
    """To say what a party owns."""

    party: str


class Page(msgspec.Struct, frozen=True):
    """To say what stands on accounts."""

    after: int


class Outage(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    why: str


class Refusal(msgspec.Struct, frozen=True):
    """Why the operator's order is refused."""

    code: str
    facts: dict[str, Any]


class BadRequest(Exception):
    """What was sent is no call."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def domain_app(domain: Domain, admin: DomainAdmin, *, token: str) -> Starlette:
    """Return the ASGI application that serves a domain to those who know its token."""
    return Starlette(
        routes=[
            _route("/hold", token, Holds, lambda call: domain.hold(call.asked)),
            _route("/execute", token, Rounds, lambda call: domain.execute(call.asked)),
            _route("/release", token, Rounds, lambda call: domain.release(call.asked)),
            _route("/status", token, Ids, lambda call: domain.status(call.asked)),
            _route("/head", token, Nothing, lambda _: domain.head()),
            _route(
                "/rounds",
                token,
                Listing,
                lambda call: domain.rounds(after=call.after, limit=call.limit),
            ),
            *_office(admin, token),
        ]
    )


def office_app(admin: DomainAdmin, *, token: str) -> Starlette:
    """Return the ASGI application that serves what the operator of a domain may do there, where
    settling has a language of its own."""
    return Starlette(routes=_office(admin, token))


def _office(admin: DomainAdmin, token: str) -> list[Route]:
    return [
        _route("/issue", token, NewIssue, lambda call: admin.issue(**msgspec.structs.asdict(call))),
        _route("/holdings", token, OfParty, lambda call: admin.holdings(call.party)),
        _route("/balances", token, Page, lambda call: admin.balances(after=call.after)),
    ]


def _route(path: str, token: str, kind: type[T], answer: Callable[[T], Awaitable[Any]]) -> Route:
    decoder = msgspec.json.Decoder(kind)
    bearer = f"Bearer {token}".encode()

    async def endpoint(request: Request) -> Response:
        try:
            if not hmac.compare_digest(_authorization(request), bearer):
                raise BadRequest(401, "the token is missing or wrong")
            return _response(200, await answer(_call(decoder, await _body(request))))
        except BadRequest as bad:
            return _response(bad.status, Outage(str(bad)))
        except Rejection as no:
            return _response(422, Refusal(no.code, dict(no.facts)))
        except NotDone as outage:
            return _response(503, Outage(str(outage)))
        except OutcomeUnknown as outage:
            return _response(504, Outage(str(outage)))

    return Route(path, endpoint, methods=["POST"])


def _authorization(request: Request) -> bytes:
    return request.headers.get("authorization", "").encode("latin-1")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BadRequest(413, f"a call has at most {BODY_BYTES_MAX} bytes")
    return bytes(body)


def _call(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        call = decoder.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadRequest(400, str(error)) from None
    if isinstance(call, Holds | Rounds | Ids) and len(call.asked) > ROUNDS_MAX:
        raise BadRequest(400, f"a call has at most {ROUNDS_MAX} rounds")
    return call


def _response(status: int, told: Any) -> Response:
    return Response(msgspec.json.encode(told), status, media_type="application/json")
