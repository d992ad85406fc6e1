"""Given events, when a command, then events or a refusal: the risk room alone, and a slow twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Position
from nostro.risk import EVENTS, Reservation, RiskRoom, RiskState


class Play:
    """One room over one state; each command is a journal row of its own."""

    def __init__(self) -> None:
        self.room = RiskRoom()
        self.state: RiskState = self.room.new()
        self.height = 0
        self.history: list[Event] = []
        self.body: Any = None

    def when(self, command: Command, *, actor: str = "operator") -> list[Event]:
        """Decide a command, apply its events as they come out of the journal, and return them."""
        self.height += 1
        context = Context(self.height, self.height * 1_000, actor, {})
        decision = self.room.decide(self.state, command, context)
        events = Codec(EVENTS).decode_events(encode_events(decision.events))
        for event in events:
            self.room.evolve(self.state, event, Position(self.height, self.height * 1_000))
        self.history += events
        self.body = decision.body
        return events

    def refused(self, command: Command) -> Rejection:
        """Decide a command that must be refused, and return why."""
        before = self.room.dump(self.state)
        with pytest.raises(Rejection) as caught:
            self.when(command)
        assert self.room.dump(self.state) == before
        return caught.value

    def check_memory(self) -> None:
        """Live, replayed and loaded states are one."""
        replayed = self.room.new()
        for event in self.history:
            self.room.evolve(replayed, event, Position(1, 1))
        loaded = self.room.load(self.room.dump(self.state))
        digest = self.room.digest(self.state)
        assert self.room.digest(replayed) == digest
        assert self.room.digest(loaded) == digest
        for other in (replayed, loaded):
            assert _without_zeros(other.owed) == _without_zeros(self.state.owed)
            assert _without_zeros(other.totals) == _without_zeros(self.state.totals)


def _without_zeros(sums: dict[Any, int]) -> dict[Any, int]:
    return {key: value for key, value in sums.items() if value}


class Twin:
    """The same limits, held against a plain list of all open payments, one payment at a time."""

    def __init__(self) -> None:
        self.open: list[Reservation] = []
        self.limits: dict[tuple[str, str, str, str], int] = {}

    def owed(self, participant: str, currency: str) -> int:
        """What a participant owes net."""
        mine = [p for p in self.open if p.currency == currency]
        owes = sum(p.amount_minor for p in mine if p.payer == participant)
        return owes - sum(
            p.amount_minor for p in mine if p.payee == participant and _same_currency(p)
        )

    def between(self, payer: str, payee: str, currency: str) -> int:
        """What a payer owes a payee net."""
        mine = [p for p in self.open if p.currency == currency]
        owes = sum(p.amount_minor for p in mine if (p.payer, p.payee) == (payer, payee))
        return owes - sum(
            p.amount_minor
            for p in mine
            if (p.payer, p.payee) == (payee, payer) and _same_currency(p)
        )

    def reserve(self, items: Sequence[Reservation]) -> list[tuple[str, str]]:
        """Take what fits, and return (transaction id, code) of the rest."""
        refused = []
        for item in items:
            code = self._refusal(item)
            if code:
                refused.append((item.transaction_id, code))
            else:
                self.open.append(item)
        return refused

    def release(self, items: Sequence[Reservation]) -> None:
        """Forget payments."""
        for item in items:
            self.open.remove(item)

    def _refusal(self, item: Reservation) -> str:
        payer, payee, currency = item.payer, item.payee, item.currency
        amount_minor = item.amount_minor
        total = sum(p.amount_minor for p in self.open if p.currency == currency)
        uses = [
            ("risk.single_limit", ("single", payer, "", currency), 0),
            ("risk.single_limit", ("single", "", "", currency), 0),
            (
                "risk.bilateral_limit",
                ("bilateral", payer, payee, currency),
                self.between(payer, payee, currency),
            ),
            ("risk.net_debit_cap", ("net_debit", payer, "", currency), self.owed(payer, currency)),
            ("risk.currency_limit", ("currency", "", "", currency), total),
        ]
        for code, name, used in uses:
            if name in self.limits and used + amount_minor > self.limits[name]:
                return code
        return ""


def _same_currency(item: Reservation) -> bool:
    return item.destination_currency in ("", item.currency)
