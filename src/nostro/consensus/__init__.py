"""Who has agreed to a batch, and how does anyone check it?"""

from nostro.consensus.body import batch_body
from nostro.consensus.commands import (
    FormCommittee,
    RecordCertificate,
    RecordEvidence,
    RotateKeys,
    SubmitBatch,
)
from nostro.consensus.effects import EFFECTS, ProposeBatch
from nostro.consensus.events import (
    CommitteeFormed,
    ConsensusAchieved,
    ConsensusRejected,
    ConsensusSubmitted,
    EvidenceRecorded,
)
from nostro.consensus.views import (
    CertificateView,
    CommitteeView,
    EvidenceView,
    Member,
)

__all__ = [
    "EFFECTS",
    "CertificateView",
    "CommitteeFormed",
    "CommitteeView",
    "ConsensusAchieved",
    "ConsensusRejected",
    "ConsensusSubmitted",
    "EvidenceRecorded",
    "EvidenceView",
    "FormCommittee",
    "Member",
    "ProposeBatch",
    "RecordCertificate",
    "RecordEvidence",
    "RotateKeys",
    "SubmitBatch",
    "batch_body",
]
