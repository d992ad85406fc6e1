"""How does a batch travel through the log, and what is not believed?"""

from __future__ import annotations

import hashlib
import itertools
import zlib

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.adapters.members import names
from nostro.adapters.members.intake import CHUNKS_MAX, Batch, Intake
from nostro.adapters.members.names import Unreadable
from nostro.runtime.ordered_log import VALUE_BYTES_MAX


def items_of(body: str, batch_id: str = "2026-11-20T1500Z.1") -> list[tuple[str, bytes]]:
    return names.request_items(cycle_id="2026-11-20T1500Z", batch_id=batch_id, body=body)


def told(intake: Intake, items: list[tuple[str, bytes]]) -> list[Batch]:
    found = []
    for key, value in items:
        if names.kind_of_key(key, value) == "chunk":
            found += intake.take_chunk(key.rpartition("/")[2], value)
        else:
            found += intake.take_request(value)
    return found


def long_body() -> str:
    seeds = itertools.count()
    return "".join(hashlib.sha256(b"%d" % next(seeds)).hexdigest() for _ in range(40_000))


@given(body=st.text(max_size=300))
def test_a_body_comes_out_of_the_log_as_it_went_in(body: str) -> None:
    (batch,) = told(Intake(), items_of(body))
    assert batch.body == body
    assert names.unpacked(batch.packed, batch.request.body_sha256) == body


def test_pieces_of_a_long_body_may_come_in_any_order_and_twice() -> None:
    body = long_body()
    items = items_of(body)
    assert len(items) == 4
    assert all(len(value) <= VALUE_BYTES_MAX // 2 for _, value in items)
    for order in itertools.permutations(items):
        (batch,) = told(Intake(), [order[0], *order])
        assert batch.body == body


def test_the_same_batch_has_the_same_names_every_time() -> None:
    assert items_of("body") == items_of("body")
    assert items_of("body")[-1] != items_of("body", "other")[-1]


def test_a_value_that_was_changed_no_longer_fits_its_name() -> None:
    for key, value in items_of("body"):
        assert names.kind_of_key(key, value) in ("chunk", "request")
        with pytest.raises(Unreadable):
            names.kind_of_key(key, value + b" ")


def test_an_identifier_cannot_reach_into_another_ones_names() -> None:
    key = names.key_of("request", "a/b\n../c", value=b"")
    assert key.count("/") == 2


def test_a_request_for_other_pieces_than_the_body_s_gives_no_batch() -> None:
    pieces = items_of("another body")[:-1]
    request = names.read_request(items_of("body")[-1][1])
    lie = msgspec.structs.replace(
        request, chunks=[hashlib.sha256(value).hexdigest() for _, value in pieces]
    )
    value = msgspec.json.encode(lie)
    assert told(Intake(), [*pieces, (names.key_of("request", "b", value=value), value)]) == []


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zlib",
        zlib.compress(b"body")[:-1],
        zlib.compress(b"body") + b"more",
        zlib.compress(bytes(names.BODY_BYTES_MAX + 1)),
        zlib.compress(b"\xff\xfe"),
    ],
)
def test_pieces_that_make_no_body_within_bounds_are_unreadable(packed: bytes) -> None:
    with pytest.raises(Unreadable):
        names.unpacked(packed, hashlib.sha256(b"\xff\xfe").hexdigest())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b'{"cycle_id":"c","batch_id":"b","body_sha256":"00","chunks":["11"]}',
        msgspec.json.encode(names.Request("c", "b", "0" * 64, [])),
        msgspec.json.encode(names.Request("c", "b", "0" * 64, ["1" * 64] * 65)),
        msgspec.json.encode(names.Request("c", "b", "0" * 64, ["../chunk"])),
    ],
)
def test_a_request_that_nobody_could_have_written_is_unreadable(value: bytes) -> None:
    with pytest.raises(Unreadable):
        names.read_request(value)


def test_a_body_beyond_the_bound_is_refused_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="at most"):
        items_of("x" * (names.BODY_BYTES_MAX + 1))


def test_a_flood_of_pieces_and_requests_is_forgotten_from_its_beginning() -> None:
    intake, body = Intake(), items_of("body")
    told(intake, [body[0]])
    for number in range(CHUNKS_MAX):
        told(intake, items_of(f"other {number}")[:-1])
    assert told(intake, body[1:]) == []
    assert [batch.body for batch in told(intake, body)] == ["body"]
