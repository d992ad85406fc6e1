"""How does a test run `nostro up`, and make sure that nothing of it remains?"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from nostro.adapters.postgres.launcher import running_server

NOSTRO = (sys.executable, "-m", "nostro.cli")
READY_TIMEOUT_S = 120.0
PATIENCE_S = 30.0
PAUSE_S = 0.05

T = TypeVar("T")


class Up:
    """One run of `nostro up` on a data directory. `processes`: the ids that it named when ready."""

    def __init__(self, data_dir: Path, log: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self._log = log
        with log.open("ab") as stderr:
            self.supervisor = subprocess.Popen(
                [*NOSTRO, "up", "--data-dir", str(data_dir), "--port", "0", "-o", "jsonl"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=clean_environment(**environment),
                cwd=log.parent,
                start_new_session=True,
            )
        assert self.supervisor.stdout is not None
        line = self.supervisor.stdout.readline()
        assert line, f"`nostro up` did not start: {self.log}"
        facts = json.loads(line)
        self.url: str = facts["API"]
        self.processes: Mapping[str, int] = facts["processes"]

    @property
    def log(self) -> str:
        """What it said on standard error so far."""
        return self._log.read_text("utf-8", "replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal that asks it to stop, and return its exit status."""
        self.supervisor.send_signal(number)
        return self.supervisor.wait(PATIENCE_S)

    def post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        """Send a command until it is answered, each time under the same key."""

        def answered() -> httpx.Response | None:
            with contextlib.suppress(httpx.HTTPError):
                headers = {"Idempotency-Key": key}
                answer = httpx.post(f"{self.url}{path}", json=body, headers=headers)
                if answer.status_code not in (503, 504):
                    return answer
            return None

        return eventually(answered, f"an answer from {path}")

    def get(self, path: str) -> httpx.Response:
        """Read until it is answered."""

        def answered() -> httpx.Response | None:
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(f"{self.url}{path}")
                if answer.status_code not in (503, 504):
                    return answer
            return None

        return eventually(answered, f"an answer from {path}")

    def clear_away(self) -> None:
        """End whatever still runs, by its id."""
        if self.supervisor.poll() is None:
            self.supervisor.kill()
            self.supervisor.wait()
        server = running_server(self.data_dir)
        for pid in (*self.processes.values(), *([server.pid] if server else [])):
            if alive(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert self.supervisor.stdout is not None
        self.supervisor.stdout.close()


@contextlib.contextmanager
def up(data_dir: Path, log: Path, **environment: str) -> Iterator[Up]:
    """Run `nostro up` while the block runs, under settings of the environment."""
    running = Up(data_dir, log, **environment)
    try:
        yield running
    finally:
        running.clear_away()


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without settings of the platform."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOSTRO_")}
    return {**kept, **more}


def ended(pid: int) -> None:
    """Wait until a process runs no more."""
    eventually(lambda: None if alive(pid) else pid, f"the end of process {pid}")


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and not yet reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] not in "ZX"
    return True


def eventually(look: Callable[[], T | None], what: str, *, timeout_s: float = PATIENCE_S) -> T:
    """Return the first thing that `look` finds; fails when it never does."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(PAUSE_S)  # sleeps: another process cannot be waited for but by asking it
    raise AssertionError(f"waited {timeout_s:.0f} s in vain for {what}")
