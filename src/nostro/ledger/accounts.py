"""Which accounts and assets may be opened, stopped and closed?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.asset import checked
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.room import Decision
from nostro.ledger.commands import (
    AccountType,
    CloseAccount,
    FreezeAccount,
    Limit,
    NewAccount,
    OpenAccounts,
    QuoteBalances,
    RegisterAsset,
    Side,
    UnfreezeAccount,
)
from nostro.ledger.content import ID_LENGTH_MAX, is_id, is_line_of_text, is_metadata
from nostro.ledger.events import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AssetRegistered,
)
from nostro.ledger.rules import ACCOUNTS_MAX, EXISTS, EXISTS_WITH_DIFFERENT
from nostro.ledger.state import CLOSED, FROZEN, Account, LedgerState
from nostro.ledger.views import Totals, available, posted

OWNER_LENGTH_MAX = 128
NAME_LENGTH_MAX = 128
REASON_LENGTH_MAX = 512

_NORMAL_SIDE = {
    AccountType.ASSET: Side.DEBIT,
    AccountType.EXPENSE: Side.DEBIT,
    AccountType.LIABILITY: Side.CREDIT,
    AccountType.EQUITY: Side.CREDIT,
    AccountType.INCOME: Side.CREDIT,
}


def register_asset(state: LedgerState, command: RegisterAsset) -> Decision:
    """Add an asset; the same code with the same scale again changes nothing."""
    asset = checked(command.code, command.scale, command.name)
    if not is_line_of_text(command.name, length_max=NAME_LENGTH_MAX):
        raise Rejection("asset.bad_name", asset=asset.code, length_max=NAME_LENGTH_MAX)
    known = state.assets.get(asset.code)
    if known is None:
        event = AssetRegistered(asset.code, asset.scale, asset.name)
        return Decision((event,), {"registered": True})
    if known.scale != asset.scale:
        raise Rejection(
            "ledger.asset_exists_with_different_scale", asset=asset.code, scale=known.scale
        )
    return Decision((), {"registered": False})


def open_accounts(state: LedgerState, command: OpenAccounts) -> Decision:
    """Open accounts in order, each with its own result; none of the refusals is final."""
    if len(command.accounts) > ACCOUNTS_MAX:
        raise Rejection(
            "ledger.too_many_accounts", count=len(command.accounts), count_max=ACCOUNTS_MAX
        )
    opened: dict[str, AccountOpened] = {}
    results: list[tuple[int, str, dict[str, Any]]] = []
    for index, account in enumerate(command.accounts):
        try:
            number = len(state.by_number) + len(opened)
            known = opened.get(account.id) or state.accounts.get(account.id)
            opened[account.id] = _opening(state, account, known, number)
        except Rejection as no:
            results.append((index, no.code, dict(no.facts)))
    return Decision(tuple(opened.values()), {"opened": len(opened), "results": results})


def _opening(
    state: LedgerState, account: NewAccount, known: Account | AccountOpened | None, number: int
) -> AccountOpened:
    if not is_id(account.id):
        raise Rejection("ledger.bad_account_id", id=account.id[:ID_LENGTH_MAX])
    event = AccountOpened(
        number,
        account.id,
        account.asset,
        account.type,
        account.side or _NORMAL_SIDE[account.type],
        account.limit,
        account.overdraft_minor,
        account.owner,
        account.metadata or None,
    )
    if known is not None:
        field = _first_difference(event, known)
        raise Rejection(EXISTS_WITH_DIFFERENT + field if field else EXISTS)
    if account.asset not in state.assets:
        raise Rejection("asset.unknown", asset=account.asset[:ID_LENGTH_MAX])
    if not 0 <= account.overdraft_minor <= AMOUNT_MINOR_MAX:
        raise Rejection("ledger.overdraft_out_of_range", overdraft_minor_max=AMOUNT_MINOR_MAX)
    if account.overdraft_minor and account.limit is Limit.NONE:
        raise Rejection("ledger.overdraft_without_limit")
    if not is_line_of_text(account.owner, length_max=OWNER_LENGTH_MAX):
        raise Rejection("ledger.bad_owner", length_max=OWNER_LENGTH_MAX)
    if account.metadata and not is_metadata(account.metadata):
        raise Rejection("ledger.bad_metadata")
    return event


def _first_difference(event: AccountOpened, known: Account | AccountOpened) -> str:
    same = (
        ("asset", event.asset == known.asset),
        ("type", event.type is known.type),
        ("side", event.side is known.side),
        ("limit", event.limit is known.limit),
        ("overdraft", event.overdraft_minor == known.overdraft_minor),
        ("owner", event.owner == known.owner),
        ("metadata", event.metadata == known.metadata),
    )
    return next((field for field, equal in same if not equal), "")


def quote_balances(state: LedgerState, command: QuoteBalances) -> Decision:
    """Tell what stands on accounts, and how much of it may go; nothing changes."""
    if len(command.accounts) > ACCOUNTS_MAX:
        raise Rejection(
            "ledger.too_many_accounts", count=len(command.accounts), count_max=ACCOUNTS_MAX
        )
    found = map(state.accounts.get, command.accounts)
    return Decision(body={"balances": [account and _quoted(account) for account in found]})


def _quoted(account: Account) -> list[int]:
    totals = Totals(
        account.debits_posted,
        account.credits_posted,
        account.debits_pending,
        account.credits_pending,
    )
    side, limit = account.side, account.limit
    return [posted(side, totals), available(side, limit, account.overdraft_minor, totals)]


def freeze(state: LedgerState, command: FreezeAccount) -> Decision:
    """Stop an account; freezing it again changes nothing."""
    account = _found(state, command.account, command.reason)
    _check_not_closed(account)
    if account.guard & FROZEN:
        return _unchanged()
    return _changed(AccountFrozen(account.number, command.reason))


def unfreeze(state: LedgerState, command: UnfreezeAccount) -> Decision:
    """Let an account move again; if it was not frozen, nothing changes."""
    account = _found(state, command.account, command.reason)
    _check_not_closed(account)
    if not account.guard & FROZEN:
        return _unchanged()
    return _changed(AccountUnfrozen(account.number, command.reason))


def close(state: LedgerState, command: CloseAccount) -> Decision:
    """Close an account with a zero balance and nothing held; closing it again changes nothing."""
    account = _found(state, command.account, command.reason)
    if account.guard & CLOSED:
        return _unchanged()
    if account.debits_pending or account.credits_pending:
        raise Rejection(
            "ledger.account_has_pending",
            account=account.id,
            asset=account.asset,
            debits_pending_minor=account.debits_pending,
            credits_pending_minor=account.credits_pending,
        )
    if account.debits_posted != account.credits_posted:
        raise Rejection(
            "ledger.account_has_balance",
            account=account.id,
            asset=account.asset,
            debits_posted_minor=account.debits_posted,
            credits_posted_minor=account.credits_posted,
        )
    return _changed(AccountClosed(account.number, command.reason))


def _found(state: LedgerState, account_id: str, reason: str) -> Account:
    if not is_line_of_text(reason, length_max=REASON_LENGTH_MAX):
        raise Rejection("ledger.bad_reason", length_max=REASON_LENGTH_MAX)
    account = state.accounts.get(account_id)
    if account is None:
        raise Rejection("ledger.account_not_found", account=account_id[:ID_LENGTH_MAX])
    return account


def _check_not_closed(account: Account) -> None:
    if account.guard & CLOSED:
        raise Rejection("ledger.account_closed", account=account.id)


def _changed(event: Event) -> Decision:
    return Decision((event,), {"changed": True})


def _unchanged() -> Decision:
    return Decision((), {"changed": False})
