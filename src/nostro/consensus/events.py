"""What does the consensus room report to have happened?"""

from __future__ import annotations

from nostro.kernel.messages import Event


class CommitteeFormed(Event, frozen=True, array_like=True, tag="consensus.committee_formed"):
    """An epoch begins: its members in order, (member id, public key hex, proof hex), from
    `activation_height` of the members' chain on."""

    chain_id: str
    epoch: int
    members: list[tuple[str, str, str]]
    ruleset_version: int
    activation_height: int


class ConsensusSubmitted(Event, frozen=True, array_like=True, tag="consensus.submitted"):
    """A batch was put to the members (CONSENSUS_SUBMITTED). `body_hash`: hex; the body itself can
    be made again from the batch."""

    cycle_id: str
    batch_id: str
    body_hash: str


class ConsensusAchieved(Event, frozen=True, array_like=True, tag="consensus.achieved"):
    """A quorum certified a batch (CONSENSUS_ACHIEVED); the certificate stands here for ever.
    `prev_hash`: of the entry before it in the members' chain; hashes are hex."""

    cycle_id: str
    batch_id: str
    epoch: int
    height: int
    round: int
    entry_hash: str
    entry: str
    certificate: str
    signers: list[str]
    body_hash: str = ""
    prev_hash: str = ""


class ConsensusRejected(Event, frozen=True, array_like=True, tag="consensus.rejected"):
    """A quorum found a batch invalid, with a reject certificate; it will never be certified."""

    cycle_id: str
    batch_id: str
    epoch: int
    height: int
    round: int
    certificate: str
    reason: str
    body_hash: str = ""
    entry_hash: str = ""
    entry: str = ""


class EvidenceRecorded(Event, frozen=True, array_like=True, tag="consensus.evidence_recorded"):
    """A member is proven to have signed two values for one step."""

    member_id: str
    epoch: int
    height: int
    round: int
    step: str
    first: str
    second: str


EVENTS: tuple[type[Event], ...] = (
    CommitteeFormed,
    ConsensusSubmitted,
    ConsensusAchieved,
    ConsensusRejected,
    EvidenceRecorded,
)
