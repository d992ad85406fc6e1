"""Of what became of settlements does a journal row tell the world?

One notice for each row and type, with at most IDS_MAX settlements: 500 that settle at once are one
message for each state that they go through. What an event means for each is read from the views;
each item is what a topic of settlement events has as a message.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from nostro.adapters.settlement_messages import Scales, message_of
from nostro.adapters.webhooks.notices import IDS_MAX, Notice, decoders_of
from nostro.adapters.webhooks.records import EventType
from nostro.kernel.messages import Event
from nostro.settlement import (
    CancelAsked,
    DeedsExecuted,
    DeedsRefused,
    HoldsPlaced,
    PartialOffered,
    PenaltiesAccrued,
    RetryAsked,
    RoundsDecided,
    RoundsRecycled,
    RoundsSettled,
    RoundsStarted,
    SettlementHeld,
    SettlementMatched,
    SettlementReleased,
    SettlementsFailed,
    SettlementsInstructed,
    SettlementsPostponed,
    ToldEvent,
    ToldType,
)

TOLD_BY: Mapping[ToldType, Sequence[type[Event]]] = {
    ToldType.INSTRUCTED: (SettlementsInstructed,),
    ToldType.ALLEGED: (SettlementsInstructed,),
    ToldType.MATCHED: (SettlementMatched,),
    ToldType.HELD: (SettlementHeld,),
    ToldType.RELEASED: (SettlementReleased,),
    ToldType.CANCEL_ASKED: (CancelAsked,),
    ToldType.RETRIED: (RetryAsked,),
    ToldType.PARTIAL_OFFERED: (PartialOffered,),
    ToldType.INITIATED: (RoundsStarted,),
    ToldType.SELLER_SECURITIES_LOCKED: (HoldsPlaced, DeedsExecuted),
    ToldType.BUYER_CASH_LOCKED: (HoldsPlaced, DeedsExecuted),
    ToldType.REFUSED: (DeedsRefused,),
    ToldType.EXECUTING: (RoundsDecided, DeedsExecuted),
    ToldType.LEG_EXECUTED: (DeedsExecuted,),
    ToldType.STUCK: (DeedsRefused,),
    ToldType.ABORTED: (RoundsDecided,),
    ToldType.CONFIRMED: (RoundsSettled,),
    ToldType.SETTLED: (RoundsSettled,),
    ToldType.PARTIALLY_SETTLED: (RoundsSettled,),
    ToldType.RECYCLED: (RoundsRecycled,),
    ToldType.POSTPONED: (SettlementsPostponed,),
    ToldType.FAILED: (SettlementsFailed,),
    ToldType.PENALTY: (PenaltiesAccrued,),
}
"""The events of which each type is told."""
_NUMBERS: Mapping[ToldType, int] = {
    ToldType.INSTRUCTED: 11,
    ToldType.ALLEGED: 12,
    ToldType.MATCHED: 13,
    ToldType.HELD: 14,
    ToldType.RELEASED: 15,
    ToldType.CANCEL_ASKED: 16,
    ToldType.RETRIED: 17,
    ToldType.PARTIAL_OFFERED: 18,
    ToldType.INITIATED: 19,
    ToldType.SELLER_SECURITIES_LOCKED: 20,
    ToldType.BUYER_CASH_LOCKED: 21,
    ToldType.REFUSED: 22,
    ToldType.EXECUTING: 23,
    ToldType.STUCK: 24,
    ToldType.ABORTED: 25,
    ToldType.CONFIRMED: 26,
    ToldType.SETTLED: 27,
    ToldType.PARTIALLY_SETTLED: 28,
    ToldType.RECYCLED: 29,
    ToldType.POSTPONED: 30,
    ToldType.FAILED: 31,
    ToldType.PENALTY: 32,
    ToldType.LEG_EXECUTED: 33,
}
"""What sets the notices of a row apart, also from those of the exchange; these never change."""


def types_in(types: Container[str]) -> list[ToldType]:
    """Return those of these types that tell of settlements."""
    return [each for each in ToldType if each.value in types]


def tags_of(types: Container[str]) -> list[bytes]:
    """Return what a row has in it, as bytes, when it may tell something of these types."""
    events = dict.fromkeys(event for each in types_in(types) for event in TOLD_BY[each])
    return [f'"{tag}"'.encode() for tag in decoders_of(events)]


def notices_of(told: Sequence[ToldEvent], scales: Scales) -> Iterator[Notice]:
    """Yield what one row tells, in the order of the journal. The place of a notice is `<place of
    the first>.<page>.<type>`."""
    by_type: dict[ToldType, list[ToldEvent]] = {}
    for each in told:
        by_type.setdefault(each.event.event_type, []).append(each)
    for type, found in by_type.items():
        first = found[0].event.event_id.rpartition(".")[2]
        pages = -(-len(found) // IDS_MAX)
        for page in range(pages):
            part = found[page * IDS_MAX : (page + 1) * IDS_MAX]
            items = [message_of(each, scales) for each in part]
            data = {"page": page + 1, "pages": pages, "settlements": items}
            yield Notice(f"{first}.{page}.{_NUMBERS[type]}", EventType(type.value), data)
