"""How long does a start take after a million transfers, from genesis and from a snapshot?"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import uvloop

from benchmarks.load import Traffic, bulks, drive, singles
from benchmarks.result import report
from benchmarks.stand import ACCOUNTS, account, embedded, engine_on, open_accounts
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.kernel.messages import Command
from nostro.kernel.room import Context
from nostro.ledger import NewAccount, OpenAccounts
from nostro.runtime.house import House, Memory
from nostro.runtime.recovery import recover
from nostro.runtime.snapshots import encode_snapshot
from nostro.wiring.rooms import make_house

TRANSFERS = 1_000_000
TARGET_S = 10.0
SNAPSHOT_TARGET_S = 2.0
IDLE_ACCOUNTS = 100_000
TIMEOUT_S = 300.0


async def main() -> None:
    """Fill two journals, in bulk commands and one by one, and recover from each."""
    details: dict[str, Any] = {"bytes_of_memory_an_idle_account": await _idle_account_bytes()}
    details["bulk"] = await _measure(bulks(Traffic("r"), 1_000), clients=3)
    details["single"] = await _measure(singles(Traffic("r")), clients=256)
    worst = details["single"]["replay_s"]
    report(
        name="recovery",
        value=worst,
        unit="s for 1,000,000 transfers, one a command",
        target=TARGET_S,
        baseline="replay of the same journal from genesis, against from a snapshot",
        ratio=worst / details["single"]["from_snapshot_s"],
        bound_by="one core of Python: decoding events and replies, and evolving",
        details={**details, "snapshot_target_s": SNAPSHOT_TARGET_S},
    )


async def _measure(commands: Iterator[tuple[Command, int]], *, clients: int) -> dict[str, Any]:
    with embedded() as postgres:
        async with engine_on(postgres) as engine:
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
            digests = dict(engine.digests())
        replay_s = await _start(postgres, digests, snapshot=True)
        from_snapshot_s = await _start(postgres, digests, snapshot=False)
    return {
        "accounts": ACCOUNTS,
        "replay_s": round(replay_s, 2),
        "from_snapshot_s": round(from_snapshot_s, 2),
    }


async def _start(postgres: EmbeddedPostgres, digests: dict[str, str], *, snapshot: bool) -> float:
    """Return the seconds a recovery takes; leave a snapshot of its result if asked."""
    house = make_house()
    journal = PostgresJournal(postgres.url("nostro_engine"), "main")
    started = perf_counter()
    memory, _ = await recover(house, journal)
    seconds = perf_counter() - started
    assert house.digests(memory) == digests, "recovery gave another state"
    if snapshot:
        await journal.save_snapshot(encode_snapshot(house, memory))
    await journal.close()
    return seconds


async def _idle_account_bytes() -> int:
    house = make_house()
    memory = house.new()
    before = _resident_bytes()
    opened = 0
    while opened < IDLE_ACCOUNTS:
        accounts = [NewAccount(id=account(opened + number), asset="EUR") for number in range(5_000)]
        opened += len(accounts)
        _open(house, memory, OpenAccounts(accounts=accounts))
    return (_resident_bytes() - before) // IDLE_ACCOUNTS


def _open(house: House, memory: Memory, command: OpenAccounts) -> None:
    context = Context(height=memory.height + 1, at_us=memory.at_us + 1, actor="bench", recalled={})
    outcome = house.handle(memory, command, context)
    assert outcome.reply.accepted
    memory.height += 1
    memory.at_us += 1


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    assert os.path.exists("/proc/self/statm"), "this benchmark reads memory sizes from /proc"
    uvloop.run(main())
