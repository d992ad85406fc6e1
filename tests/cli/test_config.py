"""Does `nostro config show` tell what is in force, whence, and no secret?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nostro.cli import Exit, main


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and no variable of ours."""
    for name in [name for name in os.environ if name.upper().startswith("NOSTRO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert isinstance(ending.value.code, int)
    return ending.value.code


def test_json_is_one_object_of_all_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOSTRO_APPROVAL_LIMIT", "BTC=0.5")
    assert run("config", "show", "-o", "json") == Exit.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["port"] == 8000
    assert shown["approval_limit"] == {"BTC": "0.5"}


def test_origin_names_the_place_of_each_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("nostro.toml").write_text('chain = "filed"\n')
    monkeypatch.setenv("NOSTRO_PORT", "8002")
    assert run("config", "show", "--origin", "-o", "jsonl") == Exit.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    origins = {line["key"]: line["origin"] for line in lines}
    assert (origins["port"], origins["chain"], origins["host"]) == ("env", "file", "default")


@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
def test_a_secret_is_masked_in_every_form(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setenv("NOSTRO_POSTGRES_URL", "postgresql://nostro:hush@db/nostro")
    assert run("config", "show", "--origin", "-o", output) == Exit.OK
    shown = capsys.readouterr().out
    assert "hush" not in shown
    assert "**********" in shown


def test_without_a_terminal_a_table_has_no_colour_and_one_line_a_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("config", "show") == Exit.OK
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert [line.split()[0] for line in shown.splitlines()][:4] == [
        "key",
        "data_dir",
        "host",
        "port",
    ]


def test_a_wrong_setting_ends_with_a_remedy_on_stderr_and_nothing_on_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOSTRO_PROT", "1")
    assert run("config", "show") == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "did you mean NOSTRO_PORT?" in shown.err
    assert "remedy: " in shown.err
