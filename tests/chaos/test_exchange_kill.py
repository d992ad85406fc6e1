"""What is left of acknowledged orders when engine and server are killed in a burst?"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.migrate import migrate
from nostro.exchange import AmendOrder, CancelOrder, PlaceOrder, PlaceOrders
from nostro.kernel.codec import content_hash, decode_reply
from nostro.runtime.engine import Engine
from nostro.runtime.house import House, Memory
from nostro.runtime.ports import Entry
from nostro.runtime.snapshots import encode_snapshot
from nostro.simulation.exchange_auditor import ExchangeAuditor
from nostro.simulation.history import History
from nostro.wiring.rooms import make_house
from tests.chaos.exchange_writer import command

ROUNDS = 8
SEED = 20_261_122
WRITER = Path(__file__).with_name("exchange_writer.py")


class Said(NamedTuple):
    """An acknowledgement: where it stands, and what the sender was told."""

    height: int
    code: str
    body: Any


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of its own, as the platform starts it: this test kills it."""
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        migrate(postgres.url())
        yield postgres


@pytest.mark.slow
def test_no_acknowledged_order_is_lost_and_no_acknowledged_cancel_fills_after_kill_9(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    said: dict[int, Said] = {}
    for number in range(ROUNDS):
        output = tmp_path / f"round{number}.jsonl"
        first = next(number for number in range(len(said) + 1) if number not in said)
        _run_and_kill(server, first, output, chance)
        _hear(output.read_text(), said)
        server.start()
        asyncio.run(_photograph(server.url("nostro_engine")))
    assert len(said) > ROUNDS * 50, "the writers hardly wrote"

    url = server.url("nostro_engine")
    entries = asyncio.run(_journal(url))
    auditor = _audited(entries)
    _check_acknowledged(said, entries, auditor)
    _check_cancelled(said, auditor)
    house, memory = _replayed(entries)
    assert asyncio.run(_recovered_digests(url)) == house.digests(memory)
    states = [order.state for order in auditor.exchange.orders.values()]
    assert states.count("filled") > ROUNDS
    assert auditor.exchange.trades > ROUNDS * 10


# -- what is checked ------------------------------------------------------------------------------


def _audited(entries: Sequence[Entry]) -> ExchangeAuditor:
    """Read the journal as the simulation's auditor does: every trade by rules of its own, every
    account at every row."""
    history = History()
    for entry in entries:
        if entry.actor == "writer":
            number = int(entry.command_id[1:])
            history.ask(entry.command_id, command(number), "writer")
    auditor = ExchangeAuditor(make_house().codec, history=history)
    auditor.read(entries)
    auditor.books.check_sums()
    auditor.exchange.money.check_all(auditor.books, auditor.courses)
    return auditor


def _check_acknowledged(
    said: dict[int, Said], entries: Sequence[Entry], auditor: ExchangeAuditor
) -> None:
    """Each acknowledged command stands once, with that very reply; its orders are there."""
    by_key = {entry.command_id: entry for entry in entries}
    assert len(by_key) == len(entries)
    for number, (height, code, body) in said.items():
        entry = by_key[f"c{number}"]
        reply = decode_reply(entry.reply)
        assert entry.height == height
        assert entry.request_hash == content_hash(command(number))
        assert (reply.code, json.loads(json.dumps(reply.body))) == (code, body)
        if isinstance(command(number), PlaceOrder | PlaceOrders | AmendOrder) and not code:
            for result in body.get("results", [body]):
                if "code" not in result:
                    assert result == auditor.exchange.told[height, result["order"]]


def _check_cancelled(said: dict[int, Said], auditor: ExchangeAuditor) -> None:
    """An acknowledged cancel ended its order there and then, with what had been filled."""
    cancelled = 0
    for number, (height, code, body) in said.items():
        asked = command(number)
        if isinstance(asked, CancelOrder) and not code:
            order = auditor.exchange.orders[asked.order]
            assert order.state == "cancelled"
            assert asked.order in auditor.exchange.closed_at[height]
            assert (order.filled, order.left) == (body["filled"], body["left"])
            cancelled += 1
    assert cancelled > ROUNDS


def _replayed(entries: Sequence[Entry]) -> tuple[House, Memory]:
    house = make_house()
    memory = house.new()
    for entry in entries:
        house.replay(memory, entry)
    return house, memory


# -- processes ------------------------------------------------------------------------------------


def _hear(text: str, said: dict[int, Said]) -> None:
    """Take in a writer's lines; the last may have been cut by its death."""
    for line in text.splitlines():
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            continue
        answer = Said(told["height"], told["code"], told["body"])
        assert said.setdefault(told["number"], answer) == answer, "two answers to one key"


def _run_and_kill(
    server: EmbeddedPostgres, first: int, output: Path, chance: random.Random
) -> None:
    """Let a writer write for a moment, kill the server under it in half of the rounds and let it
    get over that, then kill the writer."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with output.open("w") as lines:
        writer = subprocess.Popen(
            [sys.executable, str(WRITER), server.url("nostro_engine"), str(first)],
            stdout=lines,
            env=environment,
        )
    try:
        _until_it_writes(output, lines_min=60)
        if chance.random() < 0.5:
            pid = server.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            written = len(output.read_bytes())
            server.start()
            _until_it_writes(output, lines_min=60, beyond=written)
        time.sleep(chance.uniform(0, 0.3))  # sleeps: the kill must fall anywhere
    finally:
        writer.kill()
        writer.wait()


def _until_it_writes(output: Path, *, lines_min: int, beyond: int = 0) -> None:
    deadline = time.monotonic() + 60
    while output.read_bytes()[beyond:].count(b"\n") < lines_min:
        assert time.monotonic() < deadline, "the writer does not get over it"
        time.sleep(0.01)  # sleeps: until the other process has written


async def _journal(url: str) -> list[Entry]:
    journal = PostgresJournal(url, "main")
    await journal.open()
    entries: list[Entry] = []
    while page := await journal.read(after=len(entries), limit=10_000):
        entries.extend(page)
    await journal.close()
    return entries


async def _photograph(url: str) -> None:
    """Write a snapshot, as the follower does, so that the next writer begins with it."""
    house, memory = _replayed(await _journal(url))
    journal = PostgresJournal(url, "main")
    await journal.open()
    await journal.save_snapshot(encode_snapshot(house, memory))
    await journal.close()


async def _recovered_digests(url: str) -> dict[str, str]:
    """Return the state hashes of an engine that has just started here."""
    engine = Engine(house=make_house(), journal=PostgresJournal(url, "main"), clock=SystemClock())
    await engine.start()
    try:
        return dict(engine.digests())
    finally:
        await engine.stop()
