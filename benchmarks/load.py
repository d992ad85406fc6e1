"""Who sends the load? Clients in the engine's own process: what they cost is part of every
figure."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from time import perf_counter, process_time

from benchmarks.stand import ACCOUNTS, account
from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt
from nostro.ledger import CreateTransfers, CreateTransfersTogether, NewTransfer
from nostro.runtime.engine import Engine

PAIRS = 100_003


class Traffic:
    """An endless stream of plain transfers between the benchmark's accounts, with time-ordered ids.

    `hot`: every transfer debits account 1.
    """

    def __init__(self, run: str, *, hot: bool = False, seed: int = 1) -> None:
        chance = random.Random(seed)
        names = [account(number) for number in range(1, ACCOUNTS + 1)]
        self._run = run
        self._count = 0
        self._pairs = [self._pair(chance, names, hot=hot) for _ in range(PAIRS)]

    @staticmethod
    def _pair(chance: random.Random, names: list[str], *, hot: bool) -> tuple[str, str]:
        debit = names[0] if hot else chance.choice(names)
        credit = names[chance.randrange(1, len(names))]
        return (debit, credit) if debit != credit else (names[0], names[1])

    def take(self, count: int) -> list[NewTransfer]:
        """Return the next transfers."""
        first, run, pairs = self._count, self._run, self._pairs
        self._count += count
        return [
            NewTransfer(
                id=f"{run}-{number:012x}",
                debit=(pair := pairs[number % PAIRS])[0],
                credit=pair[1],
                amount_minor=100,
            )
            for number in range(first, first + count)
        ]


def bulks(traffic: Traffic, size: int) -> Iterator[tuple[Command, int]]:
    """Yield bulk commands of `size` transfers."""
    while True:
        yield CreateTransfers(transfers=traffic.take(size)), size


def singles(traffic: Traffic) -> Iterator[tuple[Command, int]]:
    """Yield commands of one transfer each."""
    while True:
        yield CreateTransfersTogether(transfers=traffic.take(1)), 1


class Run:
    """What a run came to: transfers (orders, settlements) acknowledged, seconds taken, seconds of
    processor, and each command's latency in seconds."""

    def __init__(self) -> None:
        self.transfers = 0
        self.seconds = 0.0
        self.cpu_s = 0.0
        self.latencies: list[float] = []

    @property
    def rate(self) -> float:
        """Return transfers acknowledged a second."""
        return self.transfers / self.seconds


def _all_created(receipt: Receipt, count: int) -> None:
    assert receipt.reply.body["created"] == count, receipt


async def drive(
    engine: Engine,
    commands: Iterator[tuple[Command, int]],
    *,
    run: str,
    clients: int,
    seconds: float,
    rate_max: float | None = None,
    transfers_max: int | None = None,
    check: Callable[[Receipt, int], None] = _all_created,
) -> Run:
    """Keep `clients` commands in flight for `seconds`, at most `rate_max` transfers a second, and
    at most `transfers_max` of them; every one must be accepted whole, as `check` sees it."""
    result = Run()
    started, cpu = perf_counter(), process_time()
    numbers = iter(range(1 << 60))
    sent = 0

    def over() -> bool:
        return perf_counter() - started >= seconds or (
            transfers_max is not None and sent >= transfers_max
        )

    async def client() -> None:
        nonlocal sent
        while not over():
            if rate_max is not None:
                ahead_s = sent / rate_max - (perf_counter() - started)
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
                    continue
            command, count = next(commands)
            sent += count
            asked = perf_counter()
            receipt = await engine.submit(
                key=f"{run}:{next(numbers)}", command=command, actor="bench"
            )
            result.latencies.append(perf_counter() - asked)
            check(receipt, count)
            result.transfers += count

    await asyncio.gather(*(client() for _ in range(clients)))
    result.seconds, result.cpu_s = perf_counter() - started, process_time() - cpu
    return result
