"""The index of seen ids never misses one, and says little of others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from nostro.kernel import seen
from nostro.kernel.seen import (
    KEY_BYTES_MAX,
    PRIMES,
    Primes,
    SeenIndex,
    choose_primes,
    fingerprint,
    fingerprints,
)

FEW_KEYS = st.integers(0, 40).map(lambda number: f"key-{number}")
TEXTS = st.text(max_size=80) | st.text("ab0-", max_size=300)


def test_fingerprints_are_the_same_for_ever() -> None:
    assert fingerprint("") == 0
    assert fingerprint("nostro") == 0x3381BAD79B519E77
    assert fingerprint("withdrawal:2026-11-21/ä") == 0xA79C045E246119AE


def test_fingerprints_do_not_depend_on_the_process() -> None:
    code = "from nostro.kernel.seen import *; print(fingerprint('x'), *fingerprints(['x', 'y']))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert said == {f"{fingerprint('x')} {fingerprint('x')} {fingerprint('y')}\n"}


@given(st.lists(TEXTS, max_size=30))
def test_many_fingerprints_are_those_of_each(keys: list[str]) -> None:
    assert fingerprints(keys).tolist() == [fingerprint(key) for key in keys]


def test_long_keys_have_fingerprints_too() -> None:
    keys = ["a" * KEY_BYTES_MAX, "a" * (KEY_BYTES_MAX + 1), "é" * KEY_BYTES_MAX, ""]
    assert fingerprints(keys).tolist() == [fingerprint(key) for key in keys]


def test_ids_that_differ_little_have_fingerprints_that_differ() -> None:
    keys = [f"{stem}-{n:09d}" for stem in ("load", "loae", "daol") for n in range(100_000)]
    assert len(set(fingerprints(keys).tolist())) == len(keys)


@settings(deadline=None)
@given(
    rows=st.lists(st.sets(FEW_KEYS, max_size=6), max_size=30),
    hot_max=st.integers(0, 12),
    bits=st.sampled_from([1, 2, 4, 64]),
    settled_every=st.integers(1, 5),
    reloaded_at=st.integers(0, 30),
)
def test_every_id_is_hot_with_its_value_or_a_candidate_with_its_height(
    rows: list[set[str]], hot_max: int, bits: int, settled_every: int, reloaded_at: int
) -> None:
    index: SeenIndex[str] = SeenIndex(hot_max=hot_max, fingerprint_bits=bits)
    used: dict[str, int] = {}
    for height, row in enumerate(rows, 1):
        new = sorted(row - used.keys())
        used.update(dict.fromkeys(new, height))
        index.add_many(new, [f"value of {key}" for key in new], height)
        if height % settled_every == 0:
            index.settle(height - 1)
        if height == reloaded_at:
            index.load(index.dump())
            assert index.hot_count == 0
        check(index, used, bits)
    assert len(index) == len(used)


def check(index: SeenIndex[str], used: dict[str, int], bits: int) -> None:
    keys = [f"key-{number}" for number in range(41)]
    found = index.candidates(keys)
    assert sorted(found) == sorted(c for key in keys for c in index.candidates([key]))
    assert index.none_hot(set(keys)) == (index.hot_count == 0)
    for key in keys:
        hot = index.hot(key)
        heights = {height for name, height in found if name == key}
        if key not in used:
            assert hot is None
            assert bits < 64 or not heights
        elif hot is None:
            assert used[key] in heights
        else:
            assert hot == f"value of {key}"
            assert not heights


def test_only_what_is_durable_leaves_memory_and_only_in_numbers() -> None:
    index: SeenIndex[int] = SeenIndex(hot_max=16)
    for height in range(1, 31):
        index.add(f"key-{height}", height, height)
        index.settle(10)
    assert index.hot_count == 20
    assert index.candidates(["key-10", "key-11"]) == [("key-10", 10)]
    index.settle(30)
    assert index.hot_count == 16
    index.add("one", 1, 31)
    index.add("more", 1, 32)
    index.settle(32)
    assert index.hot_count == 18


def test_an_id_cannot_be_used_twice() -> None:
    index: SeenIndex[int] = SeenIndex(hot_max=16)
    index.add("key", 1, 1)
    with pytest.raises(AssertionError, match="twice"):
        index.add("key", 2, 2)


@pytest.mark.parametrize("spoil", [b"", b"SEEN", b"x" * 100])
def test_what_was_not_dumped_is_not_loaded(spoil: bytes) -> None:
    index: SeenIndex[int] = SeenIndex(hot_max=0)
    index.add("key", 1, 1)
    with pytest.raises(ValueError, match="not an index"):
        index.load(spoil)
    with pytest.raises(ValueError, match="not an index"):
        index.load(index.dump()[:-1])
    with pytest.raises(ValueError, match="other fingerprints"):
        SeenIndex[int](hot_max=0, fingerprint_bits=8).load(index.dump())
    assert index.hot("key") == 1


def test_a_million_ids_are_all_found_while_long_runs_are_being_joined() -> None:
    index: SeenIndex[int] = SeenIndex(hot_max=50_000)
    size, rows = 10_000, 100
    for height in range(1, rows + 1):
        first = height * size
        keys = [f"bulk-{number}" for number in range(first, first + size)]
        index.add_many(keys, range(first, first + size), height)
        index.settle(height)
        if height % 7 == 0:
            old = [f"bulk-{number}" for number in range(size, (height - 9) * size, 1_009)]
            found = dict(index.candidates(old))
            assert found == {key: int(key[5:]) // size for key in old}
            assert index.candidates([f"other-{number}" for number in range(5_000)]) == []
    assert len(index) == size * rows
    assert len(index.dump()) < 17 * size * rows


# -- primes that nobody knows ---------------------------------------------------------------------


@pytest.fixture
def secretly() -> Iterator[Primes]:
    """Let indexes be made with other primes, for a while."""
    yield choose_primes(0xC0FFEE_D15EA5ED)
    seen._chosen = PRIMES


@given(secret=st.integers(-(2**70), 2**70))
def test_a_secret_makes_two_primes_of_thirty_bits(secret: int) -> None:
    try:
        a, b = choose_primes(secret)
    finally:
        seen._chosen = PRIMES
    assert a != b
    for prime in (a, b):
        assert prime.bit_length() == 30
        assert all(prime % each for each in range(2, 33_000))


def test_whether_two_ids_collide_is_up_to_the_primes(secretly: Primes) -> None:
    # As numbers these two differ by the product of the known primes, so no known prime tells them
    # apart; bytes of no text, so it is the numbers that are compared.
    one = int.from_bytes(b"order:00000000", "little")
    other = one + PRIMES.a * PRIMES.b
    assert [one % prime for prime in PRIMES] == [other % prime for prime in PRIMES]
    assert [one % prime for prime in secretly] != [other % prime for prime in secretly]
    keys = [f"key:{number}" for number in range(1_000)]
    assert fingerprints(keys, secretly).tolist() == [fingerprint(key, secretly) for key in keys]
    assert set(fingerprints(keys).tolist()).isdisjoint(fingerprints(keys, secretly).tolist())


def test_a_loaded_index_keeps_the_primes_it_was_dumped_with(secretly: Primes) -> None:
    index: SeenIndex[int] = SeenIndex(hot_max=0)
    for number in range(100):
        index.add(f"key:{number}", number, number + 1)
    index.settle(100)
    dumped = index.dump()
    seen._chosen = PRIMES
    loaded: SeenIndex[int] = SeenIndex(hot_max=0)
    assert loaded.load(dumped) == b""
    assert loaded.candidates(["key:7", "other"]) == [("key:7", 8)]
    loaded.add("late", 1, 101)
    loaded.settle(101)
    assert loaded.candidates(["late", "key:99"]) == [("late", 101), ("key:99", 100)]
    assert loaded.dump()[:32] == dumped[:32]


def test_a_dump_with_primes_that_are_none_is_not_loaded() -> None:
    index: SeenIndex[int] = SeenIndex(hot_max=0)
    dumped = bytearray(index.dump())
    dumped[16:24] = (2**29 + 2).to_bytes(8, "little")
    with pytest.raises(ValueError, match="not an index"):
        index.load(bytes(dumped))
