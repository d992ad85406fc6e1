"""Does the audit's own bookkeeping see every line that must not stand in the books?"""

from __future__ import annotations

import random

import pytest

from nostro.kernel.room import Position
from nostro.ledger import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountType,
    AccountUnfrozen,
    Limit,
    Line,
    LineKind,
    Side,
    TransfersRecorded,
    TransfersRefused,
)
from nostro.ledger.audit import BooksBroken, LedgerAudit
from tests.adapters.postgres.chronicle import Chronicle, random_history

NOW_US = 1_000_000
LIMITED = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
KIND = LineKind


class Books:
    """Books with four accounts: 1 and 2 without limits, 3 limited with an overdraft of 10, 4 in
    dollars."""

    def __init__(self) -> None:
        self.audit = LedgerAudit()
        self._height = 0
        terms = ((1, "EUR", Limit.NONE), (2, "EUR", Limit.NONE), (3, "EUR", LIMITED))
        for number, asset, limit in (*terms, (4, "USD", Limit.NONE)):
            kind, side = AccountType.LIABILITY, Side.CREDIT
            self.hear(AccountOpened(number, f"a{number}", asset, kind, side, limit, 10, "", None))

    def hear(self, *events: object) -> None:
        """Write a row a second after the one before."""
        self._height += 1
        place = Position(self._height, NOW_US * self._height)
        self.audit.hear(events, place)  # type: ignore[arg-type]

    def line(self, id_: str, debit: int, credit: int, amount: int, **more: object) -> None:
        """Write a row with one line."""
        line = Line(id_, debit, credit, amount, **more)  # type: ignore[arg-type]
        self.hear(TransfersRecorded([line]))

    def finish(self) -> None:
        """End the audit."""
        self.audit.finish()
        assert not self.audit.questions()
        self.audit.finish_answers()


@pytest.fixture
def books() -> Books:
    return Books()


def test_sound_books_are_sound(books: Books) -> None:
    books.line("t1", 1, 3, 100)
    books.line("h1", 3, 1, 110, kind=KIND.HELD, timeout_s=60)
    books.line("p1", 3, 1, 40, kind=KIND.HOLD_POSTED, refers_to="h1")
    books.line("h2", 3, 1, 70, kind=KIND.HELD)
    books.line("v2", 3, 1, 70, kind=KIND.HOLD_VOIDED, refers_to="h2")
    books.line("h3", 3, 1, 70, kind=KIND.HELD, timeout_s=1)
    books.line("~h3", 3, 1, 70, kind=KIND.HOLD_EXPIRED, refers_to="h3")
    books.line("c1", 0, 0, 0, kind=KIND.HOLD_CLOSED, refers_to="never")
    books.hear(TransfersRefused([("no", "ledger.exceeds_credits")]), AccountFrozen(2, ""))
    books.hear(AccountUnfrozen(2, ""))
    books.line("t9", 2, 1, 1)
    books.finish()
    totals = {id_: totals for _, id_, _, totals in books.audit.accounts()}
    assert totals["a3"] == [40, 100, 0, 0]
    assert totals["a1"] == [100, 41, 0, 0]


@pytest.mark.parametrize(
    ("debit", "credit", "amount"),
    [(1, 1, 5), (1, 4, 5), (0, 1, 5), (1, 0, 5), (-1, 1, 5), (1, 2, 0), (1, 2, -5)],
)
def test_a_line_moves_an_amount_of_one_asset_between_two_accounts(
    books: Books, debit: int, credit: int, amount: int
) -> None:
    with pytest.raises(BooksBroken, match="does not move an amount of one asset"):
        books.line("t", debit, credit, amount)
    assert books.audit.broken


def test_an_account_that_was_never_opened_is_a_finding(books: Books) -> None:
    with pytest.raises(IndexError):
        books.line("t", 1, 5, 1)
    with pytest.raises(BooksBroken, match="out of order"):
        books.hear(
            AccountOpened(7, "a7", "EUR", AccountType.ASSET, Side.DEBIT, Limit.NONE, 0, "", None)
        )


def test_a_limit_is_broken_by_the_first_minor_unit_beyond_it(books: Books) -> None:
    books.line("t1", 3, 1, 10)
    with pytest.raises(BooksBroken, match="a3 1 beyond its limit"):
        books.line("t2", 3, 1, 1)


def test_what_is_held_counts_for_the_limit(books: Books) -> None:
    books.line("h1", 3, 1, 10, kind=KIND.HELD)
    with pytest.raises(BooksBroken, match="beyond its limit"):
        books.line("h2", 3, 1, 1, kind=KIND.HELD)


def test_credits_are_limited_likewise(books: Books) -> None:
    limit = Limit.CREDITS_MUST_NOT_EXCEED_DEBITS
    books.hear(AccountOpened(5, "a5", "EUR", AccountType.ASSET, Side.DEBIT, limit, 0, "", None))
    books.line("t1", 5, 1, 5)
    books.line("t2", 1, 5, 5)
    with pytest.raises(BooksBroken, match="a5 1 beyond"):
        books.line("t3", 1, 5, 1)


def test_a_stopped_account_only_releases(books: Books) -> None:
    books.line("h1", 1, 2, 5, kind=KIND.HELD)
    books.line("h2", 1, 2, 5, kind=KIND.HELD)
    books.hear(AccountFrozen(2, ""))
    books.line("v1", 1, 2, 5, kind=KIND.HOLD_VOIDED, refers_to="h1")
    with pytest.raises(BooksBroken, match="a2, which is stopped"):
        books.line("p2", 1, 2, 5, kind=KIND.HOLD_POSTED, refers_to="h2")


