"""Whatever is told in whatever order, wallets and ledger agree to the last minor unit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nostro.kernel.codec import encode_events
from nostro.kernel.messages import Command, Event
from nostro.kernel.room import Position
from nostro.ledger import FreezeAccount, UnfreezeAccount
from nostro.wallets import (
    ApproveWithdrawal,
    CancelWithdrawal,
    ClearPayout,
    ConfirmDeposit,
    DepositConfirmed,
    DepositReleased,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    RejectDeposit,
    ReleaseDeposit,
    RequestWithdrawal,
    SendPayout,
    SubmitDeposit,
    events as e,
)
from tests.flows.town import Town

USERS = st.sampled_from(["alice", "bob"])
NUMBERS = st.integers(0, 5)
AMOUNTS = st.sampled_from([1, 60, 5_000, 10_001])
FUNDS = 30_000
ACTORS = st.sampled_from(["clerk", "boss", "alice", ""])
ALL_ACCOUNTS = ["wallet:alice:EUR", "wallet:bob:EUR", "suspense:EUR", "nostro:EUR"]
ACCOUNTS = st.sampled_from(ALL_ACCOUNTS)
OUTCOMES: st.SearchStrategy[type[Command]] = st.sampled_from(
    [RecordPayoutSent, RecordPayoutSettled, RecordPayoutFailed]
)

PAID_FROM_SUSPENSE = (e.PayoutSuspended, e.PayoutKeptSuspended)
PAID_FROM_WALLET = (e.WithdrawalSettled, e.PayoutCleared)
IN_SUSPENSE = (e.DepositSuspended, e.DepositKeptSuspended)
UNDER_WAY = (
    e.WithdrawalHeld,
    e.WithdrawalEndorsed,
    e.WithdrawalApproved,
    e.WithdrawalSent,
    e.PayoutReopened,
)


class Story:
    """What the wallets' events say, added up by the last event of each deposit and withdrawal."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], Any] = {}

    def hear(self, row: list[Event]) -> None:
        for event in row:
            if isinstance(event, e._DepositEvent):
                self._last[(event.user_id, event.transaction_id)] = event
            elif isinstance(event, e._WithdrawalEvent):
                self._last[(event.withdrawal_id,)] = event

    def totals(self) -> tuple[Counter[str], Counter[str]]:
        """Return what is posted (credits less debits) and what is held, by account."""
        posted: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for event in self._last.values():
            wallet, amount = f"wallet:{event.user_id}:EUR", event.amount_minor
            if isinstance(event, DepositConfirmed | DepositReleased):
                posted.update({wallet: amount, "nostro:EUR": -amount})
            elif isinstance(event, IN_SUSPENSE):
                posted.update({"suspense:EUR": amount, "nostro:EUR": -amount})
            elif isinstance(event, PAID_FROM_WALLET):
                posted.update({wallet: -amount, "nostro:EUR": amount})
            elif isinstance(event, PAID_FROM_SUSPENSE):
                posted.update({"suspense:EUR": -amount, "nostro:EUR": amount})
                held.update({wallet: amount})
            elif isinstance(event, UNDER_WAY):
                held.update({wallet: amount})
        return posted, held

    def paid_out(self) -> int:
        """Return how many withdrawals were ever ordered to be paid out."""
        beyond = (
            e.WithdrawalApproved,
            e.WithdrawalSent,
            e.WithdrawalFailed,
            e.PayoutReopened,
            *PAID_FROM_WALLET,
            *PAID_FROM_SUSPENSE,
        )
        return sum(isinstance(event, beyond) for event in self._last.values())


def _outcome(outcome: type[Command], number: int) -> Command:
    if outcome is RecordPayoutFailed:
        return RecordPayoutFailed(withdrawal_id=f"w{number}", reason="closed")
    return outcome(withdrawal_id=f"w{number}")


