"""What does a caller hear when the answer is no, and what should they do about it?

Every refusal leaves the house as RFC 9457 problem details. `TABLE` (see `problem_table`) ties each
rejection code to a status, a title and a remedy; this module is the only one that turns an
exception into an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from nostro.api.auth_problems import challenge
from nostro.api.patience import NoAnswerInTime
from nostro.api.problem_table import TABLE, row_for
from nostro.kernel.messages import Rejection
from nostro.runtime.ports import Fenced, NotDone, OutcomeUnknown, Overloaded
from nostro.runtime.projector import ViewsBehind, ViewsUnavailable

CONTENT_TYPE = b"application/problem+json"
TYPE_PREFIX = "/problems/"
RETRY_AFTER_S = 1

log = structlog.get_logger(__name__)


class Invalid(msgspec.Struct, frozen=True):
    """One error of a request: where (a JSON pointer into the body, or the name of a parameter),
    a stable code, and words."""

    pointer: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `type` is a relative URL that explains the code.

    `retryable`: the same request, with the same key, may be sent again. `remedy`: what to do.
    `facts`: what the decision rested on, amounts as decimal strings. `errors`: every error of an
    invalid request.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    retryable: bool | msgspec.UnsetType = msgspec.UNSET
    remedy: str
    retry_after: int | None = None
    height: int | None = None
    facts: dict[str, Any] = {}
    errors: list[Invalid] = []


class ProblemRaised(Exception):
    """A request that is answered with a problem: a code of the table, and what is known of it."""

    def __init__(
        self,
        code: str,
        *,
        detail: str = "",
        facts: Mapping[str, Any] | None = None,
        errors: Sequence[Invalid] = (),
        height: int | None = None,
        replayed: bool = False,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.facts = dict(facts or {})
        self.errors = list(errors)
        self.height = height
        self.replayed = replayed
        self.headers = headers

    @classmethod
    def invalid(cls, errors: Sequence[Invalid]) -> ProblemRaised:
        """Return the problem of these errors, which are not empty: under their own code when they
        all have it and the table knows it, else `request.invalid`."""
        first = errors[0]
        codes = {error.code for error in errors}
        code = first.code if len(codes) == 1 and first.code in TABLE else "request.invalid"
        at = f"{first.pointer}: " if first.pointer else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return cls(code, detail=f"{at}{first.message}{more}", errors=errors)


class Spoken(NamedTuple):
    """A problem as it goes over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def raised(error: Exception) -> ProblemRaised:
    """Return what an exception means to the caller."""
    match error:
        case ProblemRaised():
            return error
        case Rejection():
            return ProblemRaised(error.code, facts=error.facts)
        case Overloaded():
            return ProblemRaised("engine.overloaded", detail=f"{error}.")
        case Fenced():
            return ProblemRaised("engine.fenced", detail=f"{error}.")
        case ViewsBehind():
            facts = {"asked": error.asked, "have": error.have}
            return ProblemRaised("views.behind", detail=f"{error}.", facts=facts)
        case ViewsUnavailable():
            return ProblemRaised("views.unavailable", detail=f"{error}.")
        case NotDone():
            return ProblemRaised("engine.unavailable", detail=f"{error}.")
        case NoAnswerInTime():
            return ProblemRaised("engine.no_answer_in_time", detail=f"{error}.")
        case OutcomeUnknown():
            return ProblemRaised("engine.outcome_unknown", detail=f"{error}.")
        case _:
            log.error("request_failed", error=repr(error), exc_info=error)
            return ProblemRaised("server.error")


def spoken(error: Exception, *, instance: str, request_id: str) -> Spoken:
    """Return the answer to an exception: status, headers and body."""
    problem = raised(error)
    row = row_for(problem.code)
    body = Problem(
        type=TYPE_PREFIX + problem.code,
        title=row.title,
        status=row.status,
        detail=problem.detail or detail_of(row.title, problem.facts),
        instance=instance,
        code=problem.code,
        request_id=request_id,
        retryable=row.retryable,
        remedy=row.remedy,
        retry_after=RETRY_AFTER_S if row.retryable else None,
        height=problem.height,
        facts=problem.facts,
        errors=problem.errors,
    )
    headers = [(b"content-type", CONTENT_TYPE), *problem.headers]
    asked = challenge(problem.code, problem.facts)
    if asked is not None:
        headers.append((b"www-authenticate", asked))
    if problem.replayed:
        headers.append((b"idempotent-replayed", b"true"))
    if row.retryable:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    return Spoken(row.status, headers, msgspec.json.encode(body))


def detail_of(title: str, facts: Mapping[str, Any]) -> str:
    """Return one sentence: the title and the facts of this occurrence. What is said in words
    (`what`, `why`) comes first, with the field that it is said of."""
    words = [str(facts[name]) for name in _WORDS if facts.get(name)]
    if words and facts.get("field"):
        words.insert(0, str(facts["field"]))
    told = _WORDS if not words else (*_WORDS, "field")
    rest = (f"{name.replace('_', ' ')} {fact}" for name, fact in facts.items() if name not in told)
    said = ", ".join([*([": ".join(words)] if words else []), *rest])
    return f"{title}: {said}." if said else f"{title}."


_WORDS = ("what", "why")
