"""What is the book of a market, rebuilt from a snapshot and the deltas after it?"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from zlib import crc32

CHECKSUM_LEVELS = 10

Level = tuple[Decimal, Decimal]
"""A price and the quantity that is shown at it."""


class OutOfStep(Exception):
    """A message does not follow on the one before it: the book must be sent anew."""


class Book:
    """The book of one market as it was last told. `sequence`: -1 before the first snapshot.

    Prices and quantities are kept as they were written, so that nothing is lost on the way.
    """

    def __init__(self, symbol: str, *, check: bool = True) -> None:
        self.symbol = symbol
        self.sequence = -1
        self.at = ""
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self._check = check

    @property
    def best_bid(self) -> Level | None:
        """Return the highest price that somebody buys at, and how much of it."""
        return next(iter(self.levels("bids", 1)), None)

    @property
    def best_ask(self) -> Level | None:
        """Return the lowest price that somebody sells at, and how much of it."""
        return next(iter(self.levels("asks", 1)), None)

    def levels(self, side: str, count: int | None = None) -> list[Level]:
        """Return levels of `bids` or `asks`, the best first."""
        told = self._sorted(side)[:count]
        return [(Decimal(price), Decimal(quantity)) for price, quantity in told]

    def take(self, message: dict[str, Any]) -> None:
        """Take in a snapshot or a delta; raises OutOfStep when one is missing, or when the book is
        not what the server says it is."""
        if message["type"] == "snapshot":
            self.bids, self.asks = {}, {}
        elif message["previous_sequence"] != self.sequence:
            raise OutOfStep(f"{self.sequence} is not {message['previous_sequence']}")
        _change(self.bids, message["bids"])
        _change(self.asks, message["asks"])
        self.sequence, self.at = message["sequence"], message["at"]
        if self._check and self.checksum() != message["checksum"]:
            raise OutOfStep(f"the book at {self.sequence} is another")

    def checksum(self) -> int:
        """Return CRC-32 over the ten best levels of both sides, as the server counts it."""
        best = [
            f"{price}:{quantity}"
            for side in ("bids", "asks")
            for price, quantity in self._sorted(side)[:CHECKSUM_LEVELS]
        ]
        return crc32("|".join(best).encode())

    def _sorted(self, side: str) -> list[tuple[str, str]]:
        levels = self.bids if side == "bids" else self.asks
        return sorted(levels.items(), key=lambda level: Decimal(level[0]), reverse=side == "bids")


def _change(levels: dict[str, str], changes: Iterable[tuple[str, str]]) -> None:
    for price, quantity in changes:
        if quantity == "0":
            levels.pop(price, None)
        else:
            levels[price] = quantity
