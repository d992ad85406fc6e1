"""How does a request become an answer, the same way at every address?

An `Operation` is one method at one path: its shapes, its documentation and its handler. The front
calls `perform` directly for paths without parameters, and FastAPI's routes call it for the rest, so
there is one way through and nothing to keep in step.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from itertools import count
from secrets import token_hex
from typing import Any

import msgspec

from nostro.api.auth import ANONYMOUS, Caller
from nostro.api.auth_gate import Entry, permit
from nostro.api.auth_rules import Rule, rule_for
from nostro.api.desk import Desk
from nostro.api.intake import ClientGone, Headers, Receive
from nostro.api.keys import header_key, of_user
from nostro.api.limits import Quota
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


_FOUND_BY = re.compile(r":[a-z]+(?=\})")

CLIENT_GONE = 499
"""The status of an answer that nobody receives."""


@cache
def address_of(path: str) -> str:
    """Return a path of ours as it is documented: without how its parameters are found."""
    return _FOUND_BY.sub("", path)


class Call:
    """One request on its way: the desk that serves it, its headers, its path parameters, and who
    sends it, under which rule. `bounded`: whose accounts it is about was looked at."""

    __slots__ = ("bounded", "caller", "desk", "headers", "params", "quota", "request_id", "rule")

    def __init__(
        self,
        desk: Desk,
        headers: Headers,
        params: Any,
        request_id: str,
        rule: Rule,
        caller: Caller = ANONYMOUS,
    ) -> None:
        self.desk = desk
        self.headers = headers
        self.params = params
        self.request_id = request_id
        self.rule = rule
        self.caller = caller
        self.quota: Quota | None = None
        self.bounded = False

    def said_key(self) -> str | None:
        """Return the Idempotency-Key header as it is meant, or None without one."""
        return header_key(self.headers.get(b"idempotency-key"))

    def own_key(self, key: str) -> str:
        """Return the engine's key for a key of a header: nobody meets the keys of others."""
        return of_user(key, "" if self.caller.local else self.caller.user_id)

    def key(self) -> str | None:
        """Return the engine's key for the Idempotency-Key header, or None without one."""
        said = self.said_key()
        return None if said is None else self.own_key(said)

    def required_key(self) -> str:
        """Return the key of the header; raises Rejection `request.idempotency_key_missing`."""
        key = self.key()
        if key is None:
            raise Rejection("request.idempotency_key_missing")
        return key

    def actor(self, otherwise: str) -> str:
        """Return who acts: the caller; for the local operator the X-Nostro-Actor header, or
        `otherwise` without one. Raises Rejection `auth.actor_not_you`."""
        return actor_of(self.caller, self.headers, otherwise)

    def acting_for(self, user_id: str | None) -> str:
        """Return the user whom the request is about, the caller where none is named; raises
        Rejection `auth.not_your_account`, or `auth.user_unnamed` for who is no user."""
        self.bounded = True
        caller = self.caller
        if not user_id:
            if caller.local or not caller.user_id:
                raise Rejection("auth.user_unnamed")
            return caller.user_id
        if user_id != caller.user_id and not caller.may(self.rule.scope, user_id):
            raise Rejection("auth.not_your_account", user_id=user_id)
        return user_id

    def sees(self, user_id: str) -> bool:
        """Tell whether what belongs to a user is the caller's to see. What is not is answered as
        what does not exist."""
        self.bounded = True
        return not self.rule.scope or self.caller.may(self.rule.scope, user_id)

    def everybody(self) -> bool:
        """Tell whether the caller reads of all users."""
        self.bounded = True
        return not self.rule.scope or self.rule.scope in self.caller.wide


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

    @cached_property
    def address(self) -> str:
        """The path as it is documented: without how its parameters are found."""
        return address_of(self.path)

    @cached_property
    def rule(self) -> Rule:
        """Who may call it."""
        return rule_for(self.name)

    @cached_property
    def names_user(self) -> bool:
        """Whether params, body or query have a `user_id`."""
        told = (self.params, self.body or self.query)
        return any(each is not None and "user_id" in each.__struct_fields__ for each in told)


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
    call = Call(desk, headers, None, request_id, operation.rule)
    try:
        answer = await _answer(call, operation, scope, receive, params)
    except ClientGone:
        return Spoken(CLIENT_GONE, [], b"")
    except Exception as error:
        answer = spoken(error, instance=scope["path"], request_id=request_id)
    if call.quota is not None:
        answer.headers.extend(call.quota)
    return answer


