"""Can each invariant of the auditor's books fail?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from nostro.kernel.messages import Event
from nostro.ledger import (
    AccountClosed,
    AccountFrozen,
    AccountUnfrozen,
    AssetRegistered,
    Line,
    TransfersRefused,
)
from nostro.simulation.books import Violation
from nostro.wallets import DepositSubmitted
from tests.simulation.forged import (
    ACCOUNTS,
    REFUSED,
    SECOND_US,
    START_US,
    Journal,
    closed,
    expired,
    held,
    line,
    opened,
    posted,
    recorded,
    reversal,
    voided,
)

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
