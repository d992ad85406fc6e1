"""What does a member do with what it reads, and in which order does it act?

First the body on its own disk, then the vote lock on its own disk, then the signature into the log.
The member's rules are pure (`nostro.consensus`); this is the hand that obeys them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from nostro.adapters.members.home import MemberHome
from nostro.adapters.members.intake import Batch, Intake
from nostro.adapters.members.names import (
    Shown,
    Unreadable,
    evidence_value,
    key_of,
    kind_of_key,
    unpacked,
)
from nostro.consensus import (
    Action,
    Broadcast,
    CaughtUp,
    CertificateSeen,
    Decide,
    EncodingError,
    Entry,
    Evidence,
    FetchBody,
    Halt,
    LockRefused,
    Message,
    NewBatch,
    Participant,
    Received,
    Refuse,
    Repeat,
    ReportEvidence,
    ScheduleTimeout,
    StoreBody,
    TimedOut,
    advance,
    decode_lock,
    decode_message,
    encode_message,
    kind_name,
)
from nostro.runtime.ending import in_thread
from nostro.runtime.ordered_log import ITEMS_MAX, LogItem, OrderedLog
from nostro.runtime.ports import Clock, NotDone, OutcomeUnknown

RETRY_PAUSE_FIRST_S = 0.05
RETRY_PAUSE_LAST_S = 2.0
SHOW_AFTER_S = 0.25
"""Whoever proposed an entry shows its certificate; the others only when that has not happened for
so long."""
TURN_ITEMS_MAX = 64
"""Items of the log that are looked at before one save and one append."""
MESSAGE_KINDS = ("proposal", "prevote", "precommit")

log = structlog.get_logger(__name__)


class MemberActor:
    """One member: reads through `hear`, writes into the log, keeps its home in order.

    It sees what it reads in the order of the log; it believes nothing of it: names are checked
    here, signatures, quorums and links in the voter.
    """

    def __init__(
        self,
        *,
        voter: Participant,
        home: MemberHome,
        ordered_log: OrderedLog,
        clock: Clock,
        backlog_to: int = 0,
    ) -> None:
        """`backlog_to`: what stands up to this position was written before; certificates and bodies
        of it are taken in first, and only then what members said."""
        self._voter = voter
        self._home = home
        self._log = ordered_log
        self._clock = clock
        self._intake = Intake()
        self._inbox: asyncio.Queue[LogItem | TimedOut | tuple[str, bytes]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = decode_lock(home.lock.state) if home.lock.state else None
        self._lock_saved = self._lock
        self._outgoing: list[tuple[str, bytes]] = []
        self._backlog_to = backlog_to
        self._backlog: list[LogItem] = []
        self._shown: set[tuple[int, bytes]] = set()
        """Newest heights, and the hashes of entries whose certificate somebody has shown. A refused
        entry leaves its height to the next, so that a height may come twice."""
        self.halted = ""
        """Why this member does nothing any more; "" while it does."""

    @property
    def member_id(self) -> str:
        """Return whose actor this is."""
        return self._home.member_id

    def hear(self, item: LogItem) -> None:
        """Take in an item; never waits."""
        self._inbox.put_nowait(item)

    async def run(self) -> None:
        """Vote until cancelled. Raises OSError when this member's own disk fails: it must not sign
        what it could not note."""
        try:
            await self._obey(self._voter.start())
            if not self._backlog_to:
                await self._catch_up()
            await self._finish_turn()
            while True:
                await self._consider(await self._inbox.get())
                for _ in range(min(TURN_ITEMS_MAX, self._inbox.qsize())):
                    await self._consider(self._inbox.get_nowait())
                await self._finish_turn()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- hearing -----------------------------------------------------------------------------------

    async def _consider(self, told: LogItem | TimedOut | tuple[str, bytes]) -> None:
        if self.halted:
            return
        if isinstance(told, TimedOut):
            await self._obey(self._voter.step(told))
            return
        if isinstance(told, tuple):
            self._show_if_nobody_did(*told)
            return
        await self._read_if_sound(told)
        if told.position == self._backlog_to:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Hear what was said before, of which most is about heights that are certified."""
        self._backlog_to = 0
        backlog, self._backlog = self._backlog, []
        for item in backlog:
            await self._read_if_sound(item)
        await self._obey(self._voter.step(CaughtUp()))

    async def _read_if_sound(self, item: LogItem) -> None:
        try:
            await self._read(item)
        except (Unreadable, EncodingError) as lie:
            log.debug("log_item_ignored", member=self.member_id, why=str(lie))

    async def _read(self, item: LogItem) -> None:
        kind = kind_of_key(item.key, item.value)
        if item.position <= self._backlog_to and kind in MESSAGE_KINDS:
            self._backlog.append(item)
            return
        if kind == "chunk":
            name = item.key.rpartition("/")[2]
            await self._take(self._intake.take_chunk(name, item.value))
        elif kind == "request":
            await self._take(self._intake.take_request(item.value))
        elif kind in MESSAGE_KINDS:
            message = decode_message(item.value)
            await self._obey(self._voter.step(Received(message)))
        elif kind in ("certificate", "rejection"):
            entry, certificate = Shown.read(item.value).decoded()
            self._note_shown(entry)
            await self._obey(self._voter.step(CertificateSeen(certificate, entry)))

    async def _take(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            await self._store(batch.request.body_sha256, batch.packed)
            await self._obey(self._voter.step(NewBatch(batch.body)))

    async def _store(self, body_hash: str, packed: bytes) -> None:
        if body_hash not in self._home.bodies:
            await in_thread(self._home.bodies.put, body_hash, packed)

    # -- acting ------------------------------------------------------------------------------------

    async def _obey(self, actions: Sequence[Action]) -> None:
        """Carry out what the rules want, and what follows from that; signatures wait for
        `_finish_turn`."""
        waiting = deque(actions)
        while waiting and not self.halted:
            action = waiting.popleft()
            match action:
                case Broadcast():
                    if self._outgoing and self._leaves_height(action):
                        # A lock remembers one height: what was signed at the one before must be
                        # out first, or a death in between would lose it for ever.
                        await self._finish_turn()
                    waiting.extend(self._sign(action))
                case Repeat():
                    self._send(action.message)
                case StoreBody():
                    self._refuse_unstored(action)
                case FetchBody():
                    waiting.extend(self._look_at_home(action))
                case ScheduleTimeout():
                    self._later(
                        TimedOut(action.height, action.round, action.step), action.after_ms / 1_000
                    )
                case Decide() | Refuse():
                    self._show(action)
                case ReportEvidence():
                    self._report(action.evidence)
                case Halt():
                    self.halted = action.reason
                    log.error("member_halted", member=self.member_id, why=action.reason)

    def _leaves_height(self, action: Broadcast) -> bool:
        last = self._lock.last if self._lock is not None else None
        return last is not None and last.height != action.message.height

    def _sign(self, action: Broadcast) -> Sequence[Action]:
        """Sign into memory; the lock that covers it, and all before it, is on the disk before
        anything leaves."""
        if self._lock is not None:
            try:
                advance(self._lock, action.lock)
            except LockRefused as no:
                log.error("signature_refused", member=self.member_id, why=str(no))
                return ()
        self._lock = action.lock
        message: Message = action.message.signed(self._home.key.sign(action.sign_bytes))
        self._send(message)
        return self._voter.step(Received(message))

    def _send(self, message: Message) -> None:
        value = encode_message(message)
        key = key_of(kind_name(message), self.member_id, message.height, message.round, value=value)
        self._outgoing.append((key, value))

    def _refuse_unstored(self, action: StoreBody) -> None:
        """Bodies are stored as they come; one that is not would be approved without a copy."""
        if action.batch_hash.hex() not in self._home.bodies:
            raise OSError(f"{self.member_id} does not hold the body {action.batch_hash.hex()}")

    def _look_at_home(self, action: FetchBody) -> Sequence[Action]:
        """Return what follows from a body that is held here; one that is not comes from the log,
        or never."""
        packed = self._home.bodies.get(action.batch_hash.hex())
        if packed is None:
            return ()
        try:
            body = unpacked(packed, action.batch_hash.hex())
        except Unreadable:
            return ()
        return self._voter.step(NewBatch(body))

    def _show(self, action: Decide | Refuse) -> None:
        """Show a certificate: the proposer at once, the others when nobody has."""
        value = Shown.of(action.entry, action.certificate).encode()
        kind = "rejection" if isinstance(action, Refuse) else "certificate"
        key = key_of(kind, action.entry.height, value=value)
        if (action.entry.height, action.entry.hash()) in self._shown:
            return
        if action.entry.proposer == self.member_id or isinstance(action, Refuse):
            self._outgoing.append((key, value))
        else:
            self._later((key, value), SHOW_AFTER_S)

    def _show_if_nobody_did(self, key: str, value: bytes) -> None:
        entry, _ = Shown.read(value).decoded()
        if (entry.height, entry.hash()) not in self._shown:
            self._outgoing.append((key, value))

    def _note_shown(self, entry: Entry) -> None:
        self._shown.add((entry.height, entry.hash()))
        if len(self._shown) > 2 * ITEMS_MAX:
            self._shown = set(sorted(self._shown)[ITEMS_MAX:])

    def _report(self, evidence: Evidence) -> None:
        log.debug(
            "member_lied",
            member=evidence.member_id,
            height=evidence.height,
            round=evidence.round,
            step=evidence.step,
        )
        value = evidence_value(evidence)
        self._outgoing.append((key_of("evidence", evidence.member_id, value=value), value))

    def _later(self, told: TimedOut | tuple[str, bytes], delay_s: float) -> None:
        async def ring() -> None:
            await self._clock.sleep(delay_s)
            self._inbox.put_nowait(told)

        task = asyncio.create_task(ring())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- letting go --------------------------------------------------------------------------------

    async def _finish_turn(self) -> None:
        """Keep the lock, then let the signatures out."""
        if self._lock is not None and self._lock is not self._lock_saved:
            await in_thread(self._home.lock.save, self._lock.encode())
            self._lock_saved = self._lock
        outgoing, self._outgoing = self._outgoing, []
        for start in range(0, len(outgoing), ITEMS_MAX):
            await self._append(outgoing[start : start + ITEMS_MAX])

    async def _append(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Write until it is written: keys are written once, so that again is never twice."""
        pause = RETRY_PAUSE_FIRST_S
        while True:
            try:
                await self._log.append(items)
                return
            except (NotDone, OutcomeUnknown) as outage:
                log.debug("votes_held_up", member=self.member_id, why=str(outage))
            await self._clock.sleep(pause)
            pause = min(pause * 2, RETRY_PAUSE_LAST_S)
