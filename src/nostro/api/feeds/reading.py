"""How are the views read for those who missed something, without taking them from everybody else?

After a restart of the server every client comes back at once. Few of them are read for at a time,
and views that are behind, or away, are waited for. What anybody may ask for has a queue of its own:
who reads the history of all trades again and again keeps nobody from his own fills.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from nostro.api.exchange_reads import ExchangeReads
from nostro.exchange import FillView, OrderView, SuspensionView, TradeView
from nostro.ledger import BalanceView
from nostro.runtime.projector import ViewsBehind, ViewsUnavailable

AT_ONCE_MAX = 3
PUBLIC_AT_ONCE_MAX = 2
WAIT_MS = 1_000
PATIENCE_S = 30.0
PAUSE_S = 0.25
SUSPENSIONS_MAX = 200
"""Of one user: so many that were suspended or released while he was away are told."""

T = TypeVar("T")


class PatientReads:
    """The reads that feeds need. Each may raise ViewsBehind or ViewsUnavailable after a while."""

    def __init__(self, reads: ExchangeReads, *, patience_s: float = PATIENCE_S) -> None:
        self._reads = reads
        self._own_turn = asyncio.Semaphore(AT_ONCE_MAX)
        self._public_turn = asyncio.Semaphore(PUBLIC_AT_ONCE_MAX)
        self._patience_s = patience_s

    async def trades_after(
        self, market: str, trade: int, *, height: int, limit: int
    ) -> Sequence[TradeView]:
        """Return a market's trades above a number from views that tell of a height."""
        return await self._patiently(
            height,
            lambda: self._reads.trades_after(market, trade, limit=limit),
            turn=self._public_turn,
        )

    async def fills_above(
        self, user_id: str, after_height: int, *, height: int, limit: int
    ) -> Sequence[FillView]:
        """Return a user's fills above one height from views that tell of another."""

        async def read() -> Sequence[FillView]:
            trade = await self._reads.trade_at(after_height)
            return await self._reads.fills_after(user_id, trade, limit=limit)

        return await self._patiently(height, read)

    async def suspensions(self, user_id: str, *, height: int) -> Sequence[SuspensionView]:
        """Return the last money of a user that was suspended, also what was released again."""

        async def read() -> Sequence[SuspensionView]:
            page = await self._reads.suspensions(user_id=user_id, limit=SUSPENSIONS_MAX)
            return page.items

        return await self._patiently(height, read)

    async def orders_changed(
        self, user_id: str, *, after_height: int, height: int, limit: int
    ) -> Sequence[OrderView]:
        """Return a user's orders that changed above one height, from views that tell of
        another."""
        return await self._patiently(
            height,
            lambda: self._reads.orders_changed(user_id, after_height=after_height, limit=limit),
        )

    async def balances(self, user_id: str, *, height: int) -> Sequence[BalanceView]:
        """Return what stands on a user's accounts."""
        return await self._patiently(height, lambda: self._reads.balances(user_id))

    async def _patiently(
        self,
        height: int,
        read: Callable[[], Awaitable[T]],
        *,
        turn: asyncio.Semaphore | None = None,
    ) -> T:
        """Read once the views tell of a height and it is our turn, by default among those who read
        what is their own."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        while True:
            try:
                await self._reads.wait_for(height, WAIT_MS)
                async with turn or self._own_turn:
                    return await read()
            except (ViewsBehind, ViewsUnavailable):
                if loop.time() >= deadline:
                    raise
            await asyncio.sleep(PAUSE_S)