def test_an_account_closes_empty_and_stays_closed(books: Books) -> None:
    books.line("t1", 1, 2, 5)
    with pytest.raises(BooksBroken, match="a1 is closed with a balance"):
        books.hear(AccountClosed(1, ""))
    books.hear(AccountClosed(4, ""))
    books.line("h", 1, 2, 5, kind=KIND.HELD)
    books.line("t2", 2, 1, 5)
    with pytest.raises(BooksBroken, match="a1 is closed with holds"):
        books.hear(AccountClosed(1, ""))


@pytest.mark.parametrize(
    ("resolution", "complaint"),
    [
        (Line("r", 1, 2, 5, KIND.HOLD_POSTED, 0, "other"), "which is not open"),
        (Line("r", 2, 1, 5, KIND.HOLD_POSTED, 0, "h"), "between other accounts"),
        (Line("r", 1, 2, 6, KIND.HOLD_POSTED, 0, "h"), "posts more than was held"),
        (Line("r", 1, 2, 4, KIND.HOLD_VOIDED, 0, "h"), "releases another amount"),
        (Line("r", 1, 2, 5, KIND.HOLD_EXPIRED, 0, "h"), "before it expired"),
    ],
)
def test_a_hold_is_resolved_as_it_was_held(books: Books, resolution: Line, complaint: str) -> None:
    books.line("h", 1, 2, 5, kind=KIND.HELD, timeout_s=9)
    with pytest.raises(BooksBroken, match=complaint):
        books.hear(TransfersRecorded([resolution]))


def test_a_hold_is_resolved_once_and_in_time(books: Books) -> None:
    books.line("h", 1, 2, 5, kind=KIND.HELD)
    books.line("p", 1, 2, 5, kind=KIND.HOLD_POSTED, refers_to="h")
    with pytest.raises(BooksBroken, match="not open"):
        books.line("p2", 1, 2, 5, kind=KIND.HOLD_POSTED, refers_to="h")
    late = Books()
    late.line("h", 1, 2, 5, kind=KIND.HELD, timeout_s=1)
    with pytest.raises(BooksBroken, match="after it expired"):
        late.line("p", 1, 2, 5, kind=KIND.HOLD_POSTED, refers_to="h")


def test_an_id_is_used_once_refusals_and_closed_holds_included(books: Books) -> None:
    for first, second in (
        (TransfersRecorded([Line("x", 1, 2, 5)]), TransfersRecorded([Line("x", 1, 2, 5)])),
        (TransfersRefused([("x", "no")]), TransfersRecorded([Line("x", 1, 2, 5)])),
        (
            TransfersRecorded([Line("v", 0, 0, 0, KIND.HOLD_CLOSED, 0, "x")]),
            TransfersRecorded([Line("x", 1, 2, 5, KIND.HELD)]),
        ),
    ):
        one = Books()
        one.hear(first)
        one.hear(second)
        with pytest.raises(BooksBroken, match="used at height 5") as broken:
            one.audit.finish()
        assert broken.value.height == 6


def test_a_reversal_gives_back_the_whole_of_what_was_moved_once() -> None:
    def after_reversal(line: Line) -> None:
        books = Books()
        books.line("t", 1, 2, 5)
        books.line("h", 1, 2, 5, kind=KIND.HELD)
        books.hear(TransfersRecorded([line]))
        books.audit.finish()
        heights = books.audit.questions()
        originals = {5: Line("t", 1, 2, 5), 6: Line("h", 1, 2, 5, KIND.HELD)}
        for height in heights:
            books.audit.hear_again(
                [TransfersRecorded([originals[height]])], Position(height, NOW_US)
            )
        books.audit.finish_answers()

    after_reversal(Line("r", 2, 1, 5, KIND.REVERSAL, 0, "t"))
    for false in (
        Line("r", 1, 2, 5, KIND.REVERSAL, 0, "t"),
        Line("r", 2, 1, 4, KIND.REVERSAL, 0, "t"),
        Line("r", 2, 1, 5, KIND.REVERSAL, 0, "h"),
        Line("r", 2, 1, 5, KIND.REVERSAL, 0, "nothing"),
    ):
        with pytest.raises(BooksBroken, match=r"give back|never recorded") as broken:
            after_reversal(false)
        assert broken.value.height == 7
    books = Books()
    books.line("t", 1, 2, 5)
    books.line("r1", 2, 1, 5, kind=KIND.REVERSAL, refers_to="t")
    with pytest.raises(BooksBroken, match="t is reversed twice"):
        books.line("r2", 2, 1, 5, kind=KIND.REVERSAL, refers_to="t")


def test_totals_stay_within_38_digits(books: Books) -> None:
    for number in range(11):
        books.line(f"t{number}", 1, 2, 10**37)
    with pytest.raises(BooksBroken, match="38 digits"):
        books.audit.finish()


@pytest.mark.parametrize("seed", range(8))
def test_what_the_ledger_records_is_sound_for_the_audit(seed: int) -> None:
    chronicle, audit = Chronicle(), LedgerAudit()
    random_history(chronicle, random.Random(seed), rows=30, per_row=10)
    decode = chronicle.house.codec.decode_events
    for entry in chronicle.entries:
        audit.hear(decode(entry.payload), Position(entry.height, entry.at_us))
    audit.finish()
    for height in audit.questions():
        entry = chronicle.entries[height - 1]
        audit.hear_again(decode(entry.payload), Position(height, entry.at_us))
    audit.finish_answers()
    accounts = chronicle.memory.states["ledger"].by_number
    for number, _, _, totals in audit.accounts():
        own = accounts[number]
        assert totals == [
            own.debits_posted,
            own.credits_posted,
            own.debits_pending,
            own.credits_pending,
        ]
