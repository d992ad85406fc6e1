"""Who writes while it is being killed? A process with an engine, told nothing but where.

It submits numbered commands, several at a time, and writes one line for each acknowledgement,
after it has come. On the next start it begins again at the number it is given, so that whatever
was in flight is asked again with the same key and content.
"""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count

import uvloop

from nostro.adapters.clock import SystemClock
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.kernel.messages import Command
from nostro.ledger import (
    AccountType,
    Action,
    CreateTransfers,
    Limit,
    NewAccount,
    NewTransfer,
    OpenAccounts,
)
from nostro.runtime.engine import Engine
from nostro.runtime.ports import Outage
from nostro.wiring.rooms import make_house

ACCOUNTS = 20
IN_FLIGHT = 16
TRANSFERS_A_COMMAND = 5
PATIENCE_S = 0.05


def command(number: int) -> Command:
    """Return the n-th command: always the same."""
    if number == 0:
        accounts = [NewAccount(id="source", asset="EUR", type=AccountType.ASSET)]
        limit = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
        accounts += [NewAccount(id=f"a{n}", asset="EUR", limit=limit) for n in range(ACCOUNTS)]
        return OpenAccounts(accounts=accounts)
    return CreateTransfers(
        transfers=[_transfer(number, index) for index in range(TRANSFERS_A_COMMAND)]
    )


def _transfer(number: int, index: int) -> NewTransfer:
    """Return deposits first, then moves between accounts, some of them held, many refused."""
    mix = (number * 7_919 + index * 104_729) % 1_000_003
    debit = "source" if mix % 3 == 0 else f"a{mix % ACCOUNTS}"
    credit = f"a{(mix + 1 + index) % ACCOUNTS}"
    return NewTransfer(
        id=f"t{number}-{index}",
        action=Action.HOLD if mix % 5 == 0 else Action.TRANSFER,
        debit=debit,
        credit=credit if credit != debit else "source",
        amount_minor=1 + mix % 500,
    )


async def main(url: str, first: int) -> None:
    """Submit commands from `first` on until killed."""
    engine = Engine(house=make_house(), journal=PostgresJournal(url, "main"), clock=SystemClock())
    while True:
        try:
            await engine.start()
            break
        except Outage:
            await asyncio.sleep(PATIENCE_S)  # sleeps: the server is coming back
    numbers = count(first)
    if first == 0:
        await _submit(engine, next(numbers))

    async def client() -> None:
        for number in numbers:
            await _submit(engine, number)

    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))


async def _submit(engine: Engine, number: int) -> None:
    """Submit until it is acknowledged, and say so."""
    while True:
        try:
            receipt = await engine.submit(key=f"c{number}", command=command(number), actor="writer")
        except Outage:
            await asyncio.sleep(PATIENCE_S)  # sleeps: the server is coming back
            continue
        line = {"number": number, "height": receipt.height, "body": receipt.reply.body}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        return


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
