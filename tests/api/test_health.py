"""Can one see from outside whether the platform is well, and what it counts?"""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nostro.adapters.memory.journal import MemoryDisk
from nostro.api import Bounds, Finding
from nostro.runtime.ports import OutcomeUnknown
from tests.api.door import Standing, front_door, live_door
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
