"""Which bugs must the simulation of settlements find? Each is planted here, and nowhere else.

A plant is a set of parts of which one is wrong in the way its docstring says, or a patch that makes
one line of the coordinator, of a domain or of what stands between them wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from nostro.adapters.domains import lane, performer
from nostro.adapters.domains.lane import Item, Lane
from nostro.custody import CustodyRoom, CustodyState, Earmark, NoteBooked, ReleasesAsked, holding
from nostro.custody.state import Asked
from nostro.custody.terms import Booked, RoundOrder, Stage
from nostro.flows import keep_custody
from nostro.flows.keep_custody import DOMAIN_FLOWS
from nostro.kernel.messages import Command, Event
from nostro.kernel.movement import Lock
from nostro.kernel.room import Context, Decision, Order, Step
from nostro.runtime.house import House
from nostro.settlement import (
    DecidedRound,
    Deed,
    DeedResult,
    Outcome,
    Party,
    RoundPart,
    SettlementRoom,
    deeds,
    locks,
    matching,
    names,
    pairing,
    partials,
    rounds,
)
from nostro.settlement.live import Live, PartStage
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.simulation.dvp_domains import domain_house
from nostro.simulation.dvp_world import DvpParts, coordinator_house
from nostro.simulation.runs import quiet

Patch = tuple[object, str, Any]
FAR_US = 10**18
HASTE = 12
"""After so many rows a hasty domain lets go what it holds."""


def coordinator_with(**parts: Any) -> Callable[[], House]:
    return lambda: coordinator_house(**parts)


def domain_with(**parts: Any) -> Callable[[], House]:
    return lambda: domain_house(**parts)


def flows_with(event: type[Event], flow: Callable[[Any], Sequence[Step]]) -> Mapping[Any, Any]:
    return {**DOMAIN_FLOWS, event: flow}


# -- the decision ---------------------------------------------------------------------------------


def held_whenever(hearing: Any, bundle: Any, round_: Any, *rest: Any) -> bool:
    """A round is committed however late its last hold is told."""
    before_us, round_.settle_before_us = round_.settle_before_us, FAR_US
    try:
        return deeds._Hearing.held(hearing, bundle, round_, *rest)
    finally:
        round_.settle_before_us = before_us


def one_hold_is_enough(hearing: Any, bundle: Any, round_: Any, part: Any, result: Any) -> bool:
    """A round is committed as soon as one domain holds."""
    if result.outcome is not Outcome.HELD or part.stage is PartStage.HELD:
        return deeds._Hearing.held(hearing, bundle, round_, part, result)
    hearing._note(result)
    hearing._course.commit(bundle, round_)
    return True


def spare_who_is_silent(
    course: Course, bundle: Any, round_: Any, *rest: Any, abort: Any = Course.abort, **more: Any
) -> None:
    """An abort goes to those only that said they hold."""
    abort(course, bundle, round_, *rest, **more)
    silent = {part.terms.domain for part in round_.parts if part.stage is not PartStage.HELD}
    for (domain, deed), orders in course._orders.items():
        if deed is Deed.RELEASE and domain in silent:
            orders[:] = [order for order in orders if order.bundle != bundle.number]


def end_without_release(
    course: Course, bundle: Any, round_: Any, reason: Any, code: str = "", *rest: Any, **more: Any
) -> None:
    """A round that comes to nothing ends at once; what it earmarked stays so."""
    decided = DecidedRound(bundle.number, round_.number, False, reason, code)
    course._decided.append(decided)
    course.over(bundle, round_, reason, code)


# -- terms ----------------------------------------------------------------------------------------


def rounded_up(terms: Any, quantity: int, done: Any = partials.NOTHING) -> int:
    """The cash of a part is rounded up."""
    delivered = done.quantity_minor + quantity
    return int(-(-terms.amount_minor * delivered // terms.quantity_minor) - done.amount_minor)


def gross(legs: Any, parts_of: Any = locks.parts_of) -> list[RoundPart]:
    """Everybody locks all that he gives, whatever he gets."""
    return [
        msgspec.structs.replace(
            part,
            locks=[Lock(each.source, each.asset, each.amount_minor) for each in part.moves],
        )
        for part in parts_of(legs)
    ]


def all_that_is_open(state: SettlementState, live: Live) -> int:
    """What a side keeps back is settled all the same."""
    return live.open_minor


def buyers_amount(one: Any, other: Any) -> int:
    """Two sides settle at the buyer's amount."""
    return int(one.amount_minor if one.side is Party.BUYER else other.amount_minor)


