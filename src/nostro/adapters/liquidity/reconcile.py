"""Do a provider's books and ours say the same of every trade between us?

Ours are told by the exchange's events, theirs by their own file; nothing is taken from one side to
check the other. Money differs by rounding only, and by how much is told: our prices are whole ticks
and our amounts whole minor units, rounded against the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction

import msgspec

from nostro.adapters.liquidity.records import Entry, ProviderBooks
from nostro.adapters.liquidity.units import exact, lots_of, ticks_of
from nostro.exchange import MarketTerms, OrderRouted, RouteBroken, RouteEnded, Side
from nostro.kernel.messages import Event
from nostro.runtime.ports import Entry as Row
from nostro.runtime.verify import Contradiction


class Stand(StrEnum):
    """Where a route is by our books."""

    AWAITED = "awaited"
    ENDED = "ended"
    BROKEN = "broken"


class OurRoute(msgspec.Struct, frozen=True, kw_only=True):
    """What our books say of a route: lots and minor units of the quote asset, fees left out."""

    route: int
    provider: str
    terms: MarketTerms
    side: Side
    stand: Stand = Stand.AWAITED
    lots: int = 0
    value_minor: int = 0
    reference: str = ""


class Kind(StrEnum):
    """How the books differ. `awaited`: the provider filled, and its answer is still to come.
    `not_told`: it filled, and we know nothing of it. `not_done`: we booked what it did not do.
    `twice`: two providers filled one route. `broken`: the exchange would not book what the provider
    said. The others: it is the same deed, with another content."""

    AWAITED = "awaited"
    NOT_TOLD = "not_told"
    NOT_DONE = "not_done"
    TWICE = "twice"
    BROKEN = "broken"
    REFERENCE = "reference"
    ASSETS = "assets"
    QUANTITY = "quantity"
    VALUE = "value"


class Difference(msgspec.Struct, frozen=True):
    """One contradiction, for people to look at."""

    route: int
    provider: str
    kind: Kind
    ours: str
    theirs: str


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found. `deals`: routes that providers filled. `rounding`: what users paid
    or got less than providers took or gave, by provider and quote asset, in minor units."""

    deals: int
    differences: list[Difference]
    rounding: Mapping[tuple[str, str], Fraction]


def routes_of(events: Iterable[Event]) -> dict[int, OurRoute]:
    """Return what the exchange's events say of routes."""
    routes: dict[int, OurRoute] = {}
    for event in events:
        note(routes, event)
    return routes


def note(routes: dict[int, OurRoute], event: Event) -> None:
    """Take note of what one event says of a route."""
    match event:
        case OrderRouted():
            routes[event.route] = OurRoute(
                route=event.route, provider=event.provider, terms=event.terms, side=event.side
            )
        case RouteEnded():
            routes[event.route] = msgspec.structs.replace(
                routes[event.route],
                stand=Stand.ENDED,
                provider=event.provider,
                lots=sum(fill.lots for fill in event.fills),
                value_minor=sum(fill.value_minor for fill in event.fills),
                reference=event.reference,
            )
        case RouteBroken():
            routes[event.route] = msgspec.structs.replace(
                routes[event.route], stand=Stand.BROKEN, reference=event.reference
            )


def reconcile(
    ours: Mapping[int, OurRoute], theirs: Mapping[str, ProviderBooks], *, chain: str = "main"
) -> Reconciled:
    """Compare our routes with the books of providers by name, as they stand."""
    deeds = _deeds(theirs, chain)
    differences: list[Difference] = []
    rounding: dict[tuple[str, str], Fraction] = {}
    for route in sorted(ours.keys() | deeds.keys()):
        our, done = ours.get(route), deeds.get(route, [])
        found = _compared(route, our, done)
        differences += found
        if our is not None and our.stand is Stand.ENDED and done and not found:
            pair = our.provider, our.terms.quote
            kept = _kept(our, done[0][1])
            rounding[pair] = rounding.get(pair, Fraction(0)) + kept
    return Reconciled(deals=len(deeds), differences=differences, rounding=rounding)


def _deeds(theirs: Mapping[str, ProviderBooks], chain: str) -> dict[int, list[tuple[str, Entry]]]:
    """Return what providers did on a chain, by route."""
    deeds: dict[int, list[tuple[str, Entry]]] = {}
    for name, books in sorted(theirs.items()):
        for entry in books.after(0):
            of_chain, _, route = entry.reference.rpartition(":")
            if of_chain == chain and entry.pieces:
                deeds.setdefault(int(route), []).append((name, entry))
    return deeds


