"""Does an operator find a domain that was restored from an old backup, and mend it, on
PostgreSQL?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.own import OwnAdmin, OwnDomain, domain_house
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.reconcile import Kind
from nostro.adapters.domains.standing import RoomHints
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.cli import Exit, main
from nostro.runtime.engine import Engine
from nostro.runtime.performers import Performing
from nostro.runtime.ports import NotDone
from nostro.settlement import InstructSettlements
from nostro.wiring.audit import audit_database
from nostro.wiring.reconciling import compare, mend
from nostro.wiring.rooms import make_house
from nostro.wiring.settings import Settings
from tests import databases
from tests.chaos.dvp_world import (
    AMOUNT,
    BUYER,
    CASH,
    EQUITIES,
    MAIN,
    MONEY,
    QUANTITY,
    SCALES,
    SECURITY,
    SELLER,
    trade,
)

PATIENCE_S = 30.0


class Ledgers:
    """The databases of a coordinator and two domains, side by side as a deployment has them."""

    def __init__(self, make: Callable[[str], str], directory: Path) -> None:
        self.url = make(databases.NAMES[0])
        self.settings = Settings(
            data_dir=directory, settlement_domains=f"{EQUITIES},{CASH}", postgres_url=self.url
        )
        self.stores = {name: self._beside(name) for name in (EQUITIES, CASH)}

    def _beside(self, name: str) -> str:
        """Make an empty database of a domain beside the coordinator's, and return its URL."""
        parts = urlsplit(self.url)
        beside = urlunsplit(parts._replace(path=f"{parts.path}_{name}"))
        with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as made:
            database = urlsplit(beside).path.lstrip("/")
            made.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())
            made.execute(f"CREATE DATABASE {database} TEMPLATE {databases.TEMPLATE}".encode())
        return beside

    def lose(self, name: str) -> None:
        """Let a domain begin anew, with nothing but what was issued: the oldest of all backups."""
        self.stores[name] = self._beside(name)
        asyncio.run(self._issue_alone(name))

    async def _issue_alone(self, name: str) -> None:
        engine = await self._domain(name)
        await self._issue(name, engine)
        await engine.stop()

    async def _domain(self, name: str) -> Engine:
        journal = PostgresJournal(self.stores[name], name)
        engine = Engine(house=domain_house(), journal=journal, clock=SystemClock())
        await engine.start()
        return engine

    async def _issue(self, name: str, engine: Engine) -> None:
        party, asset, amount = (
            (SELLER, SECURITY, QUANTITY) if name == EQUITIES else (BUYER, MONEY, AMOUNT)
        )
        await OwnAdmin(engine).issue(
            reference="first",
            party=party,
            asset=asset,
            scale=SCALES[asset],
            amount_minor=amount,
        )

    async def settle(self) -> None:
        """Settle one sale across both domains, and let everything stop."""
        engines = {name: await self._domain(name) for name in self.stores}
        for name, each in engines.items():
            await self._issue(name, each)
        house = make_house(self.settings)
        main_engine: Engine
        performer = DomainPerformer(
            {name: OwnDomain(each, name, coordinator=MAIN) for name, each in engines.items()},
            clock=SystemClock(),
            epoch=lambda: main_engine.fence,
            hints=RoomHints(lambda: main_engine.look("settlement"), MAIN),
        )
        performing = Performing(
            house=house, clock=SystemClock(), chain=MAIN, performers=(), patient=(performer,)
        )
        main_engine = Engine(
            house=house,
            journal=PostgresJournal(self.url, MAIN),
            clock=SystemClock(),
            on_effects=performing.start,
        )
        performing.attach(main_engine)
        await main_engine.start()
        await main_engine.submit(
            key="k", command=InstructSettlements(settlements=[trade()]), actor="test"
        )
        await self._until_settled(main_engine)
        await performing.stop()
        for each in (main_engine, *engines.values()):
            await each.stop()

    async def _until_settled(self, engine: Engine) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if engine.idle and not engine.look("settlement").settlements:
                    return
                await asyncio.sleep(0.01)  # sleeps: other tasks settle meanwhile

    async def holding(self, name: str, party: str, asset: str) -> tuple[int, int]:
        engine = await self._domain(name)
        holdings = (await OwnAdmin(engine).holdings(party)).holdings
        await engine.stop()
        (found,) = [(e.owned_minor, e.available_minor) for e in holdings if e.asset == asset]
        return found

    def close(self) -> None:
        """Remove what was made beside the coordinator's database."""
        parts = urlsplit(self.url)
        with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as made:
            for store in self.stores.values():
                database = urlsplit(store).path.lstrip("/")
                made.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())


