"""How does a merchant trade, on good days and on bad ones, the same days for the same seed?

What happens to a call is drawn from (seed, name, what it is about, number of the call, time;
without the time, bad luck with a reference would come back with every restart). What he did stands
in his books (records.py), so a platform that was killed finds again what it had executed. Quotes
are his breath: they die with the process, and are refused afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from fractions import Fraction
from random import Random

from nostro.adapters.liquidity.faults import (
    FAIR,
    PPM,
    Faults,
    MemorySwitchboard,
    MerchantWeather,
    Switchboard,
    hit,
)
from nostro.adapters.liquidity.port import (
    CLOSED,
    CONTENT_DIFFERS,
    EMPTY,
    PRICE,
    QUANTITY,
    QUOTE_EXPIRED,
    REFUSED,
    UNKNOWN_PAIR,
    Absent,
    Executed,
    Pending,
    Piece,
    ProviderOrder,
    Quote,
    QuoteRequest,
    Refused,
    UnknownReference,
)
from nostro.adapters.liquidity.prices import PriceSource
from nostro.adapters.liquidity.records import Entry, ProviderBooks
from nostro.adapters.liquidity.stock import MerchantTerms, Stock, down_to
from nostro.adapters.liquidity.units import exact, plain
from nostro.exchange import Side
from nostro.runtime.ports import Clock, NotDone, OutcomeUnknown

QUOTES_MAX = 10_000
"""Quotes that are remembered; older ones are refused."""
CALLS_MAX = 100_000
"""References whose calls are counted; the time keeps later ones apart."""


class SimulatedMerchant:
    """A liquidity provider in this process; implements LiquidityProvider. `name` as faults and
    routes name it."""

    def __init__(
        self,
        *,
        name: str,
        seed: int,
        prices: PriceSource,
        books: ProviderBooks,
        clock: Clock,
        terms: MerchantTerms | None = None,
        weather: MerchantWeather = FAIR,
        switchboard: Switchboard | None = None,
    ) -> None:
        self.name = name
        self.books = books
        self._seed = seed
        self._prices = prices
        self._clock = clock
        self._terms = terms or MerchantTerms()
        self._weather = weather
        self._switchboard = switchboard or MemorySwitchboard()
        self._stock = Stock(self._terms, books)
        self._quotes: OrderedDict[str, tuple[QuoteRequest, Quote]] = OrderedDict()
        self._calls: dict[str, int] = {}
        self._late: set[asyncio.Task[None]] = set()

    def stock(self, asset: str) -> Fraction:
        """Return what he has of an asset, in whole units."""
        return self._stock.of(asset)

    @property
    def _faults(self) -> Faults:
        return self._switchboard.faults()

    # -- quoting ----------------------------------------------------------------------------------

    async def quote(self, request: QuoteRequest) -> Quote | Refused:
        """Name a price for as much as he can trade."""
        dice = await self._call(f"{request.base}/{request.quote}")
        mid = await self._mid(request)
        if mid is None:
            return Refused(UNKNOWN_PAIR)
        price = self._stock.price(mid, base=request.base, side=request.side)
        quantity = self._possible(request, price, exact(request.quantity))
        if not quantity:
            return Refused(EMPTY)
        if request.all_or_none and quantity < exact(request.quantity):
            return Refused(QUANTITY)
        stale = hit(self._faults.stale, self.name) or _falls(dice, self._weather.stale_ppm)
        now_us = self._clock.now_us()
        quote = Quote(
            quote_id=f"{self.name}-{dice.getrandbits(64):016x}",
            price=plain(price),
            quantity=plain(quantity),
            valid_until_us=now_us if stale else now_us + self._terms.valid_ms * 1_000,
        )
        self._quotes[quote.quote_id] = (request, quote)
        if len(self._quotes) > QUOTES_MAX:
            self._quotes.popitem(last=False)
        return quote

    async def _mid(self, request: QuoteRequest) -> Fraction | None:
        base = await self._prices.dollars(request.base)
        quote = await self._prices.dollars(request.quote)
        return base / quote if base and quote else None

    def _possible(
        self, about: QuoteRequest | ProviderOrder, price: Fraction, quantity: Fraction
    ) -> Fraction:
        """Return how much of a quantity he can trade now."""
        capacity = self._stock.capacity(
            base=about.base, quote=about.quote, side=about.side, price=price
        )
        return down_to(exact(about.quantity_step), min(quantity, capacity))

    # -- executing --------------------------------------------------------------------------------

    async def execute(self, order: ProviderOrder, quote: Quote) -> Executed | Pending | Refused:
        """Execute an order, as far as the weather lets it through."""
        dice, weather = await self._call(order.reference), self._weather
        if _falls(dice, weather.lost_request_ppm):
            raise OutcomeUnknown(f"no answer to {order.reference}")
        if _falls(dice, weather.late_request_ppm):
            self._deliver_late(order, quote, dice.uniform(0, weather.late_s_max))
            raise OutcomeUnknown(f"no answer to {order.reference}")
        answer = self._take(order, quote)
        if _falls(dice, weather.twice_ppm):
            self._deliver_late(order, quote, dice.uniform(0, weather.late_s_max))
        self._answer_back(dice, order.reference)
        return answer

    def _take(self, order: ProviderOrder, quote: Quote) -> Executed | Pending | Refused:
        known = self.books.find(order.reference)
        if known is not None:
            return self._told_again(known, order)
        judged = self._judge(order, quote)
        if isinstance(judged, Refused):
            return judged
        dice = Random(f"{self._seed}/{self.name}/{order.reference}/{quote.quote_id}/deed")
        entry = self._deed(dice, order, quantity=judged, price=exact(quote.price))
        if entry is None:
            return Refused(REFUSED)
        self._quotes.pop(quote.quote_id, None)
        self.books.add(entry)
        return self._told_again(entry, order)

    def _told_again(self, known: Entry, order: ProviderOrder) -> Executed | Pending | Refused:
        if known.order is not None and known.order != order:
            return Refused(CONTENT_DIFFERS)
        told = self._told(known)
        return Refused(told.code) if isinstance(told, Absent) else told

    def _judge(self, order: ProviderOrder, quote: Quote) -> Fraction | Refused:
        """Return how much can be executed at a quote, or why nothing."""
        asked, given = self._quotes.get(quote.quote_id, (None, quote))
        if asked is None or self._clock.now_us() >= given.valid_until_us:
            return Refused(QUOTE_EXPIRED)
        pair, side = (order.base, order.quote), order.side
        if given != quote or (pair, side) != ((asked.base, asked.quote), asked.side):
            return Refused(CONTENT_DIFFERS)
        price, limit = exact(given.price), exact(order.limit)
        if price > limit if side is Side.BUY else price < limit:
            return Refused(PRICE)
        wanted = min(exact(order.quantity), exact(given.quantity))
        quantity = self._possible(order, price, wanted)
        if not quantity:
            return Refused(EMPTY)
        if order.all_or_none and quantity < exact(order.quantity):
            return Refused(QUANTITY)
        return quantity

    def _deed(
        self, dice: Random, order: ProviderOrder, *, quantity: Fraction, price: Fraction
    ) -> Entry | None:
        """Return what he does, None when he would rather not; a refusal that comes late is for
        good."""
        faults, weather, now_us = self._faults, self._weather, self._clock.now_us()
        refuses = hit(faults.refusing, self.name) or _falls(dice, weather.refused_ppm)
        partly = hit(faults.partial, self.name) or _falls(dice, weather.partial_ppm)
        waits = hit(faults.late, self.name) or _falls(dice, weather.pending_ppm)
        known_at_us = now_us + int(waits * dice.uniform(0.5, 1) * weather.pending_s_max * 1_000_000)
        if refuses and not waits:
            return None
        step = exact(order.quantity_step)
        if partly and not order.all_or_none:
            quantity = max(step, down_to(step, quantity * dice.randrange(100, 1_000) / 1_000))
        return Entry(
            reference=order.reference,
            at_us=now_us,
            known_at_us=known_at_us,
            order=order,
            pieces=() if refuses else self._pieces(dice, quantity, price=price, step=step),
            code=REFUSED if refuses else "",
            provider_reference=f"{self.name}-{_name(order.reference)}",
        )

    def _pieces(
        self, dice: Random, quantity: Fraction, *, price: Fraction, step: Fraction
    ) -> tuple[Piece, ...]:
        pieces = []
        for _ in range(dice.randrange(self._terms.pieces_max)):
            part = down_to(step, quantity * dice.randrange(1, 100) / 100)
            if part:
                pieces.append(Piece(plain(part), plain(price)))
                quantity -= part
        return (*pieces, Piece(plain(quantity), plain(price)))

    # -- telling ----------------------------------------------------------------------------------

    async def status(self, reference: str) -> Executed | Pending | Absent | UnknownReference:
        """Say what stands in the books."""
        dice = await self._call(reference)
        known = self.books.find(reference)
        self._answer_back(dice, reference)
        return UnknownReference() if known is None else self._told(known)

    async def close(self, reference: str) -> Executed | Pending | Absent:
        """Close a reference, unless something was done under it."""
        dice = await self._call(reference)
        known = self.books.find(reference)
        if known is None:
            now_us = self._clock.now_us()
            known = Entry(reference=reference, at_us=now_us, known_at_us=now_us, code=CLOSED)
            self.books.add(known)
        self._answer_back(dice, reference)
        return self._told(known)

    def _told(self, known: Entry) -> Executed | Pending | Absent:
        if self._clock.now_us() < known.known_at_us:
            return Pending()
        if known.pieces:
            return Executed(known.pieces, known.provider_reference)
        return Absent(known.code)

    # -- the line ---------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Forget what is still on its way."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _call(self, about: str) -> Random:
        """Let a request travel; returns the dice of this call."""
        if len(self._calls) >= CALLS_MAX:
            self._calls.clear()
        number = self._calls[about] = self._calls.get(about, 0) + 1
        dice = Random(f"{self._seed}/{self.name}/{about}/{number}/{self._clock.now_us()}")
        if self._weather.latency_s_max:
            await self._clock.sleep(dice.uniform(0, self._weather.latency_s_max))
        if hit(self._faults.down, self.name) or _falls(dice, self._weather.down_ppm):
            raise NotDone(f"{self.name} is down")
        return dice

    def _answer_back(self, dice: Random, reference: str) -> None:
        """Let an answer travel."""
        if hit(self._faults.silent, self.name) or _falls(dice, self._weather.lost_answer_ppm):
            raise OutcomeUnknown(f"no answer to {reference}")

    def _deliver_late(self, order: ProviderOrder, quote: Quote, after_s: float) -> None:
        async def deliver() -> None:
            await self._clock.sleep(after_s)
            self._take(order, quote)

        task = asyncio.create_task(deliver(), name=f"late-{order.reference}")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _name(reference: str) -> str:
    return hashlib.sha256(reference.encode()).hexdigest()[:12]


def _falls(dice: Random, odds_ppm: int) -> bool:
    return odds_ppm > 0 and dice.randrange(PPM) < odds_ppm
