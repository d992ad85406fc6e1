"""What is known of an endpoint and of a delivery to it? Times are microseconds since the epoch."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class EventType(StrEnum):
    """What an endpoint can be told of."""

    PAYMENT_SETTLED = "payment.settled"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_DEFERRED = "payment.deferred"
    PAYMENT_REVERSED = "payment.reversed"
    PAYMENT_HELD = "payment.held"
    BATCH_CERTIFIED = "batch.certified"
    CYCLE_SETTLEMENT_CONFIRMED = "cycle_settlement.confirmed"
    CYCLE_SETTLEMENT_FAILED = "cycle_settlement.failed"
    CYCLE_SETTLEMENT_REVERSED = "cycle_settlement.reversed"
    ALERT_RAISED = "risk.alert_raised"
    ALERT_CLEARED = "risk.alert_cleared"
    ORDER_PLACED = "order.placed"
    ORDER_CLOSED = "order.closed"
    TRADE_EXECUTED = "trade.executed"
    ROUTE_BROKEN = "route.broken"
    FUNDS_SUSPENDED = "funds.suspended"
    MARKET_STATE_CHANGED = "market.state_changed"
    SETTLEMENT_INSTRUCTED = "settlement.instructed"
    SETTLEMENT_ALLEGED = "settlement.alleged"
    SETTLEMENT_MATCHED = "settlement.matched"
    SETTLEMENT_HELD = "settlement.held"
    SETTLEMENT_RELEASED = "settlement.released"
    SETTLEMENT_CANCEL_ASKED = "settlement.cancel_asked"
    SETTLEMENT_RETRIED = "settlement.retried"
    SETTLEMENT_PARTIAL_OFFERED = "settlement.partial_offered"
    SETTLEMENT_INITIATED = "settlement.initiated"
    SETTLEMENT_SELLER_SECURITIES_LOCKED = "settlement.seller_securities_locked"
    SETTLEMENT_BUYER_CASH_LOCKED = "settlement.buyer_cash_locked"
    SETTLEMENT_REFUSED = "settlement.refused"
    SETTLEMENT_EXECUTING = "settlement.executing"
    SETTLEMENT_LEG_EXECUTED = "settlement.leg_executed"
    SETTLEMENT_STUCK = "settlement.stuck"
    SETTLEMENT_ABORTED = "settlement.aborted"
    SETTLEMENT_CONFIRMED = "settlement.confirmed"
    SETTLEMENT_SETTLED = "settlement.settled"
    SETTLEMENT_PARTIALLY_SETTLED = "settlement.partially_settled"
    SETTLEMENT_RECYCLED = "settlement.recycled"
    SETTLEMENT_POSTPONED = "settlement.postponed"
    SETTLEMENT_FAILED = "settlement.failed"
    SETTLEMENT_PENALTY = "settlement.penalty"


class DeliveryState(StrEnum):
    """Whether a message is still to be taken, was, or never will be."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages go. `from_height`: it is told of what happened after this height.
    `failing_since_us`: None while its last answer was a good one; `disabled_at_us`: None while it
    is told anything."""

    id: str
    url: str
    events: list[EventType]
    from_height: int
    created_at_us: int
    created_by: str
    failing_since_us: int | None
    disabled_at_us: int | None
    disabled_reason: str


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one endpoint. `id` is its webhook-id, the same in each attempt. `status`: of
    the last answer, None when there was none; `error`: what was wrong with it."""

    id: str
    endpoint: str
    event_type: EventType
    height: int
    state: DeliveryState
    attempts: int
    created_at_us: int
    next_attempt_at_us: int | None
    attempted_at_us: int | None
    delivered_at_us: int | None
    status: int | None
    error: str
