"""Which events follow from a command about consensus, and when is the answer no?

The room takes nobody's word: every signature, the quorum, the epoch, the entry's hash, the body it
means and its links to the entries around it are checked here, with public keys only. Certificates
may be recorded in any order of heights; each stands on its own, and must fit its neighbours.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from nostro.consensus import commands as c, events as e
from nostro.consensus.certificate import (
    Certificate,
    CertificateError,
    decode_certificate,
    verify_commit_certificate,
    verify_reject_certificate,
)
from nostro.consensus.chain import FIRST_EPOCH, FIRST_HEIGHT, committee_after
from nostro.consensus.committee import (
    Committee,
    CommitteeError,
    Verifier,
    check_committee,
    committee_of,
)
from nostro.consensus.encoding import EncodingError, sha256
from nostro.consensus.evidence import EvidenceError, check_evidence
from nostro.consensus.messages import Entry, decode_entry, decode_message
from nostro.consensus.state import ConsensusState, Ended, Epoch, Waiting
from nostro.consensus.validation import Rules
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.room import Context, Decision


def decide(state: ConsensusState, command: Command, context: Context, verify: Verifier) -> Decision:
    """Decide one command; raises Rejection."""
    return _DECIDE[type(command)](state, command, context, verify)


# -- committee -------------------------------------------------------------------------------------


def _form(
    state: ConsensusState, command: c.FormCommittee, _context: Context, verify: Verifier
) -> Decision:
    event = e.CommitteeFormed(
        command.chain_id, FIRST_EPOCH, command.members, command.ruleset_version, FIRST_HEIGHT
    )
    body = {"chain_id": command.chain_id, "epoch": FIRST_EPOCH, "members": len(command.members)}
    known = state.epochs.get(FIRST_EPOCH)
    if known is not None:
        if known == _epoch_of(event):
            return Decision(body=body)
        raise Rejection("consensus.committee_exists", chain_id=known.chain_id)
    try:
        check_committee(committee_at(_epoch_of(event)), verify)
    except CommitteeError as error:
        raise Rejection("consensus.bad_member", what=str(error)) from None
    return Decision(events=[event], body=body)


def _epoch_of(event: e.CommitteeFormed) -> Epoch:
    return Epoch(
        event.chain_id, event.epoch, event.members, event.ruleset_version, event.activation_height
    )


def committee_at(epoch: Epoch) -> Committee:
    """Return a committee as the rules of consensus see it; raises CommitteeError."""
    return committee_of(
        chain_id=epoch.chain_id,
        epoch=epoch.epoch,
        members=epoch.members,
        ruleset_version=epoch.ruleset_version,
        activation_height=epoch.activation_height,
    )


# -- batches ---------------------------------------------------------------------------------------


def _submit(
    state: ConsensusState, command: c.SubmitBatch, context: Context, _verify: Verifier
) -> Decision:
    batch_id = command.batch_id
    body_hash = sha256(command.body.encode()).hex()
    body = {"batch_id": batch_id, "body_hash": body_hash}
    known: Waiting | Ended | None = state.waiting.get(batch_id)
    known = known or state.find_ended(batch_id, context.recalled)
    if known is not None:
        if known.body_hash == body_hash:
            return Decision(body=body)
        raise Rejection("consensus.batch_exists", batch_id=batch_id, body_hash=known.body_hash)
    return Decision(events=[e.ConsensusSubmitted(command.cycle_id, batch_id, body_hash)], body=body)


def _record(
    state: ConsensusState, command: c.RecordCertificate, context: Context, verify: Verifier
) -> Decision:
    entry, certificate = _read(command.entry, command.certificate)
    committee = _committee(state, entry.height)
    _check(certificate, entry, committee, verify, rejected=command.rejected)
    if command.height != entry.height:
        raise _bad("height", f"of height {entry.height}, not {command.height}")
    ended = state.find_ended(command.batch_id, context.recalled)
    if ended is not None:
        return _again(ended, command, entry)
    waiting = state.waiting.get(command.batch_id)
    if waiting is None:
        raise Rejection("consensus.batch_unknown", batch_id=command.batch_id)
    if entry.batch_hash.hex() != waiting.body_hash:
        raise _bad("body", "it is about another body", entry.batch_hash.hex())
    if command.rejected:
        return _told(_rejected(waiting, entry, certificate, command))
    _check_links(state, entry)
    return _told(_achieved(waiting, entry, certificate, command))


def _achieved(
    waiting: Waiting, entry: Entry, certificate: Certificate, command: c.RecordCertificate
) -> e.ConsensusAchieved:
    return e.ConsensusAchieved(
        cycle_id=waiting.cycle_id,
        batch_id=waiting.batch_id,
        epoch=entry.epoch,
        height=entry.height,
        round=certificate.round,
        entry_hash=entry.hash().hex(),
        entry=command.entry,
        certificate=command.certificate,
        signers=certificate.signers,
        body_hash=waiting.body_hash,
        prev_hash=entry.prev_hash.hex(),
    )


def _rejected(
    waiting: Waiting, entry: Entry, certificate: Certificate, command: c.RecordCertificate
) -> e.ConsensusRejected:
    return e.ConsensusRejected(
        cycle_id=waiting.cycle_id,
        batch_id=waiting.batch_id,
        epoch=entry.epoch,
        height=entry.height,
        round=certificate.round,
        certificate=command.certificate,
        reason=certificate.reason,
        body_hash=waiting.body_hash,
        entry_hash=entry.hash().hex(),
        entry=command.entry,
    )


def _told(event: e.ConsensusAchieved | e.ConsensusRejected) -> Decision:
    return Decision(
        events=[event], body={"batch_id": event.batch_id, "entry_hash": event.entry_hash}
    )


def _again(ended: Ended, command: c.RecordCertificate, entry: Entry) -> Decision:
    """Answer for a batch that ended: the same entry is no news, however it was signed."""
    entry_hash = entry.hash().hex()
    if ended.entry_hash != entry_hash or ended.rejected != command.rejected:
        raise _bad("entry", "the batch has another certificate", ended.entry_hash)
    return Decision(body={"batch_id": ended.batch_id, "entry_hash": entry_hash})


def _check_links(state: ConsensusState, entry: Entry) -> None:
    """Hold an entry against those around it in the members' chain, as far as they are known: of
    one that is far behind, its quorum alone tells that no other stands at its height."""
    here = state.links.get(entry.height)
    before, after = state.links.get(entry.height - 1), state.links.get(entry.height + 1)
    if here is not None and here.entry_hash != entry.hash().hex():
        raise _bad("fork", "another entry stands at its height", here.entry_hash)
    if here is not None:
        raise _bad("batch", "its entry certified another batch", here.entry_hash)
    if before is not None and before.entry_hash != entry.prev_hash.hex():
        raise _bad("chain", "it does not follow the entry before it", before.entry_hash)
    if after is not None and after.prev_hash != entry.hash().hex():
        raise _bad("chain", "the entry after it does not follow it", after.prev_hash)


# -- certificates ----------------------------------------------------------------------------------


def _read(entry: str, certificate: str) -> tuple[Entry, Certificate]:
    try:
        return (
            decode_entry(b64decode(entry, validate=True)),
            decode_certificate(b64decode(certificate, validate=True)),
        )
    except (EncodingError, binascii.Error, ValueError) as error:
        raise _bad("encoding", str(error)) from None


def _committee(state: ConsensusState, height: int) -> Committee:
    """Return whose height it is; raises Rejection before the first committee's."""
    found = None
    for number in sorted(state.epochs):
        if state.epochs[number].activation_height <= height:
            found = state.epochs[number]
    if found is None:
        raise _bad("epoch", f"no committee at height {height}")
    return committee_at(found)


