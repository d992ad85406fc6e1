"""What can one ask the ledger, now and as of any moment of the past?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from nostro.api.http import ledger_examples as examples
from nostro.api.http.accounts import AccountPath
from nostro.api.http.ledger_told import (
    AccountTold,
    AssetTrialTold,
    BalanceTold,
    StatementTold,
    TransferTold,
    account_told,
    balance_told,
    statement_told,
    transfer_told,
    trial_told,
)
from nostro.api.operations import Call, Handler, Operation, Result, answered
from nostro.api.problems import Invalid, ProblemRaised, Spoken
from nostro.api.times import microseconds
from nostro.api.words import AccountId, AssetCode, Height, LineId, Moment, Owner, Reference
from nostro.kernel.asset import SEED
from nostro.ledger import AccountType, Action, AsOf

LIMIT_MAX = 500

AtLeast = Annotated[
    int,
    msgspec.Meta(
        ge=0,
        le=2**62,
        description="Answer only once the views tell of this journal height; waits a little.",
        examples=[42],
    ),
]
Limit = Annotated[
    int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="Items of a page.", examples=[100])
]
Cursor = Annotated[
    str,
    msgspec.Meta(max_length=1000, description="next_cursor of the page before."),
]


class FreshQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How fresh the answer must be."""

    at_least: AtLeast | None = None


class AccountsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which accounts."""

    owner: Owner | None = None
    asset: AssetCode | None = None
    type: AccountType | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class BalanceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose balance, and as of when: a height is exact for ever, a time once a later row is
    recorded."""

    account: AccountId
    as_of_height: Height | None = None
    as_of_time: Moment | None = None
    at_least: AtLeast | None = None


class StatementQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose statement: lines recorded after one moment and up to another, each a height or a
    time."""

    account: AccountId
    after_height: Height | None = None
    after_time: Moment | None = None
    until_height: Height | None = None
    until_time: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class TransfersQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which transfers; both times are included."""

    account: AccountId | None = None
    code: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    reference: Reference | None = None
    action: Action | None = None
    from_: Moment | None = None
    to: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    at_least: AtLeast | None = None


class TrialQuery(msgspec.Struct, frozen=True, kw_only=True):
    """As of when."""

    as_of_height: Height | None = None
    as_of_time: Moment | None = None
    at_least: AtLeast | None = None


class TransferPath(msgspec.Struct, frozen=True, kw_only=True):
    """The transfer in the path; a slash in its id may stand as it is."""

    transfer_id: LineId


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts in the order of their opening, as far as `next_cursor`."""

    data: list[AccountTold]
    next_cursor: str | None
    has_more: bool
    height: int


class TransfersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Transfers, the newest first, as far as `next_cursor`. A page narrowed by several filters may
    be short and still have more."""

    data: list[TransferTold]
    next_cursor: str | None
    has_more: bool
    height: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Every asset's accounts, added up. `balanced`: no asset has a difference."""

    balanced: bool
    height: int
    data: list[AssetTrialTold]


class AssetTold(msgspec.Struct, frozen=True, kw_only=True):
    """An asset of the registry and the number of its decimals."""

    code: str
    scale: int
    name: str


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """The registry: currencies, crypto assets, and those registered since."""

    data: list[AssetTold]
    height: int


