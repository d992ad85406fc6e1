"""How many settlements a second are held, decided, executed and durable over two ledgers?

The securities lie at one domain of ours and the cash at another, each a process with a database of
its own; the coordinator has a third. Flat out in commands of a hundred, and in commands of one; and
how long one takes from its instruction until it is settled, at 200 a second.
"""

from __future__ import annotations

import sys

import uvloop

from benchmarks import sql_dvp
from benchmarks.dvp_load import DvpTraffic
from benchmarks.dvp_stand import MONEY, SECURITIES, at_rate, coordinator_on, domains_on, flat_out
from benchmarks.result import report
from benchmarks.stand import embedded

SECONDS = 15.0
TARGET = 500
P99_TARGET_MS = 500
RATE = 200
BULK = 100
OPEN_MAX = 2_000


def _traffic(run: str) -> DvpTraffic:
    return DvpTraffic(run=run, securities_domain=SECURITIES, cash_domain=MONEY)


async def main() -> None:
    """Measure the baseline, then bulks, singles, and latency at a steady rate."""
    seconds = 4.0 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres:
        urls = [postgres.url(), *(postgres.create_database(f"base_{n}") for n in ("s", "c"))]
        baseline = await sql_dvp.measure_two(urls, seconds=5)
    with embedded() as postgres:
        async with (
            domains_on(postgres) as remote,
            coordinator_on(postgres, remote.domains) as coordinator,
        ):
            await flat_out(coordinator, _traffic("w"), a_command=BULK, open_max=OPEN_MAX, seconds=1)
            bulk = await flat_out(
                coordinator, _traffic("b"), a_command=BULK, open_max=OPEN_MAX, seconds=seconds
            )
            single = await flat_out(
                coordinator, _traffic("s"), a_command=1, open_max=OPEN_MAX, seconds=seconds
            )
            steady = await at_rate(coordinator, _traffic("r"), per_s=RATE, seconds=seconds)
    report(
        name="dvp_two_domains",
        value=bulk["per_s"],
        unit="settlements/s",
        target=TARGET,
        baseline=sql_dvp.TWO_NAME,
        ratio=bulk["per_s"] / baseline,
        bound_by="two cores for a coordinator, two domains and their PostgreSQL",
        details={
            "baseline_settlements_per_s": round(baseline),
            "settlements_a_command": BULK,
            "bulk": bulk,
            "single": single,
            "steady": steady,
            "steady_p99_target_ms": P99_TARGET_MS,
        },
    )


if __name__ == "__main__":
    uvloop.run(main())
