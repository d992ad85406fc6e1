"""Does an audit find what was edited in the views of payments, settlements and risk?"""

from __future__ import annotations

import psycopg
import pytest

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.payment_checks import PaymentsCheck
from nostro.runtime.verify import Verdict, audit
from tests.adapters.postgres.payment_story import (
    FIRST,
    SECOND,
    deaf_house,
    follow_story,
    whole_story,
)


@pytest.fixture
async def told(wheel_postgres: str) -> str:
    """A database whose views tell the whole story."""
    story = whole_story()
    await story.write(wheel_postgres)
    follow_story(wheel_postgres)
    return wheel_postgres


def verdict(url: str) -> Verdict:
    """Return what the check comes to."""
    with Evidence(url, "main") as evidence:
        report = audit(
            evidence.entries(),
            chain="main",
            decode=deaf_house().codec.decode_events,
            checks=[PaymentsCheck(evidence)],
        )
    return report.verdicts[0]


def edited(url: str, statement: str) -> Verdict:
    """Change something in the views, and check."""
    with psycopg.connect(url) as connection:
        assert connection.execute(statement.encode()).rowcount
    return verdict(url)


async def test_views_that_tell_the_truth_are_found_sound(told: str) -> None:
    found = verdict(told)
    assert found.sound, found
    assert found.told.startswith("7 payments, ")


async def test_rows_above_the_checkpoint_are_not_missed(told: str) -> None:
    with psycopg.connect(told) as connection:
        connection.execute("DELETE FROM nostro.projection_checkpoint")
        for (table,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'nostro' AND tablename IN"
            " ('payments', 'payment_events', 'batch_events', 'batch_items', 'participants',"
            " 'participant_currencies', 'cycles', 'batches', 'cycle_settlements', 'instructions',"
            " 'rail_attempts', 'circuits', 'committee', 'evidence', 'limits', 'thresholds',"
            " 'exposures', 'alerts', 'payment_flows_daily')"
        ).fetchall():
            connection.execute(f"TRUNCATE nostro.{table}".encode())
    assert verdict(told).sound


EDITS = {
    "an edited amount": (
        "UPDATE nostro.payments SET amount = 101 WHERE transaction_id = 't1'",
        "payment t1 is shown with another amount",
    ),
    "an edited remittance": (
        "UPDATE nostro.payments SET details = '{}' WHERE transaction_id = 't1'",
        "payment t1 is shown with another details",
    ),
    "a payment brought back to life": (
        "UPDATE nostro.payments SET state = 'accepted' WHERE transaction_id = 't5'",
        "payment t5 is not shown as it stands",
    ),
    "another reason": (
        "UPDATE nostro.payments SET reason = 'x' WHERE transaction_id = 't2'",
        "payment t2 is not shown as it stands",
    ),
    "a payment that never changed": (
        "UPDATE nostro.payments SET cycle_id = 'x' WHERE transaction_id = 't7'",
        "payment t7 is shown changed, and never was",
    ),
    "a payment less": (
        "DELETE FROM nostro.payments WHERE transaction_id = 't2'",
        "payment t2 is not shown, or a false one before it",
    ),
    "an entry less": (
        "DELETE FROM nostro.payment_events WHERE event_type = 'SETTLEMENT_REVERSED'",
        "payment_events: t2 is not shown with its SETTLEMENT_REVERSED",
    ),
    "an entry more": (
        "INSERT INTO nostro.batch_events SELECT 900::bigint << 20, at_us, batch_id, 'X', actor,"
        " details FROM nostro.batch_events LIMIT 1",
        "batch_events: a false X",
    ),
    "other details of an entry": (
        'UPDATE nostro.payment_events SET details = \'{"reason": "y"}\''
        " WHERE event_type = 'TRANSACTION_CANCELLED'",
        "payment_events: t5 is not shown with its TRANSACTION_CANCELLED",
    ),
    "a payment in another batch": (
        f"UPDATE nostro.batch_items SET batch_id = '{FIRST}.2', place = 9"
        " WHERE transaction_id = 't6'",
        f"batch {FIRST}.2 is not shown with its payments",
    ),
    "another sum received": (
        f"UPDATE nostro.batch_items SET destination = 1 WHERE batch_id = '{SECOND}.1'",
        f"batch {SECOND}.1 is not shown with its payments",
    ),
    "a batch without payments": (
        f"DELETE FROM nostro.batch_items WHERE batch_id = '{SECOND}.1'",
        f"batch {SECOND}.1 is shown without its payments",
    ),
    "another certificate": (
        "UPDATE nostro.batches SET certificate = 'Zm9yZ2Vk' WHERE consensus_height = 3",
        "another certificate",
    ),
    "a nicer saving": (
        "UPDATE nostro.cycles SET report = jsonb_set(report, '{3}', '1') WHERE report IS NOT NULL",
        "another report",
    ),
    "a settlement that never failed": (
        f"UPDATE nostro.cycle_settlements SET state = 'confirmed' WHERE settlement_id = '{FIRST}'",
        f"cycle_settlements: {FIRST} is shown with another state",
    ),
    "an instruction less": (
        "DELETE FROM nostro.instructions WHERE purpose = 'return'",
        f"instructions: {FIRST}:r is not shown",
    ),
    "an attempt that was never asked about": (
        "UPDATE nostro.rail_attempts SET asks = 0",
        "another asks",
    ),
    "a higher limit": ("UPDATE nostro.limits SET amount = 901 WHERE amount = 900", "amount"),
    "an invented exposure": (
        "INSERT INTO nostro.exposures VALUES ('a', 'b', 'EUR', 1, 1, 0, 1)",
        "exposures: a false row a b EUR is shown",
    ),
    "an edited day": (
        "UPDATE nostro.payment_flows_daily SET in_count = 9 WHERE currency = 'EUR'",
        "payment_flows_daily: EUR 2023-11-14 is shown with another in_count",
    ),
    "a forgotten alert": ("DELETE FROM nostro.alerts WHERE raised", "is not shown"),
    "another member": (
        "UPDATE nostro.committee SET members = '[]' WHERE epoch = 1",
        "committee: 1 is shown with another members",
    ),
    "no evidence": ("DELETE FROM nostro.evidence", "evidence: "),
    "a suspension lifted": (
        "UPDATE nostro.participants SET suspended = false WHERE participant_id = 'cira'",
        "participants: cira is shown with another suspended",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edited_row_is_named(told: str, edit: str) -> None:
    statement, told_so = EDITS[edit]
    found = edited(told, statement)
    assert not found.sound
    assert told_so in found.told


async def test_an_invented_payment_is_named(told: str) -> None:
    found = edited(
        told,
        "INSERT INTO nostro.payments SELECT 900::bigint << 20, accepted_at_us, 'false', payer,"
        " payee, source_currency, amount, destination_currency, destination_account,"
        " settlement_window, priority, value_date, actor, NULL, NULL, NULL, state, reason,"
        " cycle_id, cut_off_at_us, retries, last_at_us, last_height"
        " FROM nostro.payments WHERE transaction_id = 't7'",
    )
    assert "never submitted" in found.told
