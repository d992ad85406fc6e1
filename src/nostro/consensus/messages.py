"""What do members say to each other, and which bytes do they sign for it?

Sign bytes: canonical(tag, chain id, epoch, step, height, round, member, value, ...). Chain, epoch,
height, round and step are all in there, so no signature means anything anywhere else.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from nostro.consensus.encoding import EncodingError, Reader, canonical, sha256

ENTRY_TAG = "nostro/consensus/entry/v1"
SIGN_TAG = "nostro/consensus/sign/v1"
WIRE_TAG = "nostro/consensus/message/v1"

NIL = b""
"""The value of a vote for nothing."""
NO_ROUND = -1
HASH_BYTES = 32
SIGNATURES_MAX = 64
REASON_MAX = 64


class Step(IntEnum):
    """What is signed in a round, in this order."""

    PROPOSAL = 1
    PREVOTE = 2
    PRECOMMIT = 3


class Entry(msgspec.Struct, frozen=True):
    """A link of the members' chain. Its hash, SHA-256 over `encode()`, is what votes are for.

    `batch_hash`: SHA-256 over the body. `state_root`: of all certified batches up to this one.
    `batch_time_us`: microseconds, as the body says. `proposer`: whoever proposed it first.
    """

    chain_id: str
    epoch: int
    height: int
    prev_hash: bytes
    batch_hash: bytes
    state_root: bytes
    proposer: str
    batch_time_us: int

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return canonical(
            ENTRY_TAG,
            self.chain_id,
            self.epoch,
            self.height,
            self.prev_hash,
            self.batch_hash,
            self.state_root,
            self.proposer,
            self.batch_time_us,
        )

    def hash(self) -> bytes:
        """Return the value that members vote for: H."""
        return sha256(self.encode())


def decode_entry(data: bytes) -> Entry:
    """Return the entry that `Entry.encode` wrote; raises EncodingError."""
    reader = Reader(data)
    reader.expect(ENTRY_TAG)
    entry = Entry(
        reader.text(),
        reader.number(),
        reader.number(),
        reader.raw(),
        reader.raw(),
        reader.raw(),
        reader.text(),
        reader.number(),
    )
    reader.end()
    if {len(entry.prev_hash), len(entry.batch_hash), len(entry.state_root)} != {HASH_BYTES}:
        raise EncodingError("a hash of another length")
    return entry


class Proposal(msgspec.Struct, frozen=True):
    """The proposer's word: this entry, at this height and round.

    `valid_round`: the earlier round in which a quorum prevoted for it, or NO_ROUND; then
    `justification` holds those prevotes, (member, signature). It proves itself, so it is not
    signed.
    """

    epoch: int
    height: int
    round: int
    member_id: str
    entry: Entry
    valid_round: int = NO_ROUND
    justification: tuple[tuple[str, bytes], ...] = ()
    signature: bytes = b""

    @property
    def step(self) -> Step:
        """Return PROPOSAL."""
        return Step.PROPOSAL

    @property
    def value(self) -> bytes:
        """Return the hash of the entry."""
        return self.entry.hash()

    def sign_bytes(self, chain_id: str) -> bytes:
        """Return what the proposer signs."""
        return canonical(
            SIGN_TAG,
            chain_id,
            self.epoch,
            Step.PROPOSAL,
            self.height,
            self.round,
            self.member_id,
            self.value,
            self.valid_round + 1,
        )

    def signed(self, signature: bytes) -> Proposal:
        """Return the message with its signature."""
        return msgspec.structs.replace(self, signature=signature)


class Vote(msgspec.Struct, frozen=True):
    """A prevote or precommit for a value (the hash of an entry) or NIL.

    A prevote for NIL may say which entry it refuses (`refused`, a hash) and why (`reason`, a code).
    """

    step: Step
    epoch: int
    height: int
    round: int
    member_id: str
    value: bytes
    refused: bytes = NIL
    reason: str = ""
    signature: bytes = b""

    def sign_bytes(self, chain_id: str) -> bytes:
        """Return what the voter signs."""
        return canonical(
            SIGN_TAG,
            chain_id,
            self.epoch,
            self.step,
            self.height,
            self.round,
            self.member_id,
            self.value,
            self.refused,
            self.reason,
        )

    def signed(self, signature: bytes) -> Vote:
        """Return the message with its signature."""
        return msgspec.structs.replace(self, signature=signature)


Message = Proposal | Vote


def encode_message(message: Message) -> bytes:
    """Return a message, signed or not, as the canonical bytes that travel."""
    head = (
        WIRE_TAG,
        message.step,
        message.epoch,
        message.height,
        message.round,
        message.member_id,
        message.signature,
    )
    if isinstance(message, Vote):
        return canonical(*head, message.value, message.refused, message.reason)
    pairs = [part for pair in message.justification for part in pair]
    return canonical(
        *head, message.entry.encode(), message.valid_round + 1, len(message.justification), *pairs
    )


def decode_message(data: bytes) -> Message:
    """Return the message that `encode_message` wrote; raises EncodingError."""
    reader = Reader(data)
    reader.expect(WIRE_TAG)
    try:
        step = Step(reader.number())
    except ValueError:
        raise EncodingError("an unknown step") from None
    epoch, height, round_ = reader.number(), reader.number(), reader.number()
    member_id, signature = reader.text(), reader.raw()
    message: Message
    if step is Step.PROPOSAL:
        entry, valid_round = decode_entry(reader.raw()), reader.number() - 1
        pairs = read_signatures(reader)
        message = Proposal(epoch, height, round_, member_id, entry, valid_round, pairs, signature)
    else:
        value, refused, reason = reader.raw(), reader.raw(), reader.text()
        message = Vote(step, epoch, height, round_, member_id, value, refused, reason, signature)
        _refuse_misshapen(message)
    reader.end()
    return message


def read_signatures(reader: Reader) -> tuple[tuple[str, bytes], ...]:
    """Return the next fields, a number and that many (member, signature); raises EncodingError."""
    count = reader.number()
    if count > SIGNATURES_MAX:
        raise EncodingError(f"{count} signatures")
    return tuple((reader.text(), reader.raw()) for _ in range(count))


def _refuse_misshapen(vote: Vote) -> None:
    if len(vote.value) not in (0, HASH_BYTES) or len(vote.refused) not in (0, HASH_BYTES):
        raise EncodingError("a hash of another length")
    if len(vote.reason) > REASON_MAX or bool(vote.reason) != bool(vote.refused):
        raise EncodingError("a refusal names an entry and a reason")
    if vote.refused and (vote.step is not Step.PREVOTE or vote.value):
        raise EncodingError("only a prevote for nothing refuses")


def kind_name(message: Message) -> str:
    """Return the word for what a message is: proposal, prevote or precommit."""
    return message.step.name.lower()
