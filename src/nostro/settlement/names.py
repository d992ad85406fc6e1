"""Which trade ids and references were used, so that none ever stands for two settlements?

A trade id of an agreed settlement is one for everybody, a reference one for the party that gave it.
Each stands for its settlement and the fingerprint of what was said of it: who says the same again
is told of the settlement that there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from zlib import crc32

from nostro.kernel.codec import encode
from nostro.kernel.messages import Command, Event
from nostro.kernel.seen import SeenIndex
from nostro.settlement.commands import InstructSettlements, InstructSide, NewSettlement, NewSide
from nostro.settlement.events import (
    InstructedSettlement,
    SettlementMatched,
    SettlementsInstructed,
)

NAMES_HOT_MAX = 50_000
"""Names that are kept in memory; older ones are read from the journal when they come back."""
_FINGERPRINT_BYTES = 7  # as an integer, exact in every reader of JSON
_MASK = (1 << 64) - 1

Use = tuple[int, int]
"""The settlement that a name stands for, and the fingerprint of what was said."""


def trade_name(trade_id: str) -> str:
    """Return under what an agreed settlement is remembered."""
    return f"t:{trade_id}"


def reference_name(party: str, reference: str) -> str:
    """Return under what a side's instruction is remembered; unambiguous, as no party has a
    colon."""
    return f"r:{party}:{reference}"


def fingerprint_of(said: NewSettlement | NewSide) -> int:
    """Return a number that is another one, in all likelihood, when anything else is said."""
    return int.from_bytes(blake2b(encode(said), digest_size=_FINGERPRINT_BYTES).digest())


class Names:
    """The names that were used. `count` and `total` say which, and by which settlements."""

    __slots__ = ("count", "seen", "total")

    def __init__(self, *, hot_max: int = NAMES_HOT_MAX) -> None:
        self.seen: SeenIndex[Use] = SeenIndex(hot_max=hot_max)
        self.count = 0
        self.total = 0

    def use_of(self, name: str, recalled: Mapping[str, Any]) -> Use | None:
        """Return what a name stands for, None for one that is free."""
        use = self.seen.hot(name)
        found: Use | None = recalled.get(name) if use is None else use
        return found

    def add(self, event: SettlementsInstructed | SettlementMatched, height: int) -> None:
        """Remember the names that an event uses."""
        names, uses = [], []
        total = self.total
        for name, use in _uses(event):
            names.append(name)
            uses.append(use)
            total += crc32(name.encode()) * use[0] ^ use[1]
        self.total = total & _MASK
        self.count += len(names)
        self.seen.add_many(names, uses, height)

    def candidates(self, command: Command) -> Sequence[tuple[str, int]]:
        """Return (name, height) of names in a command that may have been used and left memory."""
        match command:
            case InstructSettlements(settlements=settlements):
                return self.seen.candidates([trade_name(each.trade_id) for each in settlements])
            case InstructSide(instruction=said):
                return self.seen.candidates([reference_name(said.party, said.reference)])
            case _:
                return ()


def recall(wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Use]:
    """Return what the wanted names stand for, as far as one row tells."""
    names = set(wanted)
    return {
        name: use
        for event in events
        if isinstance(event, SettlementsInstructed | SettlementMatched)
        for name, use in _uses(event)
        if name in names
    }


def _uses(event: SettlementsInstructed | SettlementMatched) -> Iterable[tuple[str, Use]]:
    if isinstance(event, SettlementMatched):
        name = reference_name(event.party, event.reference)
        return [(name, (event.settlement, event.fingerprint))]
    return [(_name(each), (each.number, each.fingerprint)) for each in event.settlements]


def _name(each: InstructedSettlement) -> str:
    if not each.buyer_reference:
        return reference_name(each.seller, each.seller_reference)
    if not each.seller_reference:
        return reference_name(each.buyer, each.buyer_reference)
    return trade_name(each.trade_id)
