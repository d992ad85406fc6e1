"""Do bytes mean the same for ever?"""

from __future__ import annotations

import pytest

from nostro.kernel.codec import Codec, content_hash, decode_reply, encode_events, encode_reply
from nostro.kernel.messages import Command, Event, Rejection, kind_of, room_of
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.reply import Reply


class Moved(Event, frozen=True, array_like=True, tag="test.moved"):
    """Something moved."""

    amount_minor: int
    note: str = ""


class Stopped(Event, frozen=True, array_like=True, tag="test.stopped"):
    """Something stopped."""


class Move(Command, frozen=True, kw_only=True, tag="test.Move"):
    """Move something."""

    amount_minor: int


class Label(Command, frozen=True, kw_only=True, tag="test.Label"):
    """Put names on something."""

    names: dict[str, str]


CODEC = Codec([Moved, Stopped])


def test_amounts_of_38_digits_survive_the_round_trip() -> None:
    events = [Moved(AMOUNT_MINOR_MAX), Moved(-AMOUNT_MINOR_MAX, "back"), Stopped()]
    assert CODEC.decode_events(encode_events(events)) == events


def test_the_bytes_of_an_event_are_pinned() -> None:
    assert encode_events([Moved(5, "é"), Stopped()]) == (
        '[["test.moved",5,"é"],["test.stopped"]]'.encode()
    )


def test_a_row_written_before_a_field_was_appended_is_still_read() -> None:
    assert CODEC.decode_events(b'[["test.moved",5]]') == [Moved(5)]


@pytest.mark.parametrize("payload", [b"", b"{}", b'[["test.unknown"]]', b'[["test.moved",1.5]]'])
def test_what_no_room_wrote_is_not_read(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|Input|Expected|Invalid"):
        CODEC.decode_events(payload)


def test_commands_have_the_same_hash_only_when_their_content_is_the_same() -> None:
    assert content_hash(Move(amount_minor=1)) == content_hash(Move(amount_minor=1))
    assert content_hash(Move(amount_minor=1)) != content_hash(Move(amount_minor=2))


def test_the_order_of_names_is_not_content() -> None:
    one = Label(names={"a": "1", "b": "2"})
    assert content_hash(one) == content_hash(Label(names={"b": "2", "a": "1"}))
    assert content_hash(one) != content_hash(Label(names={"a": "2", "b": "1"}))


def test_a_field_that_is_added_with_a_default_does_not_change_what_was_sent_before() -> None:
    class Later(Command, frozen=True, kw_only=True, tag="test.Move"):
        amount_minor: int
        note: str = ""

    assert content_hash(Later(amount_minor=1)) == content_hash(Move(amount_minor=1))
    assert content_hash(Later(amount_minor=1, note="x")) != content_hash(Move(amount_minor=1))


def test_a_reply_is_read_as_it_was_written() -> None:
    no = Reply(code="test.no", facts={"limit_minor": AMOUNT_MINOR_MAX})
    assert decode_reply(encode_reply(no)) == no
    assert not no.accepted


def test_a_message_is_known_by_its_tag() -> None:
    assert (kind_of(Move), room_of(Move)) == ("test.Move", "test")


def test_a_rejection_tells_its_code_and_facts() -> None:
    assert str(Rejection("test.no", limit=5)) == "test.no(limit=5)"
