"""Does an audit find what was edited in the views of settlements?"""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from nostro.adapters.postgres.dvp_checks import DvpCheck
from nostro.adapters.postgres.evidence import Evidence
from nostro.runtime.verify import Verdict, audit
from nostro.wiring.rooms import make_house
from tests.adapters.postgres.dvp_story import DvpStory, follow_story
from tests.rooms.settlement.told_course import CHAIN

STORY = DvpStory(3, 300)


@pytest.fixture
async def told(wheel_postgres: str) -> str:
    """A database whose views tell the whole story."""
    STORY._written = 0
    await STORY.write(wheel_postgres)
    await asyncio.to_thread(follow_story, wheel_postgres)
    return wheel_postgres


def verdict(url: str) -> Verdict:
    """Return what the check comes to."""
    with Evidence(url, CHAIN) as evidence:
        report = audit(
            evidence.entries(),
            chain=CHAIN,
            decode=make_house().codec.decode_events,
            checks=[DvpCheck(evidence, CHAIN)],
        )
    return report.verdicts[0]


async def test_views_that_tell_the_truth_are_found_sound(told: str) -> None:
    found = verdict(told)
    assert found.sound, found
    assert "settlements, " in found.told


async def test_rows_above_the_checkpoint_are_not_missed(told: str) -> None:
    with psycopg.connect(told) as connection:
        connection.execute("DELETE FROM nostro.projection_checkpoint")
        for (table,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'nostro' AND"
            " (tablename LIKE 'settlement\\_%' OR tablename = 'settlements')"
            " AND tablename <> 'settlement_ledger'"
        ).fetchall():
            connection.execute(f"TRUNCATE nostro.{table}".encode())
    found = verdict(told)
    assert found.sound, found
    assert found.told.startswith("0 settlements, 0 entries")


SETTLED = "(SELECT min(settlement) FROM nostro.settlements WHERE status = 'SETTLED')"
WAITING = "(SELECT max(settlement) FROM nostro.settlements WHERE status = 'PENDING')"
EDITS = {
    "a settlement that is not settled": (
        f"UPDATE nostro.settlements SET status = 'FAILED' WHERE settlement = {SETTLED}",
        "is not shown as it ended",
    ),
    "one that is settled and not shown": (
        f"DELETE FROM nostro.settlements WHERE settlement = {SETTLED}",
        "is not shown",
    ),
    "a waiting one that got smaller": (
        f"UPDATE nostro.settlements SET quantity = quantity - 1 WHERE settlement = {WAITING}",
        "is shown with another quantity",
    ),
    "a waiting one that nobody holds back": (
        """UPDATE nostro.settlements SET on_hold = '["buyer", "seller"]'"""
        f" WHERE settlement = {WAITING}",
        "is shown with another on_hold",
    ),
    "one that never was": (
        "INSERT INTO nostro.settlement_instruments VALUES ('X', 'main', 1, '', '', '', 0, 0)",
        "settlement_instruments: a false row X is shown",
    ),
    "a life without its beginning": (
        "DELETE FROM nostro.settlement_events WHERE event_type = 'settlement.instructed'",
        "settlement_events: 1 is not shown with its settlement.instructed",
    ),
    "other facts": (
        """UPDATE nostro.settlement_events SET facts = facts || '{"round_id": "x"}'"""
        " WHERE event_type = 'settlement.initiated'",
        "with its settlement.initiated",
    ),
    "an invented event": (
        "INSERT INTO nostro.settlement_events"
        " (seq, at_us, settlement, event_type, status, trade_id, height, facts)"
        " SELECT seq + 1000, at_us, settlement, 'settlement.failed', status, trade_id, height, '{}'"
        "   FROM nostro.settlement_events ORDER BY seq DESC LIMIT 1",
        "settlement_events: a false settlement.failed of ",
    ),
    "a penalty forgiven": (
        "UPDATE nostro.settlement_penalties SET amount = amount - 1 WHERE amount > 0",
        "settlement_penalties: ",
    ),
    "a domain that is further": (
        "UPDATE nostro.settlement_domains SET domain_height = domain_height + 1",
        "is shown with another domain_height",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_what_was_edited_is_found(told: str, edit: str) -> None:
    statement, why = EDITS[edit]
    with psycopg.connect(told) as connection:
        assert connection.execute(statement.encode()).rowcount
    found = verdict(told)
    assert not found.sound
    assert why in found.told
