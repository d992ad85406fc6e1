"""What if the user that the server must run as cannot reach the programs?

A virtual environment below `/root` (0700) is closed to an unprivileged user. Programs cannot be
handed over by open descriptor as directories can: they resolve their own path to find libraries and
data files. So they are copied, once for each version, to a directory of ours that a trial run as
that user has shown to be reachable.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from nostro.adapters.postgres.account import Account
from nostro.adapters.postgres.binaries import Binaries
from nostro.adapters.postgres.faults import BinariesMissing
from nostro.adapters.postgres.spawn import Spawn

CACHES = (Path("/var/cache/nostro"),)
_LEFT_OUT = ("*.a", "include", "pgxs", "pkgconfig", "man", "doc", "locale")
COPY_BYTES_MAX = 512 * 2**20  # the wheel has 40 MiB; more is no PostgreSQL installation of its own
_WRITABLE_BY_OTHERS = 0o022


def reachable(
    binaries: Binaries, account: Account, data_dir: Path, caches: Sequence[Path] = CACHES
) -> Binaries:
    """Return the programs where `account` can run them: in place, or copied to a cache.

    `data_dir` and the directory for temporary files are tried after `caches`. Raises
    BinariesMissing.
    """
    if not account.is_other or Spawn(binaries, account).works():
        return binaries
    places = (*caches, data_dir / "binaries", Path(tempfile.gettempdir()) / "nostro-binaries")
    for place in places:
        copy = _copied(binaries, account, place)
        if copy is not None and Spawn(copy, account).works():
            return copy
    raise BinariesMissing(
        f"User {account.name}, as whom the server must run, can run neither {binaries.bin_dir}"
        f" nor a copy of it below {', '.join(map(str, places))}.",
        remedy="start as an ordinary user, or install PostgreSQL for everybody (Debian:"
        " `apt-get install postgresql`).",
    )


def _copied(binaries: Binaries, account: Account, cache: Path) -> Binaries | None:
    """Return a copy below `cache`, made now unless it is there; None where that cannot be."""
    trees = _trees(binaries.bin_dir)
    try:
        _make(cache)
        if not _is_ours(cache) or not Spawn(binaries, account).can_enter(cache):
            return None
        home = cache / _title(binaries, trees)
        copy = msgspec.structs.replace(binaries, bin_dir=home / trees[0][1])
        if not home.is_dir():
            _copy(trees, home)
    except OSError:
        return None
    return copy if _is_ours(home) else None


def _trees(bin_dir: Path) -> Sequence[tuple[Path, Path]]:
    """Pair each directory to copy with its place in the copy; relative places stay as they were."""
    prefix = bin_dir.parent
    package = prefix.parent
    pairs = [
        (prefix / name, Path(package.name, prefix.name, name)) for name in ("bin", "lib", "share")
    ]
    # Wheels keep foreign libraries beside the package, in `<package>.libs`, found relative to the
    # program.
    libraries = package.with_name(f"{package.name}.libs")
    pairs.append((libraries, Path(libraries.name)))
    return [(source, target) for source, target in pairs if source.is_dir()]


def _title(binaries: Binaries, trees: Sequence[tuple[Path, Path]]) -> str:
    """Name a copy after its content, so that another build never meets a copy of this one."""
    seen, size = hashlib.sha256(), 0
    for source, target in trees:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                facts = path.stat()
                size += facts.st_size
                seen.update(f"{target}/{path.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
        if size > COPY_BYTES_MAX:
            raise OSError(f"{binaries.bin_dir.parent} is too large to copy")
    return f"postgresql-{binaries.version.split()[0]}-{seen.hexdigest()[:16]}"


def _copy(trees: Sequence[tuple[Path, Path]], home: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=home.parent))
    try:
        for source, target in trees:
            shutil.copytree(source, fresh / target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.sync()  # a copy torn by a power cut must not pass for a whole one
        fresh.rename(home)
    except OSError:
        if not home.is_dir():  # otherwise somebody else was faster
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _make(cache: Path) -> None:
    with contextlib.suppress(FileExistsError):
        cache.mkdir()
        cache.chmod(0o755)  # whatever the umask; made by us a line ago


def _is_ours(directory: Path) -> bool:
    """Tell whether nobody else can have put programs there."""
    facts = directory.lstat()
    return facts.st_uid == os.geteuid() and not facts.st_mode & _WRITABLE_BY_OTHERS
