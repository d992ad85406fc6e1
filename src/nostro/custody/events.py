"""What does custody report to have happened?"""

from __future__ import annotations

from nostro.custody.terms import NewHold, RoundOrder
from nostro.kernel.messages import Event


class HoldsAsked(Event, frozen=True, array_like=True, tag="custody.holds_asked"):
    """The ledger is to hold what these rounds need, in the same journal row. `attempts`: how often
    each was tried before; an id that the ledger refused stays refused, so each try has its own."""

    holds: list[NewHold]
    attempts: list[int]


class HoldsPlaced(Event, frozen=True, array_like=True, tag="custody.holds_placed"):
    """These rounds are HELD."""

    rounds: list[str]


class HoldsRefused(Event, frozen=True, array_like=True, tag="custody.holds_refused"):
    """The ledger would not hold for these rounds: (round id, code)."""

    rounds: list[tuple[str, str]]


class ExecutionsAsked(Event, frozen=True, array_like=True, tag="custody.executions_asked"):
    """The ledger is to move what these rounds hold: `holds` as they were placed, with the attempt
    that succeeded."""

    rounds: list[RoundOrder]
    holds: list[NewHold]
    attempts: list[int]


class HoldsExecuted(Event, frozen=True, array_like=True, tag="custody.holds_executed"):
    """These rounds are EXECUTED."""

    rounds: list[str]


class ReleasesAsked(Event, frozen=True, array_like=True, tag="custody.releases_asked"):
    """The ledger is to release what these rounds hold; those that hold nothing are closed."""

    rounds: list[RoundOrder]
    holds: list[NewHold]
    attempts: list[int]


class HoldsReleased(Event, frozen=True, array_like=True, tag="custody.holds_released"):
    """These rounds are RELEASED; nothing was ever held for those that are `closed`: with their
    epochs."""

    rounds: list[str]
    closed: list[RoundOrder]


class RoundsStuck(Event, frozen=True, array_like=True, tag="custody.rounds_stuck"):
    """The ledger would not execute or release what is held: (round id, code). People must look."""

    rounds: list[tuple[str, str]]


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


EVENTS: tuple[type[Event], ...] = (
    HoldsAsked,
    HoldsPlaced,
    HoldsRefused,
    ExecutionsAsked,
    HoldsExecuted,
    ReleasesAsked,
    HoldsReleased,
    RoundsStuck,
    EpochsRaised,
    AssetIssued,
)