class Totals(RuleBasedStateMachine):
    """Everyone says anything at any time; the clerk freezes accounts in between."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.story = Story()
        for user in ("alice", "bob"):
            name = {"user_id": user, "transaction_id": "funds"}
            self.tell(SubmitDeposit(**name, asset="EUR", amount_minor=FUNDS))
            self.tell(ConfirmDeposit(**name))

    def tell(self, command: Command, actor: str = "clerk") -> None:
        before = self.town.house.digests(self.town.memory)
        reply = self.town.tell(command, actor=actor)
        row = self.town.rows[-1]
        self.story.hear(row)
        if not row:
            assert self.town.house.digests(self.town.memory) == before
        elif not reply.accepted:
            assert reply.code.partition(".")[0] in ("ledger", "wallets")

    @rule(user=USERS, number=NUMBERS, amount=AMOUNTS)
    def submit(self, user: str, number: int, amount: int) -> None:
        self.tell(
            SubmitDeposit(
                user_id=user, transaction_id=f"t{number}", asset="EUR", amount_minor=amount
            )
        )

    @rule(user=USERS, number=NUMBERS, amount=AMOUNTS)
    def deposit(self, user: str, number: int, amount: int) -> None:
        self.submit(user, number, amount)
        self.tell(ConfirmDeposit(user_id=user, transaction_id=f"t{number}"))

    @rule(user=USERS, number=NUMBERS)
    def confirm(self, user: str, number: int) -> None:
        self.tell(ConfirmDeposit(user_id=user, transaction_id=f"t{number}"))

    @rule(user=USERS, number=NUMBERS)
    def reject(self, user: str, number: int) -> None:
        self.tell(RejectDeposit(user_id=user, transaction_id=f"t{number}", reason="no"))

    @rule(user=USERS, number=NUMBERS)
    def release(self, user: str, number: int) -> None:
        self.tell(ReleaseDeposit(user_id=user, transaction_id=f"t{number}"))

    @rule(user=USERS, number=NUMBERS, amount=AMOUNTS, actor=ACTORS)
    def request(self, user: str, number: int, amount: int, actor: str) -> None:
        command = RequestWithdrawal(
            withdrawal_id=f"w{number}",
            user_id=user,
            asset="EUR",
            amount_minor=amount,
            destination="DE89",
        )
        self.tell(command, actor)

    @rule(number=NUMBERS, actor=ACTORS)
    def approve(self, number: int, actor: str) -> None:
        self.tell(ApproveWithdrawal(withdrawal_id=f"w{number}"), actor)

    @rule(number=NUMBERS)
    def cancel(self, number: int) -> None:
        self.tell(CancelWithdrawal(withdrawal_id=f"w{number}"))

    @rule(number=NUMBERS, outcome=OUTCOMES)
    def hear_of_a_payout(self, number: int, outcome: type[Command]) -> None:
        self.tell(_outcome(outcome, number))

    @rule(number=NUMBERS)
    def clear(self, number: int) -> None:
        self.tell(ClearPayout(withdrawal_id=f"w{number}"))

    @rule(user=USERS, number=NUMBERS, amount=AMOUNTS)
    def withdraw(self, user: str, number: int, amount: int) -> None:
        self.request(user, number, amount, "clerk")
        self.approve(number, "boss")

    @rule(user=USERS, number=NUMBERS, outcome=OUTCOMES, frozen=st.sets(ACCOUNTS, min_size=1))
    def withdraw_and_hear_of_it_while_accounts_are_frozen(
        self, user: str, number: int, outcome: type[Command], frozen: set[str]
    ) -> None:
        self.withdraw(user, number, 60)
        self.freeze(frozen)
        self.hear_of_a_payout(number, outcome)
        self.unfreeze(frozen)

    @rule(user=USERS, number=NUMBERS, frozen=st.sets(ACCOUNTS, min_size=1))
    def confirm_while_accounts_are_frozen(self, user: str, number: int, frozen: set[str]) -> None:
        self.submit(user, number, 60)
        self.freeze(frozen)
        self.confirm(user, number)
        self.release(user, number)
        self.unfreeze(frozen)

    @rule(frozen=st.sets(ACCOUNTS, min_size=1))
    def freeze(self, frozen: set[str]) -> None:
        for account in sorted(frozen):
            self.tell(FreezeAccount(account=account))

    @rule(frozen=st.just(set(ALL_ACCOUNTS)))
    def unfreeze(self, frozen: set[str]) -> None:
        for account in sorted(frozen):
            self.tell(UnfreezeAccount(account=account))

    @invariant()
    def the_ledger_says_what_the_wallets_say(self) -> None:
        posted, held = self.story.totals()
        for account in self.town.books.accounts:
            assert self.town.posted(account) == posted[account], account
            if account.startswith("wallet:"):
                assert self.town.held(account) == held[account], account
                assert posted[account] >= held[account] >= 0

    @invariant()
    def each_approved_withdrawal_is_paid_out_once(self) -> None:
        sends = [effect for effect in self.town.effects if isinstance(effect, SendPayout)]
        assert len({effect.withdrawal_id for effect in sends}) == len(sends)
        assert len(sends) == self.story.paid_out()

    def teardown(self) -> None:
        """Replay from the stored bytes, and a snapshot, give the live state."""
        town = self.town
        live = town.house.digests(town.memory)
        replayed = town.house.new()
        for height, row in enumerate(town.rows, start=1):
            events = town.house.codec.decode_events(encode_events(row))
            town.house.evolve(replayed, events, Position(height, height * 1_000_000))
        assert town.house.digests(replayed) == live
        for name, room in town.house.rooms.items():
            room.settle(town.memory.states[name], town.height)
            loaded = room.load(room.dump(town.memory.states[name]))
            assert room.digest(loaded).hex() == live[name]


TestTotals = pytest.mark.slow(Totals.TestCase)
TestTotals.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
