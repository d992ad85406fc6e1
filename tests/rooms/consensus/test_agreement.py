"""Do honest members agree, and get on, in good weather?"""

from __future__ import annotations

import pytest

from tests.rooms.consensus import keys
from tests.rooms.consensus.town import Town


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 10])
def test_batches_are_certified_in_order_without_gaps(size: int) -> None:
    town = Town(size)
    for number in range(1, 6):
        town.request(keys.body(number))
    assert town.run(until_ms=60_000, done=town.all_settled)
    assert sorted(town.certified) == [1, 2, 3, 4, 5]
    for height in range(2, 6):
        assert town.certified[height].prev_hash == town.certified[height - 1].hash()
    town.check()


def test_honest_members_certify_a_batch_in_the_first_round() -> None:
    town = Town(4)
    town.request(keys.body(1))
    assert town.run(until_ms=900, done=town.all_settled)
    assert {driver.participant.lock.position[:2] for driver in town.honest} == {(1, 0)}


def test_without_work_nobody_wakes_up() -> None:
    town = Town(4)
    town.request(keys.body(1))
    assert town.run(until_ms=900, done=town.all_settled)
    town.run(until_ms=100_000)
    messages = len(town.log)
    town.run(until_ms=10_000_000)
    assert len(town.log) == messages


def test_a_wrong_batch_is_refused_by_a_quorum_and_the_next_one_certified() -> None:
    town = Town(4)
    town.request(keys.wrong_body(1))
    town.request(keys.body(2))
    assert town.run(until_ms=60_000, done=lambda: town.all_settled() and bool(town.barred))
    assert len(town.barred) == 1
    assert list(town.certified) == [1]
    town.check()
