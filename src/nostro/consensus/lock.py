"""What has this member signed last, so that it never signs two values for one step?

Kept with fsync before a signature leaves (CometBFT keeps `priv_validator_state.json` for the same
reason). The rule: strictly later than the last signed (height, round, step), or identical bytes.
"""

from __future__ import annotations

import msgspec

from nostro.consensus.encoding import EncodingError, Reader, canonical
from nostro.consensus.messages import (
    NO_ROUND,
    Entry,
    Message,
    decode_entry,
    decode_message,
    encode_message,
    read_signatures,
)

LOCK_TAG = "nostro/consensus/lock/v1"

SAID_MAX = 9
"""Earlier messages that the lock keeps: three rounds of them. They are sent again after a death,
for a driver may die with several of them signed and none sent. The lock stays below 64 kB."""

Position = tuple[int, int, int]


class LockRefused(Exception):
    """Signing this could contradict what was signed before."""


class VoteLock(msgspec.Struct, frozen=True):
    """The durable state of a member.

    `last`: the last message that was to be signed, without signature. `locked`: the entry it
    precommitted, in `locked_round`; `valid`: the newest entry it knows a quorum of prevotes for, in
    `valid_round`, with those prevotes; `said`: the newest messages before `last`. All of one
    height: that of `last`.
    """

    chain_id: str
    last: Message | None = None
    locked_round: int = NO_ROUND
    locked: Entry | None = None
    valid_round: int = NO_ROUND
    valid: Entry | None = None
    justification: tuple[tuple[str, bytes], ...] = ()
    said: tuple[Message, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """Return all that may have been signed and not sent, in order."""
        return (*self.said, self.last) if self.last is not None else ()

    @property
    def position(self) -> Position:
        """Return (height, round, step) of what was signed last; before everything when nothing."""
        return position_of(self.last) if self.last else (0, 0, 0)

    def admits(self, message: Message) -> bool:
        """Tell whether a message is strictly later than the last one, or the very same bytes."""
        if position_of(message) > self.position:
            return True
        return self.last is not None and (
            message.sign_bytes(self.chain_id) == self.last.sign_bytes(self.chain_id)
        )

    def said_before(self, message: Message) -> tuple[Message, ...]:
        """Return what is to be kept beside a message that becomes the last."""
        if self.last is None or self.last.height != message.height:
            return ()
        if position_of(self.last) == position_of(message):
            return self.said
        return self.messages[-SAID_MAX:]

    def encode(self) -> bytes:
        """Return the bytes to keep; they fit 64 kB."""
        pairs = [part for pair in self.justification for part in pair]
        return canonical(
            LOCK_TAG,
            self.chain_id,
            encode_message(self.last) if self.last else b"",
            self.locked_round + 1,
            self.locked.encode() if self.locked else b"",
            self.valid_round + 1,
            self.valid.encode() if self.valid else b"",
            len(self.justification),
            *pairs,
            len(self.said),
            *(encode_message(message) for message in self.said),
        )


def decode_lock(data: bytes) -> VoteLock:
    """Return the lock that `VoteLock.encode` wrote; raises EncodingError."""
    reader = Reader(data)
    reader.expect(LOCK_TAG)
    chain_id, last = reader.text(), reader.raw()
    locked_round, locked = reader.number() - 1, reader.raw()
    valid_round, valid = reader.number() - 1, reader.raw()
    justification, count = read_signatures(reader), reader.number()
    if count > SAID_MAX:
        raise EncodingError(f"{count} messages in a lock")
    said = tuple(decode_message(reader.raw()) for _ in range(count))
    reader.end()
    return VoteLock(
        chain_id,
        decode_message(last) if last else None,
        locked_round,
        decode_entry(locked) if locked else None,
        valid_round,
        decode_entry(valid) if valid else None,
        justification,
        said,
    )


def position_of(message: Message) -> Position:
    """Return where a message stands in the order of all that a member ever signs."""
    return message.height, message.round, int(message.step)


def advance(kept: VoteLock, wanted: VoteLock) -> bool:
    """Tell whether `wanted` must be kept before its message is signed: False when it is kept.

    The signer asks this with what is on the disk. Raises LockRefused when the message is neither
    strictly later than the kept one nor the very same bytes.
    """
    if wanted.last is None or wanted.chain_id != kept.chain_id:
        raise LockRefused("nothing to sign, or for another chain")
    if not kept.admits(wanted.last):
        raise LockRefused(
            f"(height, round, step) {position_of(wanted.last)} after {kept.position} was signed"
        )
    return wanted != kept
