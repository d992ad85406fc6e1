"""Which rules of its schema does a message break?

The library's classes carry the facets of the XSD beside each field (pattern, lengths, digits,
bounds, how often) but check none of them, and bring no XSD. This does, in one walk.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

FAULTS_MAX = 20
"""Faults that are named; a message with more is not worth reading on."""

Rule = Callable[[Any], str]
_CHOICE = re.compile(r"Choice(?:[A-Z][a-z]{3}\d+)?\Z")
"""Classes of which one field stands; one library adds the message's name to theirs."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    """One field of a message class: as XML names it, and what holds for each value of it."""

    name: str
    told: str
    required: bool
    many: bool
    least: int
    most: int
    rules: tuple[Rule, ...]


def faults_of(message: Any) -> list[str]:
    """Return what is wrong, each with its place (`GrpHdr/MsgId: is longer than 35`)."""
    return list(islice(_faults(message, ""), FAULTS_MAX))


def _faults(message: Any, at: str) -> Iterator[str]:
    chosen = 0
    fields = _fields(type(message))  # type: ignore[arg-type]  # a class is hashable
    for field in fields:
        value = getattr(message, field.name)
        place = f"{at}/{field.told}" if at else field.told
        if field.many:
            chosen += bool(value)
            if not field.least <= len(value) <= field.most:
                yield f"{place}: stands {len(value)} times"
            for index, each in enumerate(value):
                yield from _value_faults(each, field, f"{place}[{index}]")
        elif value is not None:
            chosen += 1
            yield from _value_faults(value, field, place)
        elif field.required:
            yield f"{place}: is missing"
    if chosen != 1 and _CHOICE.search(type(message).__name__):
        yield f"{at}: one of {', '.join(field.told for field in fields)} must stand there"


def _value_faults(value: Any, field: _Field, place: str) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        yield from _faults(value, place)
        return
    for rule in field.rules:
        wrong = rule(value)
        if wrong:
            yield f"{place}: {wrong}"
            return


@cache
def _fields(cls: Hashable) -> tuple[_Field, ...]:
    """Return the fields of a message class; only its own, no library class inherits."""
    if not isinstance(cls, type) or not dataclasses.is_dataclass(cls):
        return ()
    return tuple(_field(each) for each in dataclasses.fields(cls) if _is_told(each))


def _is_told(field: dataclasses.Field[Any]) -> bool:
    return field.metadata.get("type") in ("Element", "Attribute", None)


def _field(field: dataclasses.Field[Any]) -> _Field:
    meta = field.metadata
    many = field.default_factory is list
    return _Field(
        name=field.name,
        told=meta.get("name", field.name) or field.name,
        required=bool(meta.get("required")),
        many=many,
        least=meta.get("min_occurs", 0) if many else 0,
        most=meta.get("max_occurs", 2**31) if many else 1,
        rules=tuple(_rules(meta)),
    )


def _rules(meta: Mapping[str, Any]) -> Iterator[Rule]:
    if "pattern" in meta:
        match = re.compile(meta["pattern"], re.ASCII).fullmatch
        yield lambda value: "" if match(str(value)) else "is not spelled as it must be"
    if "min_length" in meta:
        least = meta["min_length"]
        yield lambda value: "" if len(value) >= least else f"is shorter than {least}"
    if "max_length" in meta:
        most = meta["max_length"]
        yield lambda value: "" if len(value) <= most else f"is longer than {most}"
    if "total_digits" in meta or "fraction_digits" in meta:
        total = meta.get("total_digits", 1_000)
        fraction = meta.get("fraction_digits", total)
        yield lambda value: _digits(value, total=total, fraction=fraction)
    if "min_inclusive" in meta:
        low = meta["min_inclusive"]
        yield lambda value: "" if value >= low else f"is less than {low}"


def _digits(value: Any, *, total: int, fraction: int) -> str:
    """Check a decimal as XML Schema counts its digits: zeros at either end do not."""
    if not isinstance(value, Decimal):
        return ""
    if not value.is_finite():
        return "is no number"
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent > 0 or abs(value.adjusted()) > total:  # before it is written out, however long
        return "is not written as a decimal of a sensible length"
    whole, _, after = f"{abs(value):f}".partition(".")
    after = after.rstrip("0")
    if len(after) > fraction:
        return f"has more than {fraction} decimals"
    if len(whole.lstrip("0")) + len(after) > total:
        return f"has more than {total} digits"
    return ""
