"""Can one see from outside whether the platform is well, and what it counts?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nostro.adapters.memory.journal import MemoryDisk
from nostro.api import Bounds, Finding
from nostro.api.feeds.hub import Hub
from nostro.runtime.ports import OutcomeUnknown
from nostro.settlement import DomainState, SetDomainState
from nostro.wiring.domains import DomainOffices
from tests.api.bourse import bourse, order
from tests.api.door import Door, Standing, front_door, live_door
from tests.api.feeds_stage import greeted, reader
from tests.runtime.desk import ScriptedJournal


class Answering:
    """A dependency that answers what it was told to, or never."""

    def __init__(self, name: str, finding: Finding | Exception | None) -> None:
        self.name = name
        self._finding = finding

    async def check(self) -> Finding:
        if self._finding is None:
            await asyncio.Event().wait()
        if isinstance(self._finding, Exception):
            raise self._finding
        assert self._finding is not None
        return self._finding


WELL = Answering("views", Finding(ok=True))
QUICK = Bounds(probe_timeout_s=0.05)


async def test_a_stopped_engine_is_alive_and_not_ready() -> None:
    async with front_door(parts={"probes": [WELL]}) as door:
        await door.engine.stop()
        assert (await door.client.get("/livez")).json() == {"status": "alive"}
        answer = await door.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        engine = answer.json()["dependencies"]["engine"]
        assert engine["ok"] is False
        assert engine["remedy"]


async def test_a_settlement_domain_that_is_quarantined_is_told_and_stops_no_command() -> None:
    parts = {"probes": [WELL], "ledger": Standing(), "domains": DomainOffices({})}
    async with front_door(parts=parts) as door:
        assert (await door.client.get("/readyz")).json()["status"] == "ready"
        shut = SetDomainState(domain="main", state=DomainState.QUARANTINED)
        await door.engine.submit(key="k", command=shut, actor="operator")
        answer = (await door.client.get("/readyz")).json()
        assert answer["status"] == "degraded"
        assert answer["dependencies"]["settlements"]["detail"] == "0 stuck, quarantined: main"
        text = (await door.client.get("/metrics")).text
    assert "nostro_settlements_stuck 0.0" in text
    assert "nostro_settlement_domains_shut 1.0" in text


@pytest.mark.parametrize(
    ("finding", "detail"),
    [
        (None, "no answer within 0.05 s"),
        (OutcomeUnknown("gone"), "OutcomeUnknown: gone"),
        (Finding(ok=False, detail="disk full", remedy="Add room."), "disk full"),
    ],
)
async def test_a_required_dependency_that_is_not_well_is_not_ready(
    finding: Finding | Exception | None, detail: str
) -> None:
    store = Answering("postgres", finding)
    async with front_door(bounds=QUICK, parts={"probes": [store, WELL]}) as door:
        answer = await door.client.get("/readyz")
        assert answer.status_code == 503
        told = answer.json()["dependencies"]["postgres"]
        assert (told["ok"], told["detail"], told["required"]) == (False, detail, True)
        assert told["latency_ms"] >= 0


async def test_without_its_views_the_platform_takes_commands_all_the_same() -> None:
    async with front_door() as door:
        answer = await door.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["dependencies"]["views"]["required"] is False


async def test_since_tells_when_a_dependency_became_what_it_is() -> None:
    store = Answering("postgres", Finding(ok=True))
    async with front_door(parts={"probes": [store, WELL]}) as door:
        first = (await door.client.get("/readyz")).json()["dependencies"]["postgres"]["since"]
        again = (await door.client.get("/readyz")).json()["dependencies"]["postgres"]["since"]
        store._finding = Finding(ok=False)
        down = (await door.client.get("/readyz")).json()["dependencies"]["postgres"]["since"]
        assert first == again < down


async def test_the_platform_at_a_glance(wheel_postgres: str) -> None:
    async with live_door(wheel_postgres) as door:
        await door.open("a")
        await door.get("/api/v1/ledger/accounts/a")
        told = (await door.client.get("/api/v1/metrics/health")).json()
        assert told["status"] == "ready"
        assert (told["chain"], told["engine"]["height"]) == ("main", 1)
        assert told["engine"]["commands_total"] == 1
        assert told["views"] == {"height": 1, "rows": 0, "seconds": 0.0}


async def test_views_that_do_not_move_are_told_with_their_age() -> None:
    async with front_door(parts={"ledger": Standing()}) as door:
        await door.open("a")
        seconds = 0.0
        async with asyncio.timeout(10):
            while seconds == 0.0:
                told = (await door.client.get("/api/v1/metrics/health")).json()["views"]
                seconds = told["seconds"]
        assert (told["height"], told["rows"]) == (0, 1)


def values(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples of an exposition by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_every_metric_is_ours_and_in_base_units() -> None:
    async with front_door() as door:
        text = (await door.client.get("/metrics")).text
        families = list(text_string_to_metric_families(text))
        assert families
        for family in families:
            assert family.name.startswith("nostro_"), family.name
            assert family.documentation, family.name
            assert not family.name.endswith(("_ms", "_us", "_count", "_total")), family.name


async def test_the_metrics_count_what_was_done() -> None:
    disk = MemoryDisk()
    async with front_door(ScriptedJournal(disk), disk=disk) as door:
        await door.open("a", "b")
        body = {"id": "t", "debit": "a", "credit": "b", "amount": "1", "asset": "EUR"}
        await door.post("/api/v1/ledger/transfers", body)
        await door.post("/api/v1/ledger/transfers", body)
        await door.post("/api/v1/ledger/transfers", {**body, "amount": 2})
        await door.post("/wallet/withdraw/w/cancel")
        await door.client.get("/nowhere/at/all")
        await door.client.get("/markets/ADA-USDT")
        told = values((await door.client.get("/metrics")).text)
        route = "/api/v1/ledger/transfers"
        assert told["nostro_commands_total",] == 4
        assert told["nostro_rejections_total",] == 1
        assert told["nostro_replays_total",] == 1
        assert told["nostro_key_conflicts_total",] == 1
        assert told["nostro_journal_height",] == 4
        assert told["nostro_engine_state", "running"] == 1
        assert told["nostro_commit_seconds_count",] == door.engine.stats.batches
        assert told["nostro_http_requests_total", "POST", route, "201"] == 2
        assert told["nostro_http_requests_total", "POST", route, "422"] == 1
        assert told["nostro_http_requests_total", "GET", "unmatched", "404"] == 1
        cancel = "/wallet/withdraw/{withdrawal_id}/cancel"
        assert told["nostro_http_requests_total", "POST", cancel, "404"] == 1
        assert told["nostro_http_requests_total", "GET", "/markets/{symbol}", "404"] == 1
        assert told["nostro_http_request_seconds_count", "POST", route] == 3


MARKET = "ADA-USDT"
BID: dict[str, Any] = {"side": "BUY", "price": "2", "quantity": "10"}
ASK: dict[str, Any] = {"side": "SELL", "price": "2", "quantity": "4"}


async def figures(door: Door) -> dict[tuple[str, ...], float]:
    return values((await door.client.get("/metrics")).text)


async def test_the_metrics_count_orders_and_trades_by_market() -> None:
    async with bourse() as door:
        await order(door, "alice", 422, **{**BID, "quantity": "5000"})
        bid = await order(door, "alice", **BID)
        await order(door, "bob", **ASK)
        await order(door, "bob", **ASK)
        await order(door, "bob", **{**ASK, "price": "3"})
        told = await figures(door)
        assert told["nostro_orders_placed_total", MARKET] == 5
        assert told["nostro_trades_total", MARKET] == 2
        assert told["nostro_orders_live", MARKET] == 2
        assert told["nostro_orders_live", "BTC-USD"] == 0
        assert told["nostro_market_state", MARKET, "open"] == 1
        assert told["nostro_market_state", MARKET, "closed"] == 0
        await door.ask("DELETE", f"/orders/{bid['order_id']}", of="alice")
        closed = {"state": "closed"}
        await door.ask("POST", f"/markets/{MARKET}/state", closed, of="operator")
        told = await figures(door)
        assert told["nostro_orders_live", MARKET] == 0
        assert told["nostro_market_state", MARKET, "closed"] == 1


async def test_the_metrics_say_when_the_markets_cannot_be_shown() -> None:
    async with bourse() as door:
        assert (await figures(door))["nostro_picture_broken",] == 0
        picture = door.app.desk.platform.picture
        assert picture is not None
        picture.fold([MARKET])  # type: ignore[list-item]  # what no engine reports
        told = await figures(door)
        assert told["nostro_picture_broken",] == 1
        assert ("nostro_orders_live", MARKET) not in told


async def test_the_metrics_tell_what_waits_for_providers_and_for_people() -> None:
    async with bourse() as door:
        rules = {"routing": "provider", "provider": "merchant"}
        await door.ask("PATCH", f"/markets/{MARKET}", rules, of="operator")
        await order(door, "alice", **BID)
        await order(door, "alice", **BID)
        told = await figures(door)
        names = ("nostro_routes_awaited", "nostro_routes_broken", "nostro_suspended_funds")
        assert [told[name,] for name in names] == [2, 0, 0]
        state = door.engine.look("exchange")
        state.routes[1].broken = True  # as the room does when he said what cannot be
        state.suspensions[1] = object()  # only their number is told
        told = await figures(door)
        assert [told[name,] for name in names] == [1, 1, 1]


async def test_the_metrics_count_the_readers_of_the_feeds() -> None:
    async with bourse() as door:
        assert (await figures(door))["nostro_feed_connections",] == 0
        hub = Hub(door.app.desk, connections_max=2)
        async with reader(hub, address="10.0.0.1") as one:
            await greeted(one)
            one.subscribe("book")
            await one.next("snapshot")
            async with reader(hub, address="10.0.0.1") as too_many:
                assert (await too_many.next())["status"] == 429
            (slow,) = hub.connections
            slow._fall_behind()
            told = await figures(door)
            assert told["nostro_feed_connections",] == 1
            assert told["nostro_feed_subscriptions", "book"] == 1
            assert told["nostro_feed_subscriptions", "fills"] == 0
            assert told["nostro_feed_refused_total", "feeds.too_many_connections"] == 1
        told = await figures(door)
        assert told["nostro_feed_connections",] == 0
        assert told["nostro_feed_lagged_total",] == 1  # also of who is gone


async def test_a_platform_without_an_exchange_tells_no_metrics_of_one() -> None:
    async with front_door(parts={"picture": None}) as door:
        names = {name for name, *_ in await figures(door)}
        assert not {name for name in names if name.startswith(("nostro_orders", "nostro_feed"))}
