"""What leaves memory decides like what stayed, and a snapshot is the state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nostro.kernel.messages import Command, Rejection
from nostro.wallets import (
    ApproveWithdrawal,
    AssetLimits,
    CancelWithdrawal,
    ConfirmDeposit,
    ConfirmHold,
    CustomerOpened,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    RejectDeposit,
    ReleaseDeposit,
    RequestWithdrawal,
    SubmitDeposit,
    WalletLimits,
    WalletOpened,
)
from tests.rooms.wallets.play import Play

FREE = WalletLimits(otherwise=AssetLimits())


def deposit(number: int) -> SubmitDeposit:
    return SubmitDeposit(
        user_id="alice", transaction_id=f"tx-{number}", asset="EUR", amount_minor=9
    )


def withdrawal(number: int) -> RequestWithdrawal:
    return RequestWithdrawal(
        withdrawal_id=f"w-{number}", user_id="alice", asset="EUR", amount_minor=9, destination="DE"
    )


def lived(*, ended_hot_max: int) -> Play:
    """A room with twelve deposits and twelve withdrawals behind it, of every ending."""
    play = Play(FREE, ended_hot_max=ended_hot_max)
    play.given(CustomerOpened("alice", "clerk"), WalletOpened("alice", "EUR", "clerk"))
    for number in range(12):
        name = {"user_id": "alice", "transaction_id": f"tx-{number}"}
        play.when(deposit(number))
        play.when(RejectDeposit(**name, reason="no") if number % 2 else ConfirmDeposit(**name))
        play.when(withdrawal(number))
        play.when(ConfirmHold(withdrawal_id=f"w-{number}"), same_row=True)
        if number % 2:
            play.when(RecordPayoutFailed(withdrawal_id=f"w-{number}", reason="closed"))
        else:
            play.when(RecordPayoutSettled(withdrawal_id=f"w-{number}"))
        play.settle()
    return play


def answers(play: Play) -> list[object]:
    """What the room says to everything one can say about everything that ended."""
    told: list[object] = []
    for number in range(12):
        name = {"user_id": "alice", "transaction_id": f"tx-{number}"}
        key = {"withdrawal_id": f"w-{number}"}
        commands: list[Command] = [
            deposit(number),
            SubmitDeposit(**name, asset="EUR", amount_minor=8),
            ConfirmDeposit(**name),
            RejectDeposit(**name),
            ReleaseDeposit(**name),
            withdrawal(number),
            RequestWithdrawal(**key, user_id="bob", asset="EUR", amount_minor=9, destination="DE"),
            ApproveWithdrawal(**key),
            CancelWithdrawal(**key),
            RecordPayoutSent(**key),
            RecordPayoutSettled(**key),
            RecordPayoutFailed(**key, reason="late"),
        ]
        for command in commands:
            try:
                told.append((play.when(command), play.body))
            except Rejection as no:
                told.append((no.code, dict(no.facts)))
    return told


def test_what_left_memory_answers_like_what_stayed() -> None:
    warm, cold = lived(ended_hot_max=1_000), lived(ended_hot_max=1)
    assert cold.state.ended.hot_count <= 1 < warm.state.ended.hot_count
    assert answers(cold) == answers(warm)


def test_leaving_memory_does_not_change_the_fingerprint() -> None:
    warm, cold = lived(ended_hot_max=1_000), lived(ended_hot_max=1)
    assert cold.room.digest(cold.state) == warm.room.digest(warm.state)


@pytest.mark.parametrize("settle", [Play.settle, lambda play: play])
def test_a_snapshot_gives_back_the_state_and_its_answers(settle: Callable[[Play], Play]) -> None:
    play = lived(ended_hot_max=5)
    play.when(deposit(77))
    play.when(ConfirmDeposit(user_id="alice", transaction_id="tx-77"))
    play.when(deposit(78))
    play.when(withdrawal(78))
    settle(play)
    copy = Play(FREE, ended_hot_max=5, height=play.height)
    copy.state = copy.room.load(play.room.dump(play.state))
    copy.rows = {height: list(events) for height, events in play.rows.items()}
    assert copy.room.digest(copy.state) == play.room.digest(play.state)
    assert answers(copy) == answers(play)


def test_replay_under_other_limits_gives_the_same_state() -> None:
    play = lived(ended_hot_max=1_000)
    strict = AssetLimits(deposit_max_minor=1, withdrawal_max_minor=1, approvals_above_minor=(0,))
    again = Play(WalletLimits(otherwise=strict))
    for events in play.rows.values():
        again.given(*events)
    assert again.room.digest(again.state) == play.room.digest(play.state)


def test_an_id_that_was_never_used_costs_no_look_into_the_journal() -> None:
    play = lived(ended_hot_max=1)
    assert play.room.cold(play.state, deposit(4711)) == []


def test_nothing_in_the_room_waits_for_the_clock() -> None:
    play = lived(ended_hot_max=1)
    assert play.room.due(play.state) is None
