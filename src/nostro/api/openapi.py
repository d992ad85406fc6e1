"""What does the OpenAPI document say, completely and with examples?

Shapes come from the very structs that decode and encode, so the document cannot say anything else
than the code does. FastAPI joins what `extra_of` gives it for each route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from typing import Any

import msgspec
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from nostro.api.auth import SCOPES
from nostro.api.operations import KeyRule, Operation
from nostro.api.problem_table import row_for
from nostro.api.problems import CONTENT_TYPE, TYPE_PREFIX, Problem

_REF = "#/components/schemas/{name}"
_EXAMPLE = "#/components/examples/{code}"
_ALWAYS_POSTED = (
    "engine.overloaded",
    "engine.unavailable",
    "engine.outcome_unknown",
    "engine.no_answer_in_time",
    "request.invalid",
    "request.malformed_json",
    "request.unsupported_media_type",
    "request.too_large",
    "request.bad_actor",
    "request.bad_idempotency_key",
)
_ALWAYS_READ = ("request.invalid",)
_OF_SHOWN = (
    "auth.token_refused",
    "auth.token_expired",
    "auth.signature_refused",
    "auth.key_refused",
    "auth.timestamp_refused",
    "auth.signed_twice",
    "auth.keys_not_here",
    "auth.keys_unavailable",
    "request.rate_limited",
)
"""What may be wrong with a token or a signature, where one is looked at."""
_OF_CALLERS = ("auth.token_missing", "auth.not_allowed")
_OF_JSON = ("request.invalid", "request.malformed_json")
_KEY_WORDS = {
    KeyRule.REQUIRED: "Required: one key for each deed, the same key for each retry of it.",
    KeyRule.DERIVED: "Without it, the ids in the request are the key.",
    KeyRule.OPTIONAL: "Without it, each request is decided anew; what is so already stays so.",
}
DESCRIPTION = """
Money comes in, moves, is held and goes out; every answer to a command is durable before it is sent.

**Amounts** are decimal strings. A JSON number is accepted too, and read digit by digit; more
decimals than the asset has are refused, never rounded.

**Keys.** Send `Idempotency-Key` (quoted or bare) with a POST. The same key with the same content
returns the first answer, marked `Idempotent-Replayed: true`, for ever, refusals included; with
other content it is refused. Where the body names its own movement (`transaction_id`,
`withdrawal_id`, the id of a transfer), that is the key unless the header is sent. A payment may
have its key in the body (`idempotency_key`), with the same meaning.

**Errors** are RFC 9457 problem details. `code` is stable, `remedy` says what to do, `retryable`
whether the same request may be sent again, `errors` names every fault of the request at once.

**Callers** send a bearer token, or sign their requests with an API key; each operation names the
scope it needs. On a platform in development a request without either is the local operator's, but
for what is private: orders and API keys.

