"""What do readers see of the committee, its certificates and its evidence?

Times are microseconds since the epoch (UTC). Keys, proofs and hashes are hex; entries and
certificates are in their canonical encoding, base64.
"""

from __future__ import annotations

import msgspec


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the committee, its public key and its proof of possession."""

    member_id: str
    public_key: str
    proof: str


class CommitteeView(msgspec.Struct, frozen=True, kw_only=True):
    """The members of an epoch, in order; it holds from `activation_height` of their chain on."""

    chain_id: str
    epoch: int
    members: list[Member]
    ruleset_version: int
    activation_height: int
    formed_at_us: int
    height: int


class CertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """What a quorum said of a batch: commit, or `rejected`."""

    consensus_height: int
    batch_id: str
    cycle_id: str
    epoch: int
    round: int
    rejected: bool
    reason: str
    body_hash: str
    entry_hash: str
    entry: str
    certificate: str
    signers: list[str]
    at_us: int
    height: int


class EvidenceView(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that a member signed two values for one step: both signed messages."""

    member_id: str
    epoch: int
    consensus_height: int
    round: int
    step: str
    first: str
    second: str
    at_us: int
    height: int
