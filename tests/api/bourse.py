"""A door with markets behind it, and users who have something to trade with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.api.door import Door, front_door, live_door

ADA = {"symbol": "ADA/USDT", "tick": "0.0001", "lot": "0.01"}
BTC = {"symbol": "BTC/USD", "tick": "0.05", "lot": "0.00001"}


async def told(answer: httpx.Response, status: int = 200) -> Any:
    """Return what an answer says, once its status is this."""
    assert answer.status_code == status, answer.text
    return answer.json()


async def open_market(door: Door, terms: dict[str, Any], *, reference: str = "") -> None:
    """Create a market and open it."""
    path = "/markets/" + terms["symbol"].replace("/", "-")
    await told(await door.ask("POST", "/markets", terms, of="operator"), 201)
    if reference:
        price = {"price": reference}
        await told(await door.ask("POST", f"{path}/reference", price, of="operator"))
    await told(await door.ask("POST", f"{path}/state", {"state": "open"}, of="operator"))


async def order(door: Door, of: str, status: int = 201, **said: Any) -> Any:
    """Send an order of a user, of ADA for USDT unless it says otherwise."""
    body = {"symbol": "ADA/USDT", **said}
    return await told(await door.ask("POST", "/order", body, of=of), status)


async def _stocked(door: Door) -> Door:
    await open_market(door, ADA)
    await open_market(door, BTC)
    await door.deposit("alice", "1000", currency="USDT")
    await door.deposit("bob", "500", currency="ADA")
    return door


@asynccontextmanager
async def bourse() -> AsyncIterator[Door]:
    """Open the door of a fresh platform with two open markets, alice's 1000 USDT and bob's 500
    ADA."""
    async with front_door() as door:
        yield await _stocked(door)


@asynccontextmanager
async def live_bourse(url: str) -> AsyncIterator[Door]:
    """Open the same on PostgreSQL, with views."""
    async with live_door(url) as door:
        yield await _stocked(door)
