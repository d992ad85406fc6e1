"""Which bugs must the simulation of the exchange find? Each is planted here, and nowhere else.

A plant is a set of parts of which one is wrong in the way its docstring says, or a patch that makes
one line of the exchange wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from nostro.exchange import (
    AmendmentPlaced,
    Book,
    ExchangeRoom,
    OrdersClosed,
    RouteToProvider,
    StopsElected,
    TradesExecuted,
    amending,
    cancelling,
    entering,
    markets,
    matching,
    stops,
    trades,
)
from nostro.flows import FLOWS, books, settle_trade, wallet_credits
from nostro.kernel.messages import Command, Effect, Event
from nostro.kernel.room import Context, Decision, Order, Step
from nostro.ledger import CreateTransfers, CreateTransfersTogether, NewTransfer
from nostro.runtime.house import House
from nostro.runtime.ports import Outage, OutcomeUnknown
from nostro.simulation.exchange_courses import Exchange
from nostro.simulation.exchange_provider import Deed, ProviderPerformer, told
from nostro.simulation.exchange_world import ExchangeParts, exchange_house
from nostro.simulation.runs import quiet

Patch = tuple[object, str, Any]


def house_with(**rooms: Any) -> Callable[[], House]:
    return lambda: exchange_house(**rooms)


def flows_with(event: type[Event], flow: Callable[[Any], Sequence[Step]]) -> Mapping[Any, Any]:
    return {**FLOWS, event: flow}


# -- the book -------------------------------------------------------------------------------------


def lose_its_place(book: Book, order: Any, lots: int, fill: Any = Book.fill) -> None:
    """Who is filled partly goes to the back of his price."""
    fill(book, order, lots)
    if order.lots_left:
        shown = order.shown
        book.remove(order)
        order.shown = shown
        book.add(order)


def meet_nobody(book: Book, taker: Any, *rest: Any, match: Any = Book.match, **more: Any) -> Any:
    """An order trades with orders of its own user."""
    return match(book, msgspec.structs.replace(taker, user_id=""), *rest, **more)


def reached_beyond(order: Any, price: int) -> bool:
    """A stop waits until its price is passed."""
    return bool(price > order.stop if order.side == "buy" else 0 < price < order.stop)


def reached_too_few(row: Any, low: int, high: int, reached: Any = stops.Stops.reached) -> Any:
    """Of several stops that a trade reaches the last one is forgotten."""
    found = reached(row, low, high)
    return found[:-1] if len(found) > 1 else found


def fill_or_part(matched: Any) -> bool:
    """An order for all or nothing takes a part."""
    return len(matched.fills) > 0


# -- trades and funds -----------------------------------------------------------------------------


def at_the_takers_price(
    taker: Any, swept: Any, terms: Any, trade: int, execute: Any = trades.execute
) -> Any:
    """A trade prints at the price of the taker."""
    fills = execute(taker, swept, terms, trade)
    return [msgspec.structs.replace(fill, price=taker.price) for fill in fills]


def fee_rounded_down(fee_exact: int, ppm: int, value_minor: int) -> int:
    """Fees are rounded down."""
    return (fee_exact + ppm * value_minor) // 1_000_000 - fee_exact // 1_000_000


def nothing_more(terms: Any, order: Any, **_: Any) -> int:
    """An amendment holds no more than the order held before."""
    return int(order.reserved_minor)


def keep_what_is_left(entry: Any, amount_minor: int) -> int:
    """Nobody gets back what his order does not need."""
    return 0


# -- flows ----------------------------------------------------------------------------------------


def release_nothing(event: OrdersClosed) -> Sequence[Step]:
    """Who takes an order back does not get its funds back."""
    return []


def legs_without_fees(trade: int, *, legs: Any = settle_trade._legs, **sides: Any) -> Any:
    """Fees are told, and booked nowhere."""
    return [leg for leg in legs(trade, **sides) if not leg.id.startswith("match.fee")]


def hold_before_asking(event: AmendmentPlaced) -> Sequence[Step]:
    """An amendment takes a first minor unit, and keeps it when the rest is refused."""
    steps: Sequence[Step] = FLOWS[AmendmentPlaced](event)
    if event.extra_minor < 2:
        return steps
    first = NewTransfer(
        id=f"order.first:{event.order}:{event.moves}",
        debit=books.wallet_account(event.user_id, event.asset),
        credit=books.orders_account(event.user_id, event.asset),
        amount_minor=1,
    )
    taken = Order(CreateTransfers(transfers=[first]))
    return [taken, *(_one_less(step) for step in steps)]


def _one_less(step: Step) -> Step:
    if not isinstance(step, Order) or not isinstance(step.command, CreateTransfersTogether):
        return step
    (transfer,) = step.command.transfers
    assert transfer.amount_minor is not None
    less = msgspec.structs.replace(transfer, amount_minor=transfer.amount_minor - 1)
    return msgspec.structs.replace(step, command=CreateTransfersTogether(transfers=[less]))


def lose_what_is_refused(transfer: NewTransfer, reason: str) -> Sequence[Step]:
    """What a frozen wallet would not take is booked nowhere."""
    return ()


def enter_backwards(event: StopsElected) -> Sequence[Step]:
    """Stops enter in the wrong order."""
    return list(reversed(FLOWS[StopsElected](event)))


# -- rooms ----------------------------------------------------------------------------------------


class RoomWithForgetfulSnapshots(ExchangeRoom):
    """A snapshot forgets how much of an iceberg was shown."""

    def dump(self, state: Any) -> bytes:
        shown = {number: order.shown for number, order in state.orders.items()}
        for order in state.orders.values():
            if order.resting and order.display:
                order.shown = min(order.display, order.lots_left)
        try:
            return super().dump(state)
        finally:
            for number, order in state.orders.items():
                order.shown = shown[number]


class RoomWithoutTime(ExchangeRoom):
    """No order ever expires."""

    def due(self, state: Any) -> int | None:
        return None


class RoomThatSkipsNumbers(ExchangeRoom):
    """What a market shows is not numbered without gaps."""

    def decide(self, state: Any, command: Command, context: Context) -> Decision:
        decision = super().decide(state, command, context)
        events = [
            msgspec.structs.replace(event, sequence=event.sequence + 1)
            if isinstance(event, TradesExecuted) and len(event.fills) > 2
            else event
            for event in decision.events
        ]
        return msgspec.structs.replace(decision, events=events)


# -- performers -----------------------------------------------------------------------------------


class ImpatientPerformer(ProviderPerformer):
    """Takes silence for a refusal, while the provider may have filled."""

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[tuple[str, Command]]:
        assert isinstance(effect, RouteToProvider)
        try:
            return await super().perform(effect, effect_id)
        except Outage:
            deed = Deed(effect.order, effect.provider, [], "no_answer", 0.0, garbled=False)
            return [(f"route:{effect.route}", told(effect.route, deed))]


class TirelessPerformer(ProviderPerformer):
    """Sends a route again under a new name when it heard no answer."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._tries: dict[int, int] = {}

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[tuple[str, Command]]:
        assert isinstance(effect, RouteToProvider)
        tries = self._tries.setdefault(effect.route, 0)
        named = msgspec.structs.replace(effect, route=effect.route + 100_000 * tries)
        try:
            outcomes = await super().perform(named, effect_id)
        except OutcomeUnknown:
            self._tries[effect.route] += 1
            raise
        return [(key, msgspec.structs.replace(end, route=effect.route)) for key, end in outcomes]


