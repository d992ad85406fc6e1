"""Do the views stay right when the follower, the server, the journal or a row lets them down?"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import repeat

import psycopg
import pytest

from nostro.adapters.postgres.copy import array, json_or_null, plain, text, text_or_null
from nostro.adapters.postgres.follower import CHANNEL, PostgresViews
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.kernel.messages import Tick
from nostro.ledger import CreateTransfers, NewTransfer
from nostro.runtime import projector as projector_module
from nostro.runtime.ports import NotDone, Snapshot
from nostro.runtime.projector import Projector, RowPoisoned, ViewsForeign
from nostro.runtime.snapshots import decode_snapshot
from nostro.wallets import ConfirmDeposit, SubmitDeposit
from nostro.wiring.rooms import make_house
from tests.adapters.postgres.chronicle import (
    Chronicle,
    follow,
    follower,
    open_accounts,
    random_history,
    reader_pool,
    rows,
    told,
)
from tests.databases import as_role

PATIENCE_S = 30.0
TABLES = (
    "accounts",
    "transfers",
    "refusals",
    "assets",
    "customers",
    "deposits",
    "withdrawals",
    "wallet_history",
)
LINES = (
    "SELECT number, array_agg(seq ORDER BY first_seq, place) FROM nostro.account_lines,"
    " unnest(seqs) WITH ORDINALITY AS s(seq, place) GROUP BY number ORDER BY number"
)


def picture(url: str) -> list[object]:
    """Return everything that the views tell."""
    return [rows(url, f"SELECT * FROM nostro.{table} ORDER BY 1, 2") for table in TABLES] + [
        rows(url, LINES),
        rows(url, "SELECT name, chain, height, hash, at_us FROM nostro.projection_checkpoint"),
    ]


def empty(url: str) -> None:
    """Forget the views and the snapshots: all of it can be built anew."""
    with psycopg.connect(url) as connection:
        for table in (*TABLES, "account_lines", "projection_checkpoint", "snapshot"):
            connection.execute(f"TRUNCATE nostro.{table}".encode())


def move(number: int) -> NewTransfer:
    """Return a transfer that nothing stands against."""
    return NewTransfer(id=f"more-{number}", debit="eur:bank", credit="eur:1", amount_minor=3)


def height_of(url: str) -> int:
    """Return the checkpoint."""
    found = rows(url, "SELECT height FROM nostro.projection_checkpoint")
    return found[0][0] if found else 0


async def until(url: str, height: int) -> None:
    """Return once the views have got there."""
    async with asyncio.timeout(PATIENCE_S):
        for pause_s in repeat(0.01):
            if await asyncio.to_thread(height_of, url) >= height:
                return
            await asyncio.sleep(pause_s)  # sleeps: another process gets there


def history(seed: int = 1, *, count: int = 40) -> Chronicle:
    """Return a chronicle with something of everything in it."""
    chronicle = Chronicle()
    random_history(chronicle, random.Random(seed), rows=count, per_row=10)
    for number in range(5):
        deposit = {"user_id": f"u{number % 2}", "transaction_id": str(number)}
        chronicle.tell(SubmitDeposit(**deposit, asset="EUR", amount_minor=5))
        chronicle.tell(ConfirmDeposit(**deposit))
    return chronicle


@contextmanager
def follower_process(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a follower that logs to nobody."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.adapters.postgres.following", url],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_views_are_the_same_whatever_the_batches_were(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chronicle = history()
    await told(postgres, chronicle)
    at_once = picture(postgres)
    empty(postgres)
    monkeypatch.setattr(projector_module, "ROWS_MAX", 3)
    assert follow(postgres) == chronicle.memory.height
    assert picture(postgres) == at_once


async def test_the_followers_own_role_suffices(postgres: str) -> None:
    chronicle = history()
    await chronicle.write(as_role(postgres, "nostro_engine"))
    url = as_role(postgres, "nostro_follower")
    assert follow(url, snapshot_every=10) == chronicle.memory.height
    assert len(rows(postgres, "SELECT 1 FROM nostro.snapshot")) == 1
    for table in (*TABLES, "account_lines", "projection_checkpoint"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            psycopg.connect(as_role(postgres, "nostro_engine")) as connection,
        ):
            connection.execute(f"DELETE FROM nostro.{table}".encode())


@pytest.mark.slow
async def test_a_follower_killed_at_any_moment_leaves_no_row_missing_and_none_twice(
    wheel_postgres: str,
) -> None:
    chronicle = history(2, count=300)
    await chronicle.write(wheel_postgres)
    dice = random.Random(4)
    for _ in range(6):
        with follower_process(wheel_postgres) as process:
            start = height_of(wheel_postgres)
            goal = min(chronicle.memory.height, start + dice.randint(1, 60))
            await until(wheel_postgres, goal)
            await asyncio.sleep(dice.random() * 0.02)  # sleeps: the moment of the kill
            process.kill()
            process.wait()
        for _ in range(20):
            chronicle.tell(CreateTransfers(transfers=[move(chronicle.memory.height)]))
        await chronicle.write(wheel_postgres)
    with follower_process(wheel_postgres) as process:
        await until(wheel_postgres, chronicle.memory.height)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    after_kills = picture(wheel_postgres)
    empty(wheel_postgres)
    follow(wheel_postgres)
    assert picture(wheel_postgres) == after_kills


async def test_the_follower_comes_back_when_the_server_drops_it(postgres: str) -> None:
    chronicle = history()
    stop = threading.Event()
    with follower(postgres) as one:
        running = asyncio.create_task(asyncio.to_thread(one.run, stop.is_set))
        for _ in range(3):
            await chronicle.write(postgres)
            await until(postgres, chronicle.memory.height)
            rows(
                postgres,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'nostro follower'",
            )
            chronicle.tell(CreateTransfers(transfers=[move(chronicle.memory.height)]))
        await chronicle.write(postgres)
        await until(postgres, chronicle.memory.height)
        stop.set()
        await running
    seen = picture(postgres)
    empty(postgres)
    follow(postgres)
    assert picture(postgres) == seen


async def test_of_two_followers_one_works_and_the_other_stands_by(postgres: str) -> None:
    chronicle = history()
    await chronicle.write(postgres)
    with follower(postgres) as first, follower(postgres) as second:
        first.open()
        with pytest.raises(NotDone, match="standing by"):
            second.open()
        assert first.step()
    with follower(postgres) as second:
        await asyncio.to_thread(opened, second)
        assert second.checkpoint == first.checkpoint


def opened(one: Projector) -> None:
    """Open a follower as soon as the one before it is gone."""
    for _ in range(1_000):
        with suppress(NotDone):
            one.open()
            return
    raise AssertionError("the lease was never given back")


async def test_a_follower_that_lost_its_lease_moves_no_checkpoint(postgres: str) -> None:
    chronicle = history()
    await chronicle.write(postgres)
    with follower(postgres) as one:
        one.open()
        with psycopg.connect(postgres) as connection:
            connection.execute("UPDATE nostro.projection_checkpoint SET height = 1")
        with pytest.raises(NotDone, match="somebody else"):
            one.step()
    assert rows(postgres, "SELECT count(*) FROM nostro.transfers") == [(0,)]


async def test_a_row_that_cannot_be_read_stops_the_follower_at_its_height(postgres: str) -> None:
    chronicle = history()
    poisoned = chronicle.add(Tick(), b'[["ledger.no_such_event"]]', b"[]", 2 * 10**15)
    chronicle.add(Tick(), b"[]", b"[]", 2 * 10**15 + 1)
    await chronicle.write(postgres)
    with (
        follower(postgres) as one,
        pytest.raises(RowPoisoned, match=f"height {poisoned.height}") as stop,
    ):
        await asyncio.to_thread(one.run, lambda: False)
    assert stop.value.height == poisoned.height
    assert height_of(postgres) == poisoned.height - 1
    async with reader_pool(postgres) as pool:
        assert f"height {poisoned.height}" in await LedgerQueries(pool).stopped_reason()


async def test_a_follower_that_cannot_go_on_ends_with_status_1(wheel_postgres: str) -> None:
    chronicle = history()
    chronicle.add(Tick(), b"[[", b"[]", 2 * 10**15)
    await chronicle.write(wheel_postgres)
    with follower_process(wheel_postgres) as process:
        assert await asyncio.to_thread(process.wait, PATIENCE_S) == 1
    assert height_of(wheel_postgres) == chronicle.memory.height - 1


async def test_a_row_that_the_database_refuses_stops_the_follower_at_its_height(
    postgres: str,
) -> None:
    chronicle = history()
    await chronicle.write(postgres)
    victim = next(e for e in chronicle.entries[4:] if b"ledger.transfers_recorded" in e.payload)
    with psycopg.connect(postgres) as connection:
        connection.execute(
            "INSERT INTO nostro.transfers SELECT %s::bigint << 20, 1, 1, 1, 1, 0, 0, 0, 0, 'x', 1,"
            " NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL",
            (victim.height,),
        )
    complaint = f"height {victim.height}.*duplicate key"
    with follower(postgres) as one, pytest.raises(RowPoisoned, match=complaint):
        await asyncio.to_thread(one.run, lambda: False)
    assert height_of(postgres) == victim.height - 1


async def test_a_new_follower_starts_from_the_newest_sound_snapshot(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector_module, "ROWS_MAX", 7)
    monkeypatch.setattr(projector_module, "SNAPSHOT_TIMES", 0)
    chronicle = history()
    await chronicle.write(postgres)
    follow(postgres, snapshot_every=7)
    heights = [height for (height,) in rows(postgres, "SELECT height FROM nostro.snapshot")]
    assert len(heights) == projector_module.SNAPSHOTS_KEPT
    snapshot = await newest_snapshot(postgres)
    memory = decode_snapshot(chronicle.house, snapshot)
    for entry in chronicle.entries[snapshot.height :]:
        chronicle.house.replay(memory, entry)
    assert chronicle.house.digests(memory) == chronicle.house.digests(chronicle.memory)
    assert memory.keys.candidates(["key-1"]) == [("key-1", 1)]

    with psycopg.connect(postgres) as connection:
        connection.execute(
            "UPDATE nostro.snapshot SET state = set_byte(state, 400, get_byte(state, 400) # 1)"
            " WHERE height = %s",
            (max(heights),),
        )
    before = picture(postgres)
    chronicle.tell(CreateTransfers(transfers=[NewTransfer(id="z", debit="a", credit="b")]))
    await told(postgres, chronicle)
    assert picture(postgres)[:-1] == [*before[:2], picture(postgres)[2], *before[3:-1]]


async def newest_snapshot(url: str) -> Snapshot:
    """Return what the engine would start from."""
    journal = PostgresJournal(url)
    await journal.open()
    snapshot = await journal.newest_snapshot()
    await journal.close()
    assert snapshot is not None
    return snapshot


async def test_views_of_another_chain_or_of_a_lost_journal_are_refused(postgres: str) -> None:
    chronicle = history()
    await told(postgres, chronicle)
    with follower(postgres, "other") as one, pytest.raises(ViewsForeign, match="'main'"):
        one.open()
    for change, complaint in (
        ("hash = decode(repeat('00', 32), 'hex')", "another hash"),
        ("height = height + 10", "journal ends"),
    ):
        with psycopg.connect(postgres) as connection:
            connection.execute(f"UPDATE nostro.projection_checkpoint SET {change}".encode())
        with follower(postgres) as one, pytest.raises(ViewsForeign, match=complaint):
            one.open()


async def test_a_word_on_the_channel_ends_a_pause_early(postgres: str) -> None:
    with closing(PostgresViews(postgres)) as store:
        store.open()
        waiting = asyncio.create_task(asyncio.to_thread(store.wait, PATIENCE_S))
        for pause_s in repeat(0.01, int(PATIENCE_S / 0.02)):
            rows(postgres, f"SELECT pg_notify('{CHANNEL}', '')")
            if (await asyncio.wait([waiting], timeout=pause_s))[0]:
                break
        assert waiting.done()


def test_a_store_that_is_not_open_says_so() -> None:
    store = PostgresViews("host=/nowhere-at-all")
    with pytest.raises(NotDone):
        store.open()
    with pytest.raises(NotDone):
        store.read(after=0, rows_max=1)
    store.stopped("never raises")
    Projector(make_house(), store, snapshot_every=0)


def test_fields_of_copy_say_exactly_what_they_were_given() -> None:
    assert text("a\\b\tc\nd\re") == "a\\\\b\\tc\\nd\\re"
    assert text("\\N") == "\\\\N"
    assert text("a\0b") == plain("a\0b") == "a�b"
    assert (text_or_null(""), text_or_null("x")) == ("\\N", "x")
    assert json_or_null(None) == "\\N"
    assert json_or_null({"a": 'q"\\'}) == '{"a":"q\\\\"\\\\\\\\"}'
    assert json_or_null({"a\0": "\0"}) == '{"a�":"�"}'
    assert array([1, 2]) == "{1,2}"


def test_open_accounts_are_shown_before_anything_moves() -> None:
    assert open_accounts(Chronicle())[-1] == "usd:bank"
