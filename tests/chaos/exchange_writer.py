"""Who trades while it is being killed? A process with an engine, told nothing but where.

It submits numbered commands, several at a time, and writes one line for each acknowledgement,
after it has come. On the next start it begins again at the number it is given, so that whatever
was in flight is asked again with the same key and content.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import count, islice
from random import Random
from typing import Any

import uvloop

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.exchange import (
    AmendOrder,
    CancelOrder,
    CreateMarket,
    MarketState,
    NewOrder,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    SelfTrade,
    SetFeeSchedule,
    SetMarketState,
    Side,
    TimeInForce,
)
from nostro.kernel.messages import Command
from nostro.runtime.engine import Engine
from nostro.runtime.ports import Outage
from nostro.wallets import ConfirmDeposit, SubmitDeposit
from nostro.wiring.rooms import make_house

MARKET = "BTC-USD"
USERS = tuple(f"trader{number}" for number in range(8))
FUNDS = {"USD": 1_000_000_00, "BTC": 100 * 10**8}
MID = 60_000
IN_FLIGHT = 16
PATIENCE_S = 0.05
REACH = 60
"""How many orders back amendments and cancels go."""


def setting_up() -> Iterator[Command]:
    """Yield the first commands: fees, a market, and money."""
    yield SetFeeSchedule(name="standard", maker_ppm=-100, taker_ppm=1_500)
    yield CreateMarket(market=MARKET, base="BTC", quote="USD", lot_minor=10_000)
    yield SetMarketState(market=MARKET, state=MarketState.OPEN)
    for user_id in USERS:
        for asset, amount in FUNDS.items():
            deposit = {"user_id": user_id, "transaction_id": f"first-{asset}"}
            yield SubmitDeposit(**deposit, asset=asset, amount_minor=amount)
            yield ConfirmDeposit(**deposit)


FIRST = tuple(setting_up())


def command(number: int) -> Command:
    """Return the n-th command: always the same."""
    if number < len(FIRST):
        return FIRST[number]
    dice = Random(number)
    user_id = dice.choice(USERS)
    kind = dice.random()
    if kind < 0.6:
        return PlaceOrder(user_id=user_id, order=_order(dice, f"c{number}"))
    if kind < 0.7:
        names = [f"c{number}.{index}" for index in range(dice.randint(2, 6))]
        return PlaceOrders(user_id=user_id, orders=[_order(dice, name) for name in names])
    # Numbers of orders run a little ahead of numbers of commands: some of these are not there.
    order = max(1, round((number - len(FIRST)) * 0.9) - dice.randrange(REACH))
    if kind < 0.8:
        lots = dice.choice((None, dice.randint(1, 50)))
        price = MID + dice.randint(-30, 30) if lots is None or dice.random() < 0.5 else None
        return AmendOrder(order=order, user_id="", lots=lots, price=price)
    return CancelOrder(order=order, user_id="")


def _order(dice: Random, name: str) -> NewOrder:
    side = dice.choice(tuple(Side))
    type_ = dice.choices(tuple(OrderType), (75, 10, 7, 8))[0]
    content: dict[str, Any] = {"price": MID + dice.randint(-30, 30)}
    if type_ is OrderType.LIMIT:
        time = dice.choices(tuple(TimeInForce)[:3], (80, 10, 10))[0]
        content["time_in_force"] = time
        if time is TimeInForce.GTC:
            content["post_only"] = dice.choices(tuple(PostOnly), (90, 5, 5))[0]
            content["display"] = dice.choice((0, 0, 0, 5))
    elif type_ is not OrderType.MARKET:
        content["stop"] = MID + dice.randint(-25, 25)
    return NewOrder(
        market=MARKET,
        side=side,
        type=type_,
        lots=dice.randint(5, 60),
        self_trade=dice.choice(tuple(SelfTrade)),
        client_order_id=name,
        **content,
    )


async def main(url: str, first: int) -> None:
    """Submit commands from `first` on until killed."""
    engine = Engine(house=make_house(), journal=PostgresJournal(url, "main"), clock=SystemClock())
    while True:
        try:
            await engine.start()
            break
        except Outage:
            await asyncio.sleep(PATIENCE_S)  # sleeps: the server is coming back
    numbers = count(first)
    for number in islice(numbers, max(0, len(FIRST) - first)):
        await _submit(engine, number)

    async def client() -> None:
        for number in numbers:
            await _submit(engine, number)

    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))


async def _submit(engine: Engine, number: int) -> None:
    """Submit until it is acknowledged, and say so."""
    while True:
        try:
            receipt = await engine.submit(key=f"c{number}", command=command(number), actor="writer")
        except Outage:
            await asyncio.sleep(PATIENCE_S)  # sleeps: the server is coming back
            continue
        reply = receipt.reply
        line = {
            "number": number,
            "height": receipt.height,
            "code": reply.code,
            "body": reply.body,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        return


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
