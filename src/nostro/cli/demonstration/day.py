"""What does the demo know of its day of payments: what it sent, and what became of it?"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from nostro.cli.demonstration.rates import ReferenceRates
from nostro.cli.demonstration.traffic import Payment, Traffic


class Latency(msgspec.Struct, frozen=True):
    """How long payments were in a stage, in milliseconds."""

    window: str
    stage: str
    payments: int
    p50_ms: int
    p99_ms: int
    most_ms: int


class Moment(msgspec.Struct, frozen=True):
    """An event in the life of a payment: so long after it was sent, in milliseconds."""

    after_ms: int
    event: str
    by: str
    batch: str


class Savings(msgspec.Struct, frozen=True):
    """What the cycles that settled cost, in cents of US dollars, and would have cost otherwise."""

    gross: int = 0
    grouped: int = 0
    bilateral: int = 0
    cost: int = 0
    wires_before: int = 0
    wires_after: int = 0

    def percent(self, baseline: int) -> float:
        """Return what is saved of a baseline, in per cent."""
        return round(100 * (baseline - self.cost) / baseline, 2) if baseline else 0.0


class Day:
    """The payments of the day.

    `sent`: what the platform has acknowledged, by id. `ended`: the same as the platform tells it
    at the end. `states`: how many ended how; `deferred`: how many had to wait for another cycle;
    `reasons`: why, of those at noon. `vostros`: of each bank's account its currency, what the
    platform tells, and what the own books say. `lives`: those of a few payments.
    """

    def __init__(self) -> None:
        self.sent: dict[str, Payment] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        self.states: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.deferred = 0
        self.cycles: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.settlements: dict[str, dict[str, Any]] = {}
        self.certificates = 0
        self.latencies: list[Latency] = []
        self.savings = Savings()
        self.lives: dict[str, list[Moment]] = {}
        self.vostros: list[tuple[str, Decimal, Decimal]] = []
        self._rates: ReferenceRates | None = None
        self._traffic: Traffic | None = None

    def open(self, rates: ReferenceRates) -> None:
        """Begin, with the rates of a day."""
        self._rates = rates
        self._traffic = Traffic(rates)

    @property
    def opened(self) -> bool:
        """Tell whether the day has begun."""
        return self._rates is not None

    @property
    def rates(self) -> ReferenceRates:
        """The rates of the day."""
        assert self._rates is not None, "the day has begun"
        return self._rates

    @property
    def traffic(self) -> Traffic:
        """The payments that come."""
        assert self._traffic is not None, "the day has begun"
        return self._traffic

    def summary(self) -> dict[str, Any]:
        """Return what the last line of the report tells of payments."""
        savings = self.savings
        return {
            "payments": len(self.sent),
            "settled": self.states["settled"],
            "deferred": self.deferred,
            "reversed": self.states["reversed"],
            "batches": len(self.batches),
            "certificates": self.certificates,
            "saving_percent": savings.percent(savings.gross),
            "wires_before": savings.wires_before,
            "wires_after": savings.wires_after,
        }
