"""Given events, when a command, then events or a refusal: the payments room alone, without flows.

Monday 2026-01-05 is day one; EUR and USD are open until 17:00 UTC, JPY until 08:00, all closed at
the weekend, EUR also on Thursday 2026-01-08. Netting slots are 07:00, 12:00 and 16:00.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event, Rejection, Tick
from nostro.kernel.room import Context, Position
from nostro.payments import (
    EVENTS,
    BusinessSchedule,
    CurrencyDays,
    NewPayment,
    OpenParticipant,
    PaymentsRoom,
    PaymentsState,
    Schedule,
    SubmitPayments,
    WindowClosed,
)
from nostro.payments.schedule import CLOSED_DAY

FIRST_DAY = date(2026, 1, 1).toordinal()
DAYS = 60
HOLIDAYS = {"EUR": {"2026-01-08"}, "USD": set[str](), "JPY": set[str](), "GBP": {"2026-01-07"}}
CUT_OFFS = {"EUR": 17 * 60, "USD": 17 * 60, "JPY": 8 * 60, "GBP": 6 * 60}
SLOTS = (7 * 60, 12 * 60, 16 * 60)
BANKS = ("ALFA", "BETA", "GAMA")


def at(text: str) -> int:
    """Return a time of day one, or with a date of any day, in microseconds."""
    said = text if "T" in text else f"2026-01-05T{text}"
    return int(datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp()) * 1_000_000


def business() -> BusinessSchedule:
    """Return the schedule of the tests."""
    days: dict[str, CurrencyDays] = {}
    for currency, cut_off in CUT_OFFS.items():
        shut = {date.fromisoformat(day).toordinal() for day in HOLIDAYS[currency]}
        cut_offs = tuple(
            CLOSED_DAY if day in shut or date.fromordinal(day).weekday() >= 5 else cut_off
            for day in range(FIRST_DAY, FIRST_DAY + DAYS)
        )
        days[currency] = CurrencyDays(FIRST_DAY, cut_offs)
    return BusinessSchedule(days, SLOTS)


def pay(transaction_id: str = "p1", **given: Any) -> NewPayment:
    """Return a payment of 100.00 EUR from ALFA to BETA, or what is given instead."""
    said: dict[str, Any] = {
        "transaction_id": transaction_id,
        "amount_minor": 10_000,
        "source_currency": "EUR",
        "destination_currency": "EUR",
        "source_account": f"vostro:ALFA:{given.get('source_currency', 'EUR')}",
        "destination_account": "DE89370400440532013000",
        "counterparty_id": "BETA",
    }
    return NewPayment(**{**said, **given})


def submit(*payments: NewPayment) -> SubmitPayments:
    """Return the submission of these payments."""
    return SubmitPayments(payments=list(payments))


class Play:
    """One room over one state; each command is a journal row of its own unless it is said that it
    belongs to the row before. Events go through the codec, as if they came out of the journal."""

    def __init__(
        self, schedule: Schedule | None = None, *, hot_max: int = 1_000, height: int = 0
    ) -> None:
        self.room = PaymentsRoom(
            schedule or business(),
            seen_hot_max=hot_max,
            ended_hot_max=hot_max,
            settled_hot_max=hot_max,
        )
        self.state: PaymentsState = self.room.new()
        self.height = height
        self.at_us = at("10:00:00")
        self.rows: dict[int, tuple[int, list[Event]]] = {}
        self.body: Any = None

    def opened(self) -> Play:
        """Three banks with all four currencies."""
        for bank in BANKS:
            self.when(OpenParticipant(participant_id=bank, name=bank, currencies=sorted(CUT_OFFS)))
        return self

    def when(
        self, command: Command, *, actor: str = "clerk", same_row: bool = False
    ) -> list[Event]:
        """Decide a command, apply its events and return them; raises Rejection."""
        self.height += not same_row
        context = Context(self.height, self.at_us, actor, self._recalled(command))
        decision = self.room.decide(self.state, command, context)
        assert decision.refusal is None
        events = Codec(EVENTS).decode_events(encode_events(decision.events))
        self.rows.setdefault(self.height, (self.at_us, []))[1].extend(events)
        for event in events:
            self.room.evolve(self.state, event, Position(self.height, self.at_us))
        self.body = decision.body
        return events

    def refused(self, command: Command, *, actor: str = "clerk") -> Rejection:
        """Decide a command that must be refused and change nothing, and return why."""
        before = self.room.digest(self.state)
        with pytest.raises(Rejection) as caught:
            self.when(command, actor=actor)
        assert self.room.digest(self.state) == before
        return caught.value

    def answer(self, command: Command) -> tuple[str, Any]:
        """Decide a command and return the code ("" when it is accepted) with body or facts."""
        try:
            self.when(command)
        except Rejection as no:
            return no.code, no.facts
        return "", self.body

    def until(self, text: str) -> list[WindowClosed]:
        """Let time pass, with a Tick whenever the room is due and one at the end, and return what
        has closed."""
        end_us, closed = at(text), []
        for _ in range(1_000):
            due = self.room.due(self.state)
            if due is None or due > end_us:
                break
            self.at_us = max(self.at_us, due)
            closed += self.when(Tick())
        self.at_us = max(self.at_us, end_us)
        windows = [event for event in closed if isinstance(event, WindowClosed)]
        assert len(windows) == len(closed)
        return windows

    def settle(self) -> Play:
        """Everything so far is durable."""
        self.room.settle(self.state, self.height)
        return self

    def replayed(self) -> PaymentsState:
        """Return the state that the rows give again."""
        state = self.room.new()
        for height, (at_us, events) in self.rows.items():
            for event in events:
                self.room.evolve(state, event, Position(height, at_us))
            self.room.settle(state, height)
        return state

    def reloaded(self) -> Play:
        """Return a play that goes on from a snapshot of this one."""
        copy = Play(height=self.height)
        copy.room, copy.at_us, copy.rows = self.room, self.at_us, dict(self.rows)
        copy.state = self.room.load(self.room.dump(self.state))
        return copy

    def check_memory(self) -> None:
        """Live, replayed and loaded states are one."""
        digest = self.room.digest(self.state)
        assert self.room.digest(self.replayed()) == digest
        loaded = self.room.load(self.room.dump(self.state))
        assert self.room.digest(loaded) == digest
        assert self.room.due(loaded) == self.room.due(self.state)

    def _recalled(self, command: Command) -> dict[str, Any]:
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            recalled.update(self.room.recall([key], self.rows[height][1]))
        return recalled
