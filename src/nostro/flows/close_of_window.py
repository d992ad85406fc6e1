"""Which story does a window tell: closed, netted, certified? `settle_cycle` goes on from there.

No batch is executed without the members' certificate.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.consensus import (
    ConsensusAchieved,
    ConsensusRejected,
    ProposeBatch,
    SubmitBatch,
    batch_body,
)
from nostro.execution import (
    AbandonSettlement,
    CertifyBatch,
    Direction,
    NewInstruction,
    PlanSettlement,
    Purpose,
)
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Reply
from nostro.kernel.room import Order, Perform, Step
from nostro.netting import (
    BatchCreated,
    BatchOptimized,
    Caps,
    CloseCycle,
    CycleOpened,
    Obligation,
    OpenCycle,
    OptimiseCycle,
    PlanRefused,
    Position,
)
from nostro.payments import (
    AssignBatch,
    DeferPayments,
    WindowClosed,
)
from nostro.risk import QuoteCaps

COUNTERPARTY_FAILED = "counterparty_failed"
REJECTED = "rejected"


# -- netting ---------------------------------------------------------------------------------------


def net(event: WindowClosed) -> Sequence[Step]:
    """Take the window's payments together, under the limits that hold now."""
    obligations = [
        Obligation(
            item.transaction_id,
            item.payer,
            item.source_currency,
            item.amount_minor,
            item.payee,
            item.destination_currency,
            item.priority,
            item.accepted_at_us,
            item.retries,
        )
        for item in event.items
    ]
    participants = {each.payer for each in obligations} | {each.payee for each in obligations}
    currencies = {each.source_currency for each in obligations}
    currencies |= {each.destination_currency for each in obligations}

    def opened(reply: Reply) -> Sequence[Step]:
        caps = Caps(
            net_debit=[tuple(each) for each in reply.body["net_debit"]],
            bilateral=[tuple(each) for each in reply.body["bilateral"]],
            platform=[tuple(each) for each in reply.body["platform"]],
        )
        command = OpenCycle(
            cycle_id=event.cycle_id,
            gross=event.gross,
            value_date=event.value_date,
            obligations=obligations,
            caps=caps,
        )
        return [Order(command)]

    quote = QuoteCaps(participants=sorted(participants), currencies=sorted(currencies))
    return [Order(quote, then=opened)]


def optimise(event: CycleOpened | PlanRefused) -> Sequence[Step]:
    """Have a plan made, once the row is durable; another one, if the last was refused."""
    effect = OptimiseCycle(
        cycle_id=event.cycle_id,
        gross=event.gross,
        value_date=event.value_date,
        obligations=event.obligations,
        caps=event.caps,
    )
    return [Perform(effect)]


def put_to_members(event: BatchCreated) -> Sequence[Step]:
    """Note who is in the batch, and ask the members to certify it."""
    received = [(item.transaction_id, item.destination_minor) for item in event.items]
    rates = event.rate_set.rates
    body = batch_body(
        cycle_id=event.cycle_id,
        batch_id=event.batch_id,
        number=event.number,
        of=event.of,
        value_date=event.value_date,
        rate_set_id=event.rate_set.rate_set_id,
        rates=[(rate.base, rate.quote, rate.numerator, rate.denominator) for rate in rates],
        items=[
            (
                item.certified_id,
                item.payer,
                item.source_currency,
                item.amount_minor,
                item.payee,
                item.destination_currency,
                item.destination_minor,
            )
            for item in event.items
        ],
        at_us=event.at_us,
    )
    assign = AssignBatch(cycle_id=event.cycle_id, batch_id=event.batch_id, items=received)
    submit = SubmitBatch(cycle_id=event.cycle_id, batch_id=event.batch_id, body=body)
    propose = ProposeBatch(cycle_id=event.cycle_id, batch_id=event.batch_id, body=body)
    return [Order(assign), Order(submit), Perform(propose)]


def plan(event: BatchOptimized) -> Sequence[Step]:
    """Let wait what is deferred, and note what is to move for the rest."""
    steps: list[Step] = []
    if event.deferred:
        steps.append(Order(DeferPayments(cycle_id=event.cycle_id, deferred=event.deferred)))
    if not event.batch_ids:
        steps.append(Order(CloseCycle(cycle_id=event.cycle_id, outcome="empty")))
        return steps
    command = PlanSettlement(
        settlement_id=event.cycle_id,
        batch_ids=event.batch_ids,
        instructions=_instructions(event),
    )
    steps.append(Order(command))
    return steps


def _instructions(event: BatchOptimized) -> list[NewInstruction]:
    """Return one movement for each net position, and one for each gross payment."""
    cycle_id = event.cycle_id
    moves = [_of_position(cycle_id, position) for position in event.positions]
    moves += [
        NewInstruction(
            # Two colons: whatever colons an id has, no position is named so.
            f"{cycle_id}::{transaction_id}",
            payee,
            currency,
            Direction.OUT,
            amount_minor,
            Purpose.GROSS,
            transaction_id,
        )
        for transaction_id, payee, currency, amount_minor in event.gross
    ]
    return moves


def _of_position(cycle_id: str, position: Position) -> NewInstruction:
    net_minor = position.net_minor
    return NewInstruction(
        f"{cycle_id}:{position.participant}:{position.currency}",
        position.participant,
        position.currency,
        Direction.IN if net_minor < 0 else Direction.OUT,
        abs(net_minor),
        Purpose.POSITION,
    )


# -- consensus -------------------------------------------------------------------------------------


def certify(event: ConsensusAchieved) -> Sequence[Step]:
    """Count the certificate; with the last one the settlement begins, unless another batch of it
    was rejected meanwhile and nobody remembers it."""
    command = CertifyBatch(settlement_id=event.cycle_id, batch_id=event.batch_id)
    return [Order(command, otherwise=_nothing)]


def abandon(event: ConsensusRejected) -> Sequence[Step]:
    """Give the settlement up, if no other batch of the cycle has done so already."""
    command = AbandonSettlement(settlement_id=event.cycle_id, reason=REJECTED)
    return [Order(command, otherwise=_nothing)]


def _nothing(_no: Rejection) -> Sequence[Step]:
    return []
