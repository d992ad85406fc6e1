"""What does time bring: rounds that begin, deadlines, further tries, the end of a day?"""

from __future__ import annotations

from collections.abc import Iterator

from nostro.kernel.messages import Event, Tick
from nostro.kernel.room import Context, Decision
from nostro.settlement.dates import calendars_of, instrument_of
from nostro.settlement.events import (
    DayClosed,
    FailedSettlement,
    PenaltiesAccrued,
    Penalty,
    SettlementsFailed,
    SettlementsLapsed,
)
from nostro.settlement.live import Bundle, Decided, Live, PartStage
from nostro.settlement.penalties import Fail, fail_penalty, failing_sides
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import Party, Reason

ROUNDS_PER_TICK_MAX = 1_000
"""Settlements whose rounds one Tick begins, aborts or asks about, those of the last bundle besides;
another follows at once while any is due."""
ENDED_PER_TICK_MAX = 5_000
"""Settlements that one Tick ends as nobody matched or retried them."""
UNMATCHED = "unmatched"
"""Why a settlement is cancelled that nobody asked to cancel."""
PENALTIES_PER_TICK_MAX = 5_000
DAYS_PER_TICK_MAX = 31


def due(state: SettlementState, policy: SettlementPolicy) -> int | None:
    """Return when the next round begins or is to be seen to, or the next day is over."""
    first = state.timers[0][0] if state.timers else None
    if not state.settlements:
        return first
    day_over_us = policy.days.start_of(state.closed_day + 2)
    return day_over_us if first is None else min(first, day_over_us)


def tick(
    state: SettlementState, _command: Tick, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide Tick."""
    course = Course(state, policy, context.at_us)
    left = ROUNDS_PER_TICK_MAX
    for bundle in state.due_by(context.at_us, ROUNDS_PER_TICK_MAX):
        if left <= 0:
            break
        _see_to(course, state, bundle, context.at_us)
        left -= len(bundle.settlements)
    events: list[Event] = list(course.events())
    if state.settlements:
        events += _end_days(state, policy, context.at_us)
    return Decision(events=events)


def _see_to(course: Course, state: SettlementState, bundle: Bundle, at_us: int) -> None:
    round_ = bundle.round
    if round_ is None:
        course.start_if_due(bundle)
    elif round_.decided is Decided.NOT_YET and state.is_quarantined(round_):
        course.abort(bundle, round_, Reason.DOMAIN_UNAVAILABLE)
    elif round_.decided is Decided.NOT_YET and at_us >= round_.settle_before_us:
        refused = any(part.stage is PartStage.REFUSED for part in round_.parts)
        if refused and round_.reason is not None:
            course.abort(bundle, round_, round_.reason, round_.code)
        else:
            course.abort(bundle, round_, Reason.TIMED_OUT)
    else:
        for part in round_.parts:
            if 0 < part.again_at_us <= at_us:
                course.ask(bundle, round_, part)


# -- the end of a day -----------------------------------------------------------------------------


def _end_days(state: SettlementState, policy: SettlementPolicy, at_us: int) -> list[Event]:
    """Close the days that are over, up to a bound, each with what it costs."""
    events: list[Event] = []
    first = state.closed_day + 1
    for day in range(first, min(policy.days.day_of(at_us), first + DAYS_PER_TICK_MAX)):
        ends, all_of_them = _ends(state, day, policy)
        events += ends
        if not all_of_them:
            break
        after = state.accrued if day == first else 0
        penalties, whole = _penalties(state, day, policy, after=after)
        if penalties:
            events.append(PenaltiesAccrued(penalties))
        if whole:
            events.append(DayClosed(day))
        if penalties or ends:
            break
    return events


def _ends(state: SettlementState, day: int, policy: SettlementPolicy) -> tuple[list[Event], bool]:
    """Return what ends with a day as nobody cared for it, and whether this is all: instructions
    that the other side never matched, and what failed and was not retried. What was set aside for a
    trade of ours stays: it must be settled."""
    unmatched: list[FailedSettlement] = []
    lapsed: list[int] = []
    day_of = policy.days.day_of
    for bundle in state.bundles.values():
        if len(unmatched) + len(lapsed) >= ENDED_PER_TICK_MAX:
            break
        live = bundle.settlements[0]
        if bundle.failed:
            over = day_of(bundle.failed_at_us) + policy.failed_days_max <= day
            if over and not live.terms.prefunded:
                lapsed.append(bundle.number)
        elif not live.matched:
            since = max(live.terms.settlement_day, day_of(live.matched_at_us))
            if since + policy.unmatched_days_max <= day:
                unmatched.append(
                    FailedSettlement(live.number, Reason.CANCELLED, UNMATCHED, live.open_minor)
                )
    events: list[Event] = [SettlementsFailed(unmatched)] if unmatched else []
    if lapsed:
        events.append(SettlementsLapsed(lapsed))
    return events, len(unmatched) + len(lapsed) < ENDED_PER_TICK_MAX


def _penalties(
    state: SettlementState, day: int, policy: SettlementPolicy, *, after: int
) -> tuple[list[Penalty], bool]:
    """Return the penalties of a day for settlements of higher numbers, and whether these are all
    there are."""
    penalties: list[Penalty] = []
    for live in state.settlements.values():
        if live.number > after:
            penalties += _penalties_of(state, live, day, policy)
        if len(penalties) >= PENALTIES_PER_TICK_MAX:
            return penalties, False
    return penalties, True


def _penalties_of(
    state: SettlementState, live: Live, day: int, policy: SettlementPolicy
) -> Iterator[Penalty]:
    """Yield what each failing side of a settlement owes for a day that is over."""
    terms, days = live.terms, policy.days
    if not live.matched or terms.settlement_day > day or days.day_of(live.matched_at_us) > day:
        return
    bundle = state.bundles[terms.bundle]
    final = bundle.round is not None and bundle.round.decided is Decided.COMMIT
    if bundle.failed or final:
        return
    if not days.is_open(day, calendars_of(state, policy, (terms.security, terms.cash))):
        return
    penalty_class = instrument_of(state, policy, terms.security).penalty_class
    lacks_cash = _reason(bundle) is Reason.LACK_OF_CASH
    for side in _failing(bundle, live):
        fail = Fail(
            live.number,
            side,
            terms.cash,
            terms.amount_minor - live.paid_minor,
            penalty_class,
            lacks_cash=lacks_cash and side is Party.BUYER and not live.held,
        )
        penalty = fail_penalty(fail, day, state.rates)
        if penalty is not None:
            yield penalty


def _failing(bundle: Bundle, live: Live) -> tuple[Party, ...]:
    """Return the sides that keep a settlement from settling: who holds it back, or who lacks what;
    of a bundle only those whose own lack it is."""
    terms = live.terms
    lacking = {(each.party, each.asset) for each in bundle.lacking}
    if not live.held and lacking and bundle.only is None:
        delivering, paying = (terms.seller, terms.security), (terms.buyer, terms.cash)
        owed = ((Party.SELLER, delivering), (Party.BUYER, paying))
        return tuple(side for side, what in owed if what in lacking)
    return failing_sides(_reason(bundle), live.held)


def _reason(bundle: Bundle) -> Reason | None:
    """Return why a bundle is not settled, as far as is known: of a round under way what it was
    refused, or who lacks something could let the end of the day pass in it."""
    round_ = bundle.round
    found = None if round_ is None else round_.reason
    return bundle.reason if found is None else found
