"""What must a settlement rail offer, and how may it fail?

The numbered list that every rail must pass is tests/contracts/test_settlement_rail.py, told in
docs/rails.md. What matters most:

- an instruction id moves at most once, whoever sends it however often, in whatever order;
- an attempt is judged once: sent again under the same number it is answered as before, and only a
  higher number asks a rail that refused to judge anew;
- `Absent` is a promise: a request of that attempt, or an earlier one, that arrives later moves
  nothing. Only so may an instruction go to another rail after its answer was lost.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from nostro.execution import Direction


class RailOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What to move, in minor units: IN from the participant to us, OUT from us to it.
    `instruction_id` names the movement for ever; `attempt` counts from 1."""

    instruction_id: str
    attempt: int
    participant_id: str
    currency: str
    direction: Direction
    amount_minor: int


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """It has moved, finally. `charges_minor`: what the rail took from us for it, on top."""

    rail_reference: str
    charges_minor: int = 0


class Pending(msgspec.Struct, frozen=True, tag="pending"):
    """The rail has it and will settle or refuse it."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """This attempt, and every earlier one, moves nothing for ever. `code`: see
    execution.NoteOutcome."""

    code: str


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """Nothing of this attempt, or an earlier one, has moved or ever will."""


Answer = Settled | Pending | Refused | Absent

CONTENT_DIFFERS = "content_differs"
"""The code of a refusal because the id stands for another movement already."""


class SettlementRail(Protocol):
    """A rail, reached in one of its regions; its books are the same in all."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Return where the rail can be reached."""
        ...

    async def send(self, order: RailOrder, *, region: str) -> Answer:
        """Take an order. Raises runtime.ports.NotDone (this request was not taken) or
        OutcomeUnknown (perhaps it was: ask)."""
        ...

    async def status(self, instruction_id: str, *, attempt: int, region: str) -> Answer:
        """Say what became of an instruction up to an attempt; Absent closes that attempt. Raises
        NotDone or OutcomeUnknown: then nothing was learnt."""
        ...
