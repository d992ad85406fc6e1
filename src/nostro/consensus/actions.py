"""What does a member hear, and what does it want done?

The driver carries out the actions of one step in order. For `Broadcast` it keeps the lock (fsync),
then signs, then publishes, and hands the signed message back as `Received`.
"""

from __future__ import annotations

import msgspec

from nostro.consensus.certificate import Certificate
from nostro.consensus.evidence import Evidence
from nostro.consensus.lock import LockRefused, VoteLock
from nostro.consensus.messages import Entry, Message, Step


class NewBatch(msgspec.Struct, frozen=True):
    """Somebody asks for a batch, and all of its body is here; or a body that was to be fetched."""

    body: str


class Received(msgspec.Struct, frozen=True):
    """A message of a member, oneself included, came; nothing about it has been checked."""

    message: Message


class TimedOut(msgspec.Struct, frozen=True):
    """The time that `ScheduleTimeout` asked for is over."""

    height: int
    round: int
    step: Step


class CertificateSeen(msgspec.Struct, frozen=True):
    """Somebody shows a certificate, of either kind; nothing about it has been checked."""

    certificate: Certificate
    entry: Entry


class CaughtUp(msgspec.Struct, frozen=True):
    """All that stood in the log when this member began has been handed in. Only a restored member,
    whose lock is lost, waits for it."""


Heard = NewBatch | Received | TimedOut | CertificateSeen | CaughtUp


class Broadcast(msgspec.Struct, frozen=True):
    """Keep `lock` durably, sign `sign_bytes`, publish the signed message, in this order."""

    message: Message
    lock: VoteLock

    @property
    def sign_bytes(self) -> bytes:
        """Return the bytes to sign; raises LockRefused when the lock does not cover them."""
        if self.message not in self.lock.messages:
            raise LockRefused("the lock that would be kept does not name the message")
        return self.message.sign_bytes(self.lock.chain_id)


class Repeat(msgspec.Struct, frozen=True):
    """Publish a message of one's own again, as it was signed: nothing has moved since, perhaps the
    log has lost it."""

    message: Message


class StoreBody(msgspec.Struct, frozen=True):
    """Keep a body durably: the approval that follows promises that it can be had here."""

    batch_hash: bytes
    body: str


class FetchBody(msgspec.Struct, frozen=True):
    """Get the body with this SHA-256 from wherever it is, and hand it in as NewBatch."""

    batch_hash: bytes


class ScheduleTimeout(msgspec.Struct, frozen=True):
    """Hand in TimedOut after so many milliseconds."""

    height: int
    round: int
    step: Step
    after_ms: int


class Timeouts(msgspec.Struct, frozen=True):
    """How long a step may last: they grow by round, so that some round is long enough for any
    network that delivers at all."""

    first_ms: int = 1_000
    growth_ms: int = 500
    last_ms: int = 60_000

    def of(self, round_: int) -> int:
        """Return the milliseconds for a step of a round."""
        return min(self.first_ms + self.growth_ms * round_, self.last_ms)


class Decide(msgspec.Struct, frozen=True):
    """The entry is certified, and its body is here: apply and publish it."""

    certificate: Certificate
    entry: Entry
    body: str


class Refuse(msgspec.Struct, frozen=True):
    """A quorum refuses the entry's batch for ever: publish that."""

    certificate: Certificate
    entry: Entry


class ReportEvidence(msgspec.Struct, frozen=True):
    """A member has signed two values for one step: publish that."""

    evidence: Evidence


class Halt(msgspec.Struct, frozen=True):
    """This member can go no further without an operator: what is certified breaks its rules."""

    reason: str


Action = (
    Broadcast
    | Repeat
    | StoreBody
    | FetchBody
    | ScheduleTimeout
    | Decide
    | Refuse
    | ReportEvidence
    | Halt
)
