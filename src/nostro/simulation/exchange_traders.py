"""What do traders and the market's operators do all day: bid, offer, amend, take back, halt?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec

from nostro.exchange import (
    AmendOrder,
    AssignFeeSchedule,
    CancelOrder,
    CancelOrders,
    ChangeMarket,
    MarketState,
    NewOrder,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    PostOnly,
    ReleaseFunds,
    Routing,
    SelfTrade,
    SetFeeSchedule,
    SetKillSwitch,
    SetMarketState,
    SetReference,
    Side,
    TimeInForce,
)
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.ledger import FreezeAccount, UnfreezeAccount
from nostro.simulation.clients import Client
from nostro.simulation.exchange_markets import (
    ASSETS,
    BAND_PPM,
    FUNDS,
    LOTS_MAX,
    MIDS,
    RULES,
    SCHEDULES,
    TRADERS,
    Street,
)
from nostro.simulation.exchange_provider import Provider, told
from nostro.simulation.loop import START_US
from nostro.simulation.network import Network
from nostro.wallets import ConfirmDeposit, SubmitDeposit

BULK_MAX = 7
GTD_S_MAX = 35
RACES_MAX = 4
SWITCHED_OFF_S_MAX = 6.0
HALTED_S_MAX = 5.0
FROZEN_S_MAX = 8.0

_TYPES = (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP, OrderType.STOP_LIMIT)
_TIMES = tuple(TimeInForce)
_ALIVE = ("open", "partially_filled", "untriggered")


class Trader(Client):
    """Places orders of every kind, amends them, takes them back; some that cannot be."""

    clumsy = 0.05

    def __init__(
        self, name: str, network: Network, random: Random, ops: int, *, street: Street
    ) -> None:
        # A customer of the same name has keys of his own.
        super().__init__(f"trader-{name}", network, random, ops)
        self._user = name
        self._street = street
        self._mine: list[int] = []
        self._count = 0

    async def fund(self) -> None:
        """Bring money; some bring little."""
        for asset in ASSETS:
            amount = int(FUNDS[asset] * self._random.choice((0.05, 0.5, 1.0, 2.0)))
            name = f"funds-{asset}"
            submit = SubmitDeposit(
                user_id=self._user, transaction_id=name, asset=asset, amount_minor=amount
            )
            await self._ask(submit, key=f"{self._user}:{name}")
            confirm = ConfirmDeposit(user_id=self._user, transaction_id=name)
            await self._ask(confirm, key=f"{self._user}:{name}:confirm", actor="watcher")

    async def _do_something(self) -> None:
        dice = self._random.random()
        if dice < 0.48:
            await self._place()
        elif dice < 0.65:
            await self._place_many()
        elif dice < 0.83:
            await self._amend()
        elif dice < 0.92:
            await self._cancel()
        elif dice < 0.95:
            await self._cancel_many()
        elif dice < 0.985:
            await self._race()
        else:
            await self._stop_trading()

    # -- placing ----------------------------------------------------------------------------------

    async def _place(self) -> None:
        order = self._order()
        # The door's own key: a client_order_id names an order of its user for ever.
        key = f"order:{self._user}:{order.client_order_id}" if order.client_order_id else ""
        self._hear(await self._ask(PlaceOrder(user_id=self._user, order=order), key=key))

    async def _place_many(self) -> None:
        orders = [self._order() for _ in range(self._random.randint(2, BULK_MAX))]
        self._hear(await self._ask(PlaceOrders(user_id=self._user, orders=orders)))

    def _hear(self, answer: Receipt | Rejection) -> None:
        """Remember the numbers of orders that were placed."""
        if not isinstance(answer, Receipt) or answer.reply.body is None:
            return
        body = answer.reply.body
        for result in body.get("results", (body,)):
            if result.get("state") in _ALIVE and result["order"] not in self._mine:
                self._mine.append(result["order"])
                self._street.orders.append((result["order"], self._user))

    def _order(self) -> NewOrder:
        dice = self._random
        market = dice.choices(tuple(MIDS), (60, 30, 10))[0]
        side = dice.choice(tuple(Side))
        mid = self._street.mid(market)
        type_ = dice.choices(_TYPES, (66, 16, 9, 9))[0]
        content: dict[str, Any] = {
            "market": market,
            "side": side,
            "type": type_,
            "lots": self._lots(),
            "self_trade": dice.choice(tuple(SelfTrade)),
        }
        if type_ in (OrderType.LIMIT, OrderType.STOP_LIMIT):
            content |= self._limit_terms(side, mid, content["lots"])
        else:
            content |= self._market_terms(side, mid, type_)
        if type_ in (OrderType.STOP, OrderType.STOP_LIMIT):
            away = dice.randint(-1, 6) if side is Side.BUY else dice.randint(-6, 1)
            content["stop"] = max(1, mid + self._ticks(mid, away))
        if self._chance(0.6):
            self._count += 1
            content["client_order_id"] = f"c{self._count}"
        if self._chance(0.03):
            content |= self._nonsense()
        return NewOrder(**content)

    def _lots(self) -> int:
        dice = self._random
        return dice.choice((1, 2, dice.randint(1, 30), dice.randint(10, LOTS_MAX)))

    @staticmethod
    def _ticks(mid: int, away: int) -> int:
        """Return some ticks: about a hundredth of the price each."""
        return away * max(1, mid // 100)

    def _limit_terms(self, side: Side, mid: int, lots: int) -> dict[str, Any]:
        dice = self._random
        away = dice.choices(range(-3, 6), (4, 8, 14, 14, 16, 14, 9, 6, 3))[0]
        if self._chance(0.04):
            away = dice.randint(-25, 25)
        sign = -1 if side is Side.BUY else 1
        time = dice.choices(_TIMES, (58, 10, 10, 12, 10))[0]
        terms: dict[str, Any] = {
            "price": max(1, mid + sign * self._ticks(mid, away)),
            "time_in_force": time,
        }
        if time is TimeInForce.GTD:
            now_us = START_US + round(asyncio.get_running_loop().time() * 1_000_000)
            terms["expires_at_us"] = now_us + dice.randint(-2, GTD_S_MAX) * 1_000_000 + 1
        if time not in (TimeInForce.IOC, TimeInForce.FOK):
            terms["post_only"] = dice.choices(tuple(PostOnly), (80, 10, 10))[0]
            if self._chance(0.25):
                terms["display"] = dice.randint(1, 1 + lots)
        return terms

    def _market_terms(self, side: Side, mid: int, type_: OrderType) -> dict[str, Any]:
        dice = self._random
        terms: dict[str, Any] = {"time_in_force": dice.choice((TimeInForce.IOC, TimeInForce.FOK))}
        if self._chance(0.6):
            worse = self._ticks(mid, dice.randint(0, 9))
            terms["price"] = max(1, mid + (worse if side is Side.BUY else -worse))
        if type_ is OrderType.MARKET and self._chance(0.4):
            terms["lots"] = 0
            terms["budget_minor"] = dice.choice((dice.randint(1, 40), dice.randint(1, 5_000)))
            terms["time_in_force"] = TimeInForce.IOC
        return terms

    def _nonsense(self) -> dict[str, Any]:
        return self._random.choice(
            (
                {"lots": 0},
                {"lots": 10**15},
                {"lots": 10**30},
                {"price": -1},
                {"price": 10**16},
                {"market": "NO-WHERE"},
                {"display": -5},
                {"stop": 77},
                {"budget_minor": 10**12},
                {"expires_at_us": 1},
                {"client_order_id": "x" * 65},
            )
        )

    # -- amending and taking back -----------------------------------------------------------------

    def _some_order(self) -> int:
        """Return an order, mostly one of ours and new; at times somebody else's, or none."""
        dice = self._random
        if self._mine and self._chance(0.93):
            return dice.choice(self._mine[-9:])
        if self._street.orders and self._chance(0.7):
            return dice.choice(self._street.orders)[0]
        return dice.choice((0, 10**9, 10**30))

    async def _amend(self) -> None:
        dice = self._random
        lots = price = None
        if self._chance(0.65):
            lots = self._lots() * dice.choice((1, 1, 20))
        if lots is None or self._chance(0.4):
            market = dice.choice(tuple(MIDS))
            mid = self._street.mid(market)
            price = max(1, mid + self._ticks(mid, dice.randint(-5, 5)))
        await self._ask(
            AmendOrder(order=self._some_order(), user_id=self._user, lots=lots, price=price)
        )

    async def _cancel(self) -> None:
        cancel = CancelOrder(order=self._some_order(), user_id=self._user)
        if self._chance(0.15):
            self._start(self._ask(cancel))
        await self._ask(cancel)

    async def _cancel_many(self) -> None:
        dice = self._random
        market = dice.choice((*MIDS, "", "NO-WHERE"))
        side = dice.choice((*Side, None))
        await self._ask(CancelOrders(user_id=self._user, market=market, side=side))

    async def _race(self) -> None:
        """Amend and cancel the same order at the same time, in any order."""
        order = self._some_order()
        for _ in range(self._random.randint(2, RACES_MAX)):
            command: Command = CancelOrder(order=order, user_id=self._user)
            if self._chance(0.5):
                command = AmendOrder(order=order, user_id=self._user, lots=self._lots())
            self._start(self._ask(command))
        await self._place()

    async def _stop_trading(self) -> None:
        """Pull the own kill switch for a while."""
        await self._ask(SetKillSwitch(user_id=self._user, reason="panic"))
        await asyncio.sleep(self._random.uniform(0.5, SWITCHED_OFF_S_MAX))
        await self._ask(SetKillSwitch(user_id=self._user, engaged=False))

    def _changed(self, command: Command) -> Command:
        """Return a command with another content under the same key."""
        if isinstance(command, PlaceOrder):
            order = msgspec.structs.replace(command.order, lots=command.order.lots + 1)
            return msgspec.structs.replace(command, order=order)
        return super()._changed(command)


