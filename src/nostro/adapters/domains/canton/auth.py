"""With which token does one speak to a participant?

Tokens live for minutes: one is read again before it ends, and once more when it is refused. They
are not verified here, which is for the participant to do; only their end is looked at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path

import msgspec

from nostro.runtime.ports import Clock, NotDone

AHEAD_S = 60
"""A token that ends sooner is read again: a call under it may take a while."""
UNDATED_S = 60
"""One that does not say when it ends is read again when it is older."""
TOKEN_LENGTH_MAX = 16_384


class _Claims(msgspec.Struct, frozen=True):
    exp: int | float | None = None


class TokenFile:
    """A token that others keep fresh in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> str:
        """Return what the file holds now. Raises NotDone when it cannot be read."""
        try:
            return self._path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotDone(f"the token of the participant cannot be read: {error}") from error


class BearerToken:
    """The token that is good now. `read` returns one at once, as from a small file."""

    def __init__(self, read: Callable[[], str], *, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._token = ""
        self._until_us = 0

    def header(self) -> str:
        """Return the value of the Authorization header. Raises NotDone when there is none."""
        if self._clock.now_us() >= self._until_us:
            self._read_again()
        return f"Bearer {self._token}"

    def refused(self, header: str) -> None:
        """Take note that a participant did not take it: it is read again at the next call."""
        if header == f"Bearer {self._token}":
            self._until_us = 0

    def _read_again(self) -> None:
        token = self._read()
        if not token or len(token) > TOKEN_LENGTH_MAX or not token.isascii() or " " in token:
            raise NotDone("what was read as the token of the participant is none")
        now_us = self._clock.now_us()
        ends_s = _end_of(token)
        self._token = token
        self._until_us = now_us + UNDATED_S * 1_000_000
        if ends_s is not None:
            self._until_us = (ends_s - AHEAD_S) * 1_000_000


def _end_of(token: str) -> int | None:
    """Return when a JWT says that it ends, in seconds since the epoch; None when it does not."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        ends = msgspec.json.decode(body, type=_Claims).exp
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    return None if ends is None else int(ends)
