"""Who asks, and in whose name may they read and act?

Bearer tokens are JWTs that a shared key signs (HS256), of users that this participant knows, for
this participant (`aud`) or for any ledger API (`scope`). Rights stand in the participant's books,
not in the token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from nostro.adapters.domains.canton_double.books import UserChanged
from nostro.adapters.domains.canton_double.errors import Refusal, denied, unauthenticated
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.runtime.ports import Clock

AUDIENCE = "https://daml.com/jwt/aud/participant/"
SCOPE = "daml_ledger_api"
ADMIN = "participant_admin"
TOKEN_LIFE_S = 900
KEPT_MAX = 1_000
_ALGORITHM = "HS256"


@dataclass(frozen=True)
class Bearer:
    """A user who may do this."""

    user: str
    rights: UserChanged

    def must_act_as(self, parties: Iterable[str]) -> None:
        """Refuse unless it may act for all of these."""
        if not set(parties) <= set(self.rights.act_as):
            raise denied("it may not act for one of these parties")

    def must_read_as(self, parties: Iterable[str]) -> None:
        """Refuse unless it may read what all of these see."""
        if not self.rights.read_any and not self._readable >= set(parties):
            raise denied("it may not read for one of these parties")

    def must_read_all(self) -> None:
        """Refuse unless it may read what anybody sees."""
        if not self.rights.read_any:
            raise denied("it may not read for every party")

    def must_administer(self) -> None:
        """Refuse unless it administers the participant."""
        if not self.rights.admin:
            raise denied("it does not administer the participant")

    def user_of(self, told: str | None) -> str:
        """Return in whose name a request is, which must be its own when it says one."""
        if told and told != self.user and not self.rights.admin:
            raise denied("the request names another user")
        return told or self.user

    @property
    def _readable(self) -> set[str]:
        return {*self.rights.act_as, *self.rights.read_as}


class Identity:
    """Knows the users of a ledger by their tokens."""

    def __init__(self, ledger: Ledger, *, key: bytes, participant_id: str, clock: Clock) -> None:
        self._ledger = ledger
        self._key = OctKey.import_key(key)
        self._audience = f"{AUDIENCE}{participant_id}"
        self._clock = clock
        self._kept: dict[str, dict[str, Any]] = {}

    def token(self, user: str, *, life_s: int = TOKEN_LIFE_S, scoped: bool = False) -> str:
        """Return a token for a user; `scoped`: of the form that names a scope, not an audience."""
        until_s = self._clock.now_us() // 1_000_000 + life_s
        whom = {"scope": SCOPE} if scoped else {"aud": self._audience}
        return jwt.encode({"alg": _ALGORITHM}, {"sub": user, "exp": until_s, **whom}, self._key)

    def bearer(self, authorization: str | None) -> Bearer:
        """Return who an Authorization header speaks for; raises Unwelcome."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated("no bearer token")
        claims = self._claims(token.strip())
        until_s = claims.get("exp")
        if type(until_s) is not int or until_s * 1_000_000 <= self._clock.now_us():
            raise unauthenticated("the token has expired")
        if self._audience not in _several(claims.get("aud")) and SCOPE not in str(
            claims.get("scope", "")
        ).split(" "):
            raise unauthenticated("the token is for somebody else")
        rights = self._ledger.users.get(str(claims.get("sub", "")))
        if rights is None or rights.deactivated:
            raise denied("no such user")
        return Bearer(rights.user, rights)

    def _claims(self, token: str) -> dict[str, Any]:
        known = self._kept.get(token)
        if known is not None:
            return known
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise unauthenticated(f"the token is no good: {error}") from None
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[token] = claims
        return claims


def user_known(ledger: Ledger, user: str) -> UserChanged:
    """Return what a user may do; refuses USER_NOT_FOUND."""
    known = ledger.users.get(user)
    if known is None:
        raise Refusal("USER_NOT_FOUND", f"getting user failed for unknown user {user!r}")
    return known


def _several(told: object) -> Collection[str]:
    if isinstance(told, list):
        return [each for each in told if isinstance(each, str)]
    return (told,) if isinstance(told, str) else ()
