"""What does the payments room remember?

Payments under way stand in memory. One that has ended is kept in an index of ended ones, and every
transaction id and idempotency key that was ever used in an index of seen ones; what leaves these
two is read from the journal when it is named again.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from nostro.kernel.seen import SeenIndex
from nostro.payments.events import Settled, Submitted

SEEN_HOT_MAX = 200_000
"""Ids whose payment stays in memory (some 500 bytes each), so that a repeat is answered there."""
ENDED_HOT_MAX = 100_000
"""Ended payments kept in memory; older ones are read from the journal when they are named."""
SETTLED_HOT_MAX = 200_000
"""Payments of settled cycles kept in memory (some 200 bytes each), newest first: a pay-out may fail
long after them, and what a flow then orders is not read from the journal first."""

KEY = "~"
FUNDING = "$"
"""Prefixes of the keys under which the index of seen ids remembers idempotency keys and references
of fundings."""
REVERSED = "^"
CYCLE = "#"
"""Prefixes of the keys under which the index of ended payments remembers what was reversed, and
settled cycles. None of these characters can stand in an id."""


class Stage(StrEnum):
    """Where a payment is, as decisions see it. CLOSED: its window has closed, it is being netted;
    from then on nobody takes it back."""

    HELD = "held"
    ACCEPTED = "accepted"
    CLOSED = "closed"
    BATCHED = "batched"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REVERSED = "reversed"


class Payment(msgspec.Struct, array_like=True, gc=False):
    """A payment. `item` is how it was accepted: by `actor`, in the journal row `height`, at
    `at_us`; the rest is how it stands now. Changed in place by `evolve` only."""

    item: Submitted
    actor: str
    height: int
    at_us: int
    stage: Stage
    cycle_id: str
    cut_off_at_us: int
    retries: int = 0
    batch_id: str = ""
    destination_minor: int = 0
    reason: str = ""


class Participant(msgspec.Struct):
    """A bank, its currencies in order of admission."""

    participant_id: str
    name: str
    bic: str
    lei: str
    country: str
    currencies: list[str]
    credit_lines_minor: dict[str, int]
    suspended: bool = False
    reason: str = ""


class Cycle:
    """The payments of one cycle, before its cut-off (some in `payments` may have left) or after it
    (those in a batch also in `batches`). `count`: how many are still in it."""

    __slots__ = ("batches", "count", "cut_off_at_us", "cycle_id", "gross", "payments")

    def __init__(self, cycle_id: str, *, gross: bool, cut_off_at_us: int) -> None:
        self.cycle_id = cycle_id
        self.gross = gross
        self.cut_off_at_us = cut_off_at_us
        self.payments: list[Payment] = []
        self.batches: dict[str, list[Payment]] = {}
        self.count = 0

    def members(self, *stages: Stage) -> Iterator[Payment]:
        """Yield the payments that are still in it, in the order in which they came."""
        cycle_id = self.cycle_id
        for payment in self.payments:
            if payment.cycle_id == cycle_id and payment.stage in stages:
                yield payment


class SettledCycle(msgspec.Struct):
    """What a cycle settled, in order, and which of it was reversed. `height`: the journal row."""

    cycle_id: str
    height: int
    items: list[Settled] = []
    reversed: set[str] = set()


Seen = Payment | str
"""What an id led to; an idempotency key leads to its transaction id."""
Ended = Payment | SettledCycle | list[str]
"""What ended: a payment; under CYCLE a cycle; under REVERSED the payments of that reversal."""


class PaymentsState:
    """All that the room remembers.

    `due` is a heap of (cut-off, cycle id) that may name cycles that are open no more.
    `accounts`: the settlement accounts of participants that may pay now, and `payees`: currencies
    of those that may be paid. `gross_cycle`: the gross cycle that new payments join, or "".
    `closed_until_us`: no netting cycle opens at or before it. `history_sum`: the sum of the hashes
    of all that ended (modulo 2**256), the same whether it is still in memory or not.
    """

    __slots__ = (
        "accounts",
        "closed",
        "closed_until_us",
        "cycles",
        "due",
        "ended",
        "gross_cycle",
        "history_count",
        "history_sum",
        "participants",
        "payees",
        "payments",
        "seen",
        "settled",
        "settled_count",
        "settled_hot_max",
    )

    def __init__(
        self,
        *,
        seen_hot_max: int = SEEN_HOT_MAX,
        ended_hot_max: int = ENDED_HOT_MAX,
        settled_hot_max: int = SETTLED_HOT_MAX,
    ) -> None:
        self.participants: dict[str, Participant] = {}
        self.accounts: dict[str, tuple[str, str]] = {}
        self.payees: dict[str, frozenset[str]] = {}
        self.payments: dict[str, Payment] = {}
        self.cycles: dict[str, Cycle] = {}
        self.closed: dict[str, Cycle] = {}
        self.due: list[tuple[int, str]] = []
        self.gross_cycle = ""
        self.closed_until_us = 0
        self.seen: SeenIndex[Seen] = SeenIndex(hot_max=seen_hot_max)
        self.ended: SeenIndex[Ended] = SeenIndex(hot_max=ended_hot_max)
        self.settled: dict[str, SettledCycle] = {}
        self.settled_count = 0
        self.settled_hot_max = settled_hot_max
        self.history_count = 0
        self.history_sum = 0

    def settle(self, height: int) -> None:
        """Let what is old and durable leave memory."""
        self.seen.settle(height)
        self.ended.settle(height)
        while self.settled_count > self.settled_hot_max:
            oldest = next(iter(self.settled.values()))
            if oldest.height > height:
                return
            del self.settled[oldest.cycle_id]
            self.settled_count -= len(oldest.items)


def vostro(participant_id: str, currency: str) -> str:
    """Return the name of a settlement account."""
    return f"vostro:{participant_id}:{currency}"
