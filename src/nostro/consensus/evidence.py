"""Who signed two values for one step, provably?"""

from __future__ import annotations

import msgspec

from nostro.consensus.committee import Committee, Verifier
from nostro.consensus.messages import Message, decode_message, encode_message


class EvidenceError(ValueError):
    """The two messages prove nothing; says why."""


class Evidence(msgspec.Struct, frozen=True):
    """Two signed messages of one member for one step of one epoch; canonical bytes, the smaller
    first."""

    member_id: str
    epoch: int
    height: int
    round: int
    step: str
    first: bytes
    second: bytes


def evidence_of(one: Message, other: Message) -> Evidence:
    """Return two contradicting messages as evidence."""
    first, second = sorted((encode_message(one), encode_message(other)))
    return Evidence(
        one.member_id, one.epoch, one.height, one.round, one.step.name.lower(), first, second
    )


def check_evidence(first: bytes, second: bytes, committee: Committee, verify: Verifier) -> Evidence:
    """Return what two signed messages prove against a member of the committee.

    Raises EncodingError, or EvidenceError when they do not contradict each other, or a signature is
    not the member's.
    """
    one, other = decode_message(first), decode_message(second)
    places = {
        (each.member_id, each.epoch, each.height, each.round, each.step) for each in (one, other)
    }
    if len(places) != 1 or one.epoch != committee.epoch:
        raise EvidenceError("they are not of one member, epoch, height, round and step")
    if one.sign_bytes(committee.chain_id) == other.sign_bytes(committee.chain_id):
        raise EvidenceError("they say the same")
    key = committee.key(one.member_id)
    if key is None:
        raise EvidenceError(f"{one.member_id} is no member of epoch {committee.epoch}")
    for each in (one, other):
        if not verify(key, each.sign_bytes(committee.chain_id), each.signature):
            raise EvidenceError(f"a signature is not that of {one.member_id}")
    return evidence_of(one, other)
