"""Does `nostro doctor` find what is wrong before `nostro up` does, and say the remedy?"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import psycopg
import pytest

from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.cli import Exit, main
from tests import databases


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, no variable of ours, and any free port."""
    for name in [name for name in os.environ if name.upper().startswith("NOSTRO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NOSTRO_PORT", "0")
    monkeypatch.setenv("NOSTRO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def examined(capsys: pytest.CaptureFixture[str], expected: Exit) -> dict[str, dict[str, str]]:
    with pytest.raises(SystemExit) as ending:
        main(["doctor", "-o", "json"])
    assert ending.value.code == expected
    return {finding["check"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_a_fresh_machine_is_well_and_nothing_is_started_or_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = examined(capsys, Exit.OK)
    assert {finding["state"] for finding in found.values()} <= {"ok", "warn"}
    assert "will be made" in found["data directory"]["detail"]
    assert "from the wheel" in found["postgresql programs"]["detail"]
    assert not (tmp_path / "data").exists()


def test_what_is_set_and_changes_nothing_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANTON_DOMAIN_HOST", "synchronizer.example")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    found = examined(capsys, Exit.OK)
    assert found["synchronizer"]["state"] == found["kafka"]["state"] == "warn"
    assert "CANTON_DOMAIN_HOST" in found["synchronizer"]["detail"]


def test_a_running_platform_is_named_with_its_schema(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with EmbeddedPostgres(tmp_path / "data", tuning=databases.TUNING) as server:
        found = examined(capsys, Exit.CHECK_FAILED)
        assert f"held by process {os.getpid()}" in found["data directory"]["detail"]
        assert found["postgresql"]["detail"] == f"process {server.pid} is ready"
        assert found["durability"]["state"] == "ok"
        assert found["schema"]["state"] == "fail"
        assert "nostro migrate" in found["schema"]["remedy"]


def test_a_database_that_could_lose_what_it_acknowledged_fails(
    capsys: pytest.CaptureFixture[str], wheel_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOSTRO_POSTGRES_URL", wheel_postgres)
    assert examined(capsys, Exit.OK)["schema"]["state"] == "ok"
    with psycopg.connect(wheel_postgres, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    found = examined(capsys, Exit.CHECK_FAILED)
    assert "synchronous_commit = off" in found["durability"]["detail"]


def test_a_database_that_does_not_answer_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOSTRO_POSTGRES_URL", f"postgresql://nobody@/none?host={tmp_path}")
    found = examined(capsys, Exit.CHECK_FAILED)
    assert "does not answer" in found["database"]["detail"]


def test_a_port_in_use_fails_with_the_setting_that_moves_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("NOSTRO_PORT", str(taken.getsockname()[1]))
        monkeypatch.setattr("nostro.cli.doctor.PROBE_TIMEOUT_S", 0.2)
        found = examined(capsys, Exit.CHECK_FAILED)
    assert found["port"]["state"] == "fail"
    assert "NOSTRO_PORT" in found["port"]["remedy"]


def test_a_file_in_the_place_of_the_data_directory_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("not a directory")
    found = examined(capsys, Exit.CHECK_FAILED)
    assert found["data directory"]["detail"] == f"{tmp_path / 'data'} is no directory"
    assert "NOSTRO_DATA_DIR" in found["data directory"]["remedy"]


def test_programs_that_are_missing_fail(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOSTRO_POSTGRES_BIN_DIR", str(tmp_path))
    found = examined(capsys, Exit.CHECK_FAILED)
    assert "NOSTRO_POSTGRES_BIN_DIR" in found["postgresql programs"]["remedy"]


def test_a_wrong_setting_is_a_finding_and_ends_the_examination(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOSTRO_PROT", "1")
    found = examined(capsys, Exit.CHECK_FAILED)
    assert "did you mean NOSTRO_PORT?" in found["settings"]["detail"]
    assert list(found) == ["python", "settings"]
