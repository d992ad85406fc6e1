"""How does one register to be told, and see what was told?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.webhooks import WebhookStore
from tests.api.door import Door, front_door

ROOT = "/api/v1/webhooks"
HOOK = {"url": "https://bank.example/hook", "events": ["payment.settled"]}


@pytest.fixture
async def door(wheel_postgres: str) -> AsyncIterator[Door]:
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        wheel_postgres, min_size=1, max_size=2, open=False, kwargs={"autocommit": True}
    )
    async with pool:
        store = WebhookStore(pool, "main", clock=SystemClock(), loopback=False)
        async with front_door(parts={"webhooks": store}) as opened:
            yield opened


async def test_a_platform_without_a_notifier_says_so() -> None:
    async with front_door() as door:
        for answer in (await door.post(ROOT, HOOK), await door.client.get(ROOT)):
            assert (answer.status_code, answer.json()["code"]) == (501, "webhooks.not_here")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "http://bank.example/hook"}, "webhooks.bad_url"),
        ({"url": "https://10.0.0.1/hook"}, "webhooks.address_refused"),
        ({"url": "https://localhost/hook"}, "webhooks.address_refused"),
        ({"events": []}, "request.bad_value"),
        ({"events": ["payment.invented"]}, "request.bad_value"),
        ({"url": 7}, "request.bad_value"),
        ({"more": 1}, "request.unknown_field"),
    ],
)
async def test_what_cannot_be_told_is_refused(
    door: Door, changes: dict[str, Any], code: str
) -> None:
    answer = await door.post(ROOT, {**HOOK, **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await door.client.get(ROOT)).json() == {"data": []}


async def test_the_secret_is_told_once(door: Door) -> None:
    told = (await door.post(ROOT, HOOK, x_nostro_actor="bob")).json()
    assert told["secret"].startswith("whsec_")
    assert told["created_by"] == "bob"
    (listed,) = (await door.client.get(ROOT)).json()["data"]
    assert "secret" not in listed
    assert (await door.client.get(f"{ROOT}/{told['id']}")).json() == listed
    rotated = (await door.post(f"{ROOT}/{told['id']}/rotate")).json()
    assert rotated["secret"] != told["secret"]


async def test_an_endpoint_is_told_of_the_exchange_when_it_asks_for_that(door: Door) -> None:
    events = ["order.placed", "order.closed", "trade.executed"]
    events += ["route.broken", "funds.suspended", "market.state_changed"]
    answer = await door.post(ROOT, {**HOOK, "events": events})
    assert (answer.status_code, answer.json()["events"]) == (201, events)


async def test_a_url_is_registered_once(door: Door) -> None:
    await door.post(ROOT, HOOK)
    answer = await door.post(ROOT, HOOK)
    assert (answer.status_code, answer.json()["code"]) == (409, "webhooks.exists")


async def test_what_is_removed_is_not_there_and_stays_so(door: Door) -> None:
    id = (await door.post(ROOT, HOOK)).json()["id"]
    for _ in range(2):
        answer = await door.client.delete(f"{ROOT}/{id}")
        assert (answer.status_code, answer.json()) == (200, {"data": []})
    for answer in (
        await door.client.get(f"{ROOT}/{id}"),
        await door.client.get(f"{ROOT}/{id}/deliveries"),
        await door.post(f"{ROOT}/{id}/rotate"),
        await door.post(f"{ROOT}/{id}/enable"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "webhooks.unknown")


async def test_deliveries_are_told_page_by_page_and_sent_again(
    door: Door, wheel_postgres: str
) -> None:
    id = (await door.post(ROOT, HOOK)).json()["id"]
    with psycopg.connect(wheel_postgres, autocommit=True) as connection:
        for height in range(1, 4):
            connection.execute(
                "INSERT INTO nostro.webhook_delivery (chain, id, endpoint, event_type, height,"
                " body, state, created_at_us, give_up_at_us, status) VALUES"
                " ('main', %s, %s, 'payment.settled', %s, '{}', 'failed', 1, 1, 500)",
                (f"{height}:0:{id}", id, height),
            )
    path = f"{ROOT}/{id}/deliveries"
    first = (await door.client.get(path, params={"limit": 2})).json()
    assert [each["height"] for each in first["data"]] == [3, 2]
    assert first["has_more"] is True
    rest = (await door.client.get(path, params={"cursor": first["next_cursor"]})).json()
    assert [each["height"] for each in rest["data"]] == [1]
    assert rest["next_cursor"] is None
    again = (await door.post(f"{path}/1:0:{id}/retry")).json()
    assert again["state"] == "pending"
    pending = (await door.client.get(path, params={"state": "pending"})).json()
    assert [each["height"] for each in pending["data"]] == [1]
    lost = await door.post(f"{path}/9:0:{id}/retry")
    assert (lost.status_code, lost.json()["code"]) == (404, "webhooks.delivery_unknown")
    bad = await door.client.get(path, params={"cursor": "x"})
    assert bad.json()["code"] == "request.bad_cursor"
