"""What the ledger remembers, forgets, and makes of a snapshot."""

from __future__ import annotations

import msgspec
import pytest

from nostro.kernel.messages import Rejection
from nostro.kernel.room import Room
from nostro.ledger import (
    CreateTransfers,
    FreezeAccount,
    LedgerRoom,
    LedgerState,
    NewAccount,
    OpenAccounts,
    RegisterAsset,
    TransfersRecorded,
)
from nostro.ledger.rules import EXPIRED_PER_TICK_MAX
from tests.rooms.ledger.books import Books
from tests.rooms.ledger.rulebook import play, transfer

OPEN = """
    account A USD
    account B USD debits<=credits overdraft=1000000
"""


def refusal(books: Books, command: RegisterAsset | OpenAccounts | FreezeAccount) -> str:
    no = books.do(command).refusal
    assert isinstance(no, Rejection)
    return no.code


def test_the_ledger_is_a_room() -> None:
    room: Room[LedgerState] = LedgerRoom()
    assert room.name == "ledger"
    assert room.due(room.new()) is None


def test_an_asset_is_registered_once_and_its_scale_stays() -> None:
    books = Books()
    gold = RegisterAsset(code="GOLD", scale=3, name="Gold, grams")
    assert books.do(gold).body == {"registered": True}
    assert books.do(gold).body == {"registered": False}
    assert books.do(RegisterAsset(code="EUR", scale=2)).body == {"registered": False}
    assert refusal(books, RegisterAsset(code="GOLD", scale=4)) == (
        "ledger.asset_exists_with_different_scale"
    )
    assert refusal(books, RegisterAsset(code="gold", scale=4)) == "asset.bad_code"
    assert refusal(books, RegisterAsset(code="G2", scale=19)) == "asset.bad_scale"
    assert refusal(books, RegisterAsset(code="G2", scale=1, name="\x00")) == "asset.bad_name"
    play("account A GOLD\naccount A GOLD = exists", books)
    digest = books.digest()
    books.reload()
    assert books.digest() == digest
    assert books.state.assets["GOLD"].scale == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"owner": "o" * 129}, "ledger.bad_owner"),
        ({"metadata": {"k": "\x07"}}, "ledger.bad_metadata"),
        ({"metadata": {f"k{n}": "" for n in range(33)}}, "ledger.bad_metadata"),
        ({"overdraft_minor": 10**38}, "ledger.overdraft_out_of_range"),
        ({"id": "x" * 129}, "ledger.bad_account_id"),
        ({"id": ""}, "ledger.bad_account_id"),
        ({"id": "ä"}, "ledger.bad_account_id"),
    ],
)
def test_an_account_that_is_not_well_formed_is_not_opened(
    change: dict[str, object], code: str
) -> None:
    account = msgspec.structs.replace(NewAccount(id="A", asset="USD"), **change)
    decision = Books().do(OpenAccounts(accounts=[account]))
    assert decision.events == ()
    assert [code for _, code, _ in decision.body["results"]] == [code]


def test_one_command_opens_each_account_once() -> None:
    books = Books()
    twice = [NewAccount(id="A", asset="USD"), NewAccount(id="A", asset="USD")]
    other = NewAccount(id="A", asset="EUR")
    decision = books.do(OpenAccounts(accounts=[*twice, other, NewAccount(id="B", asset="EUR")]))
    assert [code for _, code, _ in decision.body["results"]] == [
        "ledger.exists",
        "ledger.exists_with_different_asset",
    ]
    assert decision.body["opened"] == 2
    assert [account.id for account in books.state.by_number[1:]] == ["A", "B"]
    many = [NewAccount(id=f"n{n}", asset="EUR") for n in range(10_001)]
    assert refusal(books, OpenAccounts(accounts=many)) == "ledger.too_many_accounts"
    assert refusal(books, FreezeAccount(account="A", reason="\n")) == "ledger.bad_reason"


def test_a_tick_expires_a_bounded_number_of_holds_the_earliest_first() -> None:
    books = play(OPEN)
    count = EXPIRED_PER_TICK_MAX + 500
    holds = [transfer(f"hold H{n} A->B 1 timeout_s={1 + n % 7}") for n in range(count)]
    books.do(CreateTransfers(transfers=holds))
    books.at_us += 10_000_000
    first = books.tick().events[0]
    assert isinstance(first, TransfersRecorded)
    expected = sorted((1 + n % 7, f"H{n}") for n in range(count))
    assert [line.refers_to for line in first.lines] == [
        id for _, id in expected[:EXPIRED_PER_TICK_MAX]
    ]
    due = books.room.due(books.state)
    assert due is not None
    assert due <= books.at_us
    assert books.tick().body == {"expired": 500}
    assert books.tick().body is None
    assert books.balances() == [(0, 0, 0, 0), (0, 0, 0, 0)]


def test_resolved_holds_leave_memory_long_before_their_timeout() -> None:
    books = play(OPEN)
    for round_ in range(40):
        ids = [f"{round_}-{n}" for n in range(100)]
        holds = [transfer(f"hold H{id} A->B 1 timeout_s=86400") for id in ids]
        posts = [transfer(f"post P{id} H{id}") for id in ids]
        books.do(CreateTransfers(transfers=holds + posts[1:]))
    assert len(books.state.holds) == 40
    assert len(books.state.due) < 2_000
    assert books.room.due(books.state) is not None
    play("void V H0-0 = ok\nvoid W H0-1 = hold_already_posted", books)


def test_the_digest_tells_what_the_books_say_and_not_how_they_remember_it() -> None:
    text = OPEN + "transfer T A->B 5 = ok\nhold H A->B 5 = ok\ntransfer X A->A 5 = same_account"
    books, forgetful = play(text), play(text, Books(hot_max=0))
    assert books.digest() == forgetful.digest() == books.replayed().digest()
    seen = {books.digest()}
    for more in (
        "transfer U A->B 1 = ok",
        "hold V A->B 1 = ok",
        "void W H = ok",
        "freeze A = ok",
        "account C USD",
        "account D USD owner=me",
    ):
        play(more, books)
        assert books.digest() not in seen
        seen.add(books.digest())
        before = books.digest()
        books.reload()
        assert books.digest() == before
    play("transfer Y C->A 1 = credit_frozen\nvoid Z unknown = ok", books)
    assert books.digest() in seen


def test_what_is_not_a_snapshot_of_the_books_is_not_loaded() -> None:
    room = LedgerRoom()
    with pytest.raises(ValueError, match="not an index"):
        room.load(b"")
    data = room.dump(play(OPEN).state)
    with pytest.raises(ValueError, match="format"):
        room.load(data.replace(b"nostro-ledger/2", b"nostro-ledger/3"))
    with pytest.raises(msgspec.DecodeError):
        room.load(data[:-1])


def test_an_amount_of_38_digits_survives_journal_and_snapshot() -> None:
    books = play(OPEN + "transfer T A->B max = ok")
    books.reload()
    assert books.balances() == [(10**38 - 1, 0, 0, 0), (0, 0, 10**38 - 1, 0)]
    play("transfer U A->B 1 = debit_would_overflow", books)
    assert books.replayed().digest() == books.digest()
