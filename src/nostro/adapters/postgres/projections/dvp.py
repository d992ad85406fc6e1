"""Which rows do settlements leave: as they stand, what happened to them, penalties, instruments?

What an event means for a settlement is said by `Telling`; only what an instruction says of itself
is taken from the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from nostro.adapters.postgres.projections.dvp_tables import DvpTables, seq_of
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.settlement import (
    Aborted,
    CancelWanted,
    CashLocked,
    Confirmed,
    DeedsExecuted,
    DeedsRefused,
    DomainState,
    DomainStateSet,
    Executing,
    Failed,
    HeldBack,
    HoldsPlaced,
    HoldsReleased,
    Initiated,
    InstructedSettlement,
    InstrumentSet,
    LegExecuted,
    LetGo,
    Matched,
    PartiallySettled,
    Party,
    PenaltyAccrued,
    PenaltyRateSet,
    Postponed,
    Recycled,
    RefusedBy,
    Retried,
    SecuritiesLocked,
    Settled,
    SettlementMatched,
    SettlementsInstructed,
    SettlementState,
    Status,
    Telling,
    Told,
    remembered,
)

PENDING = Status.PENDING
OPEN, QUARANTINED = DomainState.OPEN, DomainState.QUARANTINED
_NO_REFERENCES = {
    "seller_securities_ref": "",
    "buyer_securities_ref": "",
    "seller_cash_ref": "",
    "buyer_cash_ref": "",
    "dvp_atomic_transaction_id": "",
    "dvp_contract_id": "",
}


_NOTHING_IN_THE_WAY = {"waiting_reason": "", "waiting_code": ""}


class DvpProjection:
    """Keeps the views of settlements. `coordinator`: the chain's name."""

    room = "settlement"

    def __init__(self, tables: DvpTables, coordinator: str) -> None:
        self._tables = tables
        self._coordinator = coordinator
        self._telling = Telling(coordinator)
        self._heights: dict[str, int] = {}
        """Up to where each domain has said to be durable."""
        self._states: dict[str, DomainState] = {}

    def restore(self, state: SettlementState) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()
        memory = remembered(state, self._coordinator)
        self._telling.remember(memory)
        self._heights = dict(memory.domain_heights)
        self._states = dict(memory.domain_states)

    def before(self, event: Event, position: Position, state: SettlementState) -> None:
        """Do nothing: all is told after."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        match event:
            case SettlementsInstructed(settlements):
                for each in settlements:
                    self._instruct(each, position)
            case SettlementMatched():
                self._match(event)
            case HoldsPlaced() | DeedsExecuted() | DeedsRefused() | HoldsReleased() if (
                event.domain_height > self._heights.get(event.domain, 0)
            ):
                self._note_height(event.domain, event.domain_height, position)
            case InstrumentSet() | PenaltyRateSet() | DomainStateSet():
                self._set(event, position)
        for told in self._telling.fold((event,), position.height, position.at_us):
            self._tables.tell(told)
            self._follow(told)

    # -- instructions ------------------------------------------------------------------------------

    def _instruct(self, each: InstructedSettlement, position: Position) -> None:
        self._tables.settlements.insert(
            each.number,
            each.bundle,
            each.trade_id,
            each.seller,
            each.buyer,
            each.security,
            each.cash,
            each.quantity_minor,
            each.amount_minor,
            0,
            0,
            each.securities_domain,
            each.cash_domain,
            PENDING,
            bool(each.seller_reference and each.buyer_reference),
            each.held,
            (),
            each.seller_reference,
            each.buyer_reference,
            each.seller_partial,
            each.buyer_partial,
            each.seller_partial_min_minor,
            each.buyer_partial_min_minor,
            day_name(each.trade_day),
            day_name(each.settlement_day),
            each.starts_at_us,
            "",
            0,
            0,
            0,
            0,
            0,
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            each.prefunded,
            each.origin,
            position.at_us,
            None,
            None,
            None,
            None,
            position.at_us,
            position.height,
        )

    def _match(self, event: SettlementMatched) -> None:
        side = event.side.value
        self._tables.settlements.patch(
            event.settlement,
            matched=True,
            trade_id=event.trade_id,
            starts_at_us=event.starts_at_us,
            **{
                f"{side}_reference": event.reference,
                f"{side}_partial": event.partial,
                f"{side}_partial_min": event.partial_min_minor,
            },
        )

    # -- what is told ------------------------------------------------------------------------------

    def _follow(self, told: Told) -> None:
        """Change the row of a settlement by what happened to it."""
        facts = told.facts
        if isinstance(facts, PenaltyAccrued):
            self._accrue(told, facts)
            return
        change = _CHANGES.get(facts.__class__)
        self._tables.settlements.patch(
            told.about.number,
            status=told.status,
            last_at_us=told.at_us,
            last_height=told.height,
            **(change(facts, told.at_us) if change else {}),
        )

    def _accrue(self, told: Told, facts: PenaltyAccrued) -> None:
        about = told.about
        parties = (about.seller, about.buyer)
        failing, other = parties if facts.failing is Party.SELLER else reversed(parties)
        self._tables.penalties.insert(
            seq_of(told),
            day_name(facts.day),
            about.number,
            facts.penalty,
            facts.failing,
            failing,
            other,
            about.cash,
            facts.amount_minor,
            facts.rate_ppm,
            told.at_us,
            told.height,
        )

    # -- domains, and what operators set -----------------------------------------------------------

    def _note_height(self, domain: str, height: int, position: Position) -> None:
        self._heights[domain] = height
        self._tables.domains.ensure(domain, OPEN, "", "", 0, position.at_us, position.height)
        self._tables.domains.patch(domain, domain_height=height, last_height=position.height)

    def _set(
        self, event: InstrumentSet | PenaltyRateSet | DomainStateSet, position: Position
    ) -> None:
        tables = self._tables
        when = {"set_at_us": position.at_us, "last_height": position.height}
        match event:
            case InstrumentSet(instrument, actor):
                told = {
                    "domain": instrument.domain,
                    "lot": instrument.lot_minor,
                    "calendar": instrument.calendar,
                    "penalty_class": instrument.penalty_class,
                    "actor": actor,
                    **when,
                }
                tables.instruments.ensure(instrument.code, *told.values())
                tables.instruments.patch(instrument.code, **told)
            case PenaltyRateSet(penalty_class, valid_from, rate_ppm, actor):
                rate = {"rate_ppm": rate_ppm, "actor": actor, **when}
                day = day_name(valid_from)
                tables.penalty_rates.ensure(penalty_class, day, *rate.values())
                tables.penalty_rates.patch(penalty_class, day, **rate)
            case DomainStateSet():
                self._set_domain(event, when)

    def _set_domain(self, event: DomainStateSet, when: Mapping[str, int]) -> None:
        if event.state is OPEN and self._states.get(event.domain) is QUARANTINED:
            self._heights.pop(event.domain, None)
        self._states[event.domain] = event.state
        told = {
            "state": event.state,
            "reason": event.reason,
            "actor": event.actor,
            "domain_height": self._heights.get(event.domain, 0),
            **when,
        }
        self._tables.domains.ensure(event.domain, *told.values())
        self._tables.domains.patch(event.domain, **told)


Changes = dict[str, Any]
"""Columns of a settlement's row, and what they become."""


