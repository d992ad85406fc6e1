"""Which attacks on the members come to nothing? One row of the attack table after the other.

The lying log, the lock and history by old keys have files of their own: test_lying_log.py,
test_lock.py, test_long_range.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.consensus import actions as a
from nostro.consensus.certificate import (
    Certificate,
    CertificateError,
    decode_certificate,
    verify_commit_certificate,
    verify_reject_certificate,
)
from nostro.consensus.chain import Chain
from nostro.consensus.committee import Epochs
from nostro.consensus.encoding import EncodingError
from nostro.consensus.evidence import EvidenceError, check_evidence
from nostro.consensus.genuine import is_genuine
from nostro.consensus.lock import VoteLock, decode_lock
from nostro.consensus.messages import (
    NIL,
    Entry,
    Message,
    Proposal,
    Step,
    Vote,
    decode_entry,
    decode_message,
    encode_message,
)
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys
from tests.rooms.consensus.desk import Desk, commit, hash_of, reject
from tests.rooms.consensus.liars import Liar, Mute
from tests.rooms.consensus.town import Town

BODY, OTHER = keys.body(1), keys.body(2)
THREE = ("member-1", "member-2", "member-3")


# -- equivocating proposer -------------------------------------------------------------------------


class Equivocator(Liar):
    """Proposes one batch to one reader and another batch to the rest, at height 1."""

    def __init__(self, town: Town, member_id: str) -> None:
        super().__init__(town, member_id)
        for reader, body in zip(town.honest, (BODY, OTHER, OTHER), strict=True):
            chain = Chain(Epochs([town.committee]))
            entry = chain.entry_for(reader.rules.check(body), member_id)
            town.show_to(reader, keys.signed(Proposal(0, 1, 0, member_id, entry)))
            for step in (Step.PREVOTE, Step.PRECOMMIT):
                vote = Vote(step, 0, 1, 0, member_id, entry.hash())
                town.show_to(reader, keys.signed(vote))

    def hear(self, message: Message) -> None:
        """Say nothing more."""


def test_equivocating_proposer_gets_no_two_certificates_and_leaves_evidence() -> None:
    town = Town(4, liars=1, liar=Equivocator, chosen=["member-2"])
    town.request(BODY)
    town.request(OTHER)
    assert town.run(until_ms=60_000, done=town.all_settled)
    town.run(until_ms=120_000)
    town.check()
    assert sorted(town.certified) == [1, 2]
    proven = {(each.member_id, each.step) for each in town.evidence}
    assert ("member-2", "proposal") in proven
    for each in town.evidence:
        assert check_evidence(each.first, each.second, town.committee, keys.verify) == each


def test_evidence_needs_two_signatures_of_one_member_for_one_step() -> None:
    committee = keys.committee(4)
    one = keys.signed(Vote(Step.PREVOTE, 0, 1, 0, "member-1", NIL))
    other = keys.signed(Vote(Step.PREVOTE, 0, 1, 0, "member-1", hash_of("a")))
    later = keys.signed(Vote(Step.PREVOTE, 0, 1, 1, "member-1", hash_of("a")))
    forged = other.signed(one.signature)
    stranger = keys.signed(Vote(Step.PREVOTE, 0, 1, 0, "member-9", NIL))
    check_evidence(encode_message(one), encode_message(other), committee, keys.verify)
    for second in (one, later, forged, stranger):
        with pytest.raises(EvidenceError):
            check_evidence(encode_message(one), encode_message(second), committee, keys.verify)


# -- double vote -----------------------------------------------------------------------------------


def test_double_vote_after_a_crash_between_lock_and_signature_is_refused() -> None:
    first = Desk()
    first.batch(BODY)
    first.batch(OTHER)
    kept = first.propose(first.entry(BODY, "member-2"))
    (broadcast,) = [action for action in kept if isinstance(action, a.Broadcast)][:1]
    # The machine dies here: the lock is on the disk, the signature never left.
    lock = decode_lock(broadcast.lock.encode())
    second = Desk(lock=lock)
    second.batch(OTHER)
    second.batch(BODY)
    second.propose(second.entry(OTHER, "member-2"))
    assert second.votes(Step.PREVOTE) == [(1, 0, broadcast.message.value)]
    assert second.said(a.Broadcast)[0].sign_bytes == broadcast.sign_bytes


# -- forged body -----------------------------------------------------------------------------------


@given(place=st.integers(min_value=0, max_value=len(BODY) - 1), bit=st.integers(0, 6))
def test_forged_body_with_one_flipped_bit_is_another_body(place: int, bit: int) -> None:
    raw = bytearray(BODY.encode())
    raw[place] ^= 1 << bit
    forged = raw.decode("utf-8", "surrogateescape")
    desk = Desk()
    desk.batch(forged)
    desk.propose(desk.entry(BODY, "member-2"))
    assert not desk.votes(Step.PREVOTE), "it approved what it has not got"
    assert desk.said(a.FetchBody) == [a.FetchBody(hash_of(BODY))]


@given(data=st.data())
def test_forged_entry_or_certificate_with_one_flipped_bit_proves_nothing(data: Any) -> None:
    desk = Desk()
    entry = desk.entry(BODY, "member-2")
    certificate = commit(entry, *THREE)
    verify_commit_certificate(certificate, entry, desk.committee, keys.verify)
    parts = [bytearray(entry.encode()), bytearray(certificate.encode())]
    part = data.draw(st.sampled_from(parts))
    part[data.draw(st.integers(0, len(part) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((EncodingError, CertificateError)):
        verify_commit_certificate(
            decode_certificate(bytes(parts[1])),
            decode_entry(bytes(parts[0])),
            desk.committee,
            keys.verify,
        )


def test_forged_arrival_is_refused_with_the_reason() -> None:
    desk = Desk()
    wrong = keys.wrong_body(1)
    desk.batch(wrong)
    entry = desk.entry(wrong, "member-2")
    desk.propose(entry)
    (vote,) = [each.message for each in desk.said(a.Broadcast)]
    assert isinstance(vote, Vote)
    assert (vote.value, vote.refused, vote.reason) == (NIL, entry.hash(), "destination_amount")


# -- thin certificate ------------------------------------------------------------------------------


def thin_certificates() -> dict[str, Callable[[Entry], Certificate]]:
    def with_signature(entry: Entry, **changes: Any) -> Certificate:
        right = commit(entry, *THREE)
        first = msgspec.structs.replace(right.signatures[0], **changes)
        return msgspec.structs.replace(right, signatures=(first, *right.signatures[1:]))

    def other(entry: Entry, **changes: Any) -> Certificate:
        wrong = commit(msgspec.structs.replace(entry, **changes), *THREE)
        return msgspec.structs.replace(wrong, height=entry.height, value=entry.hash())

    return {
        "thin": lambda entry: commit(entry, "member-1", "member-2"),
        "double_signer": lambda entry: commit(entry, "member-1", "member-2", "member-2"),
        "stranger": lambda entry: commit(entry, "member-1", "member-2", "member-9"),
        "epoch": lambda entry: commit(entry, *THREE, epoch=1),
        "signature of the old key": lambda entry: commit(entry, *THREE, generation=1),
        "signature over another height": lambda entry: other(entry, height=entry.height + 1),
        "signature over another batch": lambda entry: other(entry, batch_hash=bytes(32)),
        "signature missing": lambda entry: with_signature(entry, signature=b""),
        "reason": lambda entry: with_signature(entry, reason="totals"),
        "round": lambda entry: msgspec.structs.replace(commit(entry, *THREE), round=1),
        "order": lambda entry: msgspec.structs.replace(
            commit(entry, *THREE), signatures=tuple(reversed(commit(entry, *THREE).signatures))
        ),
        "kind": lambda entry: reject(entry, *THREE),
    }


@pytest.mark.parametrize("fault", list(thin_certificates()))
def test_thin_certificate_proves_nothing(fault: str) -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = desk.entry(BODY, "member-2")
    certificate = thin_certificates()[fault](entry)
    with pytest.raises(CertificateError) as error:
        verify_commit_certificate(certificate, entry, desk.committee, keys.verify)
    told = {"round": "signature"}.get(fault, fault.split()[0])
    assert error.value.reason == told
    desk.hear(a.CertificateSeen(certificate, entry))
    assert desk.chain.head.height == 0


def test_thin_reject_certificate_bars_nothing() -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = desk.entry(BODY, "member-2")
    for certificate in (reject(entry, "member-1", "member-2"), commit(entry, *THREE)):
        with pytest.raises(CertificateError):
            verify_reject_certificate(certificate, entry, desk.committee, keys.verify)
    desk.hear(a.CertificateSeen(reject(entry, "member-1", "member-2"), entry))
    assert desk.participant.waiting == 1
    desk.hear(a.CertificateSeen(reject(entry, *THREE), entry))
    assert desk.participant.waiting == 0


# -- withheld votes --------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "silent"), [(4, 1), (5, 1), (7, 2), (10, 3)])
def test_withheld_votes_of_f_members_stop_nothing(size: int, silent: int) -> None:
    town = Town(size, liars=silent, liar=Mute)
    for number in range(1, 6):
        town.request(keys.body(number))
    assert town.run(until_ms=300_000, done=town.all_settled)
    assert len(town.certified) == 5


@pytest.mark.parametrize(("size", "silent"), [(4, 2), (7, 3)])
def test_withheld_votes_of_more_than_f_halt_and_nothing_is_lost(size: int, silent: int) -> None:
    town = Town(size)
    town.mute = {driver.member_id for driver in town.honest[:silent]}
    town.request(BODY)
    assert not town.run(until_ms=100_000, done=town.all_settled)
    assert not town.certified
    town.mute = set()
    assert town.run(until_ms=2_000_000, done=town.all_settled)
    town.check()
    assert list(town.certified) == [1]


# -- withheld body ---------------------------------------------------------------------------------


def test_withheld_body_is_asked_for_and_never_approved_unseen() -> None:
    desk = Desk()
    entry = desk.entry(BODY, "member-2")
    desk.propose(entry)
    assert desk.said(a.FetchBody) == [a.FetchBody(hash_of(BODY))]
    desk.timeout(Step.PROPOSAL)
    assert desk.votes(Step.PREVOTE) == [(1, 0, NIL)]
    desk.vote(Step.PREVOTE, entry.hash(), "member-2", "member-3", "member-4")
    assert not desk.said(a.StoreBody)
    assert not desk.votes(Step.PRECOMMIT)


def test_withheld_body_that_comes_late_is_stored_before_it_is_approved() -> None:
    desk = Desk()
    desk.propose(desk.entry(BODY, "member-2"))
    actions = desk.hear(a.NewBatch(BODY))
    kinds = [type(action) for action in actions]
    assert kinds.index(a.StoreBody) < kinds.index(a.Broadcast)


def test_withheld_body_of_a_certified_entry_delays_only_whoever_lacks_it() -> None:
    desk = Desk()
    entry = desk.entry(BODY, "member-2")
    desk.hear(a.CertificateSeen(commit(entry, *THREE), entry))
    assert desk.chain.head.height == 0
    assert desk.said(a.FetchBody) == [a.FetchBody(hash_of(BODY))]
    desk.batch(BODY)
    assert desk.chain.head.height == 1


# -- replay ----------------------------------------------------------------------------------------


def captured() -> list[Message]:
    """Return every message of a town that certified two batches, one of them in a later round."""
    town = Town(4, liars=1, liar=Mute, chosen=["member-2"])
    town.request(BODY)
    town.request(keys.wrong_body(7))
    town.request(OTHER)
    assert town.run(until_ms=100_000, done=town.all_settled)
    return [heard.message for heard in town.log if isinstance(heard, a.Received)]


def test_replay_in_another_height_round_epoch_step_chain_or_name_is_no_signature() -> None:
    messages = captured()
    assert {message.step for message in messages} == set(Step)
    here, elsewhere = keys.committee(4), keys.committee(4, chain_id="other-chain")
    next_epoch = keys.committee(4, epoch=1)
    for message in messages:
        assert is_genuine(message, here, keys.verify)
        changes: list[dict[str, Any]] = [
            {"height": message.height + 1},
            {"round": message.round + 1},
            {"round": message.round + 4},
            {"epoch": 1},
            {"member_id": "member-4" if message.member_id != "member-4" else "member-1"},
        ]
        if isinstance(message, Vote):
            swapped = {Step.PREVOTE: Step.PRECOMMIT, Step.PRECOMMIT: Step.PREVOTE}
            changes += [{"step": swapped[message.step]}, {"value": bytes(32)}]
        for change in changes:
            changed = msgspec.structs.replace(message, **change)
            assert not is_genuine(changed, here, keys.verify), change
            assert not is_genuine(changed, next_epoch, keys.verify), change
        assert not is_genuine(message, elsewhere, keys.verify)
        assert not is_genuine(message, next_epoch, keys.verify)


def test_replay_of_what_was_said_changes_nothing() -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = desk.entry(BODY, "member-2")
    desk.propose(entry)
    for _ in range(5):
        desk.vote(Step.PREVOTE, entry.hash(), "member-2")
    assert not desk.votes(Step.PRECOMMIT)
    assert not desk.said(a.ReportEvidence)


def test_every_message_survives_its_way_through_bytes() -> None:
    for message in captured():
        assert decode_message(encode_message(message)) == message


# -- stale proposer --------------------------------------------------------------------------------


def test_stale_proposer_out_of_turn_is_not_heard() -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = desk.entry(BODY, "member-3")
    desk.say(Proposal(0, 1, 0, "member-3", entry))
    assert not desk.votes(Step.PREVOTE)


@pytest.mark.parametrize(
    "change",
    [
        {"prev_hash": hash_of("x")},
        {"state_root": hash_of("x")},
        {"epoch": 1},
        {"chain_id": "other"},
        {"batch_time_us": 7},
        {"proposer": "member-9"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_stale_proposer_gets_no_vote_but_the_batch_is_not_blamed(change: dict[str, Any]) -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = msgspec.structs.replace(desk.entry(BODY, "member-2"), **change)
    desk.propose(entry)
    (vote,) = [each.message for each in desk.said(a.Broadcast)]
    assert isinstance(vote, Vote)
    assert (vote.value, vote.refused) == (NIL, NIL)
    assert desk.participant.waiting == 1


def test_stale_proposer_cannot_bring_a_certified_batch_again() -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = desk.entry(BODY, "member-2")
    desk.hear(a.CertificateSeen(commit(entry, *THREE), entry))
    again = desk.entry(BODY, "member-3")
    desk.propose(again)
    (vote,) = [each.message for each in desk.said(a.Broadcast)]
    assert isinstance(vote, Vote)
    assert (vote.height, vote.value, vote.refused) == (2, NIL, NIL)


def test_stale_proposer_cannot_bring_a_certified_transaction_in_another_batch() -> None:
    desk = Desk()
    desk.batch(BODY)
    entry = desk.entry(BODY, "member-2")
    desk.hear(a.CertificateSeen(commit(entry, *THREE), entry))
    again = OTHER.replace('"tx-2-0"', '"tx-1-0"')
    desk.batch(again)
    desk.propose(desk.entry(again, "member-3"))
    (vote,) = [each.message for each in desk.said(a.Broadcast)]
    assert isinstance(vote, Vote)
    assert (vote.value, vote.reason) == (NIL, "transaction_known")


# -- restored member -------------------------------------------------------------------------------


def test_restored_member_signs_nothing_until_the_chain_is_beyond_all_it_may_have_signed() -> None:
    desk = Desk(restored=True)
    bodies = [keys.body(number) for number in range(1, 6)]
    for body in bodies:
        desk.batch(body)
    for height, body in enumerate(bodies, start=1):
        if height == 3:
            desk.hear(a.CaughtUp())
        entry = desk.entry(body, desk.committee.proposer(height, 0))
        desk.propose(entry)
        desk.vote(Step.PREVOTE, entry.hash(), "member-2", "member-3", "member-4")
        desk.vote(Step.PRECOMMIT, entry.hash(), "member-2", "member-3", "member-4")
        assert desk.chain.head.height == height
    # Peers were heard at height 2 when it had caught up: it may have signed up to 3.
    assert {height for height, _, _ in desk.votes(Step.PREVOTE)} == {4, 5}


def test_restored_member_that_has_not_heard_a_quorum_of_peers_stays_silent() -> None:
    desk = Desk(restored=True)
    for number in range(1, 8):
        desk.batch(keys.body(number))
    desk.hear(a.CaughtUp())
    for height in range(1, 8):
        entry = desk.entry(keys.body(height), "member-2")
        desk.vote(Step.PREVOTE, entry.hash(), "member-2", "member-3")
        desk.hear(a.CertificateSeen(commit(entry, "member-2", "member-3", "member-4"), entry))
    assert desk.chain.head.height == 7
    assert not desk.said(a.Broadcast)


def test_restored_member_that_lies_about_nothing_rejoins_a_town() -> None:
    town = Town(4)
    for number in range(1, 4):
        town.request(keys.body(number))
    assert town.run(until_ms=60_000, done=town.all_settled)
    victim = town.honest[0]
    signed_before = {place[0] for place in victim.signed}
    victim.kept = VoteLock(keys.CHAIN_ID).encode()
    town.rise(victim, 10, restored=True)
    town.run(until_ms=70_000)
    for number in range(4, 9):
        town.request(keys.body(number))
        assert town.run(until_ms=town.now + 60_000, done=town.all_settled)
    signed_after = {place[0] for place in victim.signed} - signed_before
    assert signed_after
    assert min(signed_after) > max(signed_before)


# -- version skew ----------------------------------------------------------------------------------


class StricterRules(Rules):
    """A later program by mistake: it calls every batch with an odd number wrong."""

    def check(self, body: str) -> Any:
        checked = super().check(body)
        if checked.at_us % 2:
            return msgspec.structs.replace(checked, fault="odd")
        return checked


@pytest.mark.parametrize("stricter", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_version_skew_halts_or_rejects_and_never_forks(stricter: int, seed: int) -> None:
    strict = {f"member-{number}" for number in range(1, stricter + 1)}
    town = Town(
        4,
        seed=seed,
        calm_at=5_000,
        rules_of=lambda member_id: (StricterRules if member_id in strict else Rules)(keys.verify),
    )
    for number in range(1, 5):
        town.request(keys.body(number))
    town.run(until_ms=100_000)
    town.check()
    if stricter == 1:
        assert len(town.certified) == 4
        assert list(town.halted) == ["member-1"]
    if stricter == 3:
        assert len(town.barred) == 2


def test_version_skew_in_the_committees_ruleset_halts_at_once() -> None:
    desk = Desk(committee=keys.committee(4, ruleset_version=2))
    (halt,) = desk.said(a.Halt)
    assert "ruleset 2" in halt.reason
    desk.batch(BODY)
    desk.propose(desk.entry(BODY, "member-2"))
    assert not desk.said(a.Broadcast)


def test_version_skew_shows_in_the_state_root() -> None:
    one, other = Desk(), Desk(committee=keys.committee(4, ruleset_version=2))
    assert one.entry(BODY, "member-2").state_root != other.entry(BODY, "member-2").state_root
