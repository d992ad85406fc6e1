"""Limits, exposures, alerts, liquidity and its forecast, through the front door."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.adapters.postgres.payment_queries import PaymentQueries
from nostro.adapters.postgres.risk_queries import RiskQueries
from nostro.adapters.postgres.settlement_queries import SettlementQueries
from nostro.api.forecasts import KEPT_MAX, Forecasts, by_calendar
from nostro.execution import (
    Direction,
    FundsSecured,
    InstructionSettled,
    NewInstruction,
    Purpose,
    SettlementInitiated,
    SettlementPlanned,
)
from nostro.flows import books
from nostro.ledger import CreateTransfers, NewTransfer, OpenAccounts
from nostro.payments import TransactionsSubmitted
from nostro.risk import (
    AlertRaised,
    Change,
    DayFlow,
    ExposureReserved,
    Forecast,
    History,
    LimitSet,
    Reservation,
    Reserve,
    TooShort,
)
from tests.adapters.postgres.payment_story import (
    Story,
    follow_story,
    submitted,
    whole_story,
)
from tests.api.door import Door, NoViews, Standing, front_door
from tests.rooms.risk.synthetic_flows import LAST_DAY, synthetic_flows

ROOT = "/api/v1/risk"
LIMIT = {"scope": "net_debit", "currency": "EUR", "participant": "alba", "amount": "5.00"}


class Flows(NoViews):
    """Views with a history of payments, and of nothing else."""

    def __init__(self, rows: Sequence[DayFlow]) -> None:
        self.rows = rows

    async def flows(self, *, from_day: str, to_day: str) -> Sequence[DayFlow]:
        return [row for row in self.rows if from_day <= row.day <= to_day]


async def put(door: Door, path: str, body: Any, **headers: str) -> Any:
    return await door.client.put(f"{ROOT}/{path}", json=body, headers=headers)


# -- limits and thresholds -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**LIMIT, "scope": "daily"}, "/scope"),
        ({**LIMIT, "currency": "eur"}, "/currency"),
        ({**LIMIT, "amount": "5.001"}, "/amount"),
        ({**LIMIT, "amount": "lots"}, "/amount"),
        ({**LIMIT, "amount": True}, "/amount"),
        ({**LIMIT, "participant": "a:b"}, "/participant"),
        ({**LIMIT, "limit": "5"}, "/limit"),
        ({"scope": "currency", "currency": "EUR"}, "/amount"),
    ],
)
async def test_a_limit_that_cannot_be_read_is_refused_at_its_place(
    body: Mapping[str, Any], pointer: str
) -> None:
    async with front_door() as door:
        answer = await put(door, "limits", body)
        assert answer.status_code == 422, answer.text
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        assert door.engine.height == 0


async def test_a_limit_that_makes_no_sense_is_refused_with_the_field() -> None:
    async with front_door() as door:
        answer = await put(door, "limits", {**LIMIT, "counterparty": "bora"})
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "risk.bad_limit")
        assert problem["facts"]["field"] == "counterparty"
        answer = await put(door, "thresholds", {"scope": "single", "used_ppm": 1})
        assert answer.status_code == 422


async def test_a_limit_stands_until_it_is_taken_away() -> None:
    async with front_door() as door:
        first = (await put(door, "limits", LIMIT)).json()
        assert (first["amount"], first["used"], first["exists"]) == ("5.00", "0.00", False)
        assert (await put(door, "limits", LIMIT)).json()["exists"]
        gone = (await put(door, "limits", {**LIMIT, "amount": None})).json()
        assert (gone["amount"], gone["exists"]) == (None, False)


async def test_a_limit_under_a_key_is_decided_once() -> None:
    async with front_door() as door:
        header = {"Idempotency-Key": "k-1"}
        first = await put(door, "limits", LIMIT, **header)
        again = await put(door, "limits", LIMIT, **header)
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"
        other = await put(door, "limits", {**LIMIT, "amount": "6.00"}, **header)
        assert (other.status_code, other.json()["code"]) == (422, "engine.key_reused")


async def test_a_limit_below_what_is_used_is_taken_and_tells_the_use() -> None:
    async with front_door() as door:
        item = Reservation("t", "alba", "bora", "EUR", 900)
        await door.engine.submit(key="r", command=Reserve(items=[item]), actor="flow")
        assert (await put(door, "limits", LIMIT)).json()["used"] == "9.00"


async def test_a_threshold_stands_until_it_is_taken_away() -> None:
    async with front_door() as door:
        body: dict[str, Any] = {"scope": "bilateral", "used_ppm": 800_000}
        assert not (await put(door, "thresholds", body)).json()["exists"]
        assert (await put(door, "thresholds", body)).json()["exists"]
        assert (await put(door, "thresholds", {**body, "used_ppm": None})).json()[
            "used_ppm"
        ] is None


# -- reads, of a story that really happened --------------------------------------------------------


@pytest.fixture
async def story(postgres: str) -> Story:
    """Two cycles of payments, told by the views; then limits, an alert and open payments."""
    story = whole_story()
    story.happen(
        LimitSet("net_debit", "EUR", "alba", "", 1_000, "ops"),
        LimitSet("currency", "EUR", "", "", 4_000, "ops"),
        ExposureReserved(
            [Change("alba", "bora", "EUR", 900, 2, 900), Change("bora", "alba", "EUR", 100, 1, 0)]
        ),
        AlertRaised("net_debit", "alba", "", "EUR", 900, 1_000, 900_000),
    )
    await story.write(postgres)
    follow_story(postgres)
    return story


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Door]:
    """Open a door whose views are those of a database."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}
    )
    async with pool:
        parts = {
            "ledger": LedgerQueries(pool),
            "payments": PaymentQueries(pool),
            "settlements": SettlementQueries(pool),
            "risk": RiskQueries(pool),
        }
        async with front_door(parts=parts) as door:
            yield door


