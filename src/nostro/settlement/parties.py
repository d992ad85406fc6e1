"""What can the two sides do with a settlement that is not decided: keep it back, let it go, cancel
it, try it again?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.settlement.commands import (
    CancelSettlement,
    HoldSettlement,
    ReleaseSettlement,
    RetrySettlement,
)
from nostro.settlement.dates import calendars_of, first_start, name_of_day
from nostro.settlement.events import CancelAsked, RetryAsked, SettlementHeld, SettlementReleased
from nostro.settlement.live import Bundle, Decided, Live, copied
from nostro.settlement.partials import allows_parts, is_part
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import Party, Reason, settlement_id

BOTH = (Party.SELLER, Party.BUYER)


def hold(
    state: SettlementState, command: HoldSettlement, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide HoldSettlement."""
    live, side = _open(state, command.settlement), command.side
    _check_not_set_aside(live)
    bundle = _undecided(state, live)
    _check_instructed(live, side)
    course = Course(state, policy, context.at_us)
    if side in live.held and not live.free_minor(side):
        return Decision(body=_told(course, live))
    events: list[Event] = [SettlementHeld(live.number, side, context.actor)]
    _abort(course, bundle, Reason.HELD_BACK)
    return Decision(events=[*events, *course.events()], body=_told(course, live))


