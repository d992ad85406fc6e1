"""What does one row of the problem table say?"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """What a code means over HTTP. `retryable`: the same request may be sent again, with the same
    key, and may then succeed."""

    status: int
    title: str
    remedy: str
    retryable: bool = False
