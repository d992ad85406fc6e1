"""Which words does custody use for what is earmarked at a domain?"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.kernel.movement import Lock, Move


class Stage(StrEnum):
    """Where a round stands at this domain. RELEASED also when nothing was ever held: the round can
    hold nothing any more."""

    HELD = "held"
    EXECUTED = "executed"
    RELEASED = "released"


class NewHold(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What to earmark for a round, and what is to move when it is executed. `epoch` of the
    coordinator that asks: a lower one than was seen for the round is refused."""

    round_id: str
    epoch: int
    locks: list[Lock]
    moves: list[Move]


class RoundOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """To execute, or to release, what is earmarked for a round."""

    round_id: str
    epoch: int


ROUNDS_MAX = 1_000
"""Rounds of one command."""
