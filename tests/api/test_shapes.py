"""Is everything that is wrong with a request named at once, and where it stands?"""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import Annotated

import msgspec
import pytest
from hypothesis import given, strategies as st

from nostro.api.amounts import Amount
from nostro.api.problems import ProblemRaised
from nostro.api.shapes import ERRORS_MAX, Shape, read_query
from nostro.api.words import Moment, TransferId


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    id: TransferId
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    amount: Amount = msgspec.field(default_factory=msgspec.Raw)
    at: Moment | None = None
    colours: Colour | None = None
    names: dict[str, Annotated[str, msgspec.Meta(max_length=3)]] | None = None


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inners: Annotated[list[Inner], msgspec.Meta(min_length=1, max_length=150)]
    flag: bool = False


class Query(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    since: Moment | None = None
    who: str = ""
    colour: Colour = Colour.RED


def wrong(body: bytes) -> ProblemRaised:
    with pytest.raises(ProblemRaised) as caught:
        Shape(Outer).read(body)
    return caught.value


def test_every_error_is_named_at_once_with_its_pointer() -> None:
    problem = wrong(
        b'{"inners":[{"id":"a b","count":-1,"at":"2026-01-31T09:30:00"},'
        b'{"ids":"x","names":{"k":"long"}}],"flag":1}'
    )
    assert problem.code == "request.invalid"
    assert {(error.pointer, error.code) for error in problem.errors} == {
        ("/inners/0/id", "request.bad_value"),
        ("/inners/0/count", "request.bad_value"),
        ("/inners/0/at", "request.bad_value"),
        ("/inners/1/ids", "request.unknown_field"),
        ("/inners/1/id", "request.missing_field"),
        ("/inners/1/names/...", "request.bad_value"),
        ("/flag", "request.bad_value"),
    }


def test_an_unknown_field_names_the_nearest_one() -> None:
    problem = wrong(b'{"inners":[{"id":"a","amuont":"1"}]}')
    assert problem.code == "request.unknown_field"
    assert "did you mean amount?" in problem.errors[0].message


def test_a_word_that_is_none_of_a_few_hears_which_they_are() -> None:
    with pytest.raises(ProblemRaised) as caught:
        read_query(b"colour=blau", Query)
    assert caught.value.errors[0].message.endswith("must be one of red, blue")
    body = wrong(b'{"inners":[{"id":"a","colours":"blau"},{"id":"a b"}]}')
    assert "must be one of" in body.errors[0].message
    assert body.errors[1].message == "must match ^[A-Za-z0-9._:@/-]{1,128}$"


def test_a_pointer_escapes_what_json_pointers_escape() -> None:
    problem = wrong(b'{"inners":[{"id":"a"}],"a/b~c":1}')
    assert problem.errors[0].pointer == "/a~1b~0c"


def test_a_list_that_is_too_short_or_too_long_says_so() -> None:
    assert wrong(b'{"inners":[]}').errors[0].pointer == "/inners"
    many = msgspec.json.encode({"inners": [{"id": "a"}] * 151})
    assert [error.pointer for error in wrong(many).errors] == ["/inners"]


def test_at_most_a_hundred_errors_are_named() -> None:
    body = msgspec.json.encode({"inners": [{"id": "a b"}] * 150})
    assert len(wrong(body).errors) == ERRORS_MAX


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"inners":[{]}', b'{"inners":5', b"[" * 9]
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    assert wrong(body).code == "request.malformed_json"


@pytest.mark.parametrize("body", [b'{"inners":[{"id":"\xff"}]}', b'{"inners":[{"id":"\\ud800"}]}'])
def test_what_is_no_unicode_is_malformed(body: bytes) -> None:
    assert wrong(body).code == "request.malformed_json"


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert wrong(body).errors[0].code == "request.bad_value"


@given(body=st.binary(max_size=200))
def test_no_body_whatever_is_more_than_refused(body: bytes) -> None:
    with suppress(ProblemRaised):
        Shape(Outer).read(body)


def test_every_error_of_a_query_is_named_at_once() -> None:
    with pytest.raises(ProblemRaised) as caught:
        read_query(b"limit=0&sinse=x&since=yesterday&who=a&who=b", Query)
    assert {(error.pointer, error.code) for error in caught.value.errors} == {
        ("limit", "request.bad_value"),
        ("sinse", "request.unknown_field"),
        ("since", "request.bad_value"),
        ("who", "request.repeated_parameter"),
    }


def test_a_query_is_read_into_its_types() -> None:
    query = read_query(b"limit=5&since=2026-01-31T09:30:00Z&who=a%20b", Query)
    assert (query.limit, query.who) == (5, "a b")
    assert query.since is not None


@given(query=st.binary(max_size=80))
def test_no_query_whatever_is_more_than_refused(query: bytes) -> None:
    with suppress(ProblemRaised):
        read_query(query, Query)
