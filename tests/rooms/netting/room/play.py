"""Given events, when a command, then events or a refusal: the netting room alone."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Position
from nostro.netting import (
    EVENTS,
    REFERENCE,
    Caps,
    NettingRoom,
    NettingState,
    Obligation,
    OpenCycle,
    Plan,
    Rate,
    RatePolicy,
    RateSet,
    Tariff,
    freeze,
    plan_cycle,
)

NOW_US = 1_790_000_000_000_000
CYCLE = "2026-11-20T1500Z"
TARIFF = Tariff()
RATES = freeze(
    provider="test",
    kind=REFERENCE,
    as_of_us=NOW_US,
    fetched_at_us=NOW_US,
    rates=[Rate("EUR", "USD", 11_172, 10_000), Rate("JPY", "USD", 11_172 * 100, 1_756_800)],
)


class Play:
    """One room over one state; each command is a journal row of its own."""

    def __init__(
        self, *, closed_hot_max: int = 1_000, rate_policy: RatePolicy | None = None
    ) -> None:
        self.room = NettingRoom(
            tariff=TARIFF, rate_policy=rate_policy, closed_hot_max=closed_hot_max
        )
        self.state: NettingState = self.room.new()
        self.height = 0
        self.rows: dict[int, list[Event]] = {}
        self.body: Any = None
        self.events: list[Event] = []

    def when(self, command: Command, *, at_us: int = NOW_US) -> list[Event]:
        """Decide a command, apply its events as they come out of the journal, and return them."""
        self.height += 1
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            recalled.update(self.room.recall([key], self.rows[height]))
        context = Context(self.height, at_us, "optimiser", recalled)
        self.events = []
        decision = self.room.decide(self.state, command, context)
        self.events = Codec(EVENTS).decode_events(encode_events(decision.events))
        self.rows[self.height] = self.events
        for event in self.events:
            self.room.evolve(self.state, event, Position(self.height, at_us))
        self.body = decision.body
        if decision.refusal is not None:
            raise decision.refusal
        return self.events

    def refused(self, command: Command, *, at_us: int = NOW_US) -> Rejection:
        """Decide a command that must be refused, and return why; `events` are its marks."""
        with pytest.raises(Rejection) as caught:
            self.when(command, at_us=at_us)
        return caught.value

    def opened(
        self, obligations: Sequence[Obligation], *, gross: bool = False, caps: Caps | None = None
    ) -> Play:
        """Open the cycle."""
        self.when(
            OpenCycle(
                cycle_id=CYCLE,
                gross=gross,
                value_date="2026-11-20",
                obligations=list(obligations),
                caps=caps or Caps(),
            )
        )
        return self

    def check_memory(self) -> None:
        """Live, replayed and loaded states are one."""
        replayed = self.room.new()
        for height, events in self.rows.items():
            for event in events:
                self.room.evolve(replayed, event, Position(height, NOW_US))
        loaded = self.room.load(self.room.dump(self.state))
        assert self.room.digest(replayed) == self.room.digest(self.state)
        assert self.room.digest(loaded) == self.room.digest(self.state)


def planned(
    obligations: Sequence[Obligation],
    *,
    rates: RateSet = RATES,
    gross: bool = False,
    caps: Caps | None = None,
    tariff: Tariff = TARIFF,
) -> Plan:
    """The optimiser's plan."""
    return plan_cycle(
        list(obligations),
        cycle_id=CYCLE,
        gross=gross,
        rates=rates,
        caps=caps or Caps(),
        tariff=tariff,
    )


def drawn(count: int, seed: int = 1, banks: int = 6) -> list[Obligation]:
    """Payments between a few banks in three currencies."""
    chance = Random(seed)
    names = [f"BANK{number:02d}" for number in range(banks)]
    found = []
    for number in range(count):
        payer, payee = chance.sample(names, 2)
        source, target = chance.choice(["EUR", "USD", "JPY"]), chance.choice(["EUR", "USD", "JPY"])
        amount = chance.randrange(100, 10_000_000)
        found.append(Obligation(f"tx{number}", payer, source, amount, payee, target))
    return found
