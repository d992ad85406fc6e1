"""What was asked of an engine, and what has it decided that is not durable yet?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.kernel.codec import content_hash, encode, encode_events, encode_reply
from nostro.kernel.messages import Command, Event, Rejection, kind_of, room_of
from nostro.kernel.reply import Receipt, Reply
from nostro.kernel.room import Context
from nostro.runtime.house import Outcome
from nostro.runtime.ports import Entry, Head, OutboxRow, sealed

STREAM_LENGTH_MAX = 255


class Request:
    """A command on its way through the engine, and the future of its answer. `settles` names the
    effects whose outcome it is."""

    __slots__ = ("actor", "command", "decided", "future", "key", "request_hash", "settles")

    def __init__(
        self,
        key: str,
        command: Command,
        actor: str,
        settles: Sequence[tuple[int, int]],
        future: asyncio.Future[Receipt],
    ) -> None:
        self.key = key
        self.command = command
        self.actor = actor
        self.settles = settles
        self.future = future
        self.request_hash = content_hash(command)
        self.decided: list[tuple[int, int]] = []
        """Height and time at which this very request was decided: a reply found there is its own,
        not a repeat. (At the same height another writer may have decided another copy of it.)"""


class Durable(msgspec.Struct, frozen=True, gc=False):
    """What a journal row that is durable reports: its height, its time in microseconds since the
    epoch, and its events in order."""

    height: int
    at_us: int
    events: Sequence[Event]


class Draft:
    """A batch being decided after the head `base`: rows, and what to answer once they are durable.

    `size`: payload and reply bytes of its rows.
    """

    def __init__(self, base: Head) -> None:
        self.base = base
        self.entries: list[Entry] = []
        self.effects: list[OutboxRow] = []
        self.reports: list[Durable] = []
        self.settled: list[tuple[int, int]] = []
        self.answers: list[tuple[Request, Receipt | Rejection]] = []
        self.size = 0

    def end(self) -> Head:
        """Return the head once this is durable."""
        if not self.entries:
            return self.base
        last = self.entries[-1]
        return Head(last.height, last.hash, last.at_us, self.base.fence)

    def add(self, entry: Entry, outcome: Outcome) -> None:
        """Add a row with the effects that it orders."""
        self.entries.append(entry)
        self.size += len(entry.payload) + len(entry.reply)
        self.reports.append(Durable(entry.height, entry.at_us, outcome.events))
        for index, effect in enumerate(outcome.effects):
            row = OutboxRow(entry.height, index, kind_of(type(effect)), encode(effect))
            self.effects.append(row)

    def answer(self, request: Request, answer: Receipt | Rejection) -> None:
        """Note what to answer; with a receipt, the effects that the request settles are settled."""
        if isinstance(answer, Receipt):
            self.settled.extend(request.settles)
        self.answers.append((request, answer))


def row_of(
    chain: str,
    prev_hash: bytes,
    context: Context,
    request: Request,
    events: Sequence[Any],
    reply: Reply,
) -> Entry:
    """Return the journal row of a request that was decided in `context`."""
    cls = type(request.command)
    return sealed(
        chain=chain,
        height=context.height,
        command_id=request.key,
        request_hash=request.request_hash,
        actor=request.actor,
        room=room_of(cls),
        stream=_storable(request.command.stream),
        kind=kind_of(cls),
        at_us=context.at_us,
        payload=encode_events(events),
        reply=encode_reply(reply),
        prev_hash=prev_hash,
    )


def is_storable(text: str) -> bool:
    """Tell whether any database takes a text: it has no NUL and no half of a surrogate pair."""
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _storable(stream: str) -> str:
    """Return the name of a stream, shortened and mended: it may be made of what a room refuses."""
    stream = stream[:STREAM_LENGTH_MAX]
    if is_storable(stream):
        return stream
    return "".join(char if is_storable(char) else "\ufffd" for char in stream)
