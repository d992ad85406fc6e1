"""How many transfers a second, in bulk commands, durable before they are acknowledged?

First as fast as it goes for 10 s at 8,000 and at 1,000 transfers a command (views not followed),
then 60,000 a second for 60 s with the follower keeping every view in step.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import uvloop

from benchmarks import sql_ledger
from benchmarks.load import Traffic, bulks, drive
from benchmarks.result import percentile, report
from benchmarks.stand import (
    ACCOUNTS,
    embedded,
    engine_on,
    follower_on,
    open_accounts,
    until_followed,
)
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.runtime.engine import Engine

BURST_S = 10.0
SUSTAINED_S = 60.0
SUSTAINED_RATE = 60_000
IN_FLIGHT = 4
TARGET = 200_000
LAG_MAX_S = 5.0


async def main() -> None:
    """Run the baseline and the loads, and report."""
    with embedded() as postgres:
        url = postgres.url()
        baseline = await sql_ledger.measure(url, accounts=ACCOUNTS, seconds=5)
        function = await sql_ledger.measure(url, accounts=ACCOUNTS, seconds=5, function=True)
        details: dict[str, Any] = {
            "baseline_transfers_per_s": round(baseline),
            "baseline_as_stored_function_transfers_per_s": round(function),
        }
        async with engine_on(postgres) as engine:
            await open_accounts(engine)
            large = await _burst(engine, 8_000, details)
            await _burst(engine, 1_000, details)
            await _sustained(postgres, engine, details)
    details["ratio_to_stored_function"] = round(large / function, 1)
    report(
        name="ledger_bulk",
        value=large,
        unit="transfers/s",
        target=TARGET,
        baseline=sql_ledger.NAME,
        ratio=large / baseline,
        bound_by="one core of Python (decide, encode, evolve, and the load generator itself); "
        "sustained: the follower and the PostgreSQL backend that writes its rows and indexes",
        details=details,
    )


async def _burst(engine: Engine, size: int, details: dict[str, Any]) -> float:
    name = f"burst_{size}"
    stats = engine.stats
    decide_s, commit_s = stats.decide_s, stats.commit_s
    commands = bulks(Traffic(name), size)
    run = await drive(engine, commands, run=name, clients=IN_FLIGHT, seconds=BURST_S)
    details[name] = {
        "transfers_per_s": round(run.rate),
        "p50_ms": round(percentile(run.latencies, 0.5) * 1e3, 1),
        "p99_ms": round(percentile(run.latencies, 0.99) * 1e3, 1),
        "deciding_share_of_time": round((stats.decide_s - decide_s) / run.seconds, 2),
        "commit_under_way_share_of_time": round((stats.commit_s - commit_s) / run.seconds, 2),
    }
    return run.rate


async def _sustained(postgres: EmbeddedPostgres, engine: Engine, details: dict[str, Any]) -> None:
    async with follower_on(postgres):
        await until_followed(postgres, engine.height)
        run = await drive(
            engine,
            bulks(Traffic("sustained"), 1_000),
            run="sustained",
            clients=IN_FLIGHT,
            seconds=SUSTAINED_S,
            rate_max=SUSTAINED_RATE * 1.01,
        )
        ended = perf_counter()
        await until_followed(postgres, engine.height)
        lag_s = perf_counter() - ended
    details["sustained"] = {
        "seconds": round(run.seconds, 1),
        "transfers_per_s": round(run.rate),
        "p99_ms": round(percentile(run.latencies, 0.99) * 1e3, 1),
        "view_lag_at_the_end_s": round(lag_s, 2),
        "in_step": lag_s < LAG_MAX_S,
    }


if __name__ == "__main__":
    uvloop.run(main())
