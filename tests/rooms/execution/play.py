"""Given events, when a command, then events or a refusal: the execution room alone, without flows
and without rails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nostro.execution import (
    CertifyBatch,
    Direction,
    ExecutionPolicy,
    ExecutionRoom,
    ExecutionState,
    NewInstruction,
    NoteOutcome,
    OutcomeKind,
    PlanSettlement,
    Purpose,
    Routes,
    StartPayOuts,
)
from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event, Tick
from nostro.kernel.room import Context, Position
from tests.rooms.replayed import Replayed

START_US = 1_000_000_000
SECOND_US = 1_000_000
POLICY = ExecutionPolicy(jitter_ppm=0)
EAST, WEST, SWIFT = ("rtgs", "east"), ("rtgs", "west"), ("correspondent", "east")
ROUTES = Routes(otherwise=(EAST, WEST, SWIFT))


def pay_in(bank: str, amount_minor: int = 100, *, cycle: str = "c1") -> NewInstruction:
    """Return what a net debtor pays in."""
    name = f"{cycle}:{bank}:EUR"
    return NewInstruction(name, bank, "EUR", Direction.IN, amount_minor, Purpose.POSITION)


def pay_out(bank: str, amount_minor: int = 100, *, cycle: str = "c1") -> NewInstruction:
    """Return what a net creditor is paid out."""
    name = f"{cycle}:{bank}:EUR"
    return NewInstruction(name, bank, "EUR", Direction.OUT, amount_minor, Purpose.POSITION)


A, B = pay_in("a"), pay_in("b", 50)
X, Y = pay_out("x"), pay_out("y", 50)


class Play(Replayed):
    """One room over one state; each command is a journal row of its own."""

    def __init__(
        self,
        policy: ExecutionPolicy = POLICY,
        routes: Routes = ROUTES,
        *,
        ended_hot_max: int = 1_000,
    ) -> None:
        self.room = ExecutionRoom(policy, routes, ended_hot_max=ended_hot_max)
        self.state: ExecutionState = self.room.new()
        self.height = 0
        self.now_us = START_US
        self.rows: dict[int, tuple[Position, bytes]] = {}
        self.codec = Codec(self.room.events)
        self.body: Any = None

    # -- stories ----------------------------------------------------------------------------------

    def planned(self, *instructions: NewInstruction, cycle: str = "c1") -> Play:
        """Plan a settlement of one batch."""
        self.when(
            PlanSettlement(
                settlement_id=cycle, batch_ids=[f"{cycle}.1"], instructions=list(instructions)
            )
        )
        return self

    def begun(self, *instructions: NewInstruction, cycle: str = "c1") -> Play:
        """Plan a settlement and certify it."""
        self.planned(*instructions, cycle=cycle)
        self.when(CertifyBatch(settlement_id=cycle, batch_id=f"{cycle}.1"))
        return self

    def paying_out(self, *pay_outs: NewInstruction, cycle: str = "c1") -> Play:
        """Bring a settlement without pay-ins to its pay-outs."""
        self.begun(*pay_outs, cycle=cycle)
        self.when(StartPayOuts(settlement_id=cycle))
        return self

    def told(
        self, order: NewInstruction, outcome: str, code: str = "", *, attempt: int = 0
    ) -> list[Event]:
        """Tell an outcome of the last attempt (or another one), by the rail it went to."""
        live = self.state.instructions.get(order.instruction_id)
        number = attempt or (live.attempt if live else 1)
        rail = "" if live is None else live.rail
        if live is not None and number < live.attempt:
            rail = live.tried[number - 1].rail
        return self.when(
            NoteOutcome(
                instruction_id=order.instruction_id,
                attempt=number,
                outcome=OutcomeKind(outcome),
                code=code,
                rail=rail,
                rail_reference="ref" if outcome == "settled" else "",
            )
        )

    def tick(self) -> list[Event]:
        """Let time pass until something is due, and tick."""
        due = self.room.due(self.state)
        assert due is not None, "nothing is due"
        self.now_us = max(self.now_us, due)
        return self.when(Tick())

    # -- the engine's part ------------------------------------------------------------------------

    def when(self, command: Command, *, actor: str = "performer") -> list[Event]:
        """Decide a command, apply its events and return them; raises Rejection."""
        self.height += 1
        before = self.room.digest(self.state)
        position = Position(self.height, self.now_us)
        try:
            decision = self.room.decide(self.state, command, self._context(command, actor))
        finally:
            assert self.room.digest(self.state) == before, "deciding changed the state"
        self.rows[self.height] = (position, encode_events(decision.events))
        for event in decision.events:
            self.room.evolve(self.state, event, position)
        self.body = decision.body
        if decision.refusal is not None:
            raise decision.refusal
        return list(decision.events)

    def past(self) -> Iterator[tuple[Position, Sequence[Event]]]:
        """Yield the events of each row so far, as the journal has them."""
        for position, payload in self.rows.values():
            yield position, self.codec.decode_events(payload)

    def _context(self, command: Command, actor: str) -> Context:
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            events = self.codec.decode_events(self.rows[height][1])
            recalled.update(self.room.recall([key], events))
        return Context(self.height, self.now_us, actor, recalled)


def kinds(events: list[Event]) -> list[str]:
    """Return the names of events, without the room."""
    return [type(event).__name__ for event in events]
