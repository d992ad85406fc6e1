"""Does `nostro up` keep the platform up, and leave nothing behind when it ends?"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from nostro.adapters.postgres.launcher import running_server
from nostro.cli.exits import Exit
from tests.e2e.up import (
    NOSTRO,
    PATIENCE_S,
    Up,
    alive,
    clean_environment,
    ended,
    eventually,
    up,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e")]

NAME = {"user_id": "alice", "transaction_id": "tx-1"}
DEPOSIT = {"user_id": "alice", "currency": "EUR", "amount": "10.00", "transaction_id": "tx-1"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    """A platform that is up."""
    with up(tmp_path / "data", tmp_path / "up.log") as one:
        yield one


def test_a_second_start_on_one_data_directory_says_who_holds_it(running: Up) -> None:
    second = subprocess.run(
        [*NOSTRO, "up", "--data-dir", str(running.data_dir), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=clean_environment(),
        cwd=running.data_dir.parent,
        check=False,
    )
    assert second.returncode == Exit.HELD
    assert f"is held by process {running.supervisor.pid}" in second.stderr
    assert f"remedy: stop it with `kill {running.supervisor.pid}`" in second.stderr
    assert running.post("/wallet/deposit", DEPOSIT, "one").status_code == 201


def test_a_port_that_is_taken_is_told_before_anything_is_made(running: Up, tmp_path: Path) -> None:
    port = running.url.rpartition(":")[2]
    second = subprocess.run(
        [*NOSTRO, "up", "--data-dir", str(tmp_path / "other"), "--port", port],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=clean_environment(),
        cwd=tmp_path,
        check=False,
    )
    assert second.returncode == Exit.UNAVAILABLE
    assert "NOSTRO_PORT" in second.stderr.splitlines()[-1]
    assert not (tmp_path / "other").exists()


def test_a_killed_server_comes_back_at_its_address_with_all_it_acknowledged(running: Up) -> None:
    first = running.post("/wallet/deposit", DEPOSIT, "one")
    os.kill(running.processes["server"], signal.SIGKILL)
    again = running.post("/wallet/deposit", DEPOSIT, "one")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert running.post("/wallet/deposit/confirm", NAME, "two").status_code == 200
    assert "server was restarted" in running.log


def test_a_killed_follower_comes_back_and_the_views_go_on(running: Up) -> None:
    running.post("/wallet/deposit", DEPOSIT, "one")
    os.kill(running.processes["follower"], signal.SIGKILL)
    height = running.post("/wallet/deposit/confirm", NAME, "two").json()["height"]
    balance = running.get(f"/balance/alice?at_least={height}").json()
    assert [each["posted"] for each in balance["balances"]] == ["10.00"]


def test_a_killed_postgresql_is_started_again_and_nothing_acknowledged_is_lost(
    running: Up,
) -> None:
    first = running.post("/wallet/deposit", DEPOSIT, "one")
    os.kill(running.processes["postgres"], signal.SIGKILL)
    again = running.post("/wallet/deposit", DEPOSIT, "one")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert running.post("/wallet/deposit/confirm", NAME, "two").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_stop_ends_it_in_order_and_leaves_no_process(
    running: Up, number: signal.Signals
) -> None:
    running.post("/wallet/deposit", DEPOSIT, "one")
    assert running.stop(number) == Exit.OK
    assert [name for name, pid in running.processes.items() if alive(pid)] == []
    assert running_server(running.data_dir) is None


def test_children_end_when_the_supervisor_is_killed_and_the_next_start_takes_over(
    running: Up, tmp_path: Path
) -> None:
    first = running.post("/wallet/deposit", DEPOSIT, "one")
    running.supervisor.kill()
    running.supervisor.wait()
    for name in ("server", "follower"):
        ended(running.processes[name])
    with up(running.data_dir, tmp_path / "up.log") as next_one:
        again = next_one.post("/wallet/deposit", DEPOSIT, "one")
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        assert next_one.stop() == Exit.OK
    assert running_server(running.data_dir) is None


def test_it_runs_on_a_postgresql_that_is_named_by_its_url(
    wheel_postgres: str, tmp_path: Path
) -> None:
    with up(tmp_path / "data", tmp_path / "up.log", NOSTRO_POSTGRES_URL=wheel_postgres) as named:
        assert set(named.processes) == {"server", "members", "follower"}
        named.post("/wallet/deposit", DEPOSIT, "one")
        height = named.post("/wallet/deposit/confirm", NAME, "two").json()["height"]
        balance = named.get(f"/balance/alice?at_least={height}").json()
        assert [each["posted"] for each in balance["balances"]] == ["10.00"]
        assert named.stop() == Exit.OK
    assert not (tmp_path / "data" / "cluster").exists()


def test_on_a_schema_of_another_version_it_refuses_and_names_the_command_that_mends_it(
    wheel_postgres: str, tmp_path: Path
) -> None:
    with psycopg.connect(wheel_postgres) as connection:
        connection.execute("DELETE FROM nostro.migration WHERE number = 2")
    refused = subprocess.run(
        [*NOSTRO, "up", "--data-dir", str(tmp_path / "data"), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=clean_environment(NOSTRO_POSTGRES_URL=wheel_postgres),
        cwd=tmp_path,
        check=False,
    )
    assert refused.returncode == Exit.SCHEMA
    assert "nostro migrate" in refused.stderr


def test_a_signal_while_it_is_still_starting_ends_it_at_once(
    wheel_postgres: str, tmp_path: Path
) -> None:
    with psycopg.connect(wheel_postgres, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('nostro.writer.main', 0))")
        starting = subprocess.Popen(
            [*NOSTRO, "up", "--data-dir", str(tmp_path / "data"), "--port", "0"],
            env=clean_environment(NOSTRO_POSTGRES_URL=wheel_postgres),
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
        )
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'nostro-reader'"
        eventually(lambda: other.execute(query).fetchone(), "the server that waits for its turn")
        starting.send_signal(signal.SIGTERM)
        assert starting.wait(PATIENCE_S) == Exit.OK  # not that of a start that failed
        eventually(lambda: other.execute(query).fetchone() is None or None, "the server's end")
