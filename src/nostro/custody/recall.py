"""Which old rounds and references must a command be told about, and what does a row say of them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nostro.custody import commands as c
from nostro.custody.events import (
    AssetIssued,
    HoldsExecuted,
    HoldsReleased,
    IssueRefused,
    RoundsClosed,
)
from nostro.custody.state import CustodyState, Ended, Issue, issue_of, refused_issue
from nostro.custody.terms import Stage
from nostro.kernel.messages import Command, Event

ISSUE = "+"
"""Prefix of a reference where it is asked for beside rounds; no id begins with it."""


def cold(state: CustodyState, command: Command) -> Sequence[tuple[str, int]]:
    """Return (key, height) of what the command names and may have left memory; often nothing."""
    match command:
        case c.PlaceHolds(holds=holds):
            return _ended(state, [hold.round_id for hold in holds])
        case c.ExecuteHolds(rounds=orders) | c.ReleaseHolds(rounds=orders):
            return _ended(state, [order.round_id for order in orders])
        case c.AskRounds(rounds=ids):
            return _ended(state, ids)
        case c.IssueAsset(reference=reference):
            found = state.issued.candidates([reference])
            return [(ISSUE + key, height) for key, height in found]
        case _:
            return ()


def _ended(state: CustodyState, ids: Iterable[str]) -> list[tuple[str, int]]:
    under_way = state.rounds
    return state.ended.candidates([each for each in ids if each not in under_way])


def recall(wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Ended | Issue]:
    """Return what the events of one row say of the wanted keys."""
    keys, found = frozenset(wanted), dict[str, Ended | Issue]()
    for event in events:
        match event:
            case HoldsExecuted(height, ids):
                found.update((each, Ended(Stage.EXECUTED, height)) for each in ids if each in keys)
            case HoldsReleased(height, ids):
                found.update((each, Ended(Stage.RELEASED, height)) for each in ids if each in keys)
            case RoundsClosed(height, orders):
                ended = Ended(Stage.RELEASED, height)
                found.update((each.round_id, ended) for each in orders if each.round_id in keys)
            case AssetIssued(reference) if ISSUE + reference in keys:
                found[ISSUE + reference] = issue_of(event)
            case IssueRefused(reference, code):
                issue = found.get(ISSUE + reference)
                if isinstance(issue, Issue):
                    found[ISSUE + reference] = refused_issue(issue, code)
            case _:
                pass
    return found
