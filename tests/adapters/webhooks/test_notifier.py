"""Does every endpoint hear what it asked for, whatever it does meanwhile?"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from nostro.adapters.clock import SystemClock
from nostro.adapters.webhooks import (
    DeliveryState,
    EventType,
    Notifier,
    NotifierSettings,
    TradingViews,
    WebhookStore,
)
from nostro.kernel.codec import encode_events
from nostro.kernel.messages import Event, Rejection
from nostro.payments import PaymentsSettled, Settled
from tests.adapters.webhooks.receiver import receiver

SETTLED = [EventType.PAYMENT_SETTLED]
DAY_US = 86_400_000_000


class Clock(SystemClock):
    """The clock of the machine, put forward by hand."""

    ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us


class World:
    """A notifier on PostgreSQL, and a journal that is written by hand."""

    def __init__(self, url: str, pool: AsyncConnectionPool[Any], *, loopback: bool = True) -> None:
        self.url = url
        self.clock = Clock()
        self.store = WebhookStore(pool, "main", clock=self.clock, loopback=loopback)
        self.client = httpx.AsyncClient(trust_env=False)
        self.notifier = Notifier(
            self.store,
            views=TradingViews(pool, "main"),
            chain="main",
            clock=self.clock,
            settings=NotifierSettings(timeout_s=0.5, retry_first_s=10.0),
            client=self.client,
        )
        self.height = 0

    def happen(self, *events: Event) -> int:
        """Write a journal row."""
        self.height += 1
        payload = encode_events(events)
        with psycopg.connect(self.url, autocommit=True) as connection:
            columns = [
                row[0]
                for row in connection.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_schema = 'nostro' AND table_name = 'journal'"
                )
            ]
            told: dict[str, Any] = {
                "chain": "main",
                "height": self.height,
                "at": 1_000_000,
                "command_id": f"c-{self.height}",
                "payload": payload,
            }
            for column in columns:
                told.setdefault(column, _filler(column))
            names = ", ".join(columns)
            places = ", ".join(f"%({name})s" for name in columns)
            connection.execute(
                f"INSERT INTO nostro.journal ({names}) VALUES ({places})".encode(), told
            )
        return self.height

    async def tell(self, *, later_s: float = 0.0) -> None:
        """Follow, and send what is due, as of some time later."""
        self.clock.ahead_us += int(later_s * 1_000_000)
        while await self.notifier.follow():
            pass
        while await self.notifier.send_due():
            await self.notifier.settled()


def _filler(column: str) -> Any:
    if column in ("prev_hash", "hash", "content_hash", "content"):
        return hashlib.sha256(column.encode()).digest()
    return {"fence": 1, "reply": b"{}", "room": "payments"}.get(column, "x")


@pytest.fixture
async def world(wheel_postgres: str) -> AsyncIterator[World]:
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        wheel_postgres, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}
    )
    async with pool:
        world = World(wheel_postgres, pool)
        yield world
        await world.client.aclose()


def batch(number: int = 1) -> PaymentsSettled:
    items = [Settled(f"p-{number}", "NORD", "EUR", 100, "SUED", "EUR", 100)]
    return PaymentsSettled("C", f"C.{number}", items)


async def test_an_endpoint_that_may_not_be_reached_is_not_registered(world: World) -> None:
    for url in ("http://example.com/", "https://192.168.1.1/"):
        with pytest.raises(Rejection):
            await world.store.register(url, SETTLED, actor="operator")
    assert await world.store.endpoints() == []


async def test_one_url_is_registered_once(world: World) -> None:
    await world.store.register("https://example.com/h", SETTLED, actor="operator")
    with pytest.raises(Rejection) as caught:
        await world.store.register("https://example.com/h", SETTLED, actor="operator")
    assert caught.value.code == "webhooks.exists"


async def test_what_is_not_known_is_told_so(world: World) -> None:
    for deed in (world.store.rotate("no"), world.store.enable("no"), world.store.deliveries("no")):
        with pytest.raises(Rejection) as caught:
            await deed
        assert caught.value.code == "webhooks.unknown"
    with pytest.raises(Rejection) as caught:
        await world.store.retry("no", "1:0:no")
    assert caught.value.code == "webhooks.delivery_unknown"
    await world.store.remove("no")


async def test_a_message_is_signed_and_names_itself(world: World) -> None:
    async with receiver() as there:
        endpoint, secret = await world.store.register(there.url, SETTLED, actor="operator")
        height = world.happen(batch())
        await world.tell()
        ((headers, body),) = there.heard
        assert Webhook(secret).verify(body, headers)["data"]["batch_id"] == "C.1"
        assert headers["webhook-id"] == f"{height}:0:{endpoint.id}"
        assert headers["host"] == there.url.split("/")[2]
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body + b" ", headers)
        (told,) = (await world.store.deliveries(endpoint.id)).items
        assert (told.state, told.attempts, told.status) == (DeliveryState.DELIVERED, 1, 200)


async def test_what_happened_before_it_was_registered_is_not_told(world: World) -> None:
    world.happen(batch(1))
    async with receiver() as there:
        await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch(2))
        await world.tell()
        assert [json.loads(body)["data"]["batch_id"] for _, body in there.heard] == ["C.2"]


async def test_a_failure_is_tried_again_later_and_later(world: World) -> None:
    async with receiver(500, 500, 200) as there:
        endpoint, _ = await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch())
        await world.tell()
        await world.tell(later_s=9)
        assert len(there.heard) == 1
        await world.tell(later_s=3)
        assert len(there.heard) == 2
        await world.tell(later_s=12)
        assert len(there.heard) == 2, "the second pause is four times as long"
        failing = await world.store.endpoint(endpoint.id)
        assert failing is not None
        assert failing.failing_since_us is not None
        await world.tell(later_s=45)
        ids = {headers["webhook-id"] for headers, _ in there.heard}
        assert (len(there.heard), len(ids)) == (3, 1)
        well = await world.store.endpoint(endpoint.id)
        assert well is not None
        assert well.failing_since_us is None


@pytest.mark.parametrize(
    ("status", "error"), [(0, "no answer in 0.5 s"), (302, "redirects are not followed")]
)
async def test_silence_and_redirects_are_failures(world: World, status: int, error: str) -> None:
    async with receiver(status) as there:
        endpoint, _ = await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch())
        await world.tell()
        (told,) = (await world.store.deliveries(endpoint.id)).items
        assert told.error.startswith(error)
        assert told.state is DeliveryState.PENDING
        assert len(there.heard) == 1


async def test_nobody_at_the_address_is_a_failure(world: World) -> None:
    endpoint, _ = await world.store.register("http://127.0.0.1:1/", SETTLED, actor="operator")
    world.happen(batch())
    await world.tell()
    (told,) = (await world.store.deliveries(endpoint.id)).items
    assert (told.status, told.state) == (None, DeliveryState.PENDING)
    assert "ConnectError" in told.error


async def test_an_endpoint_that_is_gone_is_told_nothing_until_it_is_enabled(world: World) -> None:
    async with receiver(410, 200) as there:
        endpoint, _ = await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch(1))
        await world.tell()
        world.happen(batch(2))
        await world.tell(later_s=100)
        assert len(there.heard) == 1
        gone = await world.store.endpoint(endpoint.id)
        assert gone is not None
        assert gone.disabled_reason == "it said that it is gone (410)"
        await world.store.enable(endpoint.id)
        world.happen(batch(3))
        await world.tell()
        assert [json.loads(body)["data"]["batch_id"] for _, body in there.heard] == ["C.1", "C.3"]


async def test_a_message_is_given_up_after_a_day_and_can_be_sent_again_by_hand(
    world: World,
) -> None:
    async with receiver(*[500] * 12, 200) as there:
        endpoint, _ = await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch())
        await world.tell()
        for _ in range(12):
            await world.tell(later_s=7 * 3_600)
        (told,) = (await world.store.deliveries(endpoint.id)).items
        assert told.state is DeliveryState.FAILED
        there.statuses = [200]
        await world.store.retry(endpoint.id, told.id)
        await world.tell()
        (told,) = (await world.store.deliveries(endpoint.id)).items
        assert told.state is DeliveryState.DELIVERED
        assert there.heard[-1][0]["webhook-id"] == told.id


async def test_an_endpoint_that_fails_for_days_is_disabled(world: World) -> None:
    async with receiver(500) as there:
        endpoint, _ = await world.store.register(there.url, SETTLED, actor="operator")
        for number in range(6):
            world.happen(batch(number))
            await world.tell(later_s=86_400)
        failed = await world.store.endpoint(endpoint.id)
        assert failed is not None
        assert failed.disabled_reason == "it failed for too long"


async def test_after_a_rotation_both_secrets_sign_for_a_day(world: World) -> None:
    async with receiver() as there:
        endpoint, old = await world.store.register(there.url, SETTLED, actor="operator")
        new = (await world.store.rotate(endpoint.id)).secret
        world.happen(batch(1))
        await world.tell()
        headers, body = there.heard[0]
        assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)
        world.clock.ahead_us += DAY_US + 1
        world.happen(batch(2))
        await world.tell()
        assert len(there.heard[1][0]["webhook-signature"].split(" ")) == 1


async def test_a_row_is_told_once_however_often_it_is_read(world: World) -> None:
    async with receiver() as there:
        await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch())
        await world.tell()
        with psycopg.connect(world.url, autocommit=True) as connection:
            connection.execute("UPDATE nostro.webhook_checkpoint SET height = 0")
        await world.tell()
        assert len(there.heard) == 1


async def test_a_removed_endpoint_hears_nothing_more(world: World) -> None:
    async with receiver() as there:
        endpoint, _ = await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch())
        await world.notifier.follow()
        await world.store.remove(endpoint.id)
        await world.tell()
        assert there.heard == []


async def test_a_name_that_turns_private_is_not_reached(world: World) -> None:
    async with receiver() as there:
        url = there.url.replace("http://127.0.0.1", "https://localhost")
        endpoint, _ = await world.store.register(url, SETTLED, actor="operator")
        world.store.loopback = False
        world.happen(batch())
        await world.tell()
        (told,) = (await world.store.deliveries(endpoint.id)).items
        assert "address_refused" in told.error
        assert there.heard == []


async def test_it_runs_until_it_is_cancelled(world: World) -> None:
    async with receiver() as there:
        await world.store.register(there.url, SETTLED, actor="operator")
        world.happen(batch())
        running = asyncio.create_task(world.notifier.run())
        try:
            async with asyncio.timeout(10):
                await there.something.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert len(there.heard) == 1


def test_the_reader_does_not_see_secrets(wheel_postgres: str) -> None:
    with psycopg.connect(wheel_postgres, autocommit=True) as connection:
        connection.execute("SET ROLE nostro_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT secret FROM nostro.webhook_endpoint")
        connection.execute("RESET ROLE")
        connection.execute("SET ROLE nostro_engine")
        connection.execute("SELECT secret FROM nostro.webhook_endpoint")
