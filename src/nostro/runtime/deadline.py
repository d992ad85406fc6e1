"""What if something does not end in time, nor even when it is told to?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, deed: Coroutine[Any, Any, T]) -> T:
    """Return what a deed returns, or raise TimeoutError on time; then the deed is cancelled.

    Its end is not waited for, as `asyncio.timeout` does: a driver that is cancelled asks its server
    to stop, and a server that is frozen says nothing to that either.
    """
    task = asyncio.ensure_future(deed)
    task.add_done_callback(_heard)
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        raise TimeoutError(f"not done within {seconds:g} s")
    return task.result()


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of how a deed ended, which nobody may be waiting for."""
    if not task.cancelled():
        task.exception()
