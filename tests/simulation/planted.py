"""Which bugs must the simulation find? Each is planted here, and nowhere else.

A plant is a set of parts of which one is wrong in the way its docstring says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from nostro.adapters.memory.journal import MemoryJournal
from nostro.adapters.rails.payout import Outcomes, PayoutPerformer
from nostro.exchange import ExchangeRoom
from nostro.flows import FLOWS
from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Decision, Position
from nostro.kernel.seen import SeenIndex
from nostro.ledger import LedgerRoom, LedgerState, Line, LineKind, TransfersRecorded
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.ports import Batch, Head, NotDone
from nostro.simulation.platform import HOT_MAX, LIMITS, Parts
from nostro.wallets import EFFECTS, SendPayout, WalletsRoom, WithdrawalCancelled


def house_of(
    ledger: Callable[..., LedgerRoom] = LedgerRoom,
    wallets: Callable[..., WalletsRoom] = WalletsRoom,
    *,
    flows: Any = FLOWS,
) -> Callable[[], House]:
    return lambda: House(
        rooms=[
            ledger(seen_hot_max=HOT_MAX),
            wallets(limits=LIMITS, ended_hot_max=HOT_MAX),
            ExchangeRoom(),
        ],
        flows=flows,
        effects=EFFECTS,
        keys_hot_max=HOT_MAX,
    )


# -- rooms and flows ------------------------------------------------------------------------------


class LedgerWithoutTombstones(LedgerRoom):
    """Voiding an unknown hold leaves no mark in memory, so a late hold is let in and never
    released."""

    def evolve(self, books: LedgerState, event: Event, position: Position) -> None:
        if isinstance(event, TransfersRecorded):
            event = TransfersRecorded([_unmarked(line) for line in event.lines])
        super().evolve(books, event, position)


def _unmarked(line: Line) -> Line:
    if line.kind != LineKind.HOLD_CLOSED:
        return line
    return msgspec.structs.replace(line, refers_to=f"elsewhere/{line.id}")


class LedgerBlindToHolds(LedgerRoom):
    """What is held does not count against the limit: an account can be promised twice."""

    def decide(self, books: LedgerState, command: Command, context: Context) -> Decision:
        held = [(account, account.debits_pending) for account in books.by_number]
        for account, _ in held:
            account.debits_pending = 0
        try:
            return super().decide(books, command, context)
        finally:
            for account, pending in held:
                account.debits_pending = pending


class LedgerWithForgetfulSnapshots(LedgerRoom):
    """A snapshot leaves out which ids were used, so an old id is recorded again after a crash."""

    def dump(self, books: LedgerState) -> bytes:
        seen, books.seen = books.seen, SeenIndex(hot_max=HOT_MAX)
        try:
            return super().dump(books)
        finally:
            books.seen = seen


class LedgerThatForgetsOldIds(LedgerRoom):
    """Ids that left memory are not looked up in the journal."""

    def cold(self, books: LedgerState, command: Command) -> list[tuple[str, int]]:
        return []


class WalletsThatChangeOnRefusal(WalletsRoom):
    """A refused command changes the state a little."""

    def decide(self, state: Any, command: Command, context: Context) -> Decision:
        try:
            return super().decide(state, command, context)
        except Rejection:
            state.ended_count += 1
            raise


FLOWS_WITHOUT_RELEASE = {
    event: flow for event, flow in FLOWS.items() if event != WithdrawalCancelled
}
"""A cancelled withdrawal keeps its funds held."""


# -- engine ---------------------------------------------------------------------------------------


class HastyEngine(Engine):
    """Tells the answer before it is durable."""

    async def _write(self, draft: Any) -> None:
        for request, answer in draft.answers:
            if not isinstance(answer, Rejection) and not request.future.done():
                request.future.set_result(answer)
        await super()._write(draft)


class ForgetfulEngine(Engine):
    """Does not remember across a recovery which keys were used: what had an unknown outcome is
    done again."""

    async def _recover(self) -> None:
        await super()._recover()
        self._memory.keys = SeenIndex(hot_max=HOT_MAX)


class CarelessEngine(Engine):
    """Answers a key that comes with another content with the first reply."""

    def _answer_again(self, request: Any, known: Any) -> None:
        request.request_hash = known.request_hash
        super()._answer_again(request, known)


class OptimisticEngine(Engine):
    """Reports an unknown outcome as not done."""

    async def _crash(self, outage: Any) -> None:
        for draft in (self._committing, self._draft):
            for request, _ in draft.answers if draft else ():
                self._refuse(request, NotDone("it failed"))
        await super()._crash(outage)


class NeglectfulEngine(Engine):
    """Does not take up effects that were left in the outbox."""

    async def _recover(self) -> None:
        on_effects, self._on_effects = self._on_effects, None
        try:
            await super()._recover()
        finally:
            self._on_effects = on_effects


class TimelessEngine(Engine):
    """Never sends a Tick."""

    async def _keep_time(self) -> None:
        return


# -- journal and rail -----------------------------------------------------------------------------


class TrustingJournal(MemoryJournal):
    """Writes where the writer believes the end to be, without comparing."""

    async def append(self, batch: Batch, head: Head) -> None:
        disk = self._disk
        del disk.entries[head.height :]
        await super().append(batch, disk.head())


class TirelessPerformer(PayoutPerformer):
    """Pays again under a new reference when it is called again."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._calls: dict[str, int] = {}

    async def _send(self, effect: SendPayout) -> Outcomes:
        name = effect.withdrawal_id
        self._calls[name] = self._calls.get(name, -1) + 1
        return await super()._send(effect)

    def _reference(self, withdrawal_id: str) -> str:
        reference, calls = super()._reference(withdrawal_id), self._calls.get(withdrawal_id)
        return f"{reference}/{calls}" if calls else reference


