"""What do readers see of netting cycles and batches?

Amounts are integer minor units; times are microseconds since the epoch (UTC).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from nostro.netting.commands import CostReport, FxTrade, Position, RateSet


class CycleState(StrEnum):
    """Where a cycle is: it takes payments; closed, it waits for its plan; planned; its payments are
    final; unwound before finality; or there was nothing to settle in it."""

    COLLECTING = "collecting"
    OPEN = "open"
    PLANNED = "planned"
    SETTLED = "settled"
    UNWOUND = "unwound"
    EMPTY = "empty"


class BatchState(StrEnum):
    """Where a batch is: put to the members; certified or rejected by them; its settlement begun;
    its payments final; or taken apart before that."""

    CREATED = "created"
    CERTIFIED = "certified"
    REJECTED = "rejected"
    SETTLING = "settling"
    SETTLED = "settled"
    UNWOUND = "unwound"


class CycleView(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle, and its plan: what it costs and saves (`report`), at which rates (`rate_set`; both
    None before there is one). `positions`: what each participant receives (positive) or pays, net.
    `plans_refused`: how many plans could not be taken, `refusal` why the last could not."""

    cycle_id: str
    state: CycleState
    gross: bool
    value_date: str
    cut_off_at_us: int
    opened_at_us: int
    planned_at_us: int | None
    closed_at_us: int | None
    payments_count: int
    batches_count: int
    gross_count: int
    deferred_count: int
    plans_refused: int
    refusal: str
    caps: dict[str, Any]
    positions: list[Position]
    fx_trades: list[FxTrade]
    rate_set: RateSet | None
    report: CostReport | None
    height: int


class Edge(msgspec.Struct, frozen=True, array_like=True):
    """What a payer owes a payee in one currency pair: the sum and number of payments.
    `destination_minor`: what the payee receives for it."""

    payer: str
    payee: str
    source_currency: str
    amount_minor: int
    destination_currency: str
    destination_minor: int
    count: int


class BatchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the life of a batch; see `payments.views.EVENT_TYPES`."""

    entry_id: int
    event_type: str
    at_us: int
    actor: str
    details: dict[str, Any]


class BatchSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it stands now. `number` counts from 1 to `of`. `body_hash`, `entry_hash`: hex,
    what the members signed; consensus fields are None or "" before the members have spoken."""

    batch_id: str
    cycle_id: str
    number: int
    of: int
    items_count: int
    state: BatchState
    reason: str
    body_hash: str
    epoch: int | None
    consensus_height: int | None
    round: int | None
    entry_hash: str
    signers: list[str]
    created_at_us: int
    certified_at_us: int | None
    settled_at_us: int | None
    height: int


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A batch with its certificate (`entry`, `certificate`: canonical encoding, base64) and the
    netting graph.

    `before`: what its payments owe, by payer, payee and currency pair. `own_positions`: what these
    come to, net, by participant and currency. `cycle`: netting is over the whole cycle, whose
    positions are what really moves.
    """

    batch: BatchSummary
    entry: str
    certificate: str
    transaction_ids: list[str]
    before: list[Edge]
    own_positions: list[Position]
    cycle: CycleView
    events: list[BatchEvent]
