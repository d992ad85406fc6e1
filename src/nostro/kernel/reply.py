"""What does a caller hear, the first time and every time after?"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.messages import Rejection


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The stored answer to a command: empty `code` means accepted, otherwise it is the rejection's
    code.

    `body` holds what the room tells of an accepted command, `facts` what it tells of a refused
    one; both are JSON-friendly builtins (amounts as integers of minor units).
    """

    code: str = ""
    facts: dict[str, Any] = {}
    body: Any = None

    @property
    def accepted(self) -> bool:
        """Tell whether business said yes."""
        return not self.code


class Receipt(msgspec.Struct, frozen=True):
    """A durable reply: the journal height it stands at, its time (microseconds since the epoch),
    and whether it is a repeat of the first answer."""

    height: int
    at_us: int
    replayed: bool
    reply: Reply


class KeyReused(Rejection):
    """The key was used before, for something else; `first` is what it led to then."""

    def __init__(self, key: str, first: Receipt) -> None:
        super().__init__("engine.key_reused", key=key, first_used_at_height=first.height)
        self.first = first
