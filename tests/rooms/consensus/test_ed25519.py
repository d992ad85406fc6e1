"""Does everything hold with the keys that members really have?"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from nostro.consensus.certificate import (
    Certificate,
    CertificateError,
    certificate_of,
    decode_certificate,
    verify_commit_certificate,
)
from nostro.consensus.chain import Chain
from nostro.consensus.committee import (
    Committee,
    Epochs,
    check_committee,
    committee_of,
    possession_message,
)
from nostro.consensus.messages import Entry, Step, Vote, decode_entry
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys

SECRETS = {name: SigningKey(hashlib.sha256(name.encode()).digest()) for name in keys.ids[:4]}


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


Made = tuple[Committee, Entry, Certificate]


def certified() -> Made:
    """Return a committee with real keys, and an entry that three of its four members certified."""
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
    return committee, entry, certificate_of(votes, entry.hash())


def test_a_certificate_of_ed25519_signatures_is_checked_with_public_keys_only() -> None:
    committee, entry, certificate = certified()
    entry, certificate = decode_entry(entry.encode()), decode_certificate(certificate.encode())
    verify_commit_certificate(certificate, entry, committee, verify)

    first = certificate.signatures[0]
    stolen = msgspec.structs.replace(first, member_id="member-2")
    forged = msgspec.structs.replace(certificate, signatures=(stolen, *certificate.signatures[1:]))
    with pytest.raises(CertificateError) as error:
        verify_commit_certificate(forged, entry, committee, verify)
    assert error.value.reason == "signature"


def test_the_manual_shows_how_to_check_a_certificate_by_hand() -> None:
    page = (Path(__file__).parents[3] / "docs" / "consensus.md").read_text("utf-8")
    shown: dict[str, Any] = {}
    exec(page.split("```python")[1].split("```")[0], shown)
    committee, entry, certificate = certified()
    keys_told = {seat.member_id: seat.public_key.hex() for seat in committee.seats}
    told = [base64.b64encode(each.encode()) for each in (entry, certificate)]
    assert shown["check"](*told, b"c", keys_told) == ("commit", 1, 0, 3)

    thin = msgspec.structs.replace(certificate, signatures=certificate.signatures[:2])
    with pytest.raises(AssertionError, match="no quorum"):
        shown["check"](told[0], base64.b64encode(thin.encode()), b"c", keys_told)
    with pytest.raises(AssertionError):
        shown["check"](*told, b"other", keys_told)
    first = certificate.signatures[0]
    forged = msgspec.structs.replace(first, signature=certificate.signatures[1].signature)
    wrong = msgspec.structs.replace(certificate, signatures=(forged, *certificate.signatures[1:]))
    with pytest.raises(BadSignatureError):
        shown["check"](told[0], base64.b64encode(wrong.encode()), b"c", keys_told)
