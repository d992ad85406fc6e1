"""Does `nostro migrate` bring the schema up to date, and say so when it is not?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nostro.adapters.postgres.launcher import running_server
from nostro.adapters.postgres.migrate import migrations
from nostro.cli import Exit, main
from tests import databases

NAMES = [one.name for one in migrations()]


@pytest.fixture
def unmigrated(postgres_servers: databases.Servers) -> str:
    """The URL of a database without a schema."""
    server = postgres_servers.server(databases.NAMES[0])
    url = server.create_database("unmigrated")
    postgres_servers.drop(url)
    return server.create_database("unmigrated")


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert isinstance(ending.value.code, int)
    return ending.value.code


def test_a_check_of_a_schema_that_is_behind_names_the_command_that_mends_it(
    unmigrated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("migrate", "--check", "--url", unmigrated) == Exit.SCHEMA
    shown = capsys.readouterr()
    assert shown.out == ""
    assert NAMES[0] in shown.err
    assert "remedy: run `nostro migrate`." in shown.err


def test_what_was_applied_is_told_and_a_second_run_applies_nothing(
    unmigrated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("migrate", "--url", unmigrated, "-o", "json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told == {"applied": NAMES, "accepted": [], "schema": NAMES}
    assert run("migrate", "--url", unmigrated, "-o", "json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["applied"] == []
    assert run("migrate", "--check", "--url", unmigrated) == Exit.OK


def test_the_embedded_server_is_started_for_it_and_stopped_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert run("migrate", "--data-dir", str(data_dir)) == Exit.OK
    assert running_server(data_dir) is None
    assert run("migrate", "--check", "--data-dir", str(data_dir)) == Exit.OK