async def list_accounts(call: Call, query: AccountsQuery) -> Spoken:
    """Tell accounts, page by page."""
    await call.desk.fresh(query.at_least)
    page = await call.desk.platform.ledger.accounts(
        owner=query.owner,
        asset=query.asset,
        type=query.type,
        cursor=query.cursor,
        limit=query.limit,
    )
    told = AccountsPage(
        data=[account_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def get_account(call: Call, query: FreshQuery) -> Spoken:
    """Tell of one account."""
    await call.desk.fresh(query.at_least)
    view = await call.desk.platform.ledger.account(call.params.account_id)
    if view is None:
        raise _no_account(call.params.account_id)
    return answered(account_told(view))


async def get_balance(call: Call, query: BalanceQuery) -> Spoken:
    """Tell a balance, now or then."""
    as_of = _moment("as_of", query.as_of_height, query.as_of_time)
    await call.desk.fresh(query.at_least)
    view = await call.desk.platform.ledger.balance(query.account, as_of)
    if view is None:
        raise _no_account(query.account)
    return answered(balance_told(view))


async def get_statement(call: Call, query: StatementQuery) -> Spoken:
    """Tell the lines of an account between two moments."""
    after = _moment("after", query.after_height, query.after_time)
    until = _moment("until", query.until_height, query.until_time)
    await call.desk.fresh(query.at_least)
    view = await call.desk.platform.ledger.statement(
        query.account, after=after, until=until, cursor=query.cursor, limit=query.limit
    )
    if view is None:
        raise _no_account(query.account)
    return answered(statement_told(view))


async def get_transfer(call: Call, query: FreshQuery) -> Spoken:
    """Tell of one transfer, or why it was refused for good."""
    await call.desk.fresh(query.at_least)
    ledger, transfer_id = call.desk.platform.ledger, call.params.transfer_id
    view = await ledger.transfer(transfer_id)
    if view is not None:
        return answered(transfer_told(view))
    refusal = await ledger.refusal(transfer_id)
    facts: dict[str, Any] = {"id": transfer_id}
    if refusal is not None:
        facts["refused_with"] = refusal.code
    height = None if refusal is None else refusal.height
    raise ProblemRaised("ledger.transfer_not_found", facts=facts, height=height)


async def list_transfers(call: Call, query: TransfersQuery) -> Spoken:
    """Tell transfers, page by page."""
    await call.desk.fresh(query.at_least)
    page = await call.desk.platform.ledger.transfers(
        account=query.account,
        code=query.code,
        reference=query.reference,
        action=query.action,
        from_us=None if query.from_ is None else microseconds(query.from_),
        to_us=None if query.to is None else microseconds(query.to),
        cursor=query.cursor,
        limit=query.limit,
    )
    told = TransfersPage(
        data=[transfer_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
        height=page.height,
    )
    return answered(told)


async def get_trial_balance(call: Call, query: TrialQuery) -> Spoken:
    """Tell whether debits and credits are equal, asset by asset."""
    as_of = _moment("as_of", query.as_of_height, query.as_of_time)
    await call.desk.fresh(query.at_least)
    ledger = call.desk.platform.ledger
    rows = await ledger.trial_balance(as_of)
    told = TrialBalance(
        balanced=not any(row.difference or row.pending_difference for row in rows),
        height=rows[0].height if rows else await ledger.checkpoint(),
        data=[trial_told(row) for row in rows],
    )
    return answered(told)


async def list_assets(call: Call, query: FreshQuery) -> Spoken:
    """Tell the registry of assets."""
    await call.desk.fresh(query.at_least)
    ledger = call.desk.platform.ledger
    height = await ledger.checkpoint()
    added = await ledger.assets()
    told = Assets(
        data=[
            AssetTold(code=asset.code, scale=asset.scale, name=asset.name)
            for asset in (*SEED.values(), *added)
        ],
        height=height,
    )
    return answered(told)


def _moment(name: str, height: int | None, time: Any) -> AsOf | None:
    """Return the moment that a height or a time names; raises ProblemRaised when both are given."""
    if height is not None and time is not None:
        why = f"give {name}_height or {name}_time, one of them"
        raise ProblemRaised.invalid([Invalid(f"{name}_time", "request.bad_value", why)])
    if height is not None:
        return AsOf(height=height)
    return None if time is None else AsOf(at_us=microseconds(time))


def _no_account(account_id: str) -> ProblemRaised:
    return ProblemRaised("ledger.account_not_found", facts={"account": account_id})


def _read(
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    query: type[msgspec.Struct],
    shape: Any,
    example: Any,
    *,
    params: type[msgspec.Struct] | None = None,
    problems: Sequence[str] = (),
) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=f"/api/v1/ledger/{path}",
        tag="ledger",
        summary=summary,
        description=description,
        handler=handler,
        query=query,
        params=params,
        problems=(*problems, "views.behind", "views.unavailable"),
        results={200: Result(description=summary + ".", shape=shape, example=example)},
    )


_PAGED = ("request.bad_cursor",)

OPERATIONS = (
    _read(
        "listAccounts",
        "accounts",
        "Accounts with their balances",
        "In the order of their opening, narrowed by owner, asset and type.",
        list_accounts,
        AccountsQuery,
        AccountsPage,
        examples.ACCOUNTS,
        problems=_PAGED,
    ),
    _read(
        "getAccount",
        "accounts/{account_id:path}",
        "An account with its balance",
        "Its terms, its status and what stands on it.",
        get_account,
        FreshQuery,
        AccountTold,
        examples.ACCOUNT,
        params=AccountPath,
        problems=("ledger.account_not_found",),
    ),
    _read(
        "getBalance",
        "balances",
        "A balance, now or as of any moment",
        "As of a journal height, which is exact for ever, or as of a time.",
        get_balance,
        BalanceQuery,
        BalanceTold,
        examples.BALANCE,
        problems=("ledger.account_not_found", "views.ahead"),
    ),
    _read(
        "getStatement",
        "statements",
        "A statement with a running balance",
        "The lines recorded after one moment and up to another, oldest first, between the opening "
        "and the closing balance.",
        get_statement,
        StatementQuery,
        StatementTold,
        examples.STATEMENT,
        problems=("ledger.account_not_found", "views.ahead", *_PAGED),
    ),
    _read(
        "listTransfers",
        "transfers",
        "Transfers",
        "The newest first, narrowed by account, code, reference, action and time.",
        list_transfers,
        TransfersQuery,
        TransfersPage,
        examples.TRANSFERS,
        problems=_PAGED,
    ),
    _read(
        "getTransfer",
        "transfers/{transfer_id:path}",
        "A transfer",
        "As recorded; one that was refused for good is told with its code.",
        get_transfer,
        FreshQuery,
        TransferTold,
        examples.TRANSFER,
        params=TransferPath,
        problems=("ledger.transfer_not_found",),
    ),
    _read(
        "getTrialBalance",
        "trial-balance",
        "The trial balance",
        "Every asset's accounts added up: debits less credits are zero in sound books.",
        get_trial_balance,
        TrialQuery,
        TrialBalance,
        examples.TRIAL_BALANCE,
        problems=("views.ahead",),
    ),
    _read(
        "listAssets",
        "assets",
        "The registry of assets",
        "Each with the number of its decimals.",
        list_assets,
        FreshQuery,
        Assets,
        examples.ASSETS,
    ),
)
