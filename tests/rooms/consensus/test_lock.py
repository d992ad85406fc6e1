"""What may a member that is locked on a value still prevote, and what does its lock keep?"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.consensus import actions as a
from nostro.consensus.encoding import EncodingError
from nostro.consensus.lock import LockRefused, VoteLock, advance, decode_lock
from nostro.consensus.messages import NIL, Entry, Step, Vote
from tests.rooms.consensus import keys
from tests.rooms.consensus.desk import Desk, hash_of
from tests.rooms.consensus.liars import Mute
from tests.rooms.consensus.town import Driver, Town

BODY, OTHER = keys.body(1), keys.body(2)


def locked_desk() -> tuple[Desk, Entry]:
    """Return member-1, locked on an entry in round 0, in round 1."""
    desk = Desk()
    desk.batch(BODY)
    desk.batch(OTHER)
    entry = desk.entry(BODY, "member-2")
    desk.propose(entry)
    desk.vote(Step.PREVOTE, entry.hash(), "member-2", "member-3")
    assert desk.votes(Step.PRECOMMIT) == [(1, 0, entry.hash())]
    desk.timeout(Step.PRECOMMIT)
    return desk, entry


def test_a_locked_member_prevotes_nothing_else() -> None:
    desk, _ = locked_desk()
    desk.propose(desk.entry(OTHER, "member-3"), 1)
    assert desk.votes(Step.PREVOTE)[-1] == (1, 1, NIL)


def test_a_locked_member_prevotes_its_value_again() -> None:
    desk, entry = locked_desk()
    desk.propose(entry, 1)
    assert desk.votes(Step.PREVOTE)[-1] == (1, 1, entry.hash())


def test_a_quorum_of_later_prevotes_frees_a_locked_member() -> None:
    desk, _ = locked_desk()
    other = desk.entry(OTHER, "member-3")
    desk.timeout(Step.PROPOSAL, 1)
    desk.timeout(Step.PREVOTE, 1)
    desk.timeout(Step.PRECOMMIT, 1)
    prevotes = [
        keys.signed(Vote(Step.PREVOTE, 0, 1, 1, voter, other.hash()))
        for voter in ("member-2", "member-3", "member-4")
    ]
    proof = tuple((vote.member_id, vote.signature) for vote in prevotes)
    desk.propose(other, 2, valid_round=1, justification=proof)
    assert desk.votes(Step.PREVOTE)[-1] == (1, 2, other.hash())


@pytest.mark.parametrize("fault", ["thin", "twice", "forged", "later", "none"])
def test_a_proposal_without_its_proof_is_not_even_heard(fault: str) -> None:
    desk, _ = locked_desk()
    other = desk.entry(OTHER, "member-3")
    desk.hear(a.TimedOut(1, 1, Step.PRECOMMIT))
    voters = ("member-2", "member-3", "member-4")
    round_ = 1
    if fault == "thin":
        voters = voters[:2]  # type: ignore[assignment]
    if fault == "twice":
        voters = ("member-2", "member-3", "member-3")
    proof = [
        (vote.member_id, vote.signature)
        for vote in (
            keys.signed(Vote(Step.PREVOTE, 0, 1, round_, voter, other.hash())) for voter in voters
        )
    ]
    if fault == "forged":
        proof[0] = (proof[0][0], proof[1][1])
    if fault == "none":
        proof = []
    valid_round = 2 if fault == "later" else 1
    desk.propose(other, 2, valid_round=valid_round, justification=tuple(proof))
    assert not any(round_ == 2 for _, round_, _ in desk.votes(Step.PREVOTE))


def test_the_lock_keeps_all_that_a_member_needs_to_go_on() -> None:
    desk, entry = locked_desk()
    lock = desk.participant.lock
    assert lock.locked == lock.valid == entry
    assert decode_lock(lock.encode()) == lock
    again = Desk(lock=decode_lock(lock.encode()))
    assert [action.message for action in again.said(a.Broadcast)] == list(lock.messages)
    assert [action.sign_bytes for action in again.said(a.Broadcast)] == [
        action.sign_bytes for action in desk.said(a.Broadcast)
    ]
    again.batch(BODY)
    again.batch(OTHER)
    again.hear(a.TimedOut(1, 0, Step.PRECOMMIT))
    again.propose(again.entry(OTHER, "member-3"), 1)
    assert again.votes(Step.PREVOTE)[-1] == (1, 1, NIL)


def test_an_empty_lock_is_kept_too() -> None:
    lock = VoteLock(keys.CHAIN_ID)
    assert decode_lock(lock.encode()) == lock
    assert lock.admits(Vote(Step.PREVOTE, 0, 1, 0, "member-1", NIL))


@given(cut=st.integers(0, 400), data=st.binary(max_size=4))
def test_a_damaged_lock_is_not_read_as_another_one(cut: int, data: bytes) -> None:
    kept = locked_desk()[0].participant.lock.encode()
    damaged = kept[:cut] + data
    if damaged != kept:
        with pytest.raises(EncodingError):
            decode_lock(damaged)


def test_double_vote_is_refused_by_the_lock_itself() -> None:
    vote = Vote(Step.PREVOTE, 0, 5, 1, "member-1", hash_of("a"))
    kept = VoteLock(keys.CHAIN_ID, vote)
    for change in (
        {"value": hash_of("b")},
        {"value": NIL},
        {"round": 0},
        {"height": 4, "round": 9},
        {"epoch": 1},
    ):
        wanted = VoteLock(keys.CHAIN_ID, msgspec.structs.replace(vote, **change))
        with pytest.raises(LockRefused):
            advance(kept, wanted)
    with pytest.raises(LockRefused):
        advance(kept, VoteLock("other-chain", msgspec.structs.replace(vote, height=9)))
    assert not advance(kept, kept)
    for later in ({"step": Step.PRECOMMIT}, {"round": 2}, {"height": 6, "round": 0}):
        assert advance(kept, VoteLock(keys.CHAIN_ID, msgspec.structs.replace(vote, **later)))


def test_a_member_killed_with_two_signatures_unsent_sends_both_when_it_lives_again() -> None:
    town = Town(4, liars=1, liar=Mute, chosen=["member-4"])
    victim = town.honest[0]
    kill = [True]

    def dies_now(driver: Driver) -> bool:
        # In one turn it has heard the last prevote: its own prevote and precommit leave together.
        last = decode_lock(driver.kept).last
        if not kill or driver is not victim or last is None or last.step is not Step.PRECOMMIT:
            return False
        kill.clear()
        town.rise(driver, 500)
        return True

    town.dies_now = dies_now  # type: ignore[method-assign]
    town.request(BODY)
    assert town.run(until_ms=60_000, done=town.all_settled)
    assert not kill
    town.check()
