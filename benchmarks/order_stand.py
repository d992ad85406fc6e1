"""What do the benchmarks of the exchange's door stand on?

Server, members and follower as `nostro up` runs them, each in a process of its own, an open market,
and traders with money and tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.order_load import BASE, QUOTE, SYMBOL, USERS, trader
from nostro.adapters.identity.development import DevelopmentKey
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.wiring.platform import CHILD_MODULE
from nostro.wiring.processes import Child

NAMES = ("server", "members", "follower")
FUNDS = {BASE: "1000000", QUOTE: "100000000000"}
TTL_S = 3_600
MARKET = {"symbol": SYMBOL, "tick": "0.01", "lot": "0.0001", "orders_per_user_max": 100_000}
FEES = {"name": "standard", "maker_bps": "10", "taker_bps": "20"}


class Tokens:
    """Development tokens of the platform in a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._key = DevelopmentKey.kept_in(data_dir)
        self._known: dict[str, str] = {}

    def bearer(self, user_id: str) -> str:
        """Return the Authorization header of a trader."""
        if user_id not in self._known:
            self._known[user_id] = self._key.token(
                user_id, roles=("trader",), now_s=int(time.time()), ttl_s=TTL_S
            )
        return f"Bearer {self._known[user_id]}"


@asynccontextmanager
async def serving(
    postgres: EmbeddedPostgres, *, names: tuple[str, ...] = NAMES
) -> AsyncIterator[dict[str, Any]]:
    """Run the processes, open the market, fund the traders, and yield what the server told: its
    `url` and `port`."""
    roles = ("engine", "follower", "reader", "members")
    order = {
        "stores": {role: postgres.url(f"nostro_{role}") for role in roles},
        "settings": {"data_dir": str(postgres.data_dir), "port": 0, "log_level": "warning"},
    }
    children = [Child(name=name, module=CHILD_MODULE, order=order) for name in names]
    facts = [await child.start() for child in children]
    try:
        await _open(facts[0]["url"])
        yield facts[0]
    finally:
        for child in children:
            await child.stop()


async def _open(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        turns = asyncio.Semaphore(16)

        async def post(path: str, told: dict[str, Any]) -> None:
            async with turns:
                answer = await client.post(path, json=told)
                assert answer.is_success, answer.text

        async def fund(user_id: str, asset: str) -> None:
            said = {"user_id": user_id, "transaction_id": f"funds-{asset}"}
            money = {"currency": asset, "amount": FUNDS[asset]}
            await post("/wallet/deposit", {**said, **money})
            await post("/wallet/deposit/confirm", said)

        await post("/fees", FEES)
        await post("/markets", MARKET)
        await post(f"/markets/{SYMBOL.replace('/', '-')}/state", {"state": "open"})
        names = [trader(number) for number in range(1, USERS + 1)]
        await asyncio.gather(*(fund(name, asset) for name in names for asset in FUNDS))
