"""Does the embedded server start, and start again after anything that can happen to it?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from nostro.adapters.postgres import postmaster
from nostro.adapters.postgres.cluster import Layout
from nostro.adapters.postgres.faults import (
    BinariesMissing,
    DataDirectoryHeld,
    DataDirectoryUnusable,
    ServerNotStarted,
)
from nostro.adapters.postgres.launcher import EmbeddedPostgres, borrowed, running_server
from tests import databases

SECONDS_TO_BE_BACK = 10.0
_LAUNCHER = """
import sys
from pathlib import Path
from nostro.adapters.postgres.launcher import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), bin_dir=Path(sys.argv[2]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""
Make = Callable[..., EmbeddedPostgres]


@pytest.fixture(params=databases.NAMES)
def bin_dir(request: pytest.FixtureRequest) -> Path:
    """The programs of each version in turn."""
    return databases.BIN_DIRS[request.param]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make servers of the first version, which end with the test."""
    made: list[EmbeddedPostgres] = []

    def build(
        data_dir: Path, bin_dir: Path | None = databases.BIN_DIRS[databases.NAMES[0]]
    ) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(data_dir, bin_dir=bin_dir, tuning=databases.TUNING))
        return made[-1]

    yield build
    for server in made:
        server.abort()


def insert(url: str, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (%s)", (number,))


def kept(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY 1")]


def show(url: str, *names: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
    return [row[0] for row in rows if row is not None]


def kill(server: EmbeddedPostgres) -> None:
    """Send SIGKILL to the postmaster and wait until it is dead."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.running)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_BE_BACK
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # sleeps: between two looks, up to the deadline


@pytest.fixture
def launch() -> Iterator[Callable[[Path, Path], tuple[subprocess.Popen[str], int]]]:
    """Start a server from a process of its own; gives that process and the server's pid."""
    started: list[tuple[subprocess.Popen[str], Path]] = []

    def run(data_dir: Path, bin_dir: Path) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, str(data_dir), str(bin_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append((process, data_dir))
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield run
    for process, data_dir in started:
        process.kill()
        process.communicate()
        postmaster.end_all(data_dir / "cluster", patience_s=SECONDS_TO_BE_BACK)


def test_a_first_start_makes_a_durable_server_that_only_a_private_socket_reaches(
    make: Make, bin_dir: Path, tmp_path: Path
) -> None:
    server = make(tmp_path / "data", bin_dir)
    url = server.start()
    names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
    assert show(url, *names) == ["on"] * 4
    assert show(url, "listen_addresses", "server_encoding", "jit") == ["", "UTF8", "off"]
    with psycopg.connect(url) as connection:
        collation = connection.execute("SELECT datcollate FROM pg_database").fetchone()
        assert collation == ("C",)
        assert connection.info.server_version // 10000 == int(server.version.split(".")[0])
    layout = Layout(tmp_path / "data")
    for directory in (layout.data_dir, layout.cluster, layout.socket_dir):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_rows_are_there_after_a_stop_and_a_start(make: Make, bin_dir: Path, tmp_path: Path) -> None:
    server = make(tmp_path, bin_dir)
    insert(server.start(), 1)
    server.stop()
    assert not server.running
    assert server.pid is None
    assert running_server(tmp_path) is None
    assert kept(server.start()) == [1]


def test_starting_a_running_server_changes_nothing(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    url, pid = server.start(), server.pid
    assert server.start() == url
    assert server.pid == pid


def test_committed_rows_survive_a_kill_of_the_server(
    make: Make, bin_dir: Path, tmp_path: Path
) -> None:
    server = make(tmp_path, bin_dir)
    for round_ in range(3):
        insert(server.start(), round_)
        kill(server)
        began = time.monotonic()
        assert kept(server.start()) == list(range(round_ + 1))
        assert time.monotonic() - began < SECONDS_TO_BE_BACK


def test_a_server_whose_launcher_was_killed_is_adopted(
    make: Make,
    launch: Callable[..., tuple[subprocess.Popen[str], int]],
    bin_dir: Path,
    tmp_path: Path,
) -> None:
    launcher, pid = launch(tmp_path, bin_dir)
    found = running_server(tmp_path)
    assert found is not None
    assert found.holder is not None
    assert found.holder.pid == launcher.pid
    insert(found.url(), 1)
    launcher.kill()
    launcher.wait()
    orphan = running_server(tmp_path)
    assert orphan is not None
    assert orphan.holder is None
    server = make(tmp_path, bin_dir)
    assert kept(server.start()) == [1]
    assert server.pid == pid
    assert server.adopted
    server.stop()
    assert running_server(tmp_path) is None
    assert kept(server.start()) == [1]
    assert not server.adopted


def test_launcher_and_server_killed_together_leave_nothing_in_the_way(
    make: Make,
    launch: Callable[..., tuple[subprocess.Popen[str], int]],
    bin_dir: Path,
    tmp_path: Path,
) -> None:
    launcher, pid = launch(tmp_path, bin_dir)
    found = running_server(tmp_path)
    assert found is not None
    insert(found.url(), 1)
    launcher.kill()
    os.kill(pid, signal.SIGKILL)
    server = make(tmp_path, bin_dir)
    assert kept(server.start()) == [1]
    assert server.pid != pid


@pytest.mark.slow
def test_an_orphan_that_does_not_answer_is_replaced(
    make: Make, launch: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path
) -> None:
    launcher, pid = launch(tmp_path, databases.BIN_DIRS[databases.NAMES[0]])
    found = running_server(tmp_path)
    assert found is not None
    insert(found.url(), 1)
    launcher.kill()
    launcher.wait()
    os.kill(pid, signal.SIGSTOP)
    server = make(tmp_path)
    assert kept(server.start()) == [1]
    assert server.pid != pid


@pytest.mark.slow
def test_a_backend_that_outlives_its_server_is_ended_before_the_next_one_starts(
    make: Make, tmp_path: Path
) -> None:
    server = make(tmp_path)
    url = server.start()
    busy = psycopg.connect(url)
    backend = busy.info.backend_pid

    def count_for_ever() -> None:
        with suppress(psycopg.Error):
            busy.execute("SELECT count(*) FROM generate_series(1, 1e12::bigint)")

    thread = threading.Thread(target=count_for_ever)
    thread.start()
    with psycopg.connect(url) as watcher:
        until(lambda: _state_of(watcher, backend) == "active")
    kill(server)
    assert backend in postmaster.members(tmp_path / "cluster")
    server.start()
    assert backend not in postmaster.members(tmp_path / "cluster")
    thread.join(timeout=SECONDS_TO_BE_BACK)
    busy.close()


def _state_of(watcher: psycopg.Connection[tuple[object, ...]], pid: int) -> object:
    query = "SELECT state FROM pg_stat_activity WHERE pid = %s"
    row = watcher.execute(query, (pid,)).fetchone()
    watcher.rollback()
    return row[0] if row else None


@pytest.mark.parametrize("kind", ["living", "zombie", "gone"])
def test_a_pid_file_that_names_no_server_of_ours_does_not_stop_the_start(
    make: Make, tmp_path: Path, kind: str
) -> None:
    server = make(tmp_path)
    insert(server.start(), 1)
    kill(server)
    other = subprocess.Popen(["/bin/sleep", "600" if kind == "living" else "0"])
    if kind == "zombie":
        until(lambda: Path(f"/proc/{other.pid}/stat").read_text().split()[2] == "Z")
    if kind == "gone":
        other.wait()
    for path in (tmp_path / "cluster" / "postmaster.pid", tmp_path / "run" / ".s.PGSQL.5432.lock"):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([str(other.pid), *lines[1:]]))
    assert kept(server.start()) == [1]
    assert other.poll() is None or kind != "living"
    other.kill()
    other.wait()


def test_a_second_start_says_who_holds_the_directory_and_how_to_stop_it(
    make: Make, launch: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path
) -> None:
    launcher, pid = launch(tmp_path, databases.BIN_DIRS[databases.NAMES[0]])
    with pytest.raises(DataDirectoryHeld) as refused:
        make(tmp_path).start()
    assert refused.value.pid == launcher.pid
    assert str(tmp_path) in refused.value.detail
    assert "since 20" in refused.value.detail
    assert f"kill {launcher.pid}" in refused.value.remedy
    found = running_server(tmp_path)
    assert found is not None
    assert found.pid == pid


def test_a_held_directory_can_be_looked_at_through_its_server(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    insert(server.start(), 1)
    with borrowed(tmp_path) as url:
        assert kept(url) == [1]
    assert server.running
    server.stop()
    with borrowed(tmp_path) as url:
        assert kept(url) == [1]
    assert running_server(tmp_path) is None


@pytest.mark.parametrize("name", ["deep/" * 30 + "data", "a comma, and a space", "Zürich"])
def test_a_path_that_no_socket_can_have_is_served_from_a_short_one(
    make: Make, tmp_path: Path, name: str
) -> None:
    server = make(tmp_path / name)
    insert(server.start(), 1)
    socket_dir = Layout(tmp_path / name).socket_dir
    assert socket_dir.is_dir()
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert not socket_dir.is_relative_to(tmp_path)
    kill(server)
    assert kept(server.start()) == [1]
    assert Layout(tmp_path / name).socket_dir == socket_dir
    server.stop()
    assert not socket_dir.exists()


def test_a_first_start_that_was_interrupted_is_made_anew(make: Make, tmp_path: Path) -> None:
    half = tmp_path / "cluster.new-abc"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    insert(make(tmp_path).start(), 1)
    assert not half.exists()


def test_a_directory_with_something_else_in_it_is_not_touched(make: Make, tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "letter.txt").write_text("dear")
    with pytest.raises(DataDirectoryUnusable, match="no PostgreSQL cluster"):
        make(tmp_path).start()
    assert (tmp_path / "cluster" / "letter.txt").read_text() == "dear"


@pytest.mark.skipif(len(databases.NAMES) < 2, reason="needs two versions")
def test_data_of_one_version_is_refused_by_another_and_found_its_own(
    make: Make, tmp_path: Path
) -> None:
    newest, oldest = databases.NAMES[0], databases.NAMES[-1]
    server = make(tmp_path, databases.BIN_DIRS[oldest])
    insert(server.start(), 1)
    server.stop()
    with pytest.raises(BinariesMissing, match=f"written by PostgreSQL {oldest[2:]}"):
        make(tmp_path, databases.BIN_DIRS[newest]).start()
    by_itself = make(tmp_path, None)
    assert kept(by_itself.start()) == [1]
    assert by_itself.version.startswith(oldest[2:])


def test_a_setting_of_the_operator_wins_and_a_wrong_one_is_quoted(
    make: Make, tmp_path: Path
) -> None:
    server = make(tmp_path)
    server.start()
    server.stop()
    own = tmp_path / "cluster" / "local.conf"
    own.write_text("work_mem = '7MB'\n")
    own.chmod(0o644)
    assert show(server.start(), "work_mem") == ["7MB"]
    server.stop()
    own.write_text("work_mem = 'plenty'\n")
    with pytest.raises(ServerNotStarted, match="plenty"):
        server.start()
    assert running_server(tmp_path) is None
    own.unlink()
    server.start()  # the refused start held nothing


def test_an_interrupt_at_the_terminal_does_not_reach_the_server(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    server.start()
    assert server.pid is not None
    assert os.getsid(server.pid) == server.pid


def test_two_databases_of_one_server_are_apart(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    insert(server.start(), 1)
    other = server.create_database("other")
    insert(other, 2)
    assert server.create_database("other") == other
    assert kept(server.url()) == [1]
    assert kept(other) == [2]


def test_a_disk_that_refuses_is_told_as_an_outage_and_holds_nothing(
    make: Make, tmp_path: Path
) -> None:
    server = make(tmp_path)
    server.start()
    server.stop()
    obstacle = tmp_path / "cluster" / "nostro.conf"
    obstacle.unlink()
    (obstacle / "in the way").mkdir(parents=True)
    with pytest.raises(DataDirectoryUnusable, match="could not be started"):
        server.start()
    (obstacle / "in the way").rmdir()
    obstacle.rmdir()
    server.start()
