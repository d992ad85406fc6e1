"""What can one order the consensus room to do?"""

from __future__ import annotations

from nostro.kernel.messages import Command


class FormCommittee(Command, frozen=True, kw_only=True, tag="consensus.FormCommittee"):
    """Name the members of the first epoch, by the operator at set-up: (member id, Ed25519 public
    key in hex, proof of possession in hex). Sent twice with the same content: accepted, no event.

    Refused: `consensus.committee_exists`, `consensus.bad_member` (key, proof, or double).
    """

    chain_id: str
    members: list[tuple[str, str, str]]
    ruleset_version: int = 1


class SubmitBatch(Command, frozen=True, kw_only=True, tag="consensus.SubmitBatch"):
    """Ask the members to certify a batch; ordered by flows. `body` is its canonical encoding
    (`nostro.consensus.body`), whose hash the certificate covers."""

    cycle_id: str
    batch_id: str
    body: str

    @property
    def stream(self) -> str:
        """Name the batch."""
        return self.batch_id


class RecordCertificate(Command, frozen=True, kw_only=True, tag="consensus.RecordCertificate"):
    """Take a commit certificate for a batch, or a reject certificate (`rejected`); sent by whoever
    watches the members. Every signature, the quorum, the epoch and the link to the previous entry
    are checked here. `certificate` and `entry` are in their canonical encoding, base64.

    Sent again with the same certificate: accepted, no event; with another valid certificate for
    the same entry likewise. Refused: `consensus.batch_unknown`, `consensus.bad_certificate` (facts
    say what).
    """

    batch_id: str
    height: int
    entry: str
    certificate: str
    rejected: bool = False
    reason: str = ""

    @property
    def stream(self) -> str:
        """Name the batch."""
        return self.batch_id


class RotateKeys(Command, frozen=True, kw_only=True, tag="consensus.RotateKeys"):
    """Take the certified change of the committee: `entry` and `certificate` of the old epoch, whose
    body names the members of the next and the height from which it holds."""

    height: int
    entry: str
    certificate: str
    body: str


class RecordEvidence(Command, frozen=True, kw_only=True, tag="consensus.RecordEvidence"):
    """Note proof that a member signed two values for one step: two signed messages, base64. Sent
    twice: accepted, no event. Refused: `consensus.bad_evidence`."""

    member_id: str
    first: str
    second: str


COMMANDS: tuple[type[Command], ...] = (
    FormCommittee,
    SubmitBatch,
    RecordCertificate,
    RotateKeys,
    RecordEvidence,
)
