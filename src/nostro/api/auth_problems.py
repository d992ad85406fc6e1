"""Which status, title and remedy has each refusal of a caller, and which challenge goes with it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nostro.api.problem_row import Row

REALM = "nostro"
_TOKEN = "Send Authorization: Bearer and a token that is valid now. See docs/authentication.md."
_SIGN = "Sign the request anew, with the time of now. See docs/authentication.md."

AUTH: dict[str, Row] = {
    "auth.token_missing": Row(401, "The request does not say who sends it", _TOKEN),
    "auth.token_refused": Row(401, "The token is not accepted", f"See why. {_TOKEN}"),
    "auth.token_expired": Row(401, "The token has expired", "Fetch a new one and repeat."),
    "auth.keys_unavailable": Row(
        503,
        "The keys that tokens are checked with cannot be had now",
        "Nothing was done. Send the same request again; the operator looks at auth_jwks_uri.",
        True,
    ),
    "auth.key_refused": Row(
        401, "The API key is not known, or it is revoked or expired", "Use a key that is valid."
    ),
    "auth.signature_refused": Row(401, "The signature is not that of this request", _SIGN),
    "auth.timestamp_refused": Row(
        401, "The request was not signed just now", f"Set the clock right (NTP). {_SIGN}"
    ),
    "auth.replayed": Row(
        401, "The same signed request came before", f"Its first answer stands. {_SIGN}"
    ),
    "auth.signed_twice": Row(
        400, "The request has a token and a signature", "Send the one or the other."
    ),
    "auth.not_signable": Row(
        401, "A stream cannot be signed", "Send it with a token, or in requests of bounded length."
    ),
    "auth.not_allowed": Row(
        403,
        "The caller may not do this",
        "See scope: have a role that gives it, or a token or key that does not leave it out.",
    ),
    "auth.not_your_account": Row(
        403, "The account belongs to somebody else", "Name your own user_id, or none."
    ),
    "auth.user_unnamed": Row(422, "It is not said for which user", "Name the user_id."),
    "auth.actor_not_you": Row(
        403, "X-Nostro-Actor names somebody else", "Leave it out: the token says who acts."
    ),
    "auth.cross_site": Row(
        403,
        "A page of another site sent this",
        "Without a token, only programs and pages of this machine may call. Send a token.",
    ),
    "auth.role_not_given": Row(
        403, "The key would have more than its maker may give", "Ask an admin for it."
    ),
    "auth.not_by_key": Row(
        403, "API keys cannot make or revoke API keys", "Sign in, and send a token."
    ),
    "auth.key_unknown": Row(404, "The API key is not known", "List them: GET /api/v1/api-keys."),
    "auth.too_many_keys": Row(422, "The user has too many API keys", "Revoke one first."),
    "auth.bad_expiry": Row(422, "The key would have expired already", "Name a moment to come."),
    "auth.keys_not_here": Row(501, "This platform has no API keys", "Run it on PostgreSQL."),
    "request.rate_limited": Row(
        429,
        "The caller sends more than it may",
        "Nothing was done. Wait as Retry-After says, then send the same request again.",
        True,
    ),
}


def challenge(code: str, facts: Mapping[str, Any]) -> bytes | None:
    """Return the WWW-Authenticate header of a refusal (RFC 6750 section 3), None for none."""
    row = AUTH.get(code)
    if row is None:
        return None
    if code == "auth.not_allowed" and "scope" in facts:
        said = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{facts["scope"]}"'
    elif row.status != 401:
        return None
    elif code.startswith("auth.token_") and code != "auth.token_missing":
        said = f'Bearer realm="{REALM}", error="invalid_token", error_description="{row.title}"'
    else:
        said = f'Bearer realm="{REALM}"'
    return said.encode("ascii")
