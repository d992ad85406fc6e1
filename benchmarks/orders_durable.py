"""How many orders a second are held, matched, settled and durable, in process?

Measured in commands of a hundred orders of one user, as market makers send them, and in commands of
one order each. Holds, fees, both legs of every trade and the releases are in the same commit.
"""

from __future__ import annotations

import cProfile
import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import uvloop

from benchmarks import load, sql_orders
from benchmarks.ledger_single import top
from benchmarks.order_load import MARKET, OrderTraffic, open_market
from benchmarks.result import percentile, report
from benchmarks.stand import embedded, engine_on, follower_on, until_followed
from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt
from nostro.runtime.engine import Engine

SECONDS = 10.0
TARGET = 30_000
BULK = 100
BULKS_IN_FLIGHT = 8
SINGLES_IN_FLIGHT = 256


async def main() -> None:
    """Measure the baseline, then bulks alone and with the follower beside, then single orders."""
    seconds = 3.0 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres:
        baseline = await sql_orders.measure(postgres.url(), seconds=5)
        async with engine_on(postgres) as engine:
            await open_market(engine)
            bulks = OrderTraffic(block=BULK).bulks()
            await drive(engine, bulks, run="warm", clients=BULKS_IN_FLIGHT, seconds=1)
            bulk = await drive(engine, bulks, run="bulk", clients=BULKS_IN_FLIGHT, seconds=seconds)
            singles = OrderTraffic(seed=2).singles()
            single = await drive(
                engine, singles, run="one", clients=SINGLES_IN_FLIGHT, seconds=seconds
            )
            profile = cProfile.Profile()
            profile.enable()
            await drive(engine, bulks, run="profiled", clients=BULKS_IN_FLIGHT, seconds=2)
            profile.disable()
    with embedded() as postgres:
        async with follower_on(postgres), engine_on(postgres) as engine:
            await open_market(engine)
            beside = await drive(
                engine,
                OrderTraffic(block=BULK).bulks(),
                run="b",
                clients=BULKS_IN_FLIGHT,
                seconds=seconds,
            )
            ended = perf_counter()
            await until_followed(postgres, engine.height)
            beside["views_behind_s"] = round(perf_counter() - ended, 1)
    report(
        name="orders_durable",
        value=bulk["per_s"],
        unit="orders/s",
        target=TARGET,
        baseline=sql_orders.NAME,
        ratio=bulk["per_s"] / baseline,
        bound_by="the engine's core: matching, holds, legs, fees and encoding in one process",
        details={
            "baseline_orders_per_s": round(baseline),
            "orders_a_command": BULK,
            "bulk": bulk,
            "single": single,
            "bulk_with_follower": beside,
            "profile": top(profile),
        },
    )


async def drive(
    engine: Engine,
    commands: Iterator[tuple[Command, int]],
    *,
    run: str,
    clients: int,
    seconds: float,
) -> dict[str, Any]:
    """Keep `clients` commands in flight for `seconds`; no order may be refused."""
    filled = 0
    trades = engine.look("exchange").trades_next

    def check(receipt: Receipt, _count: int) -> None:
        nonlocal filled
        assert receipt.reply.accepted, receipt
        results = receipt.reply.body.get("results", (receipt.reply.body,))
        assert not any("code" in each for each in results), results[0]
        filled += sum(bool(each["fills"]) for each in results)

    done = await load.drive(
        engine, commands, run=run, clients=clients, seconds=seconds, check=check
    )
    return {
        "per_s": round(done.rate),
        "traded_at_once_percent": round(100 * filled / done.transfers, 1),
        "trades_per_s": round((engine.look("exchange").trades_next - trades) / done.seconds),
        "p50_ms": round(percentile(done.latencies, 0.5) * 1e3, 2),
        "p99_ms": round(percentile(done.latencies, 0.99) * 1e3, 2),
        "cpu_us_an_order": round(done.cpu_s / done.transfers * 1e6, 1),
        "resting": sum(1 for each in engine.look("exchange").orders.values() if each.resting),
        "market": MARKET,
    }


if __name__ == "__main__":
    uvloop.run(main())
