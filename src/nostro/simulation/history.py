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


class Copy:
    """One copy of a command that reached an engine when the journal stood at a height.

    `without_effect`: its sender was told that it was not done, that it was done before, or that
    its key was taken.
    """

    __slots__ = ("reached_at_height", "without_effect")

    def __init__(self, reached_at_height: int) -> None:
        self.reached_at_height = reached_at_height
        self.without_effect = False


class Ask:
    """One command under one key, however often it was sent.

    `floor`: the highest height that any answer had named when it was first sent. Copies without an
    answer are indeterminate: they may have led to a row at any later height, or to none.
    """

    def __init__(self, key: str, command: Command, actor: str, floor: int) -> None:
        self.key = key
        self.command = command
        self.actor = actor
        self.hash = content_hash(command)
        self.floor = floor
        self.copies: list[Copy] = []
        self.answers: list[Said] = []

    def may_stand_at(self, height: int) -> bool:
        """Tell whether some copy may have led to a row at this height."""
        return any(
            copy.reached_at_height < height and not copy.without_effect for copy in self.copies
        )


class History:
    """Everything that was asked, by key; under one key there may be several contents."""

    def __init__(self) -> None:
        self.asks: dict[str, list[Ask]] = {}
        self.height = 0
        """The highest height that any answer has named."""
        self.bugs: list[str] = []
        """What the platform itself called a bug."""

    def ask(self, key: str, command: Command, actor: str) -> Ask:
        """Return the record of a command under a key, a new one when it is asked first."""
        asks = self.asks.setdefault(key, [])
        for ask in asks:
            if ask.command == command:
                return ask
        ask = Ask(key, command, actor, self.height)
        asks.append(ask)
        return ask

    def answered(self, ask: Ask, copy: Copy, receipt: Receipt) -> None:
        """Note a receipt."""
        copy.without_effect = receipt.replayed
        ask.answers.append(Said(receipt, 0))
        self.height = max(self.height, receipt.height)

    def refused(self, ask: Ask, copy: Copy, first_used_at_height: int) -> None:
        """Note that the key was refused as used before with other content."""
        copy.without_effect = True
        ask.answers.append(Said(None, first_used_at_height))
