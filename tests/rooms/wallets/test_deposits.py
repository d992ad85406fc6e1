"""Money coming in: what is refused, what is repeated, and only then what goes well."""

import msgspec
import pytest

from nostro.kernel.messages import Command
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.wallets import (
    ConfirmDeposit,
    CustomerOpened,
    DepositConfirmed,
    DepositKeptSuspended,
    DepositRejected,
    DepositReleased,
    DepositReopened,
    DepositSubmitted,
    DepositSuspended,
    KeepDepositSuspended,
    RejectDeposit,
    ReleaseDeposit,
    ReopenDeposit,
    SubmitDeposit,
    SuspendDeposit,
    WalletLimits,
    WalletOpened,
)
from nostro.wallets.state import ATTEMPTS_MAX
from tests.rooms.wallets.play import Play

ID = {"user_id": "alice", "transaction_id": "tx-1"}
TOLD = ("alice", "tx-1", "EUR", 5_000, "clerk")
SUBMIT = SubmitDeposit(**ID, asset="EUR", amount_minor=5_000)
CONFIRM = ConfirmDeposit(**ID)
REJECT = RejectDeposit(**ID, reason="bounced")
RELEASE = ReleaseDeposit(**ID)
BODY = {**ID, "asset": "EUR", "amount_minor": 5_000}

OPENED = (CustomerOpened("alice", "clerk"), WalletOpened("alice", "EUR", "clerk"))
SUBMITTED = (*OPENED, DepositSubmitted(*TOLD))
SUSPENDED = (DepositConfirmed(*TOLD, 1), DepositSuspended(*TOLD, 1, "ledger.account_frozen"))


def submitted() -> Play:
    return Play().given(*SUBMITTED)


def confirmed() -> Play:
    return submitted().given(DepositConfirmed(*TOLD, 1))


def rejected() -> Play:
    return submitted().given(DepositRejected(*TOLD, "bounced"))


def suspended() -> Play:
    return submitted().given(*SUSPENDED)


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transaction_id", ["", "a b", "x" * 67, "é", "tx\n"])
def test_a_malformed_transaction_id_is_refused(transaction_id: str) -> None:
    command = msgspec.structs.replace(SUBMIT, transaction_id=transaction_id)
    assert Play().refused(command).code == "wallets.bad_transaction_id"


@pytest.mark.parametrize(
    ("amount_minor", "code"),
    [
        (0, "wallets.amount_not_positive"),
        (-5, "wallets.amount_not_positive"),
        (99, "wallets.amount_below_minimum"),
        (1_000_001, "wallets.amount_above_maximum"),
        (AMOUNT_MINOR_MAX + 1, "wallets.amount_too_large"),
    ],
)
def test_an_amount_out_of_bounds_is_refused(amount_minor: int, code: str) -> None:
    command = msgspec.structs.replace(SUBMIT, amount_minor=amount_minor)
    assert Play().refused(command).code == code


def test_a_deposit_of_an_asset_that_is_not_offered_is_refused() -> None:
    command = msgspec.structs.replace(SUBMIT, asset="GOLD")
    assert Play().refused(command).code == "wallets.asset_not_offered"


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"amount_minor": 5_001}, ["amount_minor"]),
        ({"asset": "USD"}, ["asset"]),
        ({"asset": "USD", "amount_minor": 1}, ["asset", "amount_minor"]),
    ],
)
@pytest.mark.parametrize("play", [submitted, confirmed, rejected, suspended])
def test_one_transaction_id_never_stands_for_two_contents(
    play: object, changed: dict[str, object], differs: list[str]
) -> None:
    assert callable(play)
    refusal = play().refused(msgspec.structs.replace(SUBMIT, **changed))
    assert refusal.code == "wallets.transaction_id_reused"
    assert refusal.facts["differs"] == differs


@pytest.mark.parametrize("command", [CONFIRM, REJECT, RELEASE])
def test_a_deposit_that_nobody_submitted_is_unknown(command: Command) -> None:
    refusal = Play().given(*OPENED).refused(command)
    assert (refusal.code, refusal.facts) == ("wallets.deposit_unknown", ID)


def test_a_rejected_deposit_is_not_confirmed_any_more() -> None:
    refusal = rejected().refused(CONFIRM)
    assert refusal.code == "wallets.deposit_already_rejected"
    assert refusal.facts == {**ID, "state": "rejected", "reason": "bounced"}


def test_a_confirmed_deposit_is_not_rejected_any_more() -> None:
    assert confirmed().refused(REJECT).code == "wallets.deposit_already_confirmed"
    assert suspended().refused(REJECT).code == "wallets.deposit_already_confirmed"


def test_only_a_suspended_deposit_is_released() -> None:
    assert submitted().refused(RELEASE).code == "wallets.deposit_not_suspended"
    assert rejected().refused(RELEASE).code == "wallets.deposit_not_suspended"


def test_a_reason_is_not_a_place_to_store_things() -> None:
    command = msgspec.structs.replace(REJECT, reason="x" * 501)
    assert submitted().refused(command).code == "wallets.bad_reason"


