"""When does a settlement begin, pay out, end before it began, or get reversed?"""

from __future__ import annotations

from nostro.execution.commands import (
    AbandonSettlement,
    CertifyBatch,
    PlanSettlement,
    ReverseSettlement,
    StartPayOuts,
)
from nostro.execution.events import (
    BatchCertified,
    InstructionFailed,
    SettlementFailed,
    SettlementInitiated,
    SettlementPlanned,
    SettlementReversed,
)
from nostro.execution.outcomes import confirmed_after, find, secured
from nostro.execution.state import (
    ALL,
    ExecutionState,
    PastSettlement,
    Settlement,
    Stage,
    settlement_key,
)
from nostro.execution.switch import Switch, Terms
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

FINAL = (Stage.SECURED, Stage.PAYING_OUT, Stage.CONFIRMED)


def find_settlement(
    state: ExecutionState, settlement_id: str, context: Context
) -> Settlement | PastSettlement:
    """Return a settlement, wherever it is remembered; raises Rejection
    `execution.settlement_unknown`."""
    live = state.settlements.get(settlement_id)
    if live is not None:
        return live
    key = settlement_key(settlement_id)
    here = state.ended.hot(key)
    past = here if here is not None else context.recalled.get(key)
    if past is None:
        raise Rejection("execution.settlement_unknown", settlement_id=settlement_id)
    assert isinstance(past, PastSettlement)
    return past


def plan(
    state: ExecutionState, command: PlanSettlement, context: Context, _terms: Terms
) -> Decision:
    """Decide PlanSettlement. Refused: `execution.settlement_exists`, `execution.bad_plan` (no batch
    or a batch twice, an instruction twice or used before, an amount that is not positive)."""
    settlement_id, batch_ids = command.settlement_id, command.batch_ids
    instructions = command.instructions
    try:
        find_settlement(state, settlement_id, context)
    except Rejection:
        pass
    else:
        raise Rejection("execution.settlement_exists", settlement_id=settlement_id)
    if not batch_ids or len(set(batch_ids)) < len(batch_ids):
        raise Rejection("execution.bad_plan", settlement_id=settlement_id, reason="batches")
    names = {each.instruction_id for each in instructions}
    if len(names) < len(instructions) or not names.isdisjoint(state.instructions):
        raise Rejection("execution.bad_plan", settlement_id=settlement_id, reason="instructions")
    if any(find(state, name, context) for name in names):
        raise Rejection("execution.bad_plan", settlement_id=settlement_id, reason="instructions")
    if any(each.amount_minor <= 0 for each in instructions):
        raise Rejection("execution.bad_plan", settlement_id=settlement_id, reason="amounts")
    return Decision(
        events=[SettlementPlanned(settlement_id, batch_ids, instructions)],
        body={"settlement_id": settlement_id, "instructions": len(instructions)},
    )


def certify(
    state: ExecutionState, command: CertifyBatch, context: Context, terms: Terms
) -> Decision:
    """Decide CertifyBatch. A certificate that comes twice, or to a settlement that has failed,
    changes nothing. Refused: `execution.settlement_unknown`, `execution.batch_unknown`."""
    settlement = find_settlement(state, command.settlement_id, context)
    if command.batch_id not in settlement.batch_ids:
        raise Rejection(
            "execution.batch_unknown",
            settlement_id=command.settlement_id,
            batch_id=command.batch_id,
        )
    if not isinstance(settlement, Settlement) or settlement.stage is not Stage.PLANNED:
        return Decision(body=_body(settlement))
    if command.batch_id not in settlement.missing:
        return Decision(body=_body(settlement))
    missing = len(settlement.missing) - 1
    events: list[Event] = [BatchCertified(settlement.settlement_id, command.batch_id, missing)]
    if not missing:
        events.append(SettlementInitiated(settlement.settlement_id, settlement.batch_ids))
        events += _begin(state, settlement, context, terms)
    return Decision(events=events, body=_body(settlement))


