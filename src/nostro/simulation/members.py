"""How do the settlement members live through bad weather, over a log that is slow and lies?

Each member is a process of its own, with a home in memory that outlives it. Up to a third of them
contradict themselves or keep silent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any, cast

import msgspec

from nostro.adapters.members.actor import MemberActor
from nostro.adapters.members.home import MemberHome
from nostro.adapters.members.malicious import MaliciousMember
from nostro.adapters.members.reader import LogReader
from nostro.adapters.memory.ordered_log import MemoryOrderedLog, MemoryTape
from nostro.adapters.signing.ed25519 import SigningKey, verify
from nostro.consensus import (
    Chain,
    Committee,
    Epochs,
    FormCommittee,
    Message,
    Participant,
    Rules,
    Standing,
    Timeouts,
    committee_of,
    decode_lock,
    possession_message,
)
from nostro.runtime.ordered_log import ITEMS_MAX, LogItem
from nostro.runtime.ports import NotDone, OutcomeUnknown
from nostro.simulation.loop import LoopClock, Process, SeededLoop
from nostro.simulation.weather import Sky

CHAIN = "main"
SIZES = (4, 4, 4, 5, 7)
"""Members of a committee, drawn by the seed: mostly as few as tolerate one liar."""
TIMEOUTS = Timeouts(first_ms=400, growth_ms=300, last_ms=5_000)
LATE_WRITE_S = 3.0
HIDDEN_S = 2.0
WATCH_S = 0.3
LIVES_STEPS = 2
"""A member lives through so many times fewer callbacks than the engine: it has less to do."""


class StormyLog:
    """An OrderedLog as one reader sees it: late, in another order, hidden for a while, and (with
    `corrupts`) with items that are not what was written. What it has hidden it shows later."""

    def __init__(
        self, tape: MemoryTape, sky: Sky, server: Context, *, corrupted: float = 0.0
    ) -> None:
        """`corrupted`: how many times as often as messages come late an item is shown changed."""
        self._log = MemoryOrderedLog(tape)
        self._sky = sky
        self._server = server
        self._corrupted = corrupted
        self._hidden_until = 0.0

    async def append(self, items: Sequence[tuple[str, bytes]]) -> int:
        """Write, or fail in one of the four ways of the weather."""
        sky, weather = self._sky, self._sky.weather
        await sky.disk()
        if sky.chance(weather.write_failed):
            raise NotDone("the log refused the write")
        if sky.chance(weather.write_lost):
            raise OutcomeUnknown("the connection was lost before the write")
        if sky.chance(weather.write_late):
            write = self._append_late(items, sky.between(0.0, LATE_WRITE_S))
            asyncio.get_running_loop().create_task(write, context=self._server.copy())
            raise OutcomeUnknown("the connection was lost, and the write goes on")
        position = await self._log.append(items)
        if sky.chance(weather.write_unheard):
            raise OutcomeUnknown("the connection was lost after the write")
        return position

    async def _append_late(self, items: Sequence[tuple[str, bytes]], delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await self._log.append(items)

    async def read(self, *, after: int, limit: int = ITEMS_MAX) -> Sequence[LogItem]:
        """Return what this reader may see."""
        await self._ask()
        sky, lie = self._sky, self._sky.weather.message_late
        now = asyncio.get_running_loop().time()
        if sky.chance(lie):
            self._hidden_until = now + sky.between(0.0, HIDDEN_S)
        if now < self._hidden_until and sky.weather.message_late:
            return []
        page = list(await self._log.read(after=after, limit=limit))
        if len(page) > 1 and sky.chance(lie):
            del page[1 + int(sky.between(0, len(page) - 1)) :]
        if page and sky.chance(sky.weather.message_twice):
            page.append(page[int(sky.between(0, len(page)))])
        if len(page) > 1 and sky.chance(lie):
            first, second = (int(sky.between(0, len(page))) for _ in range(2))
            page[first], page[second] = page[second], page[first]
        if page and sky.chance(lie * self._corrupted):
            place = int(sky.between(0, len(page)))
            page[place] = _changed(page[place])
        return page

    async def fetch(self, keys: Sequence[str]) -> Sequence[LogItem]:
        """Return the items under these keys."""
        await self._ask()
        return await self._log.fetch(keys)

    async def changed(self, *, after: int, timeout_s: float) -> None:
        """Return when there may be something new, or when the time is over."""
        if self._sky.chance(self._sky.weather.message_lost):
            await asyncio.sleep(timeout_s)
            return
        await self._log.changed(after=after, timeout_s=timeout_s)
        if self._hidden_until > asyncio.get_running_loop().time():
            await asyncio.sleep(min(timeout_s, HIDDEN_S / 4))

    async def close(self) -> None:
        """Nothing to let go."""

    async def _ask(self) -> None:
        await self._sky.disk()
        if self._sky.chance(self._sky.weather.read_failed):
            raise NotDone("the connection was reset")


def _changed(item: LogItem) -> LogItem:
    """Return an item of which one bit was turned on the way."""
    place = item.position % max(1, len(item.value))
    value = bytearray(item.value)
    if value:
        value[place] ^= 1
    return LogItem(item.position, item.key, bytes(value))


class SilentMember(MemberActor):
    """A member that keeps two of three of its messages, and every certificate, to itself."""

    def _send(self, message: Message) -> None:
        if (message.height + message.round + message.step) % 3 == 0:
            super()._send(message)

    def _show(self, action: Any) -> None:
        return


class _Lock:
    """The vote lock in memory that outlives its member."""

    def __init__(self) -> None:
        self.state = b""

    def save(self, state: bytes) -> None:
        self.state = state


class _Bodies(dict[str, bytes]):
    """Bodies in memory that outlive their member."""

    def put(self, body_hash: str, packed: bytes) -> None:
        self.setdefault(body_hash, packed)


class Home:
    """What a member has on its disk; takes the place of adapters.members.home.MemberHome."""

    def __init__(self, member_id: str, key: SigningKey) -> None:
        self.member_id = member_id
        self.key = key
        self.lock = _Lock()
        self.bodies = _Bodies()


Actor = Callable[..., MemberActor]


class MemberParts(msgspec.Struct, frozen=True):
    """What members are made of; tests put one with a planted bug in place of the honest ones."""

    honest: Actor = MemberActor
    liars: tuple[Actor, ...] = (MaliciousMember, SilentMember)
    liars_beyond: int = 0
    """How many more members lie than a committee of its size bears; for planted bugs."""


class Members:
    """The members of one committee, their log, and what becomes of them in the storm."""

    def __init__(
        self, *, seed: int, loop: SeededLoop, sky: Sky, parts: MemberParts | None = None
    ) -> None:
        parts = parts or MemberParts()
        self.restarts = 0
        self._loop = loop
        self._sky = sky
        self._tape = MemoryTape()
        self._server = Process("log").context()
        size = SIZES[int(sky.between(0, len(SIZES)))]
        self._homes = [_home(seed, number) for number in range(1, size + 1)]
        self.seats = [_seat(home) for home in self._homes]
        tolerated = (size - 1) // 3
        liars = 0 if not sky.weather.crash_steps_mean else int(sky.between(0, tolerated + 1))
        if parts.liars_beyond:
            liars = tolerated + parts.liars_beyond
        self._liars = liars
        self._actors: list[Actor] = [
            *(parts.liars[int(sky.between(0, len(parts.liars)))] for _ in range(liars)),
            *(parts.honest for _ in range(size - liars)),
        ]
        self._processes: list[Process | None] = [None] * size
        self._storming = True

    @property
    def command(self) -> FormCommittee:
        """Return the command that tells the platform of these members."""
        return FormCommittee(chain_id=CHAIN, members=self.seats)

    @property
    def committee(self) -> Committee:
        """Return the members of the only epoch."""
        return committee_of(
            chain_id=CHAIN,
            epoch=0,
            members=self.seats,
            ruleset_version=1,
            activation_height=1,
        )

    def log(self, *, corrupted: float = 0.0) -> StormyLog:
        """Return one more connection to the log."""
        return StormyLog(self._tape, self._sky, self._server, corrupted=corrupted)

    def shown(self) -> list[bytes]:
        """Return all that any member has ever shown as a certificate."""
        return [item.value for item in self._tape.items if item.key.startswith("certificate/")]

    @property
    def liars(self) -> set[str]:
        """Return who may be proven to have lied."""
        return {home.member_id for home in self._homes[: self._liars]}

    async def watch(self) -> None:
        """Start every member, and again whenever it has died."""
        while True:
            for number, process in enumerate(self._processes):
                if process is None or not process.alive:
                    self._boot(number)
            await asyncio.sleep(WATCH_S)

    def clear(self) -> None:
        """From here on nobody dies; all start anew once, and read what they were shown wrongly."""
        self._storming = False
        for process in self._processes:
            if process is not None:
                process.kill()

    def _boot(self, number: int) -> None:
        process = Process(f"member-{number + 1}")
        steps = self._sky.weather.crash_steps_mean // LIVES_STEPS
        if steps and self._storming:
            process.steps_left = 1 + int(self._sky.about(steps))
        if self._processes[number] is not None:
            self.restarts += 1
        self._processes[number] = process
        self._loop.create_task(self._live(number), context=process.context())

    async def _live(self, number: int) -> None:
        home, log, clock = self._homes[number], self.log(corrupted=0.3), LoopClock(self._loop)
        end = await self._end_of(log)
        actor = self._actors[number](
            voter=Participant(
                chain=Chain(Epochs([self.committee])),
                rules=Rules(verify),
                standing=Standing(member_id=home.member_id, public_key=home.key.public_key),
                lock=decode_lock(home.lock.state) if home.lock.state else None,
                timeouts=TIMEOUTS,
            ),
            home=cast(MemberHome, home),
            ordered_log=log,
            clock=clock,
            backlog_to=end,
        )
        reader = LogReader(log, clock=clock)
        reader.listen(actor.hear)
        await asyncio.gather(actor.run(), reader.run())

    async def _end_of(self, log: StormyLog) -> int:
        while True:
            try:
                return await log.append([])
            except (NotDone, OutcomeUnknown):
                await asyncio.sleep(WATCH_S)


def _home(seed: int, number: int) -> Home:
    member_id = f"member-{number}"
    return Home(member_id, SigningKey(hashlib.sha256(f"{seed}/{member_id}".encode()).digest()))


def _seat(home: Home) -> tuple[str, str, str]:
    key = home.key
    proof = key.sign(
        possession_message(chain_id=CHAIN, member_id=home.member_id, public_key=key.public_key)
    )
    return home.member_id, key.public_key.hex(), proof.hex()
