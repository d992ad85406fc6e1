"""Do readers stay patient and cheap when the views are late, and give up when nobody answers?"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nostro.adapters.postgres.reading import ViewReader
from nostro.runtime.projector import ViewsBehind, ViewsUnavailable
from tests.adapters.postgres.chronicle import reader_pool

FAR = 2**62
READERS = 500


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_read_of_a_server_that_is_frozen_ends_on_time(wheel_postgres: str) -> None:
    # One connection: a pool that had to wait for its first may have opened another one.
    async with reader_pool(wheel_postgres, size_max=1) as pool:
        reader = ViewReader(pool, timeout_s=0.2)
        ((pid,),) = await reader.rows("SELECT pg_backend_pid()")
        started = time.monotonic()
        with frozen(pid), pytest.raises(ViewsUnavailable, match="not done within"):
            await reader.rows("SELECT 1")
        assert time.monotonic() - started < 2
        patient = ViewReader(pool, timeout_s=30)
        assert await patient.rows("SELECT 1") == [(1,)]


async def test_hundreds_who_wait_for_a_height_cost_next_to_nothing(wheel_postgres: str) -> None:
    async with reader_pool(wheel_postgres) as pool:
        reader = ViewReader(pool)
        await reader.checkpoint()
        started = time.process_time()
        waits = (reader.wait_for(FAR, timeout_ms=1_000) for _ in range(READERS))
        ends = await asyncio.gather(*waits, return_exceptions=True)
        assert {type(end) for end in ends} == {ViewsBehind}
        assert time.process_time() - started < 0.7  # when each of them looked: 3 s


async def test_who_waits_hears_that_the_views_have_gone(wheel_postgres: str) -> None:
    async with reader_pool(wheel_postgres) as pool:
        reader = ViewReader(pool)
        waits = [asyncio.create_task(reader.wait_for(FAR, timeout_ms=30_000)) for _ in range(3)]
        await reader.checkpoint()
        await pool.close()
        ends = await asyncio.gather(*waits, return_exceptions=True)
        assert {type(end) for end in ends} == {ViewsUnavailable}
