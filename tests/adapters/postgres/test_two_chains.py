"""Do two chains run side by side without touching each other, in two databases and in one?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.kernel.reply import Receipt
from nostro.ledger import CreateTransfers, NewAccount, NewTransfer, OpenAccounts
from nostro.runtime.engine import Engine
from nostro.runtime.ports import NotDone
from nostro.wiring.rooms import make_house
from tests import databases

COMMANDS = 200


def engine_of(url: str, chain: str) -> Engine:
    """Return an engine that owns `chain` in the database."""
    return Engine(
        house=make_house(),
        journal=PostgresJournal(databases.as_role(url, "nostro_engine"), chain),
        clock=SystemClock(),
    )


async def work(engine: Engine, amount_minor: int) -> list[Receipt]:
    """Open two accounts and move money between them, under keys that every chain uses."""
    accounts = [NewAccount(id=name, asset="EUR") for name in ("one", "two")]
    await engine.submit(key="open", command=OpenAccounts(accounts=accounts), actor="t")
    return await asyncio.gather(
        *(
            engine.submit(
                key=f"k{number}",
                command=CreateTransfers(
                    transfers=[
                        NewTransfer(
                            id=f"t{number}", debit="one", credit="two", amount_minor=amount_minor
                        )
                    ]
                ),
                actor="t",
            )
            for number in range(COMMANDS)
        )
    )


async def side_by_side(first: Engine, second: Engine) -> None:
    """Run both at once and check that each has its own heights, keys and balances."""
    await first.start()
    await second.start()
    await asyncio.gather(work(first, 1), work(second, 2))
    assert first.height == second.height == COMMANDS + 1
    digests = first.digests(), second.digests()
    assert digests[0]["ledger"] != digests[1]["ledger"]
    await first.stop()
    await second.stop()
    for engine, digest in zip((first, second), digests, strict=True):
        await engine.start()
        assert engine.digests() == digest
        await engine.stop()


@pytest.mark.parametrize("name", databases.NAMES)
async def test_two_chains_run_side_by_side_in_two_databases(
    name: str, fresh_database: Callable[[str], str]
) -> None:
    urls = fresh_database(name), fresh_database(name)
    await side_by_side(engine_of(urls[0], "main"), engine_of(urls[1], "main"))


async def test_two_chains_share_one_database(postgres: str) -> None:
    await side_by_side(engine_of(postgres, "euro"), engine_of(postgres, "dollar"))


async def test_a_chain_has_one_writer_at_a_time(postgres: str) -> None:
    first, second = engine_of(postgres, "main"), engine_of(postgres, "main")
    await first.start()
    with pytest.raises(NotDone, match="another process is the writer"):
        await second.start()
    await first.stop()
    await second.start()
    await second.stop()
