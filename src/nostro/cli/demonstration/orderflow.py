"""Which orders do the traders of the demo send? Of every kind, from a seed, around one price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from nostro.cli.demonstration.session import Market

SEED = 21
NEAR, FAR, THROUGH = 15, 60, 25
"""Ticks from the middle: where orders rest, where they rest in vain, how deep takers go."""
LOTS_MAX = 40
HOUR = timedelta(hours=1)

Said = dict[str, Any]


class OrderFlow:
    """An endless stream of orders of one market."""

    def __init__(self, market: Market, *, seed: int) -> None:
        self._market = market
        self._chance = Random(seed)
        self._kinds = list(_KINDS)
        self._weights = [weight for weight, _ in _KINDS.values()]

    def take(self, count: int) -> list[Said]:
        """Return the next orders, as they are written for the door."""
        return [self.one() for _ in range(count)]

    def one(self, kind: str | None = None) -> Said:
        """Return the next order, of a kind."""
        chance = self._chance
        kind = kind or chance.choices(self._kinds, self._weights)[0]
        buying = chance.random() < 0.5
        said = {
            "symbol": self._market.symbol,
            "side": "BUY" if buying else "SELL",
            "quantity": self._market.quantity(chance.randint(1, LOTS_MAX)),
        }
        return {**said, **_KINDS[kind][1](self, 1 if buying else -1)}

    def _resting(self, way: int) -> Said:
        return {"price": self._at(-way * self._chance.randint(1, NEAR))}

    def _far(self, way: int) -> Said:
        return {"price": self._at(-way * self._chance.randint(NEAR, FAR))}

    def _taking(self, way: int) -> Said:
        return {"price": self._at(way * self._chance.randint(0, THROUGH))}

    def _ioc(self, way: int) -> Said:
        return {**self._taking(way), "time_in_force": "IOC"}

    def _fok(self, way: int) -> Said:
        return {**self._taking(way), "time_in_force": "FOK"}

    def _market_order(self, way: int) -> Said:
        return {"type": "MARKET", "worst_price": self._at(way * THROUGH)}

    def _by_amount(self, way: int) -> Said:
        amount = f"{self._chance.randint(10, 900)}"
        return {**self._market_order(way), "quantity": None, "quote_amount": amount}

    def _post_only(self, way: int) -> Said:
        return {"price": self._at(-way * self._chance.randint(0, NEAR)), "post_only": True}

    def _slide(self, way: int) -> Said:
        price = self._at(way * self._chance.randint(-NEAR, 3))
        return {"price": price, "post_only": "slide"}

    def _iceberg(self, way: int) -> Said:
        quantity = self._market.quantity(self._chance.randint(50, 200))
        shown = self._market.quantity(self._chance.randint(5, 20))
        return {**self._resting(way), "quantity": quantity, "display_quantity": shown}

    def _until(self, way: int) -> Said:
        expires_at = (datetime.now(UTC) + HOUR).isoformat()
        return {**self._far(way), "time_in_force": "GTD", "expires_at": expires_at}

    def _today(self, way: int) -> Said:
        return {**self._resting(way), "time_in_force": "DAY"}

    def _stop(self, way: int) -> Said:
        stop = self._chance.randint(1, NEAR)
        return {
            "type": "STOP",
            "stop_price": self._at(way * stop),
            "worst_price": self._at(way * (stop + THROUGH)),
        }

    def _stop_limit(self, way: int) -> Said:
        stop = self._chance.randint(1, NEAR)
        return {
            "type": "STOP_LIMIT",
            "stop_price": self._at(way * stop),
            "price": self._at(way * (stop + 2)),
        }

    def _same_user(self, way: int) -> Said:
        mode = self._chance.choice(["CANCEL_MAKER", "CANCEL_BOTH", "DECREMENT"])
        return {**self._taking(way), "self_trade": mode}

    def _at(self, away: int) -> str:
        return self._market.price(self._market.middle + away)


_KINDS: Mapping[str, tuple[int, Callable[[OrderFlow, int], Said]]] = {
    "resting": (34, OrderFlow._resting),
    "far": (4, OrderFlow._far),
    "taking": (16, OrderFlow._taking),
    "ioc": (10, OrderFlow._ioc),
    "fok": (4, OrderFlow._fok),
    "market": (8, OrderFlow._market_order),
    "by amount": (3, OrderFlow._by_amount),
    "post only": (5, OrderFlow._post_only),
    "slide": (3, OrderFlow._slide),
    "iceberg": (4, OrderFlow._iceberg),
    "until": (1, OrderFlow._until),
    "today": (1, OrderFlow._today),
    "stop": (2, OrderFlow._stop),
    "stop limit": (2, OrderFlow._stop_limit),
    "same user": (3, OrderFlow._same_user),
}
"""Kinds of orders, how many in a hundred, and how each is made."""