async def told(door: Door, path: str, **query: Any) -> Any:
    answer = await door.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_limits_are_told_with_their_use(story: Story, postgres: str) -> None:
    async with reading(postgres) as door:
        limits = (await told(door, f"{ROOT}/limits"))["data"]
        assert [(each["scope"], each["used"], each["used_ppm"]) for each in limits] == [
            ("bilateral", "9.00", 1_000_000),
            ("currency", "10.00", 250_000),
            ("net_debit", "9.00", 900_000),
        ]
        narrowed = await told(door, f"{ROOT}/limits", participant="alba", currency="USD")
        assert narrowed["data"] == []


async def test_thresholds_and_alerts_are_told(story: Story, postgres: str) -> None:
    async with reading(postgres) as door:
        (threshold,) = (await told(door, f"{ROOT}/thresholds"))["data"]
        assert (threshold["scope"], threshold["used_ppm"]) == ("bilateral", 800_000)
        newest = await told(door, f"{ROOT}/alerts", limit=1)
        assert newest["data"][0]["scope"] == "net_debit"
        assert newest["has_more"]
        older = await told(door, f"{ROOT}/alerts", limit=1, cursor=newest["next_cursor"])
        assert older["data"][0]["cleared_at"] is not None
        standing = await told(door, f"{ROOT}/alerts", state="open")
        assert [each["limit"] for each in standing["data"]] == ["10.00"]


async def test_counterparties_are_told_with_limits_and_alerts(story: Story, postgres: str) -> None:
    async with reading(postgres) as door:
        body = await told(door, f"{ROOT}/counterparties", currency="EUR")
        alba, bora = body["data"]
        assert (alba["participant"], alba["owes"], alba["net"]) == ("alba", "9.00", "9.00")
        assert (bora["owes"], bora["owed"], bora["net"]) == ("1.00", "9.00", "-8.00")
        assert [limit["scope"] for limit in alba["limits"]] == ["bilateral", "net_debit"]
        assert [alert["scope"] for alert in alba["alerts"]] == ["net_debit"]
        (sums,) = body["currencies"]
        assert (sums["gross"], sums["bilateral_net"], sums["payers"]) == ("10.00", "9.00", 2)
        assert (sums["hhi_ppm"], sums["top5_ppm"]) == (820_000, 1_000_000)
        assert [limit["scope"] for limit in sums["limits"]] == ["currency"]
        assert body["height"] == story.memory.height


async def test_one_participant_is_told_pair_by_pair(story: Story, postgres: str) -> None:
    async with reading(postgres) as door:
        body = await told(door, f"{ROOT}/counterparties", participant="bora", currency="EUR")
        (bora,) = body["data"]
        (pair,) = bora["counterparties"]
        assert (pair["counterparty"], pair["owes"], pair["owed"]) == ("alba", "1.00", "9.00")
        assert body["currencies"][0]["gross"] == "10.00"


