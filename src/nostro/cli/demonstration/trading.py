"""How does a trading session go: markets open, a hundred users trade, the platform is killed?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from nostro.cli.demonstration import following
from nostro.cli.demonstration.burst import through_a_kill
from nostro.cli.demonstration.customers import Deposit, confirmation, submission
from nostro.cli.demonstration.door import Answer, Order
from nostro.cli.demonstration.orderflow import SEED, OrderFlow
from nostro.cli.demonstration.payday import pages
from nostro.cli.demonstration.scene import Scene, all_of
from nostro.cli.demonstration.session import BASES, MARKETS, QUOTE, TRADERS
from nostro.cli.demonstration.stage import OPERATOR

ORDERS = 50_000
BATCH = 100
SENDERS = 12
ROUTED = 240
"""Orders of the market whose orders a provider fills where the book cannot."""
AMENDED, CANCELLED = 300, 300
FUNDS = {QUOTE: "5000000", **dict.fromkeys(BASES, "60000"), "LINK": "60000"}
FEES = {"name": "standard", "maker_bps": "-1", "taker_bps": "6"}
BATCHES = "/orders/batch"
WAIT_S = 30.0
PAUSE_S = 0.1


async def open_session(scene: Scene) -> None:
    """Name the fees, open the markets, and take the traders' money in."""
    await scene.accepted(Order("/fees", FEES, key="fees-of-the-session"))
    for market in MARKETS:
        said: dict[str, Any] = {
            "symbol": market.symbol,
            "tick": market.tick,
            "lot": market.lot,
        }
        said |= market.rules
        await scene.accepted(Order("/markets", said, key=f"create-{market.base}"))
        await scene.accepted(
            Order(f"{market.path}/state", {"state": "open"}, key=f"open-{market.base}")
        )
    deposits = [
        Deposit(user, asset, amount, "session")
        for user in TRADERS
        for asset, amount in FUNDS.items()
    ]

    async def fund(deposit: Deposit) -> None:
        await scene.accepted(submission(deposit))
        await scene.accepted(confirmation(deposit))
        scene.session.deposits[deposit.user, deposit.asset] = Decimal(deposit.amount)

    with scene.progress("deposits", len(deposits)) as advance:
        await all_of(deposits, fund, advance=advance)
    names = ", ".join(market.symbol for market in MARKETS)
    scene.say(f"{names} are open; {len(TRADERS)} traders have {len(deposits)} deposits")


async def trade(scene: Scene) -> None:
    """Send the orders while a program follows the feeds, and kill the platform half-way."""
    async with AsyncExitStack() as stack:
        follower = await stack.enter_async_context(following.following(scene.door.url))
        orders = [*_batches(), *_routed()]
        Random(SEED).shuffle(orders)
        answers = await through_a_kill(
            scene, orders, of="orders", senders=SENDERS, whole=_all_placed
        )
        for answer in answers:
            _note(scene, answer)
        await _change(scene, answers)
        await _come_back(scene)
        trades = await _told_trades(scene)
        await following.compare(scene, follower, trades)
    scene.done["orders placed"] += scene.session.orders
    scene.done["trades"] += scene.session.trades


