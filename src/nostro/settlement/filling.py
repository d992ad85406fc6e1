"""What does an instruction mean that leaves things out: where does it settle, and when?"""

from __future__ import annotations

from typing import NamedTuple

from nostro.kernel.messages import Event, Rejection
from nostro.settlement import checks
from nostro.settlement.calendar import next_open
from nostro.settlement.commands import NewSettlement, NewSide
from nostro.settlement.dates import day_named, first_start, instrument_of, name_of_day
from nostro.settlement.events import DayClosed
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import Instrument


class FilledTerms(NamedTuple):
    """What both kinds of instructions say, every default filled in."""

    security: Instrument
    securities_domain: str
    cash_domain: str
    calendars: tuple[str, ...]


class Desk:
    """What instructing needs to know, in one place."""

    __slots__ = ("at_us", "policy", "state", "today")

    def __init__(self, state: SettlementState, policy: SettlementPolicy, at_us: int) -> None:
        self.state = state
        self.policy = policy
        self.at_us = at_us
        self.today = policy.days.day_of(at_us)

    def terms_of(self, new: NewSettlement | NewSide, *, prefunded: bool = False) -> FilledTerms:
        """Return where and when an instruction settles; what is prefunded, where it was set aside.
        Raises as checks.check_lot and checks.check_domains do."""
        security = instrument_of(self.state, self.policy, new.security)
        cash = instrument_of(self.state, self.policy, new.cash)
        if security.lot_minor != 1:
            checks.check_lot(new.quantity_minor, security)
        ours = self.policy.coordinator
        securities_domain = new.securities_domain or (ours if prefunded else security.domain)
        cash_domain = new.cash_domain or (ours if prefunded else cash.domain)
        checks.check_domains(self.policy, securities_domain, cash_domain, prefunded=prefunded)
        calendars: tuple[str, ...] = ()
        if security.calendar or cash.calendar:
            found = dict.fromkeys((security.calendar, cash.calendar))
            calendars = tuple(calendar for calendar in found if calendar)
        return FilledTerms(security, securities_domain, cash_domain, calendars)

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
