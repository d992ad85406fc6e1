"""How many settlements a second are decided, posted and durable where both legs are on one ledger?

Measured in process, in commands of a hundred settlements, as a topic of trades brings them, and in
commands of one. Both legs of each are posted with its states in the same commit.
"""

from __future__ import annotations

import cProfile
import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import uvloop

from benchmarks import load, sql_dvp
from benchmarks.dvp_load import DvpTraffic, fund
from benchmarks.ledger_single import top
from benchmarks.result import percentile, report
from benchmarks.stand import embedded, engine_on, follower_on, until_followed
from nostro.kernel.reply import Receipt
from nostro.runtime.engine import Engine
from nostro.settlement import InstructSettlements

SECONDS = 10.0
TARGET = 3_000
BULK = 100
BULKS_IN_FLIGHT = 8
SINGLES_IN_FLIGHT = 256


async def main() -> None:
    """Measure the baseline, then bulks alone and with the follower beside, then one by one."""
    seconds = 3.0 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres:
        baseline = await sql_dvp.measure_one(postgres.url(), seconds=5)
        async with engine_on(postgres) as engine:
            await fund(engine)
            bulks = DvpTraffic(run="b").commands(BULK)
            await drive(engine, bulks, run="warm", clients=BULKS_IN_FLIGHT, seconds=1)
            bulk = await drive(engine, bulks, run="bulk", clients=BULKS_IN_FLIGHT, seconds=seconds)
            singles = DvpTraffic(seed=2, run="s").commands(1)
            single = await drive(
                engine, singles, run="one", clients=SINGLES_IN_FLIGHT, seconds=seconds
            )
            profile = cProfile.Profile()
            profile.enable()
            await drive(engine, bulks, run="profiled", clients=BULKS_IN_FLIGHT, seconds=2)
            profile.disable()
    with embedded() as postgres:
        async with follower_on(postgres), engine_on(postgres) as engine:
            await fund(engine)
            commands = DvpTraffic(run="f").commands(BULK)
            beside = await drive(
                engine, commands, run="beside", clients=BULKS_IN_FLIGHT, seconds=seconds
            )
            ended = perf_counter()
            await until_followed(postgres, engine.height)
            beside["views_behind_s"] = round(perf_counter() - ended, 1)
    report(
        name="dvp_one_domain",
        value=bulk["per_s"],
        unit="settlements/s",
        target=TARGET,
        baseline=sql_dvp.ONE_NAME,
        ratio=bulk["per_s"] / baseline,
        bound_by="the engine's core: rounds, legs and encoding in one process",
        details={
            "baseline_settlements_per_s": round(baseline),
            "settlements_a_command": BULK,
            "bulk": bulk,
            "single": single,
            "bulk_with_follower": beside,
            "profile": top(profile),
        },
    )


async def drive(
    engine: Engine,
    commands: Iterator[InstructSettlements],
    *,
    run: str,
    clients: int,
    seconds: float,
) -> dict[str, Any]:
    """Keep `clients` commands in flight for `seconds`; each settlement must be settled in its
    answer."""
    counted = ((command, len(command.settlements)) for command in commands)
    done = await load.drive(
        engine, counted, run=run, clients=clients, seconds=seconds, check=_all_settled
    )
    return {
        "per_s": round(done.rate),
        "p50_ms": round(percentile(done.latencies, 0.5) * 1e3, 2),
        "p99_ms": round(percentile(done.latencies, 0.99) * 1e3, 2),
        "cpu_us_a_settlement": round(done.cpu_s / done.transfers * 1e6, 1),
    }


def _all_settled(receipt: Receipt, count: int) -> None:
    assert receipt.reply.accepted, receipt
    told = [each.get("status") for each in receipt.reply.body["results"]]
    assert told == ["SETTLED"] * count, receipt


if __name__ == "__main__":
    uvloop.run(main())
