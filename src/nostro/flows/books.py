"""Under which names and codes do deposits and withdrawals stand in the ledger?

No two stories share an id: no user id has a colon, and the last part of each id is the only one
that may have one. The longest, `suspense.999:` with a user id of 48 and a transaction id of 66
characters, just fits the ledger's 128.
"""

from __future__ import annotations

from enum import IntEnum

from nostro.ledger import AccountType, Limit, NewAccount

RESERVED_ACCOUNT_PREFIXES = ("wallet:", "nostro:", "suspense:")
"""Accounts that only flows open: a door refuses these to everyone else."""
RESERVED_TRANSFER_PREFIXES = (
    "deposit:",
    "deposit.",
    "suspense:",
    "suspense.",
    "release:",
    "release.",
    "withdrawal:",
    "withdrawal.",
)
"""Transfer ids that only flows use, and holds that only flows resolve."""


class TransferCode(IntEnum):
    """Why a flow moved money: the `code` of its transfers."""

    DEPOSIT = 1
    SUSPENSE = 2
    RELEASE = 3
    WITHDRAWAL = 4


def wallet_account(user_id: str, asset: str) -> str:
    """Return the account of what we owe a customer in one asset."""
    return f"wallet:{user_id}:{asset}"


def nostro_account(asset: str) -> str:
    """Return the account of our own money at the bank or on the chain, in one asset."""
    return f"nostro:{asset}"


def suspense_account(asset: str) -> str:
    """Return the account of money whose owner cannot be booked for now, in one asset."""
    return f"suspense:{asset}"


def accounts_of(user_id: str, asset: str) -> list[NewAccount]:
    """Return the accounts that a customer's first use of an asset needs; all but the wallet are
    shared, and usually there already.

    Wallet and suspense are liabilities; a wallet cannot be overdrawn. The nostro account is an
    asset without a limit: an overdraft at the correspondent is for the treasury to manage.
    """
    return [
        NewAccount(id=nostro_account(asset), asset=asset, type=AccountType.ASSET),
        NewAccount(id=suspense_account(asset), asset=asset, type=AccountType.LIABILITY),
        NewAccount(
            id=wallet_account(user_id, asset),
            asset=asset,
            type=AccountType.LIABILITY,
            limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
            owner=user_id,
        ),
    ]


def credit_id(user_id: str, transaction_id: str, attempt: int) -> str:
    """Return the id of a deposit's credit; `attempt` counts from 1. An id that the ledger refused
    stays refused, so another attempt needs another id."""
    return _numbered("deposit", attempt, f"{user_id}:{transaction_id}")


def suspense_id(user_id: str, transaction_id: str, attempt: int) -> str:
    """Return the id of a deposit's way into suspense."""
    return _numbered("suspense", attempt, f"{user_id}:{transaction_id}")


def release_id(user_id: str, transaction_id: str, attempt: int) -> str:
    """Return the id of a deposit's way out of suspense."""
    return _numbered("release", attempt, f"{user_id}:{transaction_id}")


def hold_id(withdrawal_id: str) -> str:
    """Return the id of a withdrawal's hold."""
    return f"withdrawal:{withdrawal_id}"


def post_id(withdrawal_id: str, attempt: int) -> str:
    """Return the id under which a withdrawal's hold is posted."""
    return _numbered("withdrawal.post", attempt, withdrawal_id)


def loss_id(withdrawal_id: str, attempt: int) -> str:
    """Return the id of a settled payout that is booked against suspense."""
    return _numbered("withdrawal.suspense", attempt, withdrawal_id)


def clear_id(withdrawal_id: str, attempt: int) -> str:
    """Return the id under which suspense is booked back when a payout is cleared."""
    return _numbered("withdrawal.clear", attempt, withdrawal_id)


def void_id(withdrawal_id: str) -> str:
    """Return the id under which a withdrawal's hold is voided."""
    return f"withdrawal.void:{withdrawal_id}"


def _numbered(what: str, attempt: int, rest: str) -> str:
    return f"{what}:{rest}" if attempt == 1 else f"{what}.{attempt}:{rest}"
