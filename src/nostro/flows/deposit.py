"""Which story does a deposit tell: from its first asset to its credit, or to suspense and back?

All of it is one journal row, so the wallets and the ledger cannot disagree. If the ledger refuses
to credit a wallet (frozen, closed), the money is ours all the same: it goes to suspense, as a bank
would book it, until someone releases it. Only if our own nostro account takes nothing, the
confirmation itself is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.exchange import ListAsset
from nostro.flows import books
from nostro.kernel.messages import Rejection
from nostro.kernel.room import Answer, Order, Step
from nostro.ledger import AssetRegistered, CreateTransfersTogether, NewTransfer, OpenAccounts
from nostro.wallets import (
    DepositConfirmed,
    DepositReleased,
    DepositState,
    DepositSuspended,
    KeepDepositSuspended,
    OfferAsset,
    ReopenDeposit,
    SuspendDeposit,
    WalletOpened,
)

NOT_BOOKABLE = "wallets.deposit_not_bookable"


def offer(event: AssetRegistered) -> Sequence[Step]:
    """Let customers hold, and markets trade, what the ledger keeps books in."""
    return [
        Order(OfferAsset(code=event.code, scale=event.scale)),
        Order(ListAsset(code=event.code, scale=event.scale)),
    ]


def open_accounts(event: WalletOpened) -> Sequence[Step]:
    """Open the ledger accounts that the wallet stands on."""
    return [Order(OpenAccounts(accounts=books.accounts_of(event.user_id, event.asset)))]


def credit(event: DepositConfirmed) -> Sequence[Step]:
    """Credit the wallet, or suspend the deposit."""
    transfer = NewTransfer(
        id=books.credit_id(event.user_id, event.transaction_id, event.attempt),
        debit=books.nostro_account(event.asset),
        credit=books.wallet_account(event.user_id, event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.DEPOSIT,
        reference=event.transaction_id,
    )

    def suspended(no: Rejection) -> Sequence[Step]:
        command = SuspendDeposit(
            user_id=event.user_id, transaction_id=event.transaction_id, reason=no.code
        )
        return [Order(command)]

    return [Order(CreateTransfersTogether(transfers=[transfer]), otherwise=suspended)]


def suspend(event: DepositSuspended) -> Sequence[Step]:
    """Book the money to suspense, or refuse the confirmation."""
    transfer = NewTransfer(
        id=books.suspense_id(event.user_id, event.transaction_id, event.attempt),
        debit=books.nostro_account(event.asset),
        credit=books.suspense_account(event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.SUSPENSE,
        reference=event.transaction_id,
    )

    def refused(no: Rejection) -> Sequence[Step]:
        command = ReopenDeposit(
            user_id=event.user_id, transaction_id=event.transaction_id, reason=no.code
        )
        facts = {
            "user_id": event.user_id,
            "transaction_id": event.transaction_id,
            "state": DepositState.SUBMITTED.value,
            "reason": no.code,
        }
        return [Order(command), Answer(code=NOT_BOOKABLE, facts=facts)]

    body = {
        "user_id": event.user_id,
        "transaction_id": event.transaction_id,
        "asset": event.asset,
        "amount_minor": event.amount_minor,
        "state": DepositState.SUSPENDED.value,
        "reason": event.reason,
    }
    return [
        Answer(body=body),
        Order(CreateTransfersTogether(transfers=[transfer]), otherwise=refused),
    ]


def release(event: DepositReleased) -> Sequence[Step]:
    """Move the money from suspense to the wallet, or leave it there."""
    transfer = NewTransfer(
        id=books.release_id(event.user_id, event.transaction_id, event.attempt),
        debit=books.suspense_account(event.asset),
        credit=books.wallet_account(event.user_id, event.asset),
        amount_minor=event.amount_minor,
        code=books.TransferCode.RELEASE,
        reference=event.transaction_id,
    )

    def kept(no: Rejection) -> Sequence[Step]:
        command = KeepDepositSuspended(
            user_id=event.user_id, transaction_id=event.transaction_id, reason=no.code
        )
        return [Order(command), Answer(code=no.code, facts=dict(no.facts))]

    return [Order(CreateTransfersTogether(transfers=[transfer]), otherwise=kept)]
