"""Which rows does netting leave: cycles with their reports, and batches?"""

from __future__ import annotations

from typing import Any

from nostro.adapters.postgres.projections.payment_tables import PaymentTables
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.netting import (
    BatchCreated,
    BatchOptimized,
    CycleClosed,
    CycleOpened,
    PlanRefused,
)
from nostro.payments import EVENT_TYPES

ACTOR = "netting"


class NettingProjection:
    """Keeps the views of cycles and batches. A cycle has its row since the payments room spoke of
    it."""

    room = "netting"

    def __init__(self, tables: PaymentTables) -> None:
        self._tables = tables

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing: the event says all."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        cycles, height = self._tables.cycles, position.height
        match event:
            case CycleOpened(cycle_id):
                cycles.patch(
                    cycle_id,
                    state="open",
                    gross=event.gross,
                    value_date=event.value_date,
                    payments_count=len(event.obligations),
                    caps=event.caps,
                    last_height=height,
                )
            case BatchCreated():
                self._create(event, position)
            case BatchOptimized():
                self._plan(event, position)
            case PlanRefused(cycle_id, code, attempt):
                cycles.patch(cycle_id, plans_refused=attempt, refusal=code, last_height=height)
            case CycleClosed(cycle_id, outcome):
                cycles.patch(
                    cycle_id, state=outcome, closed_at_us=position.at_us, last_height=height
                )
            case _:
                raise AssertionError(f"not an event of netting: {event!r}")

    def _create(self, event: BatchCreated, position: Position) -> None:
        seq = self._tables.tell_batch(
            event.batch_id,
            EVENT_TYPES["netting.batch_created"],
            position,
            actor=ACTOR,
            details={
                "cycle_id": event.cycle_id,
                "number": event.number,
                "of": event.of,
                "payments": len(event.items),
                "value_date": event.value_date,
            },
        )
        self._tables.batches.insert(
            event.batch_id,
            seq,
            event.cycle_id,
            event.number,
            event.of,
            len(event.items),
            "created",
            False,
            "",
            "",
            False,
            None,
            None,
            None,
            "",
            "",
            "",
            [],
            position.at_us,
            None,
            None,
            position.height,
        )

    def _plan(self, event: BatchOptimized, position: Position) -> None:
        report = event.report
        self._tables.cycles.patch(
            event.cycle_id,
            state="planned",
            planned_at_us=position.at_us,
            batches_count=len(event.batch_ids),
            gross_count=len(event.gross),
            deferred_count=len(event.deferred),
            positions=event.positions,
            fx_trades=event.fx_trades,
            rate_set=event.rate_set,
            report=report,
            last_height=position.height,
        )
        details = {
            "cycle_id": event.cycle_id,
            "rate_set_id": event.rate_set.rate_set_id,
            "currency": report.currency,
            "gross_cost_minor": report.gross_cost_minor,
            "cost_minor": report.cost_minor,
            "wires_before": report.wires_before,
            "wires_after": report.wires_after,
            "method": report.method,
        }
        for batch_id in event.batch_ids:
            self._tables.tell_batch(
                batch_id,
                EVENT_TYPES["netting.batch_optimized"],
                position,
                actor=ACTOR,
                details=details,
            )
