"""May a round be held, executed or released, and what is it told?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nostro.custody.checks import bad_round, check_count, check_hold, check_named
from nostro.custody.events import (
    EpochsRaised,
    ExecutionsAsked,
    HoldsAsked,
    ReleasesAsked,
    RoundsClosed,
)
from nostro.custody.state import CustodyState, Ended, Round, raised
from nostro.custody.terms import Earmark, NewHold, RoundOrder, Stage
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision

Told = dict[str, Any]


class Desk:
    """One command on its way through its rounds: what is asked of the ledger, and what is told.

    What the ledger is asked is told once it has answered; until then its stage is NONE or HELD.
    """

    def __init__(self, state: CustodyState, context: Context) -> None:
        self.state = state
        self.asked: list[Earmark] = []
        self.closed: list[RoundOrder] = []
        self.newer: list[RoundOrder] = []
        self._recalled = context.recalled
        self._height = context.height
        self._named: set[str] = set()

    def each(self, orders: Iterable[Any], take: Callable[[Any], Told]) -> list[Told]:
        """Take rounds in order, and return what each is told."""
        results: list[Told] = []
        for order in orders:
            try:
                check_named(order.round_id, order.epoch)
                self._name(order.round_id)
                results.append(take(order))
            except Rejection as no:
                results.append(refusal(order.round_id, no.code, **no.facts))
        return results

    def _name(self, round_id: str) -> None:
        if round_id in self._named:
            raise bad_round("named_twice")
        self._named.add(round_id)

    def ended(self, round_id: str) -> Ended | None:
        """Return how a round ended, if it has."""
        if round_id in self.state.rounds:
            return None
        told = self.state.ended.hot(round_id) or self._recalled.get(round_id)
        return told if isinstance(told, Ended) else None

    def under_way(self, order: NewHold | RoundOrder) -> Round | None:
        """Return the round if it is known and has not ended; raises Rejection `custody.fenced`."""
        round_ = self.state.rounds.get(order.round_id)
        if round_ is not None and order.epoch < round_.hold.epoch:
            raise Rejection("custody.fenced", epoch=round_.hold.epoch)
        return round_

    def raise_epoch(self, round_: Round, order: NewHold | RoundOrder) -> None:
        """Note that a newer coordinator asks, where nothing else is noted."""
        if order.epoch > round_.hold.epoch:
            self.newer.append(RoundOrder(order.round_id, order.epoch))

    def events(self, ask: Callable[[list[Earmark]], Event]) -> Sequence[Event]:
        """Return what was decided."""
        events: list[Event] = []
        if self.newer:
            events.append(EpochsRaised(self.newer))
        if self.closed:
            events.append(RoundsClosed(self._height, self.closed))
        if self.asked:
            events.append(ask(self.asked))
        return events


def place(state: CustodyState, holds: Sequence[NewHold], context: Context) -> Decision:
    """Decide which rounds the ledger is to hold."""
    check_count(holds)
    desk = Desk(state, context)
    results = desk.each(holds, lambda hold: _place(desk, hold))
    return Decision(desk.events(HoldsAsked), {"results": results})


def _place(desk: Desk, hold: NewHold) -> Told:
    _refuse_ended(desk.ended(hold.round_id))
    round_ = desk.under_way(hold)
    if round_ is None:
        check_hold(hold)
        desk.asked.append(Earmark(hold, 1))
        return stage(hold.round_id, Stage.NONE, 0)
    if round_.stage is Stage.HELD:
        if (hold.locks, hold.moves) != (round_.hold.locks, round_.hold.moves):
            raise Rejection("custody.content_differs")
        desk.raise_epoch(round_, hold)
        return stage(hold.round_id, Stage.HELD, round_.height)
    check_hold(hold)
    desk.asked.append(Earmark(hold, round_.attempt + 1))
    return stage(hold.round_id, Stage.NONE, 0)


def _refuse_ended(ended: Ended | None) -> None:
    if ended is not None:
        raise Rejection(f"custody.{ended.stage.value}", height=ended.height)


def execute(state: CustodyState, orders: Sequence[RoundOrder], context: Context) -> Decision:
    """Decide which rounds the ledger is to execute."""
    check_count(orders)
    desk = Desk(state, context)
    results = desk.each(orders, lambda order: _execute(desk, order))
    return Decision(desk.events(ExecutionsAsked), {"results": results})


def _execute(desk: Desk, order: RoundOrder) -> Told:
    ended = desk.ended(order.round_id)
    if ended is not None and ended.stage is Stage.EXECUTED:
        return stage(order.round_id, ended.stage, ended.height)
    _refuse_ended(ended)
    round_ = desk.under_way(order)
    if round_ is None or round_.stage is not Stage.HELD:
        raise Rejection("custody.unknown")
    return _resolve(desk, round_, order)


def release(state: CustodyState, orders: Sequence[RoundOrder], context: Context) -> Decision:
    """Decide which rounds the ledger is to release, and close those that hold nothing."""
    check_count(orders)
    desk = Desk(state, context)
    results = desk.each(orders, lambda order: _release(desk, order, context.height))
    return Decision(desk.events(ReleasesAsked), {"results": results})


def _release(desk: Desk, order: RoundOrder, height: int) -> Told:
    ended = desk.ended(order.round_id)
    if ended is not None and ended.stage is Stage.RELEASED:
        return stage(order.round_id, ended.stage, ended.height)
    _refuse_ended(ended)
    round_ = desk.under_way(order)
    if round_ is not None and round_.stage is Stage.HELD:
        return _resolve(desk, round_, order)
    desk.closed.append(order)
    return stage(order.round_id, Stage.RELEASED, height)


def _resolve(desk: Desk, round_: Round, order: RoundOrder) -> Told:
    hold = raised(round_.hold, order.epoch)
    desk.asked.append(Earmark(hold, round_.attempt, round_.tries + 1))
    return stage(order.round_id, Stage.HELD, round_.height)


def stage(round_id: str, at: Stage, height: int) -> Told:
    """Return what is told of a round that stands somewhere."""
    return {"round_id": round_id, "stage": at.value, "height": height}


def refusal(round_id: str, code: str, **facts: Any) -> Told:
    """Return what is told of a round that is refused."""
    return {"round_id": round_id, "code": code, "facts": facts}
