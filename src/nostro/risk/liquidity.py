"""What money is there in each currency, and what will be there when each window closes?

Pure functions over plain rows, in exact integers. A ladder starts from our balances at the rails,
adds what settlements under way still move, and then, window by window, what waits for its cut-off.

Bounds assume that all that waits now settles, and nothing else comes. What a payment brings in
another currency is only known when the cycle freezes its rates; until then it is estimated with
rates that were frozen before, or, where there are none, counted and left out, and the bounds that
it could break are None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from nostro.risk.views import AccountPosition, LiquidityInputs, WindowFlow

Convert = Callable[[int, str, str], int | None]
"""Amount in minor units, its currency and another: what it comes to there; None without a rate."""


def no_rates(amount_minor: int, source: str, destination: str) -> int | None:
    """Convert nothing."""
    return amount_minor if source == destination else None


class AtRail(msgspec.Struct, frozen=True, kw_only=True):
    """Our own money at a rail ("": where customers' money is)."""

    rail: str
    posted_minor: int
    pending_in_minor: int
    pending_out_minor: int


class Vostros(msgspec.Struct, frozen=True, kw_only=True):
    """What we owe participants on their settlement accounts: balances above and below zero, what
    is held for payments, and the credit lines that they may use."""

    accounts: int
    posted_minor: int
    overdrawn_minor: int
    held_minor: int
    credit_lines_minor: int


class WindowAhead(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a cycle in one currency, and where our money stands after it.

    Pay-ins and pay-outs: gross, as if each payment moved alone, and net, as positions move. Low and
    high are the same where every amount is known. `unpriced_count`: payments that bring an amount
    that is not known (None: not bounded by what is known). `prefunded_minor`: what payers have on
    their accounts of what they would owe net. `projected_*`: our money at the rails afterwards,
    all windows before it included.
    """

    cycle_id: str
    cut_off_at_us: int
    count: int
    unpriced_count: int
    pay_in_gross_minor: int
    pay_in_net_low_minor: int
    pay_in_net_high_minor: int
    pay_out_gross_minor: int | None
    pay_out_net_low_minor: int
    pay_out_net_high_minor: int | None
    prefunded_minor: int
    projected_low_minor: int | None
    projected_high_minor: int


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """The money of one currency, now and window by window. `coming_in_minor`, `going_out_minor`:
    what settlements under way still move."""

    currency: str
    scale: int
    at_rails: list[AtRail]
    position_minor: int
    vostros: Vostros
    transit_minor: int
    suspense_minor: int
    fx_minor: int
    desk_minor: int
    claims_minor: int
    coming_in_minor: int
    going_out_minor: int
    windows: list[WindowAhead]


def ladders(inputs: LiquidityInputs, *, convert: Convert = no_rates) -> list[Ladder]:
    """Return the ladder of every currency that has an account, in the order of their codes."""
    accounts: dict[str, list[AccountPosition]] = {}
    for account in inputs.accounts:
        accounts.setdefault(account.currency, []).append(account)
    return [_ladder(currency, held, inputs, convert) for currency, held in sorted(accounts.items())]


def _ladder(
    currency: str, held: list[AccountPosition], inputs: LiquidityInputs, convert: Convert
) -> Ladder:
    of: dict[str, list[AccountPosition]] = {}
    for account in held:
        of.setdefault(account.kind, []).append(account)
    rails = of.get("nostro", [])
    position_minor = _posted(rails)
    moving = {"in": 0, "out": 0}
    for flow in inputs.instructions:
        if flow.currency == currency:
            moving[flow.direction] += flow.amount_minor
    vostros = of.get("vostro", [])
    return Ladder(
        currency=currency,
        scale=held[0].scale,
        at_rails=[
            AtRail(
                rail=account.holder,
                posted_minor=account.posted_minor,
                pending_in_minor=account.pending_in_minor,
                pending_out_minor=account.pending_out_minor,
            )
            for account in sorted(rails, key=lambda account: account.holder)
        ],
        position_minor=position_minor,
        vostros=_vostros(vostros),
        transit_minor=_posted(of.get("transit", [])),
        suspense_minor=_posted(of.get("suspense", [])),
        fx_minor=_posted(of.get("fx", [])),
        desk_minor=_posted(of.get("desk", [])),
        claims_minor=_posted(of.get("claims", [])),
        coming_in_minor=moving["in"],
        going_out_minor=moving["out"],
        windows=_windows(
            currency,
            inputs.windows,
            {account.holder: max(0, account.posted_minor) for account in vostros},
            position_minor + moving["in"] - moving["out"],
            convert,
        ),
    )


def _posted(accounts: Iterable[AccountPosition]) -> int:
    return sum(account.posted_minor for account in accounts)


def _vostros(accounts: list[AccountPosition]) -> Vostros:
    return Vostros(
        accounts=len(accounts),
        posted_minor=sum(max(0, account.posted_minor) for account in accounts),
        overdrawn_minor=sum(max(0, -account.posted_minor) for account in accounts),
        held_minor=sum(account.pending_out_minor for account in accounts),
        credit_lines_minor=sum(account.credit_line_minor for account in accounts),
    )


# -- windows ---------------------------------------------------------------------------------------


class _Waiting:
    """What waits for one cycle in one currency, by participant."""

    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.received: dict[str, int] = {}
        self.unpriced: dict[str, int] = {}
        """Participant to the number of payments that bring it what is not known."""
        self.count = 0

    def take(self, flow: WindowFlow, currency: str, convert: Convert) -> None:
        """Count payments of one payer to one payee."""
        self.count += flow.count
        if flow.source_currency == currency:
            self.paid[flow.payer] = self.paid.get(flow.payer, 0) + flow.amount_minor
        if flow.destination_currency == currency:
            payee = flow.payee
            brought = flow.amount_minor
            if flow.source_currency != currency:
                told = convert(flow.amount_minor, flow.source_currency, currency)
                if told is None:
                    self.unpriced[payee] = self.unpriced.get(payee, 0) + flow.count
                    return
                brought = told
            self.received[payee] = self.received.get(payee, 0) + brought

    def nets(self) -> dict[str, int]:
        """Return what each would receive (positive) or pay net, as far as it is known."""
        return {
            each: self.received.get(each, 0) - self.paid.get(each, 0)
            for each in sorted(self.paid.keys() | self.received.keys())
        }


def _windows(
    currency: str,
    flows: Iterable[WindowFlow],
    balances: dict[str, int],
    start_minor: int,
    convert: Convert,
) -> list[WindowAhead]:
    waiting: dict[tuple[int, str], _Waiting] = {}
    for flow in flows:
        if currency in (flow.source_currency, flow.destination_currency):
            key = (flow.cut_off_at_us, flow.cycle_id)
            waiting.setdefault(key, _Waiting()).take(flow, currency, convert)
    told: list[WindowAhead] = []
    low: int | None = start_minor
    high = start_minor
    for (cut_off_at_us, cycle_id), held in sorted(waiting.items()):
        change = sum(held.paid.values()) - sum(held.received.values())
        high += change
        low = None if low is None or held.unpriced else low + change
        told.append(_window(cycle_id, cut_off_at_us, held, balances, low, high))
    return told


def _window(
    cycle_id: str,
    cut_off_at_us: int,
    held: _Waiting,
    balances: dict[str, int],
    low: int | None,
    high: int,
) -> WindowAhead:
    nets, unpriced = held.nets(), sum(held.unpriced.values())
    debits = {each: -net for each, net in nets.items() if net < 0}
    credits_minor = sum(net for net in nets.values() if net > 0)
    return WindowAhead(
        cycle_id=cycle_id,
        cut_off_at_us=cut_off_at_us,
        count=held.count,
        unpriced_count=unpriced,
        pay_in_gross_minor=sum(held.paid.values()),
        # What is not known only reduces what its payee owes.
        pay_in_net_low_minor=sum(
            minor for each, minor in debits.items() if each not in held.unpriced
        ),
        pay_in_net_high_minor=sum(debits.values()),
        pay_out_gross_minor=None if unpriced else sum(held.received.values()),
        pay_out_net_low_minor=credits_minor,
        pay_out_net_high_minor=None if unpriced else credits_minor,
        prefunded_minor=sum(min(minor, balances.get(each, 0)) for each, minor in debits.items()),
        projected_low_minor=low,
        projected_high_minor=high,
    )
