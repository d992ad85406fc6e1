"""What becomes of the members over a log that delays, hides, reorders and lies?

Everything that is published is seen by each reader at a time of its own, in an order of its own;
liars may show different things to different readers. From `calm_at` on, what was hidden comes out
and everything arrives within CALM_DELAY_MS. Time is virtual and chance is seeded.
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from nostro.consensus import actions as a
from nostro.consensus.certificate import verify_commit_certificate, verify_reject_certificate
from nostro.consensus.chain import Chain
from nostro.consensus.committee import Committee, Epochs
from nostro.consensus.encoding import sha256
from nostro.consensus.lock import VoteLock, advance, decode_lock
from nostro.consensus.member import Participant
from nostro.consensus.messages import (
    Entry,
    Message,
    Step,
    Vote,
    decode_message,
    encode_message,
)
from nostro.consensus.standing import Standing
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys

CALM_DELAY_MS = 20
WILD_DELAYS_MS = (50, 300, 1_000, 4_000)


class Driver:
    """Obeys one honest participant, as a member actor does."""

    def __init__(self, town: Town, member_id: str, rules: Rules) -> None:
        self.town = town
        self.member_id = member_id
        self.rules = rules
        self.kept = VoteLock(town.committee.chain_id).encode()
        self.bodies: dict[bytes, str] = {}
        self.signed: dict[tuple[int, int, Step, int], set[bytes]] = defaultdict(set)
        self.life = 0
        self.generation = 0
        self.begin()

    def begin(self, *, restored: bool = False) -> None:
        """Come to life with nothing in memory but what is on the disk."""
        self.life += 1
        self.decided: dict[int, Entry] = {}
        key = keys.public_key_of(self.member_id, self.generation)
        lock = decode_lock(self.kept)
        self.participant = Participant(
            chain=Chain(Epochs([self.town.committee])),
            rules=self.rules,
            standing=Standing(member_id=self.member_id, public_key=key, restored=restored),
            lock=lock if lock.last is not None else None,
        )

    @property
    def height(self) -> int:
        return self.participant.chain.head.height

    def hear(self, heard: a.Heard) -> None:
        self.obey(self.participant.step(heard))

    def obey(self, actions: list[a.Action]) -> None:
        """Take a turn: sign into memory, keep the last lock, then publish; or die in between."""
        waiting, outgoing = deque(actions), list[Message]()
        lock = decode_lock(self.kept)
        while waiting:
            match waiting.popleft():
                case a.Broadcast() as action:
                    advance(lock, action.lock)
                    lock = action.lock
                    outgoing.append(self._signed(action))
                    waiting.extend(self.participant.step(a.Received(outgoing[-1])))
                case a.Repeat(message):
                    outgoing.append(message)
                case a.StoreBody(batch_hash, body):
                    assert sha256(body.encode()) == batch_hash
                    self.bodies[batch_hash] = body
                case a.ScheduleTimeout(height, round_, step, after_ms):
                    self.town.ring(self, a.TimedOut(height, round_, step), after_ms)
                case a.FetchBody(batch_hash):
                    self.town.look_for(self, batch_hash)
                case a.Decide(certificate, entry, body):
                    assert entry.batch_hash in self.bodies
                    self.decided[entry.height] = entry
                    self.town.decided(self, certificate, entry, body)
                case a.Refuse(certificate, entry):
                    self.town.refused(self, certificate, entry)
                case a.ReportEvidence(evidence):
                    self.town.evidence.append(evidence)
                case a.Halt(reason):
                    self.town.halted[self.member_id] = reason
        self.kept = lock.encode()
        if outgoing and not self.town.dies_now(self):
            for message in outgoing:
                self.town.publish(message)

    def _signed(self, action: a.Broadcast) -> Message:
        message = action.message
        self.town.note(message)
        if isinstance(message, Vote) and message.value:
            assert self.town.batch_of(message.value) in self.bodies, "approved but not stored"
        place = (message.height, message.round, message.step, message.epoch)
        self.signed[place].add(action.sign_bytes)
        assert len(self.signed[place]) == 1, "an honest member contradicted itself"
        key = keys.public_key_of(self.member_id, self.generation)
        return message.signed(keys.sign_with(key, action.sign_bytes))


class Town:
    """Some members, honest and not, around a log. `quiet` readers hear nothing until it is calm."""

    def __init__(
        self,
        size: int,
        *,
        seed: int = 0,
        liars: int = 0,
        calm_at: int = 0,
        crash_ppm: int = 0,
        liar: Callable[[Town, str], Any] | None = None,
        rules_of: Callable[[str], Rules] | None = None,
        chosen: list[str] | None = None,
    ) -> None:
        self.random = random.Random(seed)
        self.committee: Committee = keys.committee(size)
        self.now = 0
        self.calm_at = calm_at
        self.crash_ppm = crash_ppm
        self.wild_delay_ms = self.random.choice(WILD_DELAYS_MS)
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.number = 0
        self.log: list[a.Heard] = []
        self.requests: dict[bytes, str] = {}
        self.entries: dict[bytes, Entry] = {}
        self.certified: dict[int, Entry] = {}
        self.barred: set[bytes] = set()
        self.evidence: list[Any] = []
        self.halted: dict[str, str] = {}
        self.precommits: dict[tuple[int, int, int, bytes], set[str]] = defaultdict(set)
        shared = Rules(keys.verify)
        everyone = [seat.member_id for seat in self.committee.seats]
        chosen = self.random.sample(everyone, liars) if chosen is None else chosen
        self.honest = [
            Driver(self, member_id, rules_of(member_id) if rules_of else shared)
            for member_id in everyone
            if member_id not in chosen
        ]
        self.liars = [liar(self, member_id) for member_id in chosen] if liar else []
        self.mute: set[str] = set()
        self.unheard = self.random.choice(self.honest).member_id if seed % 2 else ""
        """Whose messages, and whose certificates, are hidden most of the time."""
        for driver in self.honest:
            driver.obey(driver.participant.start())

    # -- the log -------------------------------------------------------------------------------

    def request(self, body: str) -> None:
        """Put a batch into the log."""
        self.requests[sha256(body.encode())] = body
        self._show(a.NewBatch(body))

    def publish(self, message: Message) -> None:
        """Put a signed message into the log, for everyone, liars included."""
        assert decode_message(encode_message(message)) == message
        self.note(message)
        if message.member_id in self.mute:
            return
        self._show(a.Received(message), by=message.member_id)
        for liar in self.liars:
            liar.hear(message)

    def show_to(self, reader: Driver, message: Message) -> None:
        """Show a signed message to one reader only; the others see it when it is calm."""
        self.note(message)
        self.log.append(a.Received(message))
        self.after(self._delay(), reader, a.Received(message))
        for other in self.honest:
            if other is not reader:
                wait = max(self.calm_at - self.now, 0) + self.random.randrange(CALM_DELAY_MS)
                self.after(wait, other, a.Received(message))

    def note(self, message: Message) -> None:
        if isinstance(message, Vote):
            if message.step is Step.PRECOMMIT and message.value:
                place = (message.height, message.epoch, message.round, message.value)
                self.precommits[place].add(message.member_id)
        else:
            self.entries[message.value] = message.entry

    def batch_of(self, value: bytes) -> bytes:
        return self.entries[value].batch_hash

    def _show(self, heard: a.Heard, *, by: str = "") -> None:
        self.log.append(heard)
        hidden = 0.9 if by and by == self.unheard else 0.2
        for reader in self.honest:
            self.after(self._delay(hidden), reader, heard)

    def _delay(self, hidden: float = 0.2) -> int:
        if self.now >= self.calm_at:
            return self.random.randrange(1, CALM_DELAY_MS)
        if self.random.random() < hidden:
            return self.calm_at - self.now + self.random.randrange(CALM_DELAY_MS)
        return self.random.randrange(self.wild_delay_ms)

    # -- what members want done ----------------------------------------------------------------

    def after(self, delay: int, reader: Driver, heard: a.Heard) -> None:
        life = reader.life

        def happen() -> None:
            if reader.life == life:
                reader.hear(heard)

        self.number += 1
        heapq.heappush(self.queue, (self.now + delay, self.number, happen))

    def ring(self, reader: Driver, told: a.TimedOut, after_ms: int) -> None:
        if self.now < self.calm_at:
            after_ms = after_ms * self.random.randrange(1, 200) // 100
        self.after(after_ms, reader, told)

    def look_for(self, reader: Driver, batch_hash: bytes) -> None:
        body = self.requests.get(batch_hash)
        if body is not None:
            self.after(self._delay(), reader, a.NewBatch(body))

    def decided(self, driver: Driver, certificate: Any, entry: Entry, body: str) -> None:
        committee = driver.participant.chain.epochs.at(entry.height)
        verify_commit_certificate(certificate, entry, committee, keys.verify)
        assert self.certified.setdefault(entry.height, entry) == entry, "a fork"
        assert sha256(body.encode()) == entry.batch_hash
        self._show(a.CertificateSeen(certificate, entry), by=driver.member_id)

    def refused(self, driver: Driver, certificate: Any, entry: Entry) -> None:
        committee = driver.participant.chain.epochs.at(entry.height)
        verify_reject_certificate(certificate, entry, committee, keys.verify)
        self.barred.add(entry.batch_hash)
        self._show(a.CertificateSeen(certificate, entry))

    def dies_now(self, driver: Driver) -> bool:
        """Let a member be killed between its lock and its signature, and rise again."""
        if self.now >= self.calm_at or self.random.randrange(1_000_000) >= self.crash_ppm:
            return False
        self.rise(driver, self.random.randrange(1_000))
        return True

    def rise(self, driver: Driver, delay: int, *, restored: bool = False) -> None:
        """Start a member again: it reads the whole log once more, in its order."""
        driver.begin(restored=restored)
        life = driver.life

        def happen() -> None:
            if driver.life != life:
                return
            driver.obey(driver.participant.start())
            for heard in list(self.log):
                if driver.life == life:
                    driver.hear(heard)
            if driver.life == life:
                driver.hear(a.CaughtUp())

        self.number += 1
        heapq.heappush(self.queue, (self.now + delay, self.number, happen))

    # -- running -------------------------------------------------------------------------------

    def run(self, *, until_ms: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass; tell whether `done` came true."""
        while self.queue:
            if done is not None and done():
                return True
            at, _, happen = self.queue[0]
            if at > until_ms:
                break
            heapq.heappop(self.queue)
            self.now = at
            happen()
        self.now = max(self.now, until_ms)
        return done is not None and done()

    def all_settled(self) -> bool:
        """Tell whether every batch is certified with everyone, or barred with everyone."""
        wanted = len(self.requests) - len(self.barred)
        return all(
            driver.height >= wanted and not driver.participant.waiting for driver in self.honest
        )

    def check(self) -> None:
        """Make sure that no height has quorums for two values, and all honest members agree."""
        by_height: dict[int, set[bytes]] = defaultdict(set)
        for (height, _, _, value), voters in self.precommits.items():
            if len(voters) >= self.committee.quorum:
                by_height[height].add(value)
        assert all(len(values) == 1 for values in by_height.values()), "a fork"
        for driver in self.honest:
            for height, entry in driver.decided.items():
                assert self.certified[height] == entry
