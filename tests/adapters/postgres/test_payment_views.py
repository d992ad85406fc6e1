"""What do the views show of payments, from submission to finality, and does SQL find it fast?"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from nostro.payments import TransactionsDeduped, TransactionsSubmitted
from nostro.payments.views import EVENT_NAMES
from tests.adapters.postgres.chronicle import rows
from tests.adapters.postgres.payment_story import (
    FIRST,
    SECOND,
    Story,
    assigned,
    deaf_house,
    follow_story,
    planned,
    submitted,
    whole_story,
)
from tests.databases import as_role

LIFE = "SELECT * FROM settlement_ledger WHERE transaction_id = %s ORDER BY timestamp"


@pytest.fixture
async def told(postgres: str) -> tuple[str, Story]:
    """A database whose views tell the whole story."""
    story = whole_story()
    await story.write(postgres)
    assert follow_story(postgres) == story.memory.height
    return postgres, story


def life_of(url: str, id_: str) -> list[dict[str, Any]]:
    """Ask as an auditor does, with the reader's role and the plain name."""
    with psycopg.connect(
        as_role(url, "nostro_reader"), row_factory=psycopg.rows.dict_row
    ) as connection:
        return connection.execute(LIFE, (id_,)).fetchall()


async def test_a_deferred_payment_has_the_batches_of_both_cycles_in_its_life(
    told: tuple[str, Story],
) -> None:
    life = life_of(told[0], "t1")
    assert [(entry["event_type"], entry["batch_id"]) for entry in life] == [
        ("TRANSACTION_SUBMITTED", None),
        ("TRANSACTION_DEDUPED", None),
        ("BATCH_CREATED", f"{FIRST}.1"),
        ("CONSENSUS_SUBMITTED", f"{FIRST}.1"),
        ("BATCH_OPTIMIZED", f"{FIRST}.1"),
        ("CONSENSUS_ACHIEVED", f"{FIRST}.1"),
        ("SETTLEMENT_INITIATED", f"{FIRST}.1"),
        ("SETTLEMENT_FAILED", f"{FIRST}.1"),
        ("TRANSACTION_DEFERRED", f"{FIRST}.1"),
        ("BATCH_CREATED", f"{SECOND}.1"),
        ("CONSENSUS_SUBMITTED", f"{SECOND}.1"),
        ("BATCH_OPTIMIZED", f"{SECOND}.1"),
        ("CONSENSUS_ACHIEVED", f"{SECOND}.1"),
        ("SETTLEMENT_INITIATED", f"{SECOND}.1"),
        ("SETTLEMENT_CONFIRMED", f"{SECOND}.1"),
    ]
    assert [entry["entry_id"] for entry in life] == sorted({entry["entry_id"] for entry in life})
    assert {(entry["amount"], entry["currency"]) for entry in life} == {(100, "EUR")}
    assert {entry["event_type"] for entry in life} <= EVENT_NAMES
    first = life[0]
    assert first["actor"] == "alba-clerk"
    assert first["entry_id"] >> 20 == 5
    at_us = told[1].entries[4].at_us
    assert first["timestamp"].timestamp() == pytest.approx(at_us / 1_000_000, abs=1e-6)
    assert first["timestamp"].microsecond == at_us % 1_000_000
    assert list(first) == [
        "entry_id",
        "transaction_id",
        "batch_id",
        "event_type",
        "amount",
        "currency",
        "timestamp",
        "actor",
        "details",
    ]


@pytest.mark.parametrize(
    ("id_", "ends"),
    [
        ("t2", ["SETTLEMENT_CONFIRMED", "SETTLEMENT_REVERSED"]),
        ("t3", ["SETTLEMENT_INITIATED", "SETTLEMENT_FAILED", "SETTLEMENT_FAILED"]),
        ("t4", ["TRANSACTION_SUBMITTED", "TRANSACTION_REFUSED"]),
        ("t5", ["TRANSACTION_SUBMITTED", "TRANSACTION_CANCELLED"]),
        ("t7", ["TRANSACTION_SUBMITTED"]),
    ],
)
async def test_each_life_ends_as_the_journal_tells(
    told: tuple[str, Story], id_: str, ends: list[str]
) -> None:
    types = [entry["event_type"] for entry in life_of(told[0], id_)]
    assert types[-len(ends) :] == ends


async def test_a_payment_held_for_review_says_so_and_who_let_it_go(
    told: tuple[str, Story],
) -> None:
    life = life_of(told[0], "t3")
    assert [entry["event_type"] for entry in life[:3]] == [
        "TRANSACTION_SUBMITTED",
        "TRANSACTION_HELD",
        "TRANSACTION_APPROVED",
    ]
    assert life[1]["details"] == {"hits": ["list:x:97"]}
    assert life[2]["actor"] == "supervisor"


async def test_a_payment_deferred_by_the_plan_was_in_no_batch_of_that_cycle(
    told: tuple[str, Story],
) -> None:
    life = life_of(told[0], "t6")
    assert life[1]["event_type"] == "TRANSACTION_DEFERRED"
    assert life[1]["batch_id"] is None
    assert life[1]["details"] == {
        "reason": "liquidity",
        "from_cycle": FIRST,
        "to_cycle": SECOND,
    }


