"""What do the acts of the demo share?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from nostro.cli import printout
from nostro.cli.demonstration.day import Day
from nostro.cli.demonstration.door import IN_FLIGHT_MAX, Answer, Door, Order
from nostro.cli.demonstration.dvp_book import DvpBook
from nostro.cli.demonstration.ownbooks import OwnBooks
from nostro.cli.demonstration.session import Session
from nostro.cli.demonstration.stage import Stage
from nostro.cli.printout import Record

VERIFIED, BROKEN, UNVERIFIED = "verified", "broken", "not verified"
T = TypeVar("T")
R = TypeVar("R")


class Broken(Exception):
    """Something came out so differently that going on makes no sense."""


class Check(msgspec.Struct, frozen=True):
    """Something that was looked at: in words, whether it is so, and what was found when not."""

    what: str
    holds: bool
    found: str = ""


class Facts(msgspec.Struct):
    """What the report tells beside the tables. `height`: of the journal at the end; `recoveries`:
    whether everything was there again, kill by kill."""

    recovery_s: float = 0.0
    height_at_kill: int = 0
    height: int = 0
    recoveries: list[bool] = []
    conserved: bool = False
    chain: str = UNVERIFIED

    @property
    def recovered(self) -> bool:
        """Tell whether there was a kill, and everything was there again after each."""
        return bool(self.recoveries) and all(self.recoveries)


class Moment(msgspec.Struct, frozen=True):
    """What stood on an account, by the demo's own books, when the journal had a height."""

    account: str
    height: int
    posted: Decimal
    held: Decimal


class BalanceLine(msgspec.Struct, frozen=True):
    """A line of the balances: what the platform tells, and what the demo's own books say."""

    account: str
    posted: str
    held: str
    own: Decimal | None

    def record(self) -> Record:
        """Return it as a row of the report."""
        own = "-" if self.own is None else f"{self.own:f}"
        held = _short(self.held)
        return {"account": self.account, "posted": self.posted, "held": held, "own books": own}


class TrialLine(msgspec.Struct, frozen=True):
    """A line of the trial balance, as the platform tells it."""

    asset: str
    accounts: int
    debits: str
    credits: str
    difference: str

    def record(self) -> Record:
        """Return it as a row of the report."""
        return msgspec.structs.asdict(self) | {"difference": _short(self.difference)}


class AuditLine(msgspec.Struct, frozen=True):
    """What a check of the audit came to."""

    check: str
    sound: bool
    told: str

    def record(self) -> Record:
        """Return it as a row of the report."""
        sound = "ok" if self.sound else "BAD"
        return {"audit of": self.check, "sound": sound, "told": self.told}


def _short(amount: str) -> str:
    """Return an amount as it is, but nothing as 0."""
    return amount if Decimal(amount) else "0"


class Scene:
    """One platform, those who speak to it, and what they know of it.

    `sent`: every order that was answered, with its first answer. `done`: what was done, counted in
    words of the trade.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.door = Door(stage.token_of)
        self.books = OwnBooks()
        self.day = Day()
        self.session = Session()
        self.dvp = DvpBook()
        self.sent: list[tuple[Order, Answer]] = []
        self.done: Counter[str] = Counter()
        self.checks: list[Check] = []
        self.facts = Facts()
        self.remembered: list[Moment] = []
        self.balances: list[BalanceLine] = []
        self.trial_balance: list[TrialLine] = []
        self.audit: list[AuditLine] = []

    @property
    def all_well(self) -> bool:
        """Tell whether every check holds, and the last ones were reached."""
        facts = self.facts
        reached = facts.recovered and facts.conserved and facts.chain == VERIFIED
        return reached and all(check.holds for check in self.checks)

    async def raise_curtain(self) -> None:
        """Start the platform."""
        await self.door.open(await self.stage.start())
        parts = ", ".join(f"{name} {pid}" for name, pid in self.stage.processes.items())
        self.say(f"processes: {parts}")

    def check(self, what: str, holds: bool, found: object = "") -> bool:
        """Note whether something is so, and say it when it is not."""
        self.checks.append(Check(what, holds, "" if holds else str(found)))
        if not holds:
            printout.complain(f"not so: {what}", f"found: {found}" if found else "")
        return holds

    def remember(self, account: str) -> None:
        """Write down what stands on an account now, for nothing else is under way."""
        own = self.books.accounts[account]
        moment = Moment(account, self.door.tally.height, own.posted, own.debits_held)
        self.remembered.append(moment)

    def say(self, text: str) -> None:
        """Tell people how it goes."""
        printout.note(f"      {text}")

    def progress(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how far something has come (see printout)."""
        return printout.progress(f"      {label}", total)

    async def accepted(self, order: Order) -> Answer:
        """Send an order that must be carried out; raises Broken when it is refused."""
        answer = await self._sent(order)
        if not answer.accepted:
            raise Broken(f"{order.path} was refused: {answer.code}: {answer.body.get('detail')}")
        return answer

    async def refused(self, order: Order, code: str) -> Answer:
        """Send an order that must be refused with this code."""
        answer = await self._sent(order)
        self.check(f"{order.path} is refused with {code}", answer.code == code, answer.body)
        return answer

    async def told(self, path: str, *, user: str = "", **query: str | int) -> dict[str, Any]:
        """Read what must be there; raises Broken when it is not."""
        body = await self.door.read(path, user=user, **query)
        if "code" in body:
            raise Broken(f"{path} cannot be read: {body['code']}: {body.get('detail')}")
        return body

    async def _sent(self, order: Order) -> Answer:
        answer = await self.door.order(order)
        self.sent.append((order, answer))
        return answer


async def all_of(
    items: Sequence[T],
    deed: Callable[[T], Awaitable[R]],
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> list[R]:
    """Do the same with many things, at most IN_FLIGHT_MAX at a time; results in their order.

    Raises what went wrong first, after the rest was called off.
    """
    turns = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def one(item: T) -> R:
        async with turns:
            result = await deed(item)
        advance(1)
        return result

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
