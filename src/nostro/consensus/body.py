"""What exactly do the members certify when they certify a batch?"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.kernel.codec import encode

Item = tuple[str, str, str, int, str, str, int]


def batch_body(
    *,
    cycle_id: str,
    batch_id: str,
    number: int,
    of: int,
    value_date: str,
    rate_set_id: str,
    rates: Sequence[tuple[str, str, int, int]],
    items: Sequence[Item],
    at_us: int,
) -> str:
    """Return the canonical body of a batch: JSON, fixed order, integers only."""
    told = (cycle_id, batch_id, number, of, value_date, rate_set_id, rates, items, at_us)
    return encode(told).decode()
