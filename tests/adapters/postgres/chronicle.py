"""A journal that tests write command by command, and followers of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.postgres.follower import PostgresViews
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.kernel.codec import content_hash, encode_events, encode_reply
from nostro.kernel.messages import Command, kind_of, room_of
from nostro.kernel.reply import Reply
from nostro.kernel.room import Context
from nostro.ledger import (
    AccountType,
    Action,
    CreateTransfers,
    Limit,
    NewAccount,
    NewTransfer,
    OpenAccounts,
)
from nostro.runtime.ports import Batch, Entry, Head, sealed
from nostro.runtime.projector import Projector
from nostro.wiring.rooms import make_house

FIRST_AT_US = 1_700_000_000_000_000
STEP_US = 1_000


class Chronicle:
    """Commands decided by the real house, one journal row each, `STEP_US` apart."""

    def __init__(self, chain: str = "main") -> None:
        self.chain = chain
        self.house = make_house()
        self.memory = self.house.new()
        self.memory.at_us = FIRST_AT_US
        self.entries: list[Entry] = []
        self._written = 0

    def tell(self, command: Command, *, actor: str = "clerk", pause_us: int = STEP_US) -> Reply:
        """Decide one command and return what the caller hears."""
        memory = self.memory
        height, at_us = memory.height + 1, memory.at_us + pause_us
        cold = self.house.cold(memory, command)
        assert not cold, "a test's ids stay in memory"
        outcome = self.house.handle(memory, command, Context(height, at_us, actor, {}))
        self.add(command, encode_events(outcome.events), encode_reply(outcome.reply), at_us, actor)
        return outcome.reply

    def add(
        self, command: Command, payload: bytes, reply: bytes, at_us: int, actor: str = "clerk"
    ) -> Entry:
        """Add a row as it is told, true or not."""
        memory, cls = self.memory, type(command)
        entry = sealed(
            chain=self.chain,
            height=memory.height + 1,
            command_id=f"key-{memory.height + 1}",
            request_hash=content_hash(command),
            actor=actor,
            room=room_of(cls),
            stream=command.stream,
            kind=kind_of(cls),
            at_us=at_us,
            payload=payload,
            reply=reply,
            prev_hash=memory.hash,
        )
        memory.height, memory.hash, memory.at_us = entry.height, entry.hash, at_us
        self.entries.append(entry)
        return entry

    async def write(self, url: str) -> None:
        """Append to the journal what is not there yet."""
        journal = PostgresJournal(url, self.chain)
        head = await journal.open()
        fresh = self.entries[self._written :]
        if fresh:
            await journal.append(Batch(fresh), head)
        await journal.close()
        self._written = len(self.entries)

    def head(self) -> Head:
        """Return the end of what was told."""
        return Head(self.memory.height, self.memory.hash, self.memory.at_us, 1)


@contextmanager
def follower(url: str, chain: str = "main", *, snapshot_every: int = 0) -> Iterator[Projector]:
    """Give a follower of a database that has not looked yet."""
    house = make_house()
    store = PostgresViews(url, chain, rooms=house.rooms)
    with closing(store):
        yield Projector(house, store, snapshot_every=snapshot_every)


def follow(url: str, chain: str = "main", *, snapshot_every: int = 0) -> int:
    """Let a new follower take in all there is, and go; return the height it got to."""
    with follower(url, chain, snapshot_every=snapshot_every) as one:
        one.open()
        catch_up(one)
        return one.checkpoint.height


def catch_up(one: Projector) -> None:
    """Take steps until nothing is left."""
    while one.step():
        pass


async def told(url: str, chronicle: Chronicle) -> None:
    """Write a chronicle and let the views follow."""
    await chronicle.write(url)
    assert await asyncio.to_thread(follow, url, chronicle.chain) == chronicle.memory.height


@asynccontextmanager
async def reader_pool(url: str, *, size_max: int = 4) -> Any:
    """Give a pool as the server has one."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=1, max_size=size_max, open=False, kwargs={"autocommit": True}
    )
    async with pool:
        yield pool


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return what a query finds."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def open_accounts(chronicle: Chronicle, *, euros: int = 3, dollars: int = 2) -> list[str]:
    """Open limited accounts that may go into overdraft, and one bank for each asset without a
    limit."""
    ids = [f"eur:{n}" for n in range(euros)] + [f"usd:{n}" for n in range(dollars)]
    accounts = [
        NewAccount(
            id=id_,
            asset=id_[:3].upper(),
            limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
            overdraft_minor=50,
            owner=f"owner-{id_[-1]}",
        )
        for id_ in ids
    ]
    banks = [
        NewAccount(id=f"{asset}:bank", asset=asset.upper(), type=AccountType.ASSET)
        for asset in ("eur", "usd")
    ]
    assert chronicle.tell(OpenAccounts(accounts=[*accounts, *banks])).accepted
    return [*ids, "eur:bank", "usd:bank"]


def random_transfers(dice: random.Random, accounts: list[str], count: int) -> Iterator[NewTransfer]:
    """Make transfers of all kinds over accounts and over each other; many of them will be
    refused."""
    ids: list[str] = [f"t0-{dice.getrandbits(32):x}"]
    for number in range(1, count + 1):
        id_ = f"t{number}-{dice.getrandbits(32):x}"
        ids.append(id_)
        action = dice.choice([*Action, Action.TRANSFER, Action.HOLD])
        if action in (Action.TRANSFER, Action.HOLD):
            asset = dice.choice(("eur", "usd"))
            debit, credit = dice.sample([each for each in accounts if each.startswith(asset)], 2)
            yield NewTransfer(
                id=id_,
                action=action,
                debit=debit,
                credit=credit,
                amount_minor=dice.choice((1, 7, 100, 10**30)),
                timeout_s=dice.choice((0, 0, 1)) if action is Action.HOLD else 0,
                code=dice.choice((0, 0, 5)),
                reference=dice.choice(("", "", "inv \\t1", "rent")),
                effective_at_us=dice.choice((None, FIRST_AT_US)),
                metadata=dice.choice((None, None, {"note": 'a "b" \\u0000 c'})),
            )
        else:
            amount = dice.choice((None, 1, 7)) if action is Action.POST else None
            target = dice.choice(ids[-12:])
            yield NewTransfer(id=id_, action=action, refers_to=target, amount_minor=amount)


def random_history(chronicle: Chronicle, dice: random.Random, *, rows: int, per_row: int) -> None:
    """Tell many random transfers, in rows of up to `per_row`."""
    accounts = open_accounts(chronicle)
    transfers = list(random_transfers(dice, accounts, rows * per_row))
    while transfers:
        some = transfers[: dice.randint(1, per_row)]
        del transfers[: len(some)]
        chronicle.tell(CreateTransfers(transfers=some), pause_us=dice.choice((1, STEP_US, 10**6)))
