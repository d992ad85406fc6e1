"""What does each event of the journal mean for each settlement?

The one place that says so: views, notices and messages tell what `Telling` makes of the journal.
An event speaks of many settlements, and of rounds; what a round is about is remembered here while
its settlements are open. A round that is posted at once goes through all its states at one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from nostro.kernel.messages import Event
from nostro.settlement.events import (
    CancelAsked,
    DayClosed,
    DeedsExecuted,
    DeedsOrdered,
    DeedsRefused,
    DomainStateSet,
    DoneDeed,
    FailedSettlement,
    HoldsPlaced,
    HoldsReleased,
    InstructedSettlement,
    InstrumentSet,
    PartialOffered,
    PenaltiesAccrued,
    PenaltyRateSet,
    RecycledRound,
    RetryAsked,
    RoundsDecided,
    RoundsRecycled,
    RoundsSettled,
    RoundsStarted,
    SettledRound,
    SettlementHeld,
    SettlementMatched,
    SettlementReleased,
    SettlementsFailed,
    SettlementsInstructed,
    SettlementsLapsed,
    SettlementsPostponed,
    StartedRound,
)
from nostro.settlement.remembered import KnownRound, KnownSettlement, Memory, about_of
from nostro.settlement.terms import Deed, Party, Reason, Status, Tranche, round_id
from nostro.settlement.told import (
    Aborted,
    About,
    Alleged,
    CancelWanted,
    CashLocked,
    Confirmed,
    Executing,
    Facts,
    Failed,
    HeldBack,
    Initiated,
    Instructed,
    LegExecuted,
    LetGo,
    Matched,
    Offered,
    PartiallySettled,
    PenaltyAccrued,
    Postponed,
    Recycled,
    RefusedBy,
    Retried,
    SecuritiesLocked,
    Settled,
    Told,
    ToldType,
)

# Looking up a member takes Python 3.11 as long as making a small struct.
POST, EXECUTE, RELEASE = Deed.POST, Deed.EXECUTE, Deed.RELEASE
PENDING, INITIATED, EXECUTING = Status.PENDING, Status.INITIATED, Status.EXECUTING
SECURITIES_LOCKED, CASH_LOCKED = Status.SELLER_SECURITIES_LOCKED, Status.BUYER_CASH_LOCKED
CONFIRMED, SETTLED, FAILED = Status.CONFIRMED, Status.SETTLED, Status.FAILED
PARTIALLY_SETTLED, CANCELLED = Status.PARTIALLY_SETTLED, Reason.CANCELLED
TOLD_INITIATED, TOLD_EXECUTING = ToldType.INITIATED, ToldType.EXECUTING
TOLD_SECURITIES_LOCKED = ToldType.SELLER_SECURITIES_LOCKED
TOLD_CASH_LOCKED = ToldType.BUYER_CASH_LOCKED
TOLD_CONFIRMED, TOLD_SETTLED = ToldType.CONFIRMED, ToldType.SETTLED


class Telling:
    """Folds the events of the settlement room, in the order of the journal.

    Needs everything from the first event on, or `remember` what is live at a height. `coordinator`:
    that of the policy. Events of other rooms tell nothing.
    """

    def __init__(self, coordinator: str) -> None:
        self._coordinator = coordinator
        self._live: dict[int, KnownSettlement] = {}
        self._bundles: dict[int, list[int]] = {}
        """The open settlements of each bundle of several."""
        self._rounds: dict[int, KnownRound] = {}
        self._told: list[Told] = []
        self._height = self._at_us = self._place = 0

    def remember(self, memory: Memory) -> None:
        """Start from what the room knows at a height."""
        self._live = {each.about.number: each for each in memory.settlements}
        self._bundles = {}
        for each in memory.settlements:
            self._join(each.about)
        self._rounds = dict(memory.rounds)
        self._told = []
        self._height = 0

    def fold(self, events: Iterable[Event], height: int, at_us: int) -> list[Told]:
        """Return what events of a journal row tell, in order; a row may be given in pieces."""
        if height != self._height:
            self._height, self._at_us, self._place = height, at_us, 0
        for event in events:
            hear = _HEAR.get(event.__class__)
            if hear is not None:
                hear(self, event)
        told, self._told = self._told, []
        return told

    def _tell(self, live: KnownSettlement, type: ToldType, facts: Facts) -> None:
        self._told.append(
            Told(live.about, type, live.status, self._height, self._at_us, self._place, facts)
        )
        self._place += 1

    # -- instructions ------------------------------------------------------------------------------

    def _join(self, about: About) -> None:
        if about.bundle != about.number:
            self._bundles.setdefault(about.bundle, [about.bundle]).append(about.number)

    def _instructed(self, event: SettlementsInstructed) -> None:
        for each in event.settlements:
            live = KnownSettlement(
                about_of(each), PENDING, each.quantity_minor, each.amount_minor, each.held
            )
            self._live[each.number] = live
            self._join(live.about)
            alleged = _missing_side(each)
            self._tell(
                live,
                ToldType.INSTRUCTED,
                Instructed(
                    quantity_minor=each.quantity_minor,
                    amount_minor=each.amount_minor,
                    trade_day=each.trade_day,
                    settlement_day=each.settlement_day,
                    matched=alleged is None,
                    on_hold=each.held,
                    origin=each.origin,
                ),
            )
            if alleged is not None:
                self._tell(
                    live,
                    ToldType.ALLEGED,
                    Alleged(alleged, each.quantity_minor, each.amount_minor, each.settlement_day),
                )

    def _matched(self, event: SettlementMatched) -> None:
        live = self._live[event.settlement]
        live.amount_minor = event.amount_minor
        live.about = msgspec.structs.replace(live.about, trade_id=event.trade_id)
        if event.held:
            live.on_hold = (*live.on_hold, event.side)
        facts = Matched(event.side, event.amount_minor, event.late_days, live.on_hold)
        self._tell(live, ToldType.MATCHED, facts)

    def _held(self, event: SettlementHeld) -> None:
        live = self._live[event.settlement]
        if event.side not in live.on_hold:
            live.on_hold = (*live.on_hold, event.side)
        self._tell(live, ToldType.HELD, HeldBack(event.side, event.actor, live.on_hold))

    def _released(self, event: SettlementReleased) -> None:
        live = self._live[event.settlement]
        if not event.quantity_minor:
            live.on_hold = tuple(side for side in live.on_hold if side is not event.side)
        facts = LetGo(event.side, event.quantity_minor or None, event.actor, live.on_hold)
        self._tell(live, ToldType.RELEASED, facts)

    def _cancel_asked(self, event: CancelAsked) -> None:
        live = self._live[event.settlement]
        asking = (Party(event.side),) if event.side else tuple(Party)
        live.cancel_asked = tuple(side for side in Party if side in (*live.cancel_asked, *asking))
        facts = CancelWanted(event.side, event.reason, event.actor, live.cancel_asked)
        self._tell(live, ToldType.CANCEL_ASKED, facts)

    def _retry_asked(self, event: RetryAsked) -> None:
        asked = self._live[event.settlement]
        asked.retry_count += 1
        for live in self._members(asked.about.bundle):
            live.status = live.waiting
            facts = Retried(event.reason, event.actor, live.retry_count, event.starts_at_us)
            self._tell(live, ToldType.RETRIED, facts)

    def _offered(self, event: PartialOffered) -> None:
        live = self._live[event.settlement]
        self._tell(live, ToldType.PARTIAL_OFFERED, Offered(event.quantity_minor or None))

    # -- rounds ------------------------------------------------------------------------------------

    def _members(self, bundle: int) -> list[KnownSettlement]:
        numbers = self._bundles.get(bundle)
        if numbers is None:
            return [self._live[bundle]]
        return [self._live[number] for number in numbers if number in self._live]

    def _started(self, event: RoundsStarted) -> None:
        for started in event.rounds:
            self._start(started)

    def _start(self, started: StartedRound) -> None:
        id = round_id(self._coordinator, started.bundle, started.round)
        self._rounds[started.bundle] = KnownRound(started.round, id, started.tranches)
        for tranche in started.tranches:
            live = self._live[tranche.settlement]
            live.status = INITIATED
            facts = Initiated(
                id, tranche.quantity_minor, tranche.amount_minor, started.settle_before_us
            )
            self._tell(live, TOLD_INITIATED, facts)

    def _placed(self, event: HoldsPlaced) -> None:
        for deed in event.rounds:
            round = self._round(deed)
            if round is not None:
                round.held[event.domain] = deed
                self._lock(round, event.domain)

    def _lock(self, round: KnownRound, domain: str) -> None:
        """Tell what the hold of a domain completes. Cash that is earmarked before the securities
        is told after them."""
        held = round.held
        for tranche in round.tranches:
            live = self._live[tranche.settlement]
            about = live.about
            securities, cash = about.securities_domain, about.cash_domain
            if domain == securities:
                live.status = SECURITIES_LOCKED
                self._tell(live, TOLD_SECURITIES_LOCKED, _securities_locked(round, tranche, about))
            if domain in (securities, cash) and securities in held and cash in held:
                live.status = CASH_LOCKED
                self._tell(live, TOLD_CASH_LOCKED, _cash_locked(round, tranche, about))

    def _refused(self, event: DeedsRefused) -> None:
        forward = event.deed is EXECUTE or event.deed is RELEASE
        type = ToldType.STUCK if forward else ToldType.REFUSED
        for deed in event.rounds:
            round = self._round(deed)
            if round is None:
                continue
            facts = RefusedBy(
                round.round_id,
                event.domain,
                event.deed,
                deed.reason,
                deed.code,
                deed.again_at_us,
            )
            for tranche in round.tranches:
                self._tell(self._live[tranche.settlement], type, facts)

    def _decided(self, event: RoundsDecided) -> None:
        for decided in event.rounds:
            round = self._round(decided)
            if round is None:
                continue
            if decided.commit:
                self._execute(round)
                continue
            facts = Aborted(round.round_id, decided.reason, decided.code)
            for tranche in round.tranches:
                self._tell(self._live[tranche.settlement], ToldType.ABORTED, facts)

    def _execute(self, round: KnownRound) -> None:
        for tranche in round.tranches:
            live = self._live[tranche.settlement]
            live.status = EXECUTING
            facts = Executing(round.round_id, tranche.quantity_minor, tranche.amount_minor)
            self._tell(live, TOLD_EXECUTING, facts)

    def _executed(self, event: DeedsExecuted) -> None:
        at_once = event.deed is POST
        for deed in event.rounds:
            round = self._round(deed)
            if round is None:
                continue
            if at_once:
                round.held[event.domain] = deed
                self._lock(round, event.domain)
                self._execute(round)
            else:
                self._execute_legs(round, event.domain, deed)
            round.executed[event.domain] = deed

    def _execute_legs(self, round: KnownRound, domain: str, deed: DoneDeed) -> None:
        """Tell those settlements that have a leg at this domain."""
        for tranche in round.tranches:
            live = self._live[tranche.settlement]
            securities = live.about.securities_domain == domain
            cash = live.about.cash_domain == domain
            if securities or cash:
                facts = LegExecuted(
                    round.round_id, domain, securities, cash, deed.reference, deed.contract_id
                )
                self._tell(live, ToldType.LEG_EXECUTED, facts)

    def _settled(self, event: RoundsSettled) -> None:
        for settled in event.rounds:
            round = self._rounds.pop(settled.bundle)
            still_open = dict(settled.open_minor)
            for tranche in settled.tranches:
                live = self._live[tranche.settlement]
                live.status = CONFIRMED
                live.settled_quantity_minor += tranche.quantity_minor
                live.settled_amount_minor += tranche.amount_minor
                self._tell(live, TOLD_CONFIRMED, _confirmed(round, tranche, live.about))
                if tranche.settlement in still_open:
                    self._settle_part(live, round, tranche, settled)
                else:
                    self._settle(live, round, tranche)

    def _settle(self, live: KnownSettlement, round: KnownRound, tranche: Tranche) -> None:
        live.status = SETTLED
        facts = Settled(
            round.round_id,
            tranche.quantity_minor,
            tranche.amount_minor,
            live.settled_quantity_minor,
            live.settled_amount_minor,
        )
        self._tell(live, TOLD_SETTLED, facts)
        self._forget(live)

    def _settle_part(
        self, live: KnownSettlement, round: KnownRound, tranche: Tranche, settled: SettledRound
    ) -> None:
        live.status = PARTIALLY_SETTLED
        facts = PartiallySettled(
            round_id=round.round_id,
            quantity_minor=tranche.quantity_minor,
            amount_minor=tranche.amount_minor,
            settled_quantity_minor=live.settled_quantity_minor,
            settled_amount_minor=live.settled_amount_minor,
            open_quantity_minor=live.quantity_minor - live.settled_quantity_minor,
            open_amount_minor=live.amount_minor - live.settled_amount_minor,
            starts_at_us=settled.starts_at_us,
        )
        self._tell(live, ToldType.PARTIALLY_SETTLED, facts)

    def _recycled(self, event: RoundsRecycled) -> None:
        for recycled in event.rounds:
            self._recycle(recycled)

    def _recycle(self, recycled: RecycledRound) -> None:
        self._rounds.pop(recycled.bundle, None)
        facts = Recycled(
            round_id(self._coordinator, recycled.bundle, recycled.round),
            recycled.reason,
            recycled.code,
            recycled.recycled,
            recycled.starts_at_us,
        )
        for live in self._members(recycled.bundle):
            live.status = live.waiting
            self._tell(live, ToldType.RECYCLED, facts)

    def _postponed(self, event: SettlementsPostponed) -> None:
        for bundle, starts_at_us in event.bundles:
            for live in self._members(bundle):
                self._tell(live, ToldType.POSTPONED, Postponed(starts_at_us))

    def _lapsed(self, event: SettlementsLapsed) -> None:
        for bundle in event.bundles:
            for live in list(self._members(bundle)):
                self._forget(live)

    def _failed(self, event: SettlementsFailed) -> None:
        ended: dict[int, str] = {}
        for failed in event.settlements:
            bundle = self._live[failed.settlement].about.bundle
            round = self._rounds.pop(bundle, None)
            if round is not None:
                ended[bundle] = round.round_id
            self._fail(failed, ended.get(bundle, ""))

    def _fail(self, failed: FailedSettlement, round_id: str) -> None:
        live = self._live[failed.settlement]
        live.status = FAILED
        facts = Failed(round_id, failed.reason, failed.code, failed.open_minor)
        self._tell(live, ToldType.FAILED, facts)
        if failed.reason is CANCELLED:
            self._forget(live)

    def _penalties(self, event: PenaltiesAccrued) -> None:
        for each in event.penalties:
            facts = PenaltyAccrued(
                each.day, each.penalty, each.failing, each.amount_minor, each.rate_ppm
            )
            self._tell(self._live[each.settlement], ToldType.PENALTY, facts)

    # -- what several of them need -----------------------------------------------------------------

    def _round(self, about: Any) -> KnownRound | None:
        """Return the round that a deed or a decision is about, if it is under way."""
        round = self._rounds.get(about.bundle)
        return round if round is not None and round.round == about.round else None

    def _forget(self, live: KnownSettlement) -> None:
        number, bundle = live.about.number, live.about.bundle
        del self._live[number]
        numbers = self._bundles.get(bundle)
        if numbers is not None:
            numbers.remove(number)
            if not numbers:
                del self._bundles[bundle]


def _missing_side(each: InstructedSettlement) -> Party | None:
    """Return the side that has not instructed yet."""
    if not each.seller_reference:
        return Party.SELLER
    return None if each.buyer_reference else Party.BUYER


def _securities_locked(round: KnownRound, tranche: Tranche, about: About) -> SecuritiesLocked:
    domain = about.securities_domain
    deed = round.held[domain]
    return SecuritiesLocked(
        round.round_id, tranche.quantity_minor, domain, deed.reference, deed.contract_id
    )


def _cash_locked(round: KnownRound, tranche: Tranche, about: About) -> CashLocked:
    domain = about.cash_domain
    deed = round.held[domain]
    return CashLocked(
        round.round_id, tranche.amount_minor, domain, deed.reference, deed.contract_id
    )


def _confirmed(round: KnownRound, tranche: Tranche, about: About) -> Confirmed:
    executed = round.executed
    securities, cash = executed[about.securities_domain], executed[about.cash_domain]
    # A ledger of ours names a row, in which it may have executed other rounds too.
    one_contract = len(executed) == 1 and bool(securities.contract_id)
    return Confirmed(
        round_id=round.round_id,
        quantity_minor=tranche.quantity_minor,
        amount_minor=tranche.amount_minor,
        dvp_atomic_transaction_id=securities.reference if one_contract else round.round_id,
        dvp_contract_id=securities.contract_id or cash.contract_id,
        securities_reference=securities.reference,
        cash_reference=cash.reference,
    )


_HEAR: Mapping[type[Event], Callable[[Telling, Any], None]] = {
    SettlementsInstructed: Telling._instructed,
    SettlementMatched: Telling._matched,
    SettlementHeld: Telling._held,
    SettlementReleased: Telling._released,
    CancelAsked: Telling._cancel_asked,
    RetryAsked: Telling._retry_asked,
    PartialOffered: Telling._offered,
    RoundsStarted: Telling._started,
    HoldsPlaced: Telling._placed,
    DeedsRefused: Telling._refused,
    RoundsDecided: Telling._decided,
    DeedsExecuted: Telling._executed,
    RoundsSettled: Telling._settled,
    RoundsRecycled: Telling._recycled,
    SettlementsFailed: Telling._failed,
    SettlementsLapsed: Telling._lapsed,
    SettlementsPostponed: Telling._postponed,
    PenaltiesAccrued: Telling._penalties,
}
SILENT: tuple[type[Event], ...] = (
    DeedsOrdered,
    HoldsReleased,
    DayClosed,
    InstrumentSet,
    PenaltyRateSet,
    DomainStateSet,
)
"""Events of the room that tell nothing of a settlement."""