async def test_a_payment_has_the_state_of_its_batch_unless_something_happened_to_it_alone(
    told: tuple[str, Story],
) -> None:
    found = rows(
        told[0],
        "SELECT transaction_id, state, reason, batch_id, destination, retries, cycle_id"
        "  FROM nostro.payments_now ORDER BY seq",
    )
    assert found == [
        ("t1", "settled", "counterparty_failed", f"{SECOND}.1", 100, 1, SECOND),
        ("t2", "reversed", "fraud", f"{SECOND}.1", 220, 1, SECOND),
        ("t3", "failed", "counterparty_failed", None, None, 0, FIRST),
        ("t4", "refused", "ledger.insufficient_funds", None, None, 0, FIRST),
        ("t5", "cancelled", "mistake", None, None, 0, FIRST),
        ("t6", "settled", "liquidity", f"{SECOND}.1", 100, 1, SECOND),
        ("t7", "accepted", "", None, None, 0, "later"),
    ]


EVERYTHING = (
    ("participants", "participant_id"),
    ("participant_currencies", "seq"),
    ("payments", "seq"),
    ("payment_events", "seq"),
    ("cycles", "seq"),
    ("batches", "seq"),
    ("batch_items", "batch_id, place"),
    ("batch_events", "seq"),
    ("cycle_settlements", "seq"),
    ("instructions", "place"),
    ("rail_attempts", "instruction_id, attempt"),
    ("circuits", "rail"),
    ("committee", "epoch"),
    ("evidence", "seq"),
    ("limits", "scope"),
    ("thresholds", "scope"),
    ("exposures", "payer"),
    ("alerts", "seq"),
    ("payment_flows_daily", "currency"),
)


async def test_the_views_are_the_same_in_one_batch_and_row_by_row(
    told: tuple[str, Story], fresh_database: Any
) -> None:
    url, story = told
    other = fresh_database("pg18")
    story._written = 0
    await story.write(other)
    assert follow_story(other, rows_max=1) == story.memory.height
    for table, order in EVERYTHING:
        query = f"SELECT * FROM nostro.{table} ORDER BY {order}"
        shown = rows(url, query)
        assert shown, table
        assert rows(other, query) == shown, table


async def test_what_settles_is_counted_by_day_and_currency(told: tuple[str, Story]) -> None:
    assert rows(told[0], "SELECT * FROM nostro.payment_flows_daily ORDER BY 1") == [
        ("EUR", "2023-11-14", 400, 3, 200, 2),
        ("USD", "2023-11-14", 0, 0, 220, 1),
    ]


async def test_exposures_come_back_to_nothing(told: tuple[str, Story]) -> None:
    ((*key, amount, count, offset, _),) = rows(told[0], "SELECT * FROM nostro.exposures")
    assert (key, amount, count, offset) == (["alba", "bora", "EUR"], 0, 0, 0)


def plan_of(url: str, query: str, *parameters: Any) -> str:
    """Return how the server goes about a query."""
    with psycopg.connect(url) as connection:
        found = connection.execute(f"EXPLAIN {query}".encode(), parameters).fetchall()
    return "\n".join(line for (line,) in found)


async def test_the_life_of_one_payment_among_many_is_found_by_indexes_and_not_sorted_twice(
    postgres: str,
) -> None:
    story = Story()
    ids = [f"p{number}" for number in range(6_000)]
    for start in range(0, 6_000, 20):
        some = ids[start : start + 20]
        cycle = f"c{start}"
        story.happen(
            TransactionsSubmitted([submitted(id_, cycle_id=cycle) for id_ in some], "x"),
            TransactionsDeduped(some, "x"),
        )
        story.happen(
            *assigned(cycle, 1, 1, [(id_, 1) for id_ in some]), *planned(cycle, [f"{cycle}.1"], [])
        )
    await story.write(postgres)
    follow_story(postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("ANALYZE")
    reader = as_role(postgres, "nostro_reader")
    plan = plan_of(reader, LIFE, "p4321")
    assert "Seq Scan" not in plan, plan
    assert plan.count("Sort Key") == 1, plan
    for index in ("payments_id", "batch_items_id", "payment_events_id", "batch_events_batch"):
        assert index in plan, plan
    assert [entry["event_type"] for entry in life_of(postgres, "p4321")] == [
        "TRANSACTION_SUBMITTED",
        "TRANSACTION_DEDUPED",
        "BATCH_CREATED",
        "CONSENSUS_SUBMITTED",
        "BATCH_OPTIMIZED",
    ]


def test_the_story_has_every_event_that_the_rooms_report() -> None:
    house = deaf_house()
    decode = house.codec.decode_events
    heard = {type(event) for entry in whole_story().entries for event in decode(entry.payload)}
    told = {
        event for name, room in house.rooms.items() for event in room.events if name != "ledger"
    }
    assert {event.__name__ for event in told - heard} == set()
