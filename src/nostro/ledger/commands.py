"""What can one order the ledger to do?

Ids are 1 to 128 characters of `A-Z a-z 0-9 . _ : @ / -`; amounts are integer minor units of the
account's asset.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.kernel.messages import Command


class AccountType(StrEnum):
    """The five kinds of account of double-entry bookkeeping; it gives the normal side unless one
    is named."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class Side(StrEnum):
    """The side on which an account's balance is counted as positive."""

    DEBIT = "debit"
    CREDIT = "credit"


class Limit(StrEnum):
    """Which total must not exceed the other (pending counted), beyond the account's
    `overdraft_minor`."""

    NONE = "none"
    DEBITS_MUST_NOT_EXCEED_CREDITS = "debits_must_not_exceed_credits"
    CREDITS_MUST_NOT_EXCEED_DEBITS = "credits_must_not_exceed_debits"


class Action(StrEnum):
    """What a transfer does: move now, hold, or resolve a hold or reverse a posted transfer it
    refers to."""

    TRANSFER = "transfer"
    HOLD = "hold"
    POST = "post"
    VOID = "void"
    REVERSE = "reverse"


class Balancing(StrEnum):
    """Whether the amount is an upper bound, cut to what the limit of one side still allows."""

    NONE = "none"
    DEBIT = "debit"
    CREDIT = "credit"


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account to open. `side` None: the normal side of the type. `overdraft_minor`: how far
    beyond the limit."""

    id: str
    asset: str
    type: AccountType = AccountType.LIABILITY
    side: Side | None = None
    limit: Limit = Limit.NONE
    overdraft_minor: int = 0
    owner: str = ""
    metadata: dict[str, str] | None = None


class NewTransfer(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A transfer to record: `amount_minor` leaves no account and enters none: `debit` and `credit`
    name both sides.

    TRANSFER and HOLD name both accounts and an amount; HOLD may name `timeout_s` (0: never
    expires). POST names the hold in `refers_to`, and an amount up to the hold's (None: all; the
    rest is released). VOID names the hold in `refers_to`. REVERSE names a posted transfer in
    `refers_to` (the whole amount, once). For POST, VOID and REVERSE, accounts may be left out;
    when given they must be those of the original. `linked`: this transfer and the next one succeed
    or fail together. `effective_at_us`: when it counts for the business, microseconds since the
    epoch (None: when recorded). `asset`: what the sender counted the amount in; refused when the
    accounts are of another ("": not said).
    """

    id: str
    action: Action = Action.TRANSFER
    debit: str = ""
    credit: str = ""
    amount_minor: int | None = None
    refers_to: str = ""
    balancing: Balancing = Balancing.NONE
    linked: bool = False
    timeout_s: int = 0
    code: int = 0
    reference: str = ""
    effective_at_us: int | None = None
    metadata: dict[str, str] | None = None
    asset: str = ""


class RegisterAsset(Command, frozen=True, kw_only=True, tag="ledger.RegisterAsset"):
    """Add an asset to the registry. Sent twice with the same scale: accepted, no event.

    Refused: `asset.bad_code`, `asset.bad_scale`, `ledger.asset_exists_with_different_scale`.
    """

    code: str
    scale: int
    name: str = ""


class OpenAccounts(Command, frozen=True, kw_only=True, tag="ledger.OpenAccounts"):
    """Open accounts, each with its own result. Opening the same account again with the same
    content is `exists`."""

    accounts: list[NewAccount]


class FreezeAccount(Command, frozen=True, kw_only=True, tag="ledger.FreezeAccount"):
    """Stop an account: no new transfer or hold touches it; holds already there can still be voided
    or expire."""

    account: str
    reason: str = ""


class UnfreezeAccount(Command, frozen=True, kw_only=True, tag="ledger.UnfreezeAccount"):
    """Let a frozen account move again."""

    account: str
    reason: str = ""


class CloseAccount(Command, frozen=True, kw_only=True, tag="ledger.CloseAccount"):
    """Close an account for ever; refused unless both posted totals are equal and nothing is
    pending."""

    account: str
    reason: str = ""


class CreateTransfers(Command, frozen=True, kw_only=True, tag="ledger.CreateTransfers"):
    """Record up to 10,000 transfers in order, each with its own result; `linked` ones as chains.

    The command is accepted even if every transfer in it is refused; see `NewTransfer` and the rule
    book. Reply body: {"created": n, "results": [[index, code, facts], ...]} naming only those not
    simply created (`ledger.exists` for an identical repeat, otherwise a rejection code).
    """

    transfers: list[NewTransfer]


class CreateTransfersTogether(
    Command, frozen=True, kw_only=True, tag="ledger.CreateTransfersTogether"
):
    """Record transfers all or none: the first refusal refuses the command, with facts `index` and
    `id`.

    Reply body: {"created": n, "results": [...]} as for CreateTransfers.
    """

    transfers: list[NewTransfer]


class QuoteBalances(Command, frozen=True, kw_only=True, tag="ledger.QuoteBalances"):
    """Tell what stands on accounts at this moment, open holds counted; no event; ordered by flows
    and by the operator of a domain. Reply body: {"balances": [[balance_minor, available_minor] or
    None where there is no such account, ...]}. Refused: `ledger.too_many_accounts`."""

    accounts: list[str]
