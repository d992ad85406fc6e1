"""How does a settlement come to be: agreed by both sides, or matched of one side and the other?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.settlement import checks
from nostro.settlement.calendar import day_by_cycle, next_open
from nostro.settlement.commands import InstructSettlements, InstructSide, NewSettlement, NewSide
from nostro.settlement.dates import day_named, first_start, instrument_of, name_of_day
from nostro.settlement.events import (
    DayClosed,
    InstructedSettlement,
    PenaltiesAccrued,
    SettlementMatched,
    SettlementsInstructed,
)
from nostro.settlement.matching import OneSide, agreed_amount
from nostro.settlement.names import Use, fingerprint_of, reference_name, trade_name
from nostro.settlement.penalties import Fail, late_matching_penalties
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import Bundle, Live, SettlementState, copied, side_of
from nostro.settlement.terms import (
    BUNDLE_MAX,
    SETTLEMENTS_MAX,
    Cycle,
    Instrument,
    Party,
    Status,
    settlement_id,
)


class _Terms(NamedTuple):
    """What both kinds of instructions say, every default filled in."""

    security: Instrument
    securities_domain: str
    cash_domain: str
    calendars: tuple[str, ...]


class _Desk:
    """What instructing needs to know, in one place."""

    __slots__ = ("at_us", "policy", "state", "today")

    def __init__(self, state: SettlementState, policy: SettlementPolicy, at_us: int) -> None:
        self.state = state
        self.policy = policy
        self.at_us = at_us
        self.today = policy.days.day_of(at_us)

    def terms_of(self, new: NewSettlement | NewSide, *, prefunded: bool = False) -> _Terms:
        """Return where and when an instruction settles; raises as checks.check_lot and
        checks.check_domains do."""
        security = instrument_of(self.state, self.policy, new.security)
        cash = instrument_of(self.state, self.policy, new.cash)
        if security.lot_minor != 1:
            checks.check_lot(new.quantity_minor, security)
        securities_domain = new.securities_domain or security.domain
        cash_domain = new.cash_domain or cash.domain
        checks.check_domains(self.policy, securities_domain, cash_domain, prefunded=prefunded)
        calendars: tuple[str, ...] = ()
        if security.calendar or cash.calendar:
            found = dict.fromkeys((security.calendar, cash.calendar))
            calendars = tuple(calendar for calendar in found if calendar)
        return _Terms(security, securities_domain, cash_domain, calendars)

    def trade_day(self, text: str) -> int:
        """Return the day of a trade; raises Rejection `settlement.bad_date`: one that is to come,
        or long ago."""
        if not text:
            return self.today
        day = day_named("trade_date", text)
        if not self.today - checks.DAYS_BACK_MAX <= day <= self.today:
            raise Rejection(
                "settlement.bad_date",
                field="trade_date",
                date=text,
                what=f"not to come, and at most {checks.DAYS_BACK_MAX} days ago",
            )
        return day

    def settlement_day(self, text: str, trade_day: int, calendars: tuple[str, ...]) -> int:
        """Return a settlement day that was said; raises Rejection `settlement.bad_date` (before the
        trade), `settlement.date_closed` or `settlement.date_too_far`."""
        day = day_named("settlement_date", text)
        if day < trade_day:
            raise Rejection(
                "settlement.bad_date", field="settlement_date", date=text, what="before the trade"
            )
        following = next_open(self.policy.days, day, calendars)
        if day > self.today + checks.DAYS_BACK_MAX:
            raise Rejection("settlement.date_too_far", after=name_of_day(self.today))
        if following != day:
            raise Rejection("settlement.date_closed", date=text, next_day=name_of_day(following))
        return day

    def start_of(self, day: int, calendars: tuple[str, ...]) -> int:
        """Return when a settlement of a day may begin."""
        if day <= self.today and not calendars:
            return self.at_us
        days = self.policy.days
        return first_start(days, day, calendars, at_us=self.at_us, today=self.today)

    def day_before(self) -> list[Event]:
        """Return that all days before today are over, when there was nothing to do on them."""
        yesterday = self.today - 1
        if self.state.settlements or self.state.closed_day >= yesterday:
            return []
        return [DayClosed(yesterday)]


# -- both sides agree -----------------------------------------------------------------------------


def instruct(
    state: SettlementState, command: InstructSettlements, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide InstructSettlements."""
    said = command.settlements
    if len(said) > SETTLEMENTS_MAX:
        raise Rejection(
            "settlement.too_many", settlements=len(said), settlements_max=SETTLEMENTS_MAX
        )
    intake = _Intake(_Desk(state, policy, context.at_us), context, linked=command.linked)
    if command.linked:
        intake.take_linked(said)
    else:
        for new in said:
            intake.take(new)
    return intake.decision()


class _Intake:
    """One command's settlements on their way in."""

    __slots__ = ("_context", "_desk", "_linked", "_names", "_new", "_results")

    def __init__(self, desk: _Desk, context: Context, *, linked: bool) -> None:
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

    def _at_index(self, index: int, take: Any, new: NewSettlement) -> Any:
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
        status = Status.PENDING if name in self._names else standing(state, number)
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