async def test_what_was_paid_and_not_received_is_told(story: Story, postgres: str) -> None:
    pay_in = NewInstruction("x:alba:EUR", "alba", "EUR", Direction.IN, 300, Purpose.POSITION)
    pay_out = NewInstruction("x:alba:USD", "alba", "USD", Direction.OUT, 330, Purpose.POSITION)
    story.happen(SettlementPlanned("x", ["x.1"], [pay_in, pay_out]))
    story.happen(
        SettlementInitiated("x", ["x.1"]),
        InstructionSettled("x", pay_in, "rtgs", "R-9", 0, "rtgs"),
        FundsSecured("x", ["x.1"], [pay_out], []),
    )
    await story.write(postgres)
    follow_story(postgres)
    async with reading(postgres) as door:
        body = await told(door, f"{ROOT}/counterparties", participant="alba", currency="USD")
        (waiting,) = body["data"]
        herstatt = waiting["herstatt"]
        assert (herstatt["total"], herstatt["irrevocable"]) == ("3.30", "3.30")
        assert herstatt["buckets"][-1]["amount"] == "3.30", "the story is of 2023"


async def test_liquidity_is_told_window_by_window(story: Story, postgres: str) -> None:
    accounts = [
        *books.settlement_accounts("alba", "EUR", credit_line_minor=500),
        *books.settlement_accounts("bora", "EUR", credit_line_minor=0),
    ]
    story.tell(OpenAccounts(accounts=accounts))
    funding = NewTransfer(
        id="funding:alba:1",
        debit=books.rail_account(books.FUNDING_RAIL, "EUR"),
        credit=books.vostro_account("alba", "EUR"),
        amount_minor=1_000,
        code=books.TransferCode.FUNDING,
    )
    assert story.tell(CreateTransfers(transfers=[funding])).body["results"] == []
    waits = [
        submitted("w1", "alba", "bora", minor=400, cycle_id="later"),
        submitted("w2", "alba", "bora", minor=110, source="USD", cycle_id="later"),
    ]
    story.happen(TransactionsSubmitted(waits, "clerk"))
    await story.write(postgres)
    follow_story(postgres)
    async with reading(postgres) as door:
        body = await told(door, "/api/v1/liquidity", currency="EUR")
        assert (body["height"], body["rate_set"]) == (story.memory.height, "ab" * 32)
        (euro,) = body["data"]
        assert (euro["position"], euro["available_at_start"]) == ("10.00", "10.00")
        assert [each["rail"] for each in euro["at_rails"]] == ["rtgs"]
        vostros = euro["vostros"]
        assert (vostros["accounts"], vostros["posted"], vostros["credit_lines"]) == (
            2,
            "10.00",
            "5.00",
        )
        (window,) = euro["windows"]
        assert (window["cycle_id"], window["unpriced_count"]) == ("later", 0)
        assert (window["pay_in_gross"], window["pay_out_gross"]) == ("5.00", "6.00")
        assert window["prefunded"] == "4.00"
        assert window["projected_low"] == window["projected_high"]


async def test_views_that_cannot_be_read_are_told() -> None:
    async with front_door() as door:
        for path in ("risk/limits", "risk/alerts", "risk/counterparties", "liquidity"):
            answer = await door.client.get(f"/api/v1/{path}")
            assert (answer.status_code, answer.json()["code"]) == (503, "views.unavailable")


# -- forecasts -------------------------------------------------------------------------------------

HISTORY = [
    row._replace(currency={"C00": "EUR", "C01": "USD"}[row.currency])
    for row in synthetic_flows(seed=8, currencies=2, days=300)
]
AS_OF = LAST_DAY.isoformat()
FORECAST = "/api/v1/liquidity/forecast"


