"""Given events, when a command, then events or a refusal: the consensus room alone; and members
whose keys the test holds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from nostro.adapters.signing.ed25519 import SigningKey, verify
from nostro.consensus.body import batch_body
from nostro.consensus.certificate import Certificate, certificate_of
from nostro.consensus.commands import FormCommittee, RecordCertificate, SubmitBatch
from nostro.consensus.committee import possession_message
from nostro.consensus.encoding import sha256
from nostro.consensus.messages import NIL, Entry, Step, Vote
from nostro.consensus.room import ConsensusRoom
from nostro.consensus.state import ConsensusState
from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Position

CHAIN = "main"
CYCLE = "2026-11-20T1500Z"
KEYS = {f"member-{number}": SigningKey(bytes([number]) * 32) for number in range(1, 8)}
FOUR = ("member-1", "member-2", "member-3", "member-4")


def members_of(names: Sequence[str] = FOUR, *, chain: str = CHAIN) -> list[tuple[str, str, str]]:
    """Return members as a command names them."""
    found = []
    for name in names:
        key = KEYS[name]
        message = possession_message(chain_id=chain, member_id=name, public_key=key.public_key)
        found.append((name, key.public_key.hex(), key.sign(message).hex()))
    return found


FORM = FormCommittee(chain_id=CHAIN, members=members_of())


def body_of(number: int) -> str:
    """Return the body of a batch of one payment."""
    return batch_body(
        cycle_id=CYCLE,
        batch_id=f"{CYCLE}.{number}",
        number=number,
        of=1_000,
        value_date="2026-11-20",
        rate_set_id="rates",
        rates=[],
        items=[(f"tx-{number}", "A", "EUR", 100, "B", "EUR", 100)],
        at_us=1,
    )


def submit(number: int) -> SubmitBatch:
    return SubmitBatch(cycle_id=CYCLE, batch_id=f"{CYCLE}.{number}", body=body_of(number))


def entry_of(number: int, *, height: int, prev_hash: bytes = bytes(32), epoch: int = 0) -> Entry:
    body_hash = sha256(body_of(number).encode())
    return Entry(CHAIN, epoch, height, prev_hash, body_hash, bytes(32), "member-1", 1)


def chain_of(count: int) -> list[Entry]:
    """Return entries at heights 1, 2, ... for batches 1, 2, ..."""
    entries: list[Entry] = []
    prev_hash = bytes(32)
    for number in range(1, count + 1):
        entries.append(entry_of(number, height=number, prev_hash=prev_hash))
        prev_hash = entries[-1].hash()
    return entries


def signed(vote: Vote, *, chain: str = CHAIN) -> Vote:
    return vote.signed(KEYS[vote.member_id].sign(vote.sign_bytes(chain)))


def committed(entry: Entry, names: Sequence[str] = FOUR[:3], *, round_: int = 0) -> Certificate:
    """Return precommits of these members for an entry."""
    value = entry.hash()
    votes = [
        signed(Vote(Step.PRECOMMIT, entry.epoch, entry.height, round_, name, value))
        for name in names
    ]
    return certificate_of(votes, value)


def refused(entry: Entry, names: Sequence[str] = FOUR[:3], reason: str = "totals") -> Certificate:
    """Return prevotes of these members that refuse an entry."""
    value = entry.hash()
    votes = [
        signed(Vote(Step.PREVOTE, entry.epoch, entry.height, 0, name, NIL, value, reason))
        for name in names
    ]
    return certificate_of(votes, value)


def record(number: int, entry: Entry, certificate: Certificate) -> RecordCertificate:
    return RecordCertificate(
        batch_id=f"{CYCLE}.{number}",
        height=entry.height,
        entry=b64encode(entry.encode()).decode(),
        certificate=b64encode(certificate.encode()).decode(),
        rejected=certificate.rejected,
    )


class Play:
    """One room over one state; each command is a journal row of its own."""

    def __init__(self, *, ended_hot_max: int = 1_000) -> None:
        self.room = ConsensusRoom(verify=verify, ended_hot_max=ended_hot_max)
        self.state: ConsensusState = self.room.new()
        self.height = 0
        self.rows: dict[int, list[Event]] = {}
        self.body: Any = None

    def when(self, command: Command) -> list[Event]:
        """Decide a command, apply its events and return them; raises Rejection."""
        self.height += 1
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            recalled.update(self.room.recall([key], self.rows[height]))
        context = Context(self.height, self.height * 1_000, "performer", recalled)
        decision = self.room.decide(self.state, command, context)
        self.rows[self.height] = list(decision.events)
        for event in decision.events:
            self.room.evolve(self.state, event, Position(self.height, self.height * 1_000))
        self.body = decision.body
        return list(decision.events)

    def refused(self, command: Command) -> Rejection:
        """Decide a command that must be refused and leave no trace; return why."""
        before = self.room.digest(self.state)
        with pytest.raises(Rejection) as caught:
            self.when(command)
        assert self.room.digest(self.state) == before
        return caught.value

    def settle(self) -> Play:
        """Everything so far is durable."""
        self.room.settle(self.state, self.height)
        return self


def formed(count: int = 3, *, ended_hot_max: int = 1_000) -> Play:
    """A room with its committee and batches 1 to `count` before the members."""
    play = Play(ended_hot_max=ended_hot_max)
    play.when(FORM)
    for number in range(1, count + 1):
        play.when(submit(number))
    return play
