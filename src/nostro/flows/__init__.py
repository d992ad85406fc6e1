"""Which story leads from an event in one room to a step in another?

This is the hallway: the only place that names two rooms. One file tells one story.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nostro.flows import deposit, withdraw
from nostro.kernel.messages import Event
from nostro.ledger import AssetRegistered
from nostro.wallets import (
    DepositConfirmed,
    DepositReleased,
    DepositSuspended,
    PayoutCleared,
    PayoutSuspended,
    WalletOpened,
    WithdrawalApproved,
    WithdrawalCancelled,
    WithdrawalFailed,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
)

# Each flow takes the very event it stands for, which `Callable[[Event], ...]` cannot say.
FLOWS: Mapping[type[Event], Any] = {
    AssetRegistered: deposit.offer,
    WalletOpened: deposit.open_accounts,
    DepositConfirmed: deposit.credit,
    DepositSuspended: deposit.suspend,
    DepositReleased: deposit.release,
    WithdrawalRequested: withdraw.hold,
    WithdrawalApproved: withdraw.pay_out,
    WithdrawalSent: withdraw.follow_up,
    WithdrawalSettled: withdraw.post,
    PayoutSuspended: withdraw.suspend,
    PayoutCleared: withdraw.clear,
    WithdrawalFailed: withdraw.release,
    WithdrawalCancelled: withdraw.release,
}

__all__ = ["FLOWS"]
