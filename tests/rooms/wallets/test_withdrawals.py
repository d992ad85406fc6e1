"""Money going out, until the payout is ordered: refusals, repeats, four eyes, coming too late."""

import msgspec
import pytest

from nostro.kernel.messages import Command, Event
from nostro.wallets import (
    ApproveWithdrawal,
    CancelWithdrawal,
    ClearPayout,
    ConfirmHold,
    CustomerOpened,
    KeepPayoutSuspended,
    NoteBreak,
    PayoutSuspended,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    RefuseWithdrawal,
    ReopenPayout,
    RequestWithdrawal,
    SuspendPayout,
    WalletOpened,
    WithdrawalApproved,
    WithdrawalCancelled,
    WithdrawalEndorsed,
    WithdrawalFailed,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
)
from tests.rooms.wallets.play import Play

OPENED = (CustomerOpened("alice", "clerk"), WalletOpened("alice", "EUR", "clerk"))
REQUEST = RequestWithdrawal(
    withdrawal_id="w-1", user_id="alice", asset="EUR", amount_minor=20_000, destination="DE89 3704"
)
APPROVE = ApproveWithdrawal(withdrawal_id="w-1")
CANCEL = CancelWithdrawal(withdrawal_id="w-1", reason="changed my mind")
TOLD = ("w-1", "alice", "EUR", 20_000, "DE89 3704")


def told(by: str = "clerk", amount_minor: int = 20_000) -> tuple[str, str, str, int, str, str]:
    return ("w-1", "alice", "EUR", amount_minor, "DE89 3704", by)


def after(*events: Event) -> Play:
    """A withdrawal that needs one approval, held, and then these events."""
    held = (WithdrawalRequested(*told(), 1), WithdrawalHeld(*told()))
    return Play().given(*OPENED).given(*held).given(*events)


APPROVED = WithdrawalApproved(*told("boss"))
SENT = WithdrawalSent(*told())
SETTLED = WithdrawalSettled(*told(), 1)
SUSPENDED = PayoutSuspended(*told(), 1, "ledger.debit_frozen")
FAILED = WithdrawalFailed(*told(), "closed")
CANCELLED = WithdrawalCancelled(*told(), "changed my mind")
REFUSED = WithdrawalRefused(*told(), "ledger.exceeds_credits")


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"withdrawal_id": ""}, "wallets.bad_withdrawal_id"),
        ({"withdrawal_id": "a/b"}, "wallets.bad_withdrawal_id"),
        ({"withdrawal_id": "x" * 65}, "wallets.bad_withdrawal_id"),
        ({"user_id": "a:b"}, "wallets.bad_user_id"),
        ({"destination": ""}, "wallets.bad_destination"),
        ({"destination": " DE89"}, "wallets.bad_destination"),
        ({"destination": "DE\x0089"}, "wallets.bad_destination"),
        ({"destination": "x" * 141}, "wallets.bad_destination"),
        ({"asset": "GOLD"}, "wallets.asset_not_offered"),
        ({"amount_minor": 0}, "wallets.amount_not_positive"),
        ({"amount_minor": 199}, "wallets.amount_below_minimum"),
        ({"amount_minor": 900_001}, "wallets.amount_above_maximum"),
        ({"amount_minor": 10**38}, "wallets.amount_too_large"),
        ({"user_id": "nobody"}, "wallets.customer_unknown"),
        ({"asset": "USD"}, "wallets.wallet_unknown"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(changed: dict[str, object], code: str) -> None:
    play = Play().given(*OPENED)
    assert play.refused(msgspec.structs.replace(REQUEST, **changed)).code == code


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"amount_minor": 300}, ["amount_minor"]),
        ({"destination": "FR76"}, ["destination"]),
        ({"user_id": "bob", "asset": "USD"}, ["user_id", "asset"]),
    ],
)
def test_one_withdrawal_id_never_stands_for_two_contents(
    changed: dict[str, object], differs: list[str]
) -> None:
    for play in (after(), after(CANCELLED), after(APPROVED, SENT, SETTLED)):
        refusal = play.refused(msgspec.structs.replace(REQUEST, **changed))
        assert refusal.code == "wallets.withdrawal_id_reused"
        assert refusal.facts["differs"] == differs


