"""Members, a log and whoever asks them: what the tests of members stand on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nostro.adapters.clock import SystemClock
from nostro.adapters.members.committee import EmbeddedMembers, genesis_of
from nostro.adapters.members.home import read_committee, set_up_members
from nostro.adapters.members.performer import ConsensusPerformer
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import (
    ConsensusRoom,
    ConsensusState,
    ProposeBatch,
    SubmitBatch,
    Timeouts,
    batch_body,
)
from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Position
from nostro.runtime.ordered_log import OrderedLog

CHAIN = "main"
CYCLE = "2026-11-20T1500Z"
QUICK = Timeouts(first_ms=150, growth_ms=100, last_ms=1_000)


def effect_of(number: int, *, items: int = 3) -> ProposeBatch:
    """Return the request for a batch."""
    body = batch_body(
        cycle_id=CYCLE,
        batch_id=f"{CYCLE}.{number}",
        number=number,
        of=100_000,
        value_date="2026-11-20",
        rate_set_id="rates",
        rates=[],
        items=[
            (f"tx-{number}-{item}", "BANKAAXX", "EUR", 100 + item, "BANKBBXX", "EUR", 100 + item)
            for item in range(items)
        ],
        at_us=1_000 + number,
    )
    return ProposeBatch(cycle_id=CYCLE, batch_id=f"{CYCLE}.{number}", body=body)


@asynccontextmanager
async def members_on(
    ordered_log: OrderedLog, directory: Path, *, count: int = 4, malicious: int = 0
) -> AsyncIterator[EmbeddedMembers]:
    """Run members in this process; their homes are made when missing."""
    set_up_members(directory, chain_id=CHAIN, count=count)
    members = EmbeddedMembers(
        directory=directory,
        ordered_log=ordered_log,
        clock=SystemClock(),
        malicious_members=malicious,
        timeouts=QUICK,
    )
    running = asyncio.create_task(members.run())
    try:
        yield members
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        members.close()


def performer_on(ordered_log: OrderedLog, directory: Path) -> ConsensusPerformer:
    """Return the performer of an engine beside the members."""
    committee = genesis_of(read_committee(directory))
    return ConsensusPerformer(
        ordered_log=ordered_log, committees=lambda: [committee], verify=verify
    )


class Books:
    """A consensus room that takes what the performer brings."""

    def __init__(self, directory: Path) -> None:
        self.room = ConsensusRoom(verify=verify)
        self.state: ConsensusState = self.room.new()
        self.events: list[Event] = []
        self._answers: dict[str, Command] = {}
        self.order(read_committee(directory).command())

    def order(self, command: Command) -> None:
        """Decide and apply; raises Rejection."""
        height = len(self.events) + 1
        decision = self.room.decide(self.state, command, Context(height, height, "test", {}))
        for event in decision.events:
            self.room.evolve(self.state, event, Position(height, height))
        self.events += decision.events

    def submit(self, effect: ProposeBatch) -> None:
        """Note a batch before it is put to the members."""
        self.order(
            SubmitBatch(cycle_id=effect.cycle_id, batch_id=effect.batch_id, body=effect.body)
        )

    def take(self, outcomes: Sequence[tuple[str, Command]]) -> None:
        """Record what the performer brought; a key that was used is a repeat."""
        for key, command in outcomes:
            if self._answers.setdefault(key, command) is command:
                self.order(command)
