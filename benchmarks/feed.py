"""How old is what 200 subscribers of a book know that changes 1,000 times a second?

The server as `nostro up` runs it, orders over HTTP, subscribers in a process of their own, real
sockets. When a subscriber is told of a change, it is as old as the time since it was decided, which
is before it was durable; when each was decided is read from the journal afterwards.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import psycopg
import uvloop

from benchmarks import feed_baseline
from benchmarks.feed_readers import Readers, Received
from benchmarks.order_load import BASE, MARKET, QUOTE, SYMBOL, USERS, OrderTraffic, trader
from benchmarks.result import report
from benchmarks.stand import embedded
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.cli.token import issue
from nostro.wiring.platform import CHILD_MODULE
from nostro.wiring.processes import Child

SUBSCRIBERS = 200
CHANGES_PER_S = 1_000
SECONDS = 15
BLOCK = 20
"""Orders of one request: 50 requests a second."""
BASELINE_SECONDS = 5
TARGET_MS = 250
UPDATES_MAX_PER_S = 20
NAMES = ("server", "members", "follower")


async def main() -> None:
    """Measure the feeds, then the plain way."""
    seconds = 5 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres, tempfile.TemporaryDirectory() as scratch:
        feeds = await _measure(postgres, seconds, Path(scratch) / "feeds.npy")
    with tempfile.TemporaryDirectory() as scratch:
        plain = await _measure_plain(Path(scratch) / "plain.npy")
    report(
        name="feed",
        value=feeds["delay_ms"]["p99"],
        unit="ms from decision to receipt, p99",
        target=TARGET_MS,
        baseline=feed_baseline.NAME,
        ratio=plain["delay_ms"]["p99"] / feeds["delay_ms"]["p99"],
        bound_by="the tick of 50 ms that coalesces; then the event loop that matches, commits and "
        "sends, and the subscribers, all on two cores",
        details={"subscribers": SUBSCRIBERS, "feeds": feeds, "plain": plain},
    )


async def _measure(postgres: EmbeddedPostgres, seconds: int, out: Path) -> dict[str, Any]:
    async with _serving(postgres) as facts, httpx.AsyncClient(base_url=facts["url"]) as client:
        tokens = await _set_up(client, postgres)
        async with _readers(url=facts["url"], out=out) as process:
            sent = await _trade(client, tokens, seconds)
            book = await _book(client)
            received = await _received(process, book["sequence"])
    wanted = {
        side: {level["price"]: level["quantity"] for level in book[side]}
        for side in ("bids", "asks")
    }
    assert received.books == [wanted], "a book was not rebuilt exactly"
    assert received.gaps == 0
    decided = await _decided(postgres)
    arrivals = np.load(out)
    rates = _rates(arrivals)
    assert max(rates) <= UPDATES_MAX_PER_S, max(rates)
    changes = {sequence: at for sequence, at in decided.items() if at >= sent["started_us"]}
    return {
        "changes_per_s": round(len(changes) / sent["seconds"]),
        "orders_per_s": round(sent["orders"] / sent["seconds"]),
        "updates_per_s_of_each": round(float(np.mean(rates)), 1),
        "updates_per_s_max": round(max(rates), 1),
        "exact_books": SUBSCRIBERS,
        "gaps": received.gaps,
        "snapshots_after_the_first": received.snapshots,
        "delay_ms": _delays(arrivals, changes),
        "readers_cpu_share": round(received.cpu_s / sent["seconds"], 2),
    }


async def _measure_plain(out: Path) -> dict[str, Any]:
    words = (str(SUBSCRIBERS), str(CHANGES_PER_S), str(BASELINE_SECONDS))
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.feed_baseline",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        async with _readers(url=f"ws://127.0.0.1:{port}", out=out, plain=True) as process:
            server.stdin.write(b"go\n")
            sent = json.loads(await server.stdout.readline())
            received = await _received(process, len(sent))
    finally:
        server.kill()
        await server.wait()
    decided = dict(enumerate(sent, 1))
    seconds = (sent[-1] - sent[0]) / 1e6
    return {
        "changes_per_s": round(len(sent) / seconds),
        "messages": received.messages,
        "delay_ms": _delays(np.load(out), decided),
        "readers_cpu_s": round(received.cpu_s, 2),
    }


# -- the platform ----------------------------------------------------------------------------------


@asynccontextmanager
async def _serving(postgres: EmbeddedPostgres) -> AsyncIterator[dict[str, Any]]:
    roles = ("engine", "follower", "reader", "members")
    order = {
        "stores": {role: postgres.url(f"nostro_{role}") for role in roles},
        "settings": {
            "data_dir": str(postgres.data_dir),
            "port": 0,
            "log_level": "warning",
            "rate_limit_per_s": 0,
        },
    }
    children = [Child(name=name, module=CHILD_MODULE, order=order) for name in NAMES]
    facts = [await child.start() for child in children]
    try:
        yield facts[0]
    finally:
        for child in children:
            await child.stop()


async def _set_up(client: httpx.AsyncClient, postgres: EmbeddedPostgres) -> dict[str, str]:
    """Open the market and fund the traders; return their tokens."""
    await _post(client, "/markets", {"symbol": SYMBOL, "tick": "0.01", "lot": "0.0001"})
    await _post(client, f"/markets/{MARKET}", {"orders_per_user_max": 100_000}, method="PATCH")
    await _post(client, f"/markets/{MARKET}/state", {"state": "open"})
    tokens = {}
    for number in range(1, USERS + 1):
        user = trader(number)
        for code in (BASE, QUOTE):
            name = {"user_id": user, "transaction_id": f"{user}-{code}"}
            money = {"currency": code, "amount": "100000000"}
            await _post(client, "/wallet/deposit", {**name, **money})
            await _post(client, "/wallet/deposit/confirm", name)
        tokens[user] = issue(user, ["trader"], [], 3_600, data_dir=postgres.data_dir)
    return tokens


async def _post(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], *, method: str = "POST"
) -> None:
    answer = await client.request(method, path, json=body, timeout=30)
    assert answer.is_success, answer.text


async def _trade(client: httpx.AsyncClient, tokens: dict[str, str], seconds: int) -> dict[str, Any]:
    """Change the book at an even pace, an order a change at least."""
    orders = OrderTraffic(block=BLOCK).bodies(CHANGES_PER_S * seconds)
    blocks = [orders[first : first + BLOCK] for first in range(0, len(orders), BLOCK)]
    under_way: set[asyncio.Task[None]] = set()
    started_us, started = time.time_ns() // 1_000, time.perf_counter()
    for number, block in enumerate(blocks):
        due = number * BLOCK / CHANGES_PER_S
        await asyncio.sleep(max(0.0, started + due - time.perf_counter()))
        user = block[0][0]
        bodies = [{k: v for k, v in body.items() if k != "user_id"} for _, body in block]
        task = asyncio.create_task(_place(client, user, tokens[user], bodies))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    took = time.perf_counter() - started
    return {"orders": len(orders), "seconds": took, "started_us": started_us}


async def _place(
    client: httpx.AsyncClient, user: str, token: str, orders: list[dict[str, str]]
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"user_id": user, "orders": orders}
    answer = await client.post("/orders/batch", json=body, headers=headers, timeout=30)
    assert answer.is_success, answer.text
    assert answer.json()["refused"] == 0, answer.text


async def _book(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(f"/markets/{MARKET}/book", params={"depth": 500})
    assert answer.is_success, answer.text
    book: dict[str, Any] = answer.json()
    return book


async def _decided(postgres: EmbeddedPostgres) -> dict[int, int]:
    """Return when each sequence of the market was decided."""
    decided: dict[int, int] = {}
    url = postgres.url("nostro_reader")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        rows = await connection.execute("SELECT at, payload FROM nostro.journal ORDER BY height")
        async for at_us, payload in rows:
            for event in json.loads(payload):
                if event[0] in WITH_SEQUENCE and event[1] == MARKET:
                    decided[event[2]] = at_us
    return decided


WITH_SEQUENCE = frozenset(
    f"exchange.{name}"
    for name in (
        "market_state_set",
        "order_rested",
        "trades_executed",
        "order_reduced",
        "orders_closed",
        "order_replaced",
        "route_ended",
    )
)


# -- the readers -----------------------------------------------------------------------------------


@asynccontextmanager
async def _readers(
    *, url: str, out: Path, plain: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    readers = Readers(url=url, symbol=SYMBOL, count=SUBSCRIBERS, out=str(out), plain=plain)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.feed_readers",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(readers) + b"\n")
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _received(process: asyncio.subprocess.Process, sequence: int) -> Received:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{sequence}\n".encode())
    return msgspec.json.decode(await process.stdout.readline(), type=Received)


def _delays(arrivals: Any, decided: dict[int, int]) -> dict[str, float]:
    """Return how old changes were when each subscriber was told of them."""
    first, last = min(decided), max(decided)
    at = np.array([decided[sequence] for sequence in range(first, last + 1)], dtype=np.int64)
    parts = [
        arrived - at[max(before + 1, first) - first : sequence + 1 - first]
        for _, before, sequence, arrived in arrivals.tolist()
        if sequence >= first and before < sequence
    ]
    delays = np.concatenate(parts) / 1_000
    shares = {"p50": 50, "p90": 90, "p99": 99, "p99_9": 99.9, "max": 100}
    return {name: round(float(np.percentile(delays, share)), 1) for name, share in shares.items()}


def _rates(arrivals: Any) -> list[float]:
    """Return the updates a second of each subscriber, over the time in which there were any."""
    rates = []
    for number in range(SUBSCRIBERS):
        times = arrivals[arrivals[:, 0] == number][1:, 3]
        rates.append(float((len(times) - 1) / ((times[-1] - times[0]) / 1e6)))
    return rates


if __name__ == "__main__":
    uvloop.run(main())
