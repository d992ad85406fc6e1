"""What can one order the wallets to do?

`user_id`: 1 to 48 characters of `A-Z a-z 0-9 . _ @ -`. `transaction_id`: 1 to 66 characters of
`A-Z a-z 0-9 . _ : @ / -` (a hash with its 0x fits). `withdrawal_id`: 1 to 64 characters of
`A-Z a-z 0-9 . _ : @ -`. Amounts are integer minor units of the asset. Who sends a command is the
actor of its context; every command can meet the `bad_...` code of an id that it carries.
"""

from __future__ import annotations

from nostro.kernel.messages import Command


def deposit_key(user_id: str, transaction_id: str) -> str:
    """Return the name under which the house knows a deposit; unambiguous, as no user id has a
    colon."""
    return f"deposit:{user_id}:{transaction_id}"


def withdrawal_key(withdrawal_id: str) -> str:
    """Return the name under which the house knows a withdrawal."""
    return f"withdrawal:{withdrawal_id}"


class _AboutCustomer(Command, frozen=True, kw_only=True):
    user_id: str

    @property
    def stream(self) -> str:
        """Name the customer."""
        return f"customer:{self.user_id}"


class _AboutDeposit(Command, frozen=True, kw_only=True):
    user_id: str
    transaction_id: str

    @property
    def stream(self) -> str:
        """Name the deposit."""
        return deposit_key(self.user_id, self.transaction_id)


class _AboutWithdrawal(Command, frozen=True, kw_only=True):
    withdrawal_id: str

    @property
    def stream(self) -> str:
        """Name the withdrawal."""
        return withdrawal_key(self.withdrawal_id)


# -- customers ------------------------------------------------------------------------------------


class OpenCustomer(_AboutCustomer, frozen=True, kw_only=True, tag="wallets.OpenCustomer"):
    """Take a customer in. Sent by anyone; sent twice: `exists`, no event."""


class OpenWallet(_AboutCustomer, frozen=True, kw_only=True, tag="wallets.OpenWallet"):
    """Give a customer (opened if need be) an account in one asset. Sent by anyone; sent twice:
    `exists`, no event.

    Refused: `wallets.asset_not_offered`.
    """

    asset: str


class OfferAsset(Command, frozen=True, kw_only=True, tag="wallets.OfferAsset"):
    """Let customers hold an asset beyond the seed registry. Sent by the flow when the ledger
    registers one; sent twice: no event."""

    code: str
    scale: int

    @property
    def stream(self) -> str:
        """Name the asset."""
        return f"asset:{self.code}"


# -- deposits -------------------------------------------------------------------------------------


class SubmitDeposit(_AboutDeposit, frozen=True, kw_only=True, tag="wallets.SubmitDeposit"):
    """Announce money that is on its way in. Sent by anyone; nothing is credited yet.

    The first deposit of an unknown user opens the customer. Sent twice with the same content:
    `exists` and the present state, no event. Refused: `wallets.transaction_id_reused` (other asset
    or amount under this id), `wallets.asset_not_offered`, `wallets.amount_not_positive`,
    `wallets.amount_too_large`, `wallets.amount_below_minimum`, `wallets.amount_above_maximum`.
    """

    asset: str
    amount_minor: int


class ConfirmDeposit(_AboutDeposit, frozen=True, kw_only=True, tag="wallets.ConfirmDeposit"):
    """State that the money has arrived: the wallet is credited, or, where the ledger refuses that,
    suspense. Sent by whoever watches the account at the bank; sent twice: `exists`.

    Refused: `wallets.deposit_unknown`, `wallets.deposit_already_rejected`,
    `wallets.deposit_not_bookable` (the ledger takes it nowhere: still submitted),
    `wallets.attempts_exhausted`.
    """


class RejectDeposit(_AboutDeposit, frozen=True, kw_only=True, tag="wallets.RejectDeposit"):
    """State that the money does not come. Sent by whoever watches the account at the bank; sent
    twice: `exists`, and the first reason stays.

    Refused: `wallets.deposit_unknown`, `wallets.deposit_already_confirmed` (also when suspended).
    """

    reason: str = ""


class ReleaseDeposit(_AboutDeposit, frozen=True, kw_only=True, tag="wallets.ReleaseDeposit"):
    """Move a suspended deposit from suspense to its wallet. Sent by an operator once the reason is
    gone; sent twice: `exists`.

    Refused: `wallets.deposit_unknown`, `wallets.deposit_not_suspended`,
    `wallets.attempts_exhausted`, or the ledger's code when it still refuses (still suspended).
    """


class SuspendDeposit(_AboutDeposit, frozen=True, kw_only=True, tag="wallets.SuspendDeposit"):
    """Say that the ledger refused the credit. Sent by the flow, within the confirming row only.

    Refused: `wallets.not_in_course`, as are the next two.
    """

    reason: str


class ReopenDeposit(_AboutDeposit, frozen=True, kw_only=True, tag="wallets.ReopenDeposit"):
    """Say that not even suspense could be booked. Sent by the flow, within the confirming row."""

    reason: str


