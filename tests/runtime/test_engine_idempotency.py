"""What does a caller hear when a command comes twice?"""

from __future__ import annotations

import asyncio

import pytest

from nostro.kernel.messages import Rejection
from nostro.runtime.ports import Snapshot
from nostro.runtime.snapshots import encode_snapshot
from tests.runtime.desk import Desk, in_virtual_time
from tests.runtime.tally import Add, UseOnce, tally_house


@in_virtual_time
async def test_the_same_key_and_content_gets_the_first_reply_marked_as_replayed() -> None:
    async with Desk() as desk:
        first = await desk.ask("k", Add(counter="a", amount=5))
        await desk.ask("other", Add(counter="a", amount=7))
        again = await desk.ask("k", Add(counter="a", amount=5))
        assert (first.replayed, again.replayed) == (False, True)
        assert (again.height, again.at_us, again.reply) == (first.height, first.at_us, first.reply)
        assert desk.counters() == {"a": 12}


@in_virtual_time
async def test_a_rejection_is_final_even_when_it_would_be_accepted_by_now() -> None:
    async with Desk() as desk:
        no = await desk.ask("k", Add(counter="a", amount=-5))
        assert no.reply.code == "tally.below_zero"
        await desk.ask("other", Add(counter="a", amount=100))
        again = await desk.ask("k", Add(counter="a", amount=-5))
        assert again.replayed
        assert again.reply == no.reply
        assert desk.counters() == {"a": 100}


@in_virtual_time
async def test_a_rejection_is_journaled_without_events_and_leaves_the_state_as_it_was() -> None:
    async with Desk() as desk:
        await desk.ask("k1", Add(counter="a", amount=5))
        before = desk.engine.digests()
        receipt = await desk.ask("k2", Add(counter="a", amount=-6))
        assert desk.engine.digests() == before
        assert desk.disk.entries[receipt.height - 1].payload == b"[]"


@pytest.mark.parametrize("first_amount", [5, -5])
@in_virtual_time
async def test_a_key_with_other_content_is_refused_and_changes_nothing(first_amount: int) -> None:
    async with Desk() as desk:
        first = await desk.ask("k", Add(counter="a", amount=first_amount))
        before = (desk.engine.digests(), desk.engine.height)
        with pytest.raises(Rejection) as refused:
            await desk.ask("k", Add(counter="a", amount=6))
        assert refused.value.code == "engine.key_reused"
        assert refused.value.facts == {"key": "k", "first_used_at_height": first.height}
        assert (desk.engine.digests(), desk.engine.height) == before
        assert (await desk.ask("k", Add(counter="a", amount=first_amount))).replayed


@in_virtual_time
async def test_the_actor_is_not_part_of_the_content() -> None:
    async with Desk() as desk:
        await desk.ask("k", Add(counter="a", amount=1), actor="alice")
        assert (await desk.ask("k", Add(counter="a", amount=1), actor="bob")).replayed


@in_virtual_time
async def test_concurrent_requests_with_one_key_have_one_effect() -> None:
    async with Desk() as desk:
        command = Add(counter="a", amount=1)
        receipts = await asyncio.gather(*(desk.ask("k", command) for _ in range(20)))
        assert sorted(receipt.replayed for receipt in receipts) == [False] + [True] * 19
        assert len({(receipt.height, receipt.reply.body["total"]) for receipt in receipts}) == 1
        assert desk.counters() == {"a": 1}


@in_virtual_time
async def test_of_concurrent_requests_with_one_key_and_other_content_one_wins() -> None:
    async with Desk() as desk:
        answers = await asyncio.gather(
            *(desk.ask("k", Add(counter="a", amount=amount)) for amount in (1, 10, 100)),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, Rejection)]
        assert [no.code for no in refused] == ["engine.key_reused"] * 2
        assert desk.counters()["a"] in (1, 10, 100)
        assert len(desk.disk.entries) == 1


@in_virtual_time
async def test_replies_outlive_the_process() -> None:
    async with Desk() as desk:
        yes = await desk.ask("yes", Add(counter="a", amount=1))
        no = await desk.ask("no", Add(counter="a", amount=-9))
    async with Desk(disk=desk.disk) as after:
        for key, amount, first in (("yes", 1, yes), ("no", -9, no)):
            again = await after.ask(key, Add(counter="a", amount=amount))
            assert again.replayed
            assert (again.height, again.reply) == (first.height, first.reply)
        with pytest.raises(Rejection, match="key_reused"):
            await after.ask("no", Add(counter="a", amount=1))
        assert after.counters() == {"a": 1}


