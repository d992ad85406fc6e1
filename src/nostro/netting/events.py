"""What does the netting room report to have happened?"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Event
from nostro.netting.commands import Caps, CostReport, FxTrade, Obligation, Position, RateSet


class CycleOpened(Event, frozen=True, array_like=True, tag="netting.cycle_opened"):
    """A cycle waits for its plan; the flow asks for one."""

    cycle_id: str
    gross: bool
    value_date: str
    obligations: list[Obligation]
    caps: Caps


class BatchItem(msgspec.Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """One payment of a batch, as the members certify it. `retries`: how often it was deferred
    before; the members know each try by a name of its own (`certified_id`)."""

    transaction_id: str
    payer: str
    source_currency: str
    amount_minor: int
    payee: str
    destination_currency: str
    destination_minor: int
    retries: int = 0

    @property
    def certified_id(self) -> str:
        """Return the name under which this try of the payment is certified, once: the transaction
        id, and from the second try on its number after a `~`, which no id has."""
        return f"{self.transaction_id}~{self.retries}" if self.retries else self.transaction_id


class BatchCreated(Event, frozen=True, array_like=True, tag="netting.batch_created"):
    """Up to BATCH_MAX payments of a cycle go to consensus together (BATCH_CREATED). `number` counts
    from 1 to `of`."""

    cycle_id: str
    batch_id: str
    number: int
    of: int
    items: list[BatchItem]
    value_date: str
    rate_set: RateSet
    at_us: int


class BatchOptimized(Event, frozen=True, array_like=True, tag="netting.batch_optimized"):
    """The plan of a cycle stands (BATCH_OPTIMIZED), after its last BatchCreated in the same row.
    `gross`: payments that settle on a wire of their own, (transaction id, payee, destination
    currency, destination minor units)."""

    cycle_id: str
    batch_ids: list[str]
    gross: list[tuple[str, str, str, int]]
    deferred: list[tuple[str, str]]
    positions: list[Position]
    fx_trades: list[FxTrade]
    rate_set: RateSet
    report: CostReport


class CycleClosed(Event, frozen=True, array_like=True, tag="netting.cycle_closed"):
    """Nothing more is to be done about a cycle. `outcome`: settled (its payments are final),
    unwound or empty. Of one that settled, the trades that square our position; the flow books
    them."""

    cycle_id: str
    outcome: str
    fx_trades: list[FxTrade] = msgspec.field(default_factory=list)


class PlanRefused(Event, frozen=True, array_like=True, tag="netting.plan_refused"):
    """A plan could not be taken, for this reason; the flow asks for another one. `attempt` counts
    the plans of the cycle that were refused, from 1."""

    cycle_id: str
    code: str
    attempt: int
    gross: bool
    value_date: str
    obligations: list[Obligation]
    caps: Caps


EVENTS: tuple[type[Event], ...] = (
    CycleOpened,
    BatchCreated,
    BatchOptimized,
    PlanRefused,
    CycleClosed,
)
