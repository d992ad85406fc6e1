"""Is the row of each settlement what its own timeline says, read slowly from the first event on?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from nostro.settlement import Partial, SettlementMatched, Status
from tests.adapters.postgres.dvp_story import DvpStory, follow_story

LOCKS = {"seller_securities_locked": "seller_securities_ref", "buyer_cash_locked": "buyer_cash_ref"}
REFERENCES = (
    "seller_securities_ref",
    "buyer_securities_ref",
    "seller_cash_ref",
    "buyer_cash_ref",
    "dvp_contract_id",
)
ENDS = ("recycled", "failed")


def row_by(timeline: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return columns of a settlement as its timeline says."""
    row: dict[str, Any] = dict.fromkeys((*REFERENCES, "waiting_reason", "failure_reason"), "")
    row |= {"retry_count": 0, "recycled": 0, "cancel_asked": [], "round_id": ""}
    for event in timeline:
        said, facts = event["event_type"].removeprefix("settlement."), event["facts"]
        row["status"], row["trade_id"] = event["status"], event["trade_id"]
        for name in ("on_hold", "settle_before_us", "starts_at_us", "recycled", "retry_count"):
            if name in facts:
                row[name] = facts[name]
        if said in ("instructed", "matched"):
            row["amount"] = facts["amount_minor"]
        if said in ("initiated", *ENDS) and facts["round_id"]:
            row |= dict.fromkeys(REFERENCES, "")
        if said == "cancel_asked":
            row["cancel_asked"] = facts["asked_by"]
        if said == "initiated":
            row["round_id"], row["round_quantity"] = facts["round_id"], facts["quantity_minor"]
        if said in ("initiated", "executing"):
            row["waiting_reason"] = ""
        if said in ("refused", "stuck", "aborted", "recycled"):
            row["waiting_reason"] = facts["reason"]
        if said in ("failed", "retried"):
            row["failure_reason"] = facts["reason"] if said == "failed" else ""
        if said in LOCKS:
            row[LOCKS[said]] = facts["reference"]
        if said in LOCKS or (said == "leg_executed" and facts["contract_id"]):
            row["dvp_contract_id"] = facts["contract_id"]
        if said == "leg_executed":
            row |= _leg(facts["securities"], facts["cash"], facts["reference"], facts["reference"])
        if said == "confirmed":
            row |= _leg(True, True, facts["securities_reference"], facts["cash_reference"])
            row["dvp_contract_id"] = facts["dvp_contract_id"]
    return row


def _leg(securities: bool, cash: bool, of_securities: str, of_cash: str) -> dict[str, str]:
    row: dict[str, str] = {}
    if securities:
        row |= dict.fromkeys(("seller_securities_ref", "buyer_securities_ref"), of_securities)
    if cash:
        row |= dict.fromkeys(("seller_cash_ref", "buyer_cash_ref"), of_cash)
    return row


@pytest.mark.parametrize("seed", [6, 20])
async def test_a_settlement_is_shown_as_its_timeline_says(wheel_postgres: str, seed: int) -> None:
    story = DvpStory(seed, 300)
    await story.write(wheel_postgres)
    await asyncio.to_thread(follow_story, wheel_postgres)
    with psycopg.connect(wheel_postgres) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        shown = cursor.execute("SELECT * FROM nostro.settlements").fetchall()
        events = cursor.execute("SELECT * FROM nostro.settlement_events ORDER BY seq").fetchall()
        misplaced = cursor.execute(
            "SELECT p.* FROM nostro.settlement_penalties AS p"
            "  JOIN nostro.settlements AS s USING (settlement)"
            " WHERE (p.failing_account_id, p.other_account_id) <> CASE p.failing"
            "       WHEN 'seller' THEN (s.seller_account_id, s.buyer_account_id)"
            "       ELSE (s.buyer_account_id, s.seller_account_id) END"
        ).fetchall()
    assert misplaced == []
    timelines: dict[int, list[Mapping[str, Any]]] = {}
    for event in events:
        timelines.setdefault(event["settlement"], []).append(event)
    met: Counter[str] = Counter()
    for row in shown:
        wanted = row_by(timelines[row["settlement"]])
        assert {name: row[name] for name in wanted} == wanted, row["settlement"]
        met.update(name for name in ("recycled", "cancel_asked") if wanted[name])
        if wanted["status"] == Status.EXECUTING:
            delivered, paid = wanted["buyer_securities_ref"], wanted["seller_cash_ref"]
            met["one leg"] += 1 if paid and not delivered else 0
    assert set(met) == {"recycled", "cancel_asked", "one leg"}
    assert min(met.values()) > 0
    _compare_matched(story, {row["settlement"]: row for row in shown})


def _compare_matched(story: DvpStory, shown: Mapping[int, Mapping[str, Any]]) -> None:
    """What the second side said of itself stands beside what the first one did."""
    matched = [
        event
        for _, _, events in story.dealer.rows
        for event in events
        if isinstance(event, SettlementMatched)
    ]
    assert {event.partial for event in matched} > {Partial.NPAR}
    for event in matched:
        row, side = shown[event.settlement], event.side.value
        assert row["matched"]
        assert row[f"{side}_reference"] == event.reference
        assert row[f"{side}_partial"] == event.partial
        assert row[f"{side}_partial_min"] == event.partial_min_minor
