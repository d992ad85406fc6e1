"""How does a request become an answer, the same way at every address?

An `Operation` is one method at one path: its shapes, its documentation and its handler. The front
calls `perform` directly for paths without parameters, and FastAPI's routes call it for the rest, so
there is one way through and nothing to keep in step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from secrets import token_hex
from typing import Any

import msgspec

from nostro.api.desk import Desk
from nostro.api.intake import Body, ClientGone, Headers, Receive
from nostro.api.keys import header_key
from nostro.api.problems import ProblemRaised, Spoken, spoken
from nostro.api.shapes import Shape, read_params, read_query
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt

Scope = MutableMapping[str, Any]

JSON = (b"content-type", b"application/json")
REPLAYED = (b"idempotent-replayed", b"true")
_encode = msgspec.json.Encoder().encode


class KeyRule(StrEnum):
    """What an operation says about the Idempotency-Key header."""

    REQUIRED = "required"
    DERIVED = "derived"
    """Without the header, the ids in the request are the key."""
    OPTIONAL = "optional"
    """Without the header, each request is decided anew."""
    NONE = "none"


CLIENT_GONE = 499
"""The status of an answer that nobody receives."""


class Call:
    """One request on its way: the desk that serves it, its headers, and its path parameters."""

    __slots__ = ("desk", "headers", "params", "request_id")

    def __init__(self, desk: Desk, headers: Headers, params: Any, request_id: str) -> None:
        self.desk = desk
        self.headers = headers
        self.params = params
        self.request_id = request_id

    def key(self) -> str | None:
        """Return the key of the Idempotency-Key header, or None without one."""
        return header_key(self.headers.get(b"idempotency-key"))

    def required_key(self) -> str:
        """Return the key of the header; raises Rejection `request.idempotency_key_missing`."""
        key = self.key()
        if key is None:
            raise Rejection("request.idempotency_key_missing")
        return key

    def actor(self, otherwise: str) -> str:
        """Return who sends the request: the X-Nostro-Actor header, or `otherwise` without one."""
        said = self.headers.get(b"x-nostro-actor")
        return otherwise if said is None else read_actor(said)


Handler = Callable[[Call, Any], Awaitable[Spoken]]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A status that an operation answers with: its shape, an example, and when."""

    description: str
    shape: Any = None
    example: Any = None
    media_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method at one path. `body`, `query` and `params` are struct classes; `problems` are the
    codes worth naming in the documentation besides those that every operation may answer with.
    `media_type` is the body's."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    handler: Handler
    results: Mapping[int, Result]
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
    body_example: Any = None
    query: type[msgspec.Struct] | None = None
    params: type[msgspec.Struct] | None = None
    key: KeyRule = KeyRule.NONE
    actor: str = ""
    problems: Sequence[str] = ()
    media_type: str = "application/json"
    shape: Shape | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.body is not None:
            object.__setattr__(self, "shape", Shape(self.body))


class RequestIds:
    """Names requests that bring no name of their own: a word for the process, and a count."""

    def __init__(self) -> None:
        self._prefix = token_hex(4)
        self._count = count(1)

    def of(self, headers: Headers) -> str:
        """Return the request's X-Request-Id if it is fit to be logged, else a new one."""
        said = headers.get(b"x-request-id")
        if said is not None and 0 < len(said) <= 64 and said.isascii():
            text = said.decode("ascii")
            if text.isprintable() and " " not in text and '"' not in text:
                return text
        return f"{self._prefix}-{next(self._count)}"


async def perform(
    desk: Desk,
    operation: Operation,
    scope: Scope,
    receive: Receive,
    headers: Headers,
    request_id: str,
    params: Mapping[str, str] | None = None,
) -> Spoken:
    """Return the answer to a request; every failure becomes a problem.

    `headers` as `read_headers` reads them.
    """
    body: Body | None = None
    failure: Exception | None = None
    try:
        told = read_params(params or {}, operation.params) if operation.params else None
        said: Any = None
        if operation.shape is not None:
            body = await desk.intake.read(headers, receive, operation.media_type)
            data = body.data
            said = operation.shape.read(data or b"{}" if operation.body_optional else data)
        elif operation.query is not None:
            said = read_query(scope["query_string"], operation.query)
        return await operation.handler(Call(desk, headers, told, request_id), said)
    except ClientGone:
        return Spoken(CLIENT_GONE, [], b"")
    except Exception as error:
        failure = error
        return spoken(error, instance=scope["path"], request_id=request_id)
    finally:
        if body is not None and body.claimed:
            desk.intake.end(body, failure)


def read_actor(said: bytes) -> str:
    """Return the name in an X-Nostro-Actor header; raises Rejection `request.bad_actor`."""
    text = said.decode("latin-1").strip()
    if not 0 < len(text) <= 64 or not text.translate(_NOT_PUNCTUATION).isalnum():
        raise Rejection("request.bad_actor")
    if not text.isascii():
        raise Rejection("request.bad_actor")
    return text


_NOT_PUNCTUATION = str.maketrans(dict.fromkeys("._:@-", "x"))


def answered(body: Any, *, status: int = 200, receipt: Receipt | None = None) -> Spoken:
    """Return a JSON answer; marked as replayed when the receipt is."""
    if receipt is not None and receipt.replayed:
        return Spoken(status, [JSON, REPLAYED], _encode(body))
    return Spoken(status, [JSON], _encode(body))


def refused(receipt: Receipt, facts: Mapping[str, Any]) -> ProblemRaised:
    """Return the problem of a command that business refused."""
    return ProblemRaised(
        receipt.reply.code, facts=facts, height=receipt.height, replayed=receipt.replayed
    )
