"""Which bugs must the simulation of payments find? Each is planted here, and nowhere else.

A plant is a set of parts of which one is wrong in the way its docstring says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from nostro.adapters.members.actor import MemberActor
from nostro.adapters.rails.settlement.performer import RailsPerformer
from nostro.adapters.rails.settlement.port import Answer, Refused
from nostro.execution import CertifyBatch, SettlementPlanned
from nostro.flows import FLOWS
from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Order, Step
from nostro.ledger import Action, CreateTransfers, NewTransfer
from nostro.netting import BatchCreated, NettingRoom
from nostro.payments import (
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsRoom,
    PaymentsSettled,
)
from nostro.risk import Release
from nostro.runtime.house import House
from nostro.simulation.members import MemberParts
from nostro.simulation.payments_world import PaymentParts, payments_house


def house_with(**rooms: Any) -> Callable[[], House]:
    return lambda: payments_house(**rooms)


def flows_with(event: type[Event], flow: Callable[[Any], Sequence[Step]]) -> Mapping[Any, Any]:
    return {**FLOWS, event: flow}


# -- flows ----------------------------------------------------------------------------------------


def post_twice(event: PaymentsSettled) -> Sequence[Step]:
    """A settled payment within one currency is posted, and credited once more from suspense."""
    again = [
        NewTransfer(
            id=f"payment.again:{item.transaction_id}",
            debit=f"suspense:{item.source_currency}",
            credit=f"vostro:{item.payee}:{item.source_currency}",
            amount_minor=item.amount_minor,
        )
        for item in event.items
        if item.source_currency == item.destination_currency
    ]
    steps = list(FLOWS[PaymentsSettled](event))
    return [*steps, Order(CreateTransfers(transfers=again))] if again else steps


def certify_by_ourselves(event: SettlementPlanned) -> Sequence[Step]:
    """A settlement does not wait for its certificates."""
    return [
        Order(CertifyBatch(settlement_id=event.settlement_id, batch_id=batch_id))
        for batch_id in event.batch_ids
    ]


def release_deferred(event: PaymentsDeferred) -> Sequence[Step]:
    """A deferred payment loses its hold."""
    voids = [
        NewTransfer(
            id=f"payment.void:{name}", action=Action.VOID, refers_to=f"payment:{name}", code=5
        )
        for name, *_ in event.items
    ]
    return [Order(CreateTransfers(transfers=voids))]


def keep_limits(event: PaymentsFailed) -> Sequence[Step]:
    """A failed payment goes on counting against limits."""
    steps = FLOWS[PaymentsFailed](event)
    return [
        step
        for step in steps
        if not (isinstance(step, Order) and isinstance(step.command, Release))
    ]


def reverse_for_nothing(event: PaymentsReversed) -> Sequence[Step]:
    """A reversal does not say what it reverses."""
    return [_without_reference(step) for step in FLOWS[PaymentsReversed](event)]


def _without_reference(step: Step) -> Step:
    assert isinstance(step, Order)
    assert isinstance(step.command, CreateTransfers)
    transfers = [msgspec.structs.replace(each, reference="") for each in step.command.transfers]
    return msgspec.structs.replace(step, command=CreateTransfers(transfers=transfers))


# -- rooms ----------------------------------------------------------------------------------------


class NettingThatDropsAPayment(NettingRoom):
    """The last payment of a larger batch is forgotten."""

    def decide(self, state: Any, command: Command, context: Context) -> Decision:
        decision = super().decide(state, command, context)
        events = [
            msgspec.structs.replace(event, items=event.items[:-1])
            if isinstance(event, BatchCreated) and len(event.items) > 2
            else event
            for event in decision.events
        ]
        return msgspec.structs.replace(decision, events=events)


class PaymentsThatSettleTooFew(PaymentsRoom):
    """One payment of a larger batch is not settled with the others."""

    def decide(self, state: Any, command: Command, context: Context) -> Decision:
        decision = super().decide(state, command, context)
        events = [
            msgspec.structs.replace(event, items=event.items[1:])
            if isinstance(event, PaymentsSettled) and len(event.items) > 2
            else event
            for event in decision.events
        ]
        return msgspec.structs.replace(decision, events=events)


# -- performers and members -----------------------------------------------------------------------


class ImpatientPerformer(RailsPerformer):
    """Takes silence for a refusal, so that another way is tried while the first may have moved."""

    async def _send(self, effect: Any, effect_id: str) -> tuple[Answer | None, str]:
        answer, why = await super()._send(effect, effect_id)
        return (Refused("rail_error"), why) if answer is None else (answer, why)


class HeedlessPerformer(RailsPerformer):
    """Does not reckon with what a process before it has sent."""

    def took_over(self, height: int) -> None:
        super().took_over(0)


class ForgetfulMember(MemberActor):
    """Signs without having noted it: after a crash it may sign the contrary."""

    async def _finish_turn(self) -> None:
        self._lock_saved = self._lock
        await super()._finish_turn()


class Plant(NamedTuple):
    """Parts with one bug, and what the auditor must find (a pattern)."""

    parts: PaymentParts
    found: str


MOVED_WRONGLY = "moved twice|the rails moved|moved as"

PLANTS: dict[str, Plant] = {
    "a settled payment is credited twice": Plant(
        PaymentParts(house=house_with(flows=flows_with(PaymentsSettled, post_twice))),
        "is settled and moves|is settled, .* has",
    ),
    "a settlement begins without certificates": Plant(
        PaymentParts(house=house_with(flows=flows_with(SettlementPlanned, certify_by_ourselves))),
        "begins without certificates",
    ),
    "a deferred payment loses its hold": Plant(
        PaymentParts(house=house_with(flows=flows_with(PaymentsDeferred, release_deferred))),
        "is accepted, the ledger holds None",
    ),
    "a failed payment counts against limits": Plant(
        PaymentParts(house=house_with(flows=flows_with(PaymentsFailed, keep_limits))),
        "are not what limits count",
    ),
    "a reversal refers to nothing": Plant(
        PaymentParts(house=house_with(flows=flows_with(PaymentsReversed, reverse_for_nothing))),
        "refers to ''",
    ),
    "a plan drops a payment": Plant(
        PaymentParts(house=house_with(netting=NettingThatDropsAPayment)), "drops or doubles"
    ),
    "a batch settles too few": Plant(
        PaymentParts(house=house_with(payments=PaymentsThatSettleTooFew)), "too many or too few"
    ),
    "silence counts as a refusal": Plant(PaymentParts(rails=ImpatientPerformer), MOVED_WRONGLY),
    "what others have sent is not reckoned with": Plant(
        PaymentParts(rails=HeedlessPerformer), MOVED_WRONGLY
    ),
    "a member does not note what it signs": Plant(
        PaymentParts(members=MemberParts(honest=ForgetfulMember)), "are called liars"
    ),
}

RARE = frozenset({"what others have sent is not reckoned with"})
"""Those that show only when a process dies within a few milliseconds and the rail is then down."""
