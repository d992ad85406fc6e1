"""What follows from what a rail, or someone else, says of an instruction?

Two rules hold over all: nothing is sent again while the last attempt may have moved, and what a
rail says has moved counts as moved, whenever it says so.
"""

from __future__ import annotations

from nostro.execution.commands import (
    ConfirmSettlement,
    Direction,
    NoteOutcome,
    OutcomeKind,
    Purpose,
)
from nostro.execution.events import (
    AttemptEnded,
    AttemptStarted,
    BreakNoted,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    OutcomeAsked,
    SettlementConfirmed,
    SettlementFailed,
)
from nostro.execution.evolve import return_of
from nostro.execution.routes import (
    ABSENT,
    BARRING,
    BLAMING,
    COUNTERPARTY_FAILED,
    RAIL_DOWN,
    Tried,
    ways_left,
)
from nostro.execution.state import (
    UNDER_WAY,
    ExecutionState,
    Instruction,
    PastInstruction,
    Phase,
    Settlement,
    Stage,
    instruction_key,
    settlement_key,
)
from nostro.execution.switch import Switch, Terms, after_detour, after_failure, after_success
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

OPERATOR = "confirmed"
UNNAMED = "refused"
"""The code of a refusal that came without one."""


def find(state: ExecutionState, instruction_id: str, context: Context) -> PastInstruction | None:
    """Return an instruction that ended, wherever it is remembered."""
    key = instruction_key(instruction_id)
    here = state.ended.hot(key)
    past = here if here is not None else context.recalled.get(key)
    assert past is None or isinstance(past, PastInstruction)
    return past


def note(state: ExecutionState, command: NoteOutcome, context: Context, terms: Terms) -> Decision:
    """Decide NoteOutcome."""
    instruction = state.instructions.get(command.instruction_id)
    if instruction is None:
        past = find(state, command.instruction_id, context)
        if past is None:
            raise Rejection("execution.instruction_unknown", instruction_id=command.instruction_id)
        return _told(_note_past(past, command, context))
    if not 1 <= command.attempt <= instruction.attempt:
        raise Rejection(
            "execution.not_sent",
            instruction_id=command.instruction_id,
            attempt=command.attempt,
            attempts=instruction.attempt,
        )
    current = command.attempt == instruction.attempt and instruction.phase in UNDER_WAY
    if not current:
        return _told(_note_late(state, instruction, command, context, terms))
    match command.outcome:
        case OutcomeKind.SETTLED:
            return _told(_settled(state, instruction, command, context, terms))
        case OutcomeKind.REFUSED | OutcomeKind.ABSENT:
            return _told(_refused(state, instruction, command, context, terms))
        case OutcomeKind.PENDING | OutcomeKind.UNKNOWN:
            return _told(_asked(state, instruction, command, context, terms))


def _told(events: list[Event]) -> Decision:
    return Decision(events=events, body={"noted": bool(events)})


# -- what came too late ----------------------------------------------------------------------------


def _note_past(past: PastInstruction, command: NoteOutcome, context: Context) -> list[Event]:
    """Compare with the end; only what contradicts it is noted."""
    order, outcome = past.order, command.outcome
    if past.phase is Phase.FAILED:
        why = "settled_after_failure" if outcome is OutcomeKind.SETTLED else ""
    elif outcome is OutcomeKind.SETTLED:
        why = "settled_twice" if command.rail not in ("", past.rail) else ""
    elif outcome in (OutcomeKind.REFUSED, OutcomeKind.ABSENT) and command.attempt == past.attempt:
        why = f"{outcome}_after_settlement"
    else:
        why = ""
    if not why:
        return []
    return [BreakNoted(past.settlement_id, order.instruction_id, why, context.actor)]


def _note_late(
    state: ExecutionState,
    instruction: Instruction,
    command: NoteOutcome,
    context: Context,
    terms: Terms,
) -> list[Event]:
    """Take a settlement that contradicts an earlier refusal for true: then nothing more is sent,
    and someone looks into it. Other late news is old news."""
    if command.outcome is not OutcomeKind.SETTLED:
        return []
    noted = BreakNoted(
        instruction.settlement_id, instruction.id, "settled_after_refusal", context.actor
    )
    return [noted, *_settled(state, instruction, command, context, terms)]


# -- it has moved ----------------------------------------------------------------------------------


