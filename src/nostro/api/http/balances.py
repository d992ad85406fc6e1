"""What does a user own: available, held in orders or settlements, held on its way out?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from nostro.api.http.ledger_reads import FreshQuery
from nostro.api.http.wallet_reads import UserPath
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.kernel.money import format_amount
from nostro.ledger import BalanceView


class AssetBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What a user owns of one asset. On the wallet's `account` stands `posted`, of which `held` is
    on its way out (withdrawals, settlements that span domains), so that `available` may still be
    used. Beside it orders hold `in_orders`, and trades that settle on a later day `in_settlement`:
    `total` is `posted` and both of these."""

    currency: str
    account: str
    posted: str
    held: str
    available: str
    in_orders: str
    in_settlement: str
    total: str


class BalancesTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a user owns, by asset."""

    user_id: str
    balances: list[AssetBalance]
    height: int


class _Owned:
    """What stands on the accounts of one asset."""

    __slots__ = ("available", "held", "in_orders", "in_settlement", "posted", "scale")

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.posted = self.held = self.available = self.in_orders = self.in_settlement = 0

    def told(self, user_id: str, currency: str) -> AssetBalance:
        """Return it as it is told."""
        scale = self.scale
        return AssetBalance(
            currency=currency,
            account=f"wallet:{user_id}:{currency}",
            posted=format_amount(self.posted, scale),
            held=format_amount(self.held, scale),
            available=format_amount(self.available, scale),
            in_orders=format_amount(self.in_orders, scale),
            in_settlement=format_amount(self.in_settlement, scale),
            total=format_amount(self.posted + self.in_orders + self.in_settlement, scale),
        )


async def get_balances(call: Call, query: FreshQuery) -> Spoken:
    """Tell what a user owns."""
    desk = call.desk
    await desk.fresh(query.at_least)
    user_id: str = call.params.user_id
    customer = await desk.platform.wallets.customer(user_id)
    if customer is None:
        raise ProblemRaised("wallets.customer_unknown", facts={"user_id": user_id})
    owned = _by_asset(await desk.platform.exchange.balances(user_id))
    told = BalancesTold(
        user_id=user_id,
        balances=[each.told(user_id, currency) for currency, each in owned.items()],
        height=customer.height,
    )
    return answered(told)


def _by_asset(views: Iterable[BalanceView]) -> dict[str, _Owned]:
    """Return what stands on the wallets and on the accounts of orders and settlements, together by
    asset."""
    owned: dict[str, _Owned] = {}
    for view in views:
        each = owned.setdefault(view.asset, _Owned(view.scale))
        if view.account.startswith("orders:"):
            each.in_orders += view.posted
        elif view.account.startswith("unsettled:"):
            each.in_settlement += view.posted
        else:
            each.posted += view.posted
            each.held += view.pending_out
            each.available += view.available
    return dict(sorted(owned.items()))


_BALANCE = {
    "currency": "EUR",
    "account": "wallet:alice:EUR",
    "posted": "101.50",
    "held": "20.00",
    "available": "81.50",
    "in_orders": "100.00",
    "in_settlement": "0.00",
    "total": "201.50",
}

OPERATIONS = (
    Operation(
        name="getCustomerBalances",
        method="GET",
        path="/balance/{user_id}",
        tag="wallet",
        summary="What a user owns",
        description="In all assets: available, held in orders, held on its way out, and in all.",
        handler=get_balances,
        query=FreshQuery,
        params=UserPath,
        problems=("wallets.customer_unknown", "views.behind", "views.unavailable"),
        results={
            200: Result(
                description="What a user owns.",
                shape=BalancesTold,
                example={"user_id": "alice", "balances": [_BALANCE], "height": 42},
            )
        },
    ),
)