class RoomWithForgetfulSnapshots(SettlementRoom):
    """A snapshot forgets who was asked to hold."""

    def load(self, data: bytes) -> SettlementState:
        state = super().load(data)
        for _, round_ in state.open_rounds():
            for part in round_.parts:
                if part.stage is PartStage.ASKED:
                    part.stage = PartStage.FRESH
        return state


# -- domains --------------------------------------------------------------------------------------


def no_tombstone(desk: Any, order: RoundOrder, height: int, release: Any = holding._release) -> Any:
    """A release of what is not held leaves no mark."""
    told = release(desk, order, height)
    desk.closed[:] = [each for each in desk.closed if each.round_id != order.round_id]
    return told


def any_epoch(desk: Any, order: Any) -> Any:
    """Whoever asks is obeyed, also when another has taken over."""
    return desk.state.rounds.get(order.round_id)


class HastyCustody(CustodyRoom):
    """What was held for long is let go, though nobody decided so."""

    def decide(self, state: CustodyState, command: Command, context: Context) -> Decision:
        decision = super().decide(state, command, context)
        if isinstance(command, NoteBooked) or decision.events:
            return decision
        stale = [
            msgspec.structs.replace(each.earmark, tries=each.tries + 1)
            for each in state.rounds.values()
            if each.stage is Stage.HELD
            and each.asked is Asked.NOTHING
            and each.height + HASTE < context.height
        ]
        events = [ReleasesAsked(stale)] if stale else []
        return msgspec.structs.replace(decision, events=events)


def lose_a_leg(earmark: Earmark, executing: Any = keep_custody._executing) -> Any:
    """Of several legs the last one does not move."""
    transfers = executing(earmark)
    return keep_custody._linked(transfers[:-1]) if len(transfers) > 1 else transfers


def note_and_keep(event: ReleasesAsked) -> Sequence[Step]:
    """A release is noted, and the books hold what they held."""
    booked = [Booked(each.hold.round_id) for each in event.rounds]
    return [Order(NoteBooked(results=booked), then=keep_custody._answer)]


# -- between --------------------------------------------------------------------------------------


def silence_is_consent(line: Lane, items: list[Item], why: str, fail: Any = Lane._fail) -> None:
    """An execution that got no answer counts as done."""
    for item in items:
        order = item.order
        if item.deed is Deed.EXECUTE:
            done = DeedResult(order.bundle, order.round, Outcome.EXECUTED, reference="surely")
            line._answered(item, done)
    fail(line, [item for item in items if item.deed is not Deed.EXECUTE], why)


def silence_is_release(line: Lane, items: list[Item], why: str, fail: Any = Lane._fail) -> None:
    """A release that got no answer counts as done."""
    for item in items:
        order = item.order
        if item.deed is Deed.RELEASE:
            line._answered(item, DeedResult(order.bundle, order.round, Outcome.RELEASED))
    fail(line, [item for item in items if item.deed is not Deed.RELEASE], why)


async def nothing_speaks_against_it(*_: Any) -> None:
    """Nobody looks whether a domain still knows what it did."""
    return None


class Plant(NamedTuple):
    """Parts with one bug, or patches that make one, and what the auditor must find (a pattern)."""

    found: str
    parts: DvpParts = DvpParts()
    patches: Sequence[Patch] = ()


