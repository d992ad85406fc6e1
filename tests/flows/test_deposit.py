"""The story of a deposit: each event and its steps, then whole stories over both rooms."""

from __future__ import annotations

from nostro.exchange import ListAsset
from nostro.flows import deposit
from nostro.kernel.messages import Rejection
from nostro.kernel.room import Answer, Order
from nostro.ledger import (
    AccountType,
    AssetRegistered,
    CloseAccount,
    CreateTransfersTogether,
    Limit,
    NewTransfer,
    OpenAccounts,
    RegisterAsset,
)
from nostro.wallets import (
    ConfirmDeposit,
    DepositConfirmed,
    DepositReleased,
    DepositSuspended,
    KeepDepositSuspended,
    OfferAsset,
    OpenWallet,
    RejectDeposit,
    ReleaseDeposit,
    ReopenDeposit,
    SubmitDeposit,
    SuspendDeposit,
    WalletOpened,
)
from tests.flows.town import Town

ID = {"user_id": "alice", "transaction_id": "tx-1"}
TOLD = ("alice", "tx-1", "EUR", 5_000, "clerk")
SUBMIT = SubmitDeposit(**ID, asset="EUR", amount_minor=5_000)
CONFIRM = ConfirmDeposit(**ID)
RELEASE = ReleaseDeposit(**ID)
NO = Rejection("ledger.credit_frozen", account="wallet:alice:EUR")


def only_transfer(step: object) -> NewTransfer:
    assert isinstance(step, Order)
    assert isinstance(step.command, CreateTransfersTogether)
    (transfer,) = step.command.transfers
    return transfer


def commands_otherwise(step: object) -> list[object]:
    assert isinstance(step, Order)
    assert step.otherwise is not None
    return [each.command if isinstance(each, Order) else each for each in step.otherwise(NO)]


# -- event in, steps out --------------------------------------------------------------------------


def test_a_registered_asset_is_offered_and_listed() -> None:
    steps = deposit.offer(AssetRegistered("GOLD", 3, "Gold"))
    offered, listed = OfferAsset(code="GOLD", scale=3), ListAsset(code="GOLD", scale=3)
    assert steps == [Order(offered), Order(listed)]


def test_a_wallet_stands_on_ledger_accounts_and_cannot_be_overdrawn() -> None:
    (step,) = deposit.open_accounts(WalletOpened("alice", "EUR", "clerk"))
    assert isinstance(step, Order)
    assert isinstance(step.command, OpenAccounts)
    nostro, suspense, wallet = step.command.accounts
    assert (nostro.type, nostro.limit) == (AccountType.ASSET, Limit.NONE)
    assert (suspense.type, suspense.limit) == (AccountType.LIABILITY, Limit.NONE)
    assert wallet.limit is Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
    assert wallet.owner == "alice"


def test_a_confirmed_deposit_is_credited_or_else_suspended() -> None:
    (step,) = deposit.credit(DepositConfirmed(*TOLD, 1))
    transfer = only_transfer(step)
    assert (transfer.id, transfer.amount_minor) == ("deposit:alice:tx-1", 5_000)
    assert (transfer.debit, transfer.credit) == ("nostro:EUR", "wallet:alice:EUR")
    assert commands_otherwise(step) == [SuspendDeposit(**ID, reason=NO.code)]


def test_a_suspended_deposit_goes_to_suspense_or_else_the_confirmation_is_refused() -> None:
    answer, step = deposit.suspend(DepositSuspended(*TOLD, 1, NO.code))
    assert isinstance(answer, Answer)
    assert answer.body["state"] == "suspended"
    transfer = only_transfer(step)
    assert (transfer.id, transfer.credit) == ("suspense:alice:tx-1", "suspense:EUR")
    reopened, refusal = commands_otherwise(step)
    assert reopened == ReopenDeposit(**ID, reason=NO.code)
    assert isinstance(refusal, Answer)
    assert refusal.code == "wallets.deposit_not_bookable"