class Plant(NamedTuple):
    """Parts with one bug, or patches that make one, and what the auditor must find (a pattern)."""

    found: str
    parts: ExchangeParts = ExchangeParts()
    patches: Sequence[Patch] = ()


OTHERWISE = "it should be"
BOOKED_WRONGLY = "the ledger says|the live orders need"

PLANTS: dict[str, Plant] = {
    "a trade prints at the taker's price": Plant(
        OTHERWISE, patches=[(entering, "execute", at_the_takers_price)]
    ),
    "a fee is rounded the other way": Plant(
        OTHERWISE, patches=[(trades, "fee_of", fee_rounded_down)]
    ),
    "a partial fill loses its place": Plant(OTHERWISE, patches=[(Book, "fill", lose_its_place)]),
    "an order trades with its own user": Plant(
        "own|it should be", patches=[(Book, "match", meet_nobody)]
    ),
    "a stop waits until its price is passed": Plant(
        OTHERWISE, patches=[(entering, "is_reached", reached_beyond)]
    ),
    "a stop is not elected with the others": Plant(
        OTHERWISE, patches=[(stops.Stops, "reached", reached_too_few)]
    ),
    "all or nothing takes a part": Plant(
        OTHERWISE, patches=[(matching.Matched, "whole", property(fill_or_part))]
    ),
    "what an order shall not rest rests": Plant(
        OTHERWISE, patches=[(entering.Entry, "_lasts", property(lambda entry: True))]
    ),
    "an amendment holds nothing more": Plant(
        "should need", patches=[(amending, "as_taker", nothing_more)]
    ),
    "a price improvement is kept": Plant(
        OTHERWISE, patches=[(entering.Entry, "_release", keep_what_is_left)]
    ),
    "a cancelled order keeps its funds": Plant(
        BOOKED_WRONGLY,
        ExchangeParts(house=house_with(flows=flows_with(OrdersClosed, release_nothing))),
    ),
    "a fee is told and not booked": Plant(
        BOOKED_WRONGLY, patches=[(settle_trade, "_legs", legs_without_fees)]
    ),
    "a refused amendment leaks a hold": Plant(
        "a refusal moves",
        ExchangeParts(house=house_with(flows=flows_with(AmendmentPlaced, hold_before_asking))),
    ),
    "what a frozen wallet would not take is lost": Plant(
        BOOKED_WRONGLY, patches=[(wallet_credits, "_suspended", lose_what_is_refused)]
    ),
    "stops enter in the wrong order": Plant(
        OTHERWISE,
        ExchangeParts(house=house_with(flows=flows_with(StopsElected, enter_backwards))),
    ),
    "a snapshot forgets what an iceberg showed": Plant(
        "is not live|is not snapshot|is not resumed|it should be",
        ExchangeParts(house=house_with(exchange_room=RoomWithForgetfulSnapshots)),
    ),
    "no order expires": Plant(
        "not finished|should have expired",
        ExchangeParts(house=house_with(exchange_room=RoomWithoutTime)),
    ),
    "a kill switch spares orders": Plant(
        "should have ended", patches=[(markets, "_closing_first", lambda *_, **__: [])]
    ),
    "sequences have gaps": Plant(
        OTHERWISE, ExchangeParts(house=house_with(exchange_room=RoomThatSkipsNumbers))
    ),
    "silence counts as a refusal": Plant(
        "the provider did|knows of it", ExchangeParts(providers=ImpatientPerformer)
    ),
    "a route is sent again under a new name": Plant(
        "the provider did|knows of it", ExchangeParts(providers=TirelessPerformer)
    ),
}


SMALL_ROWS = Plant(
    "",
    ExchangeParts(rules=partial(Exchange, ends_max=2, fills_max=2)),
    [
        (cancelling, "CANCELS_MAX", 2),
        (markets, "CANCELS_MAX", 2),
        (cancelling, "TICK_ORDERS_MAX", 2),
        (entering, "FILLS_MAX", 2),
    ],
)
"""No bug: rows that may end two orders at a time, and entries that may trade twice."""


@contextmanager
def planted(plant: Plant) -> Iterator[ExchangeParts]:
    """Let a bug be there for a while."""
    with pytest.MonkeyPatch.context() as patching, quiet():
        for target, name, wrong in plant.patches:
            patching.setattr(target, name, wrong)
        yield plant.parts
