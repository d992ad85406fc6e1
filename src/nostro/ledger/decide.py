"""What happens to the books when a command arrives?"""

from __future__ import annotations

from nostro.kernel.messages import Command, Tick
from nostro.kernel.room import Context, Decision
from nostro.ledger.accounts import (
    close,
    freeze,
    open_accounts,
    quote_balances,
    register_asset,
    unfreeze,
)
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
from nostro.ledger.events import TransfersRecorded
from nostro.ledger.holds import expired_lines
from nostro.ledger.state import LedgerState
from nostro.ledger.transfers import create_each, create_together


def decide(state: LedgerState, command: Command, context: Context) -> Decision:
    """Decide one command against the books, which stay as they are."""
    match command:
        case CreateTransfers():
            return create_each(state, command.transfers, context)
        case CreateTransfersTogether():
            return create_together(state, command.transfers, context)
        case OpenAccounts():
            return open_accounts(state, command)
        case FreezeAccount():
            return freeze(state, command)
        case UnfreezeAccount():
            return unfreeze(state, command)
        case CloseAccount():
            return close(state, command)
        case RegisterAsset():
            return register_asset(state, command)
        case QuoteBalances():
            return quote_balances(state, command)
        case Tick():
            return _let_expire(state, context)
        case _:
            raise AssertionError(f"not a command of the ledger: {command!r:.200}")


def _let_expire(state: LedgerState, context: Context) -> Decision:
    lines = expired_lines(state, context.at_us)
    if not lines:
        return Decision()
    return Decision((TransfersRecorded(lines),), {"expired": len(lines)})
