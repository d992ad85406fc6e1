"""Can each invariant of the auditor fail?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from nostro.adapters.rails.port import Payout
from nostro.kernel.codec import content_hash, encode_events, encode_reply
from nostro.kernel.messages import Command, Event
from nostro.kernel.reply import Receipt, Reply
from nostro.ledger import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountType,
    AccountUnfrozen,
    AssetRegistered,
    CreateTransfers,
    Limit,
    Line,
    LineKind,
    NewTransfer,
    Side,
    TransfersRecorded,
    TransfersRefused,
)
from nostro.runtime.ports import Entry, sealed
from nostro.runtime.snapshots import encode_snapshot
from nostro.simulation.auditor import Auditor
from nostro.simulation.books import Violation
from nostro.simulation.history import Copy, History
from nostro.simulation.platform import build_house
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

HOUSE = build_house()
START_US = 1_750_000_000_000_000
SECOND_US = 1_000_000
CAPPED = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
REFUSED = Reply(code="ledger.exceeds_credits")


class Journal:
    """Rows as a platform would write them, whatever they say."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def row(
        self,
        *events: Event,
        key: str = "",
        command: Command | None = None,
        reply: Reply | None = None,
        **other: Any,
    ) -> Entry:
        """Add a row, one second after the last; `other` replaces fields of it."""
        height = len(self.entries) + 1
        fields: dict[str, Any] = {
            "chain": "main",
            "height": height,
            "command_id": key or f"key-{height}",
            "request_hash": content_hash(command) if command else bytes(32),
            "actor": "alice",
            "room": "ledger",
            "stream": "",
            "kind": "ledger.CreateTransfers",
            "at_us": START_US + height * SECOND_US,
            "payload": encode_events(events),
            "reply": encode_reply(reply or Reply()),
            "prev_hash": self.entries[-1].hash if self.entries else bytes(32),
        }
        entry = sealed(**{**fields, **other})
        self.entries.append(entry)
        return entry

    def audited(self) -> Auditor:
        auditor = Auditor(HOUSE.codec)
        auditor.read(self.entries)
        return auditor


def opened(
    number: int, name: str, asset: str = "USD", limit: Limit = Limit.NONE, overdraft: int = 0
) -> AccountOpened:
    return AccountOpened(
        number, name, asset, AccountType.LIABILITY, Side.CREDIT, limit, overdraft, "", None
    )


ACCOUNTS = (
    opened(1, "cash"),
    opened(2, "a", limit=CAPPED),
    opened(3, "b", limit=CAPPED, overdraft=10),
    opened(4, "euro", asset="EUR"),
    opened(5, "till", limit=Limit.CREDITS_MUST_NOT_EXCEED_DEBITS),
)


def recorded(*lines: Line) -> TransfersRecorded:
    return TransfersRecorded(list(lines))


def line(
    name: str,
    debit: int = 1,
    credit: int = 2,
    amount: int = 100,
    kind: LineKind = LineKind.POSTED,
    refers_to: str = "",
    timeout_s: int = 0,
) -> Line:
    return Line(name, debit, credit, amount, kind.value, refers_to=refers_to, timeout_s=timeout_s)


def held(name: str = "h", **rest: Any) -> Line:
    return line(name, kind=LineKind.HELD, **rest)


def posted(name: str, hold: str = "h", **rest: Any) -> Line:
    return line(name, kind=LineKind.HOLD_POSTED, refers_to=hold, **rest)


def voided(name: str, hold: str = "h", **rest: Any) -> Line:
    return line(name, kind=LineKind.HOLD_VOIDED, refers_to=hold, **rest)


def expired(hold: str = "h", **rest: Any) -> Line:
    return line(f"~{hold}", kind=LineKind.HOLD_EXPIRED, refers_to=hold, **rest)


def closed(name: str, hold: str = "h") -> Line:
    return Line(name, 0, 0, 0, LineKind.HOLD_CLOSED.value, refers_to=hold)


def reversal(name: str, of: str, debit: int = 2, credit: int = 1, amount: int = 100) -> Line:
    return line(name, debit, credit, amount, kind=LineKind.REVERSAL, refers_to=of)


# -- the chain ------------------------------------------------------------------------------------


