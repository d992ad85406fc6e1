"""What do the benchmarks of the payments' door stand on?

Server, members and follower as `nostro up` runs them, each in a process of its own, and banks with
money.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from benchmarks.payment_load import BANKS, CURRENCIES, bank
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.wiring.platform import CHILD_MODULE
from nostro.wiring.processes import Child

NAMES = ("server", "members", "follower")
FUNDS = "9000000000000"
CYCLE_SECONDS = 3_600
"""So long that no window closes meanwhile: what is measured is acceptance."""


@asynccontextmanager
async def serving(
    postgres: EmbeddedPostgres, *, names: tuple[str, ...] = NAMES
) -> AsyncIterator[dict[str, Any]]:
    """Run the processes, open and fund the banks, and yield what the server told: its `url` and
    `port`."""
    roles = ("engine", "follower", "reader", "members")
    order = {
        "stores": {role: postgres.url(f"nostro_{role}") for role in roles},
        "settings": {
            "data_dir": str(postgres.data_dir),
            "port": 0,
            "log_level": "warning",
            "cycle_seconds": CYCLE_SECONDS,
        },
    }
    children = [Child(name=name, module=CHILD_MODULE, order=order) for name in names]
    facts = [await child.start() for child in children]
    try:
        await _open_banks(facts[0]["url"])
        yield facts[0]
    finally:
        for child in children:
            await child.stop()


async def _open_banks(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        turns = asyncio.Semaphore(16)

        async def post(path: str, told: dict[str, Any]) -> None:
            async with turns:
                answer = await client.post(f"/api/v1/participants{path}", json=told)
                assert answer.is_success, answer.text

        names = [bank(number) for number in range(1, BANKS + 1)]
        for name in names:
            await post("", {"participant_id": name, "name": name, "currencies": list(CURRENCIES)})
        await asyncio.gather(
            *(
                post(
                    f"/{name}/funding",
                    {"currency": code, "amount": FUNDS, "reference": f"funds-{code}"},
                )
                for name in names
                for code in CURRENCIES
            )
        )
