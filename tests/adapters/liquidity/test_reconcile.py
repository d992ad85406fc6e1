"""Which contradictions between a provider's books and ours are found?"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from nostro.adapters.liquidity.port import Piece
from nostro.adapters.liquidity.reconcile import (
    Difference,
    Kind,
    OurRoute,
    Reconciled,
    Stand,
    reconcile,
    routes_of,
)
from nostro.adapters.liquidity.records import Entry, MemoryBooks
from nostro.exchange import (
    EndRoute,
    OrderRouted,
    RouteBroken,
    RouteEnded,
    RouteToProvider,
    RouteTrade,
    Side,
)
from nostro.kernel.messages import Event
from tests.adapters.liquidity.world import BTC_USD, ORDER, ROUTE, World, changed

DEED = Entry(
    reference="main:7",
    at_us=1,
    known_at_us=1,
    order=ORDER,
    pieces=(Piece("2", "50050.001"), Piece("0.5", "50050")),
    provider_reference="acme-1",
)
# 2,000 lots at 5,005,001 ticks and 500 at 5,005,000; 1,000 lots and ticks are a cent.
OURS = OurRoute(
    route=7,
    provider="acme",
    terms=BTC_USD,
    side=Side.BUY,
    stand=Stand.ENDED,
    lots=2_500,
    value_minor=12_512_502,
    reference="acme-1",
)


def compared(our: OurRoute | None, **deeds: Entry) -> Reconciled:
    theirs = {name: MemoryBooks() for name in ("acme", "beta")}
    for name, entry in deeds.items():
        theirs[name].add(entry)
    return reconcile({} if our is None else {7: our}, theirs)


def kinds(found: Reconciled) -> list[Kind]:
    return [each.kind for each in found.differences]


def sold(pieces: tuple[Piece, ...]) -> Entry:
    order = replace(ORDER, side=Side.SELL, limit="1")
    return replace(DEED, order=order, pieces=pieces)


def test_books_that_agree_differ_by_rounding_only() -> None:
    found = compared(OURS, acme=DEED)
    # 100,100.002 + 25,025 dollars are paid with 125,125.02.
    assert found == Reconciled(deals=1, differences=[], rounding={("acme", "USD"): Fraction("1.8")})


def test_a_route_that_nobody_filled_is_no_difference() -> None:
    closed = replace(DEED, pieces=(), code="closed", order=None)
    for our in (replace(OURS, lots=0, value_minor=0, provider="best", reference=""), None):
        assert compared(our, acme=closed) == Reconciled(deals=0, differences=[], rounding={})


def test_what_they_did_and_we_do_not_know_is_found() -> None:
    assert kinds(compared(None, acme=DEED)) == [Kind.NOT_TOLD]


def test_an_answer_that_is_still_to_come_is_told_as_such() -> None:
    awaited = replace(OURS, stand=Stand.AWAITED, lots=0, value_minor=0)
    assert kinds(compared(awaited, acme=DEED)) == [Kind.AWAITED]
    assert kinds(compared(awaited)) == []


def test_a_fill_that_was_told_as_none_is_found() -> None:
    our = replace(OURS, lots=0, value_minor=0, reference="", provider="best")
    assert kinds(compared(our, acme=DEED)) == [Kind.NOT_TOLD]


def test_what_we_booked_and_they_did_not_do_is_found() -> None:
    assert kinds(compared(OURS)) == [Kind.NOT_DONE]
    assert kinds(compared(OURS, beta=DEED)) == [Kind.NOT_DONE]


def test_a_route_that_two_filled_is_found() -> None:
    assert compared(OURS, acme=DEED, beta=DEED).differences == [
        Difference(7, "acme,beta", Kind.TWICE, "one", "acme,beta")
    ]


def test_what_the_exchange_would_not_book_is_found() -> None:
    broken = replace(OURS, stand=Stand.BROKEN, lots=0, value_minor=0)
    assert kinds(compared(broken, acme=DEED)) == [Kind.BROKEN]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"reference": "acme-2"}, Kind.REFERENCE),
        ({"side": Side.SELL}, Kind.ASSETS),
        ({"terms": replace(BTC_USD, quote="EUR")}, Kind.ASSETS),
        ({"lots": 2_499}, Kind.QUANTITY),
        ({"value_minor": 12_512_503}, Kind.VALUE),
        ({"value_minor": 12_512_500}, Kind.VALUE),
    ],
)
def test_another_content_is_found(fields: dict[str, Any], kind: Kind) -> None:
    assert kinds(compared(replace(OURS, **fields), acme=DEED)) == [kind]


@pytest.mark.parametrize("value", [12_512_501, 12_512_502])
def test_a_buyer_whose_rounding_was_paid_on_the_book_pays_no_second_one(value: int) -> None:
    assert kinds(compared(replace(OURS, value_minor=value), acme=DEED)) == []


def test_a_seller_gets_each_fill_rounded_down() -> None:
    deed = sold((Piece("0.001", "50050.009"), Piece("0.001", "50050.009")))
    our = replace(OURS, side=Side.SELL, lots=2, value_minor=2 * 5_005)
    found = compared(our, acme=deed)
    assert found.differences == []
    assert found.rounding == {("acme", "USD"): Fraction("0.0018")}
    assert kinds(compared(replace(our, value_minor=10_011), acme=deed)) == [Kind.VALUE]


def test_what_was_done_for_another_chain_is_not_ours() -> None:
    assert compared(None, acme=replace(DEED, reference="side:7")).deals == 0


# -- with a performer and merchants ---------------------------------------------------------------


def routed(effect: RouteToProvider) -> OrderRouted:
    return OrderRouted(
        effect.market,
        effect.order,
        "alice",
        effect.route,
        effect.provider,
        effect.terms,
        effect.side,
        effect.lots,
        effect.limit,
        effect.all_or_none,
    )


def ended(effect: RouteToProvider, told: EndRoute) -> RouteEnded:
    """Return the event as the rule of money has it, in another way than the room's."""
    num, den = effect.terms.value_num, effect.terms.value_den
    fills, before = [], Fraction(0)
    for number, fill in enumerate(told.fills):
        value = Fraction(fill.lots * fill.price * num, den)
        minor = int(value // 1)
        if effect.side is Side.BUY:
            minor = -((-(before + value)) // 1) + (-before) // 1
        before += value
        fills.append(RouteTrade(number, fill.price, fill.lots, minor, 0))
    return RouteEnded(
        market=effect.market,
        sequence=1,
        order=effect.order,
        user_id="alice",
        side=effect.side,
        route=effect.route,
        provider=told.provider,
        base=effect.terms.base,
        quote=effect.terms.quote,
        lot_minor=effect.terms.lot_minor,
        fills=fills,
        reason=told.reason,
        reference=told.reference,
        left=effect.lots - sum(fill.lots for fill in told.fills),
        released_minor=0,
        moves=1,
    )


def test_a_day_of_trades_reconciles() -> None:
    world = World()

    async def story() -> list[Event]:
        performer = world.performer(world.merchant(), world.merchant(name="beta"))
        world.switch(partial=["beta"])
        events: list[Event] = []
        for route in range(1, 60):
            side = Side.BUY if route % 2 else Side.SELL
            limit = 5_010_000 if side is Side.BUY else 4_990_000
            effect = changed(
                ROUTE, route=route, side=side, limit=limit, lots=route * 17, provider="best"
            )
            ((_, told),) = await performer.perform(effect, f"main:{route}:0")
            assert isinstance(told, EndRoute)
            events += [routed(effect), ended(effect, told)]
        return events

    events = world.run(story())
    theirs = {name: world.books(name) for name in ("acme", "beta")}
    found = reconcile(routes_of(events), theirs)
    assert (found.deals, found.differences) == (59, [])
    assert all(0 <= minor < 59 * 3 for minor in found.rounding.values())
    without = [each for each in events if not (isinstance(each, RouteEnded) and each.route == 5)]
    assert kinds(reconcile(routes_of(without), theirs)) == [Kind.AWAITED]


def test_a_broken_route_is_read_from_events() -> None:
    broken = RouteBroken("BTC-USD", 3, 7, [], "acme-1")
    (our,) = routes_of([routed(ROUTE), broken]).values()
    assert (our.stand, our.reference) == (Stand.BROKEN, "acme-1")
