"""What do the wallets report to have happened?

`actor` is who sent the command; when it happened is the time of the journal row. An event that
ends a deposit or a withdrawal tells all of it again: it is what is read back when the id is named
long after it left memory, and all that a flow sees.
"""

from __future__ import annotations

from nostro.kernel.messages import Event


class AssetOffered(Event, frozen=True, array_like=True, tag="wallets.asset_offered"):
    """Customers can hold this asset."""

    code: str
    scale: int
    actor: str


class CustomerOpened(Event, frozen=True, array_like=True, tag="wallets.customer_opened"):
    """The customer exists from here on."""

    user_id: str
    actor: str


class WalletOpened(Event, frozen=True, array_like=True, tag="wallets.wallet_opened"):
    """The customer has an account in this asset from here on."""

    user_id: str
    asset: str
    actor: str


class _DepositEvent(Event, frozen=True, array_like=True):
    # Closed for ever: a field more here would shift those of every event below.
    user_id: str
    transaction_id: str
    asset: str
    amount_minor: int
    actor: str


class DepositSubmitted(
    _DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_submitted"
):
    """Money was announced."""


class DepositConfirmed(
    _DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_confirmed"
):
    """The money arrived and, unless a later event of the same row says otherwise, was credited.
    `attempt` counts confirmations and releases of this deposit, from 1."""

    attempt: int


class DepositRejected(_DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_rejected"):
    """The money does not come."""

    reason: str


class DepositSuspended(
    _DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_suspended"
):
    """The money arrived but the ledger refused to credit the wallet, for this reason: it stands in
    suspense."""

    attempt: int
    reason: str


class DepositReopened(_DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_reopened"):
    """The ledger took the money nowhere, for this reason: the deposit is submitted again."""

    reason: str


class DepositReleased(_DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_released"):
    """The money went from suspense to the wallet, unless a later event of the same row says
    otherwise."""

    attempt: int


class DepositKeptSuspended(
    _DepositEvent, frozen=True, array_like=True, tag="wallets.deposit_kept_suspended"
):
    """The ledger refused the release, for this reason: the money still stands in suspense."""

    reason: str


class _WithdrawalEvent(Event, frozen=True, array_like=True):
    # Closed for ever, like the one of deposits.
    withdrawal_id: str
    user_id: str
    asset: str
    amount_minor: int
    destination: str
    actor: str


class WithdrawalRequested(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_requested"
):
    """A payout was asked for; `approvals_needed` by distinct others, as the limits then said."""

    approvals_needed: int


class WithdrawalHeld(_WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_held"):
    """The ledger holds the funds."""


class WithdrawalRefused(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_refused"
):
    """The ledger would not hold the funds, for this reason."""

    reason: str


class WithdrawalEndorsed(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_endorsed"
):
    """The actor gave one approval; so many are still missing."""

    approvals_missing: int


class WithdrawalApproved(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_approved"
):
    """No approval is missing: the payout is ordered, and cannot be called back."""


class WithdrawalCancelled(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_cancelled"
):
    """It was taken back before the payout was ordered; the funds are released."""

    reason: str


class WithdrawalSent(_WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_sent"):
    """The rail has taken the payout."""


class WithdrawalSettled(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_settled"
):
    """The payout is final, unless a later event of the same row says otherwise. `attempt` counts
    how often this was booked, from 1."""

    attempt: int


class WithdrawalFailed(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.withdrawal_failed"
):
    """The payout will never happen, for this reason; the funds are released."""

    reason: str


class PayoutSuspended(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.payout_suspended"
):
    """The payout is final but the ledger would not post its hold, for this reason: it is booked
    against suspense, and the hold stands."""

    attempt: int
    reason: str


class PayoutReopened(_WithdrawalEvent, frozen=True, array_like=True, tag="wallets.payout_reopened"):
    """The settled payout could be booked nowhere, for this reason: it counts as sent again."""

    reason: str


class PayoutCleared(_WithdrawalEvent, frozen=True, array_like=True, tag="wallets.payout_cleared"):
    """The hold was posted and suspense booked back, unless a later event of the same row says
    otherwise."""

    attempt: int


class PayoutKeptSuspended(
    _WithdrawalEvent, frozen=True, array_like=True, tag="wallets.payout_kept_suspended"
):
    """The ledger refused to clear the payout, for this reason: it still stands in suspense."""

    reason: str


class WithdrawalBreakNoted(
    Event, frozen=True, array_like=True, tag="wallets.withdrawal_break_noted"
):
    """What was told contradicts what is booked, or the ledger would not release the hold: a break
    for someone to look into. Changes no state."""

    withdrawal_id: str
    actor: str
    reason: str


EVENTS: tuple[type[Event], ...] = (
    AssetOffered,
    CustomerOpened,
    WalletOpened,
    DepositSubmitted,
    DepositConfirmed,
    DepositRejected,
    DepositSuspended,
    DepositReopened,
    DepositReleased,
    DepositKeptSuspended,
    WithdrawalRequested,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalEndorsed,
    WithdrawalApproved,
    WithdrawalCancelled,
    WithdrawalSent,
    WithdrawalSettled,
    WithdrawalFailed,
    PayoutSuspended,
    PayoutReopened,
    PayoutCleared,
    PayoutKeptSuspended,
    WithdrawalBreakNoted,
)