def _check(
    certificate: Certificate,
    entry: Entry,
    committee: Committee,
    verify: Verifier,
    *,
    rejected: bool,
) -> None:
    check = verify_reject_certificate if rejected else verify_commit_certificate
    try:
        check(certificate, entry, committee, verify)
    except CertificateError as error:
        raise _bad(error.reason, str(error)) from None


def _bad(what: str, told: str, known: str = "") -> Rejection:
    return Rejection("consensus.bad_certificate", what=what, told=told, known=known)


# -- members ---------------------------------------------------------------------------------------


def _rotate(
    state: ConsensusState, command: c.RotateKeys, _context: Context, verify: Verifier
) -> Decision:
    entry, certificate = _read(command.entry, command.certificate)
    _check(certificate, entry, _committee(state, entry.height), verify, rejected=False)
    checked = Rules(verify).check(command.body)
    if command.height != entry.height or checked.batch_hash != entry.batch_hash:
        raise _bad("body", "it is about another body or height", entry.batch_hash.hex())
    if checked.committee is None or checked.committee.chain_id != entry.chain_id:
        raise Rejection("consensus.bad_member", what=checked.fault or "no change of members")
    new = committee_after(entry, checked.committee)
    event = e.CommitteeFormed(
        new.chain_id,
        new.epoch,
        [(seat.member_id, seat.public_key.hex(), seat.proof.hex()) for seat in new.seats],
        new.ruleset_version,
        new.activation_height,
    )
    body = {"chain_id": new.chain_id, "epoch": new.epoch, "members": new.size}
    last = max(state.epochs)
    if state.epochs.get(new.epoch) == _epoch_of(event):
        return Decision(body=body)
    if new.epoch != last + 1 or event.activation_height <= state.epochs[last].activation_height:
        raise Rejection("consensus.not_next", epoch=new.epoch, last=last)
    return Decision(events=[event], body=body)


def _note_evidence(
    state: ConsensusState, command: c.RecordEvidence, _context: Context, verify: Verifier
) -> Decision:
    try:
        first, second = b64decode(command.first, validate=True), b64decode(command.second)
        epoch = state.epochs.get(decode_message(first).epoch)
        if epoch is None:
            raise EvidenceError("of an epoch that is not known")
        proven = check_evidence(first, second, committee_at(epoch), verify)
    except (EncodingError, EvidenceError, ValueError) as error:
        raise Rejection("consensus.bad_evidence", what=str(error)) from None
    if proven.member_id != command.member_id:
        raise Rejection("consensus.bad_evidence", what=f"it is about {proven.member_id}")
    place = (proven.member_id, proven.epoch, proven.height, proven.round, proven.step)
    body = {"member_id": proven.member_id, "height": proven.height, "round": proven.round}
    if place in state.evidence:
        return Decision(body=body)
    told = [b64encode(each).decode() for each in (proven.first, proven.second)]
    return Decision(events=[e.EvidenceRecorded(*place, *told)], body=body)


Decide = Callable[[ConsensusState, Any, Context, Verifier], Decision]
_DECIDE: dict[type[Command], Decide] = {
    c.FormCommittee: _form,
    c.SubmitBatch: _submit,
    c.RecordCertificate: _record,
    c.RotateKeys: _rotate,
    c.RecordEvidence: _note_evidence,
}