@pytest.mark.parametrize(
    "command",
    [
        APPROVE,
        CANCEL,
        RecordPayoutSent(withdrawal_id="w-1"),
        RecordPayoutSettled(withdrawal_id="w-1"),
        RecordPayoutFailed(withdrawal_id="w-1", reason="no"),
        ClearPayout(withdrawal_id="w-1"),
        ConfirmHold(withdrawal_id="w-1"),
    ],
)
def test_a_withdrawal_that_nobody_requested_is_unknown(command: Command) -> None:
    assert Play().given(*OPENED).refused(command).code == "wallets.withdrawal_unknown"


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        ("clerk", "wallets.approver_is_requester"),
        ("Clerk", "wallets.approver_is_requester"),
        ("alice", "wallets.approver_is_customer"),
        ("ALICE", "wallets.approver_is_customer"),
        ("", "wallets.approver_unnamed"),
    ],
)
def test_four_eyes_means_two_people_who_are_not_the_customer(actor: str, code: str) -> None:
    assert after().refused(APPROVE, actor=actor).code == code


@pytest.mark.parametrize("ended", [CANCELLED, REFUSED])
def test_what_was_taken_back_or_refused_is_not_approved(ended: Event) -> None:
    refusal = after(ended).refused(APPROVE, actor="boss")
    assert refusal.code == "wallets.withdrawal_not_awaiting_approval"


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((APPROVED,), "wallets.payout_already_ordered"),
        ((APPROVED, SENT), "wallets.payout_already_ordered"),
        ((APPROVED, SENT, SETTLED), "wallets.payout_already_ordered"),
        ((APPROVED, SETTLED, SUSPENDED), "wallets.payout_already_ordered"),
        ((APPROVED, FAILED), "wallets.withdrawal_already_ended"),
        ((REFUSED,), "wallets.withdrawal_already_ended"),
    ],
)
def test_a_cancel_that_comes_too_late_is_refused(events: tuple[Event, ...], code: str) -> None:
    assert after(*events).refused(CANCEL).code == code


@pytest.mark.parametrize(
    "command",
    [
        ConfirmHold(withdrawal_id="w-1"),
        RefuseWithdrawal(withdrawal_id="w-1", reason="no"),
        SuspendPayout(withdrawal_id="w-1", reason="no"),
        ReopenPayout(withdrawal_id="w-1", reason="no"),
        KeepPayoutSuspended(withdrawal_id="w-1", reason="no"),
        NoteBreak(withdrawal_id="w-1", reason="no"),
    ],
)
@pytest.mark.parametrize("events", [(), (APPROVED,), (APPROVED, SETTLED), (REFUSED,), (SUSPENDED,)])
def test_what_only_a_flow_may_say_is_refused_in_a_row_of_its_own(
    events: tuple[Event, ...], command: Command
) -> None:
    assert after(*events).refused(command).code == "wallets.not_in_course"


# -- repeated -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "command", "actor", "state"),
    [
        ((), REQUEST, "clerk", "awaiting_approval"),
        ((), REQUEST, "another", "awaiting_approval"),
        ((APPROVED, SENT, SETTLED), REQUEST, "clerk", "settled"),
        ((CANCELLED,), REQUEST, "clerk", "cancelled"),
        ((APPROVED,), APPROVE, "boss", "approved"),
        ((APPROVED, SENT), APPROVE, "boss", "sent"),
        ((APPROVED, SETTLED), APPROVE, "boss", "settled"),
        ((APPROVED, FAILED), APPROVE, "boss", "failed"),
        ((APPROVED, SETTLED, SUSPENDED), APPROVE, "boss", "suspended"),
        ((CANCELLED,), CANCEL, "clerk", "cancelled"),
    ],
)
def test_a_repeat_tells_the_present_state_and_changes_nothing(
    events: tuple[Event, ...], command: Command, actor: str, state: str
) -> None:
    play = after(*events)
    assert play.when(command, actor=actor) == []
    assert play.body["state"] == state
    assert play.body["exists"] is True


