"""What must a liquidity provider offer, and how may it fail?

The numbered list that every provider must pass is tests/contracts/test_liquidity_provider.py, told
in docs/liquidity.md. What matters most:

- a reference is executed at most once, whoever sends it however often, in whatever order;
- nothing is ever executed at a worse price than the quote's or the order's limit, nor less than the
  whole of an all-or-none order;
- `Absent` is a promise: a request under that reference that arrives later does nothing. Only so may
  an order go to another provider, or be told to have ended, after an answer was lost.

Prices, quantities and steps are plain decimal strings in whole units: a price is the quote asset
for one unit of the base asset.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from nostro.exchange import Side


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For what a price is asked. `side` is ours: BUY takes the base asset. What is quoted must be a
    multiple of `quantity_step`, and all of `quantity` or nothing when `all_or_none`."""

    base: str
    quote: str
    side: Side
    quantity: str
    quantity_step: str
    all_or_none: bool = False


class Quote(msgspec.Struct, frozen=True, kw_only=True, tag="quote", gc=False):
    """A firm price for up to `quantity`, until `valid_until_us` (microseconds since the epoch, by
    the provider's clock) at most: sooner it may be refused, later it must be."""

    quote_id: str
    price: str
    quantity: str
    valid_until_us: int


class ProviderOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What to execute. `reference` names the deed for ever; `limit`: the worst price."""

    reference: str
    base: str
    quote: str
    side: Side
    quantity: str
    quantity_step: str
    limit: str
    all_or_none: bool = False


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A part of what was executed, at its price."""

    quantity: str
    price: str


class Executed(msgspec.Struct, frozen=True, tag="executed", gc=False):
    """It was executed in these pieces, finally: the whole, or less. `provider_reference`: what the
    provider calls it."""

    pieces: tuple[Piece, ...]
    provider_reference: str = ""


class Pending(msgspec.Struct, frozen=True, tag="pending"):
    """The provider has it, and will execute it or not."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """There is no quote, or this request did nothing. `code`: why, see below; another quote may be
    asked for and executed under the same reference."""

    code: str


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """Nothing was executed under this reference, and nothing ever will be."""

    code: str


class UnknownReference(msgspec.Struct, frozen=True, tag="unknown_reference"):
    """Nothing has arrived under this reference up to now."""


UNKNOWN_PAIR = "unknown_pair"
"""It has no price for these assets."""
EMPTY = "empty"
"""It has none to give, or room for no more."""
QUANTITY = "quantity"
"""It has not the whole of an all-or-none order."""
PRICE = "price"
"""Its price is worse than the limit."""
QUOTE_EXPIRED = "quote_expired"
"""The quote holds no more, or was never given."""
REFUSED = "refused"
"""It would not, for reasons of its own."""
CONTENT_DIFFERS = "content_differs"
"""The reference stands for another order already."""
CLOSED = "closed"
"""The reference was closed."""


class LiquidityProvider(Protocol):
    """Someone who trades with us at his own price.

    Every call may raise runtime.ports.NotDone (this request was not taken) or OutcomeUnknown
    (perhaps it was: ask).
    """

    async def quote(self, request: QuoteRequest) -> Quote | Refused:
        """Name a price; commits us to nothing."""
        ...

    async def execute(self, order: ProviderOrder, quote: Quote) -> Executed | Pending | Refused:
        """Execute an order at a quote. A reference that was executed or is pending is answered as
        it stands, whatever the quote; with other content it is refused."""
        ...

    async def status(self, reference: str) -> Executed | Pending | Absent | UnknownReference:
        """Say what became of a reference; asking changes nothing."""
        ...

    async def close(self, reference: str) -> Executed | Pending | Absent:
        """Let nothing be executed under a reference from now on, or say that it is too late. Closed
        stays closed; again is answered as before."""
        ...
