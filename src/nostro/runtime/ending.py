"""How are tasks ended for sure, and what of work that cannot be ended?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

AGAIN_S = 0.2


async def ended(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks and return when all have ended; how they ended is nobody's business.

    They are told again until they do: before Python 3.12 a cancellation that meets `wait_for` in
    the moment in which that ends is lost, and the task lives on.
    """
    left = {task for task in tasks if task is not None and not task.done()}
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=AGAIN_S)
        for task in done:
            if not task.cancelled():
                task.exception()


async def in_thread(deed: Callable[..., object], *arguments: object) -> None:
    """Do something in a thread; cancelled meanwhile, return only when it is done, as a thread
    cannot be stopped and whoever comes next must not meet it."""
    task = asyncio.ensure_future(asyncio.to_thread(deed, *arguments))
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        task.exception()
        raise asyncio.CancelledError
    task.result()