async def _answer(
    call: Call,
    operation: Operation,
    scope: Scope,
    receive: Receive,
    params: Mapping[str, str] | None,
) -> Spoken:
    """Let a request in, read it, and have it handled."""
    desk, headers, body = call.desk, call.headers, None
    failure: Exception | None = None
    try:
        entry = desk.gate.known(operation.rule, headers) or await desk.gate.entry(headers)
        caller, signed = entry
        _let_in(call, operation.rule, entry, scope)
        said: Any = None
        if operation.params:
            call.params = read_params(params or {}, operation.params)
        if operation.shape is not None:
            body = await desk.intake.read(headers, receive, operation.media_type)
        data = b"" if body is None else body.data
        if signed is not None:
            desk.gate.check(signed, scope, data)
            call.quota = desk.limits.take(caller, scope)
        if operation.shape is not None:
            said = operation.shape.read(data or b"{}" if operation.body_optional else data)
        elif operation.query is not None:
            said = read_query(scope["query_string"], operation.query)
        if operation.rule.scope and operation.rule.scope not in caller.wide:
            _stay_within(call, operation, said)
            answer = await operation.handler(call, said)
            assert call.bounded, f"{operation.name} did not ask whose accounts it is about"
            return answer
        return await operation.handler(call, said)
    except Exception as error:
        failure = error
        raise
    finally:
        if body is not None and body.claimed:
            desk.intake.end(body, failure)


def _let_in(call: Call, rule: Rule, entry: Entry, scope: Scope) -> None:
    """Note who calls, and see whether they may; raises what they are told otherwise.

    A request that says it is signed is counted once it is sure that it is: nobody uses up what
    somebody else may send.
    """
    call.caller = caller = entry.caller
    permit(caller, rule)
    if entry.signed is None and rule.limited:
        call.quota = call.desk.limits.take(caller, scope)


def _stay_within(call: Call, operation: Operation, said: Any) -> None:
    """Refuse a request that names a user who is not its caller; raises Rejection
    `auth.not_your_account`."""
    if operation.names_user:
        for told in (call.params, said):
            user_id = getattr(told, "user_id", None)
            if user_id is not None:
                call.acting_for(user_id)


async def admitted(desk: Desk, operation: Operation, scope: Scope, headers: Headers) -> Caller:
    """Return who sends a request that is not answered by `perform`, a stream; raises what they are
    told otherwise. A request with a body cannot be signed: it would have to end first."""
    call = Call(desk, headers, None, "", operation.rule)
    entry = desk.gate.known(operation.rule, headers) or await desk.gate.entry(headers)
    _let_in(call, operation.rule, entry, scope)
    if entry.signed is not None:
        if scope["method"] != "GET":
            raise Rejection("auth.not_signable")
        desk.gate.check(entry.signed, scope, b"")
        if operation.rule.limited:
            desk.limits.take(entry.caller, scope)
    return entry.caller


def actor_of(caller: Caller, headers: Headers, otherwise: str) -> str:
    """Return who acts (see `Call.actor`); raises Rejection `request.bad_actor` or
    `auth.actor_not_you`."""
    said = headers.get(b"x-nostro-actor")
    if caller.local or not caller.user_id:
        return otherwise if said is None else read_actor(said)
    if said is not None and read_actor(said) != caller.user_id:
        raise Rejection("auth.actor_not_you")
    return caller.user_id


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