def _begin(
    state: ExecutionState, settlement: Settlement, context: Context, terms: Terms
) -> list[Event]:
    if not settlement.pay_ins:
        return [secured(settlement)]
    switch = Switch(state, terms.routes, context.at_us)
    settlement_id = settlement.settlement_id
    return [switch.start_order(settlement_id, each) for each in settlement.pay_ins]


def abandon(
    state: ExecutionState, command: AbandonSettlement, context: Context, _terms: Terms
) -> Decision:
    """Decide AbandonSettlement. Sent twice: accepted, no event. Refused:
    `execution.settlement_unknown`, `execution.settlement_begun`."""
    settlement = find_settlement(state, command.settlement_id, context)
    if settlement.stage is Stage.FAILED:
        return Decision(body=_body(settlement))
    if not isinstance(settlement, Settlement) or settlement.stage is not Stage.PLANNED:
        raise Rejection(
            "execution.settlement_begun",
            settlement_id=command.settlement_id,
            state=str(settlement.stage),
        )
    lost = SettlementFailed(settlement.settlement_id, settlement.batch_ids, "", command.reason, [])
    return Decision(events=[lost], body=_body(settlement))


def start_pay_outs(
    state: ExecutionState, command: StartPayOuts, context: Context, terms: Terms
) -> Decision:
    """Decide StartPayOuts. Sent twice: accepted, no event. Refused:
    `execution.settlement_unknown`, `execution.not_final`, `execution.instruction_unknown`
    (`refused` names what is no pay-out of it)."""
    settlement = find_settlement(state, command.settlement_id, context)
    if settlement.stage not in FINAL:
        raise Rejection(
            "execution.not_final",
            settlement_id=command.settlement_id,
            state=str(settlement.stage),
        )
    if not isinstance(settlement, Settlement) or settlement.stage is not Stage.SECURED:
        return Decision(body=_body(settlement))
    refused = dict(command.refused)
    strange = refused.keys() - {each.instruction_id for each in settlement.pay_outs}
    if strange:
        raise Rejection(
            "execution.instruction_unknown",
            settlement_id=command.settlement_id,
            instruction_id=min(strange),
        )
    switch = Switch(state, terms.routes, context.at_us)
    settlement_id = settlement.settlement_id
    events: list[Event] = []
    for each in settlement.pay_outs:
        code = refused.get(each.instruction_id)
        if code is None:
            events.append(switch.start_order(settlement_id, each))
        else:
            events.append(InstructionFailed(settlement_id, each, code))
    failed = tuple(
        each.instruction_id for each in settlement.pay_outs if each.instruction_id in refused
    )
    events += confirmed_after(settlement, ended=len(failed), failed=failed)
    return Decision(events=events, body=_body(settlement))


def reverse(
    state: ExecutionState, command: ReverseSettlement, context: Context, _terms: Terms
) -> Decision:
    """Decide ReverseSettlement: what was reversed already is not reversed again."""
    settlement = find_settlement(state, command.settlement_id, context)
    if settlement.stage not in FINAL:
        raise Rejection(
            "execution.not_final",
            settlement_id=command.settlement_id,
            state=str(settlement.stage),
        )
    done = state.reversals.get(command.settlement_id, [])
    named = list(dict.fromkeys(command.transaction_ids))
    if ALL in done and named:
        raise Rejection("execution.reversed", settlement_id=command.settlement_id)
    fresh = [each for each in named if each not in done]
    body = {**_body(settlement), "exists": ALL in done or (bool(named) and not fresh)}
    if body["exists"]:
        return Decision(body=body)
    event = SettlementReversed(
        settlement.settlement_id, settlement.batch_ids, fresh, command.reason, context.actor
    )
    return Decision(events=[event], body=body)


def _body(settlement: Settlement | PastSettlement) -> dict[str, object]:
    return {"settlement_id": settlement.settlement_id}
