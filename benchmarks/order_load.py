"""Which orders does the load bring? A market around one price: makers rest near it, takers take.

Half of the orders are limit orders that rest within ten ticks of the middle, half take up to twenty
ticks through it and rest nothing (IOC), of the same sizes: the book neither empties nor grows for
ever, and about every second order trades. Fifty users make and fifty take, so few meet themselves.
Fees of 10 and 20 basis points; one lot at one tick is worth a ten-thousandth of a minor unit, so
values are rounded.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from nostro.exchange import (
    CreateMarket,
    MarketRules,
    MarketState,
    NewOrder,
    PlaceOrder,
    PlaceOrders,
    SetFeeSchedule,
    SetMarketState,
    Side,
    TimeInForce,
)
from nostro.flows import books
from nostro.kernel.messages import Command
from nostro.ledger import CreateTransfersTogether, NewTransfer
from nostro.runtime.engine import Engine
from nostro.wallets import OpenWallet

MARKET, BASE, QUOTE = "BTC-USD", "BTC", "USD"
SYMBOL = "BTC/USD"
LOT_MINOR = 10_000
"""0.0001 BTC."""
MIDDLE = 6_000_000
"""In ticks of 0.01: 60,000.00 USD."""
USERS = 100
FUNDS_MINOR = 10**17
TEMPLATES = 50_000


def trader(number: int) -> str:
    """Return the user id of the n-th trader."""
    return f"trader-{number:03d}"


class OrderTraffic:
    """An endless stream of orders, the same for the same seed: blocks of `block` orders of one
    user, by turns of a maker and of a taker."""

    def __init__(self, *, seed: int = 1, block: int = 1) -> None:
        chance = random.Random(seed)
        half = USERS // 2
        self._block = block
        self._users, self._orders = [], []
        for first in range(0, TEMPLATES, block):
            taking = (first // block) % 2
            user_id = trader(chance.randint(1, half) + taking * half)
            self._users += [user_id] * block
            self._orders += [_order(chance, taking=bool(taking)) for _ in range(block)]

    def singles(self) -> Iterator[tuple[Command, int]]:
        """Yield commands of one order each."""
        while True:
            for user_id, order in zip(self._users, self._orders, strict=True):
                yield PlaceOrder(user_id=user_id, order=order), 1

    def bulks(self) -> Iterator[tuple[Command, int]]:
        """Yield commands of one block each."""
        while True:
            for first in range(0, TEMPLATES, self._block):
                orders = self._orders[first : first + self._block]
                yield PlaceOrders(user_id=self._users[first], orders=orders), len(orders)

    def bodies(self, count: int) -> list[tuple[str, dict[str, str]]]:
        """Return users and the bodies of `POST /order` of their orders."""
        return [
            (user_id, _body(user_id, order))
            for user_id, order in zip(self._users[:count], self._orders[:count], strict=True)
        ]


def _order(chance: random.Random, *, taking: bool) -> NewOrder:
    side = Side.BUY if chance.random() < 0.5 else Side.SELL
    through = 1 if side is Side.BUY else -1
    lots = chance.randint(1, 10)
    if not taking:
        price = MIDDLE - through * chance.randint(1, 10)
        return NewOrder(market=MARKET, side=side, lots=lots, price=price)
    return NewOrder(
        market=MARKET,
        side=side,
        lots=lots,
        price=MIDDLE + through * 20,
        time_in_force=TimeInForce.IOC,
    )


def _body(user_id: str, order: NewOrder) -> dict[str, str]:
    return {
        "user_id": user_id,
        "symbol": SYMBOL,
        "side": order.side.value.upper(),
        "type": "LIMIT",
        "price": f"{order.price // 100}.{order.price % 100:02d}",
        "quantity": f"0.{order.lots:04d}",
        "time_in_force": order.time_in_force.value.upper(),
    }


async def open_market(engine: Engine) -> None:
    """Open the market, and give every trader funds in both assets."""
    rules = MarketRules(orders_per_user_max=100_000)
    commands: list[Command] = [
        SetFeeSchedule(name="standard", maker_ppm=1_000, taker_ppm=2_000),
        CreateMarket(
            market=MARKET, base=BASE, quote=QUOTE, lot_minor=LOT_MINOR, price_scale=2, rules=rules
        ),
        SetMarketState(market=MARKET, state=MarketState.OPEN),
    ]
    names = [trader(number) for number in range(1, USERS + 1)]
    commands += [OpenWallet(user_id=name, asset=code) for name in names for code in (BASE, QUOTE)]
    funds = [
        NewTransfer(
            id=f"funds:{name}:{code}",
            debit=books.nostro_account(code),
            credit=books.wallet_account(name, code),
            amount_minor=FUNDS_MINOR,
        )
        for name in names
        for code in (BASE, QUOTE)
    ]
    commands.append(CreateTransfersTogether(transfers=funds))
    receipts = await asyncio.gather(
        *(
            engine.submit(key=f"open:{number}", command=command, actor="bench")
            for number, command in enumerate(commands)
        )
    )
    assert all(receipt.reply.accepted for receipt in receipts), receipts