def release(
    state: SettlementState, command: ReleaseSettlement, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide ReleaseSettlement; what is due begins in the same row."""
    live, side = _open(state, command.settlement), command.side
    course = Course(state, policy, context.at_us)
    if side not in live.held:
        if side not in live.let_go or command.quantity_minor:
            raise Rejection("settlement.not_on_hold", **_named(live), side=str(side))
        return Decision(body=_told(course, live))
    bundle = state.bundles[live.terms.bundle]
    if command.quantity_minor:
        _check_part(state, bundle, live, command)
    event = SettlementReleased(live.number, side, command.quantity_minor, context.actor)
    after = copied(bundle)
    for each in after.settlements:
        if each.number == live.number:
            each.release(side, command.quantity_minor)
    course.start_if_due(after)
    return Decision(events=[event, *course.events()], body=_told(course, live))


def _check_part(
    state: SettlementState, bundle: Bundle, live: Live, command: ReleaseSettlement
) -> None:
    """Raise Rejection `settlement.quantity_too_large`, `settlement.bad_lot` or
    `settlement.partial_not_agreed`."""
    terms, side = live.terms, command.side
    free_minor = live.free_minor(side) + command.quantity_minor
    if command.quantity_minor < 0 or free_minor > live.open_minor:
        raise Rejection(
            "settlement.quantity_too_large",
            **_named(live),
            quantity_minor=command.quantity_minor,
            quantity_max_minor=live.open_minor - live.free_minor(side),
        )
    if free_minor == live.open_minor and bundle.only is not None:
        return
    lot_minor = state.lot_of(terms.security)
    if free_minor % lot_minor:
        raise Rejection(
            "settlement.bad_lot",
            asset=terms.security,
            quantity_minor=command.quantity_minor,
            lot_minor=lot_minor,
        )
    fits = is_part(terms, free_minor, lot_minor=lot_minor, done=live.done)
    if bundle.only is None or not live.matched or not allows_parts(terms) or not fits:
        raise Rejection(
            "settlement.partial_not_agreed",
            **_named(live),
            quantity_minor=command.quantity_minor,
            linked=bundle.only is None,
        )


def cancel(
    state: SettlementState, command: CancelSettlement, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide CancelSettlement."""
    live = _open(state, command.settlement)
    _check_not_set_aside(live)
    bundle = _undecided(state, live)
    if command.side is not None:
        _check_instructed(live, command.side)
    course = Course(state, policy, context.at_us)
    asking = BOTH if command.side is None else (command.side,)
    if all(side in live.cancel_asked for side in asking):
        return Decision(body=_cancel_told(course, live, cancelled=bundle.cancelled))
    event = CancelAsked(live.number, str(command.side or ""), command.reason, context.actor)
    after = copied(bundle)
    for each in after.settlements:
        if each.number == live.number:
            each.ask_cancel(command.side)
    if after.cancelled:
        if bundle.round is None:
            course.fail(bundle, Reason.CANCELLED)
        else:
            _abort(course, bundle, Reason.CANCELLED)
    return Decision(
        events=[event, *course.events()],
        body=_cancel_told(course, live, cancelled=after.cancelled),
    )


def retry(
    state: SettlementState, command: RetrySettlement, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide RetrySettlement."""
    live = _there(state, command.settlement)
    bundle = state.bundles[live.terms.bundle]
    starts_at_us = _retry_at(bundle, live, state, policy, context.at_us)
    event = RetryAsked(live.number, command.reason, context.actor, starts_at_us)
    after = copied(bundle)
    after.retry(starts_at_us)
    course = Course(state, policy, context.at_us)
    course.start_if_due(after)
    status = course.status_after(live, retried=True)
    body = {**_standing(live, str(status)), "retry_count": live.retries + 1}
    return Decision(events=[event, *course.events()], body=body)


def _retry_at(
    bundle: Bundle, live: Live, state: SettlementState, policy: SettlementPolicy, at_us: int
) -> int:
    """Return when a round may begin that someone asks for; raises Rejection
    `settlement.under_way`, `settlement.not_matched`, `settlement.on_hold` or
    `settlement.not_due`."""
    if bundle.round is not None:
        raise Rejection("settlement.under_way", **_named(live), status=str(state.status_of(live)))
    if not all(each.matched for each in bundle.settlements):
        raise Rejection("settlement.not_matched", **_named(live))
    if bundle.on_hold:
        sides = [str(side) for side in live.held]
        raise Rejection("settlement.on_hold", **_named(live), sides=sides)
    day, today = live.terms.settlement_day, policy.days.day_of(at_us)
    if today < day:
        raise Rejection("settlement.not_due", **_named(live), settlement_date=name_of_day(day))
    assets = [
        asset for each in bundle.settlements for asset in (each.terms.security, each.terms.cash)
    ]
    calendars = calendars_of(state, policy, assets)
    return first_start(policy.days, today, calendars, at_us=at_us, today=today)


# -- what all of them ask first -------------------------------------------------------------------


def _there(state: SettlementState, number: int) -> Live:
    """Return a settlement that has not ended for good; raises Rejection `settlement.unknown`,
    `settlement.cancelled` or `settlement.ended`."""
    live = state.settlements.get(number)
    if live is not None:
        return live
    if not 1 <= number < state.numbers_next:
        raise Rejection("settlement.unknown", settlement=number)
    code = "settlement.cancelled" if number in state.cancelled else "settlement.ended"
    raise Rejection(code, settlement=number, settlement_id=settlement_id(number))


def _open(state: SettlementState, number: int) -> Live:
    """Return a settlement that has not ended; raises Rejection `settlement.unknown` or
    `settlement.ended`, also for one that failed."""
    live = state.settlements.get(number)
    if live is not None and not state.bundles[live.terms.bundle].failed:
        return live
    if live is None and not 1 <= number < state.numbers_next:
        raise Rejection("settlement.unknown", settlement=number)
    raise Rejection("settlement.ended", settlement=number, settlement_id=settlement_id(number))


def _undecided(state: SettlementState, live: Live) -> Bundle:
    """Return the bundle of a settlement; raises Rejection `settlement.decided`."""
    bundle = state.bundles[live.terms.bundle]
    if bundle.round is not None and bundle.round.decided is Decided.COMMIT:
        raise Rejection("settlement.decided", **_named(live), status=str(state.status_of(live)))
    return bundle


def _check_not_set_aside(live: Live) -> None:
    """Raise Rejection `settlement.prefunded`: what both sides gave when the trade was made has no
    other way than to be settled."""
    if live.terms.prefunded:
        raise Rejection("settlement.prefunded", **_named(live), trade_id=live.terms.trade_id)


def _check_instructed(live: Live, side: Party) -> None:
    """Raise Rejection `settlement.not_matched`: a side can do nothing before it has instructed."""
    if not live.instructed_by(side):
        raise Rejection("settlement.not_matched", **_named(live), side=str(side))


def _abort(course: Course, bundle: Bundle, reason: Reason) -> None:
    """Abort the round of a bundle that is not decided; one that is being aborted already ends
    by what it finds then."""
    round_ = bundle.round
    if round_ is not None and round_.decided is Decided.NOT_YET:
        course.abort(bundle, round_, reason)


def _named(live: Live) -> dict[str, Any]:
    return {"settlement": live.number, "settlement_id": settlement_id(live.number)}


def _standing(live: Live, status: str) -> dict[str, Any]:
    return {**_named(live), "status": status}


def _told(course: Course, live: Live) -> dict[str, Any]:
    return _standing(live, str(course.status_after(live)))


def _cancel_told(course: Course, live: Live, *, cancelled: bool) -> dict[str, Any]:
    return {**_told(course, live), "cancelled": cancelled}
