"""How is a plan made by another process, which may take its time, or die?

One task at a time: a length of eight bytes (big-endian) and JSON, both ways, over the process's
input and output. The process is started with the first task, killed when it misses its deadline,
and started again with the next task. It ends when its input does, so it never outlives its parent.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import IO

import msgspec

from nostro.kernel.codec import encode
from nostro.netting import Caps, Obligation, Plan, RateSet, Tariff, plan_cycle
from nostro.runtime.ports import NotDone

LENGTH_BYTES = 8
DEADLINE_MS = 2_000
"""For the solver. 1,000 payments under caps are within 0.1 % of the optimum in about a second."""
GRACE_S = 20.0
"""For starting the process and all that is not the solver: reading, greedy selection, writing."""
NICENESS = 10
"""The engine comes first."""


class PlanTask(msgspec.Struct, frozen=True, kw_only=True):
    """All that `plan_cycle` asks for; `deadline_ms` None: without the solver."""

    cycle_id: str
    gross: bool
    obligations: list[Obligation]
    rates: RateSet
    caps: Caps
    tariff: Tariff
    deadline_ms: int | None = None


def planned(task: PlanTask) -> Plan:
    """Return the plan of a task; raises Rejection `netting.rate_missing`."""
    return plan_cycle(
        task.obligations,
        cycle_id=task.cycle_id,
        gross=task.gross,
        rates=task.rates,
        caps=task.caps,
        tariff=task.tariff,
        deadline_ms=task.deadline_ms,
    )


class PlanWorker:
    """Makes plans in a process of its own, one after the other."""

    def __init__(self, *, deadline_ms: int = DEADLINE_MS, grace_s: float = GRACE_S) -> None:
        self.deadline_ms = deadline_ms
        self._grace_s = grace_s
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Return the process that is there now, if any."""
        return None if self._process is None else self._process.pid

    async def plan(self, task: PlanTask) -> Plan:
        """Return the plan of a task, made with the solver. Raises NotDone when the process died,
        missed its deadline, or cannot be started: the next task starts another one."""
        task = msgspec.structs.replace(task, deadline_ms=self.deadline_ms)
        async with self._turn:
            try:
                async with asyncio.timeout(self.deadline_ms / 1_000 + self._grace_s):
                    answer = await self._ask(encode(task))
                return _plan_decoder.decode(answer)
            except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as cause:
                await self._kill()
                raise NotDone(f"the optimiser's process failed: {cause!r}") from cause
            except asyncio.CancelledError:
                await self._kill()  # or its answer would be taken for the next task's
                raise

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._kill()

    async def _ask(self, data: bytes) -> bytes:
        process = self._process
        if process is None or process.returncode is not None:
            await self._kill()
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "nostro.adapters.netting"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the terminal is for the parent
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(len(data).to_bytes(LENGTH_BYTES, "big"))
        process.stdin.write(data)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
        return await process.stdout.readexactly(length)

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


_plan_decoder = msgspec.json.Decoder(Plan)
_task_decoder = msgspec.json.Decoder(PlanTask)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer tasks until the input ends. A task that cannot be planned ends the process."""
    while len(header := source.read(LENGTH_BYTES)) == LENGTH_BYTES:
        data = source.read(int.from_bytes(header, "big"))
        answer = encode(planned(_task_decoder.decode(data)))
        sink.write(len(answer).to_bytes(LENGTH_BYTES, "big"))
        sink.write(answer)
        sink.flush()


def main() -> None:
    """Serve the parent process. What a solver prints goes to the error output, not between us."""
    os.nice(NICENESS)
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, sink)