def _settled(
    state: ExecutionState,
    instruction: Instruction,
    command: NoteOutcome,
    context: Context,
    terms: Terms,
) -> list[Event]:
    if command.attempt == instruction.attempt:
        rail, region = command.rail or instruction.rail, instruction.region
        circuit = after_success(state, instruction)
    else:
        tried = instruction.tried[command.attempt - 1]
        rail, region = command.rail or tried.rail, tried.region
        circuit = after_detour(state, instruction, context.at_us)
    ended = AttemptEnded(
        instruction.settlement_id,
        instruction.id,
        command.attempt,
        rail,
        region,
        OutcomeKind.SETTLED,
        "",
        0,
    )
    moved = InstructionSettled(
        instruction.settlement_id,
        instruction.order,
        rail,
        command.rail_reference,
        command.charges_minor,
        rail,
    )
    return [ended, *circuit, moved, *_progress(state, instruction, context, terms, circuit)]


def _progress(
    state: ExecutionState,
    instruction: Instruction,
    context: Context,
    terms: Terms,
    circuit: list[Event],
) -> list[Event]:
    """Return what follows for the settlement when an instruction has settled."""
    settlement = state.settlements[instruction.settlement_id]
    order = instruction.order
    if order.purpose is Purpose.RETURN:
        return []
    if order.direction is Direction.OUT:
        return confirmed_after(settlement, ended=1, failed=())
    if settlement.stage is Stage.FAILED:
        switch = Switch(state, terms.routes, context.at_us)
        switch.expect(circuit)
        return [switch.start_order(settlement.settlement_id, return_of(order))]
    if settlement.to_arrive > 1:
        return []
    return [secured(settlement)]


def secured(settlement: Settlement) -> FundsSecured:
    """Say that every pay-in of a settlement has arrived."""
    return FundsSecured(
        settlement.settlement_id, settlement.batch_ids, settlement.pay_outs, settlement.pay_ins
    )


def confirmed_after(settlement: Settlement, *, ended: int, failed: tuple[str, ...]) -> list[Event]:
    """Confirm a settlement if so many more pay-outs, some of them failed, were the last."""
    if settlement.to_end > ended:
        return []
    lost = [*settlement.failed, *failed]
    return [SettlementConfirmed(settlement.settlement_id, settlement.batch_ids, lost)]


# -- nobody knows yet ------------------------------------------------------------------------------


def _asked(
    state: ExecutionState,
    instruction: Instruction,
    command: NoteOutcome,
    context: Context,
    terms: Terms,
) -> list[Event]:
    """Have the rail asked; whoever asks already does so until it is known."""
    if instruction.phase is Phase.ASKED:
        return []
    asked = OutcomeAsked(
        instruction.settlement_id,
        instruction.id,
        instruction.attempt,
        instruction.rail,
        instruction.region,
        command.outcome,
    )
    if command.outcome is OutcomeKind.PENDING:
        return [asked, *after_success(state, instruction)]
    return [asked, *after_failure(state, instruction, terms.policy, context.at_us)]


# -- it will not move this time --------------------------------------------------------------------


def _refused(
    state: ExecutionState,
    instruction: Instruction,
    command: NoteOutcome,
    context: Context,
    terms: Terms,
) -> list[Event]:
    now_us, order = context.at_us, instruction.order
    absent = command.outcome is OutcomeKind.ABSENT
    code = ABSENT if absent else command.code or UNNAMED
    circuit = _circuit_after_refusal(state, instruction, code, now_us, terms)
    tried = [*instruction.tried, Tried(instruction.rail, instruction.region, code)]
    given_up = state.settlements[instruction.settlement_id].stage is Stage.FAILED and (
        order.purpose is not Purpose.RETURN
    )
    left = [] if given_up else ways_left(terms.routes.ways(order), tried)
    if code == COUNTERPARTY_FAILED or instruction.attempt >= terms.policy.attempts_max or not left:
        ended = _attempt_ended(instruction, command.outcome, code, next_attempt_at_us=0)
        failed = _failed(state, instruction, code, context, terms, circuit)
        return [ended, *circuit, *failed]
    elsewhere = {(each.rail, each.region) for each in tried}
    if code in BARRING or code == RAIL_DOWN:
        switch = Switch(state, terms.routes, now_us)
        switch.expect(circuit)
        attempts = instruction.attempt
        start = switch.start_order(instruction.settlement_id, order, attempts, tried)
        fresh = type(start) is AttemptStarted and (start.rail, start.region) not in elsewhere
        if fresh or type(start) is not AttemptStarted:
            ended = _attempt_ended(instruction, command.outcome, code, next_attempt_at_us=now_us)
            return [ended, *circuit, start]
    later_us = terms.policy.next_attempt_at_us(
        instruction_id=instruction.id, attempts=instruction.attempt, now_us=now_us
    )
    return [
        _attempt_ended(instruction, command.outcome, code, next_attempt_at_us=later_us),
        *circuit,
    ]


