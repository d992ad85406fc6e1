"""Which words does custody use for what is earmarked at a domain?"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.kernel.movement import Lacking, Lock, Move


class Stage(StrEnum):
    """Where a round stands at this domain. NONE: it holds nothing, and may yet. RELEASED also when
    nothing was ever held: the round can hold nothing any more."""

    NONE = "none"
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


class Earmark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the ledger is to earmark, or has. `attempt`: under which number it is held, from 1;
    `tries`: how often it was asked to move it or let it go, this time too. An id that a ledger
    refused stays refused, so each has its own."""

    hold: NewHold
    attempt: int
    tries: int = 0


class Booked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the books did with a round: all of it (`code` ""), or nothing. `why`: the ledger's own
    code."""

    round_id: str
    code: str = ""
    lacking: list[Lacking] = []
    why: str = ""


ROUNDS_MAX = 1_000
"""Rounds of one command."""
MOVES_MAX = 1_000
"""Locks, and moves, of one round: with all their transfers they fit one command to the ledger."""
ROUND_ID_MAX = 100
PARTY_MAX = 48
REFERENCE_MAX = 64
