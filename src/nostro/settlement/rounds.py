"""How do rounds begin, how are they decided, and what comes after them?

A `Course` collects what follows for many rounds at once, and tells it in as few events as there can
be. Nothing here changes the state: what the events of the same decision say before these is told to
the functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.movement import Lacking
from nostro.settlement import events as e
from nostro.settlement.dates import calendars_of, first_start, next_day_start, next_window
from nostro.settlement.live import Bundle, Decided, Live, Part, PartStage, Round
from nostro.settlement.locks import parts_of
from nostro.settlement.partials import allows_parts, cash_of, possible
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import LACKING, Deed, Reason, Status, Tranche, round_id

NEVER_ASKED = PartStage.FRESH


class Course:
    """What follows in one decision."""

    __slots__ = (
        "_at_us",
        "_decided",
        "_failed",
        "_offered",
        "_orders",
        "_policy",
        "_postponed",
        "_recycled",
        "_settled",
        "_started",
        "_state",
    )

    def __init__(self, state: SettlementState, policy: SettlementPolicy, at_us: int) -> None:
        self._state = state
        self._policy = policy
        self._at_us = at_us
        self._decided: list[e.DecidedRound] = []
        self._settled: list[e.SettledRound] = []
        self._recycled: list[e.RecycledRound] = []
        self._failed: list[e.FailedSettlement] = []
        self._postponed: list[tuple[int, int]] = []
        self._offered: list[e.PartialOffered] = []
        self._started: list[e.StartedRound] = []
        self._orders: dict[tuple[str, Deed], list[e.DeedOrder]] = {}

    def events(self) -> Iterator[Event]:
        """Yield what follows, in the order in which it is to be applied."""
        if self._decided:
            yield e.RoundsDecided(self._decided)
        if self._settled:
            yield e.RoundsSettled(self._settled)
        if self._recycled:
            yield e.RoundsRecycled(self._recycled)
        if self._failed:
            yield e.SettlementsFailed(self._failed)
        if self._postponed:
            yield e.SettlementsPostponed(self._postponed)
        yield from self._offered
        if self._started:
            yield e.RoundsStarted(self._started)
        size = self._policy.batch_size
        for (domain, deed), orders in self._orders.items():
            local = domain == self._policy.coordinator
            for begin in range(0, len(orders), size):
                yield e.DeedsOrdered(domain, local, deed, orders[begin : begin + size])

    def status_after(self, live: Live, *, retried: bool = False) -> Status:
        """Return where a settlement stands once this has followed; `retried`: it has not failed any
        more."""
        bundle = live.terms.bundle
        if any(each.settlement == live.number for each in self._failed):
            return Status.FAILED
        if any(each.bundle == bundle for each in self._started):
            return Status.INITIATED
        if retried or any(each.bundle == bundle for each in self._recycled):
            return Status.PARTIALLY_SETTLED if live.settled_minor else Status.PENDING
        return self._state.status_of(live)

    # -- beginning --------------------------------------------------------------------------------

    def start(self, bundle: Bundle, quantities: Iterable[int]) -> None:
        """Begin the next round of a bundle, for so much of each of its settlements."""
        number = bundle.rounds + 1
        legs = [
            (live.terms, Tranche(live.number, quantity, cash_of(live.terms, quantity, live.done)))
            for live, quantity in zip(bundle.settlements, quantities, strict=True)
        ]
        parts = parts_of(legs)
        first = parts[0]
        at_once = len(parts) == 1 and first.domain == self._policy.coordinator
        settle_before_us = self._at_us + self._policy.timeout_us
        tranches = [tranche for _, tranche in legs]
        self._started.append(
            e.StartedRound(bundle.number, number, settle_before_us, tranches, parts, at_once)
        )
        deed = Deed.POST if at_once else Deed.HOLD
        self._order(bundle.number, number, first, deed, attempt=1)

    def start_if_due(self, bundle: Bundle) -> None:
        """Begin the next round of a bundle whose time has come, if nothing keeps it back; on a day
        that is no settlement day of it, on the next that is."""
        if bundle.starts_at_us > self._at_us or not self._state.can_start(bundle):
            return
        starts_at_us = self._opening(bundle)
        if starts_at_us != self._at_us:
            self._postponed.append((bundle.number, starts_at_us))
            return
        quantities = [self._state.next_quantity(live) for live in bundle.settlements]
        only = bundle.only
        if only is not None and bundle.part_next:
            part = self._possible_part(only, bundle.lacking)
            if 0 < part < quantities[0]:
                self._offered.append(e.PartialOffered(only.number, part))
                quantities = [part]
        self.start(bundle, quantities)

    def _opening(self, bundle: Bundle) -> int:
        """Return when a round of a bundle may begin from now on."""
        days, at_us = self._policy.days, self._at_us
        calendars = self._calendars(bundle)
        if not calendars:
            return at_us
        today = days.day_of(at_us)
        try:
            return first_start(days, today, calendars, at_us=at_us, today=today)
        except Rejection:
            return days.start_of(today + 1)  # no table tells; another may by then

    def _calendars(self, bundle: Bundle) -> tuple[str, ...]:
        assets = [
            asset for live in bundle.settlements for asset in (live.terms.security, live.terms.cash)
        ]
        return calendars_of(self._state, self._policy, assets)

    # -- asking -----------------------------------------------------------------------------------

    def ask(self, bundle: Bundle, round_: Round, part: Part) -> None:
        """Ask a domain for what the round is at, once more."""
        self._order(bundle.number, round_.number, part.terms, round_.deed, attempt=part.asked + 1)

    def _order(
        self, bundle: int, number: int, part: e.RoundPart, deed: Deed, *, attempt: int
    ) -> None:
        name = round_id(self._policy.coordinator, bundle, number)
        match deed:
            case Deed.HOLD:
                order = e.DeedOrder(bundle, number, name, part.locks, part.moves, attempt)
            case Deed.POST:
                order = e.DeedOrder(bundle, number, name, [], part.moves, attempt)
            case Deed.EXECUTE | Deed.RELEASE:
                order = e.DeedOrder(bundle, number, name, attempt=attempt)
        self._orders.setdefault((part.domain, deed), []).append(order)

    # -- deciding ---------------------------------------------------------------------------------

    def commit(self, bundle: Bundle, round_: Round) -> None:
        """Decide that a round is executed, and have it done everywhere."""
        self._decided.append(e.DecidedRound(bundle.number, round_.number, commit=True))
        for part in round_.parts:
            self._order(bundle.number, round_.number, part.terms, Deed.EXECUTE, attempt=1)

    def abort(
        self,
        bundle: Bundle,
        round_: Round,
        reason: Reason,
        code: str = "",
        lacking: Sequence[Lacking] | None = None,
    ) -> None:
        """Decide that a round does nothing, and have every domain that was ever asked release it:
        also those whose answer is not known. A post that was refused left nothing to release.
        `lacking`: what this very decision heard of, None when nothing."""
        self._decided.append(
            e.DecidedRound(bundle.number, round_.number, commit=False, reason=reason, code=code)
        )
        if round_.at_once:
            self.over(bundle, round_, reason, code, lacking)
            return
        for part in round_.parts:
            if part.stage is not NEVER_ASKED:
                self._order(bundle.number, round_.number, part.terms, Deed.RELEASE, attempt=1)

    # -- ending -----------------------------------------------------------------------------------

    def settle(self, bundle: Bundle, round_: Round) -> None:
        """End a round that every domain has executed."""
        open_minor = []
        for tranche in round_.tranches:
            live = self._state.settlements[tranche.settlement]
            left_minor = live.open_minor - tranche.quantity_minor
            if left_minor:
                open_minor.append((live.number, left_minor))
        starts_at_us = self._after_part(bundle) if open_minor else 0
        self._settled.append(
            e.SettledRound(bundle.number, round_.number, round_.tranches, open_minor, starts_at_us)
        )

    def _after_part(self, bundle: Bundle) -> int:
        """Return when what is left after a part may be tried: where a side let only a part go, once
        it lets go more; else when something may have arrived."""
        if not any(live.offered_minor for live in bundle.settlements):
            return self._at_us
        calendars = self._calendars(bundle)
        window = next_window(self._policy, calendars, at_us=self._at_us)
        if window is not None:
            return window
        following = next_day_start(self._policy, calendars, at_us=self._at_us)
        return self._at_us if following is None else following

    def over(
        self,
        bundle: Bundle,
        round_: Round,
        reason: Reason,
        code: str,
        lacking: Sequence[Lacking] | None = None,
    ) -> None:
        """End a round that did nothing, and for which nothing is earmarked: the bundle ends, or
        waits for another round."""
        if bundle.cancelled or reason is Reason.CANCELLED:
            self.fail(bundle, Reason.CANCELLED)
        elif bundle.on_hold or reason is Reason.HELD_BACK:
            held = bundle.on_hold or round_.decided is Decided.NOT_YET
            starts_at_us = 0 if held else self._at_us
            self._recycle(bundle, round_, Reason.HELD_BACK, code, starts_at_us)
        elif reason is Reason.DOMAIN_UNAVAILABLE:
            self._recycle(bundle, round_, reason, code, self._at_us)
        else:
            found = bundle.lacking if lacking is None else lacking
            if not self._go_on_with_part(bundle, round_, reason, code, found):
                self._go_on_later(bundle, round_, reason, code)

    def _go_on_with_part(
        self,
        bundle: Bundle,
        round_: Round,
        reason: Reason,
        code: str,
        lacking: Sequence[Lacking],
    ) -> bool:
        """Offer a part, if one is possible: a smaller one than this round tried, so that this comes
        to an end. Its round begins at once, unless a domain or the day is closed."""
        live = bundle.only
        if live is None or reason not in LACKING:
            return False
        part = self._possible_part(live, lacking)
        if not 0 < part < round_.tranches[0].quantity_minor:
            return False
        starts_at_us = self._opening(bundle)
        self._recycle(bundle, round_, reason, code, starts_at_us)
        if starts_at_us == self._at_us and not self._state.is_shut_out(bundle):
            self._offered.append(e.PartialOffered(live.number, part))
            self.start(bundle, [part])
        return True

    def _possible_part(self, live: Live, lacking: Sequence[Lacking]) -> int:
        """Return which part of a settlement can settle with what is there, 0: none."""
        if not lacking or not allows_parts(live.terms):
            return 0
        lot_minor = self._state.lot_of(live.terms.security)
        return possible(live.terms, lacking, lot_minor=lot_minor, done=live.done)

    def _go_on_later(self, bundle: Bundle, round_: Round, reason: Reason, code: str) -> None:
        """Let a bundle wait for the next partial window, or for the next settlement day as long as
        it may."""
        calendars = self._calendars(bundle)
        live = bundle.only
        if live is not None and reason in LACKING and allows_parts(live.terms):
            window = next_window(self._policy, calendars, at_us=self._at_us)
            if window is not None:
                self._recycle(bundle, round_, reason, code, window)
                return
        following = next_day_start(self._policy, calendars, at_us=self._at_us)
        if following is not None and following == bundle.recycled_to_us:
            # Someone tried again today: a day counts once, or a party could use them all up.
            self._recycle(bundle, round_, reason, code, following)
        elif following is None or bundle.recycled >= self._policy.recycles_max:
            self.fail(bundle, reason, code)
        else:
            self._recycle(bundle, round_, reason, code, following, recycled=bundle.recycled + 1)

    def _recycle(
        self,
        bundle: Bundle,
        round_: Round,
        reason: Reason,
        code: str,
        starts_at_us: int,
        *,
        recycled: int | None = None,
    ) -> None:
        times = bundle.recycled if recycled is None else recycled
        self._recycled.append(
            e.RecycledRound(bundle.number, round_.number, reason, code, starts_at_us, times)
        )

    def fail(self, bundle: Bundle, reason: Reason, code: str = "") -> None:
        """End the settlements of a bundle."""
        self._failed += [
            e.FailedSettlement(live.number, reason, code, live.open_minor)
            for live in bundle.settlements
        ]
