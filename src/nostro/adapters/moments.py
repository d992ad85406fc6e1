"""How is a moment written for others? RFC 3339, UTC, microseconds, `Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = 1_000_000
_FIRST_S = int(datetime.min.replace(tzinfo=UTC).timestamp())
_LAST_S = int(datetime.max.replace(tzinfo=UTC).timestamp())


def rfc3339(at_us: int) -> str:
    """Return microseconds since the epoch as `2026-01-31T09:30:00.000000Z`."""
    second, rest = divmod(at_us, _PER_SECOND)
    return f"{_second(second)}{rest:06d}Z"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    within = min(max(second, _FIRST_S), _LAST_S)
    return (_EPOCH + timedelta(seconds=within)).replace(tzinfo=None).isoformat() + "."
