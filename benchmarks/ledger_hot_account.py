"""What if every transfer debits the same account? (Row locks make most PostgreSQL ledgers
crawl.)"""

from __future__ import annotations

import uvloop

from benchmarks import sql_ledger
from benchmarks.load import Traffic, bulks, drive
from benchmarks.result import report
from benchmarks.stand import ACCOUNTS, embedded, engine_on, open_accounts

SECONDS = 10.0
SIZE = 8_000
IN_FLIGHT = 4
SHARE_MIN = 0.8


async def main() -> None:
    """Measure uniform and hot traffic by turns, and the baseline's hot traffic."""
    with embedded() as postgres:
        baseline = await sql_ledger.measure(postgres.url(), accounts=ACCOUNTS, seconds=5, hot=True)
        rates: dict[str, list[float]] = {"uniform": [], "hot": []}
        async with engine_on(postgres) as engine:
            await open_accounts(engine)
            for turn in range(2):
                for name, kept in rates.items():
                    commands = bulks(Traffic(f"{name}{turn}", hot=name == "hot"), SIZE)
                    run = await drive(
                        engine,
                        commands,
                        run=f"{name}{turn}",
                        clients=IN_FLIGHT,
                        seconds=SECONDS / 2,
                    )
                    kept.append(run.rate)
    hot, uniform = sum(rates["hot"]) / 2, sum(rates["uniform"]) / 2
    report(
        name="ledger_hot_account",
        value=hot,
        unit="transfers/s",
        target=round(uniform * SHARE_MIN),
        baseline=f"{sql_ledger.NAME}, every transfer on one account",
        ratio=hot / baseline,
        bound_by="one core of Python; a hot account costs nothing extra without row locks",
        details={
            "baseline_transfers_per_s": round(baseline),
            "uniform_transfers_per_s": round(uniform),
            "hot_share_of_uniform": round(hot / uniform, 2),
        },
    )


if __name__ == "__main__":
    uvloop.run(main())
