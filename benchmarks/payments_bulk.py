"""How many payments a second are accepted and durable over HTTP, 10,000 a request?"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter
from typing import Any

import httpx
import uvloop

from benchmarks import sql_payments
from benchmarks.payment_load import PaymentTraffic
from benchmarks.payment_stand import NAMES, serving
from benchmarks.result import report
from benchmarks.stand import embedded
from nostro.adapters.postgres.launcher import EmbeddedPostgres

BULK = 10_000
REQUESTS = 60
WARM_UP = 4
CONNECTIONS = 3
TARGET = 60_000


async def main() -> None:
    """Measure the baseline, then bulk requests with and without the follower beside."""
    requests = 16 if "--quick" in sys.argv else REQUESTS
    with embedded() as postgres:
        baseline = await sql_payments.measure(postgres.url(), seconds=5)
        beside = await _measure(postgres, NAMES, requests)
    with embedded() as postgres:
        alone = await _measure(postgres, ("server", "members"), requests)
    report(
        name="payments_bulk",
        value=beside["per_s"],
        unit="payments/s",
        target=TARGET,
        baseline=sql_payments.NAME,
        ratio=beside["per_s"] / baseline,
        bound_by="the server's core: decoding, checks, holds, limits and encoding in Python",
        details={
            "baseline_payments_per_s": round(baseline),
            "with_follower": beside,
            "without_follower": alone,
        },
    )


async def _measure(
    postgres: EmbeddedPostgres, names: tuple[str, ...], requests: int
) -> dict[str, Any]:
    traffic = PaymentTraffic("b")
    bodies = [
        json.dumps({"transactions": traffic.bodies(BULK)}).encode()
        for _ in range(requests + WARM_UP)
    ]
    async with (
        serving(postgres, names=names) as facts,
        httpx.AsyncClient(base_url=facts["url"], timeout=60) as client,
    ):
        for body in bodies[:WARM_UP]:
            await _post(client, body)
        left = iter(bodies[WARM_UP:])
        latencies: list[float] = []

        async def sender() -> None:
            for body in left:
                began = perf_counter()
                await _post(client, body)
                latencies.append(perf_counter() - began)

        started = perf_counter()
        await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
        seconds = perf_counter() - started
    return {
        "per_s": round(requests * BULK / seconds),
        "request_ms": round(sum(latencies) / len(latencies) * 1e3, 1),
        "body_megabytes": round(len(bodies[0]) / 1e6, 2),
    }


async def _post(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(
        "/api/v1/transactions/bulk", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.is_success, answer.text[:500]
    assert answer.json()["accepted"] == BULK, answer.text[:500]


if __name__ == "__main__":
    uvloop.run(main())
