"""Does an audit with public keys find every certificate that proves nothing?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import CommitteeFormed, ConsensusAchieved, committee_of
from nostro.kernel.messages import Event
from nostro.runtime.ports import GENESIS_HASH, Entry, sealed
from nostro.runtime.verify import Contradiction
from nostro.wiring.certificates import CertificatesCheck
from tests.rooms.consensus.room.play import (
    CHAIN,
    chain_of,
    committed,
    entry_of,
    formed,
    members_of,
    record,
    refused,
)


def row(height: int) -> Entry:
    return sealed(
        chain="main",
        height=height,
        command_id=f"key-{height}",
        request_hash=bytes(32),
        actor="test",
        room="consensus",
        stream="",
        kind="k",
        at_us=height,
        payload=b"",
        reply=b"",
        prev_hash=GENESIS_HASH,
    )


def journal() -> list[Event]:
    """What a room says of three certified batches and a rejected one."""
    play = formed(4)
    entries = chain_of(3)
    for number in (2, 1, 3):
        play.when(record(number, entries[number - 1], committed(entries[number - 1])))
    bad = entry_of(4, height=4)
    play.when(record(4, bad, refused(bad)))
    return [event for height in sorted(play.rows) for event in play.rows[height]]


def audited(events: list[Event], **given: Any) -> CertificatesCheck:
    check = CertificatesCheck(verify, **given)
    for height, event in enumerate(events, start=1):
        check.hear(row(height), [event])
    check.finish()
    return check


def test_a_sound_journal_is_told_with_what_was_proven() -> None:
    told = audited(journal()).told()
    assert told.startswith("3 commit and 1 reject certificates of 4 members")
    assert "to height 3" in told
    assert "0 heights without" in told


def test_a_journal_with_other_members_than_the_trusted_ones_is_found_out() -> None:
    mine = committee_of(
        chain_id=CHAIN, epoch=0, members=members_of(), ruleset_version=1, activation_height=1
    )
    assert "the keys given" in audited(journal(), trusted=mine).told()
    other = msgspec.structs.replace(mine, seats=mine.seats[::-1])
    with pytest.raises(Contradiction, match="trusted"):
        audited(journal(), trusted=other)


def changed(field: str, value: object) -> list[Event]:
    events = journal()
    place = next(at for at, each in enumerate(events) if isinstance(each, ConsensusAchieved))
    events[place] = msgspec.structs.replace(events[place], **{field: value})
    return events


THIN = record(2, chain_of(2)[1], committed(chain_of(2)[1], ("member-1", "member-2")))


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("certificate", THIN.certificate, "2 of 3"),
        ("certificate", "", "end too early"),
        ("entry", record(1, chain_of(1)[0], committed(chain_of(1)[0])).entry, "."),
        ("entry_hash", "00" * 32, "another entry"),
        ("height", 9, "another entry"),
        ("batch_id", "nobody's", "not submitted"),
    ],
)
def test_a_certificate_that_was_changed_is_a_contradiction(
    field: str, value: object, what: str
) -> None:
    with pytest.raises(Contradiction, match=what):
        audited(changed(field, value))


def test_a_chain_that_does_not_hold_together_is_a_contradiction() -> None:
    events = [each for each in journal() if not isinstance(each, ConsensusAchieved)]
    astray = entry_of(2, height=2, prev_hash=bytes([7]) * 32)
    for number, entry in ((1, chain_of(1)[0]), (2, astray)):
        play = formed(2)
        events += play.when(record(number, entry, committed(entry)))
    with pytest.raises(Contradiction, match="height 2"):
        audited(events)


def test_a_certificate_before_any_committee_is_a_contradiction() -> None:
    events = [each for each in journal() if not isinstance(each, CommitteeFormed)]
    with pytest.raises(Contradiction, match="no committee"):
        audited(events)
