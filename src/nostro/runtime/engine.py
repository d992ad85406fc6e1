"""How does a command become durable, exactly once and in order?

A single writer with its state in memory and group commit. Batch n+1 is decided while batch n
commits; replies are released and effects started only after their batch is durable. Any failure to
commit drops the state: start and recovery are one path.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from time import perf_counter
from typing import Any

import msgspec

from nostro.kernel.messages import Command, Rejection, Tick
from nostro.kernel.reply import KeyReused, Receipt
from nostro.kernel.room import Context
from nostro.runtime.draft import Draft, Durable, Request, is_storable, row_of
from nostro.runtime.house import House, Known, Memory
from nostro.runtime.ports import (
    GENESIS_HASH,
    Batch,
    Clock,
    Fenced,
    Head,
    Journal,
    NotDone,
    Outage,
    OutboxRow,
    OutcomeUnknown,
    Overloaded,
    Unwritable,
)
from nostro.runtime.recovery import recalled, recover

KEY_LENGTH_MAX = 255
ACTOR_LENGTH_MAX = 255
TURN_ROWS_MAX = 64
TURN_BYTES_MAX = 500_000
COMMIT_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
RETRY_FIRST_S = 0.05
RETRY_LAST_S = 2.0
MISSED_ROWS_MAX = 1_000


class EngineSettings(msgspec.Struct, frozen=True):
    """Bounds of an engine: waiting requests, rows and payload bytes of one commit, and the pause
    between looks at what is due."""

    queue_max: int = 10_000
    batch_rows_max: int = 2_048
    batch_bytes_max: int = 16_000_000
    tick_s: float = 0.1


class EngineState(StrEnum):
    """Where an engine is in its life."""

    RECOVERING = "recovering"
    RUNNING = "running"
    FENCED = "fenced"
    STOPPED = "stopped"


class EngineStats(msgspec.Struct):
    """Counters since start; times in seconds."""

    commands: int = 0
    rejected: int = 0
    replayed: int = 0
    conflicts: int = 0
    overloaded: int = 0
    batches: int = 0
    recoveries: int = 0
    commit_s: float = 0.0
    commit_counts: list[int] = msgspec.field(
        default_factory=lambda: [0] * (len(COMMIT_BOUNDS_S) + 1)
    )
    """Commits by how long they took: up to each of COMMIT_BOUNDS_S, and longer."""
    decide_s: float = 0.0
    recovery_s: float = 0.0


class Engine:
    """The single writer of one chain. Everything runs on one event loop; `submit` is the only way
    in."""

    def __init__(
        self,
        *,
        house: House,
        journal: Journal,
        clock: Clock,
        settings: EngineSettings | None = None,
        on_effects: Callable[[Sequence[OutboxRow]], None] | None = None,
        on_durable: Callable[[Sequence[Durable]], None] | None = None,
    ) -> None:
        """`on_effects` hears of deeds to do, `on_durable` of every row once it is durable, in
        order and before its reply is released. Both must be quick and must not fail."""
        self.chain = journal.chain
        self.stats = EngineStats()
        self.state = EngineState.STOPPED
        self.state_reason = "not started"
        self._house = house
        self._journal = journal
        self._clock = clock
        self._settings = settings or EngineSettings()
        self._on_effects = on_effects
        self._on_durable = on_durable
        self._reported: int | None = None
        self._queue: deque[Request] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._commit: asyncio.Task[None] | None = None
        self._committing: Draft | None = None
        self._memory: Memory = house.new()
        self._head = Head(0, GENESIS_HASH, 0, 0)
        self._draft = Draft(self._head)
        self._ticking = False
        self._pause_s = 0.0
        """How long to wait before the next recovery; nothing after a commit that succeeded."""
        self._singly = 0
        """How many requests to decide and commit one by one, to find the one that cannot be."""

    # -- the way in --------------------------------------------------------------------------------

    def submit(
        self,
        *,
        key: str,
        command: Command,
        actor: str,
        settles: Sequence[tuple[int, int]] = (),
    ) -> asyncio.Future[Receipt]:
        """Queue a command and return the future of its durable receipt.

        `key`: the idempotency key, 1 to 255 characters, no NUL; `settles`: the effects whose
        outcome this is. Raises Overloaded, NotDone, Rejection `engine.bad_key`, `engine.bad_actor`
        at once, nothing accepted. The future raises Rejection `engine.key_reused` (same key, other
        content) or an Outage; OutcomeUnknown: ask again with the same key; Unwritable, OutcomeBug:
        it will never be done."""
        if self.state in (EngineState.FENCED, EngineState.STOPPED):
            raise NotDone(f"the engine is {self.state}: {self.state_reason}")
        if len(self._queue) >= self._settings.queue_max:
            self.stats.overloaded += 1
            raise Overloaded(f"{len(self._queue)} commands are waiting already")
        if type(command) not in self._house.kinds:
            raise TypeError(f"no room takes {type(command).__name__}")
        if not 0 < len(key) <= KEY_LENGTH_MAX or not is_storable(key):
            raise Rejection("engine.bad_key", length=len(key), length_max=KEY_LENGTH_MAX)
        if len(actor) > ACTOR_LENGTH_MAX or not is_storable(actor):
            raise Rejection("engine.bad_actor", length=len(actor), length_max=ACTOR_LENGTH_MAX)
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._queue.append(Request(key, command, actor, settles, future))
        self._wake.set()
        return future

    @property
    def height(self) -> int:
        """Return the durable height."""
        return self._head.height

    @property
    def at_us(self) -> int:
        """Return the time of the durable height, in microseconds since the epoch."""
        return self._head.at_us

    @property
    def fence(self) -> int:
        """Return the number of this writer: higher than that of every one before it."""
        return self._head.fence

    @property
    def queued(self) -> int:
        """Return how many requests wait."""
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Tell whether all that was submitted is durable and answered: memory is the journal."""
        under_way = self._queue or self._commit is not None or self._draft.answers
        return self.state is EngineState.RUNNING and not under_way

    def digests(self) -> Mapping[str, str]:
        """Return each room's state hash; meaningful only when the engine is `idle`."""
        return self._house.digests(self._memory)

    def look(self, room: str) -> Any:
        """Return a room's state as it is decided on now, some of it perhaps not durable yet: to
        measure and to choose by, never to answer by."""
        return self._memory.states[room]

    # -- life --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recover once and start the writer; raises an Outage when the journal cannot be opened."""
        self.state, self.state_reason = EngineState.RECOVERING, "starting"
        await self._recover()
        self._tasks = [
            asyncio.create_task(self._run(), name=f"engine-{self.chain}"),
            asyncio.create_task(self._keep_time(), name=f"timer-{self.chain}"),
        ]

    async def stop(self) -> None:
        """Finish the commit under way, refuse what waits, let the chain go."""
        await self._finish_commit()
        self.state, self.state_reason = EngineState.STOPPED, "stopped"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._finish_commit()
        self._take_back()
        self._fail_all(NotDone("the engine was stopped"))
        await self._journal.close()

    async def _recover(self) -> None:
        started = perf_counter()
        memory, head = await recover(self._house, self._journal)
        self._check_nothing_lost(head)
        await self._report_missed(head)
        self._memory, self._head = memory, head
        self._draft = Draft(head)
        self.stats.recovery_s = perf_counter() - started
        effects = await self._journal.outbox()
        self.state, self.state_reason = EngineState.RUNNING, ""
        if effects and self._on_effects:
            self._on_effects(effects)
        self._wake.set()

    async def _report_missed(self, head: Head) -> None:
        """Report the rows whose commit nobody heard the end of; none before the first start, when
        whoever listens begins with what was recovered."""
        if self._reported is None or self._on_durable is None:
            self._reported = head.height
        decode = self._house.codec.decode_events
        while self._reported < head.height:
            entries = await self._journal.read(after=self._reported, limit=MISSED_ROWS_MAX)
            if not entries:
                raise NotDone(f"no row follows height {self._reported} below {head.height}")
            assert self._on_durable is not None
            self._on_durable([Durable(e.height, e.at_us, decode(e.payload)) for e in entries])
            self._reported = entries[-1].height

    def _check_nothing_lost(self, head: Head) -> None:
        """Raise Fenced when the journal does not have what was acknowledged: this is another
        database, a standby that lagged behind or an old backup, and people must decide."""
        mine = self._head
        if head.height < mine.height or (head.height == mine.height and head.hash != mine.hash):
            raise Fenced(f"height {mine.height} was acknowledged, the journal is at {head.height}")

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._turn()
            except Outage as outage:
                await self._crash(outage)
            except Exception as bug:
                await self._crash(OutcomeUnknown(f"a bug: {bug!r}"))

    async def _turn(self) -> None:
        """Decide what waits; start the next commit when none is under way."""
        if self._commit is not None and self._commit.done():
            finished, self._commit = self._commit, None
            finished.result()
            self._committing = None
            # Only here, never while ids are being recalled: an id must not leave memory between
            # two looks.
            self._house.settle(self._memory, self._head.height)
        room = self._settings.batch_rows_max - len(self._draft.entries)
        alone = self._singly > 0 and bool(self._draft.answers)
        full = room <= 0 or self._draft.size >= self._settings.batch_bytes_max or alone
        if self._queue and not full:
            await self._decide(min(room, TURN_ROWS_MAX))
        if self._commit is None and self._draft.answers:
            draft, self._draft = self._draft, Draft(self._draft.end())
            self._committing = draft
            self._commit = asyncio.create_task(self._write(draft))
            self._commit.add_done_callback(lambda _: self._wake.set())
            full = False
        if self._queue and not full:
            # Deciding in short turns lets the commit under way get on with its round trips.
            self._wake.set()
            await asyncio.sleep(0)

    # -- deciding ----------------------------------------------------------------------------------

    async def _decide(self, room: int) -> None:
        count = 1 if self._singly else min(room, len(self._queue))
        requests = [self._queue.popleft() for _ in range(count)]
        known, ids = await self._recalled(requests)
        started = perf_counter()
        size_max = min(self._draft.size + TURN_BYTES_MAX, self._settings.batch_bytes_max)
        for index, request in enumerate(requests):
            if self._draft.size >= size_max:
                self._queue.extendleft(reversed(requests[index:]))
                break
            try:
                self._decide_one(request, known.get(request.key), ids.get(index, {}))
            except Exception as bug:
                self._queue.extendleft(reversed(requests[index + 1 :]))
                self._convict(request, OutcomeBug(request.command, bug))
                raise NotDone(f"a bug: {bug!r}") from bug
        self.stats.decide_s += perf_counter() - started

    async def _recalled(
        self, requests: list[Request]
    ) -> tuple[Mapping[str, Known], Mapping[int, Mapping[str, Any]]]:
        """Read what these requests name and memory no longer holds; on failure none of them is
        lost, and one that meets a bug is found by taking them one by one."""
        self._singly = max(0, self._singly - 1)
        try:
            return await recalled(self._house, self._journal, self._memory, requests)
        except (Outage, asyncio.CancelledError):
            self._queue.extendleft(reversed(requests))
            raise
        except Exception as bug:
            if len(requests) == 1:
                self._convict(requests[0], OutcomeBug(requests[0].command, bug))
            else:
                self._singly = len(requests)
                self._queue.extendleft(reversed(requests))
            raise NotDone(f"a bug: {bug!r}") from bug

    def _decide_one(self, request: Request, cold: Known | None, ids: Mapping[str, Any]) -> None:
        draft, memory = self._draft, self._memory
        known = memory.keys.hot(request.key)
        if known is None or known.reply is None:
            known = cold or known
        if known is not None:
            self._answer_again(request, known)
            return
        command = request.command
        at_us = max(self._clock.now_us(), memory.at_us + 1)
        height = memory.height + 1
        context = Context(height, at_us, request.actor, ids)
        outcome = self._house.handle(memory, command, context)
        reply = outcome.reply
        entry = row_of(self.chain, memory.hash, context, request, outcome.events, reply)
        self._house.remember(memory, entry, reply)
        request.decided.append((height, at_us))
        draft.add(entry, outcome)
        draft.answer(request, Receipt(height, at_us, False, reply))
        self.stats.commands += 1
        self.stats.rejected += not reply.accepted

    def _answer_again(self, request: Request, known: Known) -> None:
        """Answer a key that was used before: with the first reply, or with a refusal if the
        content differs."""
        assert known.reply is not None, "its row was read before"
        if known.request_hash != request.request_hash:
            self.stats.conflicts += 1
            first = Receipt(known.height, known.at_us, True, known.reply)
            self._draft.answer(request, KeyReused(request.key, first))
            return
        again = (known.height, known.at_us) not in request.decided
        self.stats.replayed += again
        self._draft.answer(request, Receipt(known.height, known.at_us, again, known.reply))

    # -- committing --------------------------------------------------------------------------------

    async def _write(self, draft: Draft) -> None:
        started = perf_counter()
        if draft.entries or draft.settled:
            await self._journal.append(
                Batch(draft.entries, draft.effects, draft.settled), draft.base
            )
            self._head, self._pause_s = draft.end(), 0.0
            self.stats.batches += 1
            took_s = perf_counter() - started
            self.stats.commit_counts[bisect_left(COMMIT_BOUNDS_S, took_s)] += 1
        self.stats.commit_s += perf_counter() - started
        if draft.reports:
            self._reported = self._head.height
            if self._on_durable:
                self._on_durable(draft.reports)
        for request, answer in draft.answers:
            if isinstance(answer, Rejection):
                self._refuse(request, answer)
            elif not request.future.done():
                request.future.set_result(answer)
        if draft.effects and self._on_effects:
            self._on_effects(draft.effects)

    async def _crash(self, outage: Outage) -> None:
        """Drop the state, recover by replay, and ask again for everything that was in flight."""
        self.state, self.state_reason = EngineState.RECOVERING, str(outage)
        self.stats.recoveries += 1
        if isinstance(outage, Unwritable) and self._committing is not None:
            self._single_out(self._committing, outage)
        # What the commit under way came to matters: a writer that was fenced must not open again.
        outage = await self._finish_commit() or outage
        self._take_back()
        if isinstance(outage, Fenced):
            self._give_up(EngineState.FENCED, outage)
        else:
            await self._recover_until_up()

    def _single_out(self, draft: Draft, outage: Unwritable) -> None:
        """Refuse the one request whose row cannot be stored; among many, find it one by one."""
        if len(draft.entries) > 1:
            self._singly = len(draft.answers)
            return
        for request, answer in draft.answers:
            if isinstance(answer, Receipt) and not answer.replayed:
                self._convict(request, outage)

    async def _finish_commit(self) -> Fenced | None:
        """Wait for the commit under way, if any; return how it was fenced, if it was."""
        commit = self._commit
        if commit is None:
            return None
        await asyncio.wait([commit])
        error = commit.exception()
        return error if isinstance(error, Fenced) else None

    def _take_back(self) -> None:
        """Put every request that was decided and not answered back at the front of the queue, in
        order."""
        drafts = [draft for draft in (self._committing, self._draft) if draft is not None]
        self._commit, self._committing, self._draft = None, None, Draft(self._head)
        requests = [request for draft in drafts for request, _ in draft.answers]
        self._queue.extendleft(r for r in reversed(requests) if not r.future.done())

    async def _recover_until_up(self) -> None:
        while True:
            await self._clock.sleep(self._pause_s)
            self._pause_s = min(max(RETRY_FIRST_S, self._pause_s * 2), RETRY_LAST_S)
            try:
                await self._recover()
                return
            except Fenced as fenced:
                self._give_up(EngineState.FENCED, fenced)
                return
            except Outage as outage:
                self.state_reason = str(outage)
            except Exception as bug:  # the journal cannot be replayed: waiting would not mend it
                self._give_up(EngineState.STOPPED, OutcomeUnknown(f"no recovery: {bug!r}"))
                return

    def _give_up(self, state: EngineState, outage: Outage) -> None:
        self.state, self.state_reason = state, str(outage)
        self._fail_all(outage)

    def _fail_all(self, error: Outage) -> None:
        """Fail what waits; what was decided before the failure may be durable, so its outcome is
        unknown."""
        while self._queue:
            request = self._queue.popleft()
            self._refuse(request, OutcomeUnknown(str(error)) if request.decided else error)

    def _convict(self, request: Request, error: NotDone) -> None:
        """Refuse the request that was to blame; the others need not wait."""
        self._refuse(request, error)
        self._pause_s = 0.0

    @staticmethod
    def _refuse(request: Request, error: Exception) -> None:
        if not request.future.done():
            request.future.set_exception(error)

    # -- time --------------------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        """Submit a Tick whenever a room is due; one at a time."""
        while True:
            await self._clock.sleep(self._settings.tick_s)
            if self._ticking or self.state is not EngineState.RUNNING:
                continue
            due = self._house.due(self._memory)
            now = self._clock.now_us()
            # Of a clock that was set back, the journal's time is the later one.
            if due is None or due > max(now, self._memory.at_us):
                continue
            try:
                future = self.submit(
                    key=f"tick:{self._head.fence}:{now}", command=Tick(), actor="clock"
                )
            except NotDone:
                continue
            self._ticking = True
            future.add_done_callback(self._tick_done)

    def _tick_done(self, future: asyncio.Future[Receipt]) -> None:
        self._ticking = False
        if not future.cancelled():
            future.exception()


class OutcomeBug(NotDone):
    """A decision failed for a reason that is our fault; the command changed nothing."""

    def __init__(self, command: Command, bug: Exception) -> None:
        super().__init__(f"deciding {type(command).__name__} failed: {bug!r}")
