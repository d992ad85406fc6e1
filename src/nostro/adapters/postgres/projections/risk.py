"""Which rows does risk leave: limits, thresholds, exposures, alerts?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.adapters.postgres.projections.payment_tables import PaymentTables
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.risk import (
    AlertCleared,
    AlertRaised,
    Change,
    ExposureReleased,
    ExposureReserved,
    LimitSet,
    ThresholdSet,
)


class RiskProjection:
    """Keeps the views of limits and of what is open against them."""

    room = "risk"

    def __init__(self, tables: PaymentTables) -> None:
        self._tables = tables

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing: the event says all."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        tables, last = self._tables, (position.at_us, position.height)
        match event:
            case ExposureReserved(changes) | ExposureReleased(changes):
                self._expose(changes, position.height)
            case LimitSet(scope, currency, participant, counterparty, amount, actor):
                key = (scope, participant, counterparty, currency)
                tables.limits.ensure(*key, amount, actor, *last)
                tables.limits.patch(
                    *key, amount=amount, actor=actor, set_at_us=last[0], last_height=last[1]
                )
            case ThresholdSet(scope, used_ppm, actor):
                tables.thresholds.ensure(scope, used_ppm, actor, *last)
                tables.thresholds.patch(
                    scope, used_ppm=used_ppm, actor=actor, set_at_us=last[0], last_height=last[1]
                )
            case AlertRaised():
                self._alert(event, position, event.used_minor, event.limit_minor, event.used_ppm)
            case AlertCleared():
                self._alert(event, position, 0, 0, 0)
            case _:
                raise AssertionError(f"not an event of risk: {event!r}")

    def _expose(self, changes: Sequence[Change], height: int) -> None:
        """Add up, with no more calls than needed: there may be a change for each payment."""
        open_sums = self._tables.open_sums
        for change in changes:
            key = (change.payer, change.payee, change.currency)
            sums = open_sums.get(key)
            if sums is None:
                open_sums[key] = [change.amount_minor, change.count, change.offset_minor, height]
            else:
                sums[0] += change.amount_minor
                sums[1] += change.count
                sums[2] += change.offset_minor
                sums[3] = height

    def _alert(
        self,
        event: AlertRaised | AlertCleared,
        position: Position,
        used: int,
        limit: int,
        used_ppm: int,
    ) -> None:
        self._tables.alerts.insert(
            self._tables.places.take(position),
            position.at_us,
            isinstance(event, AlertRaised),
            event.scope,
            event.participant,
            event.counterparty,
            event.currency,
            used,
            limit,
            used_ppm,
        )
