"""Who has agreed to a batch, and how does anyone check it?"""

from nostro.consensus.actions import (
    Action,
    Broadcast,
    CaughtUp,
    CertificateSeen,
    Decide,
    FetchBody,
    Halt,
    Heard,
    NewBatch,
    Received,
    Refuse,
    Repeat,
    ReportEvidence,
    ScheduleTimeout,
    StoreBody,
    TimedOut,
    Timeouts,
)
from nostro.consensus.body import (
    batch_body,
    config_body,
)
from nostro.consensus.certificate import (
    Certificate,
    CertificateError,
    CertificateKind,
    certificate_of,
    decode_certificate,
    verify_commit_certificate,
    verify_reject_certificate,
)
from nostro.consensus.chain import (
    CertifiedIds,
    Chain,
    Head,
    committee_after,
    verify_chain,
)
from nostro.consensus.commands import (
    COMMANDS,
    FormCommittee,
    RecordCertificate,
    RecordEvidence,
    RotateKeys,
    SubmitBatch,
)
from nostro.consensus.committee import (
    Committee,
    CommitteeError,
    Epochs,
    Verifier,
    check_committee,
    committee_of,
    possession_message,
)
from nostro.consensus.effects import (
    EFFECTS,
    ProposeBatch,
)
from nostro.consensus.encoding import (
    EncodingError,
)
from nostro.consensus.events import (
    EVENTS,
    CommitteeFormed,
    ConsensusAchieved,
    ConsensusRejected,
    ConsensusSubmitted,
    EvidenceRecorded,
)
from nostro.consensus.evidence import (
    Evidence,
    EvidenceError,
    check_evidence,
)
from nostro.consensus.lock import (
    LockRefused,
    VoteLock,
    advance,
    decode_lock,
)
from nostro.consensus.member import (
    Participant,
)
from nostro.consensus.messages import (
    Entry,
    Message,
    Proposal,
    Step,
    Vote,
    decode_entry,
    decode_message,
    encode_message,
    kind_name,
)
from nostro.consensus.room import (
    ConsensusRoom,
)
from nostro.consensus.standing import (
    Standing,
)
from nostro.consensus.state import (
    ConsensusState,
)
from nostro.consensus.validation import (
    CheckedBody,
    Rules,
)
from nostro.consensus.views import (
    CertificateView,
    CommitteeView,
    EvidenceView,
    Member,
)

__all__ = [
    "COMMANDS",
    "EFFECTS",
    "EVENTS",
    "Action",
    "Broadcast",
    "CaughtUp",
    "Certificate",
    "CertificateError",
    "CertificateKind",
    "CertificateSeen",
    "CertificateView",
    "CertifiedIds",
    "Chain",
    "CheckedBody",
    "Committee",
    "CommitteeError",
    "CommitteeFormed",
    "CommitteeView",
    "ConsensusAchieved",
    "ConsensusRejected",
    "ConsensusRoom",
    "ConsensusState",
    "ConsensusSubmitted",
    "Decide",
    "EncodingError",
    "Entry",
    "Epochs",
    "Evidence",
    "EvidenceError",
    "EvidenceRecorded",
    "EvidenceView",
    "FetchBody",
    "FormCommittee",
    "Halt",
    "Head",
    "Heard",
    "LockRefused",
    "Member",
    "Message",
    "NewBatch",
    "Participant",
    "Proposal",
    "ProposeBatch",
    "Received",
    "RecordCertificate",
    "RecordEvidence",
    "Refuse",
    "Repeat",
    "ReportEvidence",
    "RotateKeys",
    "Rules",
    "ScheduleTimeout",
    "Standing",
    "Step",
    "StoreBody",
    "SubmitBatch",
    "TimedOut",
    "Timeouts",
    "Verifier",
    "Vote",
    "VoteLock",
    "advance",
    "batch_body",
    "certificate_of",
    "check_committee",
    "check_evidence",
    "committee_after",
    "committee_of",
    "config_body",
    "decode_certificate",
    "decode_entry",
    "decode_lock",
    "decode_message",
    "encode_message",
    "kind_name",
    "possession_message",
    "verify_chain",
    "verify_commit_certificate",
    "verify_reject_certificate",
]
