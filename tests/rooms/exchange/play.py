"""Given events, when a command, then events or a refusal: the exchange alone, with the least of a
flow that holds funds, settles trades and lets orders enter, and a ledger of plain integers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from nostro.exchange import (
    AmendmentPlaced,
    CreateMarket,
    EnterAmendment,
    EnterOrder,
    ExchangeRoom,
    ExchangeState,
    LiveOrder,
    Market,
    MarketRules,
    MarketState,
    NewOrder,
    OrderReduced,
    OrderRested,
    OrdersClosed,
    OrdersPlaced,
    PlaceOrder,
    RefuseAmendment,
    RefuseOrder,
    RouteEnded,
    SetFeeSchedule,
    SetMarketState,
    SetReference,
    Side,
    StopsElected,
    TradesExecuted,
)
from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Event, Rejection, Tick
from nostro.kernel.room import Context, Decision, Position

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
NAME = "ADA-USD"
BUY, SELL = Side.BUY, Side.SELL
PLENTY = 10**30


class Ledger:
    """What users have, and what each order holds; nothing may fall below zero but what comes from
    outside."""

    def __init__(self) -> None:
        self.wallets: Counter[tuple[str, str]] = Counter()
        self.held: dict[int, int] = {}
        self.earnings: Counter[str] = Counter()
        self.outside: Counter[str] = Counter()
        self.moved: set[tuple[int, int]] = set()
        self.poor = False
        """Nobody has any more than he has: otherwise wallets fill themselves."""

    def hold(self, user_id: str, order: int, asset: str, amount_minor: int, moves: int) -> bool:
        """Hold funds of an order, if they are there."""
        wallet = (user_id, asset)
        if self.wallets[wallet] < amount_minor:
            if self.poor:
                return False
            self.outside[asset] -= amount_minor
            self.wallets[wallet] += amount_minor
        self._once(order, moves)
        self.wallets[wallet] -= amount_minor
        self.held[order] = self.held.get(order, 0) + amount_minor
        return True

    def pay(self, order: int, amount_minor: int) -> None:
        """Take a payment out of what an order holds."""
        assert 0 <= amount_minor <= self.held[order], "an order pays more than it holds"
        self.held[order] -= amount_minor

    def credit(self, user_id: str, asset: str, amount_minor: int) -> None:
        """Credit a wallet."""
        assert amount_minor >= 0
        self.wallets[user_id, asset] += amount_minor

    def release(self, user_id: str, order: int, asset: str, amount_minor: int, moves: int) -> None:
        """Give funds of an order back."""
        if not amount_minor:
            return
        self._once(order, moves)
        self.pay(order, amount_minor)
        self.credit(user_id, asset, amount_minor)

    def _once(self, order: int, moves: int) -> None:
        assert (order, moves) not in self.moved, "two movements of an order share an id"
        self.moved.add((order, moves))


class Play:
    """One room over one state. Each command is a journal row, with what the flow makes of it."""

    def __init__(self) -> None:
        self.room = ExchangeRoom()
        self.state: ExchangeState = self.room.new()
        self.ledger = Ledger()
        self.height = 0
        self.now_us = START_US
        self.rows: list[tuple[Position, bytes]] = []
        self.codec = Codec(self.room.events)
        self.body: Any = None
        self.events: list[Event] = []
        self.looks = True
        """Whether the state is compared around every decision, which takes long in a large one."""

    # -- stories ----------------------------------------------------------------------------------

    def market(
        self,
        name: str = NAME,
        *,
        base: str = "ADA",
        quote: str = "USD",
        lot_minor: int = 10_000,
        tick_units: int = 1,
        price_scale: int = 2,
        reference: int = 0,
        maker_ppm: int = 0,
        taker_ppm: int = 0,
        **rules: Any,
    ) -> Play:
        """Create a market and open it: a lot is 0.01 ADA, a tick 0.01 USD, so that a lot at a tick
        is worth a hundredth of a cent."""
        self.when(
            SetFeeSchedule(name="standard", maker_ppm=maker_ppm, taker_ppm=taker_ppm),
            CreateMarket(
                market=name,
                base=base,
                quote=quote,
                lot_minor=lot_minor,
                tick_units=tick_units,
                price_scale=price_scale,
                rules=MarketRules(**rules),
            ),
        )
        if reference:
            self.when(SetReference(market=name, price=reference))
        self.when(SetMarketState(market=name, state=MarketState.OPEN))
        return self

    def place(
        self,
        user_id: str,
        side: Side,
        lots: int = 0,
        price: int = 0,
        *,
        market: str = NAME,
        **terms: Any,
    ) -> dict[str, Any]:
        """Place an order and return what its sender is told."""
        order = NewOrder(market=market, side=side, lots=lots, price=price, **terms)
        self.when(PlaceOrder(user_id=user_id, order=order))
        assert isinstance(self.body, dict)
        return self.body

    def tick(self, *, at_us: int = 0) -> list[Event]:
        """Let time pass until something is due, or to a time, and tick."""
        due = self.room.due(self.state)
        assert due is not None, "nothing is due"
        self.now_us = max(self.now_us, at_us or due)
        return self.when(Tick())

    def order(self, number: int) -> LiveOrder:
        """Return a live order."""
        return self.state.orders[number]

    def book(self, name: str = NAME) -> list[list[tuple[int, int, int]]]:
        """Return (number, price, lots left) of bids and asks, in priority order."""
        book = self.at(name).book
        return [[(o.number, o.price, o.lots_left) for o in book.orders(s)] for s in (BUY, SELL)]

    def at(self, name: str = NAME) -> Market:
        """Return a market."""
        return self.state.markets[name]

    # -- the engine's part ------------------------------------------------------------------------

    def when(self, *commands: Command, actor: str = "desk") -> list[Event]:
        """Decide commands, each in a row of its own, with what the flow makes of it; return the
        events of the last row. Raises Rejection of the commands themselves."""
        row: list[Event] = []
        for command in commands:
            row = self._row(command, actor)
        return row

    def refused(self, command: Command, *, actor: str = "desk") -> Rejection:
        """Decide a command that must be refused, and return why."""
        with pytest.raises(Rejection) as caught:
            self.when(command, actor=actor)
        return caught.value

    def given(self, *events: Event) -> Play:
        """Apply events as one row, without a flow."""
        self.height += 1
        self._apply(list(events), [])
        return self

    def _row(self, command: Command, actor: str) -> list[Event]:
        self.height += 1
        row: list[Event] = []
        decision = self._decide(command, actor)
        self.body = decision.body
        steps: deque[Callable[[], None]] = deque()
        for event in decision.events:
            self._evolve(event)
            row.append(event)
            steps.extend(self._steps(event, row, steps))
        try:
            if decision.refusal is not None:
                raise decision.refusal
            while steps:
                steps.popleft()()
        finally:
            self.rows.append((self._position, encode_events(row)))
            self.events += row
        return row

    def _order(
        self, command: Command, row: list[Event], steps: deque[Callable[[], None]]
    ) -> Decision:
        decision = self._decide(command, "flow")
        for event in decision.events:
            self._evolve(event)
            row.append(event)
            steps.extend(self._steps(event, row, steps))
        return decision

    def _decide(self, command: Command, actor: str) -> Decision:
        context = Context(self.height, self.now_us, actor, {})
        if not self.looks:
            return self.room.decide(self.state, command, context)
        before = self.room.dump(self.state)
        try:
            return self.room.decide(self.state, command, context)
        finally:
            assert self.room.dump(self.state) == before, "deciding changed the state"

    def _evolve(self, event: Event) -> None:
        self.room.evolve(self.state, event, self._position)

    def _apply(self, events: list[Event], row: list[Event]) -> None:
        for event in events:
            self._evolve(event)
            row.append(event)
        self.rows.append((self._position, encode_events(row)))
        self.events += row

    @property
    def _position(self) -> Position:
        return Position(self.height, self.now_us)

    # -- the flow's part --------------------------------------------------------------------------

    def _steps(
        self, event: Event, row: list[Event], steps: deque[Callable[[], None]]
    ) -> Sequence[Callable[[], None]]:
        """Return what the flow does about an event, later in the row."""

        def order(command: Command, *, answers: bool = False) -> Callable[[], None]:
            def step() -> None:
                decision = self._order(command, row, steps)
                if answers:
                    self._told(decision.body)

            return step

        ledger = self.ledger
        match event:
            case OrdersPlaced():
                return [lambda: self._hold(event, order)]
            case AmendmentPlaced():
                return [lambda: self._hold_more(event, order)]
            case StopsElected():
                return [order(EnterOrder(order=number)) for number in event.orders]
            case TradesExecuted():
                return [lambda: self._settle(event)]
            case RouteEnded():
                entering = [order(EnterOrder(order=event.order))] if event.left else []
                return [lambda: self._settle_route(event), *entering]
            case OrderRested() | OrderReduced():
                named = (event.order, event.asset, event.released_minor, event.moves)
                return [lambda: ledger.release(event.user_id, *named)]
            case OrdersClosed():
                return [lambda: self._close(event)]
        return []

    def _hold(self, event: OrdersPlaced, order: Callable[..., Callable[[], None]]) -> None:
        """Hold the funds of all, then let each enter."""
        steps = []
        for placed in event.orders:
            held = self.ledger.hold(
                event.user_id, placed.number, placed.asset, placed.reserved_minor, 1
            )
            if held:
                steps.append(order(EnterOrder(order=placed.number), answers=True))
            else:
                steps.append(order(RefuseOrder(order=placed.number, reason="poor"), answers=True))
        for step in steps:
            step()

    def _told(self, body: dict[str, Any]) -> None:
        """Put what an order came to in the place of its number."""
        results = self.body.get("results") if isinstance(self.body, dict) else None
        if results is None:
            self.body = body
        else:
            at = [each.get("order") for each in results].index(body["order"])
            results[at] = body

    def _hold_more(self, event: AmendmentPlaced, order: Callable[..., Callable[[], None]]) -> None:
        number, extra = event.order, event.extra_minor
        held = not extra or self.ledger.hold(event.user_id, number, event.asset, extra, event.moves)
        command = (
            EnterAmendment(order=number) if held else RefuseAmendment(order=number, reason="poor")
        )
        order(command, answers=True)()

    def _settle(self, event: TradesExecuted) -> None:
        ledger, quote, base = self.ledger, event.quote, event.base
        buying = event.side is BUY
        for fill in event.fills:
            taker = (event.order, event.user_id, fill.taker_fee_minor)
            maker = (fill.maker, fill.maker_user_id, fill.maker_fee_minor)
            bought, sold = (taker, maker) if buying else (maker, taker)
            ledger.pay(bought[0], fill.value_minor + bought[2])
            ledger.credit(sold[1], quote, fill.value_minor - sold[2])
            ledger.earnings[quote] += bought[2] + sold[2]
            ledger.pay(sold[0], fill.lots * event.lot_minor)
            ledger.credit(bought[1], base, fill.lots * event.lot_minor)
            ledger.release(
                maker[1],
                maker[0],
                base if buying else quote,
                fill.maker_released_minor,
                fill.maker_moves,
            )
        asset = quote if buying else base
        ledger.release(event.user_id, event.order, asset, event.released_minor, event.moves)

    def _settle_route(self, event: RouteEnded) -> None:
        ledger, quote, base = self.ledger, event.quote, event.base
        buying = event.side is BUY
        for fill in event.fills:
            given = fill.lots * event.lot_minor
            ledger.earnings[quote] += fill.fee_minor
            if buying:
                ledger.pay(event.order, fill.value_minor + fill.fee_minor)
                ledger.credit(event.user_id, base, given)
                ledger.outside[quote] += fill.value_minor
                ledger.outside[base] -= given
            else:
                ledger.pay(event.order, given)
                ledger.credit(event.user_id, quote, fill.value_minor - fill.fee_minor)
                ledger.outside[base] += given
                ledger.outside[quote] -= fill.value_minor
        asset = quote if buying else base
        ledger.release(event.user_id, event.order, asset, event.released_minor, event.moves)

    def _close(self, event: OrdersClosed) -> None:
        for each in event.orders:
            named = (each.order, each.asset, each.released_minor, each.moves)
            self.ledger.release(each.user_id, *named)

    # -- what must hold ---------------------------------------------------------------------------

    def reload(self) -> Play:
        """Go on from a snapshot, as another process."""
        self.state = self.room.load(self.room.dump(self.state))
        return self

    def check(self) -> None:
        """Live, replayed and loaded states are equal, and due at the same time; every minor unit
        is where the events say; each order holds what it may need."""
        replayed = self.room.new()
        for position, payload in self.rows:
            for event in self.codec.decode_events(payload):
                self.room.evolve(replayed, event, position)
        loaded = self.room.load(self.room.dump(self.state))
        states = (self.state, replayed, loaded)
        dumps = [self.room.dump(each) for each in states]
        assert dumps[0] == dumps[1], "a replay differs"
        assert dumps[0] == dumps[2], "a snapshot differs"
        assert len({self.room.digest(each) for each in states}) == 1
        assert len({self.room.due(each) for each in states}) == 1
        for market in self.state.markets.values():
            market.book.check()
        self._check_money()

    def _check_money(self) -> None:
        ledger = self.ledger
        live = self.state.orders
        assert {number: held for number, held in ledger.held.items() if held} == {
            number: order.reserved_minor for number, order in live.items() if order.reserved_minor
        }, "what orders hold is not what they say"
        assert all(minor >= 0 for minor in ledger.earnings.values()), "a trade cost the house"
        totals = Counter(ledger.outside)
        for (_, asset), minor in ledger.wallets.items():
            totals[asset] += minor
        totals.update(ledger.earnings)
        for number, order in live.items():
            terms = self.state.markets[order.market].terms
            asset = terms.quote if order.side is BUY else terms.base
            totals[asset] += ledger.held.get(number, 0)
        assert not any(totals.values()), f"money was made or lost: {totals}"


def kinds(events: Sequence[Event]) -> list[str]:
    """Return the names of events, without the room."""
    return [type(event).__name__ for event in events]
