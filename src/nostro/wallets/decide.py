"""Which events follow from a command to the wallets, and when is the answer no?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nostro.kernel.messages import Command
from nostro.kernel.room import Context, Decision
from nostro.wallets import commands as c, customers, deposits, payouts, withdrawals
from nostro.wallets.limits import WalletLimits
from nostro.wallets.state import WalletsState

Decide = Callable[[WalletsState, Any, Context], Decision]
DecideWithin = Callable[[WalletsState, Any, Context, WalletLimits], Decision]

_WITHIN_LIMITS: dict[type[Command], DecideWithin] = {
    c.SubmitDeposit: deposits.submit,
    c.RequestWithdrawal: withdrawals.request,
}

_DECIDE: dict[type[Command], Decide] = {
    c.OpenCustomer: customers.open_customer,
    c.OpenWallet: customers.open_wallet,
    c.OfferAsset: customers.offer_asset,
    c.ConfirmDeposit: deposits.confirm,
    c.RejectDeposit: deposits.reject,
    c.ReleaseDeposit: deposits.release,
    c.SuspendDeposit: deposits.suspend,
    c.ReopenDeposit: deposits.reopen,
    c.KeepDepositSuspended: deposits.keep_suspended,
    c.ApproveWithdrawal: withdrawals.approve,
    c.CancelWithdrawal: withdrawals.cancel,
    c.ConfirmHold: withdrawals.confirm_hold,
    c.RefuseWithdrawal: withdrawals.refuse,
    c.RecordPayoutSent: payouts.record_sent,
    c.RecordPayoutSettled: payouts.record_settled,
    c.RecordPayoutFailed: payouts.record_failed,
    c.ClearPayout: payouts.clear,
    c.SuspendPayout: payouts.suspend,
    c.ReopenPayout: payouts.reopen,
    c.KeepPayoutSuspended: payouts.keep_suspended,
    c.NoteBreak: payouts.note_break,
}


def decide(
    state: WalletsState, command: Command, context: Context, limits: WalletLimits
) -> Decision:
    """Decide one command; raises Rejection. Only two commands ask the limits."""
    cls = type(command)
    if cls in _WITHIN_LIMITS:
        return _WITHIN_LIMITS[cls](state, command, context, limits)
    if cls in _DECIDE:
        return _DECIDE[cls](state, command, context)
    raise AssertionError(f"not a command of the wallets: {command!r:.200}")
