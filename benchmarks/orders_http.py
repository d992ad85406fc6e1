"""How many orders a second are placed over HTTP, one a request, from door to disk and back?

Each with its user's bearer token; what is not there to trade with rests, the rest trades at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvloop

from benchmarks import http_client, sql_orders
from benchmarks.order_load import OrderTraffic
from benchmarks.order_stand import NAMES, Tokens, serving
from benchmarks.result import report
from benchmarks.stand import embedded
from nostro.adapters.postgres.launcher import EmbeddedPostgres

CONNECTIONS = 128
SECONDS = 15.0
TARGET = 4_000
P99_TARGET_MS = 80
TEMPLATES = 4_000
"""Different orders, sent in turn with ever new client_order_ids."""


async def main() -> None:
    """Measure the baseline, then the server with and without the follower beside it."""
    seconds = 5.0 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres:
        baseline = await sql_orders.measure(postgres.url(), seconds=5)
        beside = await _measure(postgres, NAMES, seconds, prefix="f")
    with embedded() as postgres:
        alone = await _measure(postgres, ("server", "members"), seconds, prefix="a")
    report(
        name="orders_http",
        value=beside["per_s"],
        unit="orders/s",
        target=TARGET,
        baseline=sql_orders.NAME,
        ratio=beside["per_s"] / baseline,
        bound_by="the server's core: HTTP, token, decoding, funds, matching, legs and answering in "
        "one Python process",
        details={
            "baseline_orders_per_s": round(baseline),
            "p99_target_ms": P99_TARGET_MS,
            "with_follower": beside,
            "without_follower": alone,
        },
    )


async def _measure(
    postgres: EmbeddedPostgres, names: tuple[str, ...], seconds: float, *, prefix: str
) -> dict[str, Any]:
    orders = OrderTraffic().bodies(TEMPLATES)
    async with serving(postgres, names=names) as facts:
        tokens = Tokens(postgres.data_dir)
        load = http_client.Load(
            port=facts["port"],
            path="/order",
            connections=CONNECTIONS,
            seconds=seconds,
            id_prefix=prefix,
            templates=tuple(json.dumps({**body, "client_order_id": "%s"}) for _, body in orders),
            authorizations=tuple(tokens.bearer(user_id) for user_id, _ in orders),
        )
        measured = await asyncio.to_thread(http_client.run, load)
    assert measured.refused == 0, measured.first_refusal
    return {
        "per_s": round(measured.per_second),
        "p50_ms": round(measured.latency_ms["p50"], 1),
        "p99_ms": round(measured.latency_ms["p99"], 1),
        "client_cpu_us": round(measured.client_cpu_us, 1),
    }


if __name__ == "__main__":
    uvloop.run(main())
