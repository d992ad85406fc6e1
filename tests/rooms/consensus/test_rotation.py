"""How do keys and members change without a moment in which the old ones still count?"""

from __future__ import annotations

import msgspec
import pytest

from nostro.consensus import actions as a
from nostro.consensus.body import config_body
from nostro.consensus.certificate import Certificate, CertificateError
from nostro.consensus.chain import Chain, verify_chain
from nostro.consensus.committee import CommitteeError, Epochs, check_committee
from nostro.consensus.messages import Entry, Step
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys
from tests.rooms.consensus.desk import Desk, commit
from tests.rooms.consensus.town import Town

THREE = ("member-1", "member-2", "member-3")
RULES = Rules(keys.verify)
NEXT = config_body(keys.committee(4, epoch=1, generation=1), at_us=7)

Story = list[tuple[Entry, Certificate, str | None]]


def story(*bodies: str, old_keys_from: int = 99) -> Story:
    """Return a certified chain whose members use their new keys as soon as these hold, but the
    old ones from a height on."""
    chain = Chain(Epochs([keys.committee(4)]))
    made: Story = []
    for height, body in enumerate(bodies, start=1):
        checked = RULES.check(body)
        entry = chain.entry_for(checked, chain.committee.proposer(height, 0))
        epoch = chain.committee.epoch
        generation = 0 if height >= old_keys_from else epoch
        made.append((entry, commit(entry, *THREE, epoch=epoch, generation=generation), body))
        chain.advance(entry, checked)
    return made


def test_new_keys_hold_two_heights_after_they_were_certified() -> None:
    told = story(keys.body(1), NEXT, keys.body(2), keys.body(3))
    assert [entry.epoch for entry, _, _ in told] == [0, 0, 0, 1]
    assert verify_chain(told, keys.committee(4), RULES).height == 4


def test_old_keys_count_for_nothing_once_the_new_ones_hold() -> None:
    told = story(keys.body(1), NEXT, keys.body(2), keys.body(3), old_keys_from=4)
    with pytest.raises(CertificateError) as error:
        verify_chain(told, keys.committee(4), RULES)
    assert error.value.reason == "signature"


def test_an_old_epoch_cannot_certify_after_its_end() -> None:
    first, change, third, fourth = story(keys.body(1), NEXT, keys.body(2), keys.body(3))
    late = msgspec.structs.replace(fourth[0], epoch=0)
    forged = (late, commit(late, *THREE), fourth[2])
    with pytest.raises(CertificateError) as error:
        verify_chain([first, change, third, forged], keys.committee(4), RULES)
    assert error.value.reason == "epoch"


def test_without_the_body_of_the_change_the_new_keys_are_unknown() -> None:
    first, change, third, fourth = story(keys.body(1), NEXT, keys.body(2), keys.body(3))
    hidden = (change[0], change[1], None)
    with pytest.raises(CertificateError) as error:
        verify_chain([first, hidden, third, fourth], keys.committee(4), RULES)
    assert error.value.reason == "epoch"


def test_a_town_changes_its_keys_and_goes_on() -> None:
    town = Town(4)
    town.request(keys.body(1))
    town.request(NEXT)
    town.request(keys.body(2))
    assert town.run(until_ms=60_000, done=town.all_settled)
    change = next(entry for entry in town.certified.values() if entry.batch_hash == _hash(NEXT))
    if change.height == 3:
        town.request(keys.body(5))
        assert town.run(until_ms=120_000, done=town.all_settled)
    before = {place[0] for driver in town.honest for place in driver.signed}
    for driver in town.honest:
        # The driver gets its new key, and destroys the old one.
        driver.generation = 1
        driver.begin()
        town.rise(driver, 0)
    town.run(until_ms=town.now + 10_000)
    for number in (3, 4):
        town.request(keys.body(number))
    assert town.run(until_ms=town.now + 60_000, done=town.all_settled)
    assert town.certified[max(town.certified)].epoch == 1
    assert max(place[0] for driver in town.honest for place in driver.signed) > max(before)
    town.check()


def _hash(body: str) -> bytes:
    return RULES.check(body).batch_hash


def test_a_member_whose_key_was_rotated_out_signs_nothing_more() -> None:
    desk = Desk()
    for entry, certificate, body in story(keys.body(1), NEXT, keys.body(2)):
        desk.batch(body or "")
        desk.hear(a.CertificateSeen(certificate, entry))
    assert desk.chain.head.height == 3
    assert desk.chain.committee.epoch == 1
    said = len(desk.said(a.Broadcast))
    desk.batch(keys.body(3))
    desk.timeout(Step.PROPOSAL)
    assert len(desk.said(a.Broadcast)) == said


def test_one_change_at_a_time() -> None:
    chain = Chain(Epochs([keys.committee(4)]))
    first = RULES.check(NEXT)
    chain.advance(chain.entry_for(first, "member-2"), first)
    second = RULES.check(config_body(keys.committee(4, epoch=2, generation=2), at_us=8))
    assert chain.waits(second)
    assert not chain.fits(chain.entry_for(second, "member-3"), second)
    plain = RULES.check(keys.body(1))
    chain.advance(chain.entry_for(plain, "member-3"), plain)
    assert not chain.waits(second)
    assert chain.fits(chain.entry_for(second, "member-4"), second)
    assert chain.fault_of(first) == "epoch"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([], "0 members"),
        (keys.seats(["a", "a"]), "a member twice"),
        (keys.seats([""]), "member id"),
        ([("a", "00", "00")], "32 bytes"),
        ([("b", *keys.seats(["a"])[0][1:])], "proof"),
    ],
)
def test_a_committee_of_anything_else_is_refused(
    members: list[tuple[str, str, str]], told: str
) -> None:
    from nostro.consensus.committee import committee_of

    committee = committee_of(
        chain_id=keys.CHAIN_ID, epoch=0, members=members, ruleset_version=1, activation_height=1
    )
    with pytest.raises(CommitteeError, match=told):
        check_committee(committee, keys.verify)


@pytest.mark.parametrize(
    ("size", "faulty", "quorum"),
    [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 3), (5, 1, 4), (6, 1, 5), (7, 2, 5), (10, 3, 7)],
)
def test_quorums_of_any_size_share_an_honest_member(size: int, faulty: int, quorum: int) -> None:
    committee = keys.committee(size)
    assert (committee.faulty_max, committee.quorum) == (faulty, quorum)
    assert 2 * quorum - size > faulty
    assert size - faulty >= quorum