def _attempt_ended(
    instruction: Instruction, outcome: OutcomeKind, code: str, *, next_attempt_at_us: int
) -> AttemptEnded:
    return AttemptEnded(
        instruction.settlement_id,
        instruction.id,
        instruction.attempt,
        instruction.rail,
        instruction.region,
        outcome,
        code,
        next_attempt_at_us,
    )


def _circuit_after_refusal(
    state: ExecutionState, instruction: Instruction, code: str, now_us: int, terms: Terms
) -> list[Event]:
    """A refusal is a sign of life, unless the rail could not be reached; that a request never
    arrived speaks against the way only when it was the trial."""
    if code == RAIL_DOWN:
        return after_failure(state, instruction, terms.policy, now_us)
    if code == ABSENT:
        circuit = state.circuits.get(instruction.way)
        trial = circuit is not None and circuit.open and circuit.trial == instruction.id
        return after_failure(state, instruction, terms.policy, now_us) if trial else []
    return after_success(state, instruction)


def _failed(
    state: ExecutionState,
    instruction: Instruction,
    code: str,
    context: Context,
    terms: Terms,
    circuit: list[Event],
) -> list[Event]:
    """Return what follows when no attempt is left."""
    settlement = state.settlements[instruction.settlement_id]
    order = instruction.order
    failed = InstructionFailed(settlement.settlement_id, order, code)
    if order.purpose is Purpose.RETURN or settlement.stage is Stage.FAILED:
        return [failed]
    if order.direction is Direction.OUT:
        return [failed, *confirmed_after(settlement, ended=1, failed=(instruction.id,))]
    blamed = order.participant_id if code in BLAMING else ""
    switch = Switch(state, terms.routes, context.at_us)
    switch.expect(circuit)
    returns = [return_of(each) for each in settlement.arrived]
    lost = SettlementFailed(settlement.settlement_id, settlement.batch_ids, blamed, code, returns)
    starts = [switch.start_order(settlement.settlement_id, each) for each in returns]
    return [failed, lost, *starts]


# -- confirmed from outside ------------------------------------------------------------------------


def confirm(
    state: ExecutionState, command: ConfirmSettlement, context: Context, terms: Terms
) -> Decision:
    """Decide ConfirmSettlement."""
    key = settlement_key(command.settlement_id)
    known = command.settlement_id in state.settlements or state.ended.hot(key) is not None
    if not known and key not in context.recalled:
        raise Rejection("execution.settlement_unknown", settlement_id=command.settlement_id)
    instruction = state.instructions.get(command.instruction_id)
    past = None if instruction else find(state, command.instruction_id, context)
    here = instruction or past
    if here is None or here.settlement_id != command.settlement_id:
        raise Rejection(
            "execution.instruction_unknown",
            settlement_id=command.settlement_id,
            instruction_id=command.instruction_id,
        )
    order = here.order
    if (order.currency, order.amount_minor) != (command.currency, command.amount_minor):
        raise Rejection(
            "execution.confirmation_differs",
            instruction_id=command.instruction_id,
            currency=order.currency,
            amount_minor=order.amount_minor,
        )
    if past is not None:
        return _confirm_past(past, context)
    assert instruction is not None
    if instruction.phase not in UNDER_WAY:
        raise Rejection(
            "execution.not_sent",
            instruction_id=command.instruction_id,
            state=str(instruction.phase),
            attempts=instruction.attempt,
        )
    told = NoteOutcome(
        instruction_id=instruction.id,
        attempt=instruction.attempt,
        outcome=OutcomeKind.SETTLED,
        rail_reference=command.rail_reference,
    )
    events = _by(_settled(state, instruction, told, context, terms), context.actor)
    return Decision(
        events=events, body=_confirmation(instruction.order.instruction_id, exists=False)
    )


def _by(events: list[Event], actor: str) -> list[Event]:
    """Name who confirmed, in place of the rail."""
    return [
        InstructionSettled(
            each.settlement_id,
            each.instruction,
            each.rail,
            each.rail_reference,
            each.charges_minor,
            actor or OPERATOR,
        )
        if isinstance(each, InstructionSettled)
        else each
        for each in events
    ]


def _confirm_past(past: PastInstruction, context: Context) -> Decision:
    name = past.order.instruction_id
    if past.phase is Phase.SETTLED:
        return Decision(body=_confirmation(name, exists=True))
    why = "confirmed_after_failure"
    noted = BreakNoted(past.settlement_id, name, why, context.actor)
    no = Rejection("execution.already_failed", instruction_id=name, reason=past.code)
    return Decision(events=[noted], refusal=no)


def _confirmation(instruction_id: str, *, exists: bool) -> dict[str, object]:
    return {"instruction_id": instruction_id, "state": str(Phase.SETTLED), "exists": exists}
