"""When is an instruction not one that could ever settle?"""

from __future__ import annotations

import re
from typing import NoReturn

from nostro.kernel.messages import Rejection
from nostro.settlement.commands import NewSettlement, NewSide
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.terms import AMOUNT_MINOR_MAX, Instrument, Partial

_NAME = re.compile(r"[A-Za-z0-9._:@/-]{1,64}\Z", re.ASCII)
_PARTY = re.compile(r"[A-Za-z0-9._@-]{1,48}\Z", re.ASCII)
_ASSET = re.compile(r"[A-Z][A-Z0-9._-]{0,23}\Z", re.ASCII)
_ORIGIN = re.compile(r"[A-Za-z0-9._/-]{1,32}\Z", re.ASCII)
_SHOWN_MAX = 64
"""Characters of a name that a refusal repeats."""
OF_MARKETS = "match:"
"""How trade ids of the exchange's own trades begin: nobody else can give them, and only they are
set aside when the trade is made."""
DAYS_BACK_MAX = 366
"""So long ago a trade may be that is only instructed now."""


def check_settlement(new: NewSettlement) -> None:
    """Raise Rejection `settlement.bad_trade_id`, or as `check_sides`, `check_amounts`,
    `check_partial` do, or `settlement.bad_origin`."""
    check_trade_id(new.trade_id, prefunded=new.prefunded)
    check_sides(new.seller, new.buyer, new.security, new.cash)
    check_amounts(new.quantity_minor, new.amount_minor)
    if new.seller_partial is not Partial.NPAR or new.seller_partial_min_minor:
        check_partial(new, new.seller_partial, new.seller_partial_min_minor)
    if new.buyer_partial is not Partial.NPAR or new.buyer_partial_min_minor:
        check_partial(new, new.buyer_partial, new.buyer_partial_min_minor)
    if not _ORIGIN.match(new.origin):
        raise Rejection(
            "settlement.bad_origin",
            origin=new.origin[:_SHOWN_MAX],
            what="1 to 32 of A-Z a-z 0-9 . _ / -",
        )


def check_trade_id(trade_id: str, *, prefunded: bool = False) -> None:
    """Raise Rejection `settlement.bad_trade_id`."""
    if not _NAME.match(trade_id):
        _bad_trade_id(trade_id, "1 to 64 of A-Z a-z 0-9 . _ : @ / -")
    if trade_id.startswith(OF_MARKETS) is not prefunded:
        _bad_trade_id(trade_id, f"only trades of our own markets begin with {OF_MARKETS}")


def _bad_trade_id(trade_id: str, what: str) -> NoReturn:
    raise Rejection("settlement.bad_trade_id", trade_id=trade_id[:_SHOWN_MAX], what=what)


def check_reference(reference: str) -> None:
    """Raise Rejection `settlement.bad_reference`."""
    if not _NAME.match(reference):
        raise Rejection(
            "settlement.bad_reference",
            reference=reference[:_SHOWN_MAX],
            what="1 to 64 of A-Z a-z 0-9 . _ : @ / -",
        )


def check_sides(seller: str, buyer: str, security: str, cash: str) -> None:
    """Raise Rejection `settlement.bad_party`, `settlement.same_party`, `settlement.bad_asset` or
    `settlement.same_asset`."""
    if not _PARTY.match(seller):
        _bad_party("seller", seller)
    if not _PARTY.match(buyer):
        _bad_party("buyer", buyer)
    if seller == buyer:
        raise Rejection("settlement.same_party", party=seller)
    check_asset("security", security)
    check_asset("cash", cash)
    if security == cash:
        raise Rejection("settlement.same_asset", asset=security)


def _bad_party(field: str, party: str) -> NoReturn:
    raise Rejection(
        "settlement.bad_party",
        field=field,
        party=party[:_SHOWN_MAX],
        what="1 to 48 of A-Z a-z 0-9 . _ @ -",
    )


def check_asset(field: str, asset: str) -> None:
    """Raise Rejection `settlement.bad_asset`."""
    if not _ASSET.match(asset):
        raise Rejection(
            "settlement.bad_asset",
            field=field,
            asset=asset[:_SHOWN_MAX],
            what="a capital, then up to 23 of A-Z 0-9 . _ -",
        )


def check_amounts(quantity_minor: int, amount_minor: int) -> None:
    """Raise Rejection `settlement.bad_amount`."""
    if not 1 <= quantity_minor <= AMOUNT_MINOR_MAX:
        _bad_amount("quantity_minor", quantity_minor)
    if not 1 <= amount_minor <= AMOUNT_MINOR_MAX:
        _bad_amount("amount_minor", amount_minor)


def _bad_amount(field: str, amount_minor: int) -> NoReturn:
    raise Rejection(
        "settlement.bad_amount",
        field=field,
        amount_minor=amount_minor,
        min_minor=1,
        max_minor=AMOUNT_MINOR_MAX,
    )


def check_lot(quantity_minor: int, instrument: Instrument) -> None:
    """Raise Rejection `settlement.bad_lot`."""
    if quantity_minor % instrument.lot_minor:
        raise Rejection(
            "settlement.bad_lot",
            asset=instrument.code,
            quantity_minor=quantity_minor,
            lot_minor=instrument.lot_minor,
        )


def check_partial(new: NewSettlement | NewSide, partial: Partial, min_minor: int) -> None:
    """Raise Rejection `settlement.bad_partial`: a least part only where the code says of what, and
    no larger than the whole."""
    match partial:
        case Partial.NPAR | Partial.PART:
            least, most = 0, 0
        case Partial.PARC:
            least, most = 1, new.amount_minor
        case Partial.PARQ:
            least, most = 1, new.quantity_minor
    if not least <= min_minor <= most:
        raise Rejection(
            "settlement.bad_partial",
            partial=str(partial),
            partial_min_minor=min_minor,
            min_minor=least,
            max_minor=most,
        )


def check_domains(
    policy: SettlementPolicy, securities_domain: str, cash_domain: str, *, prefunded: bool
) -> None:
    """Raise Rejection `settlement.domain_unknown` or `settlement.prefunded_elsewhere`."""
    check_domain(policy, securities_domain)
    check_domain(policy, cash_domain)
    if prefunded and not securities_domain == cash_domain == policy.coordinator:
        raise Rejection(
            "settlement.prefunded_elsewhere",
            securities_domain=securities_domain,
            cash_domain=cash_domain,
            domain=policy.coordinator,
        )


def check_domain(policy: SettlementPolicy, domain: str) -> None:
    """Raise Rejection `settlement.domain_unknown`."""
    if domain != policy.coordinator and domain not in policy.domains:
        raise Rejection("settlement.domain_unknown", domain=domain[:_SHOWN_MAX])
