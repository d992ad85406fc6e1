"""A domain on nothing but memory: ledger and custody, joined by the flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.adapters.domains.own import domain_house
from nostro.custody import (
    ExecuteHolds,
    IssueAsset,
    NewHold,
    PlaceHolds,
    ReleaseHolds,
    RoundOrder,
)
from nostro.kernel.messages import Command, Event
from nostro.kernel.movement import Lock, Move
from nostro.kernel.reply import Reply
from nostro.kernel.room import Context, Position
from nostro.ledger import FreezeAccount, LedgerState, UnfreezeAccount

BOND, EUR = "BOND1", "EUR"


class Depository:
    """A domain and its books; every `tell` is a journal row."""

    def __init__(self) -> None:
        self.house = domain_house()
        self.memory = self.house.new()
        self.height = 0
        self.rows: list[list[Event]] = []

    @property
    def books(self) -> LedgerState:
        """The ledger's state."""
        state: LedgerState = self.memory.states["ledger"]
        return state

    def tell(self, command: Command) -> Reply:
        """Run one command to its end and return what the caller hears."""
        self.height += 1
        context = Context(self.height, self.height, "coordinator", {})
        outcome = self.house.handle(self.memory, command, context)
        self.rows.append(list(outcome.events))
        return outcome.reply

    def give(self, party: str, asset: str, amount_minor: int) -> Reply:
        """Let a party have more (or less) of an asset."""
        command = IssueAsset(
            reference=f"given:{self.height}",
            party=party,
            asset=asset,
            scale={BOND: 0, EUR: 2}.get(asset, 0),
            amount_minor=amount_minor,
        )
        return self.tell(command)

    def hold(self, *holds: NewHold) -> list[Any]:
        """Place holds and return what each is told: its stage, or a code."""
        return _told(self.tell(PlaceHolds(holds=list(holds))))

    def execute(self, *ids: str) -> list[Any]:
        """Execute rounds likewise."""
        return _told(self.tell(ExecuteHolds(rounds=[RoundOrder(each, 1) for each in ids])))

    def release(self, *ids: str) -> list[Any]:
        """Release rounds likewise."""
        return _told(self.tell(ReleaseHolds(rounds=[RoundOrder(each, 1) for each in ids])))

    def freeze(self, account: str) -> None:
        """Stop an account."""
        assert self.tell(FreezeAccount(account=account)).accepted

    def unfreeze(self, account: str) -> None:
        """Let an account move again."""
        assert self.tell(UnfreezeAccount(account=account)).accepted

    def money(self, party: str, asset: str = BOND) -> tuple[int, int]:
        """Return what a party owns, and what of it is earmarked."""
        account = self.books.accounts[f"wallet:{party}:{asset}"]
        return account.credits_posted - account.debits_posted, account.debits_pending

    def check(self) -> None:
        """Assert that nothing was made or lost, that clearing ends at zero, that holds of the
        ledger are what custody holds, and that a replay is the same."""
        by_asset: dict[str, int] = {}
        for account in self.books.accounts.values():
            balance = account.debits_posted - account.credits_posted
            by_asset[account.asset] = by_asset.get(account.asset, 0) + balance
            if account.id.startswith("clearing:"):
                assert balance == 0
        assert not any(by_asset.values())
        rounds = self.memory.states["custody"].rounds.values()
        held = [each.hold for each in rounds if each.stage == "held"]
        locks = sum(len(each.locks) for each in held)
        # Besides, the wallets into which legs go that no lock covers are held open.
        assert locks <= len(self.books.holds) <= locks + sum(len(each.moves) for each in held)
        again = self.house.new()
        for height, events in enumerate(self.rows, 1):
            self.house.evolve(again, events, Position(height, height))
        assert self.house.digests(again) == self.house.digests(self.memory)


def holding(round_id: str, *moves: Move, locks: Sequence[Lock] | None = None) -> NewHold:
    """Return a hold; each move with a lock of its own unless they are given."""
    own = [Lock(move.source, move.asset, move.amount_minor, move.prefunded) for move in moves]
    return NewHold(round_id, 1, own if locks is None else list(locks), list(moves))


def sale(amount_minor: int = 100, *, seller: str = "alice", buyer: str = "bob") -> Move:
    """Return how bonds pass."""
    return Move(seller, buyer, BOND, amount_minor)


def _told(reply: Reply) -> list[Any]:
    assert reply.accepted, reply
    return [each.get("code") or each["stage"] for each in reply.body["results"]]
