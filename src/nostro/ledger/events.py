"""What does the ledger report to have happened?

Accounts go by their `number` (order of opening, from 1), which `AccountOpened` ties to the id. The
n-th line (from 0) recorded in a journal row of height h has the sequence h * 2**20 + n.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from nostro.kernel.messages import Event
from nostro.ledger.commands import AccountType, Limit, Side

LINE_BITS = 20


class LineKind(IntEnum):
    """What a recorded line did."""

    POSTED = 0
    """Moved at once."""
    HELD = 1
    """Reserved: counted as pending on both sides."""
    HOLD_POSTED = 2
    """Moved `amount_minor` out of the hold `refers_to`; the rest of the hold was released."""
    HOLD_VOIDED = 3
    """Released the hold `refers_to`."""
    HOLD_EXPIRED = 4
    """Released the hold `refers_to` at its timeout; the line's id is `~` and the hold's id."""
    REVERSAL = 5
    """Moved back the posted transfer `refers_to`, sides exchanged."""
    HOLD_CLOSED = 6
    """Voided a hold that was never seen: `refers_to` is closed, a late hold under that id is
    refused."""


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """One transfer as recorded. `amount_minor` is what moved (for VOIDED, EXPIRED: what was
    released; for CLOSED: 0, and both accounts are 0).

    `asked_minor` is the amount asked for where it differs from what moved (balancing); -1 when a
    POST or a balancing transfer named none. `flags`: 1 linked, 2 balancing debit, 4 balancing
    credit. `effective_at_us`, `timeout_s`: 0 means none given.
    """

    id: str
    debit: int
    credit: int
    amount_minor: int
    kind: int = 0
    code: int = 0
    refers_to: str = ""
    reference: str = ""
    effective_at_us: int = 0
    timeout_s: int = 0
    flags: int = 0
    asked_minor: int | None = None
    metadata: dict[str, str] | None = None


class AssetRegistered(Event, frozen=True, array_like=True, tag="ledger.asset_registered"):
    """An asset was added to the registry."""

    code: str
    scale: int
    name: str


class AccountOpened(Event, frozen=True, array_like=True, tag="ledger.account_opened"):
    """An account exists from here on."""

    number: int
    id: str
    asset: str
    type: AccountType
    side: Side
    limit: Limit
    overdraft_minor: int
    owner: str
    metadata: dict[str, str] | None


class AccountFrozen(Event, frozen=True, array_like=True, tag="ledger.account_frozen"):
    """The account takes no new transfers."""

    number: int
    reason: str


class AccountUnfrozen(Event, frozen=True, array_like=True, tag="ledger.account_unfrozen"):
    """The account moves again."""

    number: int
    reason: str


class AccountClosed(Event, frozen=True, array_like=True, tag="ledger.account_closed"):
    """The account is closed for ever."""

    number: int
    reason: str


class TransfersRecorded(Event, frozen=True, array_like=True, tag="ledger.transfers_recorded"):
    """Lines were recorded, in this order."""

    lines: list[Line]


class TransfersRefused(Event, frozen=True, array_like=True, tag="ledger.transfers_refused"):
    """These ids were refused for a reason that depends on state; they stay refused: [id, code]
    each."""

    refused: list[tuple[str, str]]
