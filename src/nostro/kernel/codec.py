"""How do commands, events and replies become bytes, and the same bytes for ever?

JSON, because an auditor can read it in the database without our code and because its integers have
no upper bound (msgpack stops at 64 bits, an amount has up to 38 digits). Numbers in it are always
integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Union

import msgspec

from nostro.kernel.messages import Command, Effect, Event
from nostro.kernel.reply import Reply

_encoder = msgspec.json.Encoder()
_content_encoder = msgspec.json.Encoder(order="deterministic")
_reply_decoder = msgspec.json.Decoder(Reply)

encode = _encoder.encode


def content_hash(command: Command) -> bytes:
    """Return SHA-256 over a command's content: equal if and only if every field is equal.

    The order of names in a mapping is no content, and a field at its default is not told: so a
    repeat is one in every order of its JSON, and after an upgrade that adds a field.
    """
    return hashlib.sha256(_content_encoder.encode(command.content)).digest()


def encode_events(events: Sequence[Event]) -> bytes:
    """Return the journal payload: a JSON array of tagged event arrays."""
    return _encoder.encode(events)


def encode_reply(reply: Reply) -> bytes:
    """Return the stored form of a reply."""
    return _encoder.encode(reply)


def decode_reply(data: bytes) -> Reply:
    """Return the reply that `encode_reply` wrote."""
    return _reply_decoder.decode(data)


class Codec:
    """Reads back what was written, for the message classes of the rooms that it was made with."""

    def __init__(self, events: Iterable[type[Event]], effects: Iterable[type[Effect]] = ()) -> None:
        self._events = _decoder(tuple(events), many=True)
        self._effects = _decoder(tuple(effects), many=False)

    def decode_events(self, payload: bytes) -> list[Event]:
        """Return the events of a journal payload; raises msgspec.DecodeError when it is not one."""
        events: list[Event] = self._events.decode(payload)
        return events

    def decode_effect(self, data: bytes) -> Effect:
        """Return the effect of an outbox row."""
        effect: Effect = self._effects.decode(data)
        return effect


def _decoder(classes: tuple[type[msgspec.Struct], ...], *, many: bool) -> msgspec.json.Decoder[Any]:
    kinds: Any = Union[classes] if classes else None  # noqa: UP007  a union made at run time
    return msgspec.json.Decoder(list[kinds] if many else kinds)
