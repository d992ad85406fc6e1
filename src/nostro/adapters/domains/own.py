"""How does one settle on a ledger of our own, and what may its operator do there?

A domain of ours is a chain of its own: ledger and custody behind one engine. Every call is a
command under a new key, so that what was refused for lack of something is judged anew; custody
itself knows rounds and references that it has seen, and answers these as before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import msgspec

from nostro.adapters.domains import port
from nostro.adapters.domains.port import (
    Absent,
    DomainHead,
    ExecuteAnswer,
    Executed,
    Held,
    HoldAnswer,
    HoldOrder,
    Refused,
    ReleaseAnswer,
    Released,
    RoundAt,
    RoundOrder,
    StatusAnswer,
)
from nostro.custody import (
    AskRounds,
    CustodyRoom,
    ExecuteHolds,
    IssueAsset,
    ListRounds,
    NewHold,
    PlaceHolds,
    ReleaseHolds,
    RoundOrder as CustodyOrder,
    Stage,
)
from nostro.flows import books, legs
from nostro.flows.keep_custody import DOMAIN_FLOWS
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.movement import Lacking
from nostro.kernel.reply import Receipt
from nostro.ledger import LedgerRoom, LedgerState, QuoteBalances
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.ports import NotDone

COORDINATOR = "coordinator"
OPERATOR = "operator"
BALANCES_MAX = 1_000
"""Accounts of one page."""
A = TypeVar("A")


def domain_house() -> House:
    """Return the house of a domain: a ledger, and who keeps custody there."""
    return House(rooms=(LedgerRoom(), CustodyRoom()), flows=DOMAIN_FLOWS)


class OwnDomain:
    """A domain in this process; implements nostro.adapters.domains.port.Domain. `coordinator`: by
    whose name the round ids begin that are listed ("": all)."""

    def __init__(self, engine: Engine, name: str, *, coordinator: str = "") -> None:
        self.name = name
        self._engine = engine
        self._prefix = f"{coordinator}." if coordinator else ""

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[HoldAnswer]:
        """Earmark what each round needs."""
        holds = [NewHold(o.round_id, o.epoch, list(o.locks), list(o.moves)) for o in orders]
        return await self._ask(PlaceHolds(holds=holds), orders, self._held)

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[ExecuteAnswer]:
        """Move what is earmarked, each round as a whole."""
        return await self._ask(ExecuteHolds(rounds=_rounds(orders)), orders, self._executed)

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[ReleaseAnswer]:
        """Let go what is earmarked, and close each round."""
        return await self._ask(ReleaseHolds(rounds=_rounds(orders)), orders, self._released)

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """Say where each round stands."""
        return await self._ask(AskRounds(rounds=list(round_ids)), round_ids, self._stands)

    async def head(self) -> DomainHead:
        """Say how far it is: that is for its writer to say, which one that was overtaken is not,
        so it is asked by a command."""
        receipt = await _submit(self._engine, AskRounds(rounds=[]), COORDINATOR)
        return DomainHead(self.name, receipt.height)

    async def rounds(self, *, after: str, limit: int = port.ITEMS_MAX) -> Sequence[RoundAt]:
        """List the rounds that are held."""
        command = ListRounds(prefix=self._prefix, after=after, limit=limit)
        receipt = await _submit(self._engine, command, COORDINATOR)
        if receipt.reply.code:
            raise NotDone(f"the domain lists nothing: {receipt.reply.code}")
        return [
            RoundAt(told["round_id"], Held(self._reference(told)))
            for told in receipt.reply.body["results"]
        ]

    async def close(self) -> None:
        """Nothing to let go: the engine is its owner's."""

    async def _ask(
        self, command: Command, asked: Sequence[Any], answer: Callable[[Any], A]
    ) -> list[A]:
        if not asked:
            return []
        reply = (await _submit(self._engine, command, COORDINATOR)).reply
        if reply.code:
            raise NotDone(f"the domain takes no such call: {reply.code}")
        return [answer(told) for told in reply.body["results"]]

    def _held(self, told: Mapping[str, Any]) -> HoldAnswer:
        return _refused(told) if "code" in told else Held(self._reference(told))

    def _executed(self, told: Mapping[str, Any]) -> ExecuteAnswer:
        return _refused(told) if "code" in told else Executed(self._reference(told))

    def _released(self, told: Mapping[str, Any]) -> ReleaseAnswer:
        return _refused(told) if "code" in told else Released(self._reference(told))

    def _stands(self, told: Mapping[str, Any]) -> StatusAnswer:
        match Stage(told["stage"]):
            case Stage.HELD:
                return Held(self._reference(told))
            case Stage.EXECUTED:
                return Executed(self._reference(told))
            case Stage.RELEASED:
                return Released(self._reference(told))
            case Stage.NONE:
                return Absent()

    def _reference(self, told: Mapping[str, Any]) -> str:
        return f"{self.name}:{told['height']}"


