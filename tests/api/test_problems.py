"""Does every refusal leave the house as a problem with a status, a title and a remedy?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.api.patience import NoAnswerInTime
from nostro.api.problem_table import TABLE
from nostro.api.problems import Invalid, Problem, ProblemRaised, detail_of, spoken
from nostro.kernel.messages import Rejection
from nostro.ledger import RULES
from nostro.runtime.ports import Fenced, NotDone, OutcomeUnknown, Overloaded
from nostro.settlement import (
    ToldType,
)

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "nostro"
ROOMS = "ledger|wallets|payments|netting|fx|consensus|execution|risk|exchange|settlement|custody"
CODE = re.compile(
    rf"(request|server|engine|views|money|asset|iso20022|webhooks|auth|feeds|{ROOMS})\.[a-z_]+\Z"
)
NOT_REFUSALS = {
    "ledger.balanced",  # a note in a reply
    "ledger.exists_with_different_",  # a prefix; RULES has the codes
    "server.log",  # a file
    "auth.token_",  # a prefix
    *ToldType,  # what happens to a settlement
    # Why a payment waits for another cycle: a reason that stands on it, not a refusal.
    "netting.net_debit_cap",
    "netting.bilateral_limit",
    "netting.platform_liquidity",
    "netting.amount_too_small",
    "netting.rates_unavailable",
}


def tags_in(source: ast.Module) -> Iterator[str]:
    """Yield the tags of messages: events have names like codes."""
    for node in ast.walk(source):
        if isinstance(node, ast.ClassDef):
            for keyword in node.keywords:
                if keyword.arg == "tag" and isinstance(keyword.value, ast.Constant):
                    yield str(keyword.value.value)


def codes_in(source: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, code) for each string that reads like a rejection code."""
    for node in ast.walk(source):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if CODE.match(node.value) and node.value not in NOT_REFUSALS:
            yield node.lineno, node.value


def test_every_code_raised_anywhere_has_a_row() -> None:
    sources = {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCES.rglob("*.py"))}
    tags = {tag for source in sources.values() for tag in tags_in(source)}
    missing = [
        f"{path.relative_to(ROOT)}:{line}: {code}"
        for path, source in sources.items()
        for line, code in codes_in(source)
        if code not in TABLE and code not in tags
    ]
    assert missing == []


def test_every_rule_of_the_ledger_has_a_row() -> None:
    assert [rule.code for rule in RULES if rule.code not in TABLE] == []


def test_a_row_says_what_to_do_in_whole_sentences() -> None:
    for code, row in TABLE.items():
        assert CODE.match(code), code
        assert 200 <= row.status < 600, code
        assert not row.title.endswith("."), code
        assert row.remedy.endswith((".", '".')), code
        assert row.retryable == (row.status in (408, 429, 503, 504)), code


def test_the_reference_tells_exactly_the_table() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (\d+) \| (.*) \| (.*) \| (yes|no) \|$", page, re.M)
    assert rows == [
        (code, str(row.status), row.title, row.remedy, "yes" if row.retryable else "no")
        for code, row in TABLE.items()
    ]


@pytest.mark.parametrize(
    ("outage", "code", "status"),
    [
        (Overloaded("full"), "engine.overloaded", 503),
        (Fenced("overtaken"), "engine.fenced", 503),
        (NotDone("down"), "engine.unavailable", 503),
        (OutcomeUnknown("lost"), "engine.outcome_unknown", 503),
        (NoAnswerInTime("slow"), "engine.no_answer_in_time", 504),
    ],
)
def test_an_outage_is_retryable_with_the_same_key(
    outage: Exception, code: str, status: int
) -> None:
    answer = spoken(outage, instance="/x", request_id="r")
    problem = msgspec.json.decode(answer.body)
    assert (answer.status, problem["code"]) == (status, code)
    assert problem["retryable"] is True
    assert "same key" in problem["remedy"]
    assert (b"retry-after", b"1") in answer.headers


def test_a_bug_tells_nothing_of_itself_but_the_request_id() -> None:
    answer = spoken(ZeroDivisionError("secret"), instance="/x", request_id="r-1")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert msgspec.json.decode(answer.body)["request_id"] == "r-1"


def test_a_rejection_carries_its_facts_and_is_not_retryable() -> None:
    answer = spoken(
        Rejection("wallets.deposit_unknown", user_id="alice"), instance="/x", request_id="r"
    )
    problem = msgspec.json.decode(answer.body, type=Problem)
    assert (problem.status, problem.retryable) == (404, False)
    assert problem.type == "/problems/wallets.deposit_unknown"
    assert problem.facts == {"user_id": "alice"}
    assert problem.detail == "The deposit is not known: user id alice."


def test_errors_of_one_code_are_a_problem_of_that_code() -> None:
    error = Invalid("/amount", "money.too_many_decimals", "no")
    assert ProblemRaised.invalid([error, error]).code == "money.too_many_decimals"
    other = Invalid("/id", "request.bad_value", "no")
    assert ProblemRaised.invalid([error, other]).code == "request.invalid"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"field": "price", "what": "a LIMIT order needs it"}, ": price: a LIMIT order needs it."),
        ({"tries": 2, "why": "it is no JWT"}, ": it is no JWT, tries 2."),
        ({"field": "price", "price_max": "2"}, ": field price, price max 2."),
        ({}, "."),
    ],
)
def test_what_is_said_in_words_comes_first(facts: dict[str, Any], said: str) -> None:
    assert detail_of("No", facts) == f"No{said}"
