"""How many payments a second are accepted over HTTP, one a request, from door to disk and back?"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvloop

from benchmarks import http_client, sql_payments
from benchmarks.payment_load import PaymentTraffic
from benchmarks.payment_stand import NAMES, serving
from benchmarks.result import report
from benchmarks.stand import embedded
from nostro.adapters.postgres.launcher import EmbeddedPostgres

CONNECTIONS = 128
SECONDS = 15.0
TARGET = 7_000
P99_TARGET_MS = 60
TEMPLATES = 997
"""Different bodies, sent in turn with ever new ids."""


async def main() -> None:
    """Measure the baseline, then the server with and without the follower beside it."""
    seconds = 5.0 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres:
        baseline = await sql_payments.measure(postgres.url(), seconds=5)
        beside = await _measure(postgres, NAMES, seconds, prefix="f")
    with embedded() as postgres:
        alone = await _measure(postgres, ("server", "members"), seconds, prefix="a")
    report(
        name="payments_http",
        value=beside["per_s"],
        unit="payments/s",
        target=TARGET,
        baseline=sql_payments.NAME,
        ratio=beside["per_s"] / baseline,
        bound_by="the server's core: HTTP, decoding, checks, hold, limits and answering in one "
        "Python process",
        details={
            "baseline_payments_per_s": round(baseline),
            "p99_target_ms": P99_TARGET_MS,
            "with_follower": beside,
            "without_follower": alone,
        },
    )


async def _measure(
    postgres: EmbeddedPostgres, names: tuple[str, ...], seconds: float, *, prefix: str
) -> dict[str, Any]:
    bodies = PaymentTraffic("t").bodies(TEMPLATES)
    templates = tuple(json.dumps({**body, "transaction_id": "%s"}) for body in bodies)
    async with serving(postgres, names=names) as facts:
        load = http_client.Load(
            port=facts["port"],
            path="/api/v1/transactions",
            connections=CONNECTIONS,
            seconds=seconds,
            id_prefix=prefix,
            templates=templates,
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
