"""What does the settlement coordinator ask of a ledger, whoever keeps it?

Rounds go by id; every call takes several and answers each by itself, in order. A domain keeps these
promises, which tests/contracts/domain_conformance.py checks of each:

1. A hold earmarks in place, all of a round or nothing; nothing that is held ever expires by itself.
2. Every call may be repeated, and is answered as before.
3. A release of what is not held closes the round: a hold that comes later is refused for ever.
4. What is executed cannot be released, what is released cannot be executed.
5. A call of a lower epoch than was seen for its round is refused.
6. What was answered is durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from nostro.kernel.movement import Lacking, Lock, Move


class HoldOrder(msgspec.Struct, frozen=True):
    """To earmark `locks` for a round; `moves` are what execution will do."""

    round_id: str
    epoch: int
    locks: tuple[Lock, ...]
    moves: tuple[Move, ...]


class RoundOrder(msgspec.Struct, frozen=True):
    """To execute, or to release, a round."""

    round_id: str
    epoch: int


class Held(msgspec.Struct, frozen=True, tag="held"):
    """All of the round is earmarked."""

    reference: str
    contract_id: str = ""


class Executed(msgspec.Struct, frozen=True, tag="executed"):
    """All of the round has moved."""

    reference: str
    contract_id: str = ""


class Released(msgspec.Struct, frozen=True, tag="released"):
    """Nothing is earmarked for the round, and never will be."""

    reference: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It was not done, and this request did nothing. `code`: see below."""

    code: str
    lacking: tuple[Lacking, ...] = ()
    detail: str = ""


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """Nothing is known of the round; a hold under way may still arrive."""


class Silent(msgspec.Struct, frozen=True, tag="silent"):
    """No answer for this round, while others got one; it may have been done: ask again."""

    why: str


LACKING = "lacking"
"""Someone has not enough; ask again later."""
ACCOUNT = "account"
"""Someone has no account there, or one that is blocked; ask again later."""
FENCED = "fenced"
"""Another coordinator has taken over."""
CONTENT_DIFFERS = "content_differs"
"""The round stands for something else already."""
CLOSED = "closed"
"""A hold or an execution of a round that was released."""
DONE = "done"
"""A hold or a release of a round that was executed."""
UNKNOWN = "unknown"
"""An execution of what was never held."""
STUCK = "stuck"
"""It would not move, or let go, what it holds: people must look; ask again."""
REJECTED = "rejected"
"""It never takes a request such as this; `detail` says why."""


class DomainHead(msgspec.Struct, frozen=True):
    """How far a domain is. `height` never falls, unless it was restored from an old backup."""

    name: str
    height: int


class RoundAt(msgspec.Struct, frozen=True):
    """Where a round stands at a domain, in the order in which it got there."""

    round_id: str
    answer: Held | Executed | Released


HoldAnswer = Held | Executed | Released | Refused | Silent
"""Of a hold: Executed or Released when the round is further already."""
ExecuteAnswer = Executed | Refused | Silent
ReleaseAnswer = Released | Refused | Silent
StatusAnswer = Held | Executed | Released | Absent | Silent

ROUNDS_MAX = 100
"""Rounds of one call."""
ITEMS_MAX = 200
"""Rounds of one page of a listing."""


class Domain(Protocol):
    """A ledger that takes part in settlements.

    Every call may raise runtime.ports.NotDone (nothing of this call was done) or OutcomeUnknown
    (perhaps some was: ask again).
    """

    @property
    def name(self) -> str:
        """Return the name under which the coordinator knows it."""
        ...

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[HoldAnswer]:
        """Earmark what each round needs."""
        ...

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[ExecuteAnswer]:
        """Move what is earmarked, each round as a whole."""
        ...

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[ReleaseAnswer]:
        """Let go what is earmarked, and close each round."""
        ...

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """Say where each round stands; asking changes nothing."""
        ...

    async def head(self) -> DomainHead:
        """Say how far it is; also how one asks whether it is there."""
        ...

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        """List the rounds of this coordinator that it knows, in order of their ids, those beyond
        `after`."""
        ...

    async def close(self) -> None:
        """Let it go. Never raises."""
        ...
