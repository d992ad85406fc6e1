"""Who sends a request, and what may they do?

A caller has scopes by their roles. Some scopes reach everybody's accounts (`wide`), the others the
caller's own only: a trader acts for nobody but himself. A token or an API key may narrow what the
roles give, never widen it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

USER_ID = re.compile(r"[A-Za-z0-9._@-]{1,48}\Z", re.ASCII)
"""How the id of a user is spelled, the same as everywhere at this door."""


class Role(StrEnum):
    """What a caller is to the platform."""

    TRADER = "trader"
    """Acts on his own accounts."""
    OPERATOR = "operator"
    """Runs the platform, for everybody; has no keys of others in hand."""
    AUDITOR = "auditor"
    """Reads everything, changes nothing."""
    ADMIN = "admin"
    """Gives and revokes API keys, and does nothing else."""


SCOPES: Mapping[str, str] = {
    "payments:read": "Payments and their messages.",
    "payments:write": "Send, cancel and review payments.",
    "participants:read": "Banks that take part.",
    "participants:write": "Open, fund, suspend and resume banks.",
    "settlements:read": "Batches, certificates and movements on rails.",
    "settlements:write": "Confirm and reverse movements on rails.",
    "dvp:read": "Settlements of trades, delivery versus payment.",
    "dvp:write": "Instruct settlements of trades, hold, release, retry and cancel them.",
    "dvp:manage": "Set instruments, penalties and domains; issue assets.",
    "risk:read": "Limits, exposures, liquidity.",
    "risk:write": "Set limits and thresholds.",
    "webhooks:read": "Endpoints and what they were sent.",
    "webhooks:write": "Register endpoints and change them.",
    "wallets:read": "Deposits, withdrawals and wallets.",
    "wallets:write": "Announce deposits, ask for withdrawals.",
    "wallets:manage": "Confirm deposits, approve, clear and cancel withdrawals.",
    "balances:read": "Balances of customers.",
    "ledger:read": "Accounts, transfers and statements.",
    "ledger:write": "Open accounts, book transfers, register assets.",
    "orders:read": "Orders, fills and fees.",
    "orders:write": "Place, amend and cancel orders.",
    "markets:write": "Open, halt and close markets, set their rules and fees.",
    "keys:read": "API keys, without their secrets.",
    "keys:write": "Make and revoke API keys.",
    "platform:read": "Metrics.",
}
"""Every scope there is, and what it opens."""

_READS = frozenset(scope for scope in SCOPES if scope.endswith(":read"))
_OF_KEYS = frozenset(("keys:read", "keys:write"))
OWN: Mapping[Role, frozenset[str]] = {
    Role.TRADER: _OF_KEYS
    | {"orders:read", "orders:write", "balances:read", "wallets:read", "wallets:write"}
    | {"dvp:read", "dvp:write"},
    Role.OPERATOR: frozenset(),
    Role.AUDITOR: frozenset(),
    Role.ADMIN: frozenset(),
}
"""What a role may do with the caller's own accounts."""
WIDE: Mapping[Role, frozenset[str]] = {
    Role.TRADER: frozenset(),
    Role.OPERATOR: frozenset(SCOPES) - _OF_KEYS,
    Role.AUDITOR: _READS,
    Role.ADMIN: _OF_KEYS,
}
"""What a role may do with everybody's accounts."""


class Caller:
    """Who sends a request. `scopes`: all that they may do; `wide`: what they may do with
    everybody's accounts, the rest with their own. `until_s`: seconds since the epoch until which
    this is so. `key_id`: of the API key that signed. `local`: the operator of an embedded platform
    in development, who shows no token."""

    __slots__ = ("bucket", "key_id", "local", "roles", "scopes", "until_s", "user_id", "wide")

    def __init__(
        self,
        user_id: str,
        *,
        roles: frozenset[Role] = frozenset(),
        scopes: frozenset[str] = frozenset(),
        wide: frozenset[str] = frozenset(),
        until_s: int = 2**62,
        key_id: str = "",
        local: bool = False,
    ) -> None:
        self.user_id = user_id
        self.roles = roles
        self.scopes = scopes
        self.wide = wide
        self.until_s = until_s
        self.key_id = key_id
        self.local = local
        # Whom what they send is counted for; keys are counted one by one.
        self.bucket = f"key:{key_id}" if key_id else f"user:{user_id}" if user_id else ""

    def __repr__(self) -> str:
        return f"Caller({self.user_id!r}, roles={sorted(self.roles)})"

    def may(self, scope: str, user_id: str) -> bool:
        """Tell whether the caller may do this with a user's accounts."""
        return scope in self.wide or (scope in self.scopes and user_id == self.user_id != "")


def caller_of(
    user_id: str,
    roles: Iterable[Role],
    *,
    only: Iterable[str] | None = None,
    until_s: int = 2**62,
    key_id: str = "",
) -> Caller:
    """Return a caller with what the roles give; with `only`, no more than these scopes of it."""
    held = frozenset(roles)
    wide = frozenset[str]().union(*(WIDE[role] for role in held))
    scopes = wide.union(*(OWN[role] for role in held))
    if only is not None:
        bound = frozenset(only)
        scopes, wide = scopes & bound, wide & bound
    return Caller(user_id, roles=held, scopes=scopes, wide=wide, until_s=until_s, key_id=key_id)


def scopes_said(words: Iterable[str]) -> frozenset[str] | None:
    """Return the scopes of ours that a token names, None when it names none.

    A prefix up to the last slash is the resource server's, as Cognito writes it. Words that are no
    scopes of ours (openid, profile) neither give nor take anything.
    """
    said = frozenset(word.rpartition("/")[2] for word in words)
    return said & SCOPES.keys() or None


LOCAL = Caller(
    "operator",
    roles=frozenset((Role.OPERATOR, Role.AUDITOR)),
    scopes=frozenset(SCOPES),
    wide=frozenset(SCOPES),
    local=True,
)
"""The operator of an embedded platform in development."""
ANONYMOUS = Caller("")
"""Nobody in particular: reads what is public."""
