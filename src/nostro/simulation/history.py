"""What was asked of the platform, and what did it answer?"""

from __future__ import annotations

from typing import NamedTuple

from nostro.kernel.codec import content_hash
from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt


class Said(NamedTuple):
    """An answer the platform gave: a receipt, or the height it named when it refused the key."""

    receipt: Receipt | None
    key_reused_at_height: int


class Ask:
    """One command under one key, however often it was sent.

    `floor`: the highest height that any answer had named when it was first sent. Of the copies
    that reached an engine, `not_done` were told that nothing happened; those that are neither
    among these nor among `answers` are indeterminate.
    """

    def __init__(self, key: str, command: Command, actor: str, floor: int) -> None:
        self.key = key
        self.command = command
        self.actor = actor
        self.hash = content_hash(command)
        self.floor = floor
        self.reached = 0
        self.not_done = 0
        self.answers: list[Said] = []

    @property
    def cannot_stand(self) -> bool:
        """Tell whether every copy that reached an engine was told that nothing happened."""
        refused = sum(answer.receipt is None for answer in self.answers)
        return self.reached == self.not_done + refused


class History:
    """Everything that was asked, by key; under one key there may be several contents."""

    def __init__(self) -> None:
        self.asks: dict[str, list[Ask]] = {}
        self.height = 0
        """The highest height that any answer has named."""

    def ask(self, key: str, command: Command, actor: str) -> Ask:
        """Return the record of a command under a key, a new one when it is asked first."""
        asks = self.asks.setdefault(key, [])
        for ask in asks:
            if ask.command == command:
                return ask
        ask = Ask(key, command, actor, self.height)
        asks.append(ask)
        return ask

    def answered(self, ask: Ask, receipt: Receipt) -> None:
        """Note a receipt."""
        ask.answers.append(Said(receipt, 0))
        self.height = max(self.height, receipt.height)

    def refused(self, ask: Ask, first_used_at_height: int) -> None:
        """Note that the key was refused as used before with other content."""
        ask.answers.append(Said(None, first_used_at_height))
