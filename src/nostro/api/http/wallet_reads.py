"""What can one ask of a customer: what they own, what comes in, what goes out?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.api.http.ledger_examples import AT
from nostro.api.http.ledger_reads import AtLeast, Cursor, Limit
from nostro.api.operations import Call, Handler, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.words import TransactionId, UserId, WithdrawalId
from nostro.kernel.money import format_amount
from nostro.ledger import BalanceView
from nostro.wallets import (
    Change,
    CustomerView,
    DepositState,
    DepositView,
    WithdrawalState,
    WithdrawalView,
)


class UserPath(msgspec.Struct, frozen=True, kw_only=True):
    """The customer in the path."""

    user_id: UserId


class DepositPath(msgspec.Struct, frozen=True, kw_only=True):
    """The deposit in the path; a slash in its transaction id may stand as it is."""

    user_id: UserId
    transaction_id: TransactionId


class WithdrawalPath(msgspec.Struct, frozen=True, kw_only=True):
    """The withdrawal in the path."""

    withdrawal_id: WithdrawalId


class BalanceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How fresh the answer must be."""

    at_least: AtLeast | None = None


class WalletQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many deposits and withdrawals, and after which."""

    limit: Limit = 100
    deposits_cursor: Cursor | None = None
    withdrawals_cursor: Cursor | None = None
    at_least: AtLeast | None = None


class WalletBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer owns in one currency: `posted` in all, of which `held` is on its way out, so
    that `available` may still be used."""

    currency: str
    account: str
    posted: str
    held: str
    available: str


