"""A process that runs members until it is killed: python voting.py URL DIRECTORY."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nostro.adapters.clock import SystemClock
from nostro.adapters.members.committee import EmbeddedMembers
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.consensus import Timeouts


async def main() -> None:
    """Vote."""
    log = PostgresOrderedLog(sys.argv[1], "main")
    quick = Timeouts(first_ms=150, growth_ms=100, last_ms=1_000)
    members = EmbeddedMembers(
        directory=Path(sys.argv[2]), ordered_log=log, clock=SystemClock(), timeouts=quick
    )
    await members.run()


if __name__ == "__main__":
    asyncio.run(main())