def test_sound_rows_pass() -> None:
    journal = Journal()
    journal.row(*ACCOUNTS)
    journal.row(recorded(line("t1"), held("h1", debit=2, credit=1), held("h2", timeout_s=5)))
    journal.row(recorded(posted("p1", "h1", debit=2, credit=1, amount=40), voided("v2", "h2")))
    journal.row(recorded(reversal("r1", "p1", debit=1, credit=2, amount=40), closed("v3", "h3")))
    journal.row(TransfersRefused([("t9", "ledger.exceeds_credits")]), reply=REFUSED)
    auditor = journal.audited()
    auditor.check_rest(now_us=START_US)
    assert dict(auditor.books.totals())["a"] == (40, 140, 0, 0)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"height": 3}, "follows height 1"),
        ({"chain": "other"}, "other/2 follows"),
        ({"prev_hash": bytes(31) + b"\1"}, "not linked"),
        ({"at_us": START_US + SECOND_US}, "time stands still"),
        ({"command_id": "key-1"}, "the key stands twice"),
    ],
)
def test_a_row_that_does_not_follow_is_found(wrong: dict[str, Any], found: str) -> None:
    journal = Journal()
    journal.row()
    journal.row(**wrong)
    with pytest.raises(Violation, match=found):
        journal.audited()


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "mallory"},
        {"payload": b"[ ]"},
        {"reply": b'["" ,{},null]'},
        {"stream": "x"},
        {"request_hash": bytes(31) + b"\1"},
    ],
)
def test_a_changed_byte_is_found(change: dict[str, Any]) -> None:
    journal = Journal()
    journal.entries.append(msgspec.structs.replace(journal.row(), **change))
    del journal.entries[0]
    with pytest.raises(Violation, match="the hash is not that of the row"):
        journal.audited()


# -- the books ------------------------------------------------------------------------------------

UNSOUND_LINES: dict[str, tuple[Sequence[Line], str]] = {
    "money changes its asset": ([line("t", credit=4)], "creates EUR from USD"),
    "an amount is not positive": ([line("t", amount=0)], "moves 0"),
    "an amount moves within one account": ([line("t", debit=2)], "within one account"),
    "an account does not exist": ([line("t", debit=9)], "account 9 does not exist"),
    "a limit is broken": ([line("t", debit=2, credit=1, amount=1)], "a beyond its limit"),
    "an overdraft is exceeded": ([line("t", debit=3, credit=1, amount=11)], "b beyond its limit"),
    "a limit on credits is broken": ([line("t", credit=5)], "till beyond its limit"),
    "a limit is broken by what is held": (
        [line("t"), held(debit=2, credit=1, amount=60), held("g", debit=2, credit=1, amount=41)],
        "a beyond its limit",
    ),
    "a limit is broken only in between": (
        [line("t", debit=2, credit=1), line("u")],
        "a beyond its limit",
    ),
    "a total passes 38 digits": ([line("t", amount=10**38 - 1), line("u")], "overflows"),
    "a transfer stands twice": ([line("t"), line("t")], "transfer t stands twice"),
    "a hold is resolved twice": ([held(), posted("p"), voided("v")], "not open"),
    "a hold is resolved that never was": ([voided("v")], "not open"),
    "more is posted than was held": ([held(), posted("p", amount=101)], "more than was held"),
    "another amount is released": ([held(), voided("v", amount=99)], "releases another amount"),
    "a hold moves to another account": ([held(), posted("p", credit=3)], "other accounts"),
    "a hold expires that never does": ([held(), expired()], "expires too early"),
    "a hold expires too early": ([held(timeout_s=9), expired()], "expires too early"),
    "a voided hold comes late": ([closed("v"), held()], "voided before it came"),
    "a hold is closed that was seen": ([held(), closed("v")], "which was seen"),
    "a hold is closed twice": ([closed("v"), closed("w")], "closed twice"),
    "a transfer is reversed twice": (
        [line("t"), reversal("r", "t"), line("u"), reversal("s", "t")],
        "reversed twice",
    ),
    "another amount is given back": (
        [line("t"), reversal("r", "t", amount=99)],
        "does not give back",
    ),
    "a hold is reversed": ([held(), reversal("r", "h")], "moved nothing"),
    "nothing is reversed": ([reversal("r", "t")], "moved nothing"),
}


@pytest.mark.parametrize("what", UNSOUND_LINES)
def test_a_line_that_must_not_stand_is_found(what: str) -> None:
    lines, found = UNSOUND_LINES[what]
    journal = Journal()
    journal.row(*ACCOUNTS)
    journal.row(recorded(*lines))
    with pytest.raises(Violation, match=found):
        journal.audited()


