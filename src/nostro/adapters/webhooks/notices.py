"""Of what does a journal row tell the world?

One notice for each batch of payments and kind of event, with at most IDS_MAX transactions: a batch
of 1,000 settled payments is one message, not 1,000. Amounts are integer minor units, as strings.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

import msgspec

from nostro.adapters.webhooks.records import EventType
from nostro.consensus import ConsensusAchieved
from nostro.execution import SettlementConfirmed, SettlementFailed, SettlementReversed
from nostro.kernel.messages import Event
from nostro.payments import (
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    Released,
    Submitted,
    TransactionsSubmitted,
)
from nostro.risk import AlertCleared, AlertRaised

IDS_MAX = 1_000
"""Transactions of one notice: as many as a batch has."""

Data = dict[str, Any]
Decoders = Mapping[str, msgspec.json.Decoder[Any]]


class Notice(NamedTuple):
    """Something to tell: `place` is unique in its row and stays so (`<event>`, `<event>.<page>` or
    `<event>.<page>.<kind>`)."""

    place: str
    type: EventType
    data: Data


class _Telling(NamedTuple):
    """How an event is told: as what, and in which pages."""

    type: EventType
    pages: Callable[[Any], Iterator[Data]]


def tags_of(types: Container[str]) -> list[bytes]:
    """Return what a row has in it, as bytes, when it may tell something of these types."""
    return [
        f'"{_tag(event)}"'.encode()
        for event, telling in _BY_EVENT.items()
        if telling.type.value in types
    ]


def notices_of(payload: bytes, types: Container[str]) -> Iterator[Notice]:
    """Yield what a journal row tells of these types, but for those of the exchange."""
    wanted = [event for event, telling in _BY_EVENT.items() if telling.type.value in types]
    for index, event in events_in(payload, decoders_of(wanted)):
        telling = _BY_EVENT[event.__class__]
        for page, data in enumerate(telling.pages(event)):
            yield Notice(f"{index}.{page}" if page else str(index), telling.type, data)


def decoders_of(events: Iterable[type[Event]]) -> Decoders:
    """Return what decodes these events, by tag."""
    return {_tag(event): _decoder(event) for event in events}


def events_in(payload: bytes, decoders: Decoders) -> Iterator[tuple[int, Event]]:
    """Yield those events of a journal row that have a decoder, each with its place; others are not
    decoded."""
    for index, raw in enumerate(_split(payload)):
        decoder = decoders.get(_tag_of(raw))
        if decoder is not None:
            yield index, decoder.decode(raw)


def body_of(notice: Notice, *, chain: str, height: int, timestamp: str) -> bytes:
    """Return a notice as it is sent: type, timestamp and data, as Standard Webhooks has it."""
    data = {"chain": chain, "height": height, **notice.data}
    return msgspec.json.encode({"type": notice.type, "timestamp": timestamp, "data": data})


_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _tag(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


@cache
def _decoder(event: type[Event]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(event)


def _tag_of(raw: msgspec.Raw) -> str:
    """Return the tag of an encoded event, `["tag",...]`."""
    head = bytes(memoryview(raw)[:80])
    start = head.find(b'"') + 1
    return head[start : head.find(b'"', start)].decode("ascii", "replace")


def _paged(items: Sequence[Any], tell: Callable[[Any], Data], **about: Any) -> Iterator[Data]:
    pages = -(-len(items) // IDS_MAX)
    for page in range(pages):
        part = items[page * IDS_MAX : (page + 1) * IDS_MAX]
        yield {
            **about,
            "page": page + 1,
            "pages": pages,
            "transactions": [tell(item) for item in part],
        }


def _settled(event: PaymentsSettled) -> Iterator[Data]:
    return _paged(event.items, _named, cycle_id=event.cycle_id, batch_id=event.batch_id)


def _reversed(event: PaymentsReversed) -> Iterator[Data]:
    return _paged(event.items, _named, cycle_id=event.cycle_id, reason=event.reason)


def _named(item: Any) -> Data:
    return {"transaction_id": item.transaction_id}


def _failed(event: PaymentsFailed) -> Iterator[Data]:
    def tell(item: Released) -> Data:
        return {"transaction_id": item.transaction_id, "reason": item.reason}

    return _paged(event.items, tell, cycle_id=event.cycle_id)


def _deferred(event: PaymentsDeferred) -> Iterator[Data]:
    def tell(item: tuple[str, str, str, int]) -> Data:
        return {"transaction_id": item[0], "reason": item[1], "next_cycle_id": item[2]}

    return _paged(event.items, tell, cycle_id=event.cycle_id)


def _held(event: TransactionsSubmitted) -> Iterator[Data]:
    def tell(item: Submitted) -> Data:
        return {"transaction_id": item.transaction_id, "hits": item.hits}

    return _paged([item for item in event.items if item.hits], tell)


def _certified(event: ConsensusAchieved) -> Iterator[Data]:
    yield {
        "cycle_id": event.cycle_id,
        "batch_id": event.batch_id,
        "epoch": event.epoch,
        "members_height": event.height,
        "signers": event.signers,
    }


def _confirmed(event: SettlementConfirmed) -> Iterator[Data]:
    yield {
        "settlement_id": event.settlement_id,
        "batch_ids": event.batch_ids,
        "failed_instructions": event.failed,
    }


def _settlement_failed(event: SettlementFailed) -> Iterator[Data]:
    yield {
        "settlement_id": event.settlement_id,
        "batch_ids": event.batch_ids,
        "participant_id": event.participant_id,
        "code": event.code,
    }


def _settlement_reversed(event: SettlementReversed) -> Iterator[Data]:
    about = {
        "settlement_id": event.settlement_id,
        "batch_ids": event.batch_ids,
        "reason": event.reason,
    }
    if not event.transaction_ids:
        yield {**about, "whole": True}
        return
    yield from _paged(event.transaction_ids, lambda id: {"transaction_id": id}, **about)


def _alert(event: AlertRaised | AlertCleared) -> Iterator[Data]:
    told = cast(Data, msgspec.to_builtins({name: getattr(event, name) for name in _fields(event)}))
    for name in ("used_minor", "limit_minor"):
        if name in told:
            told[name] = str(told[name])
    yield told


def _fields(event: Event) -> Sequence[str]:
    return event.__struct_fields__


_BY_EVENT: Mapping[type[Event], _Telling] = {
    PaymentsSettled: _Telling(EventType.PAYMENT_SETTLED, _settled),
    PaymentsFailed: _Telling(EventType.PAYMENT_FAILED, _failed),
    PaymentsDeferred: _Telling(EventType.PAYMENT_DEFERRED, _deferred),
    PaymentsReversed: _Telling(EventType.PAYMENT_REVERSED, _reversed),
    TransactionsSubmitted: _Telling(EventType.PAYMENT_HELD, _held),
    ConsensusAchieved: _Telling(EventType.BATCH_CERTIFIED, _certified),
    SettlementConfirmed: _Telling(EventType.CYCLE_SETTLEMENT_CONFIRMED, _confirmed),
    SettlementFailed: _Telling(EventType.CYCLE_SETTLEMENT_FAILED, _settlement_failed),
    SettlementReversed: _Telling(EventType.CYCLE_SETTLEMENT_REVERSED, _settlement_reversed),
    AlertRaised: _Telling(EventType.ALERT_RAISED, _alert),
    AlertCleared: _Telling(EventType.ALERT_CLEARED, _alert),
}
