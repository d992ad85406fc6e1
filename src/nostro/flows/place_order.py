"""Which story does an order tell: its funds held, entered, amended, ended, its funds released?

All of it up to the trades is one journal row. What an order holds stands on an account of its own
beside the wallet, so that many fills and releases can draw on it; the wallet cannot be overdrawn,
so neither can the order's funds be more than the user had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.exchange import (
    AmendmentPlaced,
    EnterAmendment,
    EnterOrder,
    FundsReleased,
    KeepFundsSuspended,
    OrderReduced,
    OrderRested,
    OrdersClosed,
    OrdersPlaced,
    PlacedOrder,
    RefuseAmendment,
    RefuseOrder,
    StopsElected,
    TraderAdmitted,
)
from nostro.flows import books
from nostro.flows.wallet_credits import credited
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Reply
from nostro.kernel.room import Amend, Answer, Order, Step
from nostro.ledger import CreateTransfers, CreateTransfersTogether, NewTransfer, OpenAccounts
from nostro.wallets import OpenWallet

INSUFFICIENT_FUNDS = "exchange.insufficient_funds"
_SHORT = frozenset({"ledger.exceeds_credits", "ledger.debit_not_found"})
"""How the ledger says that there is not enough: also where there never was anything."""
_OF_TRANSFERS = frozenset({"index", "id"})
"""Which transfer it was that was refused: nothing that whoever amends an order has ever seen."""
_ORDER = int(books.TransferCode.ORDER)
_RELEASE = int(books.TransferCode.ORDER_RELEASE)


def admit(event: TraderAdmitted) -> Sequence[Step]:
    """Open the wallets and the accounts that trading a pair of assets needs."""
    user_id, assets = event.user_id, (event.base, event.quote)
    return [
        *(Order(OpenWallet(user_id=user_id, asset=asset)) for asset in assets),
        Order(OpenAccounts(accounts=books.trading_accounts(user_id, assets))),
    ]


def hold(event: OrdersPlaced) -> Sequence[Step]:
    """Hold the funds of each order; then let it enter, or refuse it."""
    user_id, placed = event.user_id, event.orders
    transfers = [_holding(user_id, order, moves=1) for order in placed]

    def entered(reply: Reply) -> Sequence[Step]:
        refused = {index: (code, facts) for index, code, facts in reply.body["results"]}
        told: dict[int, Any] = {}
        tell = _telling(told)
        steps: list[Step] = []
        for index, order in enumerate(placed):
            if index in refused:
                code, facts = refused[index]
                code, told[order.number] = _refusal(order, code, facts)
                steps.append(Order(RefuseOrder(order=order.number, reason=code)))
            else:
                steps.append(Order(EnterOrder(order=order.number), then=tell))
        steps.append(Amend(lambda first: _answer(first, told)))
        return steps

    return [Order(CreateTransfers(transfers=transfers), then=entered)]


def _holding(user_id: str, order: PlacedOrder, *, moves: int) -> NewTransfer:
    return NewTransfer(
        id=books.order_hold_id(order.number, moves),
        debit=books.wallet_account(user_id, order.asset),
        credit=books.orders_account(user_id, order.asset),
        amount_minor=order.reserved_minor,
        code=_ORDER,
    )


def _refusal(order: PlacedOrder, code: str, facts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return under which code an order is refused, and what its sender is told."""
    if code in _SHORT:
        code = INSUFFICIENT_FUNDS
    facts = {
        **facts,
        "order": order.number,
        "asset": order.asset,
        "needed_minor": order.reserved_minor,
    }
    return code, {"code": code, "facts": facts}


def _telling(told: dict[int, Any]) -> Any:
    def then(reply: Reply) -> Sequence[Step]:
        told[reply.body["order"]] = reply.body
        return ()

    return then


def _answer(first: Reply, told: dict[int, Any]) -> Reply:
    """Return the reply to the placing command, once all its orders are entered or refused."""
    results = first.body.get("results")
    if results is not None:
        return Reply(body={"results": [told.get(each.get("order"), each) for each in results]})
    body = told[first.body["order"]]
    if "code" in body:
        return Reply(code=body["code"], facts=body["facts"])
    return Reply(body=body)


def elect(event: StopsElected) -> Sequence[Step]:
    """Let the stops whose price was reached enter, in their order."""
    return [Order(EnterOrder(order=order)) for order in event.orders]


def amend(event: AmendmentPlaced) -> Sequence[Step]:
    """Hold what the amended order needs more, and enter it again; or leave it as it is."""
    enter = Order(EnterAmendment(order=event.order), then=lambda reply: [Answer(body=reply.body)])
    if not event.extra_minor:
        return [enter]
    transfer = NewTransfer(
        id=books.order_hold_id(event.order, event.moves),
        debit=books.wallet_account(event.user_id, event.asset),
        credit=books.orders_account(event.user_id, event.asset),
        amount_minor=event.extra_minor,
        code=_ORDER,
    )

    def refused(no: Rejection) -> Sequence[Step]:
        code = INSUFFICIENT_FUNDS if no.code in _SHORT else no.code
        facts = {
            **{name: fact for name, fact in no.facts.items() if name not in _OF_TRANSFERS},
            "order": event.order,
            "asset": event.asset,
            "needed_minor": event.extra_minor,
        }
        return [
            Order(RefuseAmendment(order=event.order, reason=code)),
            Answer(code=code, facts=facts),
        ]

    return [
        Order(
            CreateTransfersTogether(transfers=[transfer]),
            otherwise=refused,
            then=lambda _: [enter],
        )
    ]


def release(event: OrderRested | OrderReduced) -> Sequence[Step]:
    """Release what the order no longer needs."""
    if not event.released_minor:
        return ()
    transfer = releasing(
        event.user_id, event.order, event.asset, event.released_minor, moves=event.moves
    )
    return credited([transfer])


def close(event: OrdersClosed) -> Sequence[Step]:
    """Release what was still held for the orders."""
    return credited(
        [
            releasing(each.user_id, each.order, each.asset, each.released_minor, moves=each.moves)
            for each in event.orders
            if each.released_minor
        ]
    )


def releasing(
    user_id: str, order: int, asset: str, amount_minor: int, *, moves: int
) -> NewTransfer:
    """Return the transfer that releases funds of an order."""
    return NewTransfer(
        id=books.order_release_id(order, moves),
        debit=books.orders_account(user_id, asset),
        credit=books.wallet_account(user_id, asset),
        amount_minor=amount_minor,
        code=_RELEASE,
    )


def release_suspended(event: FundsReleased) -> Sequence[Step]:
    """Move the money from suspense to the wallet, or leave it there."""
    transfer = NewTransfer(
        id=books.funds_release_id(event.suspension, event.attempt),
        debit=books.suspense_account(event.asset),
        credit=books.wallet_account(event.user_id, event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.RELEASE,
    )

    def kept(no: Rejection) -> Sequence[Step]:
        command = KeepFundsSuspended(suspension=event.suspension, reason=no.code)
        return [Order(command), Answer(code=no.code, facts=dict(no.facts))]

    return [Order(CreateTransfersTogether(transfers=[transfer]), otherwise=kept)]