def _compared(route: int, our: OurRoute | None, done: list[tuple[str, Entry]]) -> list[Difference]:
    """Return how our books and theirs differ on one route."""
    names = ",".join(name for name, _ in done)
    if len(done) > 1:
        return [Difference(route, names, Kind.TWICE, "one", names)]
    if our is not None and our.stand is Stand.BROKEN:
        return [Difference(route, our.provider, Kind.BROKEN, "broken", names)]
    if our is not None and our.stand is Stand.AWAITED:
        return [Difference(route, name, Kind.AWAITED, our.stand, name) for name, _ in done]
    if our is None or not our.lots:
        stand = "unknown" if our is None else "unfilled"
        return [Difference(route, name, Kind.NOT_TOLD, stand, name) for name, _ in done]
    if not done or done[0][0] != our.provider:
        return [Difference(route, our.provider, Kind.NOT_DONE, f"{our.lots} lots", names)]
    return _content(our, done[0][1])


def _content(our: OurRoute, done: Entry) -> list[Difference]:
    order, terms = done.order, our.terms
    assert order is not None, "what was done has an order"
    lots = sum(lots_of(terms, piece.quantity) for piece in done.pieces)
    told = {
        Kind.REFERENCE: (our.reference, done.provider_reference),
        Kind.ASSETS: (
            f"{our.side} {terms.base}/{terms.quote}",
            f"{order.side} {order.base}/{order.quote}",
        ),
        Kind.QUANTITY: (str(our.lots), str(lots)),
    }
    differences = [
        Difference(our.route, our.provider, kind, mine, yours)
        for kind, (mine, yours) in told.items()
        if mine != yours
    ]
    least, most = _value_minor(our, done)
    if not differences and not least <= our.value_minor <= most:
        value = str(our.value_minor), f"{least} to {most}"
        differences.append(Difference(our.route, our.provider, Kind.VALUE, *value))
    return differences


def _value_minor(our: OurRoute, done: Entry) -> tuple[int, int]:
    """Return between which amounts our value of a deed must be: at the rounded prices, each fill
    rounded down for a seller, the sum rounded up for a buyer; one less when the fraction that the
    order's fills on the book were rounded up by pays for it."""
    terms = our.terms
    values = [
        Fraction(
            lots_of(terms, piece.quantity)
            * ticks_of(terms, piece.price, our.side)
            * terms.value_num,
            terms.value_den,
        )
        for piece in done.pieces
    ]
    if our.side is Side.SELL:
        total = sum(value.numerator // value.denominator for value in values)
        return total, total
    exactly = sum(values, Fraction(0))
    total = -(-exactly.numerator // exactly.denominator)
    return total - 1, total


def _kept(our: OurRoute, done: Entry) -> Fraction:
    """Return what the user paid more, or got less, than the provider took or gave."""
    scale = Fraction(10) ** our.terms.quote_scale
    pieces = ((exact(piece.quantity), exact(piece.price)) for piece in done.pieces)
    theirs = sum((quantity * price for quantity, price in pieces), Fraction(0)) * scale
    return our.value_minor - theirs if our.side is Side.BUY else theirs - our.value_minor


class ProvidersCheck:
    """The question of an audit: do the providers' books say what the journal says? Implements
    runtime.verify.Check.

    `books` reads theirs, once the journal was read. Meanwhile a running platform goes on: what
    belongs to a route that the journal did not know then, or that is awaited, is no finding.
    """

    name = "providers"

    def __init__(self, books: Callable[[], Mapping[str, ProviderBooks]], *, chain: str) -> None:
        self._books = books
        self._chain = chain
        self._routes: dict[int, OurRoute] = {}
        self._found = Reconciled(deals=0, differences=[], rounding={})

    def hear(self, entry: Row, events: Sequence[Event]) -> None:
        """Take note of routes."""
        for event in events:
            note(self._routes, event)

    def finish(self) -> None:
        """Compare; raises Contradiction."""
        self._found = reconcile(self._routes, self._books(), chain=self._chain)
        newest = max(self._routes, default=0)
        for each in self._found.differences:
            if each.kind is not Kind.AWAITED and each.route <= newest:
                raise Contradiction(
                    f"route {each.route}, {each.provider}: {each.kind}: ours {each.ours or None}, "
                    f"theirs {each.theirs or None}"
                )

    def told(self) -> str:
        """Say how much was compared."""
        return f"{len(self._routes)} routes, {self._found.deals} trades in the providers' books"
