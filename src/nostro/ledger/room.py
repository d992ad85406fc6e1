"""How does the engine run the ledger?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Context, Decision, Position
from nostro.kernel.seen import SeenIndex
from nostro.ledger import decide, recall, snapshot, state
from nostro.ledger.commands import (
    CloseAccount,
    CreateTransfers,
    CreateTransfersTogether,
    FreezeAccount,
    OpenAccounts,
    QuoteBalances,
    RegisterAsset,
    UnfreezeAccount,
)
from nostro.ledger.events import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AssetRegistered,
    TransfersRecorded,
    TransfersRefused,
)
from nostro.ledger.state import LedgerState, Seen

SEEN_HOT_MAX = 200_000
"""Ids whose lines stay in memory (some 400 bytes each), so that a repeat is answered from there."""


class LedgerRoom:
    """The ledger as a nostro.kernel.room.Room: pure functions over `LedgerState`."""

    name = "ledger"
    commands: tuple[type[Command], ...] = (
        RegisterAsset,
        OpenAccounts,
        FreezeAccount,
        UnfreezeAccount,
        CloseAccount,
        CreateTransfers,
        CreateTransfersTogether,
        QuoteBalances,
    )
    events: tuple[type[Event], ...] = (
        AssetRegistered,
        AccountOpened,
        AccountFrozen,
        AccountUnfrozen,
        AccountClosed,
        TransfersRecorded,
        TransfersRefused,
    )

    def __init__(self, *, seen_hot_max: int = SEEN_HOT_MAX) -> None:
        self._seen_hot_max = seen_hot_max

    def new(self) -> LedgerState:
        """Return books without accounts, with the seeded assets."""
        return LedgerState(seen=SeenIndex(hot_max=self._seen_hot_max))

    def decide(self, books: LedgerState, command: Command, context: Context) -> Decision:
        """Decide one command; raises Rejection. The books stay as they are."""
        return decide.decide(books, command, context)

    def evolve(self, books: LedgerState, event: Event, position: Position) -> None:
        """Apply one event in place."""
        state.evolve(books, event, position)

    def due(self, books: LedgerState) -> int | None:
        """Return when the next hold expires (microseconds since the epoch), or None."""
        return state.next_due(books)

    def cold(self, books: LedgerState, command: Command) -> Sequence[tuple[str, int]]:
        """Return (key, height) of ids, holds and originals that may have left memory."""
        if isinstance(command, CreateTransfers | CreateTransfersTogether):
            return recall.cold_keys(books, command.transfers)
        return ()

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Seen]:
        """Return the lines and refusals that one journal row holds under the wanted keys."""
        return recall.recalled(wanted, events)

    def settle(self, books: LedgerState, height: int) -> None:
        """Let ids used up to `height` leave memory."""
        books.seen.settle(height)

    def dump(self, books: LedgerState) -> bytes:
        """Return the books for a snapshot."""
        return snapshot.dump(books)

    def load(self, data: bytes) -> LedgerState:
        """Return the books that `dump` wrote; raises ValueError when it did not."""
        return snapshot.load(data, hot_max=self._seen_hot_max)

    def digest(self, books: LedgerState) -> bytes:
        """Return SHA-256 over what the books say."""
        return snapshot.digest(books)
