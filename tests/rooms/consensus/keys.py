"""How do members sign in tests, fast and without a vendor?

A keyed hash whose secrets the verifier knows: nobody in a test can sign for another one without
taking the secret, and a signature costs two microseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nostro.consensus.body import batch_body
from nostro.consensus.committee import Committee, committee_of, possession_message
from nostro.consensus.messages import Message

CHAIN_ID = "settle-test"
ids = [f"member-{number}" for number in range(1, 32)]


def secret_of(public_key: bytes) -> bytes:
    return hashlib.sha256(b"secret" + public_key).digest()


def public_key_of(member_id: str, generation: int = 0) -> bytes:
    return hashlib.sha256(f"public {member_id} {generation}".encode()).digest()


def sign_with(public_key: bytes, message: bytes) -> bytes:
    return hashlib.blake2b(message, key=secret_of(public_key), digest_size=64).digest()


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return sign_with(public_key, message) == signature


def signed(message: Message, *, chain_id: str = CHAIN_ID, generation: int = 0) -> Message:
    key = public_key_of(message.member_id, generation)
    return message.signed(sign_with(key, message.sign_bytes(chain_id)))


def seats(
    member_ids: Sequence[str], *, chain_id: str = CHAIN_ID, generation: int = 0
) -> list[tuple[str, str, str]]:
    told = []
    for member_id in member_ids:
        key = public_key_of(member_id, generation)
        proof = sign_with(
            key, possession_message(chain_id=chain_id, member_id=member_id, public_key=key)
        )
        told.append((member_id, key.hex(), proof.hex()))
    return told


def committee(
    size: int,
    *,
    chain_id: str = CHAIN_ID,
    epoch: int = 0,
    generation: int = 0,
    ruleset_version: int = 1,
    activation_height: int = 1,
) -> Committee:
    return committee_of(
        chain_id=chain_id,
        epoch=epoch,
        members=seats(ids[:size], chain_id=chain_id, generation=generation),
        ruleset_version=ruleset_version,
        activation_height=activation_height,
    )


def body(number: int, *, items: int = 2, amount: int = 100, of: int = 99) -> str:
    """Return a right batch; its transactions are its own."""
    return batch_body(
        cycle_id="2026-11-20T1700Z",
        batch_id=f"2026-11-20T1700Z.{number}",
        number=number,
        of=of,
        value_date="2026-11-20",
        rate_set_id="5e7",
        rates=[("EUR", "USD", 11, 10)],
        items=[
            (f"tx-{number}-{index}", "alpha", "EUR", amount, "beta", "USD", amount * 11 // 10)
            for index in range(items)
        ],
        at_us=1_000_000 + number,
    )


def wrong_body(number: int) -> str:
    """Return a batch in which a payment arrives with another amount than its rate makes of it."""
    return body(number).replace('"USD",110]', '"USD",111]', 1)
