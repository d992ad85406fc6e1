"""Is this JSON a Daml value of its type, and what is it in the form that the ledger keeps?

Kept as the API tells it: numbers are strings ("3"), parties and contract ids too; records are
objects, lists arrays, an Optional that is None is null, () is {}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from nostro.adapters.domains.canton_double.errors import Refusal

MINOR_MAX = 10**38 - 1
INT_MAX = 2**63 - 1
TEXT_LENGTH_MAX = 4_096
PARTY = re.compile(r"[A-Za-z0-9:\-_ ]{1,255}\Z")
CONTRACT_ID = re.compile(r"(?:[0-9a-f]{2}){2,128}\Z")
_INT = re.compile(r"-?[0-9]{1,19}\Z")
_MINOR = re.compile(r"-?[0-9]{1,38}(?:\.0*)?\Z")


class Plain(Enum):
    """A type without parts."""

    PARTY = "Party"
    TEXT = "Text"
    INT = "Int"
    MINOR = "Numeric 0"
    CONTRACT = "ContractId"


@dataclass(frozen=True)
class OptionalOf:
    """Something or nothing; not of optionals."""

    of: Type


@dataclass(frozen=True)
class ListOf:
    """Several of one type."""

    of: Type


@dataclass(frozen=True)
class Record:
    """Named fields, in order."""

    name: str
    fields: Mapping[str, Type]


Type = Plain | OptionalOf | ListOf | Record
Value = Any
"""JSON in the form above."""


def of_type(told: Value, wanted: Type, *, where: str = "") -> Value:
    """Return a value in the form that is kept; refuses COMMAND_PREPROCESSING_FAILED."""
    match wanted:
        case Plain():
            return _plain(told, wanted, where)
        case OptionalOf():
            return None if told is None else of_type(told, wanted.of, where=where)
        case ListOf():
            if not isinstance(told, list):
                raise _unfit(where, "a list")
            return [of_type(each, wanted.of, where=f"{where}[{n}]") for n, each in enumerate(told)]
        case Record():
            return _record(told, wanted, where)


def _record(told: Value, wanted: Record, where: str) -> dict[str, Value]:
    if not isinstance(told, dict):
        raise _unfit(where, f"a {wanted.name}")
    for name in told:
        if name not in wanted.fields:
            raise _failed(f"unexpected field {name!r} in {wanted.name}")
    kept = {}
    for name, each in wanted.fields.items():
        if name not in told and not isinstance(each, OptionalOf):
            raise _failed(f"Missing non-optional field: {name}")
        kept[name] = of_type(told.get(name), each, where=f"{where}.{name}" if where else name)
    return kept


def _plain(told: Value, wanted: Plain, where: str) -> str:
    if wanted is Plain.INT and type(told) is int:
        told = str(told)
    if not isinstance(told, str):
        raise _unfit(where, f"a string with {wanted.value}")
    fits: bool
    match wanted:
        case Plain.PARTY:
            fits = PARTY.match(told) is not None
        case Plain.TEXT:
            fits = len(told) <= TEXT_LENGTH_MAX and "\0" not in told
        case Plain.INT:
            fits = _INT.match(told) is not None and -INT_MAX - 1 <= int(told) <= INT_MAX
        case Plain.MINOR:
            fits = _MINOR.match(told) is not None
        case Plain.CONTRACT:
            fits = CONTRACT_ID.match(told) is not None
    if not fits:
        raise _unfit(where, f"a {wanted.value}")
    if wanted in (Plain.INT, Plain.MINOR):
        return str(int(told.partition(".")[0]))
    return told


def minor_total(amounts: Iterable[str]) -> int:
    """Return a sum of amounts; refuses UNHANDLED_EXCEPTION when no Numeric 0 can hold it."""
    total = sum(map(int, amounts))
    if abs(total) > MINOR_MAX:
        raise Refusal("UNHANDLED_EXCEPTION", "Interpretation error: ArithmeticError: overflow")
    return total


def _unfit(where: str, wanted: str) -> Refusal:
    return _failed(f"{where or 'value'}: expected {wanted}")


def _failed(why: str) -> Refusal:
    return Refusal("COMMAND_PREPROCESSING_FAILED", f"Preprocessor error: {why}")
