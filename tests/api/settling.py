"""A door with something to settle behind it: bob's 1000 AAPL, and alice's 50000 USD."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.bourse import told
from tests.api.callers import bearer
from tests.api.door import Door, live_door

AAPL = "US0378331005"
"""An asset whose code is its ISIN, so that messages may name it so."""
TRADE: dict[str, Any] = {
    "trade_id": "t-1",
    "seller_account_id": "bob",
    "buyer_account_id": "alice",
    "symbol": f"{AAPL}/USD",
    "quantity": "50",
    "amount": "7524.00",
}


def day(after: int = 0) -> str:
    """Return the date so many days from today, in UTC."""
    return (datetime.now(UTC).date() + timedelta(days=after)).isoformat()


def side_of(side: str, **said: Any) -> dict[str, Any]:
    """Return one side's instruction of the trade, for today."""
    dates = {"trade_date": day(), "settlement_date": day()}
    return {**TRADE, "side": side, "reference": f"{side}-1", **dates, **said}


async def issue(door: Door, party: str, asset: str, amount: str, reference: str = "") -> Any:
    """Credit a party at the platform's own ledger."""
    body = {
        "reference": reference or f"{party}-{asset}-{amount}",
        "account_id": party,
        "asset": asset,
        "amount": amount,
    }
    path = "/settlement/domains/main/issues"
    return await told(await door.ask("POST", path, body, of="operator"), 201)


async def instruct(door: Door, *, of: str = "operator", status: int = 201, **said: Any) -> Any:
    """Instruct the trade, unless it says otherwise, as both sides."""
    return await told(await door.ask("POST", "/settlements", {**TRADE, **said}, of=of), status)


async def one_side(door: Door, side: str, *, of: str, status: int = 201, **said: Any) -> Any:
    """Instruct one side of the trade."""
    return await told(await door.ask("POST", "/settlements", side_of(side, **said), of=of), status)


async def act(
    door: Door, id: str, deed: str, body: Any = None, *, of: str = "operator", status: int = 200
) -> Any:
    """Hold, release, cancel or retry."""
    path = f"/settlements/{id}/{deed}"
    return await told(await door.ask("POST", path, body or {}, of=of), status)


async def read(door: Door, path: str, *, of: str = "operator", says: int = 200, **q: Any) -> Any:
    """Return what a user reads there, once the views tell of everything that was decided."""
    headers = bearer(of, *(("operator",) if of == "operator" else ()))
    query = {"at_least": door.engine.height, **q}
    return await told(await door.client.get(path, params=query, headers=headers), says)


async def held(door: Door, asset: str, party: str) -> tuple[str, str]:
    """Return what a party owns at the platform's own ledger, and what of it is earmarked."""
    path = f"/settlement/domains/main/balances/{party}"
    found = await told(await door.ask("GET", path, of="operator"))
    for each in found["data"]:
        if each["asset"] == asset:
            return each["owned"], each["earmarked"]
    return "0", "0"


@asynccontextmanager
async def settling(url: str) -> AsyncIterator[Door]:
    """Open the door of a fresh platform on PostgreSQL, with views, where there is something to
    settle."""
    async with live_door(url) as door:
        asset = {"code": AAPL, "scale": 2, "name": "a share"}
        await told(await door.ask("POST", "/api/v1/ledger/assets", asset, of="operator"), 201)
        await issue(door, "bob", AAPL, "1000")
        await issue(door, "alice", "USD", "50000.00")
        yield door
