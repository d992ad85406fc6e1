"""Does the double answer as Canton's published description says, whatever is sent?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble
from nostro.wiring.http import HttpServer
from tests.adapters.canton_double import openapi
from tests.adapters.canton_double.participant import TERMS
from tests.serving import InThread

if openapi.described() is None:
    pytest.skip(openapi.ABSENT, allow_module_level=True)

EXAMPLES_MAX = 8
SERVED = set(CantonDouble(clock=SystemClock()).app.routes)


class Served(InThread):
    """A participant on a socket, served from a thread of its own."""

    headers: dict[str, str]

    async def _run(self) -> None:
        double = CantonDouble(clock=SystemClock(), terms=TERMS)
        party = double.admin.create_party("Party")
        double.admin.create_user("anybody", act_as=(party,), read_any=True)
        self.headers = {"authorization": f"Bearer {double.admin.token('anybody', life_s=3_600)}"}
        server = HttpServer(double.app, host="127.0.0.1", port=0)
        await server.start()
        self.url = server.url
        self._ready.set()
        await self._stop.wait()
        await server.stop()
        await double.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as participant:
        yield participant


def _described(whole: openapi.Schema) -> schemathesis.BaseSchema:
    """Return the description of what is served, without what it says of tokens. It has 400 in
    plain text only; Canton sends its own errors, in JSON, under that status too."""
    paths: dict[str, dict[str, Any]] = {}
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if (method.upper(), path) in SERVED:
                answers = dict(operation["responses"])
                content = {**answers["400"]["content"], **answers["default"]["content"]}
                answers["400"] = {**answers["400"], "content": content}
                told = {**operation, "security": [], "responses": answers}
                paths.setdefault(path, {})[method] = told
    return schemathesis.openapi.from_dict({**whole, "paths": paths})


schema = _described(openapi.document())
EXCLUDED = [
    # What is well-formed may be refused for what the ledger holds.
    schemathesis.checks.positive_data_acceptance,
    # The description takes fields that it does not name, and empty lists; Canton does not.
    schemathesis.checks.negative_data_rejection,
    # 404 in plain text stands for paths that nobody serves.
    schemathesis.checks.unsupported_method,
]


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_double_answers_as_described_whatever_is_sent(
    case: schemathesis.Case[Any], served: Served
) -> None:
    answer = case.call_and_validate(
        base_url=served.url, headers=served.headers, excluded_checks=EXCLUDED
    )
    assert answer.status_code < 500, answer.text
