"""Is the OpenAPI document complete, true, and the one that is committed?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.api.app import OPERATIONS
from nostro.api.operations import KeyRule, Operation
from nostro.api.problem_table import TABLE
from nostro.api.problems import Problem
from nostro.api.reference import access_page, errors_page, openapi_document
from tests.api.door import Standing, front_door

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
BY_NAME = [pytest.param(operation, id=operation.name) for operation in OPERATIONS]


def test_the_committed_pages_are_what_the_code_says() -> None:
    committed = json.loads((REFERENCE / "openapi.json").read_text("utf-8"))
    remedy = "python -m nostro.api.reference docs/reference"
    assert committed == openapi_document("0"), remedy
    assert (REFERENCE / "errors.md").read_text("utf-8") == errors_page(), remedy
    assert (REFERENCE / "access.md").read_text("utf-8") == access_page(), remedy


async def test_the_platform_serves_the_document_and_a_page_to_try_it() -> None:
    async with front_door() as door:
        served = (await door.client.get("/openapi.json")).json()
        assert served["paths"] == openapi_document("0")["paths"]
        for path in ("/", "/docs"):
            page = await door.client.get(path)
            assert page.headers["content-type"].startswith("text/html")
            for operation in OPERATIONS:
                assert f"id={operation.name}>" in page.text
            assert "src=" not in page.text, "the page must load nothing from anywhere"


def test_every_address_of_the_api_is_there() -> None:
    paths = openapi_document("0")["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert told == {(operation.method, operation.address) for operation in OPERATIONS}


@pytest.mark.parametrize("operation", BY_NAME)
def test_every_operation_is_told_in_full_with_examples(operation: Operation) -> None:
    path = openapi_document("0")["paths"][operation.address]
    told = path[operation.method.lower()]
    assert told["summary"]
    assert told["description"]
    assert told["operationId"] == operation.name
    if operation.body is not None:
        assert "example" in told["requestBody"]["content"]["application/json"]
    for status, response in told["responses"].items():
        (content,) = response["content"].values()
        assert "example" in content or content["examples"], status
    headers = {each["name"] for each in told.get("parameters", ()) if each["in"] == "header"}
    assert ("Idempotency-Key" in headers) == (operation.key is not KeyRule.NONE)
    assert set(operation.problems) <= TABLE.keys()


@pytest.mark.parametrize("operation", BY_NAME)
def test_every_example_is_of_its_shape(operation: Operation) -> None:
    if operation.shape is not None:
        operation.shape.read(msgspec.json.encode(operation.body_example))
    for result in operation.results.values():
        if result.shape is not None:
            example = msgspec.json.encode(result.example)
            read = msgspec.to_builtins(msgspec.json.decode(example, type=result.shape))
            assert _without_defaults(result.example, read) == read


def _without_defaults(example: Any, read: Any) -> Any:
    """Return an example without what the encoder leaves out or puts in because it is a default."""
    if isinstance(example, dict) and isinstance(read, dict):
        kept = {name: _without_defaults(value, read.get(name)) for name, value in example.items()}
        return {**{name: read[name] for name in read.keys() - kept.keys()}, **kept}
    if isinstance(example, list):
        return [_without_defaults(*pair) for pair in zip(example, read, strict=True)]
    return example


def test_every_example_of_a_problem_is_a_problem() -> None:
    examples = openapi_document("0")["components"]["examples"]
    assert examples
    for code, example in examples.items():
        problem = msgspec.convert(example["value"], Problem)
        assert (problem.code, problem.status) == (code, TABLE[code].status)


def test_every_reference_leads_somewhere() -> None:
    document = openapi_document("0")
    known = {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        for name in named
    }

    def refs(node: Any) -> set[str]:
        if isinstance(node, dict):
            here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return here.union(*map(refs, node.values())) if node else here
        return set().union(*map(refs, node)) if isinstance(node, list) and node else set()

    assert refs(document) <= known


def test_the_reference_page_lists_every_address() -> None:
    page = (REFERENCE / "http.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `([A-Z]+)` \| `([^`]+)` \|", page, re.M))
    assert listed == {(operation.method, operation.address) for operation in OPERATIONS}


async def test_the_reference_page_lists_every_metric() -> None:
    page = (REFERENCE / "http.md").read_text("utf-8")
    async with front_door(parts={"ledger": Standing()}) as door:
        text = (await door.client.get("/metrics")).text
    families = re.findall(r"^# TYPE (nostro_\w+)", text, re.M)
    missing = [name for name in families if name not in page and "_process_" not in name]
    assert missing == []
