"""How is a settlement instructed, and what is wrong with an instruction that cannot be taken?

Quantities and amounts are read exactly, in the decimals of their assets. Whether lots, dates and
partial terms go together is the settlement room's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.desk import Desk
from nostro.api.http.order_bodies import as_error, given
from nostro.api.problems import Invalid, ProblemRaised
from nostro.api.words import (
    AssetCode,
    CalendarDay,
    DomainName,
    Pair,
    PartyId,
    PartyReference,
    TradeId,
)
from nostro.kernel.messages import Rejection
from nostro.settlement import (
    SETTLEMENTS_MAX,
    Cycle,
    NewSettlement,
    NewSide,
    Partial,
    Party,
)

UNSET = msgspec.UNSET
MISSING = "request.missing_field"
BAD = "request.bad_value"

Held = Annotated[
    list[Party],
    msgspec.Meta(
        max_length=2,
        description="Sides that keep it back until they release it.",
        examples=[["seller"]],
    ),
]


class AgreedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery against payment on which both sides agree.

    What is delivered and paid: `symbol`, or `security` and `cash`. When: `settlement_date`, or
    `cycle` counted from `trade_date` (today, if it is left out). Where: at the domains of the
    instruments, unless it names others. `seller_partial`, `buyer_partial`: whether the side takes
    less than the whole, PARC from an amount on, PARQ from a quantity on (`..._partial_min`; without
    it, from the smallest).
    """

    trade_id: TradeId | None = None
    seller_account_id: PartyId | None = None
    buyer_account_id: PartyId | None = None
    symbol: Pair | None = None
    security: AssetCode | None = None
    cash: AssetCode | None = None
    quantity: Amount | msgspec.UnsetType = UNSET
    amount: Amount | msgspec.UnsetType = UNSET
    trade_date: CalendarDay | None = None
    settlement_date: CalendarDay | None = None
    cycle: Cycle | None = None
    securities_domain: DomainName | None = None
    cash_domain: DomainName | None = None
    seller_partial: Partial | None = None
    seller_partial_min: Amount | msgspec.UnsetType = UNSET
    buyer_partial: Partial | None = None
    buyer_partial_min: Amount | msgspec.UnsetType = UNSET
    hold: Held = []


