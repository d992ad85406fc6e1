"""How does one process of the platform run another, and never leave it behind?

A child gets its order as one JSON line on standard input and answers with one JSON line on
standard output when it is ready. It keeps reading standard input: the end of it means that the
parent is gone, and the child stops, however the parent died.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from nostro.runtime.ports import NotDone

READY_TIMEOUT_S = 3_600.0
"""A journal without a snapshot that can be used is replayed from its beginning: some ten seconds
for a million transfers. A shorter patience would end that again and again."""
STOP_TIMEOUT_S = 15.0
RESTART_PAUSE_FIRST_S = 0.1
RESTART_PAUSE_LAST_S = 5.0
LIVED_LONG_S = 60.0
"""A child that dies after so long was well; one that dies sooner may die of its work again."""
LINE_BYTES_MAX = 1 << 20


class Child:
    """A process that is started, told its order, watched, and stopped."""

    def __init__(self, *, name: str, module: str, order: dict[str, Any]) -> None:
        self.name = name
        self._module = module
        self._order = order
        self._process: asyncio.subprocess.Process | None = None
        self._draining: asyncio.Task[None] | None = None
        """Reads on what the child prints: a full pipe would hold it up."""

    @property
    def pid(self) -> int | None:
        """Return the process id, or None before the first start."""
        return self._process.pid if self._process else None

    async def start(self) -> dict[str, Any]:
        """Start the process and return what it says when ready; raises NotDone when it does not
        get there."""
        try:
            self._process = process = await self._spawn()
        except OSError as error:
            raise NotDone(f"{self.name} could not be started: {error}") from error
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise NotDone(f"{self.name} has no pipes")
        line = b""
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError):
            stdin.write(json.dumps({**self._order, "parent_pid": os.getpid()}).encode() + b"\n")
            await stdin.drain()
            line = await asyncio.wait_for(stdout.readline(), READY_TIMEOUT_S)
        try:
            ready: dict[str, Any] = json.loads(line)
        except ValueError:
            await self.stop()
            raise NotDone(f"{self.name} did not start (status {process.returncode})") from None
        self._draining = asyncio.create_task(_drain(stdout), name=f"drain-{self.name}")
        return ready

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            self.name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_BYTES_MAX,
        )

    async def ended(self) -> int:
        """Return the exit status once the process has ended."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """Ask the process to stop, and end it when it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def keep_alive(child: Child, *, on_restart: Callable[[dict[str, Any]], None]) -> None:
    """Start a child again whenever it ends, with a growing pause between deaths that follow each
    other soon."""
    loop = asyncio.get_running_loop()
    pause = RESTART_PAUSE_FIRST_S
    while True:
        started = loop.time()
        await child.ended()
        if loop.time() - started > LIVED_LONG_S:
            pause = RESTART_PAUSE_FIRST_S
        await asyncio.sleep(pause)
        pause = min(pause * 2, RESTART_PAUSE_LAST_S)
        with contextlib.suppress(NotDone):
            on_restart(await child.start())


def read_order() -> dict[str, Any]:
    """Return the order that the parent gave on standard input; called once, by a child."""
    line = sys.stdin.buffer.readline(LINE_BYTES_MAX)
    if not line:
        raise SystemExit(0)
    order: dict[str, Any] = json.loads(line)
    return order


def say_ready(**facts: Any) -> None:
    """Tell the parent that this child is ready."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def until_told_to_stop(stop: Callable[[], Awaitable[None]] | None = None) -> None:
    """Return when the parent is gone, or SIGTERM or SIGINT has come; then run `stop`, if given."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    parent_gone = asyncio.create_task(_drain(reader))
    parent_gone.add_done_callback(lambda _: told.set())
    await told.wait()
    parent_gone.cancel()
    transport.close()
    if stop is not None:
        await stop()


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass
