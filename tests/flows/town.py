"""Both rooms and the flows under the runtime's own cascade, on nothing but memory."""

from __future__ import annotations

from typing import Any

from nostro import exchange, wallets
from nostro.exchange import ExchangeRoom
from nostro.flows import FLOWS
from nostro.kernel.messages import Command, Effect, Event
from nostro.kernel.reply import Reply
from nostro.kernel.room import Context
from nostro.ledger import FreezeAccount, LedgerRoom, LedgerState, UnfreezeAccount
from nostro.runtime.house import House
from nostro.wallets import AssetLimits, WalletLimits, WalletsRoom
from nostro.wallets.state import WalletsState

LIMITS = WalletLimits(otherwise=AssetLimits(approvals_above_minor=(10_000,)))


class Town:
    """Customers, a bank and its books; every `tell` is a journal row."""

    def __init__(self) -> None:
        self.house = House(
            rooms=[LedgerRoom(), WalletsRoom(limits=LIMITS), ExchangeRoom()],
            flows=FLOWS,
            effects=(*wallets.EFFECTS, *exchange.EFFECTS),
        )
        self.memory = self.house.new()
        self.height = 0
        self.rows: list[list[Event]] = []
        self.effects: list[Effect] = []

    @property
    def books(self) -> LedgerState:
        """The ledger's state."""
        state: LedgerState = self.memory.states["ledger"]
        return state

    @property
    def wallets(self) -> WalletsState:
        """The wallets' state."""
        state: WalletsState = self.memory.states["wallets"]
        return state

    def tell(self, command: Command, *, actor: str = "clerk") -> Reply:
        """Run one command to its end and return what the caller hears."""
        self.height += 1
        context = Context(self.height, self.height * 1_000_000, actor, {})
        outcome = self.house.handle(self.memory, command, context)
        self.rows.append(list(outcome.events))
        self.effects.extend(outcome.effects)
        return outcome.reply

    def freeze(self, account: str) -> None:
        """Stop a ledger account."""
        assert self.tell(FreezeAccount(account=account)).accepted

    def unfreeze(self, account: str) -> None:
        """Let a ledger account move again."""
        assert self.tell(UnfreezeAccount(account=account)).accepted

    def posted(self, account: str) -> int:
        """Credits less debits posted, of one account."""
        found = self._account(account)
        difference: int = found.credits_posted - found.debits_posted
        return difference

    def held(self, account: str) -> int:
        """Debits pending, of one account."""
        pending: int = self._account(account).debits_pending
        return pending

    def kinds(self) -> list[str]:
        """The classes of the events of the last row."""
        return [type(event).__name__ for event in self.rows[-1]]

    def _account(self, account: str) -> Any:
        return self.books.accounts[account]
