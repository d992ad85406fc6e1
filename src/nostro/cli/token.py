"""How does a developer get a token to call the API with?"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure

_TTL = re.compile(r"([1-9][0-9]{0,8})([smhd])\Z", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def register(app: typer.Typer) -> None:
    """Add `nostro token` to the command line."""

    @app.command()
    def token(
        user: Annotated[str, typer.Option(help="Id of the user whom the token speaks for.")],
        role: Annotated[
            list[str] | None,
            typer.Option(help="trader, operator, auditor or admin; may be given several times."),
        ] = None,
        scope: Annotated[
            list[str] | None, typer.Option(help="Only this of what the role may do.")
        ] = None,
        ttl: Annotated[str, typer.Option(help="How long it is good: 90s, 15m, 1h, 7d.")] = "1h",
        data_dir: Annotated[
            Path | None, typer.Option(help="Data directory of the platform it is for.")
        ] = None,
    ) -> None:
        """Print a token for development, signed with the key in the data directory."""
        made = issue(user, role or ["trader"], scope or [], ttl_of(ttl), data_dir=data_dir)
        printout.note(
            "DEVELOPMENT ONLY: this token is signed with a key in the data directory. Who reads"
            " that file may be anybody. A real deployment has an issuer: set auth_issuer."
        )
        printout.print_line(made)


def issue(
    user: str, roles: list[str], scopes: list[str], ttl_s: int, *, data_dir: Path | None = None
) -> str:
    """Return a token; raises Failure when the deployment has an issuer, or when the token would
    not be understood."""
    from nostro.api.auth import SCOPES, USER_ID, Role
    from nostro.wiring.identity import development_key, in_development
    from nostro.wiring.settings import load_settings

    settings = load_settings(data_dir=data_dir)
    if not in_development(settings):
        raise _wrong(
            f"tokens for this deployment come from {settings.auth_issuer}",
            "sign in there; development tokens are for platforms without auth_issuer",
        )
    if not USER_ID.match(user):
        raise _wrong(f"{user!r} is no user id", "1 to 48 of A-Z a-z 0-9 . _ @ -")
    _known("role", roles, [each.value for each in Role])
    _known("scope", scopes, SCOPES)
    key = development_key(settings)
    try:
        return key.token(user, roles=roles, scopes=scopes, now_s=int(time.time()), ttl_s=ttl_s)
    except ValueError as error:
        raise _wrong(str(error), "choose a shorter --ttl") from None


def ttl_of(text: str) -> int:
    """Return the seconds of `90s`, `15m`, `1h` or `7d`; raises Failure."""
    match = _TTL.match(text)
    if match is None:
        raise _wrong(f"{text!r} is no length of time", "write it as 90s, 15m, 1h or 7d")
    return int(match[1]) * _SECONDS[match[2]]


def _known(what: str, words: list[str], known: Any) -> None:
    for word in words:
        if word not in known:
            raise _wrong(f"{word!r} is no {what}", f"one of {', '.join(known)}")


def _wrong(what: str, remedy: str) -> Failure:
    return Failure(what, remedy=remedy, status=Exit.USAGE)
