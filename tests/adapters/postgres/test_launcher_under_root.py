"""Does the server run for root, who must not run it, and touch nothing outside its directory?"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from nostro.adapters.postgres.account import Account, account_for
from nostro.adapters.postgres.binaries import Binaries, Origin, version_of
from nostro.adapters.postgres.cluster import Layout
from nostro.adapters.postgres.faults import BinariesMissing, DataDirectoryUnusable
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.relocate import reachable
from nostro.adapters.postgres.spawn import Spawn
from tests import databases

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY = 65534


@pytest.fixture(params=databases.NAMES)
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """The programs of each version in turn."""
    bin_dir = databases.BIN_DIRS[request.param]
    version = version_of(bin_dir)
    assert version is not None
    return Binaries(bin_dir, *version, Origin.SETTING)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A directory that only root may enter, as `/root` is."""
    directory = Path(tempfile.mkdtemp(prefix="closed-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that everybody may enter."""
    directory = Path(tempfile.mkdtemp(prefix="open-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def permissions(directory: Path) -> Mapping[Path, tuple[int, int, int]]:
    """Return mode, owner and group of a directory and of everything above it."""
    found = {one: one.stat() for one in (directory, *directory.parents)}
    return {one: (facts.st_mode, facts.st_uid, facts.st_gid) for one, facts in found.items()}


def as_user(uid: int, deed: Callable[[], object]) -> object:
    """Run `deed` in a forked process of an ordinary user, and return its JSON-able result."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads; none matters
        pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        try:
            said: object = deed()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def test_the_server_runs_below_a_closed_directory_and_opens_nothing(
    binaries: Binaries, closed: Path
) -> None:
    before = permissions(closed)
    data_dir = closed / "data"
    with EmbeddedPostgres(data_dir, bin_dir=binaries.bin_dir, tuning=databases.TUNING) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept (number integer)")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CHECKPOINT")
        server.abort()
        server.start()
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert permissions(closed) == before
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert data_dir.stat().st_uid == 0


def test_an_existing_cluster_is_served_as_its_owner(open_to_all: Path) -> None:
    cluster = open_to_all / "cluster"
    cluster.mkdir()
    os.chown(cluster, NOBODY, NOBODY)
    assert account_for(cluster).uid == NOBODY


def test_programs_that_the_user_cannot_reach_are_copied_once(
    binaries: Binaries, closed: Path, open_to_all: Path
) -> None:
    away = _hidden(binaries, closed)
    before = permissions(away.bin_dir)
    account = account_for(closed / "cluster")
    assert not Spawn(away, account).works()
    copy = reachable(away, account, closed, caches=[closed / "cache", open_to_all / "cache"])
    assert copy.bin_dir.is_relative_to(open_to_all)
    assert Spawn(copy, account).works()
    assert permissions(away.bin_dir) == before
    made_at = copy.bin_dir.stat().st_ctime_ns
    assert reachable(away, account, closed, caches=[open_to_all / "cache"]) == copy
    assert copy.bin_dir.stat().st_ctime_ns == made_at
    if binaries.bin_dir.parent.name.startswith("pginstall"):  # a whole installation moves
        data_dir = closed / "data"
        with EmbeddedPostgres(data_dir, bin_dir=copy.bin_dir, tuning=databases.TUNING) as server:
            assert server.version == binaries.version


def test_programs_that_run_in_place_are_not_copied(binaries: Binaries, closed: Path) -> None:
    account = account_for(closed / "cluster")
    if not Spawn(binaries, account).works():
        pytest.skip("the tests themselves live below a closed directory")
    assert reachable(binaries, account, closed, caches=[closed]) is binaries


def test_a_cache_that_somebody_else_can_write_is_not_trusted(
    binaries: Binaries, closed: Path, open_to_all: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(closed))
    (open_to_all / "cache").mkdir()
    (open_to_all / "cache").chmod(0o777)
    with pytest.raises(BinariesMissing, match="can run neither"):
        reachable(
            _hidden(binaries, closed),
            account_for(closed / "cluster"),
            closed,
            caches=[open_to_all / "cache"],
        )


def test_an_ordinary_user_starts_stops_and_recovers(binaries: Binaries, open_to_all: Path) -> None:
    if not Spawn(binaries, Account(NOBODY, NOBODY, "nobody")).works():
        pytest.skip("the tests themselves live below a closed directory")
    os.chown(open_to_all, NOBODY, NOBODY)
    data_dir = open_to_all / "data"

    def deed() -> object:
        server = EmbeddedPostgres(data_dir, bin_dir=binaries.bin_dir, tuning=databases.TUNING)
        with psycopg.connect(server.start()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.abort()
        with psycopg.connect(server.start()) as connection:
            row = connection.execute("SELECT number FROM kept").fetchone()
        server.stop()
        return row

    assert as_user(NOBODY, deed) == [7]
    owners = {path.stat().st_uid for path in (data_dir, *data_dir.iterdir())}
    assert owners == {NOBODY}
    assert Layout(data_dir).major() == binaries.major


def test_a_directory_of_somebody_else_is_refused_by_name(open_to_all: Path) -> None:
    (open_to_all / "cluster").mkdir(mode=0o700)

    def deed() -> object:
        EmbeddedPostgres(open_to_all).start()
        return "started"

    os.chown(open_to_all, NOBODY, NOBODY)
    said = as_user(NOBODY, deed)
    name = pwd.getpwuid(NOBODY).pw_name
    assert str(said).startswith(DataDirectoryUnusable.__name__)
    assert f"belongs to user root, not to {name}" in str(said)


def _hidden(binaries: Binaries, closed: Path) -> Binaries:
    """Put the installation below a closed directory, with the places of its parts unchanged."""
    prefix = binaries.bin_dir.parent
    package = prefix.parent
    target = closed / "site" / package.name / prefix.name
    for name in ("bin", "lib", "share"):
        if (prefix / name).is_dir():
            shutil.copytree(prefix / name, target / name, ignore=shutil.ignore_patterns("bitcode"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / "site" / libraries.name)
    return Binaries(target / "bin", binaries.version, binaries.major, binaries.origin)
