"""What the rail says, in whatever order: a table of every state and everything it can be told."""

import pytest

from nostro.kernel.messages import Command, Event
from nostro.wallets import (
    ClearPayout,
    KeepPayoutSuspended,
    NoteBreak,
    PayoutCleared,
    PayoutKeptSuspended,
    PayoutReopened,
    PayoutSuspended,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    ReopenPayout,
    SuspendPayout,
    WithdrawalBreakNoted,
    WithdrawalFailed,
    WithdrawalSent,
    WithdrawalSettled,
)
from nostro.wallets.state import ATTEMPTS_MAX
from tests.rooms.wallets.play import Play
from tests.rooms.wallets.test_withdrawals import (
    APPROVED,
    CANCELLED,
    FAILED,
    REFUSED,
    SENT,
    SETTLED,
    SUSPENDED,
    after,
    told,
)

COMMANDS: dict[str, Command] = {
    "sent": RecordPayoutSent(withdrawal_id="w-1"),
    "settled": RecordPayoutSettled(withdrawal_id="w-1"),
    "failed": RecordPayoutFailed(withdrawal_id="w-1", reason="closed"),
    "clear": ClearPayout(withdrawal_id="w-1"),
}
PAST: dict[str, tuple[Event, ...]] = {
    "awaiting_approval": (),
    "cancelled": (CANCELLED,),
    "refused": (REFUSED,),
    "approved": (APPROVED,),
    "sent": (APPROVED, SENT),
    "settled": (APPROVED, SENT, SETTLED),
    "failed": (APPROVED, SENT, FAILED),
    "suspended": (APPROVED, SENT, SETTLED, SUSPENDED),
}
# State, what is told, and: the new state, `=` (nothing changes), or the refusal.
RULES = """
awaiting_approval  sent     wallets.payout_not_ordered
awaiting_approval  settled  wallets.payout_not_ordered
awaiting_approval  failed   wallets.payout_not_ordered
cancelled          sent     wallets.payout_not_ordered
cancelled          settled  wallets.payout_not_ordered
cancelled          failed   wallets.payout_not_ordered
refused            sent     wallets.payout_not_ordered
refused            settled  wallets.payout_not_ordered
refused            failed   wallets.payout_not_ordered
awaiting_approval  clear    wallets.payout_not_suspended
sent               clear    wallets.payout_not_suspended
failed             clear    wallets.payout_not_suspended
settled            failed   wallets.payout_already_settled
suspended          failed   wallets.payout_already_settled
failed             settled  wallets.payout_already_failed
suspended          sent     =
suspended          settled  =
settled            clear    =
settled            sent     =
settled            settled  =
failed             sent     =
failed             failed   =
sent               sent     =
approved           settled  settled
approved           failed   failed
approved           sent     sent
sent               settled  settled
sent               failed   failed
suspended          clear    settled
"""


@pytest.mark.parametrize("rule", RULES.strip().splitlines())
def test_each_state_knows_what_to_make_of_each_message(rule: str) -> None:
    state, message, expected = rule.split()
    play, command = after(*PAST[state]), COMMANDS[message]
    before = play.room.digest(play.state)
    if "." in expected:
        refusal = play.refused(command)
        assert (refusal.code, refusal.facts["state"]) == (expected, state)
        assert play.room.digest(play.state) == before
    elif expected == "=":
        assert play.when(command) == []
        assert (play.body["state"], play.body["exists"]) == (state, True)
    else:
        assert len(play.when(command, actor="performer")) == 1
        assert play.body["state"] == expected


@pytest.mark.parametrize(
    ("past", "message", "what"),
    [
        ("settled", "failed", "failed_after_settled"),
        ("failed", "settled", "settled_after_failed"),
    ],
)
def test_a_contradiction_is_refused_and_leaves_a_break_for_someone_to_look_into(
    past: str, message: str, what: str
) -> None:
    play = after(*PAST[past])
    play.refused(COMMANDS[message])
    assert play.rows[play.height] == [WithdrawalBreakNoted("w-1", "clerk", what)]


def test_a_second_failure_keeps_the_first_reason() -> None:
    play = after(*PAST["failed"])
    play.when(RecordPayoutFailed(withdrawal_id="w-1", reason="another"))
    assert play.body["reason"] == "closed"


def test_a_settled_payout_that_cannot_be_booked_counts_as_sent_until_it_can() -> None:
    play = after(APPROVED)
    assert play.when(COMMANDS["settled"]) == [WithdrawalSettled(*told(), 1)]
    suspended = play.when(SuspendPayout(withdrawal_id="w-1", reason="frozen"), same_row=True)
    assert suspended == [PayoutSuspended(*told(), 1, "frozen")]
    reopened = play.when(ReopenPayout(withdrawal_id="w-1", reason="frozen"), same_row=True)
    assert reopened == [PayoutReopened(*told(), "frozen")]
    assert play.when(COMMANDS["settled"]) == [WithdrawalSettled(*told(), 2)]


def test_a_suspended_payout_that_cannot_be_cleared_stays_suspended_and_can_be_tried_again() -> None:
    play = after(*PAST["suspended"])
    assert play.when(COMMANDS["clear"]) == [PayoutCleared(*told(), 2)]
    kept = play.when(KeepPayoutSuspended(withdrawal_id="w-1", reason="still"), same_row=True)
    assert kept == [PayoutKeptSuspended(*told(), "still")]
    assert play.when(COMMANDS["clear"]) == [PayoutCleared(*told(), 3)]
    assert "reason" not in play.body


def test_attempts_to_book_one_payout_are_bounded() -> None:
    play = after(APPROVED, WithdrawalSettled(*told(), ATTEMPTS_MAX), PayoutReopened(*told(), "no"))
    assert play.refused(COMMANDS["settled"]).code == "wallets.attempts_exhausted"
    play = after(APPROVED, PayoutSuspended(*told(), ATTEMPTS_MAX, "no"))
    assert play.refused(COMMANDS["clear"]).code == "wallets.attempts_exhausted"


def test_a_hold_that_the_ledger_would_not_release_is_noted_as_a_break() -> None:
    play = after(APPROVED)
    play.when(COMMANDS["failed"])
    noted = play.when(NoteBreak(withdrawal_id="w-1", reason="ledger.already_voided"), same_row=True)
    assert noted == [WithdrawalBreakNoted("w-1", "clerk", "ledger.already_voided")]


def test_every_event_names_who_acted() -> None:
    play: Play = after(APPROVED)
    assert play.when(COMMANDS["sent"], actor="performer") == [WithdrawalSent(*told("performer"))]
    assert play.when(COMMANDS["failed"], actor="operator") == [
        WithdrawalFailed(*told("operator"), "closed")
    ]
