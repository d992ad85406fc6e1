"""How soon have ten thousand open settlements settled after their coordinator was lost?

All of them are in the middle: their securities are earmarked, and the answer of the ledger of the
cash never came. Measured from the start of the next coordinator: until it has recovered from the
journal, and until the last settlement is SETTLED at both domains and durable.
"""

from __future__ import annotations

import sys
from time import perf_counter

import uvloop

from benchmarks import sql_dvp
from benchmarks.dvp_load import DvpTraffic
from benchmarks.dvp_stand import MONEY, SECURITIES, Coordinator, coordinator_on, domains_on
from benchmarks.result import report
from benchmarks.stand import embedded
from nostro.adapters.domains.http_own import DomainLine, HttpDomain
from nostro.adapters.domains.port import Domain
from nostro.settlement import SettlementState

OPEN = 10_000
A_COMMAND = 100
TARGET_S = 10


NOBODY = "http://127.0.0.1:9"
"""The discard port, where nobody listens: a domain that cannot be reached."""


async def main() -> None:
    """Open settlements, lose the coordinator, and measure the next one."""
    count = OPEN // 10 if "--quick" in sys.argv else OPEN
    with embedded() as postgres:
        urls = [postgres.url(), *(postgres.create_database(f"base_{n}") for n in ("s", "c"))]
        baseline = await sql_dvp.measure_two(urls, seconds=5)
    with embedded() as postgres:
        async with domains_on(postgres) as remote:
            line = DomainLine(NOBODY, token="none")
            parts: dict[str, Domain] = {**remote.domains, MONEY: HttpDomain(MONEY, line)}
            async with coordinator_on(postgres, parts) as coordinator:
                await _open(coordinator, count)
            await line.close()
            started = perf_counter()
            async with coordinator_on(postgres, remote.domains) as coordinator:
                ready_s = perf_counter() - started
                await coordinator.until_settled(count)
                took = perf_counter() - started
    report(
        name="dvp_recovery",
        value=round(took, 2),
        unit="s",
        target=TARGET_S,
        baseline=f"{sql_dvp.TWO_NAME}, settling as many",
        ratio=count / baseline / took,
        bound_by="two cores for a coordinator, two domains and their PostgreSQL",
        details={
            "open_settlements": count,
            "recovered_s": round(ready_s, 2),
            "settled_s": round(took, 2),
            "baseline_settlements_per_s": round(baseline),
        },
    )


async def _open(coordinator: Coordinator, count: int) -> None:
    """Instruct settlements and wait until the securities of all of them are earmarked."""
    traffic = DvpTraffic(run="open", securities_domain=SECURITIES, cash_domain=MONEY)
    commands = traffic.commands(A_COMMAND)
    for _ in range(count // A_COMMAND):
        await coordinator.instruct(next(commands))
    state: SettlementState = coordinator.engine.look("settlement")
    await coordinator.until(lambda: _held(state) >= count)


def _held(state: SettlementState) -> int:
    parts = (round_.part_at(SECURITIES) for _, round_ in state.open_rounds())
    return sum(part is not None and part.held is not None for part in parts)


if __name__ == "__main__":
    uvloop.run(main())
