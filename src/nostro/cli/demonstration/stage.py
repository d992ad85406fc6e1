"""Where does the platform of the demo run, and how is it killed, restarted and cleared away?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from nostro.adapters.identity.development import DevelopmentKey
from nostro.adapters.postgres.cluster import Layout
from nostro.adapters.postgres.launcher import running_server
from nostro.adapters.rails.settlement.switchboard import FileSwitchboard
from nostro.cli.exits import Exit, Failure
from nostro.wiring.aliases import FOREIGN

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
LOG_LINES_MAX = 15
_OURS = "NOSTRO_"
_KEPT = "NOSTRO_POSTGRES_BIN_DIR"
CYCLE_S = 4
"""How often a netting cycle closes: a day of payments has to pass while people look on."""
MEMBERS, MALICIOUS = 4, 1
OPERATOR = "operator"
TOKEN_TTL_S = 3_600
_SETTINGS = {
    "NOSTRO_CYCLE_SECONDS": str(CYCLE_S),
    "NOSTRO_MEMBERS": str(MEMBERS),
    "NOSTRO_MALICIOUS_MEMBERS": str(MALICIOUS),
    # When limits bind, the solver may look for a better plan for a part of a cycle's time.
    "NOSTRO_PLAN_DEADLINE_MS": "1000",
    "NOSTRO_SETTLEMENT_DOMAINS": "securities,cash",
    # Days of securities settlement pass while people look on, too; so do retries.
    "NOSTRO_SETTLEMENT_DAY_SECONDS": "2",
    "NOSTRO_SETTLEMENT_TIMEOUT_SECONDS": "10",
    "NOSTRO_SETTLEMENT_RETRY_DELAY_SECONDS": "0.2",
    "NOSTRO_SETTLEMENT_RECYCLES_MAX": "4",
}


RAILS_DIR, FAULTS_FILE = "simulated-rails", "faults.json"
"""In the data directory: where the simulated rails look what is wrong with them."""


class Stage:
    """A platform started by `nostro up` in a session of its own, on one data directory.

    `scratch` takes its log, and is where it runs: no settings of this machine reach it, neither a
    `nostro.toml` nor the environment's, but for the place of PostgreSQL's programs.
    """

    def __init__(self, data_dir: Path, scratch: Path) -> None:
        self.data_dir = data_dir
        self.processes: Mapping[str, int] = {}
        self._scratch = scratch
        self._log = scratch / "up.log"
        self._supervisor: asyncio.subprocess.Process | None = None
        self._port = 0
        self._tokens: dict[str, str] = {}

    async def start(self) -> str:
        """Start the platform and return the URL of its API; raises Failure."""
        with self._log.open("ab") as log:
            self._supervisor = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "nostro.cli", "up"),
                *("--data-dir", str(self.data_dir), "--port", str(self._port), "--output", "jsonl"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self._scratch,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the platform
            )
        facts = await self._facts(self._supervisor)
        self.processes = {"supervisor": self._supervisor.pid, **facts["processes"]}
        # A platform that is started again is where its users know it.
        self._port = int(facts["API"].rpartition(":")[2])
        return str(facts["API"])

    def token_of(self, user: str) -> str:
        """Return a token for development, by the platform's own key: a trader's, or OPERATOR's."""
        token = self._tokens.get(user)
        if token is None:
            key = DevelopmentKey.kept_in(self.data_dir)
            role = OPERATOR if user == OPERATOR else "trader"
            token = key.token(user, roles=(role,), now_s=int(time.time()), ttl_s=TOKEN_TTL_S)
            self._tokens[user] = token
        return token

    @property
    def switchboard(self) -> FileSwitchboard:
        """Where faults of the simulated rails are switched on and off."""
        return FileSwitchboard(self.data_dir / RAILS_DIR / FAULTS_FILE)

    def kill(self) -> None:
        """Kill every process of the platform with SIGKILL, the one that would restart them
        first."""
        for pid in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def killed(self) -> None:
        """Wait until the supervisor is dead."""
        if self._supervisor is not None:
            await self._supervisor.wait()

    async def stop(self) -> None:
        """Stop the platform in order, or, when it does not obey, by force."""
        supervisor = self._supervisor
        if supervisor is None:
            return
        if supervisor.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                supervisor.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(supervisor.wait(), STOP_TIMEOUT_S)
        if supervisor.returncode != Exit.OK:
            await self._stop_by_force(supervisor)
        self._supervisor = None
        self.processes = {}

    def log_tail(self) -> str:
        """Return the last lines that the platform said."""
        if not self._log.exists():
            return ""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-LOG_LINES_MAX:])

    async def _stop_by_force(self, supervisor: asyncio.subprocess.Process) -> None:
        """End what an order did not end. Server and follower end with their supervisor; PostgreSQL,
        which may not have been told of yet, does not."""
        with contextlib.suppress(ProcessLookupError):
            supervisor.kill()
        await supervisor.wait()
        self.kill()
        left = running_server(self.data_dir)
        if left is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(left.pid, signal.SIGKILL)

    async def _facts(self, supervisor: asyncio.subprocess.Process) -> dict[str, Any]:
        assert supervisor.stdout is not None, "standard output is a pipe"
        line = b""
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(supervisor.stdout.readline(), START_TIMEOUT_S)
        if not line:
            raise Failure(
                f"the platform did not start:\n{self.log_tail()}",
                remedy="`nostro doctor` says what it misses",
                status=Exit.UNAVAILABLE,
            )
        facts: dict[str, Any] = msgspec.json.decode(line)
        return facts


@contextlib.contextmanager
def prepared(data_dir: Path | None, *, keep: bool) -> Iterator[Stage]:
    """Yield a stage on a fresh directory: the one that is named, which must be empty and stays, or
    a temporary one, which is removed unless it is to be kept. Raises Failure."""
    scratch = Path(tempfile.mkdtemp(prefix="nostro-demo-"))
    if data_dir is not None and data_dir.exists() and any(data_dir.iterdir()):
        scratch.rmdir()
        raise Failure(
            f"{data_dir} is not empty, and the demo starts from nothing",
            remedy="name another directory, or none",
            status=Exit.USAGE,
        )
    chosen = scratch / "data" if data_dir is None else data_dir.absolute()
    try:
        yield Stage(chosen, scratch)
    finally:
        if not (keep and data_dir is None):
            _clear_away(scratch, chosen)


def _clear_away(scratch: Path, data_dir: Path) -> None:
    """Remove the scratch directory, and the socket's, which may stand elsewhere after a kill."""
    Layout(data_dir).close_socket_dir()
    shutil.rmtree(scratch, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == _KEPT or not (name.startswith(_OURS) or name in FOREIGN)
    }
    return kept | _SETTINGS
