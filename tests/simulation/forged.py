"""How does an auditor's test write a journal that no platform would?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.codec import content_hash, encode_events, encode_reply
from nostro.kernel.messages import Command, Event
from nostro.kernel.reply import Reply
from nostro.ledger import (
    AccountOpened,
    AccountType,
    Limit,
    Line,
    LineKind,
    Side,
    TransfersRecorded,
)
from nostro.runtime.ports import Entry, sealed
from nostro.simulation.auditor import Auditor
from nostro.simulation.platform import build_house

HOUSE = build_house()
START_US = 1_750_000_000_000_000
SECOND_US = 1_000_000
CAPPED = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
REFUSED = Reply(code="ledger.exceeds_credits")


class Journal:
    """Rows as a platform would write them, whatever they say."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def row(
        self,
        *events: Event,
        key: str = "",
        command: Command | None = None,
        reply: Reply | None = None,
        **other: Any,
    ) -> Entry:
        """Add a row, one second after the last; `other` replaces fields of it."""
        height = len(self.entries) + 1
        fields: dict[str, Any] = {
            "chain": "main",
            "height": height,
            "command_id": key or f"key-{height}",
            "request_hash": content_hash(command) if command else bytes(32),
            "actor": "alice",
            "room": "ledger",
            "stream": "",
            "kind": "ledger.CreateTransfers",
            "at_us": START_US + height * SECOND_US,
            "payload": encode_events(events),
            "reply": encode_reply(reply or Reply()),
            "prev_hash": self.entries[-1].hash if self.entries else bytes(32),
        }
        entry = sealed(**{**fields, **other})
        self.entries.append(entry)
        return entry

    def audited(self) -> Auditor:
        auditor = Auditor(HOUSE.codec)
        auditor.read(self.entries)
        return auditor


def opened(
    number: int, name: str, asset: str = "USD", limit: Limit = Limit.NONE, overdraft: int = 0
) -> AccountOpened:
    return AccountOpened(
        number, name, asset, AccountType.LIABILITY, Side.CREDIT, limit, overdraft, "", None
    )


ACCOUNTS = (
    opened(1, "cash"),
    opened(2, "a", limit=CAPPED),
    opened(3, "b", limit=CAPPED, overdraft=10),
    opened(4, "euro", asset="EUR"),
    opened(5, "till", limit=Limit.CREDITS_MUST_NOT_EXCEED_DEBITS),
)


def recorded(*lines: Line) -> TransfersRecorded:
    return TransfersRecorded(list(lines))


def line(
    name: str,
    debit: int = 1,
    credit: int = 2,
    amount: int = 100,
    kind: LineKind = LineKind.POSTED,
    refers_to: str = "",
    timeout_s: int = 0,
) -> Line:
    return Line(name, debit, credit, amount, kind.value, refers_to=refers_to, timeout_s=timeout_s)


def held(name: str = "h", **rest: Any) -> Line:
    return line(name, kind=LineKind.HELD, **rest)


def posted(name: str, hold: str = "h", **rest: Any) -> Line:
    return line(name, kind=LineKind.HOLD_POSTED, refers_to=hold, **rest)


def voided(name: str, hold: str = "h", **rest: Any) -> Line:
    return line(name, kind=LineKind.HOLD_VOIDED, refers_to=hold, **rest)


def expired(hold: str = "h", **rest: Any) -> Line:
    return line(f"~{hold}", kind=LineKind.HOLD_EXPIRED, refers_to=hold, **rest)


def closed(name: str, hold: str = "h") -> Line:
    return Line(name, 0, 0, 0, LineKind.HOLD_CLOSED.value, refers_to=hold)


def reversal(name: str, of: str, debit: int = 2, credit: int = 1, amount: int = 100) -> Line:
    return line(name, debit, credit, amount, kind=LineKind.REVERSAL, refers_to=of)
