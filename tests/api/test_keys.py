"""Which Idempotency-Key headers are taken, and which of them are the same key?"""

from __future__ import annotations

import pytest

from nostro.api.keys import HEADER_KEY_LENGTH_MAX, derived_id, header_key, of_user
from nostro.kernel.messages import Rejection
from nostro.runtime.engine import KEY_LENGTH_MAX


@pytest.mark.parametrize(
    "said",
    [b"", b'""', b'"open', b'"a"b', b"a b", b"a\tb", b'"a\nb"', b"\xff", b'"\\x"', b"a" * 241],
)
def test_a_key_that_cannot_be_told_apart_safely_is_refused(said: bytes) -> None:
    with pytest.raises(Rejection) as no:
        header_key(said)
    assert no.value.code == "request.bad_idempotency_key"


def test_no_header_is_no_key() -> None:
    assert header_key(None) is None


@pytest.mark.parametrize("said", [b"k-1", b'"k-1"', b' "k-1" '])
def test_quoted_and_bare_are_the_same_key(said: bytes) -> None:
    assert header_key(said) == "k-1"


def test_a_quoted_key_may_hold_spaces_and_escapes() -> None:
    assert header_key(rb'"a \"b\" \\c"') == 'a "b" \\c'


@pytest.mark.parametrize("user_id", ["", "alice", "u" * 48])
def test_the_longest_key_of_any_user_fits_the_engine(user_id: str) -> None:
    key = header_key(b"k" * HEADER_KEY_LENGTH_MAX)
    assert key is not None
    assert len(of_user(key, user_id)) <= KEY_LENGTH_MAX


def test_two_users_never_meet_under_one_key() -> None:
    for key in ("1", "k" * HEADER_KEY_LENGTH_MAX):
        assert len({of_user(key, user_id) for user_id in ("", "alice", "bob")}) == 3
    assert of_user("1", "") == "key:1"
    assert of_user("1", "alice") == "user:alice:1"


def test_an_id_made_of_a_key_is_the_same_for_the_same_key() -> None:
    assert derived_id("wd", "key:a") == derived_id("wd", "key:a") != derived_id("wd", "key:b")