class Plant(NamedTuple):
    """Parts with one bug, and what the auditor must find (a pattern)."""

    parts: Parts
    found: str


SEEN_BEFORE = (
    "stands twice|was refused for good|which was seen|is closed twice|voided before it came"
)

PLANTS: dict[str, Plant] = {
    "the tombstone of a hold is forgotten": Plant(
        Parts(house=house_of(LedgerWithoutTombstones)), "was voided before it came|is closed twice"
    ),
    "holds do not count against the limit": Plant(
        Parts(house=house_of(LedgerBlindToHolds)), "beyond its limit"
    ),
    "a snapshot forgets which ids were used": Plant(
        Parts(house=house_of(LedgerWithForgetfulSnapshots)), SEEN_BEFORE
    ),
    "ids that left memory are not looked up": Plant(
        Parts(house=house_of(LedgerThatForgetsOldIds)), SEEN_BEFORE
    ),
    "a refusal changes the state": Plant(
        Parts(house=house_of(wallets=WalletsThatChangeOnRefusal)), "is not live"
    ),
    "a cancelled withdrawal keeps its hold": Plant(
        Parts(house=house_of(flows=FLOWS_WITHOUT_RELEASE)), "the ledger says"
    ),
    "the answer is told before it is durable": Plant(
        Parts(engine=HastyEngine), "it was answered .* and does not stand|but it stands at"
    ),
    "an unknown outcome is applied twice": Plant(
        Parts(engine=ForgetfulEngine), "the key stands twice"
    ),
    "another content gets the first reply": Plant(
        Parts(engine=CarelessEngine), "is another command"
    ),
    "an unknown outcome is told as not done": Plant(
        Parts(engine=OptimisticEngine), "nothing should have happened"
    ),
    "effects of the dead are not taken up": Plant(Parts(engine=NeglectfulEngine), "not finished"),
    "time never passes": Plant(Parts(engine=TimelessEngine), "not finished"),
    "the journal does not compare heads": Plant(
        Parts(journal=TrustingJournal), "not linked|does not stand|but it stands at"
    ),
    "a payout is sent again under a new name": Plant(
        Parts(performer=TirelessPerformer), "the rail"
    ),
}
