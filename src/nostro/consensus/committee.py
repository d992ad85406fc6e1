"""Who may vote at which height, how many make a quorum, and whose turn is it to propose?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from nostro.consensus.encoding import canonical

POSSESSION_TAG = "nostro/consensus/possession/v1"
MEMBERS_MAX = 31
"""A certificate of more takes over a millisecond to check (field note distributed 2.5)."""
MEMBER_ID_MAX = 64
KEY_BYTES = 32
"""Of an Ed25519 public key (RFC 8032, 5.1.5)."""
ACTIVATION_DISTANCE = 2
"""A change of members certified at height h holds from h + 2: at h + 1 everybody already knows."""


class Verifier(Protocol):
    """Tells whether the holder of a key signed exactly these bytes. Never raises."""

    def __call__(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Return the verdict."""
        ...


class CommitteeError(ValueError):
    """These cannot be the members of an epoch; says why."""


class Seat(msgspec.Struct, frozen=True):
    """A member's place: id, Ed25519 public key, and a signature that proves it holds the key."""

    member_id: str
    public_key: bytes
    proof: bytes


class Committee(msgspec.Struct, frozen=True):
    """The members of one epoch, in the order of their turns, from `activation_height` on."""

    chain_id: str
    epoch: int
    seats: tuple[Seat, ...]
    ruleset_version: int
    activation_height: int

    @property
    def size(self) -> int:
        """Return how many members there are: N."""
        return len(self.seats)

    @property
    def faulty_max(self) -> int:
        """Return how many malicious members change nothing: f = floor((N - 1) / 3)."""
        return (self.size - 1) // 3

    @property
    def quorum(self) -> int:
        """Return how many must agree: floor(2N / 3) + 1. (2f + 1 is too few for N = 5.)"""
        return 2 * self.size // 3 + 1

    def proposer(self, height: int, round_: int) -> str:
        """Return whose turn it is: seat (h + r) mod N."""
        return self.seats[(height + round_) % self.size].member_id

    def key(self, member_id: str) -> bytes | None:
        """Return a member's public key; None for one who is no member."""
        for seat in self.seats:
            if seat.member_id == member_id:
                return seat.public_key
        return None


def committee_of(
    *,
    chain_id: str,
    epoch: int,
    members: Sequence[tuple[str, str, str]],
    ruleset_version: int,
    activation_height: int,
) -> Committee:
    """Return the committee told in the hex of commands and events; raises CommitteeError."""
    try:
        seats = tuple(
            Seat(member_id, bytes.fromhex(key), bytes.fromhex(proof))
            for member_id, key, proof in members
        )
    except ValueError:
        raise CommitteeError("a key or a proof that is not hex") from None
    return Committee(chain_id, epoch, seats, ruleset_version, activation_height)


def possession_message(*, chain_id: str, member_id: str, public_key: bytes) -> bytes:
    """Return what a member signs to prove that it holds the key it brings."""
    return canonical(POSSESSION_TAG, chain_id, member_id, public_key)


def check_committee(committee: Committee, verify: Verifier) -> None:
    """Raise CommitteeError unless ids and keys are well formed and distinct, and proven."""
    if not 1 <= committee.size <= MEMBERS_MAX:
        raise CommitteeError(f"{committee.size} members: from 1 to {MEMBERS_MAX}")
    if not committee.chain_id:
        raise CommitteeError("no chain id")
    for seat in committee.seats:
        if not 1 <= len(seat.member_id) <= MEMBER_ID_MAX or not seat.member_id.isprintable():
            raise CommitteeError(f"member id {seat.member_id!r}")
        if len(seat.public_key) != KEY_BYTES:
            raise CommitteeError(f"{seat.member_id}: a key has {KEY_BYTES} bytes")
        message = possession_message(
            chain_id=committee.chain_id, member_id=seat.member_id, public_key=seat.public_key
        )
        if not verify(seat.public_key, message, seat.proof):
            raise CommitteeError(f"{seat.member_id}: the proof of possession is not good")
    if len({seat.member_id for seat in committee.seats}) != committee.size:
        raise CommitteeError("a member twice")
    if len({seat.public_key for seat in committee.seats}) != committee.size:
        raise CommitteeError("a key twice")


class Epochs:
    """The committees of a chain, each from its activation height to the next one's."""

    def __init__(self, committees: Sequence[Committee]) -> None:
        if not committees:
            raise CommitteeError("a chain begins with a committee")
        self._by_epoch: dict[int, Committee] = {}
        for committee in sorted(committees, key=lambda each: each.epoch):
            self.add(committee)

    @property
    def last(self) -> Committee:
        """Return the newest committee, active or not yet."""
        return self._by_epoch[max(self._by_epoch)]

    @property
    def by_epoch(self) -> Mapping[int, Committee]:
        """Return all committees."""
        return self._by_epoch

    def add(self, committee: Committee) -> None:
        """Take in the next epoch; the same one again changes nothing. Raises CommitteeError."""
        known = self._by_epoch.get(committee.epoch)
        if known is not None:
            if known != committee:
                raise CommitteeError(f"epoch {committee.epoch} has other members")
            return
        if self._by_epoch:
            last = self.last
            if committee.chain_id != last.chain_id or committee.epoch != last.epoch + 1:
                raise CommitteeError(f"epoch {committee.epoch} does not follow {last.epoch}")
            if committee.activation_height <= last.activation_height:
                raise CommitteeError(f"epoch {committee.epoch} begins before {last.epoch}")
        self._by_epoch[committee.epoch] = committee

    def at(self, height: int) -> Committee:
        """Return the committee of a height; raises CommitteeError before the first one's."""
        found = None
        for committee in self._by_epoch.values():
            if committee.activation_height <= height:
                found = committee
        if found is None:
            raise CommitteeError(f"no committee at height {height}")
        return found
