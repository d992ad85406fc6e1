"""How does an event change what execution remembers?

Nothing here asks the policy or the routes: they may differ when the journal is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nostro.execution import events as e
from nostro.execution.commands import Direction, NewInstruction, OutcomeKind, Purpose
from nostro.execution.routes import ABSENT, RAIL_DOWN, Tried
from nostro.execution.state import (
    ALL,
    UNDER_WAY,
    Circuit,
    ExecutionState,
    Instruction,
    Past,
    PastInstruction,
    PastSettlement,
    Phase,
    Settlement,
    Stage,
    instruction_key,
    settlement_key,
)
from nostro.kernel.messages import Event
from nostro.kernel.room import Position


def return_of(pay_in: NewInstruction) -> NewInstruction:
    """Return the movement that sends a pay-in back."""
    return NewInstruction(
        f"{pay_in.instruction_id}:return",
        pay_in.participant_id,
        pay_in.currency,
        Direction.OUT,
        pay_in.amount_minor,
        Purpose.RETURN,
    )


def evolve(state: ExecutionState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event, position)


# -- settlements ----------------------------------------------------------------------------------


def _plan(state: ExecutionState, event: e.SettlementPlanned, _position: Position) -> None:
    settlement_id = event.settlement_id
    pay_ins = [each for each in event.instructions if each.direction is Direction.IN]
    pay_outs = [each for each in event.instructions if each.direction is Direction.OUT]
    state.settlements[settlement_id] = Settlement(
        settlement_id,
        event.batch_ids,
        list(event.batch_ids),
        pay_ins,
        pay_outs,
        to_arrive=len(pay_ins),
        to_end=len(pay_outs),
        open=len(event.instructions),
    )
    instructions = state.instructions
    for each in event.instructions:
        instructions[each.instruction_id] = Instruction(settlement_id, each)


def _certify(state: ExecutionState, event: e.BatchCertified, _position: Position) -> None:
    state.settlements[event.settlement_id].missing.remove(event.batch_id)


def _initiate(state: ExecutionState, event: e.SettlementInitiated, _position: Position) -> None:
    state.settlements[event.settlement_id].stage = Stage.PAYING_IN


def _secure(state: ExecutionState, event: e.FundsSecured, _position: Position) -> None:
    state.settlements[event.settlement_id].stage = Stage.SECURED


def _confirm(state: ExecutionState, event: e.SettlementConfirmed, position: Position) -> None:
    settlement = state.settlements[event.settlement_id]
    settlement.stage = Stage.CONFIRMED
    state.end_settlement(settlement, position.height)
    state.forget_if_over(settlement)


def _fail(state: ExecutionState, event: e.SettlementFailed, position: Position) -> None:
    """What may have moved goes on until that is known; the rest will never move."""
    settlement = state.settlements[event.settlement_id]
    settlement.stage = Stage.FAILED
    state.end_settlement(settlement, position.height)
    for each in (*settlement.pay_ins, *settlement.pay_outs):
        instruction = state.instructions.get(each.instruction_id)
        if instruction is not None and instruction.phase not in UNDER_WAY:
            state.drop(instruction)
    for each in event.returns:
        _open_return(state, settlement, each)
    state.forget_if_over(settlement)


def _open_return(state: ExecutionState, settlement: Settlement, order: NewInstruction) -> None:
    state.instructions[order.instruction_id] = Instruction(settlement.settlement_id, order)
    settlement.open += 1


def _reverse(state: ExecutionState, event: e.SettlementReversed, _position: Position) -> None:
    reversed_ = state.reversals.setdefault(event.settlement_id, [])
    reversed_ += event.transaction_ids or [ALL]


# -- attempts -------------------------------------------------------------------------------------


def _start(state: ExecutionState, event: e.AttemptStarted, _position: Position) -> None:
    instruction = state.instructions[event.instruction.instruction_id]
    state.unpark(instruction)
    instruction.phase = Phase.SENT
    instruction.attempt = event.attempt
    instruction.rail = event.rail
    instruction.region = event.region
    instruction.next_attempt_at_us = 0
    state.trim()
    circuit = state.circuits.get(instruction.way)
    if circuit is not None and circuit.open:
        circuit.trial = instruction.id
    _begin_pay_outs(state, instruction)


def _postpone(state: ExecutionState, event: e.AttemptPostponed, _position: Position) -> None:
    instruction = state.instructions[event.instruction.instruction_id]
    state.park(instruction, list(event.routes))
    _begin_pay_outs(state, instruction)


def _begin_pay_outs(state: ExecutionState, instruction: Instruction) -> None:
    settlement = state.settlements[instruction.settlement_id]
    if settlement.stage is Stage.SECURED:
        settlement.stage = Stage.PAYING_OUT


def _ask(state: ExecutionState, event: e.OutcomeAsked, _position: Position) -> None:
    instruction = state.instructions[event.instruction_id]
    instruction.phase = Phase.ASKED
    if event.heard == OutcomeKind.UNKNOWN:
        _count_failure(state, (event.rail, event.region))
    else:
        _count_success(state, (event.rail, event.region))


def _end_attempt(state: ExecutionState, event: e.AttemptEnded, _position: Position) -> None:
    instruction = state.instructions[event.instruction_id]
    instruction.attempt = max(instruction.attempt, event.attempt)
    way = (event.rail, event.region)
    if event.outcome == OutcomeKind.SETTLED:
        instruction.attempt = event.attempt
        _count_success(state, way)
        return
    code = ABSENT if event.outcome == OutcomeKind.ABSENT else event.code
    if code == RAIL_DOWN:
        _count_failure(state, way)
    elif code != ABSENT:
        _count_success(state, way)
    instruction.tried = [*instruction.tried, Tried(event.rail, event.region, code)]
    instruction.phase = Phase.WAITING
    if event.next_attempt_at_us:
        state.wait(instruction, event.next_attempt_at_us)


def _count_failure(state: ExecutionState, way: tuple[str, str]) -> None:
    circuit = state.circuits.get(way)
    if circuit is None:
        circuit = state.circuits[way] = Circuit()
    circuit.failures += 1


def _count_success(state: ExecutionState, way: tuple[str, str]) -> None:
    circuit = state.circuits.get(way)
    if circuit is not None and not circuit.open:
        del state.circuits[way]


def _settle(state: ExecutionState, event: e.InstructionSettled, position: Position) -> None:
    order = event.instruction
    instruction = state.instructions[order.instruction_id]
    instruction.rail = event.rail
    settlement = state.settlements[instruction.settlement_id]
    late = settlement.stage is Stage.FAILED
    if order.direction is Direction.IN and not late:
        settlement.to_arrive -= 1
        settlement.arrived.append(order)
    elif order.purpose is not Purpose.RETURN:
        settlement.to_end -= 1
    if order.direction is Direction.IN and late:
        _open_return(state, settlement, return_of(order))
    state.end_instruction(instruction, code="", height=position.height)
    state.forget_if_over(settlement)


def _fail_instruction(
    state: ExecutionState, event: e.InstructionFailed, position: Position
) -> None:
    instruction = state.instructions[event.instruction.instruction_id]
    settlement = state.settlements[instruction.settlement_id]
    order = instruction.order
    if order.direction is Direction.OUT and order.purpose is not Purpose.RETURN:
        settlement.to_end -= 1
        settlement.failed.append(instruction.id)
        _begin_pay_outs(state, instruction)
    state.end_instruction(instruction, code=event.code, height=position.height)
    state.forget_if_over(settlement)


# -- circuits -------------------------------------------------------------------------------------


def _open_circuit(state: ExecutionState, event: e.CircuitOpened, _position: Position) -> None:
    circuit = state.circuits.setdefault((event.rail, event.region), Circuit())
    circuit.open = True
    circuit.until_us = event.until_us
    circuit.trial = ""


def _close_circuit(state: ExecutionState, event: e.CircuitClosed, position: Position) -> None:
    """All that waited for any way may be tried again: the ways are looked at anew."""
    state.circuits.pop((event.rail, event.region), None)
    waiting = {name: None for row in state.parked.values() for name in row}
    state.parked = {}
    for name in waiting:
        instruction = state.instructions[name]
        instruction.parked_on = []
        state.wait(instruction, position.at_us)


def _note_break(_state: ExecutionState, _event: e.BreakNoted, _position: Position) -> None:
    """Breaks are for the views: no decision looks at them."""


_EVOLVE: dict[type[Event], Callable[[ExecutionState, Any, Position], None]] = {
    e.SettlementPlanned: _plan,
    e.BatchCertified: _certify,
    e.SettlementInitiated: _initiate,
    e.AttemptStarted: _start,
    e.AttemptPostponed: _postpone,
    e.OutcomeAsked: _ask,
    e.AttemptEnded: _end_attempt,
    e.InstructionSettled: _settle,
    e.InstructionFailed: _fail_instruction,
    e.FundsSecured: _secure,
    e.SettlementConfirmed: _confirm,
    e.SettlementFailed: _fail,
    e.SettlementReversed: _reverse,
    e.BreakNoted: _note_break,
    e.CircuitOpened: _open_circuit,
    e.CircuitClosed: _close_circuit,
}


def recall(wanted: Iterable[str], events: Iterable[Event]) -> dict[str, Past]:
    """Return what the events of one row say of the wanted instructions and settlements."""
    keys = frozenset(wanted)
    found: dict[str, Past] = {}
    attempts: dict[str, int] = {}
    for event in events:
        past: Past
        match event:
            case e.AttemptEnded():
                attempts[event.instruction_id] = event.attempt
                continue
            case e.InstructionSettled():
                past = _past(event, Phase.SETTLED, attempts, rail=event.rail, code="")
            case e.InstructionFailed():
                past = _past(event, Phase.FAILED, attempts, rail="", code=event.code)
            case e.SettlementConfirmed():
                past = PastSettlement(event.settlement_id, event.batch_ids, Stage.CONFIRMED)
            case e.SettlementFailed():
                past = PastSettlement(event.settlement_id, event.batch_ids, Stage.FAILED)
            case _:
                continue
        key = (
            settlement_key(past.settlement_id)
            if isinstance(past, PastSettlement)
            else instruction_key(past.order.instruction_id)
        )
        if key in keys:
            found[key] = past
    return found


def _past(
    event: e.InstructionSettled | e.InstructionFailed,
    phase: Phase,
    attempts: dict[str, int],
    *,
    rail: str,
    code: str,
) -> PastInstruction:
    order = event.instruction
    attempt = attempts.get(order.instruction_id, 0)
    return PastInstruction(order, event.settlement_id, phase, attempt, rail, code)
