"""Do the domains of one machine find their stores, keep apart, and come back from a snapshot?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.own import OwnAdmin, OwnDomain, domain_house
from nostro.adapters.domains.port import Absent, Executed, Held, Refused
from nostro.adapters.postgres.faults import PostgresFault
from nostro.adapters.postgres.follower import PostgresViews
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.kernel.messages import Rejection
from nostro.runtime.engine import Engine
from nostro.runtime.ports import NotDone
from nostro.runtime.projector import Projector
from nostro.wiring.domains import (
    DomainOffices,
    DomainOrder,
    DomainPlace,
    RemoteDomains,
    embedded_store,
    external_store,
    order_for,
)
from nostro.wiring.starting import start_patiently
from tests.contracts.domain_conformance import R1, R2, R3, holding, order


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(Path(tmp_path_factory.mktemp("domains")) / "data") as postgres:
        yield postgres


async def engine_on(place: DomainOrder) -> Engine:
    journal = PostgresJournal(place.store, place.name)
    engine = Engine(house=domain_house(), journal=journal, clock=SystemClock())
    await start_patiently(engine)
    return engine


async def give(engine: Engine, reference: str = "i1") -> None:
    await OwnAdmin(engine).issue(
        reference=reference, party="alice", asset="BOND1", scale=0, amount_minor=300
    )


async def test_two_domains_know_nothing_of_each_other(server: EmbeddedPostgres) -> None:
    places = [order_for(name, embedded_store(server, name)) for name in ("sec", "bank")]
    assert places[0].token != places[1].token
    first, second = [await engine_on(place) for place in places]
    await give(first)
    await OwnDomain(first, "sec").hold([holding(R1)])
    assert await OwnDomain(second, "bank").status([R1]) == [Absent()]
    assert (await OwnAdmin(second).holdings("alice")).holdings == []
    for engine in (first, second):
        await engine.stop()


async def test_a_domain_comes_back_from_the_snapshot_that_its_follower_saved(
    server: EmbeddedPostgres,
) -> None:
    place = order_for("fund", embedded_store(server, "fund"))
    engine = await engine_on(place)
    await give(engine)
    domain = OwnDomain(engine, "fund")
    await domain.hold([holding(R1, epoch=4), holding(R2), holding(R3)])
    (executed,) = await domain.execute([order(R2)])
    (released,) = await domain.release([order(R3)])
    house = domain_house()
    with closing(PostgresViews(place.follower, place.name, rooms=house.rooms)) as store:
        follower = Projector(house, store, snapshot_every=1)
        follower.open()
        while follower.step():
            pass
        assert follower.checkpoint.height == engine.height
    digests = engine.digests()
    await engine.stop()
    journal = PostgresJournal(place.store, place.name)
    await journal.open()
    assert await journal.newest_snapshot() is not None
    await journal.close()
    again = await engine_on(place)
    assert again.digests() == digests
    domain = OwnDomain(again, "fund")
    assert (await domain.status([R2, R3])) == [executed, released]
    assert isinstance((await domain.execute([order(R1, 3)]))[0], Refused)
    assert isinstance((await domain.hold([holding(R1, epoch=5)]))[0], Held)
    assert isinstance((await domain.execute([order(R1, 5)]))[0], Executed)
    with pytest.raises(Rejection, match="reference_exists"):
        await OwnAdmin(again).issue(
            reference="i1", party="alice", asset="BOND1", scale=0, amount_minor=301
        )
    await again.stop()


def test_a_database_of_the_operator_that_is_not_there_is_told(server: EmbeddedPostgres) -> None:
    with pytest.raises(PostgresFault):
        external_store(server.url(), "nowhere")


async def test_the_door_asks_the_domain_that_keeps_the_books(server: EmbeddedPostgres) -> None:
    engine = await engine_on(order_for("desk", embedded_store(server, "desk")))
    offices = DomainOffices({"desk": OwnAdmin(engine)}, others=["canton"])
    assert offices.names() == ("desk", "canton")
    asked = {"reference": "i1", "party": "alice", "asset": "BOND1"}
    issued = await offices.issue("desk", **asked, scale=0, amount_minor=300)
    assert (issued.exists, issued.height) == (False, engine.height)
    await OwnDomain(engine, "desk").hold([holding(R1)])
    (told,) = (await offices.holdings("desk", "alice")).holdings
    assert (told.asset, told.owned_minor, told.earmarked_minor) == ("BOND1", 300, 100)
    for name, code in (("canton", "custody.not_here"), ("x", "settlement.domain_unknown")):
        with pytest.raises(Rejection) as caught:
            await offices.holdings(name, "alice")
        assert caught.value.code == code
    await engine.stop()


async def test_a_domain_that_is_not_served_is_not_there() -> None:
    place = DomainPlace(name="sec", url="http://127.0.0.1:9", token="t")
    remote = RemoteDomains([place])
    with pytest.raises(NotDone):
        await remote.domains["sec"].head()
    with pytest.raises(NotDone):
        await remote.admins["sec"].holdings("alice")
    await remote.close()
