"""What is left of acknowledged commands when engine and server are killed again and again?"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.migrate import migrate
from nostro.kernel.codec import decode_reply
from nostro.runtime.ports import GENESIS_HASH, Entry, entry_hash
from nostro.wiring.rooms import make_house

ROUNDS = 8
SEED = 20_261_121
WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of its own, as the platform starts it: this test kills it."""
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        migrate(postgres.url())
        yield postgres


class Acknowledged:
    """What the writers said was acknowledged: height and body by number of the command."""

    def __init__(self) -> None:
        self.said: dict[int, tuple[int, object]] = {}

    def hear(self, text: str) -> None:
        """Take in a writer's lines; the last may have been cut by its death."""
        for line in text.splitlines():
            try:
                told = json.loads(line)
            except json.JSONDecodeError:
                continue
            answer = (told["height"], told["body"])
            assert self.said.setdefault(told["number"], answer) == answer, "two answers to one key"

    @property
    def first_unanswered(self) -> int:
        """Return the lowest number that was never acknowledged."""
        return next(number for number in range(len(self.said) + 1) if number not in self.said)


@pytest.mark.slow
def test_no_acknowledged_command_is_lost_or_done_twice_by_kill_9(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    acknowledged = Acknowledged()
    for number in range(ROUNDS):
        output = tmp_path / f"round{number}.jsonl"
        _run_and_kill(server, acknowledged.first_unanswered, output, chance)
        acknowledged.hear(output.read_text())
        server.start()
    assert len(acknowledged.said) > ROUNDS * 10, "the writers hardly wrote"

    entries = asyncio.run(_journal(server.url("nostro_engine")))
    _check_chain(entries)
    by_key = {entry.command_id: entry for entry in entries}
    assert len(by_key) == len(entries)
    for number, (height, body) in acknowledged.said.items():
        entry = by_key[f"c{number}"]
        assert entry.height == height
        assert json.loads(json.dumps(decode_reply(entry.reply).body)) == body


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
    _until_it_writes(output, lines_min=20)
    if chance.random() < 0.5:
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        written = len(output.read_bytes())
        server.start()
        _until_it_writes(output, lines_min=20, beyond=written)
    time.sleep(chance.uniform(0, 0.3))  # sleeps: the kill must fall anywhere
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


def _check_chain(entries: list[Entry]) -> None:
    """Heights are gapless, hashes linked, and a replay follows."""
    house = make_house()
    memory = house.new()
    prev_hash = GENESIS_HASH
    for height, entry in enumerate(entries, start=1):
        assert (entry.height, entry.prev_hash) == (height, prev_hash)
        assert entry.hash == entry_hash(entry)
        prev_hash = entry.hash
        house.replay(memory, entry)
