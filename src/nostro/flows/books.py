"""Under which names and codes do deposits, withdrawals, payments and trades stand in the ledger?

No two stories share an id: no user id and no participant id has a colon, and the last part of each
id is the only one that may have one. The longest, `suspense.999:` with a user id of 48 and a
transaction id of 66 characters, just fits the ledger's 128.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from nostro.kernel.room import Order
from nostro.ledger import (
    ACCOUNTS_MAX,
    TRANSFERS_MAX,
    AccountType,
    CreateTransfers,
    Limit,
    NewAccount,
    NewTransfer,
    OpenAccounts,
)

RESERVED_ACCOUNT_PREFIXES = (
    "wallet:",
    "nostro:",
    "suspense:",
    "vostro:",
    "fx:",
    "desk:",
    "transit:",
    "fees:",
    "claims:",
    "orders:",
    "provider:",
    "earnings:",
    "unsettled:",
    "clearing:",
    "issuer:",
)
"""Accounts that only flows open: a door refuses these to everyone else."""
OWNED_ACCOUNT_PREFIXES = ("wallet:", "vostro:")
"""Of these, what others own; a door may stop them."""
HOUSE_ACCOUNT_PREFIXES = tuple(
    prefix for prefix in RESERVED_ACCOUNT_PREFIXES if prefix not in OWNED_ACCOUNT_PREFIXES
)
"""Of these, the house's own; a door never stops them."""
FLOW_ACCOUNT_PREFIXES = ("orders:", "unsettled:", "clearing:", "issuer:")
"""Of these, what only flows may move: what stands there is what orders and settlements say."""
RESERVED_TRANSFER_PREFIXES = (
    "deposit:",
    "deposit.",
    "suspense:",
    "suspense.",
    "release:",
    "release.",
    "withdrawal:",
    "withdrawal.",
    "payment:",
    "payment.",
    "instruction:",
    "instruction.",
    "funding:",
    "trade:",
    "trade.",
    "order:",
    "order.",
    "match.",
    "funds.",
    "settle:",
    "settle.",
    "earmark:",
    "earmark.",
    "issue:",
)
"""Transfer ids that only flows use, and holds that only flows resolve."""


class TransferCode(IntEnum):
    """Why a flow moved money: the `code` of its transfers."""

    DEPOSIT = 1
    SUSPENSE = 2
    RELEASE = 3
    WITHDRAWAL = 4
    PAYMENT = 5
    FX = 6
    PAY_IN = 7
    PAY_OUT = 8
    CHARGE = 9
    REVERSAL = 10
    FUNDING = 11
    ORDER = 12
    ORDER_RELEASE = 13
    TRADE = 14
    TRADING_FEE = 15
    DVP = 16
    DVP_HOLD = 17
    DVP_RELEASE = 18
    ISSUE = 19


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
        wallet_of(user_id, asset),
    ]


def wallet_of(user_id: str, asset: str) -> NewAccount:
    """Return the wallet of a customer in one asset, as it is opened."""
    return NewAccount(
        id=wallet_account(user_id, asset),
        asset=asset,
        type=AccountType.LIABILITY,
        limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
        owner=user_id,
    )


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


def in_commands(transfers: Sequence[NewTransfer]) -> list[Order]:
    """Return the orders that record any number of transfers, each with its own result."""
    starts = range(0, len(transfers), TRANSFERS_MAX)
    return [
        Order(CreateTransfers(transfers=list(transfers[start : start + TRANSFERS_MAX])))
        for start in starts
    ]


def opening(accounts: Sequence[NewAccount]) -> list[Order]:
    """Return the orders that open any number of accounts; those that are there stay as they are."""
    starts = range(0, len(accounts), ACCOUNTS_MAX)
    return [
        Order(OpenAccounts(accounts=list(accounts[start : start + ACCOUNTS_MAX])))
        for start in starts
    ]


# -- payments between banks ------------------------------------------------------------------------

FUNDING_RAIL = "rtgs"
"""Where participants send the money that funds their accounts."""