def _rounds(orders: Sequence[RoundOrder]) -> list[CustodyOrder]:
    return [CustodyOrder(order.round_id, order.epoch) for order in orders]


def _refused(told: Mapping[str, Any]) -> Refused:
    facts = told["facts"]
    lacking = tuple(Lacking(*each) for each in facts.get("lacking", ()))
    detail = facts.get("why") or facts.get("reason") or ""
    # What has no other word is a round that can never be held.
    return Refused(legs.OF_CUSTODY.get(told["code"], port.REJECTED), lacking, detail)


async def _submit(engine: Engine, command: Command, actor: str) -> Receipt:
    key = f"{type(command).__name__}:{uuid4().hex}"
    return await engine.submit(key=key, command=command, actor=actor)


# -- the operator's part ---------------------------------------------------------------------------


class Issued(msgspec.Struct, frozen=True):
    """An issue that is durable. `exists`: it was before."""

    exists: bool
    height: int


class Holding(msgspec.Struct, frozen=True):
    """What a party owns of an asset, and how much of that it may use."""

    asset: str
    scale: int
    owned_minor: int
    available_minor: int


class Holdings(msgspec.Struct, frozen=True):
    """All that a party owns, by asset, as of a height of the domain."""

    height: int
    holdings: list[Holding]


class Balance(msgspec.Struct, frozen=True):
    """What stands on an account, positive on its normal side, and how much may go."""

    account: str
    asset: str
    balance_minor: int
    available_minor: int


class Balances(msgspec.Struct, frozen=True):
    """A page of all accounts in the order of their opening, as of a height of the domain. `next`:
    where the next page begins; 0: this was the last one."""

    height: int
    balances: list[Balance]
    next: int


class DomainAdmin(Protocol):
    """What the operator of a domain may do there. Every call may raise NotDone or OutcomeUnknown;
    an issue may be sent again under its reference."""

    async def issue(
        self, *, reference: str, party: str, asset: str, scale: int, amount_minor: int
    ) -> Issued:
        """Credit a party with what came into custody, or debit it with what leaves (below 0);
        raises Rejection as custody.IssueAsset says."""
        ...

    async def holdings(self, party: str) -> Holdings:
        """Return what a party owns."""
        ...

    async def balances(self, *, after: int = 0) -> Balances:
        """Return what stands on all accounts, a page at a time; for audits."""
        ...

    async def close(self) -> None:
        """Let it go. Never raises."""
        ...


class OwnAdmin:
    """The operator of a domain in this process; implements DomainAdmin."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def issue(
        self, *, reference: str, party: str, asset: str, scale: int, amount_minor: int
    ) -> Issued:
        """Credit or debit a party, once for each reference."""
        command = IssueAsset(
            reference=reference, party=party, asset=asset, scale=scale, amount_minor=amount_minor
        )
        receipt = await _submit(self._engine, command, OPERATOR)
        reply = receipt.reply
        if reply.code:
            raise Rejection(reply.code, **reply.facts)
        return Issued(reply.body["exists"], receipt.height)

    async def holdings(self, party: str) -> Holdings:
        """Return what a party owns."""
        ledger = self._ledger()
        wallets = {asset: books.wallet_account(party, asset) for asset in ledger.assets}
        opened = [(asset, name) for asset, name in wallets.items() if name in ledger.accounts]
        height, balances = await self._quoted([name for _, name in opened])
        return Holdings(
            height,
            [
                Holding(asset, ledger.assets[asset].scale, owned, available)
                for (asset, _), (owned, available) in zip(opened, balances, strict=True)
            ],
        )

    async def balances(self, *, after: int = 0) -> Balances:
        """Return what stands on a page of accounts; they are numbered from 1."""
        start = max(0, after) + 1
        ledger = self._ledger()
        accounts = ledger.by_number[start : start + BALANCES_MAX]
        height, quoted = await self._quoted([account.id for account in accounts])
        end = start - 1 + len(accounts)
        more = end + 1 < len(ledger.by_number)
        return Balances(
            height,
            [
                Balance(account.id, account.asset, balance, available)
                for account, (balance, available) in zip(accounts, quoted, strict=True)
            ],
            end if more else 0,
        )

    async def close(self) -> None:
        """Nothing to let go: the engine is its owner's."""

    def _ledger(self) -> LedgerState:
        # Only for the names of accounts, which never change: what stands there the engine says.
        ledger: LedgerState = self._engine.look("ledger")
        return ledger

    async def _quoted(self, accounts: list[str]) -> tuple[int, list[tuple[int, int]]]:
        receipt = await _submit(self._engine, QuoteBalances(accounts=accounts), OPERATOR)
        if receipt.reply.code:
            raise NotDone(f"the domain tells no balances: {receipt.reply.code}")
        # An account that was opened in a row that came to nothing has nothing.
        return receipt.height, [tuple(each or (0, 0)) for each in receipt.reply.body["balances"]]