@pytest.mark.parametrize(
    "command",
    [
        SuspendDeposit(**ID, reason="no"),
        ReopenDeposit(**ID, reason="no"),
        KeepDepositSuspended(**ID, reason="no"),
    ],
)
@pytest.mark.parametrize("play", [submitted, confirmed, rejected, suspended])
def test_what_only_a_flow_may_say_is_refused_in_a_row_of_its_own(
    play: object, command: Command
) -> None:
    assert callable(play)
    assert play().refused(command).code == "wallets.not_in_course"


def test_attempts_to_book_one_deposit_are_bounded() -> None:
    play = submitted().given(
        DepositConfirmed(*TOLD, ATTEMPTS_MAX), DepositSuspended(*TOLD, ATTEMPTS_MAX, "no")
    )
    assert play.refused(RELEASE).code == "wallets.attempts_exhausted"


def test_a_refusal_leaves_the_state_as_it_was() -> None:
    play = submitted()
    before = play.room.digest(play.state)
    play.refused(msgspec.structs.replace(SUBMIT, amount_minor=1))
    play.refused(RELEASE)
    assert play.room.digest(play.state) == before


# -- repeated -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("play", "command", "state"),
    [
        (submitted, SUBMIT, "submitted"),
        (confirmed, SUBMIT, "confirmed"),
        (rejected, SUBMIT, "rejected"),
        (suspended, SUBMIT, "suspended"),
        (confirmed, CONFIRM, "confirmed"),
        (suspended, CONFIRM, "suspended"),
        (rejected, REJECT, "rejected"),
        (confirmed, RELEASE, "confirmed"),
    ],
)
def test_a_repeat_tells_the_present_state_and_changes_nothing(
    play: object, command: Command, state: str
) -> None:
    assert callable(play)
    scene: Play = play()
    assert scene.when(command) == []
    assert scene.body["state"] == state
    assert scene.body["exists"] is True


def test_a_repeat_keeps_the_first_reason() -> None:
    play = rejected()
    play.when(RejectDeposit(**ID, reason="another"))
    assert play.body["reason"] == "bounced"


def test_a_repeat_is_recognised_under_stricter_limits_too() -> None:
    play = submitted()
    strict = Play(WalletLimits())
    strict.state = play.state
    assert strict.when(SUBMIT) == []


# -- refused by the ledger ------------------------------------------------------------------------


def test_a_deposit_that_cannot_be_credited_is_suspended() -> None:
    play = submitted()
    play.when(CONFIRM)
    told = play.when(SuspendDeposit(**ID, reason="ledger.account_frozen"), same_row=True)
    assert told == [DepositSuspended(*TOLD, 1, "ledger.account_frozen")]
    play.when(CONFIRM)
    assert play.body == {
        **BODY,
        "state": "suspended",
        "reason": "ledger.account_frozen",
        "exists": True,
    }


def test_a_deposit_that_can_be_booked_nowhere_is_submitted_again_and_can_be_confirmed_later() -> (
    None
):
    play = submitted()
    play.when(CONFIRM)
    play.when(SuspendDeposit(**ID, reason="a"), same_row=True)
    assert play.when(ReopenDeposit(**ID, reason="b"), same_row=True) == [
        DepositReopened(*TOLD, "b")
    ]
    assert play.when(CONFIRM) == [DepositConfirmed(*TOLD, 2)]


def test_a_refused_release_leaves_the_deposit_suspended_and_can_be_tried_again() -> None:
    play = suspended()
    assert play.when(RELEASE) == [DepositReleased(*TOLD, 2)]
    kept = play.when(KeepDepositSuspended(**ID, reason="still"), same_row=True)
    assert kept == [DepositKeptSuspended(*TOLD, "still")]
    assert play.when(RELEASE) == [DepositReleased(*TOLD, 3)]
    assert play.body == {**BODY, "state": "confirmed"}


# -- well -----------------------------------------------------------------------------------------


def test_the_first_deposit_of_an_unknown_user_opens_the_customer() -> None:
    play = Play()
    assert play.when(SUBMIT) == list(SUBMITTED)
    assert play.body == {**BODY, "state": "submitted"}


def test_the_first_deposit_in_another_asset_opens_a_wallet() -> None:
    events = Play().given(*OPENED).when(msgspec.structs.replace(SUBMIT, asset="BTC"))
    assert events[0] == WalletOpened("alice", "BTC", "clerk")
    assert len(events) == 2


def test_two_customers_may_have_the_same_transaction_id() -> None:
    events = submitted().when(msgspec.structs.replace(SUBMIT, user_id="bob", amount_minor=700))
    assert events[-1] == DepositSubmitted("bob", "tx-1", "EUR", 700, "clerk")


def test_a_submitted_deposit_is_confirmed_by_whoever_saw_the_money() -> None:
    play = submitted()
    told = DepositConfirmed("alice", "tx-1", "EUR", 5_000, "bank-feed", 1)
    assert play.when(CONFIRM, actor="bank-feed") == [told]
    assert play.body == {**BODY, "state": "confirmed"}


def test_a_submitted_deposit_is_rejected_with_a_reason() -> None:
    play = submitted()
    assert play.when(REJECT) == [DepositRejected(*TOLD, "bounced")]
    assert play.body == {**BODY, "state": "rejected", "reason": "bounced"}
