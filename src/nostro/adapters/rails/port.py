"""What must a payout rail offer, and how may it fail?

The numbered list that every rail must pass is tests/contracts/test_payout_rail.py. What matters
most: a rail moves a reference at most once, whoever sends it however often, and once it has taken
a payout it knows the reference for ever.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """What to move: integer minor units of an asset to a destination. `reference` names the
    movement for ever."""

    reference: str
    asset: str
    amount_minor: int
    destination: str


class Sent(msgspec.Struct, frozen=True):
    """The rail has taken the payout, now or before; whether it settles is told by `status`."""


class Refused(msgspec.Struct, frozen=True):
    """The rail will never move this payout, for this reason."""

    reason: str


class RailState(StrEnum):
    """What a rail knows of a reference."""

    UNKNOWN_REFERENCE = "unknown_reference"
    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"


class RailStatus(msgspec.Struct, frozen=True):
    """The state of a reference; `reason` only when it failed. Settled and failed are final."""

    state: RailState
    reason: str = ""


class PayoutRail(Protocol):
    """A way out for money."""

    async def send(self, payout: Payout) -> Sent | Refused:
        """Take a payout. The same reference again with the same content is Sent again (or Refused
        again) and moves nothing; with other content it is Refused.

        Raises runtime.ports.NotDone (not taken) or OutcomeUnknown (perhaps taken: ask).
        """
        ...

    async def status(self, reference: str) -> RailStatus:
        """Say what became of a reference; asking changes nothing. `unknown_reference` means that it
        has not been taken up to now. Raises NotDone."""
        ...