@in_virtual_time
async def test_replies_are_found_behind_a_snapshot() -> None:
    async with Desk() as desk:
        first = await desk.ask("k", Add(counter="a", amount=1))
        memory = desk.house.new()
        desk.house.replay(memory, desk.disk.entries[0])
        await desk.journal.save_snapshot(encode_snapshot(desk.house, memory))
        await desk.ask("later", Add(counter="a", amount=1))
        live = desk.engine.digests()
    async with Desk(disk=desk.disk) as after:
        assert after.engine.digests() == live
        assert (await after.ask("k", Add(counter="a", amount=1))).height == first.height
        assert after.journal.fetched == [first.height]
        with pytest.raises(Rejection, match="key_reused"):
            await after.ask("k", Add(counter="a", amount=2))


@pytest.mark.parametrize(
    ("damaged", "read_from"), [((), 6), ((6,), 4), ((6, 4), 2), ((6, 4, 2), 0)]
)
@in_virtual_time
async def test_a_damaged_snapshot_costs_the_rows_since_the_one_before(
    damaged: tuple[int, ...], read_from: int
) -> None:
    async with Desk() as desk:
        for n in range(7):
            await desk.ask(f"k{n}", UseOnce(id=f"id{n}"))
        live = desk.engine.digests()
    memory = desk.house.new()
    for entry in desk.disk.entries:
        desk.house.replay(memory, entry)
        if entry.height in (2, 4, 6):
            await desk.journal.save_snapshot(encode_snapshot(desk.house, memory))
    for height in damaged:
        whole = desk.disk.snapshots[height]
        desk.disk.snapshots[height] = Snapshot(height, whole.state[:-1], whole.state_hash)
    async with Desk(disk=desk.disk) as after:
        assert after.journal.read_after == [read_from]
        assert after.engine.digests() == live
        assert (await after.ask("again", UseOnce(id="id0"))).reply.body == {"new": False}


@in_virtual_time
async def test_keys_that_left_memory_are_read_from_the_journal() -> None:
    async with Desk(house=tally_house(keys_hot_max=4)) as desk:
        amounts = {f"k{n}": n - 3 for n in range(30)}
        first = {key: await desk.ask(key, Add(counter=key, amount=n)) for key, n in amounts.items()}
        assert desk.journal.fetched == []
        for key, amount in amounts.items():
            again = await desk.ask(key, Add(counter=key, amount=amount))
            assert again.replayed
            assert (again.height, again.reply) == (first[key].height, first[key].reply)
        with pytest.raises(Rejection, match="key_reused"):
            await desk.ask("k0", Add(counter="k0", amount=1))
        assert len(desk.journal.fetched) > 20
        assert len(desk.disk.entries) == 30


@in_virtual_time
async def test_ids_that_left_a_room_s_memory_are_recalled_from_the_journal() -> None:
    async with Desk(house=tally_house(hot_max=4)) as desk:
        for n in range(30):
            assert (await desk.ask(f"k{n}", UseOnce(id=f"id{n}"))).reply.body == {"new": True}
        for n in range(30):
            repeat = await desk.ask(f"again{n}", UseOnce(id=f"id{n}"))
            assert repeat.reply.body == {"new": False}
        assert len(desk.journal.fetched) > 20
        assert desk.counters()["ids"] == 30


@in_virtual_time
async def test_ids_and_keys_stay_in_memory_until_their_rows_can_be_read() -> None:
    async with Desk(house=tally_house(hot_max=2, keys_hot_max=2)) as desk:
        for wave in range(5):
            commands = [(f"k{n}", UseOnce(id=f"id{n}")) for n in range(wave * 10 + 10)]
            await asyncio.gather(*(desk.ask(key, command) for key, command in commands))
        assert desk.counters()["ids"] == 50
        assert len(desk.disk.entries) == 50


@pytest.mark.parametrize("key", ["", "k" * 256])
@in_virtual_time
async def test_a_key_has_1_to_255_characters(key: str) -> None:
    async with Desk() as desk:
        with pytest.raises(Rejection, match=r"engine\.bad_key"):
            await desk.ask(key, Add(counter="a", amount=1))
        assert (await desk.ask("k" * 255, Add(counter="a", amount=1))).reply.accepted
