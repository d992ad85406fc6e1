"""What do the members write their messages into, and what may they rely on?

A broadcast medium, not an authority: whoever reads verifies every signature and hash. Safety never
rests on these promises, only progress does.

1. A key is written once: the first value stays, whoever comes later changes nothing.
2. What `append` returned for is durable, and all of one call is written together or not at all.
3. Positions begin at 1 and rise by one. What was read at a position never changes, and nothing
   appears at or below a position that a reader has seen: reading on from there misses nothing.
4. A wake-up is a hint: it may come late, twice, for nothing, or not at all; `changed` therefore
   ends by itself after a while, and the truth is what `read` returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

VALUE_BYTES_MAX = 1 << 20
"""Longest value; bodies come in chunks of half of it. (etcd takes 1.5 MiB in one request.)"""

KEY_BYTES_MAX = 512
ITEMS_MAX = 128
"""Values in one `append`, and in one page of `read`. (etcd takes 128 operations a transaction.)"""


class LogItem(msgspec.Struct, frozen=True, gc=False):
    """A value where it stands in the log."""

    position: int
    key: str
    value: bytes


class OrderedLog(Protocol):
    """An append-only log with create-only keys, shared by all that know its name."""

    async def append(self, items: Sequence[tuple[str, bytes]]) -> int:
        """Write (key, value) pairs whose keys are new, durably, in order; leave the others.

        Returns a position at or beyond all of them. At most ITEMS_MAX pairs, none larger than
        VALUE_BYTES_MAX and KEY_BYTES_MAX: else ValueError. Raises NotDone, or OutcomeUnknown;
        after either the same call may be made again, because keys are written once.
        """
        ...

    async def read(self, *, after: int, limit: int = ITEMS_MAX) -> Sequence[LogItem]:
        """Return up to `limit` items beyond position `after`, in order, without gaps.

        Raises NotDone.
        """
        ...

    async def fetch(self, keys: Sequence[str]) -> Sequence[LogItem]:
        """Return the items under these keys, those that exist, in order of position; at most
        ITEMS_MAX keys. Raises NotDone."""
        ...

    async def changed(self, *, after: int, timeout_s: float) -> None:
        """Return when there may be something beyond position `after`, or when the time is over.
        Never raises."""
        ...

    async def close(self) -> None:
        """Let the log go. Never raises."""
        ...


def refuse_oversized(items: Sequence[tuple[str, bytes]]) -> None:
    """Raise ValueError when one `append` would carry what no log needs to take."""
    if len(items) > ITEMS_MAX:
        raise ValueError(f"{len(items)} values in one append, at most {ITEMS_MAX}")
    for key, value in items:
        if not key or "\0" in key or len(key.encode()) > KEY_BYTES_MAX:
            raise ValueError(f"key {key[:40]!r}: 1 to {KEY_BYTES_MAX} bytes, no NUL")
        if len(value) > VALUE_BYTES_MAX:
            raise ValueError(f"{key}: {len(value)} bytes, at most {VALUE_BYTES_MAX}")