def standing(state: SettlementState, number: int) -> Status:
    """Return where a settlement stands, also one that has left memory."""
    live = state.settlements.get(number)
    if live is not None:
        return state.status_of(live)
    return Status.FAILED if number in state.cancelled else Status.SETTLED


# -- one side, and the other ----------------------------------------------------------------------


def instruct_side(
    state: SettlementState, command: InstructSide, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide InstructSide."""
    new = command.instruction
    known = _known_side(state, new, context)
    if known is not None:
        return known
    desk = _Desk(state, policy, context.at_us)
    side, terms = _side_of(desk, new)
    found = state.unmatched.oldest_agreeing(side)
    if found is None:
        return _alleged(desk, new, side, terms)
    return _matched(desk, new, side, terms, state.settlements[found])


def _known_side(state: SettlementState, new: NewSide, context: Context) -> Decision | None:
    use = state.names.use_of(reference_name(new.party, new.reference), context.recalled)
    if use is None:
        return None
    number, fingerprint = use
    if fingerprint != fingerprint_of(new):
        raise Rejection(
            "settlement.reference_exists",
            party=new.party,
            reference=new.reference,
            settlement=number,
            settlement_id=settlement_id(number),
        )
    live = state.settlements.get(number)
    matched = live.matched if live is not None else number not in state.cancelled
    return Decision(body=_side_told(number, standing(state, number), matched=matched, exists=True))


def _side_told(number: int, status: Status, *, matched: bool, exists: bool) -> dict[str, Any]:
    return {
        "settlement": number,
        "settlement_id": settlement_id(number),
        "status": str(status),
        "matched": matched,
        "exists": exists,
    }


def _side_of(desk: _Desk, new: NewSide) -> tuple[OneSide, _Terms]:
    """Return what a side says, every default filled in; raises Rejection."""
    checks.check_reference(new.reference)
    if new.trade_id:
        checks.check_trade_id(new.trade_id)
    selling = new.side is Party.SELLER
    seller, buyer = (new.party, new.counterparty) if selling else (new.counterparty, new.party)
    checks.check_sides(seller, buyer, new.security, new.cash)
    checks.check_amounts(new.quantity_minor, new.amount_minor)
    checks.check_partial(new, new.partial, new.partial_min_minor)
    terms = desk.terms_of(new)
    day_named("trade_date", new.trade_date)  # each side must say it
    trade_day = desk.trade_day(new.trade_date)
    day = desk.settlement_day(new.settlement_date, trade_day, terms.calendars)
    side = OneSide(
        new.side,
        seller,
        buyer,
        new.security,
        new.quantity_minor,
        new.cash,
        new.amount_minor,
        terms.securities_domain,
        terms.cash_domain,
        trade_day,
        day,
        new.trade_id,
    )
    return side, terms


def _alleged(desk: _Desk, new: NewSide, side: OneSide, terms: _Terms) -> Decision:
    """Keep the first side until the other comes."""
    number, selling = desk.state.numbers_next, new.side is Party.SELLER
    instructed = InstructedSettlement(
        number,
        number,
        new.trade_id,
        side.seller,
        side.buyer,
        side.security,
        side.quantity_minor,
        side.cash,
        side.amount_minor,
        side.securities_domain,
        side.cash_domain,
        side.trade_day,
        side.settlement_day,
        desk.start_of(side.settlement_day, terms.calendars),
        new.reference if selling else "",
        "" if selling else new.reference,
        held=(new.side,) if new.held else (),
        fingerprint=fingerprint_of(new),
        **{
            f"{new.side}_partial": new.partial,
            f"{new.side}_partial_min_minor": new.partial_min_minor,
        },
    )
    return Decision(
        events=[*desk.day_before(), SettlementsInstructed([instructed])],
        body=_side_told(number, Status.PENDING, matched=False, exists=False),
    )


def _matched(desk: _Desk, new: NewSide, side: OneSide, terms: _Terms, live: Live) -> Decision:
    """Match the other side; what is due begins in the same row."""
    days, first = desk.policy.days, live.terms
    late = [
        day for day in range(first.settlement_day, desk.today) if days.is_open(day, terms.calendars)
    ]
    event = SettlementMatched(
        live.number,
        new.side,
        new.reference,
        first.trade_id or new.trade_id,
        agreed_amount(side_of(first), side),
        new.partial,
        new.partial_min_minor,
        new.held,
        len(late),
        desk.start_of(first.settlement_day, terms.calendars),
        new.party,
        fingerprint_of(new),
    )
    events: list[Event] = [event]
    fail = Fail(live.number, new.side, first.cash, event.amount_minor, terms.security.penalty_class)
    penalties = late_matching_penalties(fail, late, desk.state.rates)
    if penalties:
        events.append(PenaltiesAccrued(penalties))
    bundle = copied(desk.state.bundles[live.number])
    bundle.starts_at_us = event.starts_at_us
    bundle.settlements[0].match(event, desk.at_us)
    course = Course(desk.state, desk.policy, desk.at_us)
    course.start_if_due(bundle)
    status = course.status_after(live)
    return Decision(
        events=[*events, *course.events()],
        body=_side_told(live.number, status, matched=True, exists=False),
    )
