"""The story of a trade that settles on a later day: set aside, and delivered whatever comes."""

from __future__ import annotations

import pytest

from nostro.exchange import MarketRules, Settling
from nostro.kernel.messages import Command, Tick
from nostro.kernel.reply import Reply
from nostro.kernel.room import Context
from nostro.ledger import CloseAccount
from nostro.settlement import DAY_US, SettlementState
from nostro.wiring.rooms import make_house
from tests.flows import town
from tests.flows.bourse import LOT, Bourse

VALUE = 10_000
"""What alice pays bob for ten lots, in cents."""


class Later(Bourse):
    """A market of which trades settle two days later, with no fees; bob has sold alice ten lots."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(town, "House", lambda **_: make_house())
        super().__init__(MarketRules(settling=Settling.T2), maker_ppm=0, taker_ppm=0)
        self.at_us = 0
        self.fund("alice", usd=VALUE)
        self.fund("bob", lots=10)
        self.sell("bob", 10, 1_000)
        self.buy("alice", 10, 1_000)

    @property
    def settling(self) -> SettlementState:
        """The state of the settlement room."""
        state: SettlementState = self.memory.states["settlement"]
        return state

    def tell(self, command: Command, *, actor: str = "clerk") -> Reply:
        """Run one command to its end, on whatever day it is."""
        self.height += 1
        self.at_us = getattr(self, "at_us", 0) + 1
        outcome = self.house.handle(
            self.memory, command, Context(self.height, self.at_us, actor, {})
        )
        self.rows.append(list(outcome.events))
        return outcome.reply

    def settle(self) -> None:
        """Let the settlement day come."""
        self.at_us = 2 * DAY_US
        self.tell(Tick())

    def has(self, account: str) -> int:
        """Return what stands on an account."""
        return self.posted(account) if account in self.books.accounts else 0


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


def test_both_sides_are_set_aside_until_their_day(market: Later) -> None:
    assert market.has("unsettled:alice:USD") == VALUE
    assert market.has("unsettled:bob:BTC") == 10 * LOT
    market.settle()
    assert market.money("alice") == (0, 10, 0, 0)
    assert market.money("bob") == (VALUE, 0, 0, 0)
    assert not market.settling.settlements


def test_a_wallet_that_was_closed_keeps_nobody_from_what_he_bought(market: Later) -> None:
    market.must(CloseAccount(account="wallet:bob:USD"))
    market.settle()
    assert not market.settling.settlements
    assert market.money("alice") == (0, 10, 0, 0)
    assert market.has("unsettled:alice:USD") == market.has("unsettled:bob:BTC") == 0
    assert market.has("suspense:USD") == VALUE
    market.check()


def test_a_wallet_that_is_frozen_gets_it_by_way_of_suspense(market: Later) -> None:
    market.freeze("wallet:alice:BTC")
    market.settle()
    assert not market.settling.settlements
    assert market.money("bob") == (VALUE, 0, 0, 0)
    assert market.has("suspense:BTC") == 10 * LOT
    market.check()
