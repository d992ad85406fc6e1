"""How does anyone check, with public keys only, that a quorum agreed?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from nostro.consensus.committee import Committee, Verifier
from nostro.consensus.encoding import EncodingError, Reader, canonical
from nostro.consensus.messages import (
    HASH_BYTES,
    NIL,
    REASON_MAX,
    SIGNATURES_MAX,
    Entry,
    Step,
    Vote,
)

CERTIFICATE_TAG = "nostro/consensus/certificate/v1"


class CertificateError(ValueError):
    """The certificate proves nothing; `reason` is a short word, the text says more."""

    def __init__(self, reason: str, told: str) -> None:
        super().__init__(told)
        self.reason = reason


class CertificateKind(IntEnum):
    """What the quorum said."""

    COMMIT = 1
    REJECT = 2


class Signature(msgspec.Struct, frozen=True):
    """One member's vote in a certificate; `reason` only where it refuses."""

    member_id: str
    signature: bytes
    reason: str = ""


class Certificate(msgspec.Struct, frozen=True):
    """Votes of a quorum on one entry in one round: precommits for it (COMMIT), or prevotes for
    NIL that refuse it (REJECT). Complete with the entry and the committee's public keys."""

    kind: CertificateKind
    epoch: int
    height: int
    round: int
    value: bytes
    signatures: tuple[Signature, ...]

    @property
    def rejected(self) -> bool:
        """Tell whether the quorum refused."""
        return self.kind is CertificateKind.REJECT

    @property
    def reason(self) -> str:
        """Return why the first of the quorum refused; "" in a commit."""
        return self.signatures[0].reason if self.signatures else ""

    @property
    def signers(self) -> list[str]:
        """Return the members who signed."""
        return [each.member_id for each in self.signatures]

    def vote(self, signature: Signature) -> Vote:
        """Return the vote that a signature of this certificate stands for."""
        if self.kind is CertificateKind.COMMIT:
            step, value, refused = Step.PRECOMMIT, self.value, NIL
        else:
            step, value, refused = Step.PREVOTE, NIL, self.value
        return Vote(
            step,
            self.epoch,
            self.height,
            self.round,
            signature.member_id,
            value,
            refused,
            signature.reason,
            signature.signature,
        )

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        fields: list[str | bytes | int] = [
            CERTIFICATE_TAG,
            self.kind,
            self.epoch,
            self.height,
            self.round,
            self.value,
            len(self.signatures),
        ]
        for each in self.signatures:
            fields += (each.member_id, each.signature, each.reason)
        return canonical(*fields)


def decode_certificate(data: bytes) -> Certificate:
    """Return the certificate that `Certificate.encode` wrote; raises EncodingError."""
    reader = Reader(data)
    reader.expect(CERTIFICATE_TAG)
    try:
        kind = CertificateKind(reader.number())
    except ValueError:
        raise EncodingError("an unknown kind of certificate") from None
    epoch, height, round_, value = reader.number(), reader.number(), reader.number(), reader.raw()
    count = reader.number()
    if count > SIGNATURES_MAX or len(value) != HASH_BYTES:
        raise EncodingError("a misshapen certificate")
    signatures = tuple(Signature(reader.text(), reader.raw(), reader.text()) for _ in range(count))
    reader.end()
    return Certificate(kind, epoch, height, round_, value, signatures)


def certificate_of(votes: Sequence[Vote], value: bytes) -> Certificate:
    """Return the certificate that precommits for `value`, or prevotes refusing it, make.

    The votes are of one step, epoch, height and round; the signatures are sorted by member.
    """
    first = votes[0]
    commit = first.step is Step.PRECOMMIT
    return Certificate(
        CertificateKind.COMMIT if commit else CertificateKind.REJECT,
        first.epoch,
        first.height,
        first.round,
        value,
        tuple(
            Signature(vote.member_id, vote.signature, vote.reason)
            for vote in sorted(votes, key=lambda each: each.member_id)
        ),
    )


def verify_commit_certificate(
    certificate: Certificate, entry: Entry, committee: Committee, verify: Verifier
) -> None:
    """Raise CertificateError unless a quorum of the committee precommitted exactly this entry."""
    if certificate.kind is not CertificateKind.COMMIT:
        raise CertificateError("kind", "this certificate refuses")
    _verify(certificate, entry, committee, verify)


def verify_reject_certificate(
    certificate: Certificate, entry: Entry, committee: Committee, verify: Verifier
) -> None:
    """Raise CertificateError unless a quorum of the committee refused exactly this entry."""
    if certificate.kind is not CertificateKind.REJECT:
        raise CertificateError("kind", "this certificate commits")
    _verify(certificate, entry, committee, verify)


def _verify(certificate: Certificate, entry: Entry, committee: Committee, verify: Verifier) -> None:
    if entry.chain_id != committee.chain_id:
        raise CertificateError("chain", f"of chain {entry.chain_id!r}")
    if not certificate.epoch == entry.epoch == committee.epoch:
        raise CertificateError("epoch", f"of epoch {certificate.epoch}, not {committee.epoch}")
    if certificate.height != entry.height:
        raise CertificateError("height", f"of height {certificate.height}, not {entry.height}")
    if entry.height < committee.activation_height:
        raise CertificateError("height", f"epoch {committee.epoch} had not begun")
    if certificate.value != entry.hash():
        raise CertificateError("entry", "it is about another entry")
    signers = certificate.signers
    if len(set(signers)) != len(signers):
        raise CertificateError("double_signer", "a member is counted twice")
    if len(signers) < committee.quorum:
        raise CertificateError("thin", f"{len(signers)} of {committee.quorum} signatures")
    if signers != sorted(signers):
        raise CertificateError("order", "the signatures are not sorted by member")
    for each in certificate.signatures:
        key = committee.key(each.member_id)
        if key is None:
            raise CertificateError("stranger", f"{each.member_id} is no member of this epoch")
        if bool(each.reason) != certificate.rejected or len(each.reason) > REASON_MAX:
            raise CertificateError("reason", "a refusal has a reason, a commit has none")
        message = certificate.vote(each).sign_bytes(committee.chain_id)
        if not verify(key, message, each.signature):
            raise CertificateError("signature", f"the signature of {each.member_id} is not good")