UNSOUND_EVENTS: dict[str, tuple[Sequence[Event], str]] = {
    "an account is opened twice": ([opened(6, "a")], "opened twice"),
    "account numbers jump": ([opened(7, "c")], "jumps"),
    "an account is closed with a balance": (
        [recorded(line("t")), AccountClosed(2, "")],
        "closed with a balance",
    ),
    "an account is closed with a hold": (
        [recorded(held()), AccountClosed(2, "")],
        "closed with holds",
    ),
    "a closed account moves": ([AccountClosed(2, ""), recorded(line("t"))], "moves the closed"),
    "a frozen account moves": ([AccountFrozen(2, ""), recorded(line("t"))], "moves the frozen"),
    "a hold takes a frozen account": (
        [AccountFrozen(1, ""), recorded(held())],
        "moves the frozen account cash",
    ),
    "a frozen hold is posted": (
        [recorded(held()), AccountFrozen(2, ""), recorded(posted("p"))],
        "moves the frozen",
    ),
    "a refused transfer is recorded": (
        [TransfersRefused([("t", "x")]), recorded(line("t"))],
        "was refused for good",
    ),
    "a recorded transfer is refused": (
        [recorded(line("t")), TransfersRefused([("t", "x")])],
        "stands twice",
    ),
    "an asset is registered twice": ([AssetRegistered("T1", 2, "")] * 2, "registered twice"),
}


@pytest.mark.parametrize("what", UNSOUND_EVENTS)
def test_an_event_that_must_not_stand_is_found(what: str) -> None:
    events, found = UNSOUND_EVENTS[what]
    journal = Journal()
    journal.row(*ACCOUNTS)
    journal.row(*events)
    with pytest.raises(Violation, match=found):
        journal.audited()


def test_a_frozen_account_gives_its_holds_back_and_moves_again_when_it_is_not() -> None:
    journal = Journal()
    journal.row(*ACCOUNTS, recorded(held()), AccountFrozen(2, ""), recorded(voided("v")))
    journal.row(AccountUnfrozen(2, ""), recorded(line("t")))
    journal.audited().check_rest(now_us=START_US)


def test_a_hold_that_is_posted_after_its_time_is_found() -> None:
    journal = Journal()
    journal.row(*ACCOUNTS, recorded(held(timeout_s=1)))
    journal.row(recorded(posted("p")))
    with pytest.raises(Violation, match="after it expired"):
        journal.audited()


# -- refusals and time ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event", [recorded(line("t")), AccountFrozen(1, ""), DepositSubmitted("ann", "x", "USD", 1, "")]
)
def test_a_refusal_that_leaves_more_than_its_mark_is_found(event: Event) -> None:
    journal = Journal()
    journal.row(*ACCOUNTS)
    journal.row(event, reply=REFUSED)
    with pytest.raises(Violation, match="a refusal leaves"):
        journal.audited()


@pytest.mark.parametrize("event", [recorded(line("t")), AccountFrozen(1, "")])
def test_a_tick_that_does_more_than_let_expire_is_found(event: Event) -> None:
    journal = Journal()
    journal.row(*ACCOUNTS)
    journal.row(event, kind="runtime.Tick", actor="clock")
    with pytest.raises(Violation, match="time alone led to"):
        journal.audited()


# -- what was asked and answered ------------------------------------------------------------------

COMMAND = CreateTransfers(transfers=[NewTransfer(id="t"), NewTransfer(id="u")])
OTHER = CreateTransfers(transfers=[])
BOTH = Reply(body={"created": 2, "results": []})


class Case:
    """A journal with two accounts and one command of two transfers, and what was asked."""

    def __init__(self, *, reply: Reply = BOTH, lines: Sequence[Line] | None = None) -> None:
        self.journal = Journal()
        self.journal.row(*ACCOUNTS, actor="clock")
        events = [recorded(*(lines if lines is not None else (line("t"), line("u"))))]
        self.row = self.journal.row(*events, key="k", command=COMMAND, reply=reply)
        self.history = History()
        self.ask = self.history.ask("k", COMMAND, "alice")
        self.copy = Copy(1)
        self.ask.copies.append(self.copy)
        self.receipt = Receipt(2, self.row.at_us, False, reply)

    def answer(self, **other: Any) -> None:
        receipt = msgspec.structs.replace(self.receipt, **other)
        self.history.answered(self.ask, self.copy, receipt)

    def check(self) -> None:
        self.journal.audited().check_history(self.history)

    def check_finds(self, found: str) -> None:
        with pytest.raises(Violation, match=found):
            self.check()


