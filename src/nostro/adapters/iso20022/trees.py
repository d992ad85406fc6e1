"""How is a message read, and built, by the names that the standard gives to its elements?

The library's classes are numbered anew in each version of a message (PartyIdentification127Choice),
its elements are not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

Tree = Mapping[str, Any]
"""Elements by name: each a tree, a value, a list of these, or None for one that is left out."""


class _Element(NamedTuple):
    attribute: str
    cls: Any
    many: bool


def find(message: Any, path: str) -> Any:
    """Return what stands at a path (`TradDtls/TradDt/Dt`), None where nothing does."""
    for name in path.split("/"):
        if message is None:
            return None
        message = getattr(message, _elements(_class_of(message))[name].attribute)
    return message.value if isinstance(message, Enum) else message


def _class_of(message: Any) -> Any:
    return type(message)


def build(cls: Any, told: Tree) -> Any:
    """Return a message class filled with a tree. Raises KeyError for a name, and ValueError for a
    code, that the standard does not have there: both are mistakes of ours."""
    elements = _elements(cls)
    values: dict[str, Any] = {}
    for name, value in told.items():
        element = elements[name]
        if value is None:
            continue
        values[element.attribute] = (
            [_value(element.cls, each) for each in value]
            if element.many
            else _value(element.cls, value)
        )
    return cls(**values)


def codes_of(cls: Any, path: str) -> frozenset[str]:
    """Return the codes that may stand at a path of a message class."""
    for name in path.split("/"):
        cls = _elements(cls)[name].cls
    return frozenset(str(code.value) for code in cls)


def _value(cls: Any, told: Any) -> Any:
    if isinstance(told, Mapping):
        return build(cls, told)
    return cls(told) if isinstance(cls, type) and issubclass(cls, Enum) else told


@cache
def _elements(cls: Hashable) -> Mapping[str, _Element]:
    assert isinstance(cls, type)
    assert dataclasses.is_dataclass(cls)
    kinds = get_type_hints(cls)
    return {
        field.metadata.get("name") or field.name: _element(field.name, kinds[field.name])
        for field in dataclasses.fields(cls)
    }


def _element(attribute: str, kind: Any) -> _Element:
    many = get_origin(kind) is list
    if many:
        (kind,) = get_args(kind)
    elif get_origin(kind) in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    return _Element(attribute, kind, many)
