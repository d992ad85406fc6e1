"""How many transfers a second over HTTP, one a request, from door to disk and back?

The server process is the one that `nostro up` runs, with the follower beside it; the load comes
from one more process, so that server, PostgreSQL, follower and load share the machine.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import uvloop

from benchmarks import http_client, sql_ledger
from benchmarks.result import report
from benchmarks.stand import ACCOUNTS, account, embedded
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.wiring.platform import CHILD_MODULE
from nostro.wiring.processes import Child

CONNECTIONS = 128
SECONDS = 10.0
TARGET = 8_000
OPENED = 1_000


async def main() -> None:
    """Measure the baseline, then the server with and without the follower beside it."""
    with embedded() as postgres:
        baseline = await sql_ledger.measure(postgres.url(), accounts=ACCOUNTS, seconds=5)
        alone = await _measure(postgres, "alone", follower=False)
        beside = await _measure(postgres, "beside", follower=True)
    report(
        name="ledger_http",
        value=beside["per_s"],
        unit="requests/s",
        target=TARGET,
        baseline=sql_ledger.NAME,
        ratio=beside["per_s"] / baseline,
        bound_by="the server's core: HTTP, decoding, deciding and answering in one Python process",
        details={
            "baseline_transfers_per_s": round(baseline),
            "with_follower": beside,
            "without_follower": alone,
        },
    )


async def _measure(postgres: EmbeddedPostgres, run: str, *, follower: bool) -> dict[str, Any]:
    order = {
        "stores": {
            role: postgres.url(f"nostro_{role}") for role in ("engine", "follower", "reader")
        },
        "settings": {
            "data_dir": str(postgres.data_dir),
            "chain": run,
            "port": 0,
            "log_level": "warning",
        },
    }
    names = ["server", "follower"] if follower else ["server"]
    children = [Child(name=name, module=CHILD_MODULE, order=order) for name in names]
    try:
        facts = [await child.start() for child in children]
        await _open_accounts(facts[0]["url"])
        load = http_client.Load(
            port=facts[0]["port"],
            connections=CONNECTIONS,
            seconds=SECONDS,
            id_prefix=run,
            accounts=tuple(account(number) for number in range(1, OPENED + 1)),
        )
        measured = await asyncio.to_thread(http_client.run, load)
    finally:
        for child in children:
            await child.stop()
    assert measured.refused == 0, measured.first_refusal
    return {
        "per_s": round(measured.per_second),
        "p50_ms": round(measured.latency_ms["p50"], 1),
        "p99_ms": round(measured.latency_ms["p99"], 1),
        "client_cpu_us": round(measured.client_cpu_us, 1),
    }


async def _open_accounts(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        for number in range(1, OPENED + 1):
            told = {"id": account(number), "asset": "EUR", "type": "liability"}
            answer = await client.post("/api/v1/ledger/accounts", json=told)
            assert answer.is_success, answer.text


if __name__ == "__main__":
    uvloop.run(main())