class ChangeTold(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the life of a deposit or a withdrawal: what, by whom, why, when."""

    event: str
    state: str
    actor: str
    reason: str
    at: str
    height: int


class DepositTold(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit as it stands now, and how it came there."""

    transaction_id: str
    currency: str
    amount: str
    state: DepositState
    reason: str
    opened_at: str
    changed_at: str
    height: int
    history: list[ChangeTold]


class WithdrawalTold(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal as it stands now, and how it came there."""

    withdrawal_id: str
    currency: str
    amount: str
    destination: str
    state: WithdrawalState
    reason: str
    approvals_missing: int
    opened_at: str
    changed_at: str
    height: int
    history: list[ChangeTold]


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer with their accounts, and the newest of their deposits and withdrawals. Each
    cursor asks for the rest; null: that was all."""

    user_id: str
    opened_at: str
    opened_height: int
    accounts: list[WalletBalance]
    deposits: list[DepositTold]
    withdrawals: list[WithdrawalTold]
    deposits_cursor: str | None
    withdrawals_cursor: str | None
    height: int


class DepositAlone(DepositTold, frozen=True, kw_only=True):
    """A deposit, with whose it is."""

    user_id: str


class WithdrawalAlone(WithdrawalTold, frozen=True, kw_only=True):
    """A withdrawal, with whose it is."""

    user_id: str


async def get_wallet(call: Call, query: WalletQuery) -> Spoken:
    """Tell all there is of a customer."""
    customer = await _known(call, query.at_least)
    wallets, user_id = call.desk.platform.wallets, customer.user_id
    deposits = await wallets.deposits(user_id, cursor=query.deposits_cursor, limit=query.limit)
    withdrawals = await wallets.withdrawals(
        user_id, cursor=query.withdrawals_cursor, limit=query.limit
    )
    told = Customer(
        user_id=user_id,
        opened_at=rfc3339(customer.opened_at_us),
        opened_height=customer.opened_height,
        accounts=[_balance(view) for view in await wallets.balances(user_id)],
        deposits=[_deposit(view) for view in deposits.items],
        withdrawals=[_withdrawal(view) for view in withdrawals.items],
        deposits_cursor=deposits.next_cursor,
        withdrawals_cursor=withdrawals.next_cursor,
        height=customer.height,
    )
    return answered(told)


async def get_deposit(call: Call, query: BalanceQuery) -> Spoken:
    """Tell how a deposit stands, and how it came there."""
    await call.desk.fresh(query.at_least)
    user_id, transaction_id = call.params.user_id, call.params.transaction_id
    view = await call.desk.platform.wallets.deposit(user_id, transaction_id)
    if view is None:
        facts = {"user_id": user_id, "transaction_id": transaction_id}
        raise ProblemRaised("wallets.deposit_unknown", facts=facts)
    told = msgspec.structs.asdict(_deposit(view))
    return answered(DepositAlone(user_id=user_id, **told))


async def get_withdrawal(call: Call, query: BalanceQuery) -> Spoken:
    """Tell how a withdrawal stands, and how it came there."""
    await call.desk.fresh(query.at_least)
    withdrawal_id = call.params.withdrawal_id
    view = await call.desk.platform.wallets.withdrawal(withdrawal_id)
    if view is None or not call.sees(view.user_id):
        raise ProblemRaised("wallets.withdrawal_unknown", facts={"withdrawal_id": withdrawal_id})
    told = msgspec.structs.asdict(_withdrawal(view))
    return answered(WithdrawalAlone(user_id=view.user_id, **told))


async def _known(call: Call, at_least: int | None) -> CustomerView:
    await call.desk.fresh(at_least)
    user_id: str = call.params.user_id
    customer = await call.desk.platform.wallets.customer(user_id)
    if customer is None:
        raise ProblemRaised("wallets.customer_unknown", facts={"user_id": user_id})
    return customer


def _balance(view: BalanceView) -> WalletBalance:
    return WalletBalance(
        currency=view.asset,
        account=view.account,
        posted=format_amount(view.posted, view.scale),
        held=format_amount(view.pending_out, view.scale),
        available=format_amount(view.available, view.scale),
    )


def _deposit(view: DepositView) -> DepositTold:
    return DepositTold(
        transaction_id=view.transaction_id,
        currency=view.asset,
        amount=format_amount(view.amount_minor, view.scale),
        state=view.state,
        reason=view.reason,
        opened_at=rfc3339(view.opened_at_us),
        changed_at=rfc3339(view.changed_at_us),
        height=view.height,
        history=_history(view.history),
    )


def _withdrawal(view: WithdrawalView) -> WithdrawalTold:
    return WithdrawalTold(
        withdrawal_id=view.withdrawal_id,
        currency=view.asset,
        amount=format_amount(view.amount_minor, view.scale),
        destination=view.destination,
        state=view.state,
        reason=view.reason,
        approvals_missing=view.approvals_missing,
        opened_at=rfc3339(view.opened_at_us),
        changed_at=rfc3339(view.changed_at_us),
        height=view.height,
        history=_history(view.history),
    )


def _history(changes: Sequence[Change]) -> list[ChangeTold]:
    return [
        ChangeTold(
            event=change.event,
            state=change.state,
            actor=change.actor,
            reason=change.reason,
            at=rfc3339(change.at_us),
            height=change.height,
        )
        for change in changes
    ]


_BALANCE = {
    "currency": "EUR",
    "account": "wallet:alice:EUR",
    "posted": "101.50",
    "held": "20.00",
    "available": "81.50",
}
_CHANGE = {"state": "submitted", "actor": "alice", "reason": "", "at": AT, "height": 1}
_TIMES = {"opened_at": AT, "changed_at": AT}
_DEPOSIT = {
    "transaction_id": "tx-0001",
    "currency": "EUR",
    "amount": "101.50",
    "state": "submitted",
    "reason": "",
    **_TIMES,
    "height": 1,
    "history": [{"event": "deposit_submitted", **_CHANGE}],
}
_WITHDRAWAL = {
    "withdrawal_id": "wd-0001",
    "currency": "EUR",
    "amount": "20.00",
    "destination": "DE89370400440532013000",
    "state": "awaiting_approval",
    "reason": "",
    "approvals_missing": 1,
    **_TIMES,
    "height": 3,
    "history": [],
}
_CUSTOMER: dict[str, Any] = {
    "user_id": "alice",
    "opened_at": AT,
    "opened_height": 1,
    "accounts": [_BALANCE],
    "deposits": [_DEPOSIT],
    "withdrawals": [_WITHDRAWAL],
    "deposits_cursor": None,
    "withdrawals_cursor": None,
    "height": 42,
}


def _read(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    query: type[msgspec.Struct],
    shape: Any,
    example: Any,
    params: type[msgspec.Struct] = UserPath,
    problems: tuple[str, ...] = ("wallets.customer_unknown", "request.bad_cursor"),
) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag="wallet",
        summary=summary,
        description=description,
        handler=handler,
        query=query,
        params=params,
        problems=(*problems, "views.behind", "views.unavailable"),
        results={200: Result(description=f"{summary}.", shape=shape, example=example)},
    )


OPERATIONS = (
    _read(
        name="getWallet",
        path="/wallet/{user_id}",
        summary="A customer",
        description="Their accounts, and the newest of their deposits and withdrawals, each with "
        "its state and how it came there.",
        handler=get_wallet,
        query=WalletQuery,
        shape=Customer,
        example=_CUSTOMER,
    ),
    _read(
        name="getDeposit",
        path="/wallet/deposit/{user_id}/{transaction_id:path}",
        summary="A deposit",
        description="Its state, and how it came there.",
        handler=get_deposit,
        query=BalanceQuery,
        shape=DepositAlone,
        example={"user_id": "alice", **_DEPOSIT},
        params=DepositPath,
        problems=("wallets.deposit_unknown",),
    ),
    _read(
        name="getWithdrawal",
        path="/wallet/withdraw/{withdrawal_id}",
        summary="A withdrawal",
        description="Its state, the approvals it still needs, and how it came there.",
        handler=get_withdrawal,
        query=BalanceQuery,
        shape=WithdrawalAlone,
        example={"user_id": "alice", **_WITHDRAWAL},
        params=WithdrawalPath,
        problems=("wallets.withdrawal_unknown",),
    ),
)
