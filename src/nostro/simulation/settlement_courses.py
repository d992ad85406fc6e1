"""Does each cycle settle as its payments say, once, and only with its certificates?

The auditor's own netting and execution: positions, FX and destination amounts counted again from
the batches, and for every instruction the attempts that were made and what they came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import msgspec

from nostro.execution import (
    AttemptEnded,
    AttemptStarted,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    SettlementConfirmed,
    SettlementFailed,
    SettlementInitiated,
    SettlementPlanned,
)
from nostro.kernel.messages import Event
from nostro.netting import (
    BatchCreated,
    BatchOptimized,
    CycleClosed,
    CycleOpened,
    RateSet,
)
from nostro.payments import PaymentsSettled, WindowClosed
from nostro.simulation.books import Violation
from nostro.simulation.certificates import Certificates


class Cycle(msgspec.Struct):
    """A netting cycle, and the settlement of the same name. `state`: opened, planned, begun,
    final, failed or closed."""

    id: str
    obligations: dict[str, Any]
    items: dict[str, Any] = {}
    batches: list[str] = []
    instructions: dict[str, NewInstruction] = {}
    state: str = "opened"
    outcome: str = ""


class Movement(msgspec.Struct):
    """An instruction that was ever to be sent. `end`: settled or a code of failure; `under_way`:
    the attempt of which nobody knows yet what it came to."""

    settlement_id: str
    order: NewInstruction
    attempts: int = 0
    under_way: int = 0
    end: str = ""
    rail: str = ""
    charges: int = 0


class Settlements:
    """All cycles and all movements."""

    def __init__(self, certificates: Certificates) -> None:
        self.cycles: dict[str, Cycle] = {}
        self.movements: dict[str, Movement] = {}
        self.closed_windows: dict[str, list[str]] = {}
        self.deferred = 0
        self._certificates = certificates

    def has_ended(self, instruction_id: str) -> bool:
        """Tell whether it is known what became of an instruction."""
        movement = self.movements.get(instruction_id)
        return movement is not None and bool(movement.end)

    def read(self, event: Event) -> None:
        """Take in one event; raises Violation."""
        match event:
            case WindowClosed(cycle_id=cycle_id, items=items):
                _check(cycle_id not in self.closed_windows, f"{cycle_id} closes twice")
                self.closed_windows[cycle_id] = [item.transaction_id for item in items]
            case CycleOpened():
                self._open(event)
            case BatchCreated():
                self._batch(event)
            case BatchOptimized():
                self._plan(event)
            case CycleClosed(cycle_id=cycle_id, outcome=outcome):
                self._close(cycle_id, outcome)
            case PaymentsSettled(batch_id=batch_id):
                certified = batch_id in self._certificates.batches
                _check(certified, f"{batch_id} settles without a certificate")
                cycle = self.cycles[event.cycle_id]
                _check(cycle.state == "final", f"{batch_id} settles, its cycle is {cycle.state}")
                told = {item.transaction_id for item in event.items}
                ours = {name for name, item in cycle.items.items() if item[-1] == batch_id}
                _check(told == ours, f"{batch_id} settles {told ^ ours} too many or too few")
            case _:
                self._execute(event)

    # -- netting ----------------------------------------------------------------------------------

    def _open(self, event: CycleOpened) -> None:
        name = event.cycle_id
        _check(name not in self.cycles, f"cycle {name} opens twice")
        obligations = {each.transaction_id: each for each in event.obligations}
        same = list(obligations) == self.closed_windows.get(name)
        _check(same and bool(obligations), f"cycle {name} is not its window")
        self.cycles[name] = Cycle(name, obligations)

    def _cycle(self, name: str, *states: str) -> Cycle:
        cycle = self.cycles.get(name)
        if cycle is None or cycle.state not in states:
            raise Violation(f"cycle {name} is {cycle.state if cycle else 'unknown'}, not {states}")
        return cycle

    def _batch(self, event: BatchCreated) -> None:
        cycle = self._cycle(event.cycle_id, "opened")
        _check(event.batch_id not in cycle.batches, f"{event.batch_id} is made twice")
        cycle.batches.append(event.batch_id)
        for each in event.items:
            name = each.transaction_id
            _check(name not in cycle.items, f"{name} is in two batches")
            obligation = cycle.obligations.get(name)
            said = (
                each.payer,
                each.source_currency,
                each.amount_minor,
                each.payee,
                each.destination_currency,
            )
            ours = obligation and (
                obligation.payer,
                obligation.source_currency,
                obligation.amount_minor,
                obligation.payee,
                obligation.destination_currency,
            )
            _check(said == ours, f"{event.batch_id} has {said} for {name}, not {ours}")
            received = converted(each.amount_minor, said[1], said[4], event.rate_set)
            right = received == each.destination_minor
            _check(right, f"{name} is to receive {each.destination_minor}, not {received}")
            cycle.items[name] = (*said, each.destination_minor, event.batch_id)

    def _plan(self, event: BatchOptimized) -> None:
        cycle = self._cycle(event.cycle_id, "opened")
        deferred = [name for name, _ in event.deferred]
        self.deferred += len(deferred)
        told = sorted([*cycle.items, *deferred])
        _check(told == sorted(cycle.obligations), f"{cycle.id} drops or doubles a payment: {told}")
        _check(event.batch_ids == cycle.batches, f"{cycle.id} names other batches")
        gross = {each[0]: each for each in event.gross}
        _check(len(gross) == len(event.gross), f"{cycle.id} pays one gross twice")
        for name, (_, payee, currency, amount) in gross.items():
            item = cycle.items.get(name)
            right = item is not None and (payee, currency, amount) == item[3:6]
            _check(right, f"{cycle.id} pays {name} gross as {(payee, currency, amount)}")
        netted = [item for name, item in cycle.items.items() if name not in gross]
        positions = positions_of(netted)
        said = {(p.participant, p.currency): p.net_minor for p in event.positions}
        ours = {key: net for key, net in positions.items() if net}
        _check(said == ours, f"{cycle.id} has positions {said}, should be {ours}")
        self._check_zero(cycle, event)
        cycle.state = "planned"

    @staticmethod
    def _check_zero(cycle: Cycle, event: BatchOptimized) -> None:
        """Net positions, gross payments and our trades sum to zero in each currency, but for what
        rounding leaves: two units of the most valuable currency for each payment and trade, in
        value."""
        rest: dict[str, int] = {}
        for _, source, amount, _, destination, received, _ in cycle.items.values():
            rest[source] = rest.get(source, 0) + amount
            rest[destination] = rest.get(destination, 0) - received
        for trade in event.fx_trades:
            rest[trade.sell_currency] = rest.get(trade.sell_currency, 0) - trade.sell_minor
            rest[trade.buy_currency] = rest.get(trade.buy_currency, 0) + trade.buy_minor
        left = {currency: amount for currency, amount in rest.items() if amount}
        if not left:
            return
        values = {currency: _rate(currency, "USD", event.rate_set) for currency in rest}
        bound = max(values.values()) * 2 * (len(cycle.items) + len(event.fx_trades) + len(rest))
        worst = max(abs(amount) * values[currency] for currency, amount in left.items())
        _check(worst <= bound, f"{cycle.id} leaves {left}")

    def _close(self, name: str, outcome: str) -> None:
        cycle = self.cycles.get(name)
        if cycle is None:
            empty = outcome == "empty" and self.closed_windows.get(name) == []
            _check(empty, f"cycle {name} closes as {outcome} and never opened")
            return
        _check(not cycle.outcome, f"cycle {name} closes twice")
        right = {"settled": "final", "unwound": "failed", "empty": "planned"}.get(outcome)
        _check(cycle.state == right, f"cycle {name} is {cycle.state} and closes as {outcome}")
        _check(outcome != "empty" or not cycle.items, f"cycle {name} is not empty")
        cycle.outcome = outcome

    # -- execution --------------------------------------------------------------------------------

    def _execute(self, event: Event) -> None:
        match event:
            case SettlementPlanned():
                self._order(event)
            case SettlementInitiated(settlement_id=name, batch_ids=batch_ids):
                cycle = self._cycle(name, "planned")
                missing = set(cycle.batches) - self._certificates.batches.keys()
                right = not missing and batch_ids == cycle.batches
                _check(right, f"settlement {name} begins without certificates: {missing}")
                cycle.state = "begun"
            case AttemptStarted():
                self._start(event)
            case AttemptEnded():
                self._end(event)
            case InstructionSettled():
                self._settle(event)
            case InstructionFailed(instruction=order, code=code):
                movement = self._movement(event.settlement_id, order)
                open_ = not movement.end and not movement.under_way
                _check(open_, f"{order.instruction_id} fails, and is {movement}")
                movement.end = code
            case FundsSecured(settlement_id=name, pay_outs=pay_outs):
                self._secure(name, pay_outs)
            case SettlementFailed():
                self._fail(event)
            case SettlementConfirmed(settlement_id=name):
                self._confirm(name, event.failed)
            case _:
                pass

    def _order(self, event: SettlementPlanned) -> None:
        cycle = self._cycle(event.settlement_id, "planned")
        _check(not cycle.instructions, f"settlement {cycle.id} is planned twice")
        cycle.instructions = {each.instruction_id: each for each in event.instructions}
        unique = len(cycle.instructions) == len(event.instructions)
        _check(unique, f"settlement {cycle.id} names an instruction twice")
        gross = [each.transaction_id for each in event.instructions if each.transaction_id]
        netted = [item for name, item in cycle.items.items() if name not in gross]
        ours: set[tuple[tuple[str, ...], int]] = set()
        ours |= {(key, net) for key, net in positions_of(netted).items() if net}
        ours |= {((cycle.items[n][3], cycle.items[n][4], n), cycle.items[n][5]) for n in gross}
        said = {(_key(each), _signed(each)) for each in event.instructions}
        _check(said == ours, f"settlement {cycle.id} moves {said}, should move {ours}")

    def _movement(self, settlement_id: str, order: NewInstruction) -> Movement:
        movement = self.movements.get(order.instruction_id)
        if movement is None:
            movement = Movement(settlement_id, order)
            self.movements[order.instruction_id] = movement
        same = movement.settlement_id == settlement_id and movement.order == order
        _check(same, f"{order.instruction_id} is {order} of {settlement_id}, it was {movement}")
        return movement

    def _start(self, event: AttemptStarted) -> None:
        order = event.instruction
        name = order.instruction_id
        cycle = self._cycle(event.settlement_id, "begun", "final", "failed")
        movement = self._movement(event.settlement_id, order)
        _check(not movement.end, f"{name} is sent again, it has ended: {movement.end}")
        _check(not movement.under_way, f"{name} is sent again, attempt {movement.under_way} is out")
        _check(event.attempt == movement.attempts + 1, f"{name} jumps to attempt {event.attempt}")
        if order.purpose == "return":
            self._check_return(cycle, order)
        else:
            _check(cycle.instructions.get(name) == order, f"{name} was never planned")
            right = "begun" if order.direction == "in" else "final"
            _check(cycle.state == right, f"{name} is sent, its settlement is {cycle.state}")
        movement.attempts = movement.under_way = event.attempt

    def _check_return(self, cycle: Cycle, order: NewInstruction) -> None:
        paid = self.movements.get(order.instruction_id.removesuffix(":return"))
        right = cycle.state == "failed" and paid is not None and paid.end == "settled"
        _check(right, f"{order.instruction_id} returns what never came")
        assert paid is not None
        back = (paid.order.participant_id, paid.order.currency, paid.order.amount_minor)
        said = (order.participant_id, order.currency, order.amount_minor)
        _check(said == back and order.direction == "out", f"{order} does not return {paid.order}")

    def _end(self, event: AttemptEnded) -> None:
        movement = self.movements[event.instruction_id]
        if event.attempt == movement.under_way:
            movement.under_way = 0
            return
        late = event.outcome == "settled" and event.attempt <= movement.attempts
        _check(late, f"attempt {event.attempt} of {event.instruction_id} ends as {event.outcome}")
        movement.under_way = 0

    def _settle(self, event: InstructionSettled) -> None:
        name = event.instruction.instruction_id
        movement = self._movement(event.settlement_id, event.instruction)
        _check(movement.attempts > 0, f"{name} settles and was never sent")
        _check(not movement.end, f"{name} settles, it has ended: {movement.end}")
        movement.end, movement.rail = "settled", event.rail
        movement.charges = event.charges_minor

    def _secure(self, name: str, pay_outs: Sequence[NewInstruction]) -> None:
        cycle = self._cycle(name, "begun")
        for each in cycle.instructions.values():
            if each.direction == "in":
                movement = self.movements.get(each.instruction_id)
                arrived = movement is not None and movement.end == "settled"
                _check(arrived, f"{name} is final without {each.instruction_id}")
        outs = [each for each in cycle.instructions.values() if each.direction == "out"]
        _check(sorted(pay_outs, key=_name) == sorted(outs, key=_name), f"{name} pays out others")
        cycle.state = "final"

    def _fail(self, event: SettlementFailed) -> None:
        cycle = self._cycle(event.settlement_id, "planned", "begun")
        cycle.state = "failed"
        arrived = {
            each.instruction_id
            for each in cycle.instructions.values()
            if each.direction == "in"
            and (movement := self.movements.get(each.instruction_id)) is not None
            and movement.end == "settled"
        }
        told = {each.instruction_id.removesuffix(":return") for each in event.returns}
        _check(told == arrived, f"{cycle.id} fails and returns {told}, arrived had {arrived}")

    def _confirm(self, name: str, failed: Iterable[str]) -> None:
        cycle = self._cycle(name, "final")
        lost = set(failed)
        for each in cycle.instructions.values():
            if each.direction == "out":
                movement = self.movements.get(each.instruction_id)
                end = movement.end if movement else ""
                right = bool(end) and (end != "settled") == (each.instruction_id in lost)
                _check(right, f"{name} is confirmed, {each.instruction_id} is {end!r}")

    # -- the end ----------------------------------------------------------------------------------

    def unfinished(self) -> list[str]:
        """Return the cycles and movements that have not ended."""
        left = [cycle.id for cycle in self.cycles.values() if not cycle.outcome]
        left += [
            name
            for name, each in self.movements.items()
            if not each.end and (each.under_way or not self._is_given_up(each))
        ]
        for cycle in self.cycles.values():
            if cycle.state == "final":
                left += [name for name in cycle.instructions if name not in self.movements]
        return left

    def _is_given_up(self, movement: Movement) -> bool:
        """Tell whether a pay-in that was not under way when its settlement failed is sent no
        more."""
        failed = self.cycles[movement.settlement_id].state == "failed"
        return failed and movement.order.purpose != "return"


def positions_of(items: Iterable[Sequence[Any]]) -> dict[tuple[str, str], int]:
    """Return what each participant is to receive net in each currency, zeros included."""
    net: dict[tuple[str, str], int] = {}
    for payer, source, amount, payee, destination, received, _ in items:
        net[payer, source] = net.get((payer, source), 0) - amount
        net[payee, destination] = net.get((payee, destination), 0) + received
    return net


def _rate(base: str, quote: str, rates: RateSet) -> Fraction:
    """Return what a minor unit of one currency is in another: as listed, the inverse of what is
    listed, or through the dollar."""
    if base == quote:
        return Fraction(1)
    for each in rates.rates:
        if (each.base, each.quote) == (base, quote):
            return Fraction(each.numerator, each.denominator)
    for each in rates.rates:
        if (each.quote, each.base) == (base, quote):
            return Fraction(each.denominator, each.numerator)
    if "USD" in (base, quote):
        raise Violation(f"no rate leads from {base} to {quote}")
    return _rate(base, "USD", rates) * _rate("USD", quote, rates)


def converted(amount: int, base: str, quote: str, rates: RateSet) -> int:
    """Return an amount in another currency, rounded down."""
    return floor(amount * _rate(base, quote, rates))


def _key(each: NewInstruction) -> tuple[str, ...]:
    place = (each.participant_id, each.currency)
    return (*place, each.transaction_id) if each.transaction_id else place


def _signed(each: NewInstruction) -> int:
    return -each.amount_minor if each.direction == "in" else each.amount_minor


def _name(each: NewInstruction) -> str:
    return each.instruction_id


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
