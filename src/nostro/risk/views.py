"""What do readers see of limits, exposures, alerts and liquidity?

Amounts are integer minor units; times are microseconds since the epoch (UTC).
"""

from __future__ import annotations

import msgspec


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that holds; `scope`, `participant` and `counterparty` as in SetLimit."""

    scope: str
    participant: str
    counterparty: str
    currency: str
    amount_minor: int
    actor: str
    set_at_us: int
    height: int


class ThresholdView(msgspec.Struct, frozen=True, kw_only=True):
    """From which use of limits of a scope on alerts are given, in millionths."""

    scope: str
    used_ppm: int
    actor: str
    set_at_us: int
    height: int


class ExposureView(msgspec.Struct, frozen=True, kw_only=True):
    """Payments of payer to payee in a currency that are accepted and not yet final: sum and
    number, and the part of the sum that arrives in the same currency (`offset_minor`)."""

    payer: str
    payee: str
    currency: str
    open_minor: int
    open_count: int
    offset_minor: int
    height: int


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit's use that crossed its threshold; `cleared_at_us` is None while it is above."""

    seq: int
    scope: str
    participant: str
    counterparty: str
    currency: str
    used_minor: int
    limit_minor: int
    used_ppm: int
    raised_at_us: int
    cleared_at_us: int | None
    height: int


class AccountPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement account (`vostro`), our own at a rail (`nostro`), or one of the house by
    currency: `fx` (our position: what payments of other currencies brought less what they took),
    `desk` (what the market owes us for trades), `claims` (what banks owe us whose accounts could
    not pay), `transit` (on its way out), `suspense`.

    `holder`: participant or rail, else "". `posted_minor` is positive when the holder has money
    there; `pending_out_minor` is held for going out, `pending_in_minor` on its way in.
    `credit_line_minor`: how far a vostro account may go below zero."""

    kind: str
    holder: str
    currency: str
    scale: int
    posted_minor: int
    pending_out_minor: int
    pending_in_minor: int
    credit_line_minor: int


class WindowFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Payments of one payer to one payee and currency pair that wait for a cycle which has not
    closed: sum and number. What the payee receives in another currency is known at the cut-off."""

    cycle_id: str
    cut_off_at_us: int
    payer: str
    payee: str
    source_currency: str
    destination_currency: str
    amount_minor: int
    count: int


class InstructionFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Instructions of settlements under way that have not moved yet, by participant, currency and
    direction."""

    settlement_id: str
    participant_id: str
    currency: str
    direction: str
    amount_minor: int
    count: int


class SettlementLeg(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction of a settlement that is not over, settled or not: position or gross (for which
    `paid_currency` is what its payment was paid in). `state` as in InstructionState, since
    `changed_at_us`; `secured_at_us`: when the settlement became final, None before."""

    settlement_id: str
    settlement_state: str
    secured_at_us: int | None
    participant_id: str
    currency: str
    direction: str
    state: str
    changed_at_us: int
    amount_minor: int
    paid_currency: str


class LiquidityInputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that a liquidity ladder is made of, read at one journal height."""

    accounts: list[AccountPosition]
    windows: list[WindowFlow]
    instructions: list[InstructionFlow]
    height: int
