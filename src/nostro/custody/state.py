"""What does custody remember, and how does an event change it?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from nostro.custody.events import (
    AssetIssued,
    EpochsRaised,
    ExecutionsAsked,
    HoldsAsked,
    HoldsExecuted,
    HoldsPlaced,
    HoldsRefused,
    HoldsReleased,
    IssueRefused,
    ReleasesAsked,
    RoundsClosed,
    RoundsStuck,
)
from nostro.custody.terms import Booked, Earmark, NewHold, RoundOrder, Stage
from nostro.kernel.codec import encode
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.kernel.seen import SeenIndex

SUM_MODULUS = 2**256


class Asked(StrEnum):
    """What the ledger was asked to do with a round, and has not answered: only within a row."""

    NOTHING = ""
    HOLD = "hold"
    EXECUTE = "execute"
    RELEASE = "release"


class Round(msgspec.Struct, array_like=True, gc=False):
    """A round that has not ended; changed in place by `evolve` only. `hold.epoch` is the highest
    that was seen; `height`: of the row in which it was held; `refusal`: why the books did not do
    what they were asked last."""

    hold: NewHold
    stage: Stage
    height: int
    attempt: int
    tries: int
    asked: Asked
    refusal: Booked | None = None

    @property
    def earmark(self) -> Earmark:
        """Return how the ledger knows it."""
        return Earmark(self.hold, self.attempt, self.tries)


class Ended(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a round ended: EXECUTED or RELEASED, in which journal row."""

    stage: Stage
    height: int


class Issue(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What stands under a reference; `code` when the books did not take it."""

    party: str
    asset: str
    scale: int
    amount_minor: int
    code: str = ""


class CustodyState:
    """The rounds that have not ended, by id; those that have; and what was issued. `history_sum`:
    the sum of the hashes of all that ended and was issued (modulo 2**256), the same whether it is
    still in memory or not."""

    __slots__ = ("ended", "history_sum", "issued", "rounds")

    def __init__(self, *, ended_hot_max: int, issued_hot_max: int) -> None:
        self.rounds: dict[str, Round] = {}
        self.ended: SeenIndex[Ended] = SeenIndex(hot_max=ended_hot_max)
        self.issued: SeenIndex[Issue] = SeenIndex(hot_max=issued_hot_max)
        self.history_sum = 0

    def settle(self, height: int) -> None:
        """Let what is old and durable leave memory."""
        self.ended.settle(height)
        self.issued.settle(height)

    def note(self, *told: object) -> None:
        """Add what will leave memory to the sum of it."""
        digest = hashlib.sha256(encode(told)).digest()
        self.history_sum = (self.history_sum + int.from_bytes(digest)) % SUM_MODULUS


def evolve(state: CustodyState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    match event:
        case HoldsAsked(rounds):
            for earmark in rounds:
                state.rounds[earmark.hold.round_id] = Round(
                    earmark.hold, Stage.NONE, 0, earmark.attempt, earmark.tries, Asked.HOLD
                )
        case HoldsPlaced(_, ids):
            _place(state, ids, position.height)
        case HoldsRefused(refused) | RoundsStuck(rounds=refused):
            for booked in refused:
                round_ = state.rounds[booked.round_id]
                round_.asked, round_.refusal = Asked.NOTHING, booked
        case ExecutionsAsked(rounds):
            _ask(state, rounds, Asked.EXECUTE)
        case ReleasesAsked(rounds):
            _ask(state, rounds, Asked.RELEASE)
        case HoldsExecuted(_, ids):
            _end(state, ids, Stage.EXECUTED, position.height)
        case HoldsReleased(_, ids):
            _end(state, ids, Stage.RELEASED, position.height)
        case RoundsClosed(_, orders):
            _end(state, [order.round_id for order in orders], Stage.RELEASED, position.height)
        case EpochsRaised(orders):
            _raise_epochs(state, orders)
        case AssetIssued() | IssueRefused():
            _issue(state, event, position.height)
        case _:
            raise AssertionError(f"not an event of custody: {event!r:.200}")


def _place(state: CustodyState, ids: Iterable[str], height: int) -> None:
    for round_id in ids:
        round_ = state.rounds[round_id]
        round_.stage, round_.height, round_.asked = Stage.HELD, height, Asked.NOTHING


def _ask(state: CustodyState, rounds: Iterable[Earmark], asked: Asked) -> None:
    for earmark in rounds:
        round_ = state.rounds[earmark.hold.round_id]
        round_.hold, round_.tries, round_.asked = earmark.hold, earmark.tries, asked


def _end(state: CustodyState, ids: list[str], stage: Stage, height: int) -> None:
    for round_id in ids:
        state.rounds.pop(round_id, None)
        state.note(round_id, stage, height)
    ended = Ended(stage, height)
    state.ended.add_many(list(ids), [ended] * len(ids), height)


def _raise_epochs(state: CustodyState, orders: Iterable[RoundOrder]) -> None:
    for order in orders:
        round_ = state.rounds[order.round_id]
        round_.hold = raised(round_.hold, order.epoch)


def raised(hold: NewHold, epoch: int) -> NewHold:
    """Return a hold as of a coordinator at least as new."""
    if epoch <= hold.epoch:
        return hold
    return NewHold(hold.round_id, epoch, hold.locks, hold.moves)


def _issue(state: CustodyState, event: AssetIssued | IssueRefused, height: int) -> None:
    if isinstance(event, AssetIssued):
        state.issued.add(event.reference, issue_of(event), height)
        state.note("issue", event.reference)
        return
    issue = state.issued.hot(event.reference)
    if issue is not None:
        state.issued.replace(event.reference, refused_issue(issue, event.code))
    state.note("issue refused", event.reference, event.code)


def issue_of(event: AssetIssued) -> Issue:
    """Return what an event says to stand under its reference."""
    return Issue(event.party, event.asset, event.scale, event.amount_minor)


def refused_issue(issue: Issue, code: str) -> Issue:
    """Return an issue that the books did not take."""
    return msgspec.structs.replace(issue, code=code)
