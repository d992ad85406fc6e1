"""Does every certified batch in a journal carry a certificate that public keys alone prove?

Needs no secret, no member and no database: the rows of a journal, or a file that `nostro export`
wrote. Fewer than a third of the members may have lied; what they cannot do is shown here, row by
row: quorum, distinct members, epoch, signatures, entry hash, body hash, links, one entry a height.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

from nostro.consensus import (
    CertificateError,
    Committee,
    CommitteeFormed,
    ConsensusAchieved,
    ConsensusRejected,
    ConsensusSubmitted,
    EncodingError,
    Entry,
    Verifier,
    check_committee,
    committee_of,
    decode_certificate,
    decode_entry,
    verify_commit_certificate,
    verify_reject_certificate,
)
from nostro.kernel.messages import Event
from nostro.runtime.ports import Entry as Row
from nostro.runtime.verify import Contradiction


class CertificatesCheck:
    """A check of an audit (nostro.runtime.verify.Check): hears every row, in order.

    `trusted`: the first committee as the auditor knows it from elsewhere (`committee.json`);
    without one the committee in the journal is believed, and named in what is told.
    """

    name = "certificates"

    def __init__(self, verify: Verifier, *, trusted: Committee | None = None) -> None:
        self._verify = verify
        self._trusted = trusted
        self._committees: list[Committee] = []
        self._submitted: dict[str, str] = {}
        self._entries: dict[int, Entry] = {}
        self._rejected = 0

    def hear(self, entry: Row, events: Sequence[Event]) -> None:
        """Check the certificates of a row; raises Contradiction."""
        for event in events:
            try:
                self._hear(event)
            except (CertificateError, EncodingError, ValueError) as error:
                raise Contradiction(str(error), height=entry.height) from None

    def _hear(self, event: Event) -> None:
        if isinstance(event, CommitteeFormed):
            self._form(event)
        elif isinstance(event, ConsensusSubmitted):
            self._submitted[event.batch_id] = event.body_hash
        elif isinstance(event, ConsensusAchieved | ConsensusRejected):
            self._certified(event)

    def _form(self, event: CommitteeFormed) -> None:
        committee = committee_of(
            chain_id=event.chain_id,
            epoch=event.epoch,
            members=event.members,
            ruleset_version=event.ruleset_version,
            activation_height=event.activation_height,
        )
        check_committee(committee, self._verify)
        if not self._committees and self._trusted not in (None, committee):
            raise Contradiction("the first committee is not the one that is trusted")
        self._committees.append(committee)

    def _certified(self, event: ConsensusAchieved | ConsensusRejected) -> None:
        entry = decode_entry(b64decode(event.entry, validate=True))
        certificate = decode_certificate(b64decode(event.certificate, validate=True))
        rejected = isinstance(event, ConsensusRejected)
        check = verify_reject_certificate if rejected else verify_commit_certificate
        check(certificate, entry, self._committee_at(entry.height), self._verify)
        if self._submitted.pop(event.batch_id, "") != entry.batch_hash.hex():
            raise Contradiction(f"{event.batch_id} is certified with a body that was not submitted")
        if (entry.height, entry.hash().hex()) != (event.height, event.entry_hash):
            raise Contradiction(f"{event.batch_id} is told with another entry than it has")
        if rejected:
            self._rejected += 1
            return
        if entry.height in self._entries:
            raise Contradiction(f"two entries stand at height {entry.height} of the members' chain")
        self._entries[entry.height] = entry

    def _committee_at(self, height: int) -> Committee:
        active = [each for each in self._committees if each.activation_height <= height]
        if not active:
            raise Contradiction(f"no committee votes at height {height} of the members' chain")
        return active[-1]

    def finish(self) -> None:
        """Check the links of the members' chain, in the order of its heights."""
        for height in sorted(self._entries):
            before = self._entries.get(height - 1)
            if before is not None and before.hash() != self._entries[height].prev_hash:
                raise Contradiction(f"height {height} of the members' chain follows another entry")

    def told(self) -> str:
        """Say what was proven, by whose keys, and what is not there."""
        heights = len(self._entries)
        last = max(self._entries, default=0)
        missing = last - min(self._entries, default=1) + 1 - heights if heights else 0
        members = self._committees[-1].size if self._committees else 0
        keys = "the keys given" if self._trusted else "the journal's own keys"
        return (
            f"{heights} commit and {self._rejected} reject certificates of {members} members, by"
            f" {keys}; to height {last} of their chain, {missing} heights without a batch of ours"
        )
