"""Is what the command carries well formed, and within bounds?

Ids are bounded so that every name the house makes of them fits the ledger's 128 characters.
"""

from __future__ import annotations

import re

from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.wallets.state import WalletsState

USER_ID_MAX = 48
TRANSACTION_ID_MAX = 66
WITHDRAWAL_ID_MAX = 64
DESTINATION_MAX = 140
REASON_MAX = 500

_USER_ID = re.compile(rf"[A-Za-z0-9._@-]{{1,{USER_ID_MAX}}}\Z", re.ASCII)
_TRANSACTION_ID = re.compile(rf"[A-Za-z0-9._:@/-]{{1,{TRANSACTION_ID_MAX}}}\Z", re.ASCII)
_WITHDRAWAL_ID = re.compile(rf"[A-Za-z0-9._:@-]{{1,{WITHDRAWAL_ID_MAX}}}\Z", re.ASCII)


def check_user_id(user_id: str) -> None:
    """Raise Rejection `wallets.bad_user_id`."""
    if not _USER_ID.match(user_id):
        raise Rejection(
            "wallets.bad_user_id", user_id=user_id[:USER_ID_MAX], length_max=USER_ID_MAX
        )


def check_transaction_id(transaction_id: str) -> None:
    """Raise Rejection `wallets.bad_transaction_id`."""
    if not _TRANSACTION_ID.match(transaction_id):
        raise Rejection(
            "wallets.bad_transaction_id",
            transaction_id=transaction_id[:TRANSACTION_ID_MAX],
            length_max=TRANSACTION_ID_MAX,
        )


def check_withdrawal_id(withdrawal_id: str) -> None:
    """Raise Rejection `wallets.bad_withdrawal_id`."""
    if not _WITHDRAWAL_ID.match(withdrawal_id):
        raise Rejection(
            "wallets.bad_withdrawal_id",
            withdrawal_id=withdrawal_id[:WITHDRAWAL_ID_MAX],
            length_max=WITHDRAWAL_ID_MAX,
        )


def check_destination(destination: str) -> None:
    """Raise Rejection `wallets.bad_destination`: 1 to 140 printable characters, no space around."""
    fits = 0 < len(destination) <= DESTINATION_MAX and destination.isprintable()
    if not fits or destination != destination.strip():
        raise Rejection(
            "wallets.bad_destination",
            destination=destination[:DESTINATION_MAX],
            length_max=DESTINATION_MAX,
        )


def check_reason(reason: str) -> None:
    """Raise Rejection `wallets.bad_reason`: at most 500 characters."""
    if len(reason) > REASON_MAX:
        raise Rejection("wallets.bad_reason", length=len(reason), length_max=REASON_MAX)


def check_offered(state: WalletsState, asset: str) -> None:
    """Raise Rejection `wallets.asset_not_offered`."""
    if not state.offers(asset):
        raise Rejection("wallets.asset_not_offered", asset=asset[:USER_ID_MAX])


def check_amount(*, amount_minor: int, asset: str, minimum_minor: int, maximum_minor: int) -> None:
    """Raise Rejection `wallets.amount_not_positive`, `wallets.amount_too_large` (more than 38
    digits), `wallets.amount_below_minimum` or `wallets.amount_above_maximum`."""
    if amount_minor <= 0:
        raise Rejection("wallets.amount_not_positive", asset=asset, amount_minor=amount_minor)
    if amount_minor > AMOUNT_MINOR_MAX:
        raise Rejection("wallets.amount_too_large", asset=asset)
    if amount_minor < minimum_minor:
        raise Rejection(
            "wallets.amount_below_minimum",
            asset=asset,
            amount_minor=amount_minor,
            minimum_minor=minimum_minor,
        )
    if amount_minor > maximum_minor:
        raise Rejection(
            "wallets.amount_above_maximum",
            asset=asset,
            amount_minor=amount_minor,
            maximum_minor=maximum_minor,
        )
