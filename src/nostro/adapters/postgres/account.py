"""As which operating-system user does the server run?

PostgreSQL refuses to run as root. Under root the server therefore runs as an existing unprivileged
user; `spawn` and `relocate` say how that user reaches data and programs below directories that it
may not enter.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import msgspec

from nostro.adapters.postgres.faults import DataDirectoryUnusable

ROOT = 0
USER_NAMES = ("nostro", "postgres", "nobody")  # the first that exists is dropped to


class Account(msgspec.Struct, frozen=True):
    """The user that the server runs as: ourselves, or under root an unprivileged one to drop to."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Tell whether the server runs as somebody else than we do."""
        return self.uid != os.geteuid()

    def own(self, directory: Path) -> None:
        """Give a directory, made by us, to the server; raises DataDirectoryUnusable."""
        if not self.is_other:
            return
        try:
            os.chown(directory, self.uid, self.gid, follow_symlinks=False)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"Root may not give {directory} to user {self.name} ({error.strerror}).",
                remedy="start as an ordinary user, or choose a data directory on a local disk"
                " with NOSTRO_DATA_DIR.",
            ) from error


def account_for(cluster: Path) -> Account:
    """Return whom the server of `cluster` runs as: ourselves, or under root somebody else.

    Raises DataDirectoryUnusable when an existing cluster belongs to somebody whom we cannot become.
    """
    owner = cluster.stat().st_uid if os.path.isdir(cluster) else None
    if os.geteuid() != ROOT:
        me = _entry(os.geteuid())
        if owner is not None and owner != me.uid:
            raise DataDirectoryUnusable(
                f"{cluster} belongs to user {_name_of(owner)}, not to {me.name}.",
                remedy=f"start as {_name_of(owner)}, or `chown -R {me.name} {cluster.parent}`.",
            )
        return me
    if not sys.platform.startswith("linux"):
        raise DataDirectoryUnusable(
            "PostgreSQL refuses to run as root.", remedy="start as an ordinary user."
        )
    return _unprivileged() if owner is None or owner == ROOT else _entry(owner)


def _unprivileged() -> Account:
    for name in USER_NAMES:
        try:
            return _entry(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise DataDirectoryUnusable(
        f"PostgreSQL refuses to run as root, and none of the users {', '.join(USER_NAMES)} exists.",
        remedy="`useradd --system nostro`, or start as an ordinary user.",
    )


def _entry(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise DataDirectoryUnusable(
            f"PostgreSQL does not run as user {uid}, who has no name on this machine.",
            remedy=f"add the user (`useradd --system --uid {uid} nostro`) or start as another.",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
