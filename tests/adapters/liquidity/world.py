"""In which world do the tests of liquidity providers play?"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from nostro.adapters.liquidity.faults import FAIR, PPM, Faults, MemorySwitchboard, MerchantWeather
from nostro.adapters.liquidity.merchant import SimulatedMerchant
from nostro.adapters.liquidity.performer import ProviderPerformer
from nostro.adapters.liquidity.port import (
    Absent,
    Executed,
    LiquidityProvider,
    Pending,
    Piece,
    ProviderOrder,
    Quote,
    QuoteRequest,
    Refused,
    UnknownReference,
)
from nostro.adapters.liquidity.prices import TablePrices
from nostro.adapters.liquidity.records import Entry, FileBooks, MemoryBooks, ProviderBooks
from nostro.adapters.liquidity.stock import MerchantTerms
from nostro.exchange import EndRoute, MarketTerms, RouteToProvider, Side
from nostro.kernel.messages import Command
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from nostro.simulation.loop import LoopClock, SeededLoop, seeded_loop

T = TypeVar("T")

# One lot is 0.001 BTC, one tick 0.01 USD.
BTC_USD = MarketTerms("BTC", "USD", 100_000, 1, 2, 8, 2, 1, 1_000)
TABLE = {"BTC": "50000", "ETH": "2500", "USD": "1"}
TERMS = MerchantTerms(opening={"BTC": "100", "USD": "5000000"})
ASK, BID = "50050", "49950"
"""The merchant's prices when he has what he opened with."""
ORDER = ProviderOrder(
    reference="main:7",
    base="BTC",
    quote="USD",
    side=Side.BUY,
    quantity="2.5",
    quantity_step="0.001",
    limit="50100",
)
NAME = ORDER.reference
ROUTE = RouteToProvider(
    route=7,
    order=3,
    provider="acme",
    market="BTC-USD",
    terms=BTC_USD,
    side=Side.BUY,
    lots=2_500,
    limit=5_010_000,
    all_or_none=False,
)
EFFECT_ID = "main:12:0"
"""Of row 12 of the journal."""


def always(*names: str) -> MerchantWeather:
    return MerchantWeather(**dict.fromkeys(names, PPM))


def asking(order: ProviderOrder = ORDER) -> QuoteRequest:
    return QuoteRequest(
        base=order.base,
        quote=order.quote,
        side=order.side,
        quantity=order.quantity,
        quantity_step=order.quantity_step,
        all_or_none=order.all_or_none,
    )


