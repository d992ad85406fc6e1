"""Is a simulated run its seed, and nothing else?"""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest

from nostro.simulation.loop import Process, Stuck, seeded_loop


async def _race(order: list[int]) -> None:
    async def runner(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(runner(number) for number in range(5)))


def _order(seed: str) -> list[int]:
    order: list[int] = []
    seeded_loop(seed).run(_race(order))
    return order


def test_the_same_seed_gives_the_same_order() -> None:
    assert _order("7") == _order("7")


def test_different_seeds_give_different_orders() -> None:
    assert len({tuple(_order(str(seed))) for seed in range(20)}) > 15


def test_an_hour_of_virtual_time_takes_no_time() -> None:
    loop = seeded_loop("1")
    started = perf_counter()

    async def wait_an_hour() -> float:
        await asyncio.sleep(3600)  # sleeps: in virtual time
        return asyncio.get_running_loop().time()

    assert loop.run(wait_an_hour()) == 3600
    assert perf_counter() - started < 1


def test_timers_keep_their_order() -> None:
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for delay in (3.0, 1.0, 2.0):
            loop.call_later(delay, seen.append, delay)
        await asyncio.sleep(4)  # sleeps: in virtual time

    seeded_loop("1").run(main())
    assert seen == [1.0, 2.0, 3.0]


def test_a_timeout_expires_in_virtual_time() -> None:
    async def main() -> None:
        await asyncio.wait_for(asyncio.get_running_loop().create_future(), timeout=60)

    with pytest.raises(asyncio.TimeoutError):
        seeded_loop("1").run(main())


def test_waiting_for_what_can_never_happen_is_told() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="nothing is ready"):
        seeded_loop("1").run(main())


def test_a_killed_process_never_runs_again_and_cleans_nothing_up() -> None:
    said: list[str] = []
    process = Process("victim")

    async def victim() -> None:
        try:
            await asyncio.sleep(2)  # sleeps: in virtual time
            said.append("lived on")
        finally:
            said.append("cleaned up")

    async def main() -> list[str]:
        asyncio.get_running_loop().create_task(victim(), context=process.context())
        await asyncio.sleep(1)  # sleeps: in virtual time
        process.kill()
        await asyncio.sleep(5)  # sleeps: in virtual time
        return list(said)

    assert seeded_loop("1").run(main()) == []


def test_a_process_dies_at_the_step_it_was_given() -> None:
    lived: list[int] = []
    deaths: list[str] = []
    process = Process("victim")
    process.steps_left = 4
    process.on_death = lambda: deaths.append(process.name)

    async def victim() -> None:
        for step in range(10):
            lived.append(step)
            await asyncio.sleep(0)

    async def main() -> None:
        asyncio.get_running_loop().create_task(victim(), context=process.context())
        await asyncio.sleep(1)  # sleeps: in virtual time

    seeded_loop("1").run(main())
    assert lived == [0, 1, 2, 3]
    assert deaths == ["victim"]


def test_what_a_process_starts_belongs_to_it() -> None:
    said: list[str] = []
    process = Process("parent")

    async def child() -> None:
        await asyncio.sleep(2)  # sleeps: in virtual time
        said.append("the child lived on")

    async def parent() -> None:
        said.append("started")
        await asyncio.create_task(child())

    async def main() -> None:
        asyncio.get_running_loop().create_task(parent(), context=process.context())
        await asyncio.sleep(1)  # sleeps: in virtual time
        process.kill()
        await asyncio.sleep(5)  # sleeps: in virtual time

    seeded_loop("1").run(main())
    assert said == ["started"]


def test_an_exception_nobody_handles_is_noted() -> None:
    loop = seeded_loop("1")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)  # sleeps: in virtual time

    loop.run(main())
    assert "ZeroDivisionError" in loop.complaints[0]


def test_a_task_that_failed_and_nobody_heard_is_noted_unless_its_process_is_dead() -> None:
    loop = seeded_loop("1")
    process = Process("victim")

    async def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        alone = loop.create_task(fail(), context=process.context())
        heard = loop.create_task(fail())
        await asyncio.wait([alone, heard])
        with pytest.raises(ZeroDivisionError):
            await heard

    loop.run(main())
    assert len(loop.complaints) == 1
    process.kill()
    assert loop.complaints == []