class MarketOperator(Client):
    """Halts and opens markets, changes rules and fees, stops traders and freezes wallets."""

    clumsy = 0.0

    async def _do_something(self) -> None:
        dice = self._random
        market = dice.choice(tuple(MIDS))
        match dice.randrange(11):
            case 0 | 1:
                await self._halt(market)
            case 2 | 3:
                await self._ask(SetReference(market=market, price=self._near(market)))
            case 4:
                await self._ask(ChangeMarket(market=market, rules=self._rules(market)))
            case 5:
                await self._change_fees()
            case 6:
                schedule = dice.choice(("", *SCHEDULES, "nowhere"))
                await self._ask(AssignFeeSchedule(user_id=dice.choice(TRADERS), schedule=schedule))
            case 7:
                await self._switch_off(dice.choice((*TRADERS, *TRADERS, "")))
            case 8:
                await self._ask(CancelOrders(market=market, side=dice.choice((*Side, None))))
            case _:
                await self._freeze(dice.choice(TRADERS), dice.choice(ASSETS))

    def _near(self, market: str) -> int:
        return max(1, int(MIDS[market] * self._random.uniform(0.93, 1.07)))

    async def _halt(self, market: str) -> None:
        states = (MarketState.HALTED, MarketState.CANCEL_ONLY, MarketState.CLOSED)
        state = self._random.choices(states, (60, 25, 15))[0]
        await self._ask(SetMarketState(market=market, state=state, reason="drill"))
        await asyncio.sleep(self._random.uniform(0.2, HALTED_S_MAX))
        await self._ask(SetMarketState(market=market, state=MarketState.OPEN))

    def _rules(self, market: str) -> Any:
        dice = self._random
        return msgspec.structs.replace(
            RULES[market],
            routing=dice.choice((RULES[market].routing, *Routing)),
            provider=dice.choice(("acme", "zeta")),
            band_ppm=dice.choice((0, BAND_PPM // 2, BAND_PPM)),
            lots_min=dice.choice((1, 1, 3)),
            fee_schedule=dice.choice(tuple(SCHEDULES)),
        )

    async def _change_fees(self) -> None:
        dice = self._random
        maker, taker = dice.choice(((-2_500, 2_500), (-1_000, 2_000), (0, 0), (333, 777)))
        name = dice.choice(tuple(SCHEDULES))
        await self._ask(SetFeeSchedule(name=name, maker_ppm=maker, taker_ppm=taker))

    async def _switch_off(self, user_id: str) -> None:
        await self._ask(SetKillSwitch(user_id=user_id, reason="drill"))
        await asyncio.sleep(self._random.uniform(0.2, SWITCHED_OFF_S_MAX))
        await self._ask(SetKillSwitch(user_id=user_id, engaged=False))

    async def _freeze(self, user_id: str, asset: str) -> None:
        account = f"wallet:{user_id}:{asset}"
        await self._ask(FreezeAccount(account=account))
        await asyncio.sleep(self._random.uniform(0.5, FROZEN_S_MAX))
        await self._ask(UnfreezeAccount(account=account))

    async def reopen(self) -> None:
        """Open all markets and let everybody trade and move money again."""
        for user_id in ("", *TRADERS):
            await self._ask(SetKillSwitch(user_id=user_id, engaged=False))
        for market in MIDS:
            # Known by the market's own state, so asked until it is open.
            await self._ask(SetMarketState(market=market, state=MarketState.OPEN))

    async def release(self, suspensions: list[int]) -> None:
        """Release what stands in suspense."""
        for suspension in suspensions:
            await self._ask(ReleaseFunds(suspension=suspension))

    async def mend(self, broken: Iterable[int], provider: Provider) -> None:
        """Speak to providers who said what cannot be, and tell what they did."""
        for route in sorted(broken):
            await self._ask(told(route, provider.deeds[route]))

    async def close_all(self) -> None:
        """Close every market, so that every order ends."""
        for market in MIDS:
            command = SetMarketState(market=market, state=MarketState.CLOSED, reason="evening")
            await self._ask(command)