def _matched(facts: Matched, _at_us: int) -> Changes:
    return {"amount": facts.amount_minor, "on_hold": facts.on_hold}


def _on_hold(facts: HeldBack | LetGo, _at_us: int) -> Changes:
    return {"on_hold": facts.on_hold}


def _cancel_asked(facts: CancelWanted, _at_us: int) -> Changes:
    return {"cancel_asked": facts.asked_by}


def _retried(facts: Retried, _at_us: int) -> Changes:
    return {
        "retry_count": facts.retry_count,
        "starts_at_us": facts.starts_at_us,
        "failure_reason": "",
        "failure_code": "",
        "failed_at_us": None,
    }


def _initiated(facts: Initiated, at_us: int) -> Changes:
    return {
        **_NO_REFERENCES,
        **_NOTHING_IN_THE_WAY,
        "round_id": facts.round_id,
        "round_quantity": facts.quantity_minor,
        "round_amount": facts.amount_minor,
        "settle_before_us": facts.settle_before_us,
        "initiated_at_us": at_us,
    }


def _securities_locked(facts: SecuritiesLocked, _at_us: int) -> Changes:
    return {"seller_securities_ref": facts.reference, "dvp_contract_id": facts.contract_id}


def _cash_locked(facts: CashLocked, _at_us: int) -> Changes:
    return {"buyer_cash_ref": facts.reference, "dvp_contract_id": facts.contract_id}


