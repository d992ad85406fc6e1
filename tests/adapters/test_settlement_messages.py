"""Are messages of settlements what their schemas say, and are these what the code says?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from nostro.adapters.settlement_messages import MESSAGES, SCHEMAS, encoded, schema_name, schema_of
from nostro.adapters.settlement_messages.schema import write_schemas
from nostro.settlement import (
    SettlementEventView,
    Telling,
    Told,
    ToldEvent,
    ToldType,
    event_id,
)
from tests.rooms.settlement.told_course import CHAIN, Dealer

SCALES = {"BOND": 2, "EUR": 4}


def committed(type: ToldType) -> dict[str, Any]:
    """Return a schema as it is checked in."""
    return dict(json.loads((SCHEMAS / schema_name(type)).read_bytes()))


def test_the_schemas_that_are_checked_in_are_what_the_code_says(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    there = {path.name: path.read_text() for path in SCHEMAS.iterdir()}
    assert there == made, "write_schemas() makes them anew; a change of meaning is a new version"


@pytest.mark.parametrize("type", ToldType)
def test_a_schema_is_sound_and_asks_for_the_whole_envelope(type: ToldType) -> None:
    schema = committed(type)
    jsonschema_rs.meta.validate(schema)
    assert schema["title"] == type
    assert schema == json.loads(msgspec.json.encode(schema_of(type)))
    assert {
        "event_id",
        "event_type",
        "settlement_id",
        "trade_id",
        "occurred_at",
        "schema_version",
    } <= {*schema["required"]}


def as_read(told: Told) -> ToldEvent:
    """Return what happened as the views give it back: facts are what JSON left of them."""
    about = told.about
    return ToldEvent(
        seq=0,
        event=SettlementEventView(
            event_id=event_id(CHAIN, told.height, told.place),
            event_type=told.event_type,
            number=about.number,
            trade_id=about.trade_id,
            status=told.status,
            facts=json.loads(msgspec.json.encode(told.facts)),
            at_us=told.at_us,
            height=told.height,
        ),
        seller=about.seller,
        buyer=about.buyer,
        security=about.security,
        cash=about.cash,
    )


def told_by_courses() -> Iterator[Told]:
    """Yield what random courses tell."""
    for seed in range(12):
        telling = Telling(CHAIN)
        for height, at_us, events in Dealer(seed).run(250).rows:
            yield from telling.fold(events, height, at_us)


def test_every_message_is_valid_by_its_schema_and_reads_back_as_its_type() -> None:
    validators = {type: jsonschema_rs.Draft202012Validator(committed(type)) for type in ToldType}
    seen: set[ToldType] = set()
    for told in told_by_courses():
        type = told.event_type
        body = encoded(as_read(told), SCALES)
        message = msgspec.json.decode(body, type=MESSAGES[type])
        validators[type].validate(json.loads(body))
        assert message.settlement_id == told.about.settlement_id  # type: ignore[attr-defined]
        seen.add(type)
    assert {*ToldType} - seen <= {ToldType.POSTPONED}


def test_amounts_are_exact_decimals_times_have_a_zone_and_days_are_dates() -> None:
    told = next(each for each in told_by_courses() if each.event_type is ToldType.INSTRUCTED)
    message = json.loads(encoded(as_read(told), SCALES))
    facts: Any = told.facts
    assert message["quantity"] == f"{facts.quantity_minor // 100}.{facts.quantity_minor % 100:02d}"
    assert message["amount"].replace(".", "").lstrip("0") == str(facts.amount_minor)
    assert message["occurred_at"].endswith("Z")
    assert message["settlement_date"].startswith("20")
    assert message["symbol"] == "BOND/EUR"
    assert message["schema_version"] == 1