def _batches() -> Iterator[Order]:
    """Yield the orders of the three markets with a book, a hundred of one user at a time."""
    flows = [OrderFlow(market, seed=SEED + n) for n, market in enumerate(MARKETS[:-1])]
    for number in range((ORDERS - ROUTED) // BATCH + 1):
        count = min(BATCH, ORDERS - ROUTED - number * BATCH)
        if count:
            yield _batch(f"batch-{number}", number, flows[number % len(flows)].take(count))


def _routed() -> Iterator[Order]:
    """Yield the orders that a provider fills where the book cannot, a few at a time."""
    flow = OrderFlow(MARKETS[-1], seed=SEED - 1)
    kinds = ("taking", "ioc", "market", "fok", "post only", "resting")
    for number in range(ROUTED // len(kinds)):
        yield _batch(f"routed-{number}", number, [flow.one(kind) for kind in kinds])


def _batch(name: str, number: int, said: list[dict[str, Any]]) -> Order:
    user = TRADERS[number % len(TRADERS)]
    return Order(BATCHES, {"user_id": user, "orders": said}, key=name, user=user)


def _all_placed(answer: Answer) -> bool:
    return answer.accepted and answer.body["refused"] == 0


def _note(scene: Scene, answer: Answer) -> None:
    """Write down what was acknowledged of orders and trades."""
    session = scene.session
    for result in answer.body["results"]:
        order = result["order"]
        session.orders += 1
        for fill in order["fills"]:
            amounts = (Decimal(fill[name]) for name in ("value", "fee", "quantity"))
            value, fee, quantity = amounts
            session.fills[fill["trade_id"]] = (value, fee, quantity)


async def _change(scene: Scene, answers: list[Answer]) -> None:
    """Amend and cancel orders that rest; each that is open can be cancelled once."""
    resting = [
        (order["user_id"], order["order_id"], Decimal(order["quantity"]))
        for answer in answers
        for result in answer.body["results"]
        if (order := result["order"])["status"] == "open" and order["type"] == "limit"
    ]
    Random(SEED).shuffle(resting)
    amended, cancelled = resting[:AMENDED], resting[AMENDED : AMENDED + CANCELLED]
    changes = [
        Order(
            f"/orders/{id}",
            {"quantity": f"{2 * quantity:f}"},
            key=f"amend-{id}",
            method="PATCH",
            user=user,
        )
        for user, id, quantity in amended
    ]
    changes += [
        Order(f"/orders/{id}", {}, key=f"cancel-{id}", method="DELETE", user=user)
        for user, id, _ in cancelled
    ]
    told = await all_of(changes, scene.door.order)
    codes = {answer.code for answer in told}
    possible = {"", "exchange.order_not_open", "exchange.order_routed"}
    scene.check("orders that rest are amended and cancelled", codes <= possible, codes)
    done = sum(answer.accepted for answer in told)
    scene.say(f"{done} of {len(told)} orders were amended or cancelled, the others had ended")
    for answer in told:
        if answer.accepted:
            for fill in answer.body.get("fills", ()):
                amounts = (Decimal(fill[name]) for name in ("value", "fee", "quantity"))
                value, fee, quantity = amounts
                scene.session.fills[fill["trade_id"]] = (value, fee, quantity)


async def _come_back(scene: Scene) -> None:
    """Take back what rests where a provider trades, until no order is left: one that the provider
    has cannot be taken back before his answer."""
    market = MARKETS[-1]
    deadline = asyncio.get_running_loop().time() + WAIT_S
    left = ["?"]
    for turn in count():
        path = f"/orders?symbol={market.symbol}&everybody=true"
        key = f"cancel-routed-{turn}"
        await scene.accepted(Order(path, {}, key=key, method="DELETE", user=OPERATOR))
        left = [
            order["order_id"]
            async for order in pages(
                scene, "/orders", user=OPERATOR, symbol=market.symbol, status="live"
            )
        ]
        if not left or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(PAUSE_S)
    scene.check("the provider has answered for every order", not left, left[:3])


async def _told_trades(scene: Scene) -> list[tuple[str, str]]:
    """Return symbol and id of every trade, as the platform tells them; those that were acknowledged
    must be there, with the same value."""
    told: dict[str, tuple[str, Decimal, Decimal]] = {}
    for market in MARKETS:
        async for trade in pages(scene, f"{market.path}/trades"):
            amounts = Decimal(trade["value"]), Decimal(trade["quantity"])
            told[trade["trade_id"]] = (market.symbol, *amounts)
    wrong = [
        id
        for id, (value, _, quantity) in scene.session.fills.items()
        if told.get(id, ("",))[1:] != (value, quantity)
    ]
    known = len(scene.session.fills)
    scene.check(f"all {known:,} acknowledged fills are trades of that value", not wrong, wrong[:3])
    scene.session.trades = len(told)
    return [(symbol, id) for id, (symbol, *_) in told.items()]