def test_a_request_that_the_ledger_refused_stays_refused_for_the_same_reason() -> None:
    refusal = after(REFUSED).refused(REQUEST)
    assert refusal.code == "ledger.exceeds_credits"
    assert refusal.facts == {"withdrawal_id": "w-1", "state": "refused", "exists": True}


@pytest.mark.parametrize("again", ["boss", "Boss"])
def test_one_approver_counts_once_however_they_spell_their_name(again: str) -> None:
    play = Play().given(*OPENED)
    play.given(WithdrawalRequested(*told(amount_minor=200_000), 2))
    play.given(WithdrawalHeld(*told(amount_minor=200_000)))
    play.when(APPROVE, actor="boss")
    assert play.when(APPROVE, actor=again) == []
    assert (play.body["state"], play.body["approvals_missing"]) == ("awaiting_approval", 1)


# -- well -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount_minor", "approvals", "state"),
    [
        (10_000, 0, "approved"),
        (10_001, 1, "awaiting_approval"),
        (100_000, 1, "awaiting_approval"),
        (100_001, 2, "awaiting_approval"),
    ],
)
def test_the_amount_decides_how_many_must_approve(
    amount_minor: int, approvals: int, state: str
) -> None:
    play = Play().given(*OPENED)
    events = play.when(msgspec.structs.replace(REQUEST, amount_minor=amount_minor))
    assert events == [WithdrawalRequested(*told(amount_minor=amount_minor), approvals)]
    assert (play.body["state"], play.body["approvals_missing"]) == (state, approvals)


def test_a_small_withdrawal_is_approved_as_soon_as_its_funds_are_held() -> None:
    play = Play().given(*OPENED)
    play.when(msgspec.structs.replace(REQUEST, amount_minor=500))
    held = play.when(ConfirmHold(withdrawal_id="w-1"), same_row=True)
    assert held == [
        WithdrawalHeld(*told(amount_minor=500)),
        WithdrawalApproved(*told(amount_minor=500)),
    ]


def test_a_large_withdrawal_waits_for_approval_once_its_funds_are_held() -> None:
    play = Play().given(*OPENED)
    play.when(REQUEST)
    held = play.when(ConfirmHold(withdrawal_id="w-1"), same_row=True)
    assert held == [WithdrawalHeld(*told())]


def test_a_refused_hold_ends_the_withdrawal_and_nothing_goes_on() -> None:
    play = Play().given(*OPENED)
    play.when(REQUEST)
    refused = play.when(
        RefuseWithdrawal(withdrawal_id="w-1", reason="ledger.exceeds_credits"), same_row=True
    )
    assert refused == [REFUSED]
    assert play.when(ConfirmHold(withdrawal_id="w-1"), same_row=True) == []


def test_the_second_pair_of_eyes_orders_the_payout() -> None:
    play = after()
    approval = play.when(APPROVE, actor="boss")
    assert approval == [WithdrawalEndorsed(*told("boss"), 0), WithdrawalApproved(*told("boss"))]
    assert (play.body["state"], play.body["approvals_missing"]) == ("approved", 0)


def test_the_third_pair_of_eyes_orders_a_very_large_payout() -> None:
    large = told(amount_minor=200_000)
    play = Play().given(*OPENED)
    play.given(WithdrawalRequested(*large, 2), WithdrawalHeld(*large))
    assert play.when(APPROVE, actor="boss") == [
        WithdrawalEndorsed(*told("boss", amount_minor=200_000), 1)
    ]
    assert len(play.when(APPROVE, actor="treasurer")) == 2
    assert play.body["state"] == "approved"


def test_a_withdrawal_that_awaits_approval_can_be_taken_back() -> None:
    play = after()
    assert play.when(CANCEL) == [CANCELLED]
    assert (play.body["state"], play.body["approvals_missing"]) == ("cancelled", 0)
