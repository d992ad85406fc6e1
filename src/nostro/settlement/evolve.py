"""How does an event change what the settlement room remembers?

Nothing here asks the policy: it may differ when the journal is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.settlement import events as e
from nostro.settlement.live import Bundle, Decided, Part, PartStage, Round
from nostro.settlement.state import (
    EXECUTED_REMEMBERED_MAX,
    DomainStanding,
    SettlementState,
)
from nostro.settlement.terms import LACKING, Deed, DomainState, Party, PenaltyKind, Reason


def evolve(state: SettlementState, event: Event, position: Position) -> None:
    """Apply one event in place."""
    _EVOLVE[type(event)](state, event, position)


# -- instructions ---------------------------------------------------------------------------------


def _instruct(state: SettlementState, event: e.SettlementsInstructed, position: Position) -> None:
    state.names.add(event, position.height)
    for instructed in event.settlements:
        state.admit(instructed, position.at_us)
    for instructed in event.settlements:
        if instructed.bundle == instructed.number:
            state.wait(state.bundles[instructed.number])


def _match(state: SettlementState, event: e.SettlementMatched, position: Position) -> None:
    state.names.add(event, position.height)
    state.unmatched.remove(event.settlement)
    live = state.settlements[event.settlement]
    live.match(event, position.at_us)
    bundle = state.bundles[live.terms.bundle]
    bundle.starts_at_us = event.starts_at_us
    state.wait(bundle)


def _hold(state: SettlementState, event: e.SettlementHeld, _position: Position) -> None:
    live = state.settlements[event.settlement]
    live.hold(event.side)
    state.wait(state.bundles[live.terms.bundle])


def _release(state: SettlementState, event: e.SettlementReleased, _position: Position) -> None:
    live = state.settlements[event.settlement]
    live.release(event.side, event.quantity_minor)
    state.wait(state.bundles[live.terms.bundle])


def _ask_cancel(state: SettlementState, event: e.CancelAsked, _position: Position) -> None:
    side = Party(event.side) if event.side else None
    state.settlements[event.settlement].ask_cancel(side)


def _retry(state: SettlementState, event: e.RetryAsked, _position: Position) -> None:
    live = state.settlements[event.settlement]
    live.retries += 1
    bundle = state.bundles[live.terms.bundle]
    bundle.retry(event.starts_at_us)
    state.wait(bundle)


# -- rounds ---------------------------------------------------------------------------------------


def _start(state: SettlementState, event: e.RoundsStarted, _position: Position) -> None:
    for started in event.rounds:
        bundle = state.bundles[started.bundle]
        bundle.rounds = started.round
        bundle.round = Round(
            started.round,
            started.settle_before_us,
            started.tranches,
            [Part(terms) for terms in started.parts],
            started.at_once,
        )
        state.wait(bundle)


def _order(state: SettlementState, event: e.DeedsOrdered, _position: Position) -> None:
    asking = event.deed in (Deed.HOLD, Deed.POST)
    for order in event.orders:
        bundle, part = _at(state, order.bundle, event.domain)
        part.asked = order.attempt
        part.again_at_us = 0
        if asking:
            part.stage = PartStage.ASKED
        state.wait(bundle)


def _held(state: SettlementState, event: e.HoldsPlaced, _position: Position) -> None:
    _hear(state, event.domain, event.domain_height)
    for done in event.rounds:
        bundle, part = _at(state, done.bundle, event.domain)
        part.stage = PartStage.HELD
        part.held = done
        part.again_at_us = 0
        if bundle.lacking:
            bundle.lacking = []
        state.wait(bundle)


def _refuse(state: SettlementState, event: e.DeedsRefused, _position: Position) -> None:
    _hear(state, event.domain, event.domain_height)
    for refused in event.rounds:
        bundle, part = _at(state, refused.bundle, event.domain)
        round_ = bundle.round
        assert round_ is not None, "a round that is not under way was refused something"
        part.again_at_us = refused.again_at_us
        if round_.decided is Decided.NOT_YET:
            part.stage = PartStage.REFUSED
            round_.reason, round_.code = refused.reason, refused.code
            bundle.lacking = refused.lacking
        else:
            state.stuck.add(bundle.number)
        state.wait(bundle)


def _decide(state: SettlementState, event: e.RoundsDecided, _position: Position) -> None:
    for decided in event.rounds:
        bundle = state.bundles[decided.bundle]
        round_ = bundle.round
        assert round_ is not None, "a round that is not under way was decided"
        assert round_.decided is Decided.NOT_YET, "a round was decided twice"
        round_.decided = Decided.COMMIT if decided.commit else Decided.ABORT
        round_.reason = Reason(decided.reason) if decided.reason else None
        round_.code = decided.code
        for part in round_.parts:
            part.asked = part.again_at_us = 0
        state.wait(bundle)


def _executed(state: SettlementState, event: e.DeedsExecuted, _position: Position) -> None:
    _hear(state, event.domain, event.domain_height)
    for done in event.rounds:
        bundle, part = _at(state, done.bundle, event.domain)
        part.stage = PartStage.EXECUTED
        part.executed = done
        _go_on(state, bundle, part)
    if event.deed is Deed.EXECUTE:
        domain = state.domains.setdefault(event.domain, DomainStanding())
        last = [(done.bundle, done.round) for done in event.rounds[-EXECUTED_REMEMBERED_MAX:]]
        domain.executed = [*domain.executed, *last][-EXECUTED_REMEMBERED_MAX:]


def _released(state: SettlementState, event: e.HoldsReleased, _position: Position) -> None:
    _hear(state, event.domain, event.domain_height)
    for done in event.rounds:
        bundle, part = _at(state, done.bundle, event.domain)
        part.stage = PartStage.RELEASED
        _go_on(state, bundle, part)


def _go_on(state: SettlementState, bundle: Bundle, part: Part) -> None:
    """A domain did what was decided."""
    part.again_at_us = 0
    if bundle.number in state.stuck and not (bundle.round and bundle.round.stuck):
        state.stuck.discard(bundle.number)
    state.wait(bundle)


def _settle(state: SettlementState, event: e.RoundsSettled, _position: Position) -> None:
    for settled in event.rounds:
        bundle = state.bundles[settled.bundle]
        for tranche in settled.tranches:
            state.settlements[tranche.settlement].deliver(tranche)
        if settled.open_minor:
            _end_round(bundle, settled.starts_at_us)
            bundle.lacking, bundle.part_next = [], False
            bundle.reason, bundle.code = None, ""
            state.wait(bundle)
        else:
            state.drop(bundle)


def _recycle(state: SettlementState, event: e.RoundsRecycled, _position: Position) -> None:
    for recycled in event.rounds:
        bundle = state.bundles[recycled.bundle]
        _end_round(bundle, recycled.starts_at_us)
        bundle.reason, bundle.code = recycled.reason, recycled.code
        is_counted = recycled.recycled != bundle.recycled
        same_day = not is_counted and recycled.starts_at_us != bundle.recycled_to_us
        bundle.part_next = same_day and recycled.reason in LACKING
        if is_counted:
            bundle.recycled_to_us = recycled.starts_at_us
        bundle.recycled = recycled.recycled
        state.wait(bundle)


def _end_round(bundle: Bundle, starts_at_us: int) -> None:
    bundle.round = None
    bundle.starts_at_us = starts_at_us
    for live in bundle.settlements:
        live.offered_minor = 0


def _fail(state: SettlementState, event: e.SettlementsFailed, position: Position) -> None:
    ended: dict[int, None] = {}
    for failed in event.settlements:
        bundle = state.bundles[state.settlements[failed.settlement].terms.bundle]
        ended[bundle.number] = None
        _end_round(bundle, 0)
        bundle.failed, bundle.failed_at_us = True, position.at_us
        bundle.reason, bundle.code = failed.reason, failed.code
        if failed.reason is Reason.CANCELLED:
            state.remember_cancelled(failed.settlement)
    for number in ended:
        bundle = state.bundles[number]
        if bundle.reason is Reason.CANCELLED:
            state.drop(bundle)
        else:
            state.wait(bundle)
            state.stuck.discard(number)


def _lapse(state: SettlementState, event: e.SettlementsLapsed, _position: Position) -> None:
    for number in event.bundles:
        bundle = state.bundles[number]
        for live in bundle.settlements:
            state.unsettled.add(live.number)
        state.drop(bundle)


def _postpone(state: SettlementState, event: e.SettlementsPostponed, _position: Position) -> None:
    for number, starts_at_us in event.bundles:
        bundle = state.bundles[number]
        bundle.starts_at_us = starts_at_us
        state.wait(bundle)


def _offer(state: SettlementState, event: e.PartialOffered, _position: Position) -> None:
    live = state.settlements[event.settlement]
    live.offered_minor = event.quantity_minor
    state.wait(state.bundles[live.terms.bundle])


def _at(state: SettlementState, number: int, domain: str) -> tuple[Bundle, Part]:
    bundle = state.bundles[number]
    round_ = bundle.round
    part = None if round_ is None else round_.part_at(domain)
    assert part is not None, f"bundle {number} does nothing at {domain!r}"
    return bundle, part


# -- days, tables, domains ------------------------------------------------------------------------


def _accrue(state: SettlementState, event: e.PenaltiesAccrued, _position: Position) -> None:
    last = event.penalties[-1]
    if last.penalty is PenaltyKind.SEFP:
        state.accrued = last.settlement


def _close_day(state: SettlementState, event: e.DayClosed, _position: Position) -> None:
    state.closed_day = event.day
    state.accrued = 0


def _set_instrument(state: SettlementState, event: e.InstrumentSet, _position: Position) -> None:
    state.instruments[event.instrument.code] = event.instrument
    state.wait_all()


def _set_rate(state: SettlementState, event: e.PenaltyRateSet, _position: Position) -> None:
    state.rates.setdefault(event.penalty_class, {})[event.valid_from] = event.rate_ppm


def _set_domain(state: SettlementState, event: e.DomainStateSet, _position: Position) -> None:
    domain = state.domains.setdefault(event.domain, DomainStanding())
    if domain.state is DomainState.QUARANTINED and event.state is DomainState.OPEN:
        domain.height, domain.executed = 0, []  # it was reconciled: from here on it counts anew
    domain.state = event.state
    state.bar(event.domain)
    state.wait_all()


def _hear(state: SettlementState, name: str, height: int) -> None:
    """Note up to where a domain is durable."""
    if not height:
        return
    domain = state.domains.get(name)
    if domain is None:
        state.domains[name] = DomainStanding(height=height)
    elif height > domain.height:
        domain.height = height


Evolve = Callable[[SettlementState, Any, Position], None]
_EVOLVE: dict[type[Event], Evolve] = {
    e.SettlementsInstructed: _instruct,
    e.SettlementMatched: _match,
    e.SettlementHeld: _hold,
    e.SettlementReleased: _release,
    e.CancelAsked: _ask_cancel,
    e.RetryAsked: _retry,
    e.RoundsStarted: _start,
    e.DeedsOrdered: _order,
    e.HoldsPlaced: _held,
    e.DeedsRefused: _refuse,
    e.RoundsDecided: _decide,
    e.DeedsExecuted: _executed,
    e.HoldsReleased: _released,
    e.RoundsSettled: _settle,
    e.RoundsRecycled: _recycle,
    e.SettlementsFailed: _fail,
    e.SettlementsLapsed: _lapse,
    e.SettlementsPostponed: _postpone,
    e.PartialOffered: _offer,
    e.PenaltiesAccrued: _accrue,
    e.DayClosed: _close_day,
    e.InstrumentSet: _set_instrument,
    e.PenaltyRateSet: _set_rate,
    e.DomainStateSet: _set_domain,
}
