"""How long does a full audit of a million transfers take?"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import uvloop

from benchmarks.load import Traffic, bulks, drive, singles
from benchmarks.result import report
from benchmarks.stand import embedded, engine_on, follower_on, open_accounts, until_followed
from nostro.kernel.messages import Command
from nostro.wiring.audit import audit_database

TRANSFERS = 1_000_000
TARGET_S = 20.0
TIMEOUT_S = 300.0


def main() -> None:
    """Fill a journal in bulk commands and another one by one, with views, and audit both."""
    details: dict[str, Any] = {
        "bulk": _measure(bulks(Traffic("v"), 1_000), clients=4),
        "single": _measure(singles(Traffic("v")), clients=256),
    }
    value = details["single"]["seconds"]
    report(
        name="verify",
        value=value,
        unit="s for 1,000,000 transfers, one a command",
        target=TARGET_S,
        baseline="the same transfers in commands of 1,000",
        ratio=details["bulk"]["seconds"] / value,
        bound_by="one core of Python: a hash and a decoded payload and reply for each row",
        details=details,
    )


def _measure(commands: Iterator[tuple[Command, int]], *, clients: int) -> dict[str, Any]:
    with embedded() as postgres:

        async def fill() -> None:
            async with engine_on(postgres) as engine, follower_on(postgres):
                await open_accounts(engine)
                run = await drive(
                    engine,
                    commands,
                    run="fill",
                    clients=clients,
                    seconds=TIMEOUT_S,
                    transfers_max=TRANSFERS,
                )
                assert run.transfers >= TRANSFERS, "the machine is too slow to fill the journal"
                await until_followed(postgres, engine.height)

        uvloop.run(fill())
        started = perf_counter()
        audit = audit_database(postgres.url(), "main")
        seconds = perf_counter() - started
    assert audit.sound, audit
    return {
        "rows": audit.height,
        "seconds": round(seconds, 2),
        "checks": [f"{verdict.check}: {verdict.told}" for verdict in audit.verdicts],
    }


if __name__ == "__main__":
    main()
