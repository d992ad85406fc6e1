"""In which order do things happen when only the seed decides, and how long does an hour take?

An asyncio event loop with virtual time: of all callbacks that are ready a seeded generator picks
the next, and when nothing is ready the clock jumps to the next timer. Callbacks belong to a
`Process` (by their context), and a process dies as by SIGKILL: nothing of it ever runs again.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START_US = 1_750_000_000_000_000
"""When every run begins: 15 June 2025."""
STEPS_MAX = 2_000_000
"""Callbacks of one run; more is a loop that never comes to rest."""

ENDS_MAX = 8
"""How often a coroutine that is closed may go on waiting."""


class Stuck(Exception):
    """The run cannot end: nothing is left that could happen, or too much has happened."""


class Process:
    """What dies as one. `steps_left`: how many callbacks it still lives through (None: unbounded);
    `on_death` is called once when it has died that way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.steps_left: int | None = None
        self.on_death: Callable[[], None] | None = None

    def kill(self) -> None:
        """End it: none of its callbacks runs again, no `finally` either."""
        self.alive = False

    def context(self) -> Context:
        """Return a context in which everything that is started belongs to this process."""
        context = copy_context()
        context.run(_PROCESS.set, self)
        return context

    def take_step(self) -> bool:
        """Count one callback; returns False when the process is dead, or dies of this step."""
        if self.alive and self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.kill()
                if self.on_death is not None:
                    self.on_death()
        return self.alive


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class Callback:
    """Something to be called, and by which process; takes the place of asyncio.Handle, of which
    asyncio itself uses only these two methods."""

    __slots__ = ("_cancelled", "args", "call", "context", "process")

    def __init__(self, call: Callable[..., object], args: Any, context: Context | None) -> None:
        self.call = call
        self.args = args
        self.context = copy_context() if context is None else context
        self.process = self.context.get(_PROCESS)
        self._cancelled = False

    def cancel(self) -> None:
        """Let it never be called."""
        self._cancelled = True

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self._cancelled


class SeededLoop(asyncio.AbstractEventLoop):
    """A deterministic event loop: the same seed and program give the same order, always."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self._ready: list[Callback] = []
        self._timers: list[tuple[float, int, Callback]] = []
        self._now = 0.0
        self._timer_count = 0
        self._closed = False
        self._tasks: list[tuple[Process | None, asyncio.Task[Any]]] = []
        self.steps = 0
        self._complaints: list[str] = []

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until `main` is done and return its result; raises Stuck when that cannot be."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)
            self._closed = True
            self._drop_unstarted()

    def _drop_unstarted(self) -> None:
        """Close what was never begun, or Python warns that nobody awaited it."""
        for _, task in self._tasks:
            coro = task.get_coro()
            if inspect.iscoroutine(coro) and inspect.getcoroutinestate(coro) == "CORO_CREATED":
                coro.close()

    def _step(self) -> None:
        ready = self._ready
        while not ready:
            self._pass_time()
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise Stuck(f"{STEPS_MAX} callbacks, and no end")
        index = int(self._random.random() * len(ready))
        callback = ready[index]
        ready[index] = ready[-1]
        ready.pop()
        process = callback.process
        if not callback.cancelled() and (process is None or process.take_step()):
            try:
                callback.context.run(callback.call, *callback.args)
            except Exception as error:
                self._complaints.append(f"{callback.call!r}: {error!r}")

    def _pass_time(self) -> None:
        """Jump to the next timer and make ready all that are due then."""
        timers = self._timers
        if not timers:
            raise Stuck("nothing is ready, no timer is set, and the run has not ended")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def close(self) -> None:
        """Let go of everything; waiting for the garbage collector costs a fifth of a run.

        What a coroutine does `finally` it does here, to nobody's harm, and not wherever the
        collector finds it.
        """
        asyncio._set_running_loop(self)
        try:
            for _, task in self._tasks:
                if not task.done():
                    _end(task)
        finally:
            asyncio._set_running_loop(None)
        self._ready.clear()
        self._timers.clear()
        self._tasks.clear()

    @property
    def complaints(self) -> list[str]:
        """Return what nobody handled, in callbacks and in tasks of processes that are alive."""
        died = [
            f"{task.get_name()}: {task.exception()!r}"
            for process, task in self._tasks
            if task.done() and (process is None or process.alive) and _is_unheard(task)
        ]
        return self._complaints + died

    # -- what asyncio asks of a loop --------------------------------------------------------------

    def time(self) -> float:
        """Return virtual seconds since the run began."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        """Make a callback ready; returns its Callback."""
        ready = Callback(callback, args, context)
        if not self._closed:
            self._ready.append(ready)
        return ready

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Any:
        """Make a callback ready after `delay` virtual seconds; returns its Callback."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Any:
        """Make a callback ready at a virtual time; returns its Callback."""
        timer = Callback(callback, args, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        """Return a new future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Start a coroutine. It is kept to the end of the run: what is collected runs `finally`."""
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._tasks.append((_process_of(context), task))
        return task

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Call what would run in a thread as a step of its own, in which its process may die."""
        done: asyncio.Future[T] = self.create_future()

        def call() -> None:
            try:
                result = func(*args)
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(result)

        self.call_soon(call)
        return done

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what nobody handled."""
        error = context.get("exception")
        self._complaints.append(f"{context.get('message')}: {error!r}" if error else str(context))

    def get_debug(self) -> bool:
        """Tell that asyncio's debug mode is off."""
        return False

    def is_running(self) -> bool:
        """Tell whether the run has not ended yet."""
        return not self._closed

    def is_closed(self) -> bool:
        """Tell whether the run has ended."""
        return self._closed


def _end(task: asyncio.Task[Any]) -> None:
    coro = task.get_coro()
    for _ in range(ENDS_MAX):
        try:
            coro.close()
        except RuntimeError:
            continue  # it waits for something, finally
        return


def _process_of(context: Context | None) -> Process | None:
    # An empty context counts as false.
    return _PROCESS.get() if context is None else context.get(_PROCESS)


def _is_unheard(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task failed and nobody has asked for its exception."""
    unheard: bool = task._log_traceback
    return unheard and not task.cancelled()


class LoopClock:
    """The clock of one process in virtual time, wrong by `skew_s` seconds."""

    def __init__(self, loop: SeededLoop, skew_s: float = 0.0) -> None:
        self._loop = loop
        self._start_us = START_US + round(skew_s * 1_000_000)

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return self._start_us + round(self._loop.time() * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)


def seeded_loop(seed: str) -> SeededLoop:
    """Return a loop whose order of callbacks follows from `seed` alone."""
    return SeededLoop(seed)  # type: ignore[abstract]  # sockets, threads and signals do not exist
