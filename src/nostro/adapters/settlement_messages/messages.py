"""What does a message say of what happened to a settlement?

An envelope that all have, and the facts of its type (`nostro.settlement.told`) in words that need
no table: minor units become exact decimal strings, times RFC 3339 in UTC, days ISO dates. Version 1
is `schemas/v1`. A field may be added within a version; nothing is changed or taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec

from nostro.adapters.moments import rfc3339
from nostro.kernel.money import format_amount
from nostro.settlement import FACTS, SettlementEventView, Status, ToldEvent, ToldType

SCHEMA_VERSION = 1
Amount = Annotated[
    str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="decimal, exact")
]
Moment = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        description="RFC 3339, UTC",
    ),
]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Scales = Mapping[str, int]
"""Decimals of each asset."""
_ENVELOPE: tuple[tuple[str, Any], ...] = (
    ("event_id", str),
    ("settlement_id", str),
    ("trade_id", str),
    ("occurred_at", Moment),
    ("status", Status),
    ("seller_account_id", str),
    ("buyer_account_id", str),
    ("symbol", str),
)


class _Field(msgspec.Struct, frozen=True):
    """A fact's name and type in a message, and how its value gets there: given the value, the
    security's and the cash asset's decimals."""

    name: str
    type: Any
    convert: Callable[[Any, int, int], Any]


def message_of(told: ToldEvent, scales: Scales) -> dict[str, Any]:
    """Return a message, as its type in MESSAGES has it."""
    event = told.event
    message: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "settlement_id": event.settlement_id,
        "trade_id": event.trade_id,
        "occurred_at": rfc3339(event.at_us),
        "status": event.status,
        "seller_account_id": told.seller,
        "buyer_account_id": told.buyer,
        "symbol": f"{told.security}/{told.cash}",
    }
    security, cash = scales[told.security], scales[told.cash]
    return message | facts_in_words(event, security_scale=security, cash_scale=cash)


def facts_in_words(
    event: SettlementEventView, *, security_scale: int, cash_scale: int
) -> dict[str, Any]:
    """Return the facts of what happened as messages have them."""
    fields = _FIELDS[event.event_type]
    return {
        fields[name].name: fields[name].convert(fact, security_scale, cash_scale)
        for name, fact in event.facts.items()
    }


def encoded(told: ToldEvent, scales: Scales) -> bytes:
    """Return a message as JSON."""
    return msgspec.json.encode(message_of(told, scales))


def _field(name: str, type: Any) -> _Field:
    """Return what becomes of a fact, by what its name ends in."""
    optional = NoneType in get_args(type)
    if name.endswith("_minor"):
        convert = _quantity if "quantity" in name else _amount
        return _Field(name.removesuffix("_minor"), Amount | None if optional else Amount, convert)
    if name.endswith("_us"):
        return _Field(name.removesuffix("_us"), Moment | None, _moment)
    if name.endswith("_day") or name == "day":
        return _Field(name.replace("_day", "_date"), Day, _day)
    return _Field(name, type, _same)


def _quantity(value: int | None, security: int, _cash: int) -> str | None:
    return None if value is None else format_amount(value, security)


def _amount(value: int | None, _security: int, cash: int) -> str | None:
    return None if value is None else format_amount(value, cash)


def _moment(value: int, _security: int, _cash: int) -> str | None:
    return rfc3339(value) if value else None


def _day(value: int, _security: int, _cash: int) -> str:
    return date.fromordinal(value).isoformat()


def _same(value: Any, _security: int, _cash: int) -> Any:
    return value


def _message_type(type: ToldType) -> type[msgspec.Struct]:
    fields = [
        ("schema_version", Literal[SCHEMA_VERSION]),
        ("event_type", Literal[type.value]),
        *_ENVELOPE,
        *((field.name, field.type) for field in _FIELDS[type].values()),
    ]
    told = msgspec.defstruct(type.name.title().replace("_", ""), fields, frozen=True, kw_only=True)
    told.__doc__ = FACTS[type].__doc__
    return told


_FIELDS: Mapping[ToldType, Mapping[str, _Field]] = {
    each: {name: _field(name, type) for name, type in get_type_hints(facts).items()}
    for each, facts in FACTS.items()
}
MESSAGES: Mapping[ToldType, type[msgspec.Struct]] = {each: _message_type(each) for each in FACTS}
"""The type of each message."""
