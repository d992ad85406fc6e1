"""Which certificates does the room take for a batch, and which never?"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from nostro.consensus.commands import RecordCertificate, SubmitBatch
from nostro.consensus.events import ConsensusAchieved, ConsensusRejected, ConsensusSubmitted
from nostro.consensus.state import WINDOW_HEIGHTS
from nostro.kernel.messages import Rejection
from tests.rooms.consensus.room.play import (
    CYCLE,
    FOUR,
    Play,
    body_of,
    chain_of,
    committed,
    entry_of,
    formed,
    record,
    refused,
    submit,
)

FIRST = entry_of(1, height=1)


def test_a_batch_is_submitted_once_and_a_repeat_is_no_event() -> None:
    play = formed(0)
    (event,) = play.when(submit(1))
    assert isinstance(event, ConsensusSubmitted)
    told = play.body
    assert play.when(submit(1)) == []
    assert play.body == told


def test_another_body_under_the_same_name_is_refused_before_and_after_the_certificate() -> None:
    play = formed(1)
    other = SubmitBatch(cycle_id=CYCLE, batch_id=f"{CYCLE}.1", body=body_of(2))
    assert play.refused(other).code == "consensus.batch_exists"
    play.when(record(1, FIRST, committed(FIRST)))
    assert play.refused(other).code == "consensus.batch_exists"
    assert play.when(submit(1)) == []


@pytest.mark.parametrize("names", [*permutations(FOUR, 3), FOUR])
def test_every_quorum_is_enough(names: tuple[str, ...]) -> None:
    (event,) = formed().when(record(1, FIRST, committed(FIRST, names)))
    assert isinstance(event, ConsensusAchieved)
    assert event.signers == sorted(names)
    assert event.entry_hash == FIRST.hash().hex()
    assert event.body_hash == FIRST.batch_hash.hex()
    assert (event.height, event.round, event.epoch) == (1, 0, 0)


def test_a_certificate_again_is_no_event_however_it_was_signed() -> None:
    play = formed()
    play.when(record(1, FIRST, committed(FIRST)))
    assert play.when(record(1, FIRST, committed(FIRST))) == []
    assert play.when(record(1, FIRST, committed(FIRST, FOUR[1:], round_=3))) == []
    assert play.body == {"batch_id": f"{CYCLE}.1", "entry_hash": FIRST.hash().hex()}


def _wrong_signature(command: RecordCertificate) -> RecordCertificate:
    raw = bytearray(b64decode(command.certificate))
    raw[-20] ^= 1
    return msgspec.structs.replace(command, certificate=b64encode(raw).decode())


GOOD = record(1, FIRST, committed(FIRST))
WRONG: dict[str, tuple[Callable[[], RecordCertificate], str]] = {
    "two of four": (lambda: record(1, FIRST, committed(FIRST, FOUR[:2])), "thin"),
    "a stranger": (
        lambda: record(1, FIRST, committed(FIRST, ("member-1", "member-2", "member-7"))),
        "stranger",
    ),
    "a forged signature": (lambda: _wrong_signature(GOOD), "signature"),
    "another entry's": (
        lambda: record(1, FIRST, committed(entry_of(2, height=1))),
        "entry",
    ),
    "another height's": (lambda: record(1, FIRST, committed(entry_of(1, height=2))), "height"),
    "another epoch's": (
        lambda: record(
            1, entry_of(1, height=1, epoch=1), committed(entry_of(1, height=1, epoch=1))
        ),
        "epoch",
    ),
    "another batch's": (
        lambda: record(1, entry_of(2, height=1), committed(entry_of(2, height=1))),
        "body",
    ),
    "a height that the entry does not have": (
        lambda: msgspec.structs.replace(GOOD, height=2),
        "height",
    ),
    "a refusal told as a commit": (
        lambda: msgspec.structs.replace(record(1, FIRST, refused(FIRST)), rejected=False),
        "kind",
    ),
    "a commit told as a refusal": (lambda: msgspec.structs.replace(GOOD, rejected=True), "kind"),
    "no base64": (lambda: msgspec.structs.replace(GOOD, entry="?"), "encoding"),
    "nothing": (lambda: msgspec.structs.replace(GOOD, certificate=""), "encoding"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_certificate_that_proves_nothing_is_refused_and_says_what_is_wrong(wrong: str) -> None:
    command, what = WRONG[wrong]
    no = formed().refused(command())
    assert (no.code, no.facts["what"]) == ("consensus.bad_certificate", what)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_byte_of_entry_or_certificate_can_be_changed(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(["entry", "certificate"]))
    raw = bytearray(b64decode(getattr(GOOD, field)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = msgspec.structs.replace(GOOD, **{field: b64encode(raw).decode()})
    assert formed().refused(changed).code == "consensus.bad_certificate"


def test_a_batch_that_was_never_submitted_is_unknown() -> None:
    entry = entry_of(9, height=1)
    assert formed().refused(record(9, entry, committed(entry))).code == "consensus.batch_unknown"


def test_without_a_committee_nothing_is_certified() -> None:
    play = Play()
    play.when(submit(1))
    assert play.refused(GOOD).facts["what"] == "epoch"


def test_certificates_may_come_in_any_order_of_heights() -> None:
    entries = chain_of(4)
    digests = set()
    for order in permutations(range(4)):
        play = formed(4)
        for place in order:
            assert play.when(record(place + 1, entries[place], committed(entries[place])))
        assert play.state.head == 4
        digests.add(play.room.digest(play.state))
    assert len(digests) == 1


def test_an_entry_that_does_not_fit_its_neighbours_is_refused_from_both_sides() -> None:
    one, two, three = chain_of(3)
    astray = entry_of(2, height=2, prev_hash=bytes([7]) * 32)
    after = formed()
    after.when(record(1, one, committed(one)))
    assert after.refused(record(2, astray, committed(astray))).facts["what"] == "chain"
    before = formed()
    before.when(record(3, three, committed(three)))
    assert before.refused(record(2, astray, committed(astray))).facts["what"] == "chain"
    assert before.when(record(2, two, committed(two)))


def test_two_entries_at_one_height_are_a_fork_that_is_refused() -> None:
    play = formed()
    play.when(record(1, FIRST, committed(FIRST)))
    fork = entry_of(2, height=1)
    assert play.refused(record(2, fork, committed(fork))).facts["what"] == "fork"


def test_a_certificate_older_than_the_window_stands_on_its_quorum_alone() -> None:
    play = formed(2)
    late, far = entry_of(1, height=1), entry_of(2, height=1 + WINDOW_HEIGHTS)
    play.when(record(2, far, committed(far)))
    [achieved] = play.when(record(1, late, committed(late)))
    assert achieved == play.rows[play.height][0]
    assert list(play.state.links) == [1 + WINDOW_HEIGHTS]


def test_a_refusal_by_a_quorum_ends_the_batch_and_takes_no_height() -> None:
    play = formed()
    (event,) = play.when(record(1, FIRST, refused(FIRST)))
    assert isinstance(event, ConsensusRejected)
    assert event.reason == "totals"
    assert play.when(record(1, FIRST, refused(FIRST, FOUR[1:]))) == []
    assert play.refused(GOOD).facts["what"] == "entry"
    other = entry_of(2, height=1)
    assert play.when(record(2, other, committed(other)))


def test_a_thin_refusal_refuses_nothing() -> None:
    play = formed()
    assert play.refused(record(1, FIRST, refused(FIRST, FOUR[:2]))).facts["what"] == "thin"
    assert play.when(GOOD)


def test_what_left_memory_decides_like_what_stayed() -> None:
    def lived(ended_hot_max: int) -> tuple[bytes, list[object]]:
        play = formed(40, ended_hot_max=ended_hot_max)
        entries = chain_of(40)
        for number, entry in enumerate(entries, start=1):
            play.when(record(number, entry, committed(entry)))
            play.settle()
        told: list[object] = []
        for number, entry in enumerate(entries, start=1):
            fork = SubmitBatch(cycle_id=CYCLE, batch_id=f"{CYCLE}.{number}", body=body_of(999))
            for command in (submit(number), record(number, entry, committed(entry)), fork):
                try:
                    told.append((play.when(command), play.body))
                except Rejection as no:
                    told.append((no.code, dict(no.facts)))
        return play.room.digest(play.state), told

    assert lived(1) == lived(1_000)


def test_a_snapshot_is_the_state() -> None:
    play = formed(4, ended_hot_max=1)
    entries = chain_of(4)
    for number in (1, 3):
        entry = entries[number - 1]
        play.when(record(number, entry, committed(entry)))
        play.settle()
    loaded = play.room.load(play.room.dump(play.state))
    assert play.room.digest(loaded) == play.room.digest(play.state)
    play.state = loaded
    assert play.when(record(1, entries[0], committed(entries[0]))) == []
    assert play.when(record(2, entries[1], committed(entries[1])))
    with pytest.raises(ValueError, match="format"):
        play.room.load(play.room.dump(play.state).replace(b"nostro-consensus/1", b"another"))
