"""The story of a settlement on our own ledger: both legs in the row that lets it settle, and told
so."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.kernel.messages import Command
from nostro.kernel.reply import Reply
from nostro.kernel.room import Context
from nostro.ledger import CreateTransfersTogether, LedgerState, NewTransfer
from nostro.settlement import (
    HoldSettlement,
    InstructSettlements,
    InstructSide,
    NewSettlement,
    NewSide,
    Party,
    ReleaseSettlement,
)
from nostro.wallets import OpenWallet
from nostro.wiring.rooms import make_house

TODAY = "1970-01-01"


class Square:
    """All rooms; ann has ten bitcoins' worth of minor units, and bob what they cost."""

    def __init__(self) -> None:
        self.house = make_house()
        self.memory = self.house.new()
        self.height = 0
        for party, asset in (("ann", "BTC"), ("bob", "USD")):
            self.must(OpenWallet(user_id=party, asset=asset))
            given = NewTransfer(
                id=f"given:{party}",
                debit=f"nostro:{asset}",
                credit=f"wallet:{party}:{asset}",
                amount_minor=1_000,
            )
            self.must(CreateTransfersTogether(transfers=[given]))

    def must(self, command: Command) -> dict[str, Any]:
        """Run one command to its end, which must be accepted, and return what is told."""
        self.height += 1
        reply: Reply = self.house.handle(
            self.memory, command, Context(self.height, self.height, "clerk", {})
        ).reply
        assert reply.accepted, reply
        body: dict[str, Any] = reply.body
        return body

    def has(self, account: str) -> int:
        """Return what stands on an account."""
        books: LedgerState = self.memory.states["ledger"]
        found = books.accounts.get(account)
        return 0 if found is None else found.credits_posted - found.debits_posted


@pytest.fixture
def square() -> Square:
    return Square()


def agreed(**other: Any) -> InstructSettlements:
    new = NewSettlement(
        trade_id="t1",
        seller="ann",
        buyer="bob",
        security="BTC",
        quantity_minor=100,
        cash="USD",
        amount_minor=300,
        **other,
    )
    return InstructSettlements(settlements=[new])


def side(of_whom: Party, **other: Any) -> InstructSide:
    selling = of_whom is Party.SELLER
    new = NewSide(
        side=of_whom,
        reference="r1",
        party="ann" if selling else "bob",
        counterparty="bob" if selling else "ann",
        security="BTC",
        quantity_minor=100,
        cash="USD",
        amount_minor=300,
        trade_date=TODAY,
        settlement_date=TODAY,
        **other,
    )
    return InstructSide(instruction=new)


def test_who_instructs_what_settles_at_once_is_told_so(square: Square) -> None:
    assert square.must(agreed())["results"][0]["status"] == "SETTLED"
    assert (square.has("wallet:bob:BTC"), square.has("wallet:ann:USD")) == (100, 300)


def test_the_side_that_matches_what_settles_at_once_is_told_so(square: Square) -> None:
    assert square.must(side(Party.SELLER))["status"] == "PENDING"
    told = square.must(side(Party.BUYER))
    assert (told["status"], told["matched"]) == ("SETTLED", True)


def test_who_lets_go_what_settles_at_once_is_told_so(square: Square) -> None:
    square.must(agreed(held=(Party.SELLER,)))
    square.must(HoldSettlement(settlement=1, side=Party.BUYER))
    let_go = [ReleaseSettlement(settlement=1, side=each) for each in Party]
    assert [square.must(each)["status"] for each in let_go] == ["PENDING", "SETTLED"]
