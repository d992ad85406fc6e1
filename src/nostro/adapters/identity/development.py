"""Who vouches for callers on a developer's machine?

A key of the platform's own in its data directory, which only its owner reads. Whoever has the file
may be anybody: it is for development, and no issuer of a real deployment is this one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from nostro.adapters.identity.jwks import PublicKey
from nostro.adapters.signing.private_file import make_private, read_private

KEY_FILE = "development-key.json"
ISSUER = "nostro-development"
AUDIENCE = "nostro"
ALGORITHM = "Ed25519"
TTL_S_MAX = 30 * 86_400
"""A development token is forgotten somewhere sooner or later."""


class DevelopmentKey:
    """The key that signs development tokens; implements KeySource with itself."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        public = OKPKey.import_key(key.as_dict(private=False))
        self._public = PublicKey(str(key.kid), frozenset((ALGORITHM,)), public)

    @classmethod
    def fresh(cls) -> DevelopmentKey:
        """Return a key that has never been and is kept nowhere."""
        key = OKPKey.generate_key("Ed25519", private=True)
        key.ensure_kid()
        return cls(key)

    @classmethod
    def kept_in(cls, data_dir: Path) -> DevelopmentKey:
        """Return the key of a data directory, made at the first use.

        Raises FileExposed when others can read it, ValueError when the file holds no key.
        """
        path = data_dir / KEY_FILE
        if not path.exists():
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = cls.fresh()._key
            with contextlib.suppress(FileExistsError):  # another process's key is the key then
                make_private(path, json.dumps(key.as_dict(private=True)).encode() + b"\n")
        try:
            return cls(_read(read_private(path)))
        except (JoseError, ValueError, TypeError, KeyError):
            raise ValueError(f"{path} holds no key: remove it, and tokens are made anew") from None

    async def key(self, kid: str) -> PublicKey | None:
        """Return the key of this id."""
        return self._public if kid == self._public.kid else None

    def token(
        self,
        user_id: str,
        *,
        roles: Iterable[str],
        now_s: int,
        ttl_s: int,
        scopes: Iterable[str] = (),
    ) -> str:
        """Return a token that says who its bearer is, for so long; raises ValueError when that is
        longer than `TTL_S_MAX`."""
        if not 0 < ttl_s <= TTL_S_MAX:
            raise ValueError(f"a development token lives up to {TTL_S_MAX // 86_400} days")
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "roles": list(roles),
            "iat": now_s,
            "exp": now_s + ttl_s,
        }
        words = " ".join(scopes)
        if words:
            claims["scope"] = words
        header = {"alg": ALGORITHM, "kid": self._public.kid}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


def _read(data: bytes) -> OKPKey:
    key = OKPKey.import_key(json.loads(data))
    if not key.is_private or key.get("crv") != "Ed25519":
        raise ValueError("no private key")
    key.ensure_kid()
    return key
