"""What does the operator say about instruments, penalties and domains?"""

from __future__ import annotations

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.settlement import checks
from nostro.settlement.commands import Denial, SetDomainState, SetInstrument, SetPenaltyRate
from nostro.settlement.dates import day_named
from nostro.settlement.days import ROUNDS_PER_TICK_MAX
from nostro.settlement.events import DomainStateSet, InstrumentSet, PenaltyRateSet
from nostro.settlement.live import Decided
from nostro.settlement.penalties import PPM, is_class, is_rated
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import AMOUNT_MINOR_MAX, Deed, DomainState, Reason


def set_instrument(
    state: SettlementState, command: SetInstrument, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide SetInstrument."""
    instrument = command.instrument
    checks.check_asset("code", instrument.code)
    checks.check_domain(policy, instrument.domain)
    if not 1 <= instrument.lot_minor <= AMOUNT_MINOR_MAX:
        raise Rejection("settlement.bad_lot", asset=instrument.code, lot_minor=instrument.lot_minor)
    if not policy.days.knows(instrument.calendar):
        raise Rejection("settlement.calendar_unknown", calendar=instrument.calendar[:64])
    if not is_class(instrument.penalty_class):
        raise Rejection(
            "settlement.penalty_class_unknown", penalty_class=instrument.penalty_class[:64]
        )
    if state.instruments.get(instrument.code) == instrument:
        return Decision(body={"instrument": instrument.code})
    return Decision(
        events=[InstrumentSet(instrument, context.actor)], body={"instrument": instrument.code}
    )


def set_penalty_rate(
    state: SettlementState, command: SetPenaltyRate, context: Context, _policy: SettlementPolicy
) -> Decision:
    """Decide SetPenaltyRate."""
    day = day_named("valid_from", command.valid_from)
    name, rate_ppm = command.penalty_class, command.rate_ppm
    if not is_rated(name) or not 0 <= rate_ppm <= PPM:
        raise Rejection(
            "settlement.bad_rate", penalty_class=name[:64], rate_ppm=rate_ppm, rate_max_ppm=PPM
        )
    body = {"penalty_class": name, "valid_from": command.valid_from, "rate_ppm": rate_ppm}
    if state.rates.get(name, {}).get(day) == rate_ppm:
        return Decision(body=body)
    return Decision(events=[PenaltyRateSet(name, day, rate_ppm, context.actor)], body=body)


def set_domain_state(
    state: SettlementState, command: SetDomainState, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide SetDomainState. What a quarantined domain said it holds is not to be relied on: rounds
    that need it and are not decided are aborted, as many as a row is to have, and the others by the
    Ticks that follow."""
    domain = command.domain
    checks.check_domain(policy, domain)
    standing = state.domains.get(domain)
    before = DomainState.OPEN if standing is None else standing.state
    body = {"domain": domain, "state": str(command.state)}
    if before is command.state or not _counts(state, domain, command.denied):
        return Decision(body=body)
    events: list[Event] = [DomainStateSet(domain, command.state, command.reason, context.actor)]
    if command.state is DomainState.QUARANTINED:
        course = Course(state, policy, context.at_us)
        left = ROUNDS_PER_TICK_MAX
        for bundle, round_ in state.open_rounds():
            if left <= 0:
                break
            if round_.decided is Decided.NOT_YET and round_.part_at(domain) is not None:
                course.abort(bundle, round_, Reason.DOMAIN_UNAVAILABLE)
                left -= len(bundle.settlements)
        events += course.events()
    return Decision(events=events, body=body)


def _counts(state: SettlementState, domain: str, denied: Denial | None) -> bool:
    """Tell whether what a domain denies, if anything, is what we still go by."""
    if denied is None:
        return True
    if denied.held is None:
        standing = state.domains.get(domain)
        return standing is not None and standing.height >= denied.height
    number, round_number = denied.held
    bundle = state.bundles.get(number)
    round_ = None if bundle is None else bundle.round
    if round_ is None or round_.number != round_number or round_.deed is Deed.RELEASE:
        return False
    part = round_.part_at(domain)
    return part is not None and part.held is not None