@pytest.fixture
def parts() -> dict[str, Any]:
    return {"risk": Flows(HISTORY), "ledger": Standing()}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"days_ahead": 0}, "days_ahead"),
        ({"days_ahead": 32}, "days_ahead"),
        ({"model": "oracle"}, "model"),
        ({"as_of": "2026-02-30"}, "as_of"),
        ({"as_of": "1970-01-01"}, "as_of"),
        ({"as_of": (datetime.now(UTC) + timedelta(days=1)).date().isoformat()}, "as_of"),
    ],
)
async def test_a_forecast_that_makes_no_sense_is_refused_at_its_place(
    query: dict[str, Any], pointer: str, parts: dict[str, Any]
) -> None:
    async with front_door(parts=parts) as door:
        answer = await door.client.get(FORECAST, params={"currency": "EUR", **query})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_too_little_history_is_told_with_what_is_needed(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        for currency, present in (("EUR", 22), ("JPY", 0)):
            answer = await door.client.get(
                FORECAST, params={"currency": currency, "as_of": "2025-10-03"}
            )
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "risk.history_too_short")
            assert problem["facts"]["days_needed"] == 85
            assert problem["facts"]["days_present"] <= present


async def test_a_model_that_is_not_installed_is_told(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        answer = await door.client.get(FORECAST, params={"currency": "EUR", "model": "prophet"})
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "risk.model_not_installed")
        assert problem["facts"] == {"model": "prophet", "installed": "calendar"}


async def test_a_forecast_states_what_it_rests_on(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        body = await told(door, FORECAST, currency="EUR", days_ahead=5, as_of=AS_OF)
        assert (body["currency"], body["model"]) == ("EUR", "calendar")
        assert [day["day"] for day in body["data"]] == [
            f"2026-07-0{number}" for number in range(1, 6)
        ]
        history = body["history"]
        assert (history["last_day"], history["days"]) == (AS_OF, 300)
        assert history["pooled_currencies"] == ["EUR", "USD"]
        assert body["measured"]["incoming"]["coverage"][0]["level"] == 80
        first, saturday = body["data"][0], body["data"][3]
        assert (first["is_open"], saturday["is_open"]) == (True, False)
        assert saturday["incoming"]["middle"] == "0.00"
        low, high = (float(first["incoming"]["intervals"][0][side]) for side in ("low", "high"))
        assert low < float(first["incoming"]["middle"]) < high


class Counted:
    """A forecaster that counts, and waits until it may go on."""

    def __init__(self) -> None:
        self.calls = 0
        self.threads: set[str] = set()
        self.go = threading.Event()

    def __call__(self, pool: Mapping[str, History], currency: str, *, days_ahead: int) -> Forecast:
        self.calls += 1
        self.threads.add(threading.current_thread().name)
        assert self.go.wait(10)
        return by_calendar(pool, currency, days_ahead=days_ahead)


@pytest.fixture
def counted() -> Iterator[Counted]:
    counted = Counted()
    yield counted
    counted.go.set()


async def test_a_forecast_is_made_off_the_loop_and_once_for_all_who_ask(counted: Counted) -> None:
    forecasts = Forecasts({"calendar": counted})

    def ask(days_ahead: int) -> Any:
        return forecasts.of(HISTORY, "EUR", last_day=AS_OF, days_ahead=days_ahead, model="calendar")

    asking = [asyncio.create_task(ask(days_ahead)) for days_ahead in (1, 5, 7)]
    await asyncio.sleep(0)
    gone = asyncio.create_task(ask(7))
    await asyncio.sleep(0)
    gone.cancel()
    counted.go.set()
    one, two, three = await asyncio.gather(*asking)
    assert one is two is three
    assert await ask(7) is one
    assert counted.calls == 1
    assert threading.current_thread().name not in counted.threads


async def test_a_day_that_changed_is_forecast_from_anew(counted: Counted) -> None:
    counted.go.set()
    forecasts = Forecasts({"calendar": counted})
    for rows in (HISTORY, HISTORY[:-1], HISTORY):
        await forecasts.of(rows, "EUR", last_day=AS_OF, days_ahead=7, model="calendar")
    assert counted.calls == 2


async def test_forecasts_are_kept_up_to_a_bound_and_failures_are_not() -> None:
    forecasts = Forecasts()
    for number in range(KEPT_MAX + 10):
        rows = [DayFlow("EUR", AS_OF, number, 1)]
        with pytest.raises(TooShort):
            await forecasts.of(rows, "EUR", last_day=AS_OF, days_ahead=7, model="calendar")
    await asyncio.sleep(0)
    assert len(forecasts._kept) == 0