class KeepDepositSuspended(
    _AboutDeposit, frozen=True, kw_only=True, tag="wallets.KeepDepositSuspended"
):
    """Say that the ledger refused the release. Sent by the flow, within the releasing row only."""

    reason: str


# -- withdrawals ----------------------------------------------------------------------------------


class RequestWithdrawal(
    _AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.RequestWithdrawal"
):
    """Hold the funds and, once approved as the limits demand, pay them out to `destination` (1 to
    140 printable characters). Sent by the customer or a clerk, who cannot approve it.

    Sent twice with the same content: `exists` and the present state, or the first refusal again.
    Refused: `wallets.withdrawal_id_reused`, `wallets.bad_destination`,
    `wallets.asset_not_offered`, the amount codes of SubmitDeposit, `wallets.customer_unknown`,
    `wallets.wallet_unknown`, or the ledger's code when it refuses the hold.
    """

    user_id: str
    asset: str
    amount_minor: int
    destination: str


class ApproveWithdrawal(
    _AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.ApproveWithdrawal"
):
    """Approve a withdrawal; the last approval that it needs orders the payout. Sent by someone
    other than the requester, the customer and earlier approvers; sent twice: `exists`.

    Refused: `wallets.withdrawal_unknown`, `wallets.withdrawal_not_awaiting_approval`,
    `wallets.approver_unnamed`, `wallets.approver_is_requester`, `wallets.approver_is_customer`.
    """


class CancelWithdrawal(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.CancelWithdrawal"):
    """Take back a withdrawal that awaits approval; the funds are released. Sent by anyone who may
    request; sent twice: `exists`.

    Refused: `wallets.withdrawal_unknown`, `wallets.payout_already_ordered` (too late),
    `wallets.withdrawal_already_ended` (refused or failed).
    """

    reason: str = ""


class RecordPayoutSent(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.RecordPayoutSent"):
    """State that the rail took the payout. Sent by the performer; late or twice: `exists`.

    Refused: `wallets.withdrawal_unknown`, `wallets.payout_not_ordered`.
    """


class RecordPayoutSettled(
    _AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.RecordPayoutSettled"
):
    """State that the payout is final: the hold is posted, or, where the ledger refuses that, the
    payout is booked against suspense. Sent by the performer; may come before `sent`; twice:
    `exists`.

    Refused: `wallets.withdrawal_unknown`, `wallets.payout_not_ordered`,
    `wallets.payout_already_failed` (a break is noted), `wallets.payout_not_bookable` (the ledger
    takes it nowhere: still sent; send it again under another key once that is mended),
    `wallets.attempts_exhausted`.
    """


class RecordPayoutFailed(
    _AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.RecordPayoutFailed"
):
    """State that the payout will never happen: the funds are released. Sent by the performer;
    twice: `exists`, and the first reason stays.

    Refused: `wallets.withdrawal_unknown`, `wallets.payout_not_ordered`,
    `wallets.payout_already_settled` (a break is noted).
    """

    reason: str


class ClearPayout(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.ClearPayout"):
    """Book a suspended payout from its hold, and suspense back. Sent by an operator once the reason
    is gone; sent twice: `exists`.

    Refused: `wallets.withdrawal_unknown`, `wallets.payout_not_suspended`,
    `wallets.attempts_exhausted`, or the ledger's code when it still refuses (still suspended).
    """


class ConfirmHold(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.ConfirmHold"):
    """Go on after the ledger held the funds. Sent by the flow, within the requesting row; changes
    nothing when the hold was refused there. Refused elsewhere: `wallets.not_in_course`, as are
    the next five."""


class RefuseWithdrawal(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.RefuseWithdrawal"):
    """Say that the ledger refused the hold. Sent by the flow, within the requesting row only."""

    reason: str


class SuspendPayout(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.SuspendPayout"):
    """Say that the ledger would not post the hold. Sent by the flow, within the settling row."""

    reason: str


class ReopenPayout(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.ReopenPayout"):
    """Say that not even suspense could be booked. Sent by the flow, within the settling row."""

    reason: str


class KeepPayoutSuspended(
    _AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.KeepPayoutSuspended"
):
    """Say that the ledger refused to clear it. Sent by the flow, within the clearing row only."""

    reason: str


class NoteBreak(_AboutWithdrawal, frozen=True, kw_only=True, tag="wallets.NoteBreak"):
    """Say that the ledger would not release the hold. Sent by the flow, within the row that failed
    or cancelled the withdrawal only."""

    reason: str


COMMANDS: tuple[type[Command], ...] = (
    OpenCustomer,
    OpenWallet,
    OfferAsset,
    SubmitDeposit,
    ConfirmDeposit,
    RejectDeposit,
    ReleaseDeposit,
    SuspendDeposit,
    ReopenDeposit,
    KeepDepositSuspended,
    RequestWithdrawal,
    ApproveWithdrawal,
    CancelWithdrawal,
    RecordPayoutSent,
    RecordPayoutSettled,
    RecordPayoutFailed,
    ClearPayout,
    ConfirmHold,
    RefuseWithdrawal,
    SuspendPayout,
    ReopenPayout,
    KeepPayoutSuspended,
    NoteBreak,
)
