"""Does whoever waits for a deed get away on time?"""

from __future__ import annotations

import asyncio

import pytest

from nostro.runtime.deadline import within


async def test_a_deed_in_time_returns_what_it_returns() -> None:
    async def deed() -> int:
        return 7

    assert await within(1, deed()) == 7


async def test_a_deed_that_fails_fails() -> None:
    async def deed() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError):
        await within(1, deed())


async def test_a_deed_that_will_not_even_end_when_told_to_is_left_behind() -> None:
    let_go, told = asyncio.Event(), asyncio.Event()

    async def deed() -> None:
        try:
            await let_go.wait()
        except asyncio.CancelledError:
            told.set()
            await let_go.wait()

    with pytest.raises(TimeoutError, match="not done within"):
        await within(0.01, deed())
    await told.wait()
    let_go.set()


async def test_who_stops_waiting_stops_the_deed() -> None:
    begun, told = asyncio.Event(), asyncio.Event()

    async def deed() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            told.set()

    waiting = asyncio.create_task(within(60, deed()))
    await begun.wait()
    waiting.cancel()
    await told.wait()
