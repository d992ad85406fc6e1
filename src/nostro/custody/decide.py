"""What happens when a command arrives at custody?"""

from __future__ import annotations

from heapq import nsmallest

from nostro.custody import commands as c
from nostro.custody.checks import check_count, check_party, check_reference
from nostro.custody.events import (
    AssetIssued,
    HoldsExecuted,
    HoldsPlaced,
    HoldsRefused,
    HoldsReleased,
    IssueRefused,
    RoundsStuck,
)
from nostro.custody.holding import Desk, Told, execute, place, refusal, release, stage
from nostro.custody.recall import ISSUE
from nostro.custody.state import Asked, CustodyState, Issue
from nostro.custody.terms import ROUNDS_MAX, Booked, Stage
from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.room import Context, Decision


def decide(state: CustodyState, command: Command, context: Context) -> Decision:
    """Decide one command; raises Rejection. The state stays as it is."""
    match command:
        case c.PlaceHolds():
            return place(state, command.holds, context)
        case c.ExecuteHolds():
            return execute(state, command.rounds, context)
        case c.ReleaseHolds():
            return release(state, command.rounds, context)
        case c.NoteBooked():
            return _note(state, command, context)
        case c.AskRounds():
            return _ask(state, command, context)
        case c.ListRounds():
            return _list(state, command)
        case c.IssueAsset():
            return _issue(state, command, context)
        case c.RefuseIssue():
            return Decision((IssueRefused(command.reference, command.code),))
        case _:
            raise AssertionError(f"not a command of custody: {command!r:.200}")


# -- what the ledger did ---------------------------------------------------------------------------

_DONE = {
    Asked.HOLD: Stage.HELD,
    Asked.EXECUTE: Stage.EXECUTED,
    Asked.RELEASE: Stage.RELEASED,
}


def _note(state: CustodyState, command: c.NoteBooked, context: Context) -> Decision:
    done: dict[Asked, list[str]] = {asked: [] for asked in _DONE}
    refused: dict[Asked, list[Booked]] = {asked: [] for asked in _DONE}
    results: list[Told] = []
    for booked in command.results:
        round_id = booked.round_id
        asked = state.rounds[round_id].asked
        assert asked is not Asked.NOTHING, f"nothing was asked for round {round_id}"
        if not booked.code:
            done[asked].append(round_id)
            results.append(stage(round_id, _DONE[asked], context.height))
            continue
        refused[asked].append(booked)
        results.append(refusal(round_id, booked.code, **_facts(booked)))
    height = context.height
    told: tuple[tuple[list[str] | list[Booked], Event], ...] = (
        (done[Asked.HOLD], HoldsPlaced(height, done[Asked.HOLD])),
        (refused[Asked.HOLD], HoldsRefused(refused[Asked.HOLD])),
        (done[Asked.EXECUTE], HoldsExecuted(height, done[Asked.EXECUTE])),
        (done[Asked.RELEASE], HoldsReleased(height, done[Asked.RELEASE])),
        (refused[Asked.EXECUTE], RoundsStuck(True, refused[Asked.EXECUTE])),
        (refused[Asked.RELEASE], RoundsStuck(False, refused[Asked.RELEASE])),
    )
    return Decision([event for rounds, event in told if rounds], {"results": results})


def _facts(booked: Booked) -> Told:
    facts: Told = {"why": booked.why} if booked.why else {}
    if booked.lacking:
        facts["lacking"] = [
            [each.party, each.asset, each.available_minor] for each in booked.lacking
        ]
    return facts


# -- what is asked ---------------------------------------------------------------------------------


def _ask(state: CustodyState, command: c.AskRounds, context: Context) -> Decision:
    if command.rounds:
        check_count(command.rounds)
    desk = Desk(state, context)
    return Decision(body={"results": [_told(desk, each) for each in command.rounds]})


def _told(desk: Desk, round_id: str) -> Told:
    ended = desk.ended(round_id)
    if ended is not None:
        return stage(round_id, ended.stage, ended.height)
    round_ = desk.state.rounds.get(round_id)
    if round_ is None:
        return stage(round_id, Stage.NONE, 0)
    told = stage(round_id, round_.stage, round_.height)
    if round_.refusal is not None:
        told |= refusal(round_id, round_.refusal.code, **_facts(round_.refusal))
    return told


def _list(state: CustodyState, command: c.ListRounds) -> Decision:
    if not 0 < command.limit <= ROUNDS_MAX:
        raise Rejection("custody.bad_limit", limit_max=ROUNDS_MAX)
    prefix, after = command.prefix, command.after
    held = (
        round_id
        for round_id, round_ in state.rounds.items()
        if round_.stage is Stage.HELD and round_id > after and round_id.startswith(prefix)
    )
    rounds = state.rounds
    results = [
        stage(round_id, Stage.HELD, rounds[round_id].height)
        for round_id in nsmallest(command.limit, held)
    ]
    return Decision(body={"results": results})


# -- what is issued --------------------------------------------------------------------------------


def _issue(state: CustodyState, command: c.IssueAsset, context: Context) -> Decision:
    check_reference(command.reference)
    check_party(command.party)
    if not 0 < abs(command.amount_minor) <= AMOUNT_MINOR_MAX:
        raise Rejection("custody.bad_amount", amount_minor_max=AMOUNT_MINOR_MAX)
    reference = command.reference
    told = state.issued.hot(reference) or context.recalled.get(ISSUE + reference)
    body = {"reference": reference, "exists": told is not None}
    content = (command.party, command.asset, command.scale, command.amount_minor)
    if not isinstance(told, Issue):
        return Decision((AssetIssued(reference, *content),), body)
    if (told.party, told.asset, told.scale, told.amount_minor) != content:
        raise Rejection("custody.reference_exists", reference=reference)
    if told.code:
        raise Rejection(told.code, reference=reference)
    return Decision((), body)
