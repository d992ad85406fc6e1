"""Of what are endpoints told, and in how many messages?"""

from __future__ import annotations

import json

from nostro.adapters.webhooks.notices import Notice, body_of, notices_of, tags_of
from nostro.adapters.webhooks.records import EventType
from nostro.kernel.codec import encode_events
from nostro.kernel.messages import Event
from nostro.payments import (
    ParticipantResumed,
    PaymentsDeferred,
    PaymentsSettled,
    Settled,
    Submitted,
    TransactionsSubmitted,
)
from nostro.risk import AlertRaised

ALL = {kind.value for kind in EventType}


def settled(count: int, batch_id: str = "C.1") -> PaymentsSettled:
    """Return a batch of settled payments."""
    items = [Settled(f"p-{n}", "NORD", "EUR", 100, "SUED", "EUR", 100) for n in range(count)]
    return PaymentsSettled("C", batch_id, items)


def told(*events: Event, types: set[str] = ALL) -> list[Notice]:
    return list(notices_of(encode_events(events), types))


def test_a_batch_of_a_thousand_is_one_message() -> None:
    (notice,) = told(settled(1_000))
    assert (notice.place, notice.type) == ("0", EventType.PAYMENT_SETTLED)
    assert notice.data["batch_id"] == "C.1"
    assert len(notice.data["transactions"]) == 1_000


def test_more_than_a_thousand_are_told_in_pages() -> None:
    items = [(f"p-{n}", "liquidity", "D", 5) for n in range(2_001)]
    notices = told(PaymentsDeferred("C", items))
    assert [notice.place for notice in notices] == ["0", "0.1", "0.2"]
    assert [notice.data["page"] for notice in notices] == [1, 2, 3]
    assert notices[2].data["transactions"] == [
        {"transaction_id": "p-2000", "reason": "liquidity", "next_cycle_id": "D"}
    ]


def test_what_nobody_asked_for_is_not_told() -> None:
    assert told(settled(1), types={"payment.failed"}) == []
    assert told(ParticipantResumed("NORD")) == []
    assert told() == []


def test_only_payments_that_screening_held_are_told_as_held() -> None:
    def item(id: str, hits: list[str] | None) -> Submitted:
        return Submitted(
            id, "NORD", "EUR", 1, "SUED", "EUR", "A", "t+0", 5, "C", 1, "2026-01-30", "c", hits=hits
        )

    row = TransactionsSubmitted([item("a", None), item("b", ["list@1:S-1:100"])], "operator")
    (notice,) = told(row)
    assert notice.data["transactions"] == [{"transaction_id": "b", "hits": ["list@1:S-1:100"]}]
    assert told(TransactionsSubmitted([item("a", None)], "operator")) == []


def test_the_place_of_an_event_does_not_depend_on_what_else_is_asked_for() -> None:
    row = (settled(1), settled(1, "C.2"), AlertRaised("net", "NORD", "", "EUR", 95, 100, 950_000))
    assert [each.place for each in told(*row)] == ["0", "1", "2"]
    (alert,) = told(*row, types={"risk.alert_raised"})
    assert alert.place == "2"
    assert (alert.data["used_minor"], alert.data["used_ppm"]) == ("95", 950_000)


def test_the_database_is_asked_for_rows_with_these_tags() -> None:
    assert tags_of({"payment.settled"}) == [b'"payments.payments_settled"']
    assert tags_of({"payment.settled"})[0] in encode_events([settled(1)])


def test_a_message_has_type_timestamp_and_data() -> None:
    (notice,) = told(settled(1))
    body = body_of(notice, chain="main", height=7, timestamp="2026-01-30T00:00:00.000000Z")
    assert json.loads(body) == {
        "type": "payment.settled",
        "timestamp": "2026-01-30T00:00:00.000000Z",
        "data": {
            "chain": "main",
            "height": 7,
            "cycle_id": "C",
            "batch_id": "C.1",
            "page": 1,
            "pages": 1,
            "transactions": [{"transaction_id": "p-0"}],
        },
    }