def test_an_answer_that_is_the_stored_one_passes() -> None:
    case = Case()
    case.answer()
    case.answer(replayed=True)
    case.copy.without_effect = False
    case.check()


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"height": 1}, "but it stands at 2"),
        ({"at_us": 1}, "but it stands at 2"),
        ({"reply": Reply(body={"created": 1})}, "is stored"),
    ],
)
def test_an_answer_that_is_not_the_stored_one_is_found(other: dict[str, Any], found: str) -> None:
    case = Case()
    case.answer(**other)
    case.check_finds(found)


def test_an_acknowledged_command_that_does_not_stand_is_found() -> None:
    case = Case()
    case.answer()
    case.journal.entries.pop()
    case.check_finds("does not stand")


def test_a_second_first_answer_is_found() -> None:
    case = Case()
    case.answer()
    case.answer()
    case.check_finds("answered twice as if for the first time")


def test_what_was_told_not_done_and_stands_is_found() -> None:
    case = Case()
    case.copy.without_effect = True
    case.check_finds("nothing should have happened")


def test_what_was_done_before_it_was_sent_is_found() -> None:
    case = Case()
    case.copy.reached_at_height = 2
    case.check_finds("nothing should have happened")


def test_an_order_that_contradicts_the_order_of_answers_is_found() -> None:
    case = Case()
    case.ask.floor = 2
    case.check_finds("2 was answered before it was sent")


def test_a_row_that_nobody_asked_for_is_found() -> None:
    case = Case()
    case.journal.row(key="stranger")
    case.check_finds("nobody asked for height 3")


def test_another_content_than_was_asked_is_found() -> None:
    case = Case()
    case.history.asks.clear()
    case.history.ask("k", OTHER, "alice")
    case.check_finds("nobody asked for height 2")


@pytest.mark.parametrize(
    ("command", "height", "found"),
    [
        (COMMAND, 2, "the key was called reused, but"),
        (OTHER, 1, "the key was called reused, but"),
    ],
)
def test_a_key_that_is_called_reused_and_was_not_is_found(
    command: Command, height: int, found: str
) -> None:
    case = Case()
    ask = case.history.ask("k", command, "alice")
    case.history.refused(ask, Copy(1), height)
    case.check_finds(found)


def test_the_first_reply_to_another_content_is_found() -> None:
    case = Case()
    other = case.history.ask("k", OTHER, "alice")
    case.history.answered(other, Copy(1), case.receipt)
    case.check_finds("is another command")


@pytest.mark.parametrize(
    ("lines", "results", "created", "found"),
    [
        ([line("t")], [], 2, "u is told as ''"),
        ([line("t")], [[1, "ledger.exists", {}]], 1, "u is told as 'ledger.exists'"),
        ([line("t"), line("u")], [[1, "ledger.bad_id", {}]], 1, "u is told as 'ledger.bad_id'"),
        ([line("t")], [[1, "ledger.bad_id", {}]], 2, "2 are told as created, 1 were"),
    ],
)
def test_results_that_are_not_what_was_recorded_are_found(
    lines: list[Line], results: list[Any], created: int, found: str
) -> None:
    case = Case(lines=lines, reply=Reply(body={"created": created, "results": results}))
    case.answer()
    case.check_finds(found)


def test_a_refused_command_whose_transfers_stand_elsewhere_passes_but_not_in_its_row() -> None:
    case = Case(lines=[])
    case.journal.entries.pop()
    refused = Reply(code="ledger.bad_id")
    case.row = case.journal.row(key="k", command=COMMAND, reply=refused)
    case.receipt = Receipt(2, case.row.at_us, False, refused)
    case.answer()
    case.journal.row(recorded(line("t")), actor="clock")
    case.check()


def test_a_torn_chain_of_linked_transfers_is_found() -> None:
    linked = CreateTransfers(transfers=[NewTransfer(id="t", linked=True), NewTransfer(id="u")])
    reply = Reply(body={"created": 1, "results": [[1, "ledger.exceeds_credits", {}]]})
    case = Case(lines=[line("t")], reply=reply)
    case.journal.entries.pop()
    case.journal.row(recorded(line("t")), key="k", command=linked, reply=reply)
    case.history.asks.clear()
    case.history.ask("k", linked, "alice").copies.append(Copy(1))
    case.check_finds("is torn")


# -- wallets, rail, memory ------------------------------------------------------------------------

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