@pytest.fixture
def ledgers(
    fresh_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledgers]:
    monkeypatch.setenv("NOSTRO_SETTLEMENT_DOMAINS", f"{EQUITIES},{CASH}")
    made = Ledgers(fresh_database, tmp_path)
    asyncio.run(made.settle())
    yield made
    made.close()


@pytest.mark.slow
def test_domains_that_did_what_was_decided_are_sound_for_everybody_who_looks(
    ledgers: Ledgers, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, store in ledgers.stores.items():
        report = compare(ledgers.settings, ledgers.url, store, name)
        assert (report.sound, report.behind, report.rounds) == (True, False, 1)
    audited = audit_database(ledgers.url, MAIN, domains=ledgers.stores)
    told = {verdict.check: verdict for verdict in audited.verdicts}
    assert told["domain equities"].sound, told["domain equities"].told
    assert told["domain cash"].told.startswith("1 rounds; its own chain is sound")
    assert _run("settle", "reconcile", "--domain", CASH, "--url", ledgers.url) == Exit.OK
    assert "agree on 1 rounds" in capsys.readouterr().err


@pytest.mark.slow
def test_a_domain_that_was_restored_is_found_by_the_audit_and_mended_by_the_operator(
    ledgers: Ledgers, capsys: pytest.CaptureFixture[str]
) -> None:
    ledgers.lose(EQUITIES)
    report = compare(ledgers.settings, ledgers.url, ledgers.stores[EQUITIES], EQUITIES)
    assert [each.kind for each in report.breaks] == [Kind.LOST]
    audited = audit_database(ledgers.url, MAIN, domains=ledgers.stores)
    told = {verdict.check: verdict for verdict in audited.verdicts}
    assert not told["domain equities"].sound
    assert "main.S1.1 is executed here, absent there" in told["domain equities"].told
    assert told["domain cash"].sound

    words = ("settle", "reconcile", "--domain", EQUITIES, "--url", ledgers.url, "-o", "json")
    assert _run(*words) == Exit.CHECK_FAILED
    found = json.loads(capsys.readouterr().out)
    assert (found["sound"], found["breaks"][0]["remedy"]) == (False, "hold_and_execute")
    assert _run(*words, "--repair") == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert (found["sound"], found["mended"]) == (True, ["main.S1.1"])
    held = asyncio.run(ledgers.holding(EQUITIES, BUYER, SECURITY))
    assert held == (QUANTITY, QUANTITY)
    assert audit_database(ledgers.url, MAIN, domains=ledgers.stores).sound


@pytest.mark.slow
def test_nothing_is_repaired_while_the_platform_runs(ledgers: Ledgers) -> None:
    async def story() -> None:
        journal = PostgresJournal(ledgers.url, MAIN)
        head = await journal.open()
        arguments = (ledgers.settings, ledgers.url, ledgers.stores[CASH], CASH)
        assert (await asyncio.to_thread(compare, *arguments)).sound
        with pytest.raises(NotDone, match="another process is the writer"):
            await asyncio.to_thread(mend, *arguments)
        await journal.close()
        again = await journal.open()
        assert again.fence == head.fence + 1, "who only looks fences nobody off"
        await journal.close()

    asyncio.run(story())


def test_a_domain_that_is_not_there_is_a_wrong_argument(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("settle", "reconcile", "--domain", "nowhere", "--data-dir", str(tmp_path))
    assert _run(*words) == Exit.USAGE
    assert "nowhere" in capsys.readouterr().err


def _run(*words: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert isinstance(ending.value.code, int)
    return ending.value.code
