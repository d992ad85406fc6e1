"""Of what became of settlements are endpoints told, in how many messages, and when?"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.webhooks import (
    EventType,
    Notifier,
    TradingViews,
    WebhookStore,
    settling,
    trading,
)
from nostro.kernel.codec import encode_events
from nostro.settlement import (
    SettlementEventView,
    Status,
    Telling,
    ToldEvent,
    ToldType,
)
from tests.adapters.postgres.dvp_story import DvpStory, follow_story
from tests.adapters.webhooks.receiver import receiver
from tests.databases import as_role
from tests.rooms.settlement.told_course import CHAIN, Dealer


def settled(place: int) -> ToldEvent:
    """Return that a settlement has settled."""
    event = SettlementEventView(
        event_id=f"main.7.{place}",
        event_type=ToldType.SETTLED,
        number=place,
        trade_id=f"T{place}",
        status=Status.SETTLED,
        facts={
            "round_id": "r",
            "quantity_minor": 100,
            "amount_minor": 5,
            "settled_quantity_minor": 100,
            "settled_amount_minor": 5,
        },
        at_us=0,
        height=7,
    )
    return ToldEvent(seq=0, event=event, seller="a", buyer="b", security="BOND", cash="EUR")


def test_many_that_settle_at_once_are_told_in_pages() -> None:
    told = [settled(place) for place in range(3, 2_004)]
    notices = list(settling.notices_of(told, {"BOND": 2, "EUR": 2}))
    assert [(each.place, each.type) for each in notices] == [
        ("3.0.27", EventType.SETTLEMENT_SETTLED),
        ("3.1.27", EventType.SETTLEMENT_SETTLED),
        ("3.2.27", EventType.SETTLEMENT_SETTLED),
    ]
    assert [len(each.data["settlements"]) for each in notices] == [1_000, 1_000, 1]
    assert notices[2].data["settlements"][0]["amount"] == "0.05"


def test_a_row_that_tells_of_something_has_an_event_that_does() -> None:
    for seed in range(8):
        telling = Telling(CHAIN)
        for height, at_us, events in Dealer(seed).run(250).rows:
            payload = encode_events(events)
            for told in telling.fold(events, height, at_us):
                assert any(tag in payload for tag in settling.tags_of({told.event_type.value}))


def test_every_type_is_told_and_has_a_number_of_its_own() -> None:
    assert {*settling.TOLD_BY} == {*settling._NUMBERS} == {*ToldType}
    numbers = [*settling._NUMBERS.values(), *(kind.number for kind in trading._KINDS.values())]
    assert len({*numbers}) == len(numbers)
    assert {each.value for each in ToldType} <= {each.value for each in EventType}


def test_nothing_is_looked_up_for_endpoints_that_did_not_ask_for_settlements() -> None:
    assert settling.tags_of({EventType.ORDER_PLACED.value}) == []
    assert settling.tags_of({"cycle_settlement.failed"}) == []


@pytest.mark.parametrize("behind", [False, True])
async def test_an_endpoint_hears_once_of_each_that_settled_once_the_views_tell_of_it(
    wheel_postgres: str, behind: bool
) -> None:
    story = DvpStory(3, 200)
    options: dict[str, Any] = {"min_size": 1, "open": False, "kwargs": {"autocommit": True}}
    reader = as_role(wheel_postgres, "nostro_reader")
    async with (
        AsyncConnectionPool(wheel_postgres, max_size=4, **options) as pool,
        AsyncConnectionPool(reader, max_size=2, **options) as looking,
        httpx.AsyncClient(trust_env=False) as client,
        receiver() as there,
    ):
        store = WebhookStore(pool, CHAIN, clock=SystemClock(), loopback=True)
        notifier = Notifier(
            store,
            views=TradingViews(looking, CHAIN),
            chain=CHAIN,
            clock=SystemClock(),
            client=client,
        )
        kinds = [EventType.SETTLEMENT_SETTLED, EventType.SETTLEMENT_FAILED]
        await store.register(there.url, kinds, actor="operator")
        await story.write(wheel_postgres)
        if behind:
            await _tell(notifier)
            assert not there.heard
        await asyncio.to_thread(follow_story, wheel_postgres)
        await _tell(notifier)
        heard = [json.loads(body) for _, body in there.heard]
    found = Counter(
        (each["type"], item["event_id"]) for each in heard for item in each["data"]["settlements"]
    )
    assert set(found.values()) == {1}
    telling = Telling(CHAIN)
    wanted = {
        (told.event_type.value, f"{CHAIN}.{told.height}.{told.place}")
        for height, at_us, events in story.dealer.rows
        for told in telling.fold(events, height, at_us)
        if told.event_type in (ToldType.SETTLED, ToldType.FAILED)
    }
    assert {*found} == wanted


async def _tell(notifier: Notifier) -> None:
    for _ in range(1_000):
        if not await notifier.follow():
            break
    while await notifier.send_due():
        await notifier.settled()