NOT_EVERYWHERE = "is committed, and stands"
STILL_HELD = "still holds|stands at .*held|not finished"

PLANTS: dict[str, Plant] = {
    "a round is committed after its deadline": Plant(
        "too late for",
        patches=[(deeds, "_HEAR", {**deeds._HEAR, Deed.HOLD: held_whenever})],
    ),
    "one hold is enough to commit": Plant(
        "is committed with",
        patches=[(deeds, "_HEAR", {**deeds._HEAR, Deed.HOLD: one_hold_is_enough})],
    ),
    "an abort spares who did not answer": Plant(
        "may hold it|not finished|still holds",
        patches=[(Course, "abort", spare_who_is_silent)],
    ),
    "an abort releases nothing": Plant(
        "may hold it", patches=[(Course, "abort", end_without_release)]
    ),
    "the cash of parts is rounded up": Plant(
        "should cost", patches=[(rounds, "cash_of", rounded_up)]
    ),
    "a part settles that a side does not take": Plant(
        "does not take",
        patches=[
            (rounds, "allows_parts", lambda terms: True),
            (partials, "_takes", lambda *_: True),
        ],
    ),
    "locks are not net": Plant("should lock", patches=[(rounds, "parts_of", gross)]),
    "what a side keeps back is settled": Plant(
        "holds all but|keeps", patches=[(SettlementState, "next_quantity", all_that_is_open)]
    ),
    "a closed domain gets rounds": Plant(
        "takes no part", patches=[(SettlementState, "is_shut_out", lambda *_: False)]
    ),
    "one side can cancel": Plant(
        "not both asked",
        patches=[(Live, "cancelled", property(lambda live: bool(live.cancel_asked)))],
    ),
    "a trade id is taken twice": Plant(
        "stands for two", patches=[(names.Names, "use_of", lambda *_: None)]
    ),
    "two sides agree on any amount": Plant(
        "within tolerance", patches=[(matching, "tolerance_of", lambda *_: 10**9)]
    ),
    "the buyer's amount is settled": Plant(
        "seller's amount|within tolerance", patches=[(pairing, "agreed_amount", buyers_amount)]
    ),
    "a snapshot forgets who was asked": Plant(
        "is not live|is not snapshot|is not resumed|may hold it|not finished|met a bug",
        DvpParts(house=coordinator_with(settlement=RoomWithForgetfulSnapshots)),
    ),
    "a release leaves no tombstone": Plant(
        STILL_HELD, patches=[(holding, "_release", no_tombstone)]
    ),
    "old coordinators are obeyed": Plant(
        "obeys epoch", patches=[(holding.Desk, "under_way", any_epoch)]
    ),
    "a hold expires by itself": Plant(
        "released .*, decided", DvpParts(domain=domain_with(custody=HastyCustody))
    ),
    "a leg does not move": Plant(
        "the row moved", patches=[(keep_custody, "_executing", lose_a_leg)]
    ),
    "the books keep what was released": Plant(
        STILL_HELD, DvpParts(domain=domain_with(flows=flows_with(ReleasesAsked, note_and_keep)))
    ),
    "silence counts as executed": Plant(
        f"{NOT_EVERYWHERE}|surely should be", patches=[(Lane, "_fail", silence_is_consent)]
    ),
    "silence counts as released": Plant(STILL_HELD, patches=[(Lane, "_fail", silence_is_release)]),
    "nobody sees that a domain was restored": Plant(
        NOT_EVERYWHERE,
        patches=[
            (performer, "contradiction", nothing_speaks_against_it),
            (lane.Lane, "_doubt", lambda *_: ""),
        ],
    ),
}


@contextmanager
def planted(plant: Plant) -> Iterator[DvpParts]:
    """Let a bug be there for a while."""
    with pytest.MonkeyPatch.context() as patching, quiet():
        for target, name, wrong in plant.patches:
            patching.setattr(target, name, wrong)
        yield plant.parts
