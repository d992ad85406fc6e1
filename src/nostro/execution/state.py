"""What is under way, where does each movement stand, and what is remembered of what has ended?"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from heapq import heappop, heappush

import msgspec

from nostro.execution.commands import NewInstruction
from nostro.execution.routes import Tried, Way
from nostro.kernel.codec import encode
from nostro.kernel.seen import SeenIndex

ENDED_HOT_MAX = 50_000
"""Ended instructions and settlements kept in memory; older ones are read from the journal when they
are named again."""
_SUM_MODULUS = 2**256

ALL = "*"
"""Stands in `reversals` for a settlement that was reversed as a whole; no transaction id has it."""


class Stage(StrEnum):
    """Where a settlement stands."""

    PLANNED = "planned"
    PAYING_IN = "paying_in"
    SECURED = "secured"
    PAYING_OUT = "paying_out"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Phase(StrEnum):
    """Where an instruction stands. SENT and ASKED: it may have moved. WAITING: until a time.
    PARKED: until a rail can be tried. In these two it certainly has not moved."""

    PLANNED = "planned"
    SENT = "sent"
    ASKED = "asked"
    WAITING = "waiting"
    PARKED = "parked"
    SETTLED = "settled"
    FAILED = "failed"


UNDER_WAY = (Phase.SENT, Phase.ASKED)


class Instruction(msgspec.Struct):
    """A movement that has not ended. `attempt`: the last one that started, over `rail` in `region`.
    `next_attempt_at_us` only while it is waiting."""

    settlement_id: str
    order: NewInstruction
    phase: Phase = Phase.PLANNED
    attempt: int = 0
    rail: str = ""
    region: str = ""
    next_attempt_at_us: int = 0
    tried: list[Tried] = []
    parked_on: list[Way] = []

    @property
    def id(self) -> str:
        """Return its name."""
        return self.order.instruction_id

    @property
    def way(self) -> Way:
        """Return where its last attempt went."""
        return (self.rail, self.region)


class Settlement(msgspec.Struct):
    """A settlement that is not over: also a failed one whose returns are still under way.

    `missing`: batches without certificate. `to_arrive` pay-ins have not arrived, `to_end` pay-outs
    have not ended; `open` instructions, of any kind, have not ended.
    """

    settlement_id: str
    batch_ids: list[str]
    missing: list[str]
    pay_ins: list[NewInstruction]
    pay_outs: list[NewInstruction]
    stage: Stage = Stage.PLANNED
    to_arrive: int = 0
    to_end: int = 0
    open: int = 0
    arrived: list[NewInstruction] = []
    failed: list[str] = []


class PastInstruction(msgspec.Struct, frozen=True, gc=False, tag="instruction"):
    """An instruction that ended: `phase` settled (over `rail`, by `attempt`) or failed."""

    order: NewInstruction
    settlement_id: str
    phase: Phase
    attempt: int
    rail: str
    code: str


class PastSettlement(msgspec.Struct, frozen=True, gc=False, tag="settlement"):
    """A settlement that ended."""

    settlement_id: str
    batch_ids: list[str]
    stage: Stage


Past = PastInstruction | PastSettlement


class Circuit(msgspec.Struct):
    """How a rail in a region fares; one without failures is not kept. `until_us` 0 and open: closed
    by hand. `trial`: the instruction that tries it."""

    failures: int = 0
    open: bool = False
    until_us: int = 0
    trial: str = ""


def settlement_key(settlement_id: str) -> str:
    """Return the name under which an ended settlement is remembered."""
    return f"settlement/{settlement_id}"


def instruction_key(instruction_id: str) -> str:
    """Return the name under which an ended instruction is remembered."""
    return f"instruction/{instruction_id}"


class ExecutionState:
    """All that the room remembers."""

    def __init__(self, *, ended_hot_max: int = ENDED_HOT_MAX) -> None:
        self.settlements: dict[str, Settlement] = {}
        self.instructions: dict[str, Instruction] = {}
        self.circuits: dict[Way, Circuit] = {}
        self.reversals: dict[str, list[str]] = {}
        """Transactions reversed by hand, by settlement; kept for ever, as an operator's deeds are
        few."""
        self.ended: SeenIndex[Past] = SeenIndex(hot_max=ended_hot_max)
        self.ended_count = 0
        self.ended_sum = 0
        """Sum of the fingerprints of all that ended, modulo 2**256: the same in memory or not."""
        self.timers: list[tuple[int, str]] = []
        """Heap of (time, instruction id); an entry counts while that instruction waits for it."""
        self.parked: dict[Way, dict[str, None]] = {}
        """Instructions that wait for a way, the oldest first; each stands under all its ways."""

    # -- time -------------------------------------------------------------------------------------

    def wait(self, instruction: Instruction, at_us: int) -> None:
        """Let an instruction wait until a time."""
        instruction.phase = Phase.WAITING
        instruction.next_attempt_at_us = at_us
        heappush(self.timers, (at_us, instruction.id))

    def park(self, instruction: Instruction, ways: list[Way]) -> None:
        """Let an instruction wait until one of these ways lets it try."""
        instruction.phase = Phase.PARKED
        instruction.next_attempt_at_us = 0
        instruction.parked_on = ways
        for way in ways:
            self.parked.setdefault(way, {})[instruction.id] = None
        self.trim()

    def unpark(self, instruction: Instruction) -> None:
        """Take an instruction out of the rows in which it waits."""
        for way in instruction.parked_on:
            row = self.parked[way]
            del row[instruction.id]
            if not row:
                del self.parked[way]
        instruction.parked_on = []

    def trim(self) -> None:
        """Forget timers that nobody waits for any more, as far as they stand first."""
        timers = self.timers
        while timers and not self.waits(timers[0]):
            heappop(timers)

    def waits(self, timer: tuple[int, str]) -> bool:
        """Tell whether an instruction waits for this timer."""
        instruction = self.instructions.get(timer[1])
        return instruction is not None and instruction.next_attempt_at_us == timer[0]

    # -- ends -------------------------------------------------------------------------------------

    def end_instruction(self, instruction: Instruction, *, code: str, height: int) -> None:
        """Remember an instruction as failed with `code`, or settled when there is none."""
        phase = Phase.FAILED if code else Phase.SETTLED
        self.drop(instruction)
        past = PastInstruction(
            instruction.order,
            instruction.settlement_id,
            phase,
            instruction.attempt,
            "" if code else instruction.rail,
            code,
        )
        self._remember(instruction_key(instruction.id), past, height)

    def drop(self, instruction: Instruction) -> None:
        """Forget an instruction; its settlement, once it is over, forgets itself."""
        self.unpark(instruction)
        del self.instructions[instruction.id]
        settlement = self.settlements[instruction.settlement_id]
        settlement.open -= 1
        self.trim()

    def end_settlement(self, settlement: Settlement, height: int) -> None:
        """Remember a settlement as confirmed or failed."""
        past = PastSettlement(settlement.settlement_id, settlement.batch_ids, settlement.stage)
        self._remember(settlement_key(settlement.settlement_id), past, height)

    def forget_if_over(self, settlement: Settlement) -> None:
        """Let an ended settlement leave what is under way once nothing of it is."""
        if settlement.open == 0 and settlement.stage in (Stage.CONFIRMED, Stage.FAILED):
            del self.settlements[settlement.settlement_id]

    def _remember(self, key: str, past: Past, height: int) -> None:
        self.ended.add(key, past, height)
        self.ended_count += 1
        print_ = int.from_bytes(hashlib.sha256(encode(past)).digest(), "big")
        self.ended_sum = (self.ended_sum + print_) % _SUM_MODULUS
