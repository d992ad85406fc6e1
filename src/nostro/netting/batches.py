"""In which portions do a cycle's payments go to the members?"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.netting.commands import BATCH_MAX, RateSet
from nostro.netting.events import BatchCreated, BatchItem


def batches_of(
    items: Sequence[BatchItem], *, cycle_id: str, value_date: str, rate_set: RateSet, at_us: int
) -> list[BatchCreated]:
    """Return batches of up to BATCH_MAX payments in their order, numbered `<cycle_id>.1` and so
    on; none when there is nothing to settle."""
    of = -(-len(items) // BATCH_MAX)
    return [
        BatchCreated(
            cycle_id,
            f"{cycle_id}.{number}",
            number,
            of,
            list(items[(number - 1) * BATCH_MAX : number * BATCH_MAX]),
            value_date,
            rate_set,
            at_us,
        )
        for number in range(1, of + 1)
    ]
