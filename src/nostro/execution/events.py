"""What does the execution room report to have happened?"""

from __future__ import annotations

from nostro.execution.commands import NewInstruction
from nostro.kernel.messages import Event


class SettlementPlanned(Event, frozen=True, array_like=True, tag="execution.settlement_planned"):
    """What a cycle is to move is known; it waits for its certificates."""

    settlement_id: str
    batch_ids: list[str]
    instructions: list[NewInstruction]


class BatchCertified(Event, frozen=True, array_like=True, tag="execution.batch_certified"):
    """A batch of the settlement has its certificate; `missing` others have not."""

    settlement_id: str
    batch_id: str
    missing: int


class SettlementInitiated(
    Event, frozen=True, array_like=True, tag="execution.settlement_initiated"
):
    """All certificates stand, the settlement begins (SETTLEMENT_INITIATED)."""

    settlement_id: str
    batch_ids: list[str]


class AttemptStarted(Event, frozen=True, array_like=True, tag="execution.attempt_started"):
    """An instruction goes to a rail, for the `attempt`-th time (from 1); the flow has it sent."""

    settlement_id: str
    instruction: NewInstruction
    attempt: int
    rail: str
    region: str


class AttemptPostponed(Event, frozen=True, array_like=True, tag="execution.attempt_postponed"):
    """No rail in `routes` (rail, region) takes anything now: the next attempt waits until one of
    their circuits lets it try, or closes. `attempt`: how many were made so far."""

    settlement_id: str
    instruction: NewInstruction
    attempt: int
    routes: list[tuple[str, str]]


class OutcomeAsked(Event, frozen=True, array_like=True, tag="execution.outcome_asked"):
    """The rail is asked what became of an attempt: nothing is sent again before it is known.
    `heard`: what was told when it was sent, `unknown` or `pending`."""

    settlement_id: str
    instruction_id: str
    attempt: int
    rail: str
    region: str
    heard: str = "unknown"


class AttemptEnded(Event, frozen=True, array_like=True, tag="execution.attempt_ended"):
    """What an attempt came to. `next_attempt_at_us`: when the next one starts, 0 for none."""

    settlement_id: str
    instruction_id: str
    attempt: int
    rail: str
    region: str
    outcome: str
    code: str
    next_attempt_at_us: int


class InstructionSettled(Event, frozen=True, array_like=True, tag="execution.instruction_settled"):
    """The money has moved; the flow books it. `confirmed_by`: the rail, or who confirmed it."""

    settlement_id: str
    instruction: NewInstruction
    rail: str
    rail_reference: str
    charges_minor: int
    confirmed_by: str


class InstructionFailed(Event, frozen=True, array_like=True, tag="execution.instruction_failed"):
    """The money will not move: no attempt is left, or no rail would help. The flow releases what
    was set aside, and reverses what the counterparty does not get."""

    settlement_id: str
    instruction: NewInstruction
    code: str


class FundsSecured(Event, frozen=True, array_like=True, tag="execution.funds_secured"):
    """Every pay-in has arrived: the flow credits them, makes the payments final, sets the pay-outs
    aside and has them sent (`StartPayOuts`)."""

    settlement_id: str
    batch_ids: list[str]
    pay_outs: list[NewInstruction]
    pay_ins: list[NewInstruction]


class SettlementConfirmed(
    Event, frozen=True, array_like=True, tag="execution.settlement_confirmed"
):
    """Nothing is left to move: every pay-out has settled or failed for good. `failed` names the
    latter."""

    settlement_id: str
    batch_ids: list[str]
    failed: list[str]


class SettlementFailed(Event, frozen=True, array_like=True, tag="execution.settlement_failed"):
    """A settlement ends before finality; the flow unwinds its payments. `participant_id` is the one
    to blame ("" for none), `code` as in NoteOutcome, or `rejected`. `returns`: pay-ins that had
    arrived, sent back by these instructions."""

    settlement_id: str
    batch_ids: list[str]
    participant_id: str
    code: str
    returns: list[NewInstruction]


class SettlementReversed(Event, frozen=True, array_like=True, tag="execution.settlement_reversed"):
    """An operator reversed a settlement or, when named, some of its payments."""

    settlement_id: str
    batch_ids: list[str]
    transaction_ids: list[str]
    reason: str
    actor: str


class BreakNoted(Event, frozen=True, array_like=True, tag="execution.break_noted"):
    """What was told contradicts what is booked: for someone to look into. Changes no state."""

    settlement_id: str
    instruction_id: str
    reason: str
    actor: str


class CircuitOpened(Event, frozen=True, array_like=True, tag="execution.circuit_opened"):
    """A rail in a region fails too often: nothing is sent there until `until_us`, then one attempt
    tries it. `until_us` 0: closed by hand, until it is opened by hand."""

    rail: str
    region: str
    until_us: int
    reason: str


class CircuitClosed(Event, frozen=True, array_like=True, tag="execution.circuit_closed"):
    """A rail in a region works again."""

    rail: str
    region: str


EVENTS: tuple[type[Event], ...] = (
    SettlementPlanned,
    BatchCertified,
    SettlementInitiated,
    AttemptStarted,
    AttemptPostponed,
    OutcomeAsked,
    AttemptEnded,
    InstructionSettled,
    InstructionFailed,
    FundsSecured,
    SettlementConfirmed,
    SettlementFailed,
    SettlementReversed,
    BreakNoted,
    CircuitOpened,
    CircuitClosed,
)
