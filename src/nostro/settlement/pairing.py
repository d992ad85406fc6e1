"""How does a settlement come to be that each side instructs by itself?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.room import Context, Decision
from nostro.settlement import checks
from nostro.settlement.commands import InstructSide, NewSide
from nostro.settlement.dates import day_named
from nostro.settlement.events import (
    InstructedSettlement,
    PenaltiesAccrued,
    SettlementMatched,
    SettlementsInstructed,
)
from nostro.settlement.filling import Desk, FilledTerms
from nostro.settlement.live import Live, copied, side_of
from nostro.settlement.matching import OneSide, agreed_amount
from nostro.settlement.names import fingerprint_of, reference_name
from nostro.settlement.penalties import Fail, late_matching_penalties
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import Partial, Party, Status, settlement_id


def instruct_side(
    state: SettlementState, command: InstructSide, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide InstructSide."""
    new = command.instruction
    known = _known_side(state, new, context)
    if known is not None:
        return known
    desk = Desk(state, policy, context.at_us)
    side, terms = _side_of(desk, new)
    found = state.unmatched.oldest_agreeing(side)
    if found is None:
        _check_waiting(state, policy, new.party)
        return _alleged(desk, new, side, terms)
    return _matched(desk, new, side, terms, state.settlements[found])


def _check_waiting(state: SettlementState, policy: SettlementPolicy, party: str) -> None:
    """Raise Rejection `settlement.too_many_unmatched`."""
    waiting = state.unmatched.count_of(party)
    if waiting >= policy.unmatched_max:
        raise Rejection(
            "settlement.too_many_unmatched",
            party=party,
            unmatched=waiting,
            unmatched_max=policy.unmatched_max,
        )


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
    return Decision(body=_side_told(number, state.standing(number), matched=matched, exists=True))


def _side_told(number: int, status: Status, *, matched: bool, exists: bool) -> dict[str, Any]:
    return {
        "settlement": number,
        "settlement_id": settlement_id(number),
        "status": str(status),
        "matched": matched,
        "exists": exists,
    }


def _side_of(desk: Desk, new: NewSide) -> tuple[OneSide, FilledTerms]:
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


def _alleged(desk: Desk, new: NewSide, side: OneSide, terms: FilledTerms) -> Decision:
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
        seller_partial=new.partial if selling else Partial.NPAR,
        buyer_partial=Partial.NPAR if selling else new.partial,
        seller_partial_min_minor=new.partial_min_minor if selling else 0,
        buyer_partial_min_minor=0 if selling else new.partial_min_minor,
        held=(new.side,) if new.held else (),
        fingerprint=fingerprint_of(new),
    )
    return Decision(
        events=[*desk.day_before(), SettlementsInstructed([instructed])],
        body=_side_told(number, Status.PENDING, matched=False, exists=False),
    )


def _matched(desk: Desk, new: NewSide, side: OneSide, terms: FilledTerms, live: Live) -> Decision:
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
