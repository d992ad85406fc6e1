"""How is a moment written at the door? RFC 3339, UTC, microseconds, `Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nostro.adapters.moments import rfc3339

__all__ = ["microseconds", "rfc3339"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return the microseconds since the epoch of an aware moment, exactly."""
    return (moment - _EPOCH) // _MICROSECOND
