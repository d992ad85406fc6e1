"""Does the auditor see an answer that is not what the journal says?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt, Reply
from nostro.ledger import CreateTransfers, Line, NewTransfer
from nostro.simulation.books import Violation
from nostro.simulation.history import Copy, History
from tests.simulation.forged import ACCOUNTS, Journal, line, recorded

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
