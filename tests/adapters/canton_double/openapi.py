"""Is what goes over the line what Canton's published description says?

The description stands in a file that NOSTRO_CANTON_OPENAPI names. It does not refuse fields that
it does not name; here they are refused, on either side.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import schemathesis

VARIABLE = "NOSTRO_CANTON_OPENAPI"
ABSENT = f"{VARIABLE} does not name the OpenAPI document of Canton's JSON Ledger API"
JSON = "application/json"
Schema = dict[str, Any]


def described() -> Path | None:
    """Return where the description is, None when it is not here."""
    told = os.environ.get(VARIABLE, "")
    return Path(told) if told and Path(told).is_file() else None


needs_description = pytest.mark.skipif(described() is None, reason=ABSENT)


@cache
def document() -> Schema:
    """Return the description."""
    path = described()
    assert path is not None, ABSENT
    raw: Schema = schemathesis.openapi.from_path(path).raw_schema
    return raw


@cache
def _components() -> Any:
    return _closed(document()["components"])


def _closed(told: Any) -> Any:
    """Return a schema in which no object has fields that are not named."""
    if isinstance(told, list):
        return [_closed(each) for each in told]
    if not isinstance(told, dict):
        return told
    inner = {name: _closed(each) for name, each in told.items()}
    if isinstance(told.get("properties"), dict) and "additionalProperties" not in told:
        inner["additionalProperties"] = False
    return inner


@cache
def validator(schema: str) -> jsonschema_rs.Draft4Validator:
    """Return the validator of a schema, itself given as JSON."""
    root = _closed(msgspec.json.decode(schema))
    return jsonschema_rs.Draft4Validator({**root, "components": _components()})


def check(schema: Schema, told: Any) -> None:
    """Fail unless JSON is as its schema says."""
    errors = validator(msgspec.json.encode(schema).decode()).iter_errors(told)
    wrong = [f"{'/'.join(map(str, each.instance_path))}: {each.message}" for each in errors]
    assert not wrong, "\n".join(wrong[:5])


def reference(name: str) -> Schema:
    """Return the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def check_response(request: httpx.Request, status: int, media: str, body: bytes) -> None:
    """Fail unless an answer is one that its operation may give."""
    operation = _operation(request)
    if operation is None or (status in (404, 405, 413) and media.startswith("text/plain")):
        return
    answers = operation["responses"]
    described = answers.get(str(status))
    if described is None or (status == 400 and media.startswith(JSON)):
        described = answers["default"]
    content = described.get("content", {})
    if not content:
        assert not body
        return
    kind = media.partition(";")[0]
    assert kind in content, f"{request.url.path} answered {status} with {media!r}"
    if kind == JSON:
        check(content[JSON]["schema"], msgspec.json.decode(body))


def check_request(request: httpx.Request) -> None:
    """Fail unless a request is one that its operation takes."""
    operation = _operation(request)
    assert operation is not None, f"{request.method} {request.url.path} is no operation"
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        check(content[JSON]["schema"], msgspec.json.decode(request.content))


def _operation(request: httpx.Request) -> Schema | None:
    paths = document()["paths"]
    told = request.url.path.split("/")
    for path, operations in paths.items():
        parts = path.split("/")
        if len(parts) == len(told) and all(
            each == there or each.startswith("{") for each, there in zip(parts, told, strict=True)
        ):
            found: Schema | None = operations.get(request.method.lower())
            if found is not None:
                return found
    return None


class CheckedTransport(httpx.AsyncBaseTransport):
    """A network on which every answer, and every request that was not refused, is compared with
    the description; without one, nothing is."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.checked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, once it is known to be as it should."""
        response = await self._inner.handle_async_request(request)
        if described() is None or request.url.path.startswith("/double/"):
            return response
        body = await response.aread()
        check_response(
            request, response.status_code, response.headers.get("content-type", ""), body
        )
        if response.is_success:
            check_request(request)
        self.checked += 1
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        """Let the inner one go."""
        await self._inner.aclose()