def vostro_account(participant_id: str, currency: str) -> str:
    """Return the account of what we owe a bank in one currency."""
    return f"vostro:{participant_id}:{currency}"


def rail_account(rail: str, currency: str) -> str:
    """Return the account of our own money that a rail moves, in one currency."""
    return f"nostro:{rail}:{currency}"


def fx_account(currency: str) -> str:
    """Return the account of our position in a currency: what payments of another currency brought
    or took, until trades square it."""
    return f"fx:{currency}"


def desk_account(currency: str) -> str:
    """Return the account of what the market owes us for trades, in one currency."""
    return f"desk:{currency}"


def transit_account(currency: str) -> str:
    """Return the account of what is on its way in one currency: paid in and not final yet, or paid
    out and not moved yet."""
    return f"transit:{currency}"


def claims_account(currency: str) -> str:
    """Return the account of what banks owe us because their own would not pay, in one currency."""
    return f"claims:{currency}"


def fees_account(currency: str) -> str:
    """Return the account of what rails charged us, in one currency."""
    return f"fees:{currency}"


def settlement_accounts(
    participant_id: str, currency: str, *, credit_line_minor: int
) -> list[NewAccount]:
    """Return the accounts that a bank's first use of a currency needs; all but its own are shared,
    and usually there already."""
    return [
        NewAccount(id=rail_account(FUNDING_RAIL, currency), asset=currency, type=AccountType.ASSET),
        NewAccount(id=suspense_account(currency), asset=currency, type=AccountType.LIABILITY),
        NewAccount(id=fx_account(currency), asset=currency, type=AccountType.LIABILITY),
        NewAccount(id=desk_account(currency), asset=currency, type=AccountType.ASSET),
        NewAccount(id=transit_account(currency), asset=currency, type=AccountType.LIABILITY),
        NewAccount(id=fees_account(currency), asset=currency, type=AccountType.EXPENSE),
        NewAccount(id=claims_account(currency), asset=currency, type=AccountType.ASSET),
        NewAccount(
            id=vostro_account(participant_id, currency),
            asset=currency,
            type=AccountType.LIABILITY,
            limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
            overdraft_minor=credit_line_minor,
            owner=participant_id,
        ),
    ]


def funding_id(participant_id: str, reference: str) -> str:
    """Return the id of money that arrived for a bank's account."""
    return f"funding:{participant_id}:{reference}"


def payment_hold_id(transaction_id: str) -> str:
    """Return the id of a payment's hold."""
    return f"payment:{transaction_id}"


def payment_post_id(transaction_id: str) -> str:
    """Return the id under which a payment's hold is posted."""
    return f"payment.post:{transaction_id}"


def payment_credit_id(transaction_id: str) -> str:
    """Return the id of the credit in another currency than was paid."""
    return f"payment.fx:{transaction_id}"


def payment_void_id(transaction_id: str) -> str:
    """Return the id under which a payment's hold is voided."""
    return f"payment.void:{transaction_id}"


def payment_reversal_id(transaction_id: str) -> str:
    """Return the id under which a payment goes back to its payer."""
    return f"payment.reverse:{transaction_id}"


def payment_credit_reversal_id(transaction_id: str) -> str:
    """Return the id under which the credit in another currency goes back."""
    return f"payment.reverse.fx:{transaction_id}"


def instruction_id(instruction: str, step: str = "") -> str:
    """Return the id of a booking of an instruction: the hold of a pay-out or the whole of a pay-in,
    or a further step of it (`final`, `post`, `rail`, `void`, `charge`)."""
    return f"instruction.{step}:{instruction}" if step else f"instruction:{instruction}"


def trade_id(cycle_id: str, number: int, leg: str) -> str:
    """Return the id of a leg (`sold`, `bought`) of a cycle's trade with the market."""
    return f"trade.{leg}:{cycle_id}:{number}"


# -- orders and trades -----------------------------------------------------------------------------


def orders_account(user_id: str, asset: str) -> str:
    """Return the account of what a user's open orders hold, in one asset: a hold of the ledger is
    resolved once, an order is filled many times."""
    return f"orders:{user_id}:{asset}"


