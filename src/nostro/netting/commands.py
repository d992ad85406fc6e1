"""What can one order the netting room to do?"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Command

BATCH_MAX = 1_000
"""Payments of one batch: what goes to consensus as one body. Netting is over the whole cycle."""


class Obligation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One payment to net: payer owes `amount_minor` of the source currency, payee is to receive the
    destination currency at the cycle's rate."""

    transaction_id: str
    payer: str
    source_currency: str
    amount_minor: int
    payee: str
    destination_currency: str
    priority: int = 5
    accepted_at_us: int = 0
    retries: int = 0


class Caps(msgspec.Struct, frozen=True, array_like=True):
    """What binds a plan, in minor units; what is not named is not bound.

    `net_debit`: (participant, currency, the most it may owe net in this cycle). `bilateral`:
    (payer, payee, currency, the most payer may owe payee net). `platform`: (currency, the most we
    may pay out before pay-ins arrive and FX is squared).
    """

    net_debit: list[tuple[str, str, int]] = []
    bilateral: list[tuple[str, str, str, int]] = []
    platform: list[tuple[str, int]] = []


class OpenCycle(Command, frozen=True, kw_only=True, tag="netting.OpenCycle"):
    """Take a closed window's obligations; the flow has them optimised (`OptimiseCycle`). `gross`:
    RTGS, no netting. Ordered by flows; without obligations the cycle is closed at once (`empty`).
    Refused: `netting.cycle_exists`."""

    cycle_id: str
    gross: bool
    value_date: str
    obligations: list[Obligation]
    caps: Caps = Caps()

    @property
    def stream(self) -> str:
        """Name the cycle."""
        return self.cycle_id


class Rate(msgspec.Struct, frozen=True, array_like=True):
    """One unit of `base` in minor units is worth `numerator / denominator` minor units of `quote`,
    at mid."""

    base: str
    quote: str
    numerator: int
    denominator: int


class RateSet(msgspec.Struct, frozen=True, array_like=True):
    """The rates that one cycle uses, frozen: `rate_set_id` is the SHA-256 of the rest (hex).
    `kind`: reference, indicative or executable. Only pairs that the cycle needs."""

    rate_set_id: str
    provider: str
    kind: str
    as_of_us: int
    fetched_at_us: int
    rates: list[Rate]


class FxTrade(msgspec.Struct, frozen=True, array_like=True):
    """A trade with the market that squares the platform's position."""

    sell_currency: str
    sell_minor: int
    buy_currency: str
    buy_minor: int


class Position(msgspec.Struct, frozen=True, array_like=True):
    """What a participant is to receive (positive) or to pay (negative), net, in one currency."""

    participant: str
    currency: str
    net_minor: int


class CostReport(msgspec.Struct, frozen=True, array_like=True):
    """What a plan costs and saves; all money in minor units of `currency` (USD cents), at mid of
    the rate set. Per cent saved is (gross - cost) / gross."""

    currency: str
    gross_cost_minor: int
    """Each payment alone: FX spread and one wire."""
    grouped_cost_minor: int
    """Naive grouping: same payer, payee and currency pair in one wire; FX gross."""
    cost_minor: int
    lower_bound_minor: int
    gap_ppm: int
    """(cost - lower bound) / lower bound, in millionths: what a better plan could still save."""
    wires_before: int
    wires_after: int
    fx_gross_minor: int
    fx_volume_minor: int
    saving_ppm: int
    method: str
    """positions | greedy | milp | gross: how the selection was made."""
    solve_us: int
    bilateral_cost_minor: int = 0
    """What two participants owe each other in the same two currencies set off, one wire for the
    rest."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with a cycle. `selected` payments net; `gross` ones settle on their own wire;
    `deferred` wait: (transaction id, reason). All three together are all of the cycle, in its
    order. `positions`: of the netted ones, non-zero only, sorted by participant and currency."""

    cycle_id: str
    rate_set: RateSet
    gross: list[str] = []
    deferred: list[tuple[str, str]] = []
    positions: list[Position]
    fx_trades: list[FxTrade]
    report: CostReport


class RecordPlan(Command, frozen=True, kw_only=True, tag="netting.RecordPlan"):
    """Take a plan for an open cycle and make batches of it; sent by the optimiser. The room checks
    everything again with exact integers: membership, destination amounts by the named rounding,
    positions that sum to zero per currency with the FX position, caps, cost no higher than gross.

    Sent again after a plan stands: accepted, no event. Refused: `netting.cycle_unknown`,
    `netting.plan_wrong` (facts say where), `netting.rates_stale`, `netting.rate_missing`; each of
    the last three asks for another plan (PlanRefused), until after the fifth all payments are
    deferred.
    """

    plan: Plan

    @property
    def stream(self) -> str:
        """Name the cycle."""
        return self.plan.cycle_id


class CloseCycle(Command, frozen=True, kw_only=True, tag="netting.CloseCycle"):
    """Forget a cycle that has settled or was unwound; ordered by flows. Sent twice: accepted, no
    event. Refused: `netting.cycle_not_planned`."""

    cycle_id: str
    outcome: str

    @property
    def stream(self) -> str:
        """Name the cycle."""
        return self.cycle_id


COMMANDS: tuple[type[Command], ...] = (OpenCycle, RecordPlan, CloseCycle)
