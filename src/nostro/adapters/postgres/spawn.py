"""How is a program started as a user who may not enter the directories it works on?

By open descriptor: we open the directories and hand them over, and the program knows them as
`/proc/self/fd/N`. The kernel then asks for permission on the directory itself, which belongs to
that user, and not on the way to it (`/root`, 0700). Nobody's permissions are changed for it. When
the server runs as ourselves, names are names.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from nostro.adapters.postgres.account import Account
from nostro.adapters.postgres.binaries import PROGRAMS, Binaries

_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")  # never PG*: they would redirect the server
_TRIAL_TIMEOUT_S = 20.0


class Spawn(msgspec.Struct, frozen=True):
    """A way to start `binaries` as `account`, with directories handed over open."""

    binaries: Binaries
    account: Account
    descriptors: Mapping[Path, int] = {}

    def known_as(self, directory: Path) -> str:
        """Return the name by which the started program reaches one of the directories."""
        descriptor = self.descriptors.get(directory)
        return str(directory) if descriptor is None else f"/proc/self/fd/{descriptor}"

    def command(self, program: str, *arguments: str) -> Sequence[str]:
        """Return the argument vector of a program."""
        return [self.binaries.program(program), *arguments]

    def options(self) -> dict[str, Any]:
        """Return keyword arguments for subprocess: user, descriptors, environment, session."""
        environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        libraries = [str(self.binaries.bin_dir.parent / "lib"), environment.get("LD_LIBRARY_PATH")]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
        environment.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
        chosen: dict[str, Any] = {
            "env": {**environment, "LC_ALL": "C", "TZ": "UTC"},
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,  # Ctrl-C in the terminal is for us, not for the server
            "umask": 0o077,
            "pass_fds": tuple(self.descriptors.values()),
        }
        if self.account.is_other:
            chosen.update(user=self.account.uid, group=self.account.gid, extra_groups=[])
        return chosen

    def works(self) -> bool:
        """Tell whether the account can run the programs, by running them."""
        return all(self._succeeds(self.command(name, "--version")) for name in PROGRAMS)

    def can_enter(self, directory: Path) -> bool:
        """Tell whether the account can reach a directory by its name, by going there."""
        return self._succeeds(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])

    def _succeeds(self, command: Sequence[str]) -> bool:
        try:
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_TRIAL_TIMEOUT_S,
                check=True,
                **self.options(),
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return True


@contextlib.contextmanager
def handing_over(binaries: Binaries, account: Account, *directories: Path) -> Iterator[Spawn]:
    """Yield a Spawn that reaches `directories`; under root they are open while the block runs."""
    if not account.is_other:
        yield Spawn(binaries, account)
        return
    descriptors: dict[Path, int] = {}
    try:
        for directory in directories:
            descriptors[directory] = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        yield Spawn(binaries, account, descriptors)
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)
