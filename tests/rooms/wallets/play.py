"""Given events, when a command, then events or a refusal: the wallets room alone, without flows."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.kernel.messages import Command, Event, Rejection
from nostro.kernel.room import Context, Position
from nostro.wallets import AssetLimits, WalletLimits, WalletsRoom
from nostro.wallets.state import WalletsState

LIMITS = WalletLimits(
    by_asset={
        "EUR": AssetLimits(
            deposit_min_minor=100,
            deposit_max_minor=1_000_000,
            withdrawal_min_minor=200,
            withdrawal_max_minor=900_000,
            approvals_above_minor=(10_000, 100_000),
        )
    }
)


class Play:
    """One room over one state; each command is a journal row of its own, at most one idea a row."""

    def __init__(
        self, limits: WalletLimits = LIMITS, *, ended_hot_max: int = 1_000, height: int = 0
    ) -> None:
        self.room = WalletsRoom(limits=limits, ended_hot_max=ended_hot_max)
        self.state: WalletsState = self.room.new()
        self.height = height
        self.rows: dict[int, list[Event]] = {}
        self.body: Any = None

    def given(self, *events: Event) -> Play:
        """Apply events as one row of the past."""
        self.height += 1
        self._record(events)
        return self

    def when(
        self, command: Command, *, actor: str = "clerk", same_row: bool = False
    ) -> list[Event]:
        """Decide a command, apply its events and return them; raises Rejection."""
        self.height += not same_row
        decision = self.room.decide(self.state, command, self._context(command, actor))
        self._record(decision.events)
        self.body = decision.body
        if decision.refusal is not None:
            raise decision.refusal
        return list(decision.events)

    def refused(
        self, command: Command, *, actor: str = "clerk", same_row: bool = False
    ) -> Rejection:
        """Decide a command that must be refused, and return why."""
        with pytest.raises(Rejection) as caught:
            self.when(command, actor=actor, same_row=same_row)
        return caught.value

    def settle(self) -> Play:
        """Everything so far is durable."""
        self.room.settle(self.state, self.height)
        return self

    def _context(self, command: Command, actor: str) -> Context:
        recalled: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            recalled.update(self.room.recall([key], self.rows[height]))
        return Context(self.height, self.height * 1_000, actor, recalled)

    def _record(self, events: Any) -> None:
        self.rows.setdefault(self.height, []).extend(events)
        for event in events:
            self.room.evolve(self.state, event, Position(self.height, self.height * 1_000))
