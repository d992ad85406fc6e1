"""Do the views of settlements tell what became of each, however the follower got there?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nostro.adapters.postgres import migrate as schema
from nostro.custody import Earmark, HoldsAsked, NewHold
from nostro.kernel.movement import Lock, Move
from nostro.settlement import DomainState, DomainStateSet, HoldsPlaced, Status, ToldType
from tests import databases
from tests.adapters.postgres.chronicle import rows
from tests.adapters.postgres.dvp_story import DvpStory, Expected, expected, follow_story

STEPS = 300
EVERYTHING = (
    ("settlements", "settlement"),
    ("settlement_events", "seq"),
    ("settlement_penalties", "seq"),
    ("settlement_instruments", "code"),
    ("settlement_domains", "name"),
    ("settlement_penalty_rates", "penalty_class"),
)


@pytest.fixture(scope="module")
def story() -> DvpStory:
    """A course that has come to almost everything."""
    return DvpStory(7, STEPS)


@pytest.fixture
async def told(wheel_postgres: str, story: DvpStory) -> str:
    """A database whose views tell the story."""
    await written(story, wheel_postgres)
    assert await asyncio.to_thread(follow_story, wheel_postgres) == story.memory.height
    return wheel_postgres


async def written(story: DvpStory, url: str) -> None:
    """Write a story into a fresh database."""
    story._written = 0
    await story.write(url)


def everything(url: str) -> list[list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    return [
        rows(url, f"SELECT * FROM nostro.{table} ORDER BY {order}") for table, order in EVERYTHING
    ]


async def test_each_settlement_is_shown_as_it_stands(told: str, story: DvpStory) -> None:
    shown = rows(
        told,
        "SELECT s.settlement, s.status, s.trade_id, s.seller_account_id, s.buyer_account_id,"
        " s.quantity, s.amount, s.settled_quantity, s.settled_amount, s.settlement_id, s.symbol,"
        " coalesce((SELECT sum(amount) FROM nostro.settlement_penalties AS p"
        "            WHERE p.settlement = s.settlement), 0)"
        " FROM nostro.settlements AS s",
    )
    wanted = expected(story)
    assert len(shown) == len(wanted)
    for number, status, *rest in shown:
        each = wanted[number]
        assert status == (each.status or status)
        assert rest == row_of(number, each)
    statuses = {each.status for each in wanted.values()}
    assert {Status.SETTLED, Status.FAILED, Status.PENDING, Status.EXECUTING} <= statuses


def row_of(number: int, each: Expected) -> list[Any]:
    """Return what the views must show of a settlement besides its status."""
    terms = each.terms
    return [
        terms.trade_id,
        terms.seller,
        terms.buyer,
        terms.quantity_minor,
        terms.amount_minor,
        each.settled_minor,
        each.paid_minor,
        f"S{number}",
        f"{terms.security}/{terms.cash}",
        each.penalties,
    ]


@pytest.mark.parametrize(("rows_max", "restart_every"), [(1, 0), (7, 0), (5, 3)])
async def test_the_views_are_the_same_in_one_batch_in_many_and_through_restarts(
    told: str, story: DvpStory, fresh_database: Any, rows_max: int, restart_every: int
) -> None:
    other = fresh_database("pg18")
    await written(story, other)
    height = await asyncio.to_thread(
        follow_story, other, rows_max=rows_max, restart_every=restart_every
    )
    assert height == story.memory.height
    for name, shown, again in zip(EVERYTHING, everything(told), everything(other), strict=True):
        assert shown, name
        assert again == shown, name


async def test_times_tell_when_a_settlement_came_to_each_of_its_states(
    told: str, story: DvpStory
) -> None:
    for column, type in (
        ("initiated_at_us", ToldType.INITIATED),
        ("confirmed_at_us", ToldType.CONFIRMED),
        ("settled_at_us", ToldType.SETTLED),
    ):
        wrong = rows(
            told,
            f"SELECT s.settlement FROM nostro.settlements AS s WHERE s.{column} IS DISTINCT FROM"
            " (SELECT max(e.at_us) FROM nostro.settlement_events AS e"
            f"   WHERE e.settlement = s.settlement AND e.event_type = '{type}')",
        )
        assert wrong == []
    assert (
        rows(
            told,
            "SELECT settlement FROM nostro.settlements"
            " WHERE (failed_at_us IS NOT NULL) <> (status = 'FAILED')",
        )
        == []
    )


async def test_a_settled_one_names_what_was_done_at_its_domains(told: str) -> None:
    found = rows(
        told,
        "SELECT dvp_atomic_transaction_id = round_id,"
        " securities_domain = cash_domain AND dvp_contract_id <> '',"
        " seller_securities_ref, buyer_securities_ref, seller_cash_ref, buyer_cash_ref"
        " FROM nostro.settlements WHERE status = 'SETTLED'",
    )
    assert found
    for by_round, by_contract, *references in found:
        assert all(each.startswith("ref:") for each in references)
        assert by_round or by_contract


async def test_what_came_to_nothing_goes_by_no_name_of_what_was_released(told: str) -> None:
    """Unless it is of a part that did settle before."""
    found = rows(
        told,
        "SELECT s.settlement FROM nostro.settlements AS s WHERE s.status = 'FAILED'"
        "   AND concat(s.seller_securities_ref, s.buyer_cash_ref, s.dvp_contract_id) <> ''"
        "   AND s.settled_quantity = 0",
    )
    assert found == []
    locked = (
        "SELECT count(*) FROM nostro.settlement_events WHERE event_type = '{}' AND status = '{}'"
    )
    assert rows(told, locked.format("settlement.aborted", "BUYER_CASH_LOCKED")) != [(0,)]


async def test_a_domain_is_shown_with_what_was_said_of_it_and_how_far_it_is(
    wheel_postgres: str,
) -> None:
    story = DvpStory(1, 0)
    story.happen(HoldsPlaced("depot", [], 7), HoldsPlaced("depot", [], 5))
    story.happen(DomainStateSet("depot", DomainState.QUARANTINED, "restored", "ops"))
    await story.write(wheel_postgres)
    await asyncio.to_thread(follow_story, wheel_postgres)
    query = "SELECT name, state, reason, domain_height FROM nostro.settlement_domains"
    assert rows(wheel_postgres, query) == [("depot", "quarantined", "restored", 7)]
    story.happen(DomainStateSet("depot", DomainState.OPEN, "", "ops"), HoldsPlaced("depot", [], 3))
    await story.write(wheel_postgres)
    await asyncio.to_thread(follow_story, wheel_postgres)
    assert rows(wheel_postgres, query) == [("depot", "open", "", 3)]


async def test_what_custody_holds_for_others_passes_the_follower_by(wheel_postgres: str) -> None:
    story = DvpStory(1, 0)
    hold = NewHold("main.S1.1", 1, [Lock("alba", "BOND", 5)], [Move("alba", "bora", "BOND", 5)])
    height = story.happen(HoldsAsked([Earmark(hold, 1)]))
    await story.write(wheel_postgres)
    assert await asyncio.to_thread(follow_story, wheel_postgres) == height


def test_who_was_told_of_the_settlements_of_cycles_still_is(
    postgres_servers: databases.Servers, tmp_path: Path
) -> None:
    url = postgres_servers.server(databases.NAMES[0]).create_database("before_dvp")
    for path in schema.MIGRATIONS.glob("*.sql"):
        if path.name < "0009" or path.name == "roles.sql":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    schema.migrate(url, tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO nostro.webhook_endpoint"
            " (chain, id, url, events, secret, from_height, created_at_us, created_by) VALUES"
            " ('main', 'e', 'https://a', '{order.placed,settlement.failed}', 's', 0, 0, 'x')"
        )
    schema.migrate(url)
    assert rows(url, "SELECT events FROM nostro.webhook_endpoint") == [
        (["order.placed", "cycle_settlement.failed"],)
    ]
    postgres_servers.drop(url)
