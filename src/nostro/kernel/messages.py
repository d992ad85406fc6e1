"""What are the four things that are ever said: command, event, effect, rejection?

A command is decided into events; events evolve state; flows turn events into further commands or
effects; the outcome of an effect comes back as a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

type_tag = "kind"


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field=type_tag, omit_defaults=True):
    """An order to a room. Subclasses are tagged `room.CommandName`; a field change is a change of
    content, a new field with a default is none."""

    @property
    def stream(self) -> str:
        """Name the thing the command is about, for the journal's `stream` column."""
        return ""

    @property
    def content(self) -> Command:
        """Return the command without what its sender did not say: what a repeat is known by."""
        return self


class Event(msgspec.Struct, frozen=True, array_like=True, tag_field=type_tag, gc=False):
    """A report of what has happened. Subclasses are tagged `room.event_name`; fields are only ever
    appended."""


class Effect(msgspec.Struct, frozen=True, kw_only=True, tag_field=type_tag):
    """A request for a deed in the world, performed at least once under a stable id after it is
    durable."""


class Tick(Command, frozen=True, kw_only=True, tag="runtime.Tick"):
    """Tells every room that is due what time it is; sent by the runtime only, journaled like any
    command."""


class Rejection(Exception):
    """Business says no: a stable code `room.reason` and the facts. Stored under the key, so it
    stays no."""

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts: Mapping[str, Any] = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.code}({told})" if told else self.code


@cache
def kind_of(cls: type[msgspec.Struct]) -> str:
    """Return the stable tag of a message class, e.g. `ledger.CreateTransfers`."""
    tag = cls.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{cls.__name__} has no tag; give it tag='room.Name'")
    return tag


@cache
def room_of(cls: type[msgspec.Struct]) -> str:
    """Return the room a message belongs to: the part of its tag before the dot."""
    return kind_of(cls).partition(".")[0]
