"""Can an operator have the books audited, take the journal out, and audit it without a database?"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nostro.cli import Exit, main
from tests.adapters.postgres.chronicle import Chronicle, random_history, told


@pytest.fixture
async def books(wheel_postgres: str) -> str:
    """The URL of a database with a journal and views."""
    chronicle = Chronicle()
    random_history(chronicle, random.Random(8), rows=25, per_row=10)
    await told(wheel_postgres, chronicle)
    return wheel_postgres


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert isinstance(ending.value.code, int)
    return ending.value.code


def test_sound_books_end_with_status_0(books: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "--url", books, "-o", "json") == Exit.OK
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["sound"]
    assert report["first_bad_height"] is None
    assert {check["check"] for check in report["checks"]} >= {"chain", "books", "transfers"}
    assert "sound: chain main" in shown.err


def test_a_contradiction_ends_with_status_1_and_names_the_height(
    books: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(books) as connection:
        connection.execute("UPDATE nostro.accounts SET credits_posted = 1 WHERE number = 1")
        found = connection.execute("SELECT max(height) FROM nostro.journal").fetchone()
    assert found is not None
    assert run("verify", "--url", books) == Exit.CHECK_FAILED
    shown = capsys.readouterr()
    assert "BAD" in shown.out
    assert f"the first bad height is {found[0]}" in shown.err
    assert "remedy:" in shown.err


def test_a_database_without_a_schema_is_refused_with_its_remedy(
    books: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(books) as connection:
        connection.execute("DELETE FROM nostro.migration")
    assert run("verify", "--url", books) == Exit.SCHEMA
    assert run("export", "--url", books) == Exit.SCHEMA
    assert "nostro migrate" in capsys.readouterr().err


@pytest.fixture
def exported(books: str, tmp_path: Path) -> Path:
    """The journal of the books in a file."""
    file = tmp_path / "journal.jsonl"
    assert run("export", "--url", books, "-o", str(file)) == Exit.OK
    assert not list(tmp_path.glob("*.part"))
    return file


def test_an_exported_journal_is_audited_without_a_database(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opening, *rows = [json.loads(line) for line in exported.read_text().splitlines()]
    assert (opening["format"], opening["height"]) == ("nostro-journal/1", len(rows))
    for row in rows:
        assert json.loads(row["payload"]) == row["events"]
        assert row["at"].endswith("Z")
    capsys.readouterr()
    assert run("verify", "--file", str(exported), "-o", "json") == Exit.OK
    assert [check["check"] for check in json.loads(capsys.readouterr().out)["checks"]] == [
        "chain",
        "books",
        "order funds",
        "certificates",
        "finality",
    ]


def test_without_a_file_the_journal_goes_to_stdout(
    books: str, exported: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    capfdbinary.readouterr()
    assert run("export", "--url", books) == Exit.OK
    assert capfdbinary.readouterr().out == exported.read_bytes()


def _in_row(change: Callable[[dict[str, Any]], None]) -> Callable[[list[bytes]], list[bytes]]:
    def changed(lines: list[bytes]) -> list[bytes]:
        row = json.loads(lines[12])
        change(row)
        return [*lines[:12], json.dumps(row, separators=(",", ":")).encode(), *lines[13:]]

    return changed


def _other_number(row: dict[str, Any]) -> None:
    last_digit = re.compile(r"\d(?=\D*$)")
    row["payload"] = last_digit.sub(lambda one: str((int(one[0]) + 1) % 10), row["payload"])
    row["events"] = json.loads(row["payload"])


FILE_CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "another number": _in_row(_other_number),
    "events apart from the payload": _in_row(lambda row: row["events"].append(["x"])),
    "another actor": _in_row(lambda row: row.update(actor="mallory")),
    "a hash that is no hash": _in_row(lambda row: row.update(hash="zz")),
    "a deleted line": lambda lines: [*lines[:12], *lines[13:]],
    "two lines that changed places": lambda lines: [
        *lines[:12],
        lines[14],
        lines[13],
        lines[12],
        *lines[15:],
    ],
    "a torn line": lambda lines: [*lines[:12], lines[12][:50], *lines[13:]],
    "a truncated tail": lambda lines: lines[:12],
}


@pytest.mark.parametrize("change", FILE_CHANGES)
def test_a_change_of_the_file_is_found_at_its_height(
    exported: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = exported.read_bytes().splitlines()
    exported.write_bytes(b"\n".join(FILE_CHANGES[change](lines)) + b"\n")
    capsys.readouterr()
    assert run("verify", "--file", str(exported), "-o", "json") == Exit.CHECK_FAILED
    assert json.loads(capsys.readouterr().out)["first_bad_height"] == 12


@pytest.mark.parametrize("content", [b"", b"{}\n", b"not json\n", b'{"format":"x/1"}\n'])
def test_a_file_that_is_no_journal_says_so(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.jsonl"
    file.write_bytes(content)
    assert run("verify", "--file", str(file)) == Exit.CHECK_FAILED
    assert "is no exported journal" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_leaves_nothing(books: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "no-such-directory" / "journal.jsonl"
    for wrong in (nowhere, tmp_path):
        assert run("export", "--url", books, "-o", str(wrong)) == Exit.USAGE
    with psycopg.connect(books) as connection:
        connection.execute("ALTER TABLE nostro.journal DISABLE TRIGGER ALL")
        connection.execute("UPDATE nostro.journal SET payload = '\\xff' WHERE height = 3")
    file = tmp_path / "journal.jsonl"
    assert run("export", "--url", books, "-o", str(file)) == Exit.CHECK_FAILED
    assert list(tmp_path.iterdir()) == []


def test_a_chain_that_the_database_does_not_hold_is_refused_by_name(
    books: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "--url", books, "--chain", "mian") == Exit.USAGE
    assert run("export", "--url", books, "--chain", "mian", "-o", str(tmp_path / "x")) == Exit.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("holds the chain 'main', not 'mian'") == 2
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_ledger_none_is_made_for_a_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "data"
    for words in (["verify"], ["export"], ["migrate", "--check"]):
        assert run(*words, "--data-dir", str(nowhere)) == Exit.USAGE
        assert f"there is no ledger in {nowhere}" in capsys.readouterr().err
    assert run("verify", "--file", str(nowhere)) == Exit.USAGE
    assert not nowhere.exists()


def test_a_database_that_does_not_answer_is_unavailable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://nobody@/none?host={tmp_path}"
    for words in (["verify"], ["export"], ["migrate"]):
        assert run(*words, "--url", url) == Exit.UNAVAILABLE
        assert "does not answer" in capsys.readouterr().err
    assert run("verify", "--url", "mysql://root:secret@host/x") == Exit.USAGE
    told = capsys.readouterr().err
    assert "postgresql://" in told
    assert "secret" not in told
