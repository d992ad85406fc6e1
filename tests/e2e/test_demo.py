"""Does the demo do the main job, tell the truth about it, and clear up after itself?"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nostro.adapters.postgres.launcher import running_server
from nostro.cli.demonstration.play import MIDDLE, OPENING, PROOF, Act, run
from nostro.cli.demonstration.scene import Scene
from nostro.cli.exits import Exit
from tests.e2e.up import NOSTRO, PATIENCE_S, clean_environment, ended

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e")]

DEMO_TIMEOUT_S = 540
SIGINT_STATUS = 130
SIGTERM_STATUS = 143


def start_demo(scratch: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo, with `scratch` as its place for temporary files."""
    return subprocess.Popen(
        [*NOSTRO, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=scratch,
        env=clean_environment(TMPDIR=str(scratch)),
        start_new_session=True,
    )


def told_processes(progress: str) -> list[int]:
    """Return the ids of every process that the demo says it has started or killed."""
    part = r"(?:supervisor|server|members|follower|postgres|domain[a-z:-]+) (\d+)"
    told = re.findall(part, progress)
    return sorted({int(pid) for pid in told})


def named_in_a_command_line(text: str) -> list[str]:
    """Return the command lines of running processes that name a text, where /proc tells them."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [line for line in lines if text in line]


def last_line(report: str) -> dict[str, Any]:
    """Return the object on the last line of the report."""
    result: dict[str, Any] = json.loads(report.splitlines()[-1])
    return result


@pytest.mark.timeout(DEMO_TIMEOUT_S + 60)
def test_the_demo_does_the_main_job_and_ends_with_books_that_balance(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    report, progress = demo.communicate(timeout=DEMO_TIMEOUT_S)
    assert demo.returncode == Exit.OK, f"{report}\n{progress}"
    result = last_line(report)
    assert list(result) == [
        "commands",
        "height",
        "rejected",
        "replayed",
        "recovered",
        "conserved",
        "chain",
        "seconds",
        "payments",
        "settled",
        "deferred",
        "reversed",
        "batches",
        "certificates",
        "saving_percent",
        "wires_before",
        "wires_after",
        "orders",
        "trades",
        "fees_minor",
        "feed_gaps",
        "dvp_settled",
        "dvp_failed",
        "dvp_partial",
        "dvp_recycled",
    ]
    assert result["dvp_settled"] >= 2_000
    assert result["dvp_failed"] == 40
    assert result["dvp_partial"] > 0
    assert result["dvp_recycled"] > 0
    assert result["orders"] == 50_000
    assert result["trades"] > 10_000
    assert result["fees_minor"] > 0
    assert result["feed_gaps"] == 0
    assert result["recovered"] is True
    assert result["conserved"] is True
    assert result["chain"] == "verified"
    # Payouts report to the journal by themselves, so it is higher than our commands are many.
    assert 1_000 < result["commands"] < result["height"]
    # Up to 600 amendments and cancels may come after their orders have ended.
    assert 10 < result["rejected"] < 700
    assert result["replayed"] > 200
    assert 0 < result["seconds"] < DEMO_TIMEOUT_S
    assert result["payments"] == 20_000
    assert result["settled"] + result["reversed"] == result["payments"]
    # 60 payments go to the bank that fails, and it has failed: other cycles may add some.
    assert result["reversed"] >= 60
    assert result["deferred"] > 0
    assert result["certificates"] == result["batches"] >= 20
    assert 50 < result["saving_percent"] < 100
    assert result["wires_before"] == result["payments"]
    assert result["wires_after"] < result["payments"] // 4
    assert "books balance: yes" in report.splitlines()
    assert not [line for line in report.splitlines() if line.startswith("not so")]
    assert list(tmp_path.iterdir()) == []
    pids = told_processes(progress)
    assert len(pids) >= 5
    for pid in pids:
        ended(pid)


@pytest.mark.parametrize(
    ("number", "status", "reached"),
    [
        (signal.SIGINT, SIGINT_STATUS, "[ 1/"),
        (signal.SIGINT, SIGINT_STATUS, "transfers in bulk"),
        (signal.SIGTERM, SIGTERM_STATUS, "SIGKILL to supervisor"),
        (signal.SIGINT, SIGINT_STATUS, "payments at noon"),
    ],
)
def test_an_interrupted_demo_stops_its_platform_and_removes_its_directory(
    tmp_path: Path, number: signal.Signals, status: int, reached: str
) -> None:
    demo = start_demo(tmp_path)
    assert demo.stderr is not None
    progress = ""
    while reached not in progress:
        line = demo.stderr.readline()
        assert line, progress
        progress += line
    demo.send_signal(number)
    _, rest = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == status, rest
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []
    for pid in told_processes(progress + rest):
        ended(pid)
    assert named_in_a_command_line(str(tmp_path)) == []


def test_a_directory_that_is_named_stays_and_holds_the_ledger(tmp_path: Path) -> None:
    data_dir = tmp_path / "ledger"
    assert run(data_dir, acts=OPENING) is Exit.CHECK_FAILED, "nothing was proved"
    assert running_server(data_dir) is None
    assert (data_dir / "cluster" / "PG_VERSION").is_file()


def test_one_edited_balance_ends_the_demo_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def edit_a_balance(scene: Scene) -> None:
        server = running_server(scene.stage.data_dir)
        assert server is not None
        with psycopg.connect(server.url()) as connection:
            edited = connection.execute(
                "UPDATE nostro.accounts SET credits_posted = credits_posted + 1"
                " WHERE id = 'wallet:grace:EUR'"
            )
            assert edited.rowcount == 1

    tampering = Act("someone edits a balance", edit_a_balance)
    status = run(tmp_path / "ledger", acts=(*OPENING, *MIDDLE, tampering, *PROOF))
    assert status is Exit.CHECK_FAILED
    said = capsys.readouterr()
    result = last_line(said.out)
    assert result["conserved"] is False
    assert result["recovered"] is True
    assert "books balance: no" in said.out.splitlines()
    assert "wallet:grace:EUR" in said.err


def test_a_platform_that_forgets_what_it_acknowledged_ends_the_demo_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def believe_more_than_was_said(scene: Scene) -> None:
        scene.books.move(
            debit="nostro:EUR",
            credit="wallet:grace:EUR",
            amount=scene.books.accounts["wallet:grace:EUR"].posted,
        )

    stray = Act("the demo books what was never acknowledged", believe_more_than_was_said)
    status = run(tmp_path / "ledger", acts=(*OPENING, stray, *PROOF))
    assert status is Exit.CHECK_FAILED
    assert last_line(capsys.readouterr().out)["conserved"] is False


def test_a_platform_that_does_not_start_is_reported_with_what_it_said(tmp_path: Path) -> None:
    demo = subprocess.run(
        [*NOSTRO, "demo"],
        capture_output=True,
        text=True,
        timeout=DEMO_TIMEOUT_S,
        cwd=tmp_path,
        env=clean_environment(TMPDIR=str(tmp_path), NOSTRO_POSTGRES_BIN_DIR=str(tmp_path)),
        check=False,
    )
    assert demo.returncode == Exit.UNAVAILABLE
    assert "the platform did not start" in demo.stderr
    assert f"{tmp_path}" in demo.stderr
    assert list(tmp_path.iterdir()) == []
