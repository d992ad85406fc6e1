"""Random histories: the ledger answers as its slow twin does, and forgets nothing it needs."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from nostro.kernel.messages import Command
from nostro.ledger import (
    CloseAccount,
    CreateTransfers,
    CreateTransfersTogether,
    FreezeAccount,
    LineKind,
    OpenAccounts,
    TransfersRecorded,
    UnfreezeAccount,
)
from tests.rooms.ledger.books import Books, results_of
from tests.rooms.ledger.stories import ACCOUNTS, story
from tests.rooms.ledger.twin import MAX, Twin

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 25)


def play(books: Books, step: Command | int) -> tuple[object, ...]:
    """Take one step; return what was answered and recorded."""
    decision = books.tick(step) if isinstance(step, int) else books.do(step)
    no = decision.refusal
    return decision.events, decision.body, no and (no.code, no.facts), books.balances()


@settings(max_examples=400, deadline=None)
@given(seeds, lengths)
def test_the_ledger_answers_as_its_slow_twin(seed: int, length: int) -> None:
    books, twin = Books(), Twin()
    books.do(OpenAccounts(accounts=ACCOUNTS))
    twin.accounts = {account.id: account for account in ACCOUNTS}
    for step in story(seed, length):
        match step:
            case int():
                books.tick(step)
                twin.tick(books.at_us)
            case CreateTransfers(transfers=transfers):
                decision = books.do(step)
                codes = twin.each(transfers, books.at_us)
                named = {i: code for i, (code, _) in results_of(decision).items()}
                assert named == {i: code for i, code in enumerate(codes) if code}
                assert decision.body["created"] == codes.count("")
            case CreateTransfersTogether(transfers=transfers):
                decision = books.do(step)
                failed_at, codes = twin.together(transfers, books.at_us)
                named = {i: code for i, (code, _) in results_of(decision).items()}
                kept = [failed_at] if failed_at is not None else range(len(codes))
                assert named == {i: codes[i] for i in kept if codes[i]}
            case FreezeAccount(account=name):
                if not books.do(step).refusal:
                    twin.frozen.add(name)
            case UnfreezeAccount(account=name):
                if not books.do(step).refusal:
                    twin.frozen.discard(name)
            case CloseAccount(account=name):
                may = name in twin.accounts and twin.totals(name)[1::2] == (0, 0)
                may = may and twin.totals(name)[0] == twin.totals(name)[2]
                assert (books.do(step).refusal is None) == may
                if may:
                    twin.closed.add(name)
        assert books.balances() == [twin.totals(account.id) for account in ACCOUNTS]
        check_conservation_and_limits(books, twin)
    assert recorded(books) == [(e.id, e.kind, e.amount, e.refers_to) for e in twin.history]


def recorded(books: Books) -> list[tuple[str, LineKind, int, str]]:
    """Return the lines of the whole journal."""
    return [
        (line.id, LineKind(line.kind), line.amount_minor, line.refers_to)
        for _, payload in books.rows
        for event in books.codec.decode_events(payload)
        if isinstance(event, TransfersRecorded)
        for line in event.lines
    ]


def check_conservation_and_limits(books: Books, twin: Twin) -> None:
    for asset in ("USD", "EUR"):
        rows = [
            total
            for account, total in zip(ACCOUNTS, books.balances(), strict=True)
            if account.asset == asset
        ]
        assert sum(r[0] for r in rows) == sum(r[2] for r in rows)
        assert sum(r[1] for r in rows) == sum(r[3] for r in rows)
    for account in ACCOUNTS:
        room = twin.room(account.id)
        assert room is None or room >= 0
        assert max(twin.totals(account.id)[0::2]) <= MAX


@settings(max_examples=200, deadline=None)
@given(seeds, lengths)
def test_what_left_memory_is_recalled_and_answered_the_same(seed: int, length: int) -> None:
    hot = Books()
    forgetful = Books(hot_max=0)
    colliding = Books(hot_max=3, fingerprint_bits=2)
    reloaded = Books()
    all_books = (hot, forgetful, colliding, reloaded)
    for books in all_books:
        books.do(OpenAccounts(accounts=ACCOUNTS))
    for step in story(seed, length):
        answers = [play(books, step) for books in all_books]
        assert answers[1:] == answers[:1] * 3
        reloaded.reload()
        assert len({books.digest() for books in all_books}) == 1
        assert len({books.room.due(books.state) for books in all_books}) == 1
    assert forgetful.state.seen.hot_count == 0
    replayed = hot.replayed()
    assert replayed.digest() == hot.digest()
    assert play(replayed, 0)[0] == play(hot, 0)[0]
