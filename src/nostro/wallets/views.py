"""What do readers see of customers, deposits and withdrawals?

Amounts are integer minor units, `scale` the decimals of the asset; times are microseconds since the
epoch (UTC).
"""

from __future__ import annotations

import msgspec

from nostro.wallets.state import DepositState, WithdrawalState


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the life of a deposit or a withdrawal: which, the state after it, who sent the
    command, why.

    `event`: the event's name (`deposit_confirmed`). `state`: "" for a note that changed none.
    """

    event: str
    state: str
    actor: str
    reason: str
    height: int
    at_us: int


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer, since when, and the assets of their wallets."""

    user_id: str
    opened_at_us: int
    opened_height: int
    assets: list[str]
    height: int


class DepositView(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit as it stands now, and how it came there (oldest first). `height`: of its last
    event."""

    user_id: str
    transaction_id: str
    asset: str
    scale: int
    amount_minor: int
    state: DepositState
    reason: str
    opened_at_us: int
    changed_at_us: int
    height: int
    history: list[Change]


class WithdrawalView(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal as it stands now, and how it came there (oldest first). `height`: of its last
    event.

    `approvals_missing`: how many others must still approve it.
    """

    withdrawal_id: str
    user_id: str
    asset: str
    scale: int
    amount_minor: int
    destination: str
    state: WithdrawalState
    reason: str
    approvals_missing: int
    opened_at_us: int
    changed_at_us: int
    height: int
    history: list[Change]
