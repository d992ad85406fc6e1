"""Who signed this? Ed25519 (RFC 8032) by libsodium, which refuses small-order keys and signatures
that are not in their one canonical form."""

from __future__ import annotations

from pathlib import Path

from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_seed_keypair,
    crypto_sign_SEEDBYTES,
)
from nacl.exceptions import CryptoError
from nacl.utils import random

from nostro.adapters.signing.private_file import make_private, read_private

SIGNATURE_BYTES = crypto_sign_BYTES
PUBLIC_KEY_BYTES = crypto_sign_PUBLICKEYBYTES
_KEY_FILE_HEAD = b"nostro-ed25519-seed/1 "


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the holder of the key signed exactly this message. Never raises."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except (CryptoError, ValueError):
        return False
    return True


class SigningKey:
    """A member's private key. It signs whatever it is given: the vote lock stands before it."""

    __slots__ = ("_secret", "public_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != crypto_sign_SEEDBYTES:
            raise ValueError(f"a seed has {crypto_sign_SEEDBYTES} bytes")
        self.public_key, self._secret = crypto_sign_seed_keypair(seed)

    def __repr__(self) -> str:
        return f"SigningKey({self.public_key.hex()[:8]}…)"

    def sign(self, message: bytes) -> bytes:
        """Return the signature, the same every time."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def make_key(path: Path) -> SigningKey:
    """Make a key that has never been, and keep it in a new file that only we can read.

    Raises FileExistsError when there is one: a key is never overwritten.
    """
    seed = random(crypto_sign_SEEDBYTES)
    make_private(path, _KEY_FILE_HEAD + seed.hex().encode() + b"\n")
    return SigningKey(seed)


def load_key(path: Path) -> SigningKey:
    """Return the key in a file; raises FileNotFoundError, or FileExposed when others can read it,
    or ValueError when it holds no key. No message repeats what the file holds."""
    data = read_private(path)
    if not data.startswith(_KEY_FILE_HEAD):
        raise ValueError(f"{path} is no key file")
    try:
        seed = bytes.fromhex(data[len(_KEY_FILE_HEAD) :].decode("ascii"))
    except ValueError:
        raise ValueError(f"{path} is damaged") from None
    return SigningKey(seed)
