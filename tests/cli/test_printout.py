"""Does a result reach people and programs in the form they asked for?"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from nostro.cli import printout
from nostro.cli.printout import Output

RECORDS: list[printout.Record] = [
    {"account": "alice", "balance": Decimal("12345678901234567890.12")},
    {"account": "[bold]bob", "balance": None},
]


def test_json_lines_keep_an_amount_exact_as_a_string(capsys: pytest.CaptureFixture[str]) -> None:
    printout.rows(RECORDS, Output.JSONL)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"account": "alice", "balance": "12345678901234567890.12"}


def test_json_is_one_array(capsys: pytest.CaptureFixture[str]) -> None:
    printout.rows(RECORDS, Output.JSON)
    assert [record["account"] for record in json.loads(capsys.readouterr().out)] == [
        "alice",
        "[bold]bob",
    ]


def test_a_table_shows_names_as_they_are_and_numbers_flush_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printout.rows(RECORDS, Output.TABLE, right=["balance"])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "account                    balance",
        "alice      12345678901234567890.12",
        "[bold]bob                        -",
    ]


def test_no_records_print_an_empty_json_array_and_no_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printout.rows([], Output.JSON)
    printout.rows([], Output.TABLE)
    assert capsys.readouterr().out.strip() == "[]"


def test_progress_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with printout.progress("replaying", total=3) as advance:
        advance(2)
        advance(1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == ["replaying ...", "replaying: 3 of 3"]
