"""Does a snapshot of any size come back whole, and is little of it written again?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import psycopg
import pytest

from nostro.adapters.postgres import snapshot_rows
from nostro.adapters.postgres.follower import PostgresViews
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.kernel.seen import SETTLE_KEYS
from nostro.ledger import LedgerRoom, RegisterAsset
from nostro.runtime import projector, snapshots
from nostro.runtime.house import House, Memory
from nostro.runtime.ports import NotDone, Snapshot
from nostro.runtime.snapshots import (
    SnapshotDamaged,
    decode_snapshot,
    encode_snapshot,
    pieces_of,
)
from nostro.wiring.rooms import make_house
from tests.adapters.postgres.chronicle import Chronicle

PIECE_BYTES = 65_536
HOUSE = House(rooms=[LedgerRoom(seen_hot_max=0)], flows={}, keys_hot_max=0)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (snapshots, snapshot_rows):
        monkeypatch.setattr(module, "PIECE_BYTES", PIECE_BYTES)


def memory_of(rows: int) -> Callable[[int], Memory]:
    """Return a memory that has seen so many rows, and more of them when called."""
    memory = HOUSE.new()

    def grown(more: int) -> Memory:
        for _ in range(more):
            memory.height += 1
            keys = [f"{memory.height}-{n}" for n in range(SETTLE_KEYS)]
            memory.states["ledger"].seen.add_many(keys, [""] * SETTLE_KEYS, memory.height)
            HOUSE.settle(memory, memory.height)
        memory.hash = hashlib.sha256(str(memory.height).encode()).digest()
        return memory

    grown(rows)
    return grown


def counted(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        count: int = row[0]
        return count


def test_the_pieces_are_the_snapshot_and_most_are_those_of_the_one_before() -> None:
    grown = memory_of(40)
    before = encode_snapshot(HOUSE, grown(0))
    after = encode_snapshot(HOUSE, grown(2))
    assert b"".join(pieces_of(before)) == before.state
    assert b"".join(pieces_of(after)) == after.state
    assert len(before.state) > 100 * PIECE_BYTES
    known = set(pieces_of(before))
    new = [piece for piece in pieces_of(after) if piece not in known]
    assert sum(map(len, new)) < len(after.state) / 3


async def test_a_large_snapshot_comes_back_whole_and_old_pieces_are_forgotten(
    postgres: str,
) -> None:
    grown = memory_of(10)
    views = PostgresViews(postgres)
    views.open()
    taken = []
    for _ in range(4):
        taken.append(encode_snapshot(HOUSE, grown(3)))
        views.save_snapshot(taken[-1], keep=2)
    assert views.snapshot_up_to(taken[-1].height) == taken[-1]
    assert views.snapshot_up_to(taken[-1].height - 1) == taken[-2]
    assert views.snapshot_up_to(taken[-2].height - 1) is None
    views.close()
    kept = {piece for snapshot in taken[-2:] for piece in pieces_of(snapshot)}
    assert counted(postgres, "SELECT count(*) FROM nostro.snapshot_piece") == len(kept)
    journal = PostgresJournal(postgres)
    await journal.open()
    found = await journal.newest_snapshot()
    assert found == taken[-1]
    await journal.save_snapshot(taken[0])
    await journal.save_snapshot(encode_snapshot(HOUSE, grown(1)))
    newest = await journal.newest_snapshot()
    await journal.close()
    assert newest is not None
    assert HOUSE.digests(decode_snapshot(HOUSE, newest)) == HOUSE.digests(grown(0))


async def test_a_snapshot_with_a_piece_missing_is_damaged(postgres: str) -> None:
    views = PostgresViews(postgres)
    views.open()
    taken = encode_snapshot(HOUSE, memory_of(20)(0))
    views.save_snapshot(taken, keep=1)
    with psycopg.connect(postgres) as connection:
        connection.execute(
            "DELETE FROM nostro.snapshot_piece WHERE hash IN"
            " (SELECT hash FROM nostro.snapshot_piece LIMIT 1)"
        )
    found = views.snapshot_up_to(taken.height)
    views.close()
    assert isinstance(found, Snapshot)
    with pytest.raises(SnapshotDamaged):
        decode_snapshot(HOUSE, found)


async def test_a_small_snapshot_is_one_value(postgres: str) -> None:
    views = PostgresViews(postgres)
    views.open()
    small = encode_snapshot(HOUSE, HOUSE.new())
    views.save_snapshot(Snapshot(1, small.state, small.state_hash), keep=1)
    assert views.snapshot_up_to(1) == Snapshot(1, small.state, small.state_hash)
    views.close()
    assert counted(postgres, "SELECT count(*) FROM nostro.snapshot_piece") == 0


class FullDisk(PostgresViews):
    """Views on a disk that has no room for snapshots."""

    tried = 0

    def save_snapshot(self, snapshot: Snapshot, *, keep: int) -> None:
        self.tried += 1
        raise NotDone("no space left on the device")


async def test_a_snapshot_that_cannot_be_saved_is_not_tried_after_every_batch(
    wheel_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "ROWS_MAX", 1)
    monkeypatch.setattr(projector, "SNAPSHOT_TIMES", 1_000_000)
    chronicle = Chronicle()
    for number in range(20):
        chronicle.tell(RegisterAsset(code=f"X{number}", scale=2))
    await chronicle.write(wheel_postgres)
    store = FullDisk(wheel_postgres)
    one = projector.Projector(make_house(), store, snapshot_every=1)
    one.run(lambda: one.checkpoint.height == 20)
    assert store.tried == 1