def earnings_account(asset: str) -> str:
    """Return the account of what trading fees earned us, in one asset."""
    return f"earnings:{asset}"


def provider_account(provider: str, asset: str) -> str:
    """Return the account of what a liquidity provider owes us, in one asset (or we him)."""
    return f"provider:{provider}:{asset}"


def trading_accounts(user_id: str, assets: Sequence[str]) -> list[NewAccount]:
    """Return the accounts, besides the wallets, that a user's first order in some assets needs."""
    held = [
        NewAccount(
            id=orders_account(user_id, asset),
            asset=asset,
            type=AccountType.LIABILITY,
            limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
            owner=user_id,
        )
        for asset in assets
    ]
    earned = [
        NewAccount(id=earnings_account(asset), asset=asset, type=AccountType.INCOME)
        for asset in assets
    ]
    return held + earned


def provider_accounts(provider: str, assets: Sequence[str]) -> list[NewAccount]:
    """Return the accounts that trades with a provider need, without a limit: what he owes us and we
    him is settled elsewhere."""
    return [
        NewAccount(id=provider_account(provider, asset), asset=asset, type=AccountType.ASSET)
        for asset in assets
    ]


def order_hold_id(order: int, moves: int) -> str:
    """Return the id under which funds are held for an order; `moves` counts its movements."""
    return f"order:{order}:{moves}"


def order_release_id(order: int, moves: int) -> str:
    """Return the id under which funds of an order go back."""
    return f"order.release:{order}:{moves}"


def match_id(trade: int, leg: str) -> str:
    """Return the id of a leg (`quote`, `base`, `fee`) of a trade."""
    return f"match.{leg}:{trade}"


def match_trade_id(trade: int) -> str:
    """Return the name under which a trade of the exchange is settled on a later day; nobody else
    gives such a one."""
    return f"match:{trade}"


def suspended_id(transfer_id: str) -> str:
    """Return the id under which money goes to suspense, as the wallet would not take it under
    `transfer_id`."""
    what, _, rest = transfer_id.partition(":")
    return f"{what}.suspense:{rest}"


def funds_release_id(suspension: int, attempt: int) -> str:
    """Return the id under which suspended funds go to their wallet."""
    return f"funds.release:{suspension}:{attempt}"


# -- delivery versus payment -----------------------------------------------------------------------


def unsettled_account(party: str, asset: str) -> str:
    """Return the account of what a trade set aside until its settlement day, in one asset."""
    return f"unsettled:{party}:{asset}"


def clearing_account(asset: str) -> str:
    """Return the account through which legs go that somebody passes on; it ends every row at
    zero."""
    return f"clearing:{asset}"


def issuer_account(asset: str) -> str:
    """Return the account of what an issuer, or the bank behind a cash asset, put into custody."""
    return f"issuer:{asset}"


def unsettled_accounts(party: str, asset: str) -> list[NewAccount]:
    """Return the accounts that a party's first trade with a later settlement day needs, on the side
    that it gives."""
    return [
        NewAccount(
            id=unsettled_account(party, asset),
            asset=asset,
            type=AccountType.LIABILITY,
            limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
            owner=party,
        )
    ]


def settle_stem(round_id: str, attempt: int) -> str:
    """Return the name under which the legs of a round are posted; an id that the ledger refused
    stays refused, so another attempt needs another."""
    return f"settle:{round_id}" if attempt == 1 else f"settle.{attempt}:{round_id}"


def earmark_id(round_id: str, attempt: int, number: int) -> str:
    """Return the id of a hold of a round, by the number of its lock; `attempt` as above."""
    what = "earmark" if attempt == 1 else f"earmark.{attempt}"
    return f"{what}:{round_id}:{number}"


def earmark_void_id(round_id: str, tries: int, number: int) -> str:
    """Return the id under which a hold of a round is voided; `tries` counts from 1."""
    return f"earmark.void.{tries}:{round_id}:{number}"


def issue_id(reference: str) -> str:
    """Return the id under which what came into custody, or left it, is booked."""
    return f"issue:{reference}"
