"""How are member keys made, kept from others, and used?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from nostro.adapters.signing.ed25519 import SigningKey, load_key, make_key, verify
from nostro.adapters.signing.private_file import FileExposed

KEY = SigningKey(bytes(range(32)))


def test_a_key_file_is_for_its_owner_only_and_gives_the_key_back(tmp_path: Path) -> None:
    made = make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert load_key(tmp_path / "key").public_key == made.public_key
    assert os.listdir(tmp_path) == ["key"]


def test_two_keys_are_never_alike_and_none_is_overwritten(tmp_path: Path) -> None:
    first = make_key(tmp_path / "one")
    assert make_key(tmp_path / "two").public_key != first.public_key
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "one")
    assert load_key(tmp_path / "one").public_key == first.public_key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(FileExposed, match="chmod 600"):
        load_key(tmp_path / "key")


@pytest.mark.parametrize("damage", [b"", b"something else", b"nostro-ed25519-seed/1 xyz\n"])
def test_a_file_that_holds_no_key_is_refused_without_telling_what_it_holds(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "key"
    path.write_bytes(damage)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="is") as refused:
        load_key(path)
    assert "xyz" not in str(refused.value)


def test_a_key_does_not_tell_its_secret_when_printed() -> None:
    assert bytes(range(32)).hex() not in repr(KEY)
    assert bytes(range(32)).hex()[:16] not in f"{KEY}"


def test_the_first_vector_of_the_standard() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey(seed)
    assert key.public_key.hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )
    signature = key.sign(b"")
    assert signature.hex().startswith("e5564300c360ac729086e2cc806e828a")
    assert verify(key.public_key, b"", signature)


@given(message=st.binary(max_size=200), place=st.integers(0, 63), bit=st.integers(0, 7))
def test_a_signature_with_one_bit_changed_is_none(message: bytes, place: int, bit: int) -> None:
    signature = bytearray(KEY.sign(message))
    assert verify(KEY.public_key, message, bytes(signature))
    signature[place] ^= 1 << bit
    assert not verify(KEY.public_key, message, bytes(signature))


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65])
def test_keys_and_signatures_of_another_length_are_no_error_but_a_no(length: int) -> None:
    assert not verify(bytes(length), b"message", KEY.sign(b"message"))
    assert not verify(KEY.public_key, b"message", bytes(length))


@pytest.mark.parametrize("public_key", [bytes(32), b"\x01" + bytes(31)])
def test_a_small_order_key_signs_nothing(public_key: bytes) -> None:
    assert not verify(public_key, b"message", public_key + bytes(32))
