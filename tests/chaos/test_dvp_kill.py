"""What is left of settlements across two ledgers when the coordinator is killed, with SIGKILL, on
PostgreSQL?"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from nostro.adapters.domains.http_own import DomainLine, HttpAdmin, HttpDomain
from nostro.adapters.domains.port import Absent, Executed, Held
from nostro.adapters.domains.reconcile import reconcile
from nostro.adapters.domains.rounds import OurRounds
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.runtime.ports import Entry
from nostro.settlement import RoundsDecided, RoundsSettled, round_id
from nostro.wiring.domains import DomainOrder, DomainPlace
from tests import databases
from tests.chaos.dvp_world import (
    BUYER,
    CASH,
    EQUITIES,
    HOUSE,
    MAIN,
    MONEY,
    SCALES,
    SECURITY,
    SELLER,
)
from tests.chaos.dvp_writer import BETWEEN, Work

WRITER = "tests.chaos.dvp_writer"
ROUNDS = 6
SALES_OF_LOOP = 600
SEED = 20_261_123
PATIENCE_S = 60.0
ROOT = Path(__file__).resolve().parents[2]


class Stand:
    """Three databases, two domains in processes of their own, and coordinators that come and go."""

    def __init__(self, make: Callable[[str], str], directory: Path) -> None:
        urls = [databases.as_role(make(databases.NAMES[0]), "nostro_engine") for _ in range(3)]
        self.store = urls[0]
        self.orders = {
            name: DomainOrder(name=name, store=url, token=f"secret of {name}")
            for name, url in zip((EQUITIES, CASH), urls[1:], strict=True)
        }
        self.places: dict[str, DomainPlace] = {}
        self._directory = directory
        self._domains: dict[str, subprocess.Popen[bytes]] = {}
        self._runs = 0

    def start_domain(self, name: str) -> None:
        """Start the process of a domain, where it was before."""
        order, output = self.orders[name], self._directory / f"{name}-{time.monotonic_ns()}"
        self._domains[name] = _process("domain", msgspec.json.encode(order).decode(), output)
        port = int(_until_said(output, lambda lines: bool(lines))[0])
        self.orders[name] = msgspec.structs.replace(order, port=port)
        self.places[name] = DomainPlace(
            name=name, url=f"http://127.0.0.1:{port}", token=order.token
        )

    def kill_domain(self, name: str) -> None:
        """End the process of a domain as SIGKILL does."""
        _kill(self._domains[name])

    def coordinator(self, sales: int, trap: str = "") -> tuple[subprocess.Popen[bytes], Path]:
        """Start a coordinator; returns its process and the file of what it says."""
        self._runs += 1
        work = Work(self.store, list(self.places.values()), sales, trap)
        output = self._directory / f"coordinator-{self._runs}"
        return _process("coordinator", msgspec.json.encode(work).decode(), output), output

    def settle_all(self, sales: int) -> None:
        """Let a coordinator that nobody kills bring everything to its end."""
        process, output = self.coordinator(sales)
        try:
            _until_said(output, lambda lines: "over" in lines)
        finally:
            _kill(process)

    def close(self) -> None:
        """End everything."""
        for process in self._domains.values():
            _kill(process)

    def line(self, name: str) -> DomainLine:
        return DomainLine(self.places[name].url, token=self.places[name].token)

    async def give(self, sales: int) -> None:
        """Give the seller and the buyer what they need."""
        for name, party, asset in ((EQUITIES, SELLER, SECURITY), (CASH, BUYER, MONEY)):
            admin = HttpAdmin(self.line(name))
            await admin.issue(
                reference="first",
                party=party,
                asset=asset,
                scale=SCALES[asset],
                amount_minor=sales,
            )
            await admin.close()

    async def stands(self, name: str, number: int) -> object:
        """Return where the first round of a settlement stands at a domain."""
        domain = HttpDomain(name, self.line(name))
        (answer,) = await domain.status([round_id(MAIN, number, 1)])
        await domain.close()
        return answer

    async def check(self, sales: int) -> None:
        """Assert that every sale is settled once, both legs, and that all books agree."""
        entries = await _journal(self.store)
        events = [e for entry in entries for e in HOUSE.codec.decode_events(entry.payload)]
        decided = [
            (each.bundle, each.round)
            for event in events
            if isinstance(event, RoundsDecided)
            for each in event.rounds
        ]
        assert len(decided) == len(set(decided)), "something was decided twice"
        settled = [
            each.bundle
            for event in events
            if isinstance(event, RoundsSettled)
            for each in event.rounds
        ]
        assert sorted(settled) == list(range(1, sales + 1))
        moved = ((EQUITIES, SELLER, BUYER, SECURITY), (CASH, BUYER, SELLER, MONEY))
        for name, giver, taker, asset in moved:
            assert await self._holding(name, giver, asset) == (0, 0)
            assert await self._holding(name, taker, asset) == (sales, sales)
            await self._check_rounds(name, entries)

    async def _holding(self, name: str, party: str, asset: str) -> tuple[int, int]:
        admin = HttpAdmin(self.line(name))
        holdings = (await admin.holdings(party)).holdings
        await admin.close()
        found = [(e.owned_minor, e.available_minor) for e in holdings if e.asset == asset]
        return found[0] if found else (0, 0)

    async def _check_rounds(self, name: str, entries: Sequence[Entry]) -> None:
        async def read(after: int) -> Sequence[Entry]:
            return entries[after : after + 1_000]

        domain = HttpDomain(name, self.line(name))
        ours = OurRounds(name, read=read, decode=HOUSE.codec.decode_events)
        report = await reconcile(domain, ours)
        await domain.close()
        assert report.sound, report.breaks
        assert report.rounds >= len(ours.rounds) > 0


@pytest.fixture
def stand(fresh_database: Callable[[str], str], tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(fresh_database, tmp_path)
    try:
        for name in (EQUITIES, CASH):
            stand.start_domain(name)
        yield stand
    finally:
        stand.close()


@pytest.mark.slow
def test_a_coordinator_killed_between_the_two_executions_has_both_legs_in_the_end(
    stand: Stand,
) -> None:
    asyncio.run(stand.give(1))
    _run_until_it_dies(stand, 1, BETWEEN)
    assert isinstance(asyncio.run(stand.stands(EQUITIES, 1)), Executed)
    assert isinstance(asyncio.run(stand.stands(CASH, 1)), Held)
    stand.settle_all(1)
    asyncio.run(stand.check(1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trap", "equities", "cash"),
    [
        ("after hold equities", Held, Absent),
        ("after hold cash", Held, Held),
        ("after commit settlement.rounds_decided", Held, Held),
    ],
)
def test_a_coordinator_killed_on_its_way_has_both_legs_in_the_end(
    stand: Stand, trap: str, equities: type, cash: type
) -> None:
    asyncio.run(stand.give(1))
    _run_until_it_dies(stand, 1, trap)
    assert isinstance(asyncio.run(stand.stands(EQUITIES, 1)), equities)
    assert isinstance(asyncio.run(stand.stands(CASH, 1)), cash)
    stand.settle_all(1)
    asyncio.run(stand.check(1))


@pytest.mark.slow
def test_every_sale_settles_once_after_kills_of_coordinators_and_domains(stand: Stand) -> None:
    chance = random.Random(SEED)
    asyncio.run(stand.give(SALES_OF_LOOP))
    for _ in range(ROUNDS):
        process, output = stand.coordinator(SALES_OF_LOOP)
        _until_said(output, lambda lines: len(lines) > 5)
        time.sleep(chance.uniform(0, 0.3))  # sleeps: the kill must fall anywhere
        if chance.random() < 0.5:
            name = chance.choice((EQUITIES, CASH))
            stand.kill_domain(name)
            time.sleep(chance.uniform(0, 0.3))  # sleeps: the coordinator must notice it
            stand.start_domain(name)
        _kill(process)
    stand.settle_all(SALES_OF_LOOP)
    asyncio.run(stand.check(SALES_OF_LOOP))


# -- processes ------------------------------------------------------------------------------------


def _process(role: str, order: str, output: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with output.open("w") as lines:
        return subprocess.Popen(
            [sys.executable, "-m", WRITER, role, order],
            stdin=subprocess.PIPE,  # its end tells a domain that this process is gone
            stdout=lines,
            env=environment,
            cwd=ROOT,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def _run_until_it_dies(stand: Stand, sales: int, trap: str) -> None:
    process, _ = stand.coordinator(sales, trap)
    try:
        assert process.wait(PATIENCE_S) == -9
    finally:
        _kill(process)


def _until_said(output: Path, there: Callable[[list[str]], bool]) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        lines = output.read_text().split("\n")[:-1]
        if there(lines):
            return lines
        assert time.monotonic() < deadline, f"{output.name} says no more than {lines[-3:]}"
        time.sleep(0.01)  # sleeps: until the other process has said something


async def _journal(url: str) -> list[Entry]:
    journal = PostgresJournal(url, MAIN)
    await journal.open()
    entries: list[Entry] = []
    while page := await journal.read(after=len(entries), limit=10_000):
        entries.extend(page)
    await journal.close()
    return entries
