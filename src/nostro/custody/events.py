"""What does custody report to have happened?

`height`: the journal row, for whoever reads an event by itself.
"""

from __future__ import annotations

from nostro.custody.terms import Booked, Earmark, RoundOrder
from nostro.kernel.messages import Event


class HoldsAsked(Event, frozen=True, array_like=True, tag="custody.holds_asked"):
    """The ledger is to hold what these rounds need, in the same journal row."""

    rounds: list[Earmark]


class HoldsPlaced(Event, frozen=True, array_like=True, tag="custody.holds_placed"):
    """These rounds are HELD."""

    height: int
    rounds: list[str]


class HoldsRefused(Event, frozen=True, array_like=True, tag="custody.holds_refused"):
    """The ledger would not hold for these rounds."""

    rounds: list[Booked]


class ExecutionsAsked(Event, frozen=True, array_like=True, tag="custody.executions_asked"):
    """The ledger is to move what these rounds hold, in the same journal row."""

    rounds: list[Earmark]


class HoldsExecuted(Event, frozen=True, array_like=True, tag="custody.holds_executed"):
    """These rounds are EXECUTED."""

    height: int
    rounds: list[str]


class ReleasesAsked(Event, frozen=True, array_like=True, tag="custody.releases_asked"):
    """The ledger is to let go what these rounds hold, in the same journal row."""

    rounds: list[Earmark]


class HoldsReleased(Event, frozen=True, array_like=True, tag="custody.holds_released"):
    """These rounds are RELEASED."""

    height: int
    rounds: list[str]


class RoundsClosed(Event, frozen=True, array_like=True, tag="custody.rounds_closed"):
    """These rounds are RELEASED, though they held nothing: a hold that comes late is refused."""

    height: int
    rounds: list[RoundOrder]


class RoundsStuck(Event, frozen=True, array_like=True, tag="custody.rounds_stuck"):
    """The ledger would not execute (`executing`), or release, what is held. People must look."""

    executing: bool
    rounds: list[Booked]


class EpochsRaised(Event, frozen=True, array_like=True, tag="custody.epochs_raised"):
    """A newer coordinator was seen for these rounds, in a request that changed nothing else."""

    rounds: list[RoundOrder]


class AssetIssued(Event, frozen=True, array_like=True, tag="custody.asset_issued"):
    """A party is to be credited (or, negative, debited), in the same journal row."""

    reference: str
    party: str
    asset: str
    scale: int
    amount_minor: int


class IssueRefused(Event, frozen=True, array_like=True, tag="custody.issue_refused"):
    """The books would not take an issue; the reference stays refused."""

    reference: str
    code: str


EVENTS: tuple[type[Event], ...] = (
    HoldsAsked,
    HoldsPlaced,
    HoldsRefused,
    ExecutionsAsked,
    HoldsExecuted,
    ReleasesAsked,
    HoldsReleased,
    RoundsClosed,
    RoundsStuck,
    EpochsRaised,
    AssetIssued,
    IssueRefused,
)
