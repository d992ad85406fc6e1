"""Does the command line answer fast, list what is there, and end with a status one can rely on?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from nostro import __version__
from nostro.adapters.postgres.faults import DataDirectoryHeld, MigrationsPending, ServerNotStarted
from nostro.cli import COMMANDS, Exit, Failure, main
from nostro.cli.exits import failure_of
from nostro.wiring.settings import SettingsError

HEAVY = ("asyncio", "fastapi", "numpy", "psycopg", "pydantic", "nostro.runtime", "nostro.ledger")


def status_of(words: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert isinstance(ending.value.code, int)
    return ending.value.code


def test_help_lists_each_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["--help"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "config" in shown
    assert COMMANDS["config"] in shown


def test_help_is_wrapped_by_the_terminal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["demo", "-h"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "the way. The report goes to standard output" in shown


def test_what_the_terminal_cannot_show_is_shown_escaped(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "nostro.cli", "config", "show"],
        env={"NOSTRO_DATA_DIR": str(tmp_path / "\u20ac"), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == Exit.OK, ended.stderr
    assert "\\u20ac" in ended.stdout


def test_help_loads_nothing_of_the_platform() -> None:
    program = (
        "import sys\nfrom nostro.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"sys.exit(' '.join(set({HEAVY!r}) & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert not ended.stderr.strip(), f"`nostro --help` loads {ended.stderr}"


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["--version"]) == Exit.OK
    assert capsys.readouterr().out == f"{__version__}\n"


def test_an_unknown_command_is_a_usage_error_that_names_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status_of(["confg"]) == Exit.USAGE
    assert "Did you mean 'config'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Failure("books do not balance"), Exit.CHECK_FAILED),
        (SettingsError(["unknown key"]), Exit.USAGE),
        (ServerNotStarted("it ended.", remedy="read the log"), Exit.UNAVAILABLE),
        (DataDirectoryHeld("held.", remedy="stop it", pid=7), Exit.HELD),
        (MigrationsPending("behind.", remedy="nostro migrate"), Exit.SCHEMA),
    ],
)
def test_each_kind_of_failure_has_its_own_status(error: Exception, status: Exit) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert failure.status is status


def test_what_nobody_foresaw_is_a_bug() -> None:
    assert failure_of(ZeroDivisionError()) is None


def test_the_statuses_are_the_documented_ones() -> None:
    assert {status.name: status.value for status in Exit} == {
        "OK": 0,
        "CHECK_FAILED": 1,
        "USAGE": 2,
        "UNAVAILABLE": 3,
        "HELD": 4,
        "SCHEMA": 5,
        "BUG": 70,
    }