class World:
    """The merchants' books, and as many platforms after each other as a test needs. Time is
    virtual."""

    def __init__(self, directory: Path | None = None, *, seed: str = "liquidity") -> None:
        self.loop: SeededLoop = seeded_loop(seed)
        self.clock = LoopClock(self.loop)
        self.switchboard = MemorySwitchboard()
        self._directory = directory
        self._memory: dict[str, MemoryBooks] = {}
        self._files: list[FileBooks] = []

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Run a story to its end."""
        return self.loop.run(story)

    def books(self, name: str = "acme") -> ProviderBooks:
        """Return a merchant's books as a new process finds them."""
        if self._directory is None:
            return self._memory.setdefault(name, MemoryBooks())
        books = FileBooks(self._directory / f"{name}.jsonl")
        self._files.append(books)
        return books

    def merchant(
        self,
        weather: MerchantWeather = FAIR,
        *,
        name: str = "acme",
        seed: int = 1,
        terms: MerchantTerms = TERMS,
        table: Mapping[str, str] = TABLE,
    ) -> SimulatedMerchant:
        """Return a merchant as a new process of the platform finds him."""
        return SimulatedMerchant(
            name=name,
            seed=seed,
            prices=TablePrices(table),
            books=self.books(name),
            clock=self.clock,
            terms=terms,
            weather=weather,
            switchboard=self.switchboard,
        )

    def performer(
        self, *providers: LiquidityProvider, chain: str = "main", fresh: bool = False
    ) -> ProviderPerformer:
        """Return a performer with providers called acme, beta, ...; `fresh`: in a process that has
        written the effects itself."""
        names = ("acme", "beta", "gamma")
        performer = ProviderPerformer(
            dict(zip(names, providers, strict=False)), clock=self.clock, chain=chain
        )
        if fresh:
            performer.took_over(0)
        return performer

    def deeds(self, *names: str) -> list[Entry]:
        """Return what merchants ever did."""
        books = [self.books(name) for name in names or ("acme", "beta", "gamma")]
        return [each for book in books for each in book.after(0) if each.pieces]

    def switch(self, **faults: Sequence[str]) -> None:
        """Switch faults on, and all others off."""
        self.switchboard.set(Faults(**{name: frozenset(each) for name, each in faults.items()}))

    async def later(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self.clock.sleep(seconds)  # sleeps: virtual time

    async def told(self, performer: ProviderPerformer, effect: RouteToProvider = ROUTE) -> EndRoute:
        """Perform until something is told."""
        for _ in range(100):
            try:
                outcomes = await performer.perform(effect, EFFECT_ID)
            except Outage:
                await self.clock.sleep(1)  # sleeps: virtual time
            else:
                return command_of(outcomes)
        raise AssertionError("never told")

    def close(self) -> None:
        for file in self._files:
            file.close()


def command_of(outcomes: Sequence[tuple[str, Command]]) -> EndRoute:
    """Return the one outcome."""
    ((_, command),) = outcomes
    assert isinstance(command, EndRoute)
    return command


def executed(entry: Entry) -> Executed:
    """Return what a provider says of an entry in his books."""
    return Executed(entry.pieces, entry.provider_reference)


class Scripted:
    """A provider of another vendor, who says what a test wants and executes each request it gets:
    what the performer must survive without the help of L4. `quotes`, `answers` are used up from the
    left, the last one stays; `calls` lists what was called."""

    def __init__(
        self,
        *,
        price: str = ASK,
        quantity: str = "2.5",
        quotes: Sequence[Quote | Refused | Outage] = (),
        answers: Sequence[Executed | Pending | Refused | Outage] = (),
        status: Executed | Pending | Absent | UnknownReference | Outage | None = None,
        closing: Executed | Pending | Absent | Outage | None = None,
    ) -> None:
        own = Quote(quote_id="q", price=price, quantity=quantity, valid_until_us=2**62)
        self._quotes = list(quotes) or [own]
        self._answers = list(answers) or [Executed((Piece(quantity, price),), "own-1")]
        self._status = status
        self._closing = closing
        self.calls: list[str] = []
        self.done: list[ProviderOrder] = []
        self.closed = False

    async def quote(self, request: QuoteRequest) -> Quote | Refused:
        self.calls.append("quote")
        return cast(Quote | Refused, _said(self._quotes))

    async def execute(self, order: ProviderOrder, quote: Quote) -> Executed | Pending | Refused:
        self.calls.append("execute")
        if self.closed:
            return Refused("closed")
        answer = self._answers[0]
        if isinstance(answer, Executed | OutcomeUnknown):
            self.done.append(order)
        return cast(Executed | Pending | Refused, _said(self._answers))

    async def status(self, reference: str) -> Executed | Pending | Absent | UnknownReference:
        self.calls.append("status")
        if self._status is not None:
            return cast(Executed | Pending | Absent | UnknownReference, _said([self._status]))
        if self.done:
            return Executed((Piece("2.5", ASK),), "own-1")
        return Absent("closed") if self.closed else UnknownReference()

    async def close(self, reference: str) -> Executed | Pending | Absent:
        self.calls.append("close")
        if self._closing is not None:
            return cast(Executed | Pending | Absent, _said([self._closing]))
        if self.done:
            return Executed((Piece("2.5", ASK),), "own-1")
        self.closed = True
        return Absent("closed")


def _said(script: list[Any]) -> object:
    answer = script.pop(0) if len(script) > 1 else script[0]
    if isinstance(answer, Outage):
        raise answer
    return answer


def changed(effect: RouteToProvider, **fields: Any) -> RouteToProvider:
    """Return a route with other terms."""
    return msgspec.structs.replace(effect, **fields)


DOWN = NotDone("no connection")
SILENT = OutcomeUnknown("no answer")