class InstructBody(AgreedBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A settlement to instruct, in one of three ways.

    Without `side` both sides agree on it, which needs who may speak for both. With `side` it is the
    instruction of that side only, under its `reference`, with both dates; it is matched with the
    other side's, or waits for it. Or a list, `settlements`, each as without `side`, with its own
    result; `linked`: all of them settle, or none.
    """

    side: Party | None = None
    reference: PartyReference | None = None
    settlements: (
        Annotated[list[AgreedBody], msgspec.Meta(min_length=1, max_length=SETTLEMENTS_MAX)] | None
    ) = None
    linked: bool = False


# -- what is left out, or too much -----------------------------------------------------------------

_AGREED = ("trade_id", "seller_account_id", "buyer_account_id")
_ONE_SIDE = ("reference", "trade_date", "settlement_date")


def check_list(said: InstructBody) -> None:
    """Raise ProblemRaised for what cannot stand beside a list, or is left out in it."""
    alone = msgspec.structs.asdict(InstructBody())
    errors = [
        Invalid(f"/{name}", BAD, "stands in each of the settlements, not beside them")
        for name, value in msgspec.structs.asdict(said).items()
        if name not in ("settlements", "linked") and value != alone[name]
    ]
    for index, each in enumerate(said.settlements or ()):
        errors += _missing(each, _AGREED, f"/settlements/{index}")
    _raise(errors)


def check_agreed(said: InstructBody) -> None:
    """Raise ProblemRaised for what an instruction of both sides lacks, or has too much."""
    errors = list(_missing(said, _AGREED))
    if said.reference is not None:
        errors.append(Invalid("/reference", BAD, "goes with a side; a trade id names both"))
    _raise([*errors, *_unlinked(said)])


def check_side(said: InstructBody, side: Party) -> None:
    """Raise ProblemRaised for what an instruction of one side lacks, or has too much."""
    other = side.other
    errors = list(_missing(said, (*_ONE_SIDE, f"{other.value}_account_id")))
    if other in said.hold:
        errors.append(Invalid("/hold", BAD, f"only the {other.value} keeps back its own side"))
    for name in (f"{other.value}_partial", f"{other.value}_partial_min"):
        if getattr(said, name) not in (None, UNSET):
            errors.append(Invalid(f"/{name}", BAD, f"is for the {other.value} to say"))
    if said.cycle is not None:
        errors.append(Invalid("/cycle", BAD, "one side gives the settlement_date itself"))
    _raise([*errors, *_unlinked(said)])


def _unlinked(said: InstructBody) -> Iterator[Invalid]:
    if said.linked:
        yield Invalid("/linked", BAD, "goes with a list of settlements")


def _missing(said: AgreedBody, names: tuple[str, ...], under: str = "") -> Iterator[Invalid]:
    for name in (*names, "quantity", "amount"):
        if getattr(said, name) is None or getattr(said, name) is UNSET:
            yield Invalid(f"{under}/{name}", MISSING, f"{name} is required")
    if said.symbol is None:
        for name in ("security", "cash"):
            if getattr(said, name) is None:
                told = f"{name} is required where there is no symbol"
                yield Invalid(f"{under}/{name}", MISSING, told)
    else:
        for name, code in zip(("security", "cash"), said.symbol.split("/"), strict=True):
            if getattr(said, name) not in (None, code):
                yield Invalid(f"{under}/{name}", BAD, "symbol names another")
    for name in ("seller_partial_min", "buyer_partial_min"):
        if getattr(said, name) is not UNSET and getattr(said, name.removesuffix("_min")) is None:
            yield Invalid(f"{under}/{name}", BAD, f"goes with {name.removesuffix('_min')}")


def _raise(errors: list[Invalid]) -> None:
    if errors:
        raise ProblemRaised.invalid(errors)


# -- reading ---------------------------------------------------------------------------------------


def assets_of(said: AgreedBody) -> tuple[str, str]:
    """Return the codes of the security and of what is paid with, of an instruction that was
    checked."""
    if said.symbol is not None:
        security, _, cash = said.symbol.partition("/")
        return security, cash
    assert said.security is not None
    assert said.cash is not None
    return said.security, said.cash


async def new_settlement(desk: Desk, said: AgreedBody) -> NewSettlement:
    """Return what both sides agree on, checked before; raises Rejection for the first number that
    cannot be (its facts name the place, `at`)."""
    numbers = await _numbers(desk, said)
    assert said.trade_id is not None
    assert said.seller_account_id is not None
    assert said.buyer_account_id is not None
    return NewSettlement(
        trade_id=said.trade_id,
        seller=said.seller_account_id,
        buyer=said.buyer_account_id,
        securities_domain=said.securities_domain or "",
        cash_domain=said.cash_domain or "",
        trade_date=said.trade_date or "",
        settlement_date=said.settlement_date or "",
        cycle=said.cycle or Cycle.INSTANT,
        seller_partial=said.seller_partial or Partial.NPAR,
        buyer_partial=said.buyer_partial or Partial.NPAR,
        held=tuple(side for side in Party if side in said.hold),
        **numbers,
    )


async def new_side(desk: Desk, said: InstructBody, side: Party, party: str) -> NewSide:
    """Return what one side instructs, checked before; raises as `new_settlement`."""
    numbers = await _numbers(desk, said)
    minimum: int = numbers.pop(f"{side.value}_partial_min_minor")
    del numbers[f"{side.other.value}_partial_min_minor"]
    counterparty: str | None = getattr(said, f"{side.other.value}_account_id")
    partial: Partial | None = getattr(said, f"{side.value}_partial")
    assert said.reference is not None
    assert counterparty is not None
    assert said.trade_date is not None
    assert said.settlement_date is not None
    return NewSide(
        side=side,
        reference=said.reference,
        party=party,
        counterparty=counterparty,
        trade_date=said.trade_date,
        settlement_date=said.settlement_date,
        trade_id=said.trade_id or "",
        securities_domain=said.securities_domain or "",
        cash_domain=said.cash_domain or "",
        partial=partial or Partial.NPAR,
        partial_min_minor=minimum,
        held=side in said.hold,
        **numbers,
    )


_FROM_A_MINIMUM = (Partial.PARC, Partial.PARQ)


async def _numbers(desk: Desk, said: AgreedBody) -> dict[str, Any]:
    security, cash = assets_of(said)
    named = "symbol" if said.symbol is not None else ""
    await desk.ask_for((security, cash))
    read: dict[str, Any] = {
        "security": security,
        "cash": cash,
        "quantity_minor": await read_at(
            desk, "quantity", said.quantity, security, named or "security"
        ),
        "amount_minor": await read_at(desk, "amount", said.amount, cash, named or "cash"),
    }
    for side in Party:
        name = f"{side.value}_partial_min"
        of = security if getattr(said, f"{side.value}_partial") is Partial.PARQ else cash
        minimum = given(getattr(said, name))
        read[f"{name}_minor"] = (
            int(getattr(said, f"{side.value}_partial") in _FROM_A_MINIMUM)
            if minimum is None
            else await read_at(desk, name, minimum, of)
        )
    return read


async def read_at(
    desk: Desk, at: str, said: msgspec.Raw | msgspec.UnsetType, code: str, named_at: str = ""
) -> int:
    """Return the minor units of an asset that a number of a body means; the facts of a refusal
    name its place (`at`), or that of the asset (`named_at`) when there is no such asset."""
    assert type(said) is msgspec.Raw
    try:
        asset = await desk.asset(code)
    except Rejection as no:
        raise Rejection(no.code, at=named_at or at, **no.facts) from None
    try:
        return minor_units(said, asset)
    except Rejection as no:
        raise Rejection(no.code, at=at, **no.facts) from None


def refusal(no: Rejection, under: str = "") -> ProblemRaised:
    """Return the problem of an instruction that the door does not take."""
    problem = ProblemRaised.invalid([as_error(no, under)])
    problem.facts = {name: fact for name, fact in no.facts.items() if name != "at"}
    return problem
