"""Under which idempotency key is a request decided?

The `Idempotency-Key` header is the key where it is given. Without it, a body that names its own
movement (`transaction_id`, `withdrawal_id`, the id of a transfer) is its own key, in a namespace
for each deed, so that a deposit and its confirmation never meet. Keys of headers have a namespace
of their own, one for each user who sends a token: no caller can name the key of another deed, or of
somebody else.
"""

from __future__ import annotations

import hashlib
import re

from nostro.kernel.messages import Rejection

HEADER_KEY_LENGTH_MAX = 240
"""Characters of a key in the header; with its namespace it fits the engine's 255."""
KEY_LENGTH_MAX = 255
"""Characters of a key of the engine; what is longer with its user's name is hashed."""

_BARE = re.compile(rb"[\x21\x23-\x7e][\x21-\x7e]*\Z")
_QUOTED = re.compile(rb'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"\Z')
_ESCAPE = re.compile(rb"\\(.)")


def header_key(said: bytes | None) -> str | None:
    """Return the key of an `Idempotency-Key` header as it is meant, or None without one.

    Quoted (a structured field string, RFC 8941 section 3.3.3) and bare mean the same key. Raises
    Rejection `request.bad_idempotency_key`.
    """
    if said is None:
        return None
    said = said.strip()
    quoted = _QUOTED.match(said)
    if quoted:
        key = _ESCAPE.sub(rb"\1", quoted[1])
    elif _BARE.match(said):
        key = said
    else:
        raise Rejection("request.bad_idempotency_key", length_max=HEADER_KEY_LENGTH_MAX)
    if len(key) > HEADER_KEY_LENGTH_MAX:
        raise Rejection("request.bad_idempotency_key", length_max=HEADER_KEY_LENGTH_MAX)
    return key.decode("ascii")


def of_user(key: str, user_id: str) -> str:
    """Return a header's key in the namespace of a user, that of the local operator for ""."""
    if not user_id:
        return f"key:{key}"
    named = f"user:{user_id}:{key}"
    if len(named) <= KEY_LENGTH_MAX:
        return named
    return f"user:{user_id}:sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def derived_id(prefix: str, key: str) -> str:
    """Return the id of a movement that its caller did not name: the same for the same key."""
    return f"{prefix}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
