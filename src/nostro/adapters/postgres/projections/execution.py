"""Which rows does execution leave: settlements, instructions, attempts, circuits?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.adapters.postgres.projections.payment_tables import PaymentTables
from nostro.execution import (
    AttemptEnded,
    AttemptPostponed,
    AttemptStarted,
    BatchCertified,
    BreakNoted,
    CircuitClosed,
    CircuitOpened,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    OutcomeAsked,
    SettlementConfirmed,
    SettlementFailed,
    SettlementInitiated,
    SettlementPlanned,
    SettlementReversed,
)
from nostro.kernel.messages import Event, kind_of
from nostro.kernel.room import Position
from nostro.payments import EVENT_TYPES

ACTOR = "execution"


class ExecutionProjection:
    """Keeps the views of settlements and of what moves on rails."""

    room = "execution"

    def __init__(self, tables: PaymentTables) -> None:
        self._tables = tables

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing: the event says all."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        match event:
            case AttemptStarted() | OutcomeAsked() | AttemptEnded():
                self._attempt(event, position)
            case AttemptPostponed(_, instruction):
                self._move(instruction.instruction_id, position, state="waiting")
            case InstructionSettled(_, instruction):
                self._move(
                    instruction.instruction_id,
                    position,
                    state="settled",
                    rail=event.rail,
                    rail_reference=event.rail_reference,
                    charges=event.charges_minor,
                    confirmed_by=event.confirmed_by,
                )
            case InstructionFailed(_, instruction, code):
                self._move(instruction.instruction_id, position, state="failed", code=code)
            case CircuitOpened(rail, region, until_us, reason):
                self._circuit(rail, region, position, is_open=True, until_us=until_us, why=reason)
            case CircuitClosed(rail, region):
                self._circuit(rail, region, position, is_open=False, until_us=None, why="")
            case _:
                self._settlement(event, position)

    def _settlement(self, event: Event, position: Position) -> None:
        at_us = position.at_us
        match event:
            case SettlementPlanned():
                self._plan(event, position)
            case BatchCertified(id_, _, missing):
                self._go(id_, position, missing=missing)
            case SettlementInitiated(id_, batch_ids):
                self._go(id_, position, state="initiated", initiated_at_us=at_us)
                self._batches(event, batch_ids, position, details={}, state="settling")
            case FundsSecured(id_):
                self._go(id_, position, state="secured", secured_at_us=at_us)
            case SettlementConfirmed(id_, _, failed):
                self._go(id_, position, state="confirmed", failed=failed, ended_at_us=at_us)
            case SettlementFailed(id_, batch_ids, participant_id, code, returns):
                self._go(
                    id_,
                    position,
                    state="failed",
                    participant_id=participant_id,
                    code=code,
                    ended_at_us=at_us,
                )
                self._add(id_, returns, position)
                details = {"participant_id": participant_id, "code": code}
                self._batches(event, batch_ids, position, details=details, unwound=True)
            case SettlementReversed(id_, _, _, reason):
                self._go(id_, position, state="reversed", reason=reason)
            case BreakNoted(id_):
                self._go(id_, position, breaks=1)
            case _:
                raise AssertionError(f"not an event of execution: {event!r}")

    def _plan(self, event: SettlementPlanned, position: Position) -> None:
        id_, tables = event.settlement_id, self._tables
        tables.cycle_settlements.insert(
            id_,
            tables.places.take(position),
            "planned",
            event.batch_ids,
            len(event.batch_ids),
            0,
            "",
            "",
            "",
            [],
            0,
            position.at_us,
            None,
            None,
            None,
            position.at_us,
            position.height,
        )
        self._add(id_, event.instructions, position)

    def _add(
        self, settlement_id: str, instructions: Sequence[NewInstruction], position: Position
    ) -> None:
        """Have rows for instructions; their places follow each other."""
        tables, at_us = self._tables, position.at_us
        first = tables.places.take(position, len(instructions))
        for place, each in enumerate(instructions, start=first):
            tables.instructions.insert(
                each.instruction_id,
                settlement_id,
                place,
                each.participant_id,
                each.currency,
                str(each.direction),
                each.amount_minor,
                str(each.purpose),
                each.transaction_id,
                "planned",
                "",
                "",
                "",
                0,
                "",
                at_us,
                at_us,
                position.height,
            )
        if instructions:
            self._go(settlement_id, position, instructions_count=len(instructions))

    def _go(self, settlement_id: str, position: Position, **values: Any) -> None:
        self._tables.cycle_settlements.patch(
            settlement_id, **values, last_at_us=position.at_us, last_height=position.height
        )

    def _batches(
        self,
        event: Event,
        batch_ids: Sequence[str],
        position: Position,
        *,
        details: dict[str, str],
        **values: Any,
    ) -> None:
        for batch_id in batch_ids:
            self._tables.batches.patch(batch_id, **values, last_height=position.height)
            self._tables.tell_batch(
                batch_id,
                EVENT_TYPES[kind_of(type(event))],
                position,
                actor=ACTOR,
                details=details,
            )

    def _move(self, instruction_id: str, position: Position, **values: Any) -> None:
        self._tables.instructions.patch(
            instruction_id, **values, last_at_us=position.at_us, last_height=position.height
        )

    def _attempt(
        self, event: AttemptStarted | OutcomeAsked | AttemptEnded, position: Position
    ) -> None:
        attempts = self._tables.attempts
        match event:
            case AttemptStarted(id_, instruction, attempt, rail, region):
                attempts.insert(
                    instruction.instruction_id,
                    attempt,
                    id_,
                    rail,
                    region,
                    "",
                    "",
                    0,
                    position.at_us,
                    None,
                    None,
                )
                self._move(instruction.instruction_id, position, state="sent", rail=rail)
            case OutcomeAsked(_, instruction_id, attempt):
                attempts.patch(instruction_id, attempt, asks=1, outcome=event.heard)
                self._move(instruction_id, position, state="asked")
            case AttemptEnded(_, instruction_id, attempt):
                next_at_us = event.next_attempt_at_us or None
                attempts.patch(
                    instruction_id,
                    attempt,
                    outcome=event.outcome,
                    code=event.code,
                    ended_at_us=position.at_us,
                    next_attempt_at_us=next_at_us,
                )
                if next_at_us is not None:
                    self._move(instruction_id, position, state="waiting", code=event.code)

    def _circuit(
        self,
        rail: str,
        region: str,
        position: Position,
        *,
        is_open: bool,
        until_us: int | None,
        why: str,
    ) -> None:
        last = {"last_at_us": position.at_us, "last_height": position.height}
        self._tables.circuits.ensure(rail, region, is_open, until_us, why, *last.values())
        self._tables.circuits.patch(
            rail, region, is_open=is_open, until_us=until_us, reason=why, **last
        )