def test_a_released_deposit_leaves_suspense_or_else_stays_there() -> None:
    (step,) = deposit.release(DepositReleased(*TOLD, 2))
    transfer = only_transfer(step)
    assert transfer.id == "release.2:alice:tx-1"
    assert (transfer.debit, transfer.credit) == ("suspense:EUR", "wallet:alice:EUR")
    kept, refusal = commands_otherwise(step)
    assert kept == KeepDepositSuspended(**ID, reason=NO.code)
    assert refusal == Answer(code=NO.code, facts=dict(NO.facts))


# -- stories --------------------------------------------------------------------------------------


def submitted() -> Town:
    town = Town()
    assert town.tell(SUBMIT).accepted
    return town


def test_nothing_is_credited_before_the_money_is_there() -> None:
    town = submitted()
    assert town.posted("wallet:alice:EUR") == 0


def test_a_rejected_deposit_moves_nothing() -> None:
    town = submitted()
    town.tell(RejectDeposit(**ID, reason="bounced"))
    assert town.tell(CONFIRM).code == "wallets.deposit_already_rejected"
    assert town.posted("wallet:alice:EUR") == 0


def test_a_deposit_confirmed_twice_is_credited_once() -> None:
    town = submitted()
    assert town.tell(CONFIRM).body["state"] == "confirmed"
    assert town.tell(CONFIRM).body["exists"] is True
    assert town.posted("wallet:alice:EUR") == 5_000
    assert town.posted("nostro:EUR") == -5_000


def test_money_for_a_frozen_wallet_waits_in_suspense_until_it_is_released() -> None:
    town = submitted()
    town.freeze("wallet:alice:EUR")
    reply = town.tell(CONFIRM)
    assert reply.accepted
    assert (reply.body["state"], reply.body["reason"]) == ("suspended", "ledger.credit_frozen")
    assert (town.posted("wallet:alice:EUR"), town.posted("suspense:EUR")) == (0, 5_000)

    refused = town.tell(RELEASE)
    assert refused.code == "ledger.credit_frozen"
    assert town.posted("suspense:EUR") == 5_000

    town.unfreeze("wallet:alice:EUR")
    assert town.tell(RELEASE).body["state"] == "confirmed"
    assert (town.posted("wallet:alice:EUR"), town.posted("suspense:EUR")) == (5_000, 0)
    assert town.tell(RELEASE).body["exists"] is True
    assert town.posted("wallet:alice:EUR") == 5_000


def test_money_for_a_closed_wallet_goes_to_suspense() -> None:
    town = submitted()
    town.tell(CloseAccount(account="wallet:alice:EUR"))
    assert town.tell(CONFIRM).body["reason"] == "ledger.credit_closed"
    assert town.posted("suspense:EUR") == 5_000


def test_a_deposit_that_can_be_booked_nowhere_is_refused_and_can_be_confirmed_later() -> None:
    town = submitted()
    town.freeze("nostro:EUR")
    reply = town.tell(CONFIRM)
    assert reply.code == "wallets.deposit_not_bookable"
    assert reply.facts["reason"] == "ledger.debit_frozen"
    assert (town.posted("wallet:alice:EUR"), town.posted("suspense:EUR")) == (0, 0)
    assert town.tell(SUBMIT).body["state"] == "submitted"

    town.unfreeze("nostro:EUR")
    assert town.tell(CONFIRM).body["state"] == "confirmed"
    assert town.posted("wallet:alice:EUR") == 5_000


def test_a_wallet_and_its_books_are_opened_in_one_row() -> None:
    town = submitted()
    assert town.kinds()[:3] == ["CustomerOpened", "WalletOpened", "DepositSubmitted"]
    assert town.kinds()[3:] == ["AccountOpened"] * 3
    town.tell(SubmitDeposit(user_id="bob", transaction_id="tx-1", asset="EUR", amount_minor=1))
    assert town.kinds()[3:] == ["AccountOpened"]


def test_an_asset_can_be_deposited_as_soon_as_the_ledger_registered_it() -> None:
    town = Town()
    assert town.tell(OpenWallet(user_id="alice", asset="GOLD")).code == "wallets.asset_not_offered"
    town.tell(RegisterAsset(code="GOLD", scale=3))
    assert town.tell(OpenWallet(user_id="alice", asset="GOLD")).accepted
    assert town.posted("wallet:alice:GOLD") == 0
