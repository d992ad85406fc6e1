"""Who may be a member, how are members changed, and what proves that one has lied?"""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest

from nostro.consensus.body import config_body
from nostro.consensus.commands import FormCommittee, RecordEvidence, RotateKeys
from nostro.consensus.committee import committee_of
from nostro.consensus.encoding import sha256
from nostro.consensus.events import CommitteeFormed, EvidenceRecorded
from nostro.consensus.messages import NIL, Entry, Message, Step, Vote, encode_message
from tests.rooms.consensus.room.play import (
    CHAIN,
    FORM,
    FOUR,
    Play,
    chain_of,
    committed,
    formed,
    members_of,
    record,
    signed,
)

NEXT = ("member-2", "member-3", "member-4", "member-5")


def test_the_first_committee_is_formed_once_and_a_repeat_is_no_event() -> None:
    play = Play()
    (event,) = play.when(FORM)
    assert isinstance(event, CommitteeFormed)
    assert (event.epoch, event.activation_height, len(event.members)) == (0, 1, 4)
    assert play.when(FORM) == []


def test_a_second_committee_beside_the_first_is_refused() -> None:
    play = formed()
    other = FormCommittee(chain_id=CHAIN, members=members_of(NEXT))
    assert play.refused(other).code == "consensus.committee_exists"


def _bad(*members: tuple[str, str, str], chain_id: str = CHAIN) -> FormCommittee:
    return FormCommittee(chain_id=chain_id, members=list(members))


ONE, TWO = members_of(FOUR[:2])


@pytest.mark.parametrize(
    "command",
    [
        _bad(),
        _bad(ONE, chain_id=""),
        _bad(ONE, ONE),
        _bad(ONE, ("member-9", ONE[1], ONE[2])),
        _bad(ONE, ("member-2", ONE[1], TWO[2])),
        _bad(ONE, ("member-2", TWO[1], ONE[2])),
        _bad(ONE, ("member-2", TWO[1], "00" * 64)),
        _bad(ONE, ("member-2", "xy", TWO[2])),
        _bad(ONE, ("", TWO[1], TWO[2])),
        _bad(*members_of(FOUR, chain="another")),
        _bad(*members_of() * 8),
    ],
)
def test_a_member_without_a_key_of_its_own_and_a_proof_that_it_holds_it_is_refused(
    command: FormCommittee,
) -> None:
    assert Play().refused(command).code == "consensus.bad_member"


# -- rotation --------------------------------------------------------------------------------------


def rotation(height: int, *, prev_hash: bytes = bytes(32), epoch: int = 1) -> tuple[Entry, str]:
    committee = committee_of(
        chain_id=CHAIN,
        epoch=epoch,
        members=members_of(NEXT),
        ruleset_version=1,
        activation_height=0,
    )
    body = config_body(committee, at_us=1)
    entry = Entry(CHAIN, 0, height, prev_hash, sha256(body.encode()), bytes(32), "member-1", 1)
    return entry, body


def rotate(entry: Entry, body: str, signers: tuple[str, ...] = FOUR[:3]) -> RotateKeys:
    return RotateKeys(
        height=entry.height,
        entry=b64encode(entry.encode()).decode(),
        certificate=b64encode(committed(entry, signers).encode()).decode(),
        body=body,
    )


def test_the_old_members_certify_the_new_ones_who_vote_two_heights_later() -> None:
    play = formed()
    entry, body = rotation(1)
    (event,) = play.when(rotate(entry, body))
    assert isinstance(event, CommitteeFormed)
    assert (event.epoch, event.activation_height) == (1, 3)
    assert [member for member, _, _ in event.members] == list(NEXT)
    assert play.when(rotate(entry, body, FOUR[1:])) == []

    one, two, three = chain_of(3)
    assert play.when(record(2, two, committed(two)))
    old = play.refused(record(3, three, committed(three)))
    assert old.facts["what"] == "epoch"
    new = msgspec.structs.replace(three, epoch=1)
    assert play.refused(record(3, new, committed(new, FOUR[:3]))).facts["what"] == "stranger"
    assert play.when(record(3, new, committed(new, NEXT[:3])))
    assert play.when(record(1, one, committed(one))), "what the old members signed still holds"


def test_a_change_of_members_that_proves_nothing_is_refused() -> None:
    play = formed()
    entry, body = rotation(1)
    assert play.refused(rotate(entry, body, FOUR[:2])).code == "consensus.bad_certificate"
    assert play.refused(rotate(entry, body + " ")).facts["what"] == "body"
    batch, *_ = chain_of(1)
    assert play.refused(rotate(batch, body)).facts["what"] == "body"
    leap, leap_body = rotation(1, epoch=2)
    assert play.refused(rotate(leap, leap_body)).code == "consensus.not_next"


# -- evidence --------------------------------------------------------------------------------------

VALUE, OTHER = bytes([1]) * 32, bytes([2]) * 32


def vote(value: bytes, *, member: str = "member-4", height: int = 5, round_: int = 0) -> Vote:
    return signed(Vote(Step.PREVOTE, 0, height, round_, member, value))


def evidence(first: Message, second: Message, member: str = "member-4") -> RecordEvidence:
    return RecordEvidence(
        member_id=member,
        first=b64encode(encode_message(first)).decode(),
        second=b64encode(encode_message(second)).decode(),
    )


def test_two_votes_for_one_step_are_evidence_once_in_whatever_order() -> None:
    play = formed()
    (event,) = play.when(evidence(vote(VALUE), vote(OTHER)))
    assert isinstance(event, EvidenceRecorded)
    assert (event.member_id, event.height, event.round, event.step) == ("member-4", 5, 0, "prevote")
    assert play.when(evidence(vote(OTHER), vote(VALUE))) == []
    assert play.when(evidence(vote(NIL), vote(VALUE))) == []
    assert play.when(evidence(vote(NIL, round_=1), vote(VALUE, round_=1)))


@pytest.mark.parametrize(
    "command",
    [
        evidence(vote(VALUE), vote(VALUE)),
        evidence(vote(VALUE), vote(OTHER, height=6)),
        evidence(vote(VALUE), vote(OTHER, round_=1)),
        evidence(vote(VALUE), vote(OTHER, member="member-3")),
        evidence(vote(VALUE), vote(OTHER).signed(vote(VALUE).signature)),
        evidence(vote(VALUE), vote(OTHER), member="member-1"),
        evidence(vote(VALUE, member="member-7"), vote(OTHER, member="member-7"), "member-7"),
        RecordEvidence(member_id="member-4", first="", second="?"),
    ],
)
def test_what_does_not_contradict_itself_is_no_evidence(command: RecordEvidence) -> None:
    assert formed().refused(command).code == "consensus.bad_evidence"


def test_members_evidence_and_a_second_epoch_travel_in_a_snapshot() -> None:
    play = formed()
    play.when(rotate(*rotation(1)))
    play.when(evidence(vote(VALUE), vote(OTHER)))
    loaded = play.room.load(play.room.dump(play.state))
    assert play.room.digest(loaded) == play.room.digest(play.state)
    play.state = loaded
    assert play.when(evidence(vote(VALUE), vote(OTHER))) == []
    assert play.when(rotate(*rotation(1))) == []