**Reads** come from views that follow the journal. Every answer carries the `height` it knows; pass
`at_least=<height>` to read your own writes.
"""


def extra_of(operation: Operation) -> dict[str, Any]:
    """Return what FastAPI cannot know of an operation: parameters, body and answers."""
    extra: dict[str, Any] = {
        "parameters": _parameters(operation),
        "security": _security(operation),
    }
    if operation.body is not None:
        extra["requestBody"] = {
            "required": not operation.body_optional,
            "content": {
                "application/json": {
                    "schema": _schema(operation.body),
                    "example": operation.body_example,
                }
            },
        }
    elif operation.shape is not None:
        told = {"schema": {"type": "string"}, "example": operation.body_example}
        extra["requestBody"] = {"required": True, "content": {operation.media_type: told}}
    extra["responses"] = {**_results(operation), **_problems(operation)}
    return extra


def document(
    title: str, version: str, routes: Sequence[BaseRoute], all: Iterable[Operation]
) -> Any:
    """Return the whole OpenAPI document."""
    written = get_openapi(
        title=title,
        version=version,
        summary="Payments settled to finality in a double-entry ledger, durable and idempotent.",
        description=DESCRIPTION.strip(),
        routes=routes,
        license_info={"name": "MIT", "identifier": "MIT"},
        tags=[
            {"name": "payments", "description": "Cross-border payments, from intake to finality."},
            {"name": "participants", "description": "The banks that take part."},
            {
                "name": "settlements",
                "description": "Netted batches, what the members said, and movements on rails.",
            },
            {
                "name": "risk",
                "description": "Limits, exposures, alerts, liquidity and its forecast.",
            },
            {"name": "iso20022", "description": "The same in messages of ISO 20022, as XML."},
            {"name": "webhooks", "description": "Being told of what happens, over HTTP."},
            {"name": "api keys", "description": "Keys that machines sign their requests with."},
            {"name": "orders", "description": "Orders, from placement to the last fill."},
            {"name": "markets", "description": "Markets, their books, trades and candles."},
            {"name": "trading", "description": "Fees, the kill switch, and suspended money."},
            {
                "name": "delivery versus payment",
                "description": "Settlements of trades: securities and cash together, or not at "
                "all.",
            },
            {"name": "wallet", "description": "Customers, their deposits and withdrawals."},
            {"name": "ledger", "description": "Accounts, transfers, balances and statements."},
            {"name": "operations", "description": "Health and metrics."},
        ],
    )
    components = written.setdefault("components", {})
    components["schemas"] = _components(all)
    components["securitySchemes"] = SECURITY_SCHEMES
    components["examples"] = {
        code: {"value": _example(code)}
        for code in sorted({code for operation in all for code in _codes(operation)})
    }
    for path in written["paths"].values():
        for operation in path.values():
            _without_defaults(operation)
    return written


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    """Return how a caller shows who they are; nothing where nobody is asked."""
    scope = operation.rule.scope
    if not scope:
        return []
    signed = ("key", "timestamp", "signature")
    return [{"token": [scope]}, {name: [scope] if name == "key" else [] for name in signed}]


def _header(name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


SECURITY_SCHEMES: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the issuer that the platform trusts; `nostro token` issues one "
        "for development. Scopes: "
        + " ".join(f"`{scope}`: {told}" for scope, told in SCOPES.items()),
    },
    "key": _header("X-Nostro-Key", "The id of an API key: `nk_` and 24 hex digits."),
    "timestamp": _header(
        "X-Nostro-Timestamp", "When it was signed, in microseconds since 1970; good for 30 s."
    ),
    "signature": _header(
        "X-Nostro-Signature",
        "HMAC-SHA256 in hex, with the key's secret, over four lines joined by line feeds: the "
        "timestamp, the method, the path with its query, and the SHA-256 of the body in hex.",
    ),
}


def _without_defaults(operation: dict[str, Any]) -> None:
    """Take out the answer that FastAPI adds to every operation, where we did not document it."""
    responses = operation["responses"]
    for status in [status for status, told in responses.items() if "content" not in told]:
        if responses[status].get("description") == "Successful Response":
            del responses[status]


def _components(all: Iterable[Operation]) -> dict[str, Any]:
    shapes: list[Any] = [Problem]
    queries: set[str] = set()
    for operation in all:
        shapes += [shape for shape in (operation.body, operation.query) if shape is not None]
        shapes += [each.shape for each in operation.results.values() if each.shape is not None]
        if operation.query is not None:
            queries.add(_schema(operation.query)["$ref"])
    _, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    told = {
        name: _mended(schema)
        for name, schema in sorted(components.items())
        if _REF.format(name=name) not in queries
    }
    return told


def _schema(shape: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    mended: dict[str, Any] = _mended(schema)
    return mended


def _mended(schema: Any) -> Any:
    """Return a schema in the dialect of JSON Schema, where a text ends with $, and with its
    descriptions free of the indentation of our sources."""
    if isinstance(schema, list):
        return [_mended(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    mended = {name: _mended(each) for name, each in schema.items()}
    if isinstance(mended.get("pattern"), str):
        mended["pattern"] = re.sub(r"\\Z\Z", "$", mended["pattern"])
    if isinstance(mended.get("description"), str):
        mended["description"] = cleandoc(mended["description"])
    return mended


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if operation.params is not None:
        parameters += _fields(operation.params, "path")
    if operation.query is not None:
        parameters += _fields(operation.query, "query")
    if operation.key is not KeyRule.NONE:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": operation.key is KeyRule.REQUIRED,
                "description": _KEY_WORDS[operation.key],
                "schema": {"type": "string", "minLength": 1, "maxLength": 240},
                "example": '"0a1b2c3d"',
            }
        )
    if operation.actor:
        parameters.append(
            {
                "name": "X-Nostro-Actor",
                "in": "header",
                "required": False,
                "description": "Who sends it, where no token says so (in development); without "
                f"it: {operation.actor}.",
                "schema": {
                    "type": "string",
                    "pattern": "^[A-Za-z0-9._:@-]{1,64}$",
                },
                "example": "bob",
            }
        )
    return parameters


def _fields(cls: type[msgspec.Struct], where: str) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([cls], ref_template=_REF)
    schema = _mended(components[cls.__name__])
    parameters = []
    for name, told in schema["properties"].items():
        told = dict(told)
        if "anyOf" in told:
            options = [option for option in told.pop("anyOf") if option != {"type": "null"}]
            told = {**told, **options[0]} if len(options) == 1 else {**told, "anyOf": options}
            if told.get("default", ...) is None:
                del told["default"]
        parameter: dict[str, Any] = {
            "name": name,
            "in": where,
            "required": where == "path" or name in schema.get("required", ()),
        }
        if "description" in told:
            parameter["description"] = told.pop("description")
        if "examples" in told:
            parameter["example"] = told.pop("examples")[0]
        parameters.append({**parameter, "schema": told})
    return parameters


def _results(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, result in operation.results.items():
        told: dict[str, Any] = {"description": result.description}
        headers: dict[str, Any] = {"X-Request-Id": {"schema": {"type": "string"}}}
        if operation.key is not KeyRule.NONE:
            headers["Idempotent-Replayed"] = {
                "description": "true: this is the first answer under this key, told again.",
                "schema": {"type": "string", "const": "true"},
            }
        told["headers"] = headers
        content: dict[str, Any] = {
            "schema": {"type": "string"} if result.shape is None else _schema(result.shape)
        }
        if result.example is not None:
            content["example"] = result.example
        told["content"] = {result.media_type: content}
        responses[str(status)] = told
    return responses


def _codes(operation: Operation) -> Sequence[str]:
    """Return the codes that an operation may answer with, as far as they are worth naming."""
    always: tuple[str, ...] = ()
    if operation.body is not None:
        always = _ALWAYS_POSTED
    elif operation.shape is not None:
        always = tuple(code for code in _ALWAYS_POSTED if code not in _OF_JSON)
    elif operation.query is not None or operation.params is not None:
        always = _ALWAYS_READ
    if operation.rule.scope:
        always += _OF_CALLERS
        if operation.names_user:
            always += ("auth.not_your_account",)
    if operation.rule.limited:
        always += _OF_SHOWN
    return tuple(dict.fromkeys((*operation.problems, *always)))


def _problems(operation: Operation) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for code in _codes(operation):
        by_status.setdefault(str(row_for(code).status), []).append(code)
    return {
        status: {
            "description": "; ".join(f"`{code}`: {row_for(code).title}" for code in codes) + ".",
            "content": {
                CONTENT_TYPE.decode(): {
                    "schema": _schema(Problem),
                    "examples": {code: {"$ref": _EXAMPLE.format(code=code)} for code in codes},
                }
            },
        }
        for status, codes in sorted(by_status.items())
    }


def _example(code: str) -> dict[str, Any]:
    row = row_for(code)
    example = {
        "type": TYPE_PREFIX + code,
        "title": row.title,
        "status": row.status,
        "detail": f"{row.title}.",
        "instance": "/the/address/asked",
        "code": code,
        "request_id": "5f3a9c1e-17",
        "retryable": row.retryable,
        "remedy": row.remedy,
    }
    return {**example, "retry_after": 1} if row.retryable else example