def _refused(facts: RefusedBy | Aborted, _at_us: int) -> Changes:
    return {"waiting_reason": facts.reason, "waiting_code": facts.code}


def _executing(_facts: Executing, _at_us: int) -> Changes:
    return {**_NOTHING_IN_THE_WAY}


def _leg_executed(facts: LegExecuted, _at_us: int) -> Changes:
    changes: Changes = {}
    if facts.securities:
        changes |= dict.fromkeys(("seller_securities_ref", "buyer_securities_ref"), facts.reference)
    if facts.cash:
        changes |= dict.fromkeys(("seller_cash_ref", "buyer_cash_ref"), facts.reference)
    if facts.contract_id:
        changes["dvp_contract_id"] = facts.contract_id
    return changes


def _confirmed(facts: Confirmed, at_us: int) -> Changes:
    return {
        "dvp_atomic_transaction_id": facts.dvp_atomic_transaction_id,
        "dvp_contract_id": facts.dvp_contract_id,
        "seller_securities_ref": facts.securities_reference,
        "buyer_securities_ref": facts.securities_reference,
        "seller_cash_ref": facts.cash_reference,
        "buyer_cash_ref": facts.cash_reference,
        "confirmed_at_us": at_us,
    }


def _settled(facts: Settled, at_us: int) -> Changes:
    return {
        "settled_quantity": facts.settled_quantity_minor,
        "settled_amount": facts.settled_amount_minor,
        "settled_at_us": at_us,
    }


def _partially_settled(facts: PartiallySettled, _at_us: int) -> Changes:
    return {
        "settled_quantity": facts.settled_quantity_minor,
        "settled_amount": facts.settled_amount_minor,
        "starts_at_us": facts.starts_at_us,
    }


def _recycled(facts: Recycled, _at_us: int) -> Changes:
    return {
        **_NO_REFERENCES,
        "waiting_reason": facts.reason,
        "waiting_code": facts.code,
        "recycled": facts.recycled,
        "starts_at_us": facts.starts_at_us,
    }


def _postponed(facts: Postponed, _at_us: int) -> Changes:
    return {"starts_at_us": facts.starts_at_us}


def _failed(facts: Failed, at_us: int) -> Changes:
    """What the round of one that failed had earmarked is released, and nothing goes by its name."""
    return {
        **(_NO_REFERENCES if facts.round_id else {}),
        "failure_reason": facts.reason,
        "failure_code": facts.code,
        "failed_at_us": at_us,
    }


_CHANGES: Mapping[type, Callable[[Any, int], Changes]] = {
    Matched: _matched,
    HeldBack: _on_hold,
    LetGo: _on_hold,
    CancelWanted: _cancel_asked,
    Retried: _retried,
    Initiated: _initiated,
    SecuritiesLocked: _securities_locked,
    CashLocked: _cash_locked,
    RefusedBy: _refused,
    Aborted: _refused,
    Executing: _executing,
    LegExecuted: _leg_executed,
    Confirmed: _confirmed,
    Settled: _settled,
    PartiallySettled: _partially_settled,
    Recycled: _recycled,
    Postponed: _postponed,
    Failed: _failed,
}
"""What each fact changes, at its time, besides the status; what is not there changes nothing."""


@lru_cache(maxsize=1_024)
def day_name(day: int) -> str:
    """Return an ordinal day as an ISO date."""
    return date.fromordinal(day).isoformat()
