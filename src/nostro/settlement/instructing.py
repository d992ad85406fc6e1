"""How does a settlement come to be on which both sides agree?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.settlement import checks
from nostro.settlement.calendar import day_by_cycle
from nostro.settlement.commands import InstructSettlements, NewSettlement
from nostro.settlement.dates import name_of_day
from nostro.settlement.events import InstructedSettlement, SettlementsInstructed
from nostro.settlement.filling import Desk
from nostro.settlement.live import Bundle, Live
from nostro.settlement.names import Use, fingerprint_of, trade_name
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import (
    BUNDLE_MAX,
    SETTLEMENTS_MAX,
    Cycle,
    Party,
    Status,
    settlement_id,
)

T = TypeVar("T")


def instruct(
    state: SettlementState, command: InstructSettlements, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide InstructSettlements."""
    said = command.settlements
    if len(said) > SETTLEMENTS_MAX:
        raise Rejection(
            "settlement.too_many", settlements=len(said), settlements_max=SETTLEMENTS_MAX
        )
    intake = _Intake(Desk(state, policy, context.at_us), context, linked=command.linked)
    if command.linked:
        intake.take_linked(said)
    else:
        for new in said:
            intake.take(new)
    return intake.decision()


class _Intake:
    """One command's settlements on their way in."""

    __slots__ = ("_context", "_desk", "_linked", "_names", "_new", "_results")

    def __init__(self, desk: Desk, context: Context, *, linked: bool) -> None:
        self._desk = desk
        self._context = context
        self._linked = linked
        self._new: list[InstructedSettlement] = []
        self._names: dict[str, Use] = {}
        """What this command itself has named."""
        self._results: list[dict[str, Any] | InstructedSettlement] = []

    def take(self, new: NewSettlement) -> None:
        """Take one in, or tell why not."""
        try:
            self._results.append(self._known(new) or self._admitted(new))
        except Rejection as no:
            shown = new.trade_id[:64]
            self._results.append({"trade_id": shown, "code": no.code, "facts": dict(no.facts)})

    def take_linked(self, said: Sequence[NewSettlement]) -> None:
        """Take all in as one bundle; raises Rejection."""
        if len(said) > BUNDLE_MAX:
            raise Rejection(
                "settlement.bundle_too_large", settlements=len(said), settlements_max=BUNDLE_MAX
            )
        known = [self._at_index(index, self._known, new) for index, new in enumerate(said)]
        if any(known):
            self._check_all_linked(known)
            self._results += [each for each in known if each]
            return
        for index, new in enumerate(said):
            if trade_name(new.trade_id) in self._names:
                raise Rejection("settlement.trade_exists", trade_id=new.trade_id, index=index)
            self._results.append(self._at_index(index, self._admitted, new))
        days = {each.settlement_day for each in self._new}
        if len(days) > 1:
            names = [name_of_day(day) for day in sorted(days)]
            raise Rejection("settlement.linked_days_differ", settlement_dates=names)

    def _at_index(self, index: int, take: Callable[[NewSettlement], T], new: NewSettlement) -> T:
        try:
            return take(new)
        except Rejection as no:
            raise Rejection(no.code, **{**no.facts, "index": index}) from None

    def _check_all_linked(self, known: Sequence[dict[str, Any] | None]) -> None:
        """Raise Rejection `settlement.link_differs` unless all are there, as one bundle."""
        live = self._desk.state.settlements
        there = [each["settlement"] for each in known if each]
        bundles = {live[number].terms.bundle for number in there if number in live}
        new = known.index(None) if None in known else -1
        if new >= 0 or len(bundles) > 1:
            raise Rejection("settlement.link_differs", index=max(new, 0))
        if bundles and len(self._desk.state.bundles[bundles.pop()].settlements) != len(there):
            raise Rejection("settlement.link_differs", index=0)

    def _known(self, new: NewSettlement) -> dict[str, Any] | None:
        """Return how a settlement stands that there is already; raises Rejection
        `settlement.trade_exists` when other things were said of it."""
        state, name = self._desk.state, trade_name(new.trade_id)
        use = self._names.get(name) or state.names.use_of(name, self._context.recalled)
        if use is None:
            return None
        number, fingerprint = use
        if fingerprint != fingerprint_of(new):
            raise Rejection(
                "settlement.trade_exists",
                trade_id=new.trade_id,
                settlement=number,
                settlement_id=settlement_id(number),
            )
        status = Status.PENDING if name in self._names else state.standing(number)
        return _told(number, new.trade_id, status, exists=True)

    def _admitted(self, new: NewSettlement) -> InstructedSettlement:
        """Take in a settlement that is new; raises Rejection."""
        desk = self._desk
        checks.check_settlement(new)
        terms = desk.terms_of(new, prefunded=new.prefunded)
        trade_day = desk.trade_day(new.trade_date)
        day = self._day(new, trade_day, terms.calendars)
        number = desk.state.numbers_next + len(self._new)
        instructed = InstructedSettlement(
            number,
            self._new[0].number if self._linked and self._new else number,
            new.trade_id,
            new.seller,
            new.buyer,
            new.security,
            new.quantity_minor,
            new.cash,
            new.amount_minor,
            terms.securities_domain,
            terms.cash_domain,
            trade_day,
            day,
            desk.start_of(day, terms.calendars),
            new.trade_id,
            new.trade_id,
            new.seller_partial,
            new.buyer_partial,
            new.seller_partial_min_minor,
            new.buyer_partial_min_minor,
            tuple(side for side in Party if side in new.held) if new.held else (),
            new.prefunded,
            new.origin,
            fingerprint_of(new),
        )
        self._new.append(instructed)
        self._names[trade_name(new.trade_id)] = (number, instructed.fingerprint)
        return instructed

    def _day(self, new: NewSettlement, trade_day: int, calendars: tuple[str, ...]) -> int:
        desk = self._desk
        if not new.settlement_date:
            if not calendars and new.cycle is Cycle.INSTANT:
                return trade_day
            return day_by_cycle(desk.policy.days, trade_day, new.cycle, calendars)
        day = desk.settlement_day(new.settlement_date, trade_day, calendars)
        if day < desk.today:
            raise Rejection(
                "settlement.date_past", date=new.settlement_date, today=name_of_day(desk.today)
            )
        return day

    def decision(self) -> Decision:
        """Return what follows: what is due begins in the same row."""
        desk, new = self._desk, self._new
        events: list[Event] = []
        started: set[int] = set()
        if new:
            course = Course(desk.state, desk.policy, desk.at_us)
            events = [*desk.day_before(), SettlementsInstructed(new)]
            for bundle in _bundles(new):
                if bundle.starts_at_us <= desk.at_us and desk.state.can_start(bundle):
                    course.start(bundle, [live.open_minor for live in bundle.settlements])
                    started.add(bundle.number)
            events += course.events()
        results = [
            each if isinstance(each, dict) else _told_new(each, started) for each in self._results
        ]
        return Decision(events=events, body={"results": results})


def _bundles(new: Sequence[InstructedSettlement]) -> list[Bundle]:
    """Return the bundles of new settlements, as they will be."""
    bundles: dict[int, Bundle] = {}
    for each in new:
        live = Live(each, each.held)
        if each.bundle == each.number:
            bundles[each.number] = Bundle(each.number, [live], each.starts_at_us)
        else:
            bundles[each.bundle].settlements.append(live)
    return list(bundles.values())


def _told_new(each: InstructedSettlement, started: set[int]) -> dict[str, Any]:
    status = Status.INITIATED if each.bundle in started else Status.PENDING
    return _told(each.number, each.trade_id, status, exists=False)


def _told(number: int, trade_id: str, status: Status, *, exists: bool) -> dict[str, Any]:
    return {
        "settlement": number,
        "settlement_id": settlement_id(number),
        "trade_id": trade_id,
        "status": str(status),
        "exists": exists,
    }
