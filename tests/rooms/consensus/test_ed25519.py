"""Does everything hold with the keys that members really have?"""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from nostro.consensus.certificate import (
    CertificateError,
    certificate_of,
    decode_certificate,
    verify_commit_certificate,
)
from nostro.consensus.chain import Chain
from nostro.consensus.committee import Epochs, check_committee, committee_of, possession_message
from nostro.consensus.messages import Step, Vote, decode_entry
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys

SECRETS = {name: SigningKey(hashlib.sha256(name.encode()).digest()) for name in keys.ids[:4]}


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def test_a_certificate_of_ed25519_signatures_is_checked_with_public_keys_only() -> None:
    members = []
    for name, secret in SECRETS.items():
        public = bytes(secret.verify_key)
        message = possession_message(chain_id="c", member_id=name, public_key=public)
        members.append((name, public.hex(), secret.sign(message).signature.hex()))
    committee = committee_of(
        chain_id="c", epoch=0, members=members, ruleset_version=1, activation_height=1
    )
    check_committee(committee, verify)
    checked = Rules(verify).check(keys.body(1))
    entry = Chain(Epochs([committee])).entry_for(checked, "member-2")
    votes = []
    for name in ("member-1", "member-3", "member-4"):
        vote = Vote(Step.PRECOMMIT, 0, 1, 0, name, entry.hash())
        votes.append(vote.signed(SECRETS[name].sign(vote.sign_bytes("c")).signature))
    certificate = certificate_of(votes, entry.hash())

    entry, certificate = decode_entry(entry.encode()), decode_certificate(certificate.encode())
    verify_commit_certificate(certificate, entry, committee, verify)

    first = certificate.signatures[0]
    stolen = msgspec.structs.replace(first, member_id="member-2")
    forged = msgspec.structs.replace(certificate, signatures=(stolen, *certificate.signatures[1:]))
    with pytest.raises(CertificateError) as error:
        verify_commit_certificate(forged, entry, committee, verify)
    assert error.value.reason == "signature"


def test_a_certificate_can_be_checked_by_hand() -> None:
    """As docs/consensus.md tells it, with nothing of ours."""
    secret = SECRETS["member-1"]
    vote = Vote(Step.PRECOMMIT, 0, 7, 2, "member-1", bytes(range(32)))

    def text(value: bytes) -> bytes:
        return len(value).to_bytes(4, "big") + value

    def number(value: int) -> bytes:
        return value.to_bytes(8, "big")

    sign_bytes = (
        text(b"nostro/consensus/sign/v1")
        + text(b"settle-test")
        + number(0)
        + number(3)
        + number(7)
        + number(2)
        + text(b"member-1")
        + text(bytes(range(32)))
        + text(b"")
        + text(b"")
    )
    signature = secret.sign(vote.sign_bytes("settle-test")).signature
    assert secret.verify_key.verify(sign_bytes, signature) == sign_bytes
