"""Does the auditor see a deposit, a payout or a memory that must not be?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from nostro.adapters.rails.port import Payout
from nostro.kernel.messages import Event
from nostro.kernel.reply import Reply
from nostro.runtime.snapshots import encode_snapshot
from nostro.simulation.auditor import Auditor
from nostro.simulation.books import Violation
from nostro.wallets import (
    CustomerOpened,
    DepositConfirmed,
    DepositRejected,
    DepositSubmitted,
    DepositSuspended,
    WalletOpened,
    WithdrawalApproved,
    WithdrawalBreakNoted,
    WithdrawalCancelled,
    WithdrawalEndorsed,
    WithdrawalHeld,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
)
from tests.simulation.forged import (
    ACCOUNTS,
    CAPPED,
    HOUSE,
    REFUSED,
    SECOND_US,
    START_US,
    Journal,
    held,
    line,
    opened,
    posted,
    recorded,
)

WALLET = (
    opened(1, "nostro:USD"),
    opened(2, "wallet:ann:USD", limit=CAPPED),
    CustomerOpened("ann", "ann"),
    WalletOpened("ann", "USD", "ann"),
)
TOLD = ("ann", "tx1", "USD", 100, "ann")
SUBMITTED, CONFIRMED = DepositSubmitted(*TOLD), DepositConfirmed(*TOLD, 1)
OUT = ("w1", "ann", "USD", 60, "IBAN 1", "ann")
BY_BOSS = (*OUT[:5], "boss")
REQUESTED, HELD = WithdrawalRequested(*OUT, 1), WithdrawalHeld(*OUT)
HOLD = recorded(held("withdrawal:w1", debit=2, credit=1, amount=60))
APPROVED = (WithdrawalEndorsed(*BY_BOSS, 0), WithdrawalApproved(*BY_BOSS))
POST = recorded(posted("withdrawal.post:w1", "withdrawal:w1", debit=2, credit=1, amount=60))
SETTLED = (WithdrawalSettled(*OUT, 1), POST)
PAYOUT = Payout(reference="main:w1", asset="USD", amount_minor=60, destination="IBAN 1")
FUNDED = ((*WALLET, SUBMITTED), (CONFIRMED, recorded(line("deposit:ann:tx1"))))
WAITING = (*FUNDED, (REQUESTED, HOLD, HELD))
ORDERED = (*WAITING, APPROVED)


def wallets(*rows: Sequence[Event]) -> Auditor:
    journal = Journal()
    for events in rows:
        journal.row(*events, room="wallets", kind="wallets.SubmitDeposit")
    return journal.audited()


def test_a_deposit_and_a_withdrawal_in_order_pass() -> None:
    auditor = wallets(*ORDERED, (WithdrawalSent(*OUT),), SETTLED)
    auditor.check_rest(now_us=START_US)
    auditor.check_rail([PAYOUT])


UNSOUND_COURSES: dict[str, tuple[Sequence[Sequence[Event]], str]] = {
    "a deposit is confirmed that nobody announced": ([WALLET, (CONFIRMED,)], "from '' to"),
    "a deposit is confirmed and credited nowhere": ([*FUNDED[:1], (CONFIRMED,)], "the ledger says"),
    "a deposit is credited twice": (
        [*FUNDED, (DepositConfirmed(*TOLD, 2),)],
        "from 'confirmed' to 'confirmed'",
    ),
    "a confirmed deposit is rejected": ([*FUNDED, (DepositRejected(*TOLD, ""),)], "to 'rejected'"),
    "a deposit changes its amount": (
        [*FUNDED[:1], (DepositConfirmed("ann", "tx1", "USD", 101, "ann", 1),)],
        "changes from",
    ),
    "a credited deposit goes to suspense later": (
        [*FUNDED, (DepositSuspended(*TOLD, 1, ""),)],
        "in a row of its own",
    ),
    "a withdrawal is left between two states": ([*FUNDED, (REQUESTED,)], "neither held nor"),
    "a withdrawal is held without a hold": ([*FUNDED, (REQUESTED, HELD)], "the ledger says"),
    "a withdrawal is approved by its requester": (
        [*WAITING, (WithdrawalEndorsed(*OUT, 0),)],
        "approved by ann",
    ),
    "a withdrawal is approved too seldom": (
        [*WAITING, (WithdrawalApproved(*OUT),)],
        "with 0 approvals",
    ),
    "a withdrawal is sent before it is approved": (
        [*WAITING, (WithdrawalSent(*OUT),)],
        "from 'awaiting' to 'sent'",
    ),
    "a payout is cancelled after it was ordered": (
        [*ORDERED, (WithdrawalCancelled(*OUT, ""),)],
        "from 'approved' to 'cancelled'",
    ),
    "a cancelled withdrawal keeps its hold": (
        [*WAITING, (WithdrawalCancelled(*OUT, ""),)],
        "the ledger says",
    ),
    "a payout settles twice": ([*ORDERED, SETTLED, (WithdrawalSettled(*OUT, 2),)], "to 'settled'"),
    "a payout settles and its hold stands": (
        [*ORDERED, (WithdrawalSettled(*OUT, 1),)],
        "the ledger says",
    ),
    "news contradict the books": ([*ORDERED, (WithdrawalBreakNoted("w1", "", "x"),)], "a break of"),
}


@pytest.mark.parametrize("what", UNSOUND_COURSES)
def test_a_course_that_must_not_be_is_found(what: str) -> None:
    rows, found = UNSOUND_COURSES[what]
    with pytest.raises(Violation, match=found):
        wallets(*rows)


def test_a_refusal_that_moves_a_deposit_is_found() -> None:
    journal = Journal()
    for events, reply in ((FUNDED[0], Reply()), ((CONFIRMED,), REFUSED)):
        journal.row(*events, room="wallets", reply=reply)
    with pytest.raises(Violation, match="by a refusal"):
        journal.audited()


def test_a_payout_that_is_left_on_its_way_is_found() -> None:
    with pytest.raises(Violation, match="left on their way"):
        wallets(*ORDERED).check_rest(now_us=START_US)
    wallets(*WAITING).check_rest(now_us=START_US)


def test_a_hold_that_is_left_behind_is_found() -> None:
    stray = recorded(held("withdrawal:w9"))
    with pytest.raises(Violation, match="held without cause"):
        wallets(*FUNDED, (stray,)).check_rest(now_us=START_US)


def test_a_hold_that_should_have_expired_is_found() -> None:
    auditor = wallets(*FUNDED, (recorded(held("h", timeout_s=5)),))
    auditor.check_rest(now_us=START_US + 20 * SECOND_US)
    with pytest.raises(Violation, match="should have expired"):
        auditor.check_rest(now_us=START_US + 60 * SECOND_US)


@pytest.mark.parametrize(
    ("moved", "found"),
    [
        ([], "is settled, the rail says None"),
        ([PAYOUT, PAYOUT], "moved a reference twice"),
        ([msgspec.structs.replace(PAYOUT, amount_minor=61)], "the rail moved"),
        ([msgspec.structs.replace(PAYOUT, destination="IBAN 9")], "the rail moved"),
        ([PAYOUT, msgspec.structs.replace(PAYOUT, reference="main:w9")], "nobody ordered"),
    ],
)
def test_movements_of_the_rail_that_are_not_the_settled_payouts_are_found(
    moved: list[Payout], found: str
) -> None:
    with pytest.raises(Violation, match=found):
        wallets(*ORDERED, SETTLED).check_rail(moved)


def test_a_movement_for_a_payout_that_did_not_settle_is_found() -> None:
    with pytest.raises(Violation, match="is awaiting, the rail says"):
        wallets(*WAITING).check_rail([PAYOUT])


class Remembered:
    """A journal of two rows and the memories that belong to it."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.journal.row(*ACCOUNTS)
        self.journal.row(recorded(line("t"), held()))
        self.memory = HOUSE.new()
        self.snapshots = {}
        for entry in self.journal.entries:
            HOUSE.replay(self.memory, entry)
            self.snapshots[entry.height] = encode_snapshot(HOUSE, self.memory)

    def check(self) -> None:
        self.journal.audited().check_memory(
            HOUSE, self.journal.entries, self.snapshots, HOUSE.digests(self.memory)
        )


def test_replay_live_and_snapshots_that_are_equal_pass() -> None:
    Remembered().check()


def test_a_live_state_that_is_not_the_replay_is_found() -> None:
    case = Remembered()
    case.memory.states["ledger"].accounts["a"].credits_posted += 1
    with pytest.raises(Violation, match="ledger: the replay up to height 2 is not live"):
        case.check()


def test_a_snapshot_that_is_not_the_replay_is_found() -> None:
    case = Remembered()
    wrong = HOUSE.new()
    HOUSE.replay(wrong, case.journal.entries[0])
    wrong.states["ledger"].accounts["a"].overdraft_minor = 7
    case.snapshots[1] = encode_snapshot(HOUSE, wrong)
    with pytest.raises(Violation, match="is not snapshot 1"):
        case.check()


def test_totals_that_are_not_the_auditor_s_are_found() -> None:
    case = Remembered()
    auditor = case.journal.audited()
    auditor.books.accounts[2].credits += 1
    with pytest.raises(Violation, match="the totals of a are not"):
        auditor.check_memory(HOUSE, case.journal.entries, {}, HOUSE.digests(case.memory))
