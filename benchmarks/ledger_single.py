"""How many single-transfer commands a second, 256 in flight, in process, each one durable?"""

from __future__ import annotations

import cProfile
import io
import pstats
from typing import Any

import uvloop

from benchmarks import sql_ledger
from benchmarks.load import Traffic, drive, singles
from benchmarks.result import percentile, report
from benchmarks.stand import ACCOUNTS, embedded, engine_on, open_accounts

SECONDS = 10.0
IN_FLIGHT = 256
TARGET = 30_000
PROFILED = 20_000


async def main() -> None:
    """Measure, then profile a shorter run to show where the time goes."""
    with embedded() as postgres:
        baseline = await sql_ledger.measure(postgres.url(), accounts=ACCOUNTS, seconds=5)
        async with engine_on(postgres) as engine:
            await open_accounts(engine)
            commands = singles(Traffic("warm"))
            await drive(engine, commands, run="warm", clients=IN_FLIGHT, seconds=1)
            batches = engine.stats.batches
            run = await drive(
                engine, singles(Traffic("one")), run="one", clients=IN_FLIGHT, seconds=SECONDS
            )
            details: dict[str, Any] = {
                "baseline_transfers_per_s": round(baseline),
                "p50_ms": round(percentile(run.latencies, 0.5) * 1e3, 2),
                "p99_ms": round(percentile(run.latencies, 0.99) * 1e3, 2),
                "commands_a_commit": round(run.transfers / (engine.stats.batches - batches)),
            }
            profile = cProfile.Profile()
            profiled = singles(Traffic("profiled"))
            profile.enable()
            await drive(
                engine,
                profiled,
                run="profiled",
                clients=IN_FLIGHT,
                seconds=SECONDS,
                transfers_max=PROFILED,
            )
            profile.disable()
    details["profile"] = top(profile)
    report(
        name="ledger_single",
        value=run.rate,
        unit="commands/s",
        target=TARGET,
        baseline=sql_ledger.NAME,
        ratio=run.rate / baseline,
        bound_by="one core of Python: about 30 microseconds a command from submit to reply",
        details=details,
    )


def top(profile: cProfile.Profile) -> list[str]:
    """Return the functions that take most of the time, with their share of it."""
    stats = pstats.Stats(profile, stream=io.StringIO())
    total: float = stats.total_tt  # type: ignore[attr-defined]
    rows: dict[Any, Any] = stats.stats  # type: ignore[attr-defined]
    ordered = sorted(rows.items(), key=lambda item: -item[1][2])[:12]
    return [
        f"{own / total:.0%} {file.rpartition('/nostro/')[2].rpartition('/site-packages/')[2]}"
        f":{name}"
        for (file, _, name), (_, _, own, _, _) in ordered
    ]


if __name__ == "__main__":
    uvloop.run(main())
