"""Do tasks end for sure?"""

from __future__ import annotations

import asyncio
import threading

from nostro.runtime.ending import ended, in_thread


async def test_a_task_that_loses_its_first_cancellation_ends_with_the_second() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost == 2:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await ended([task, None])
    assert task.cancelled()
    assert lost == 2


async def test_how_a_task_ended_does_not_matter() -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while ending")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await ended([task])
    assert task.done()


async def test_who_is_cancelled_waits_for_his_thread() -> None:
    begun, let_go, done = threading.Event(), threading.Event(), threading.Event()

    def deed() -> None:
        begun.set()
        let_go.wait(5)
        done.set()

    task = asyncio.create_task(in_thread(deed))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    let_go.set()
    await ended([task])
    assert task.cancelled()
    assert done.is_set()
