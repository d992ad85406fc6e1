"""What has a ledger done with the rounds it was asked to hold, from its own journal alone?

Held, executed or released, each once and for good; and what every party owns there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from nostro.custody import (
    AssetIssued,
    Earmark,
    EpochsRaised,
    HoldsAsked,
    HoldsExecuted,
    HoldsPlaced,
    HoldsReleased,
    IssueRefused,
    RoundsClosed,
    RoundsStuck,
)
from nostro.kernel.messages import Event
from nostro.ledger import Limit, LineKind, TransfersRecorded
from nostro.simulation.books import Books, Violation
from nostro.simulation.dvp_terms import OWN_LEDGER

NOTHING, HELD, EXECUTED, RELEASED = "nothing", "held", "executed", "released"
MAY_BECOME: Mapping[str, frozenset[str]] = {
    NOTHING: frozenset({HELD, RELEASED}),
    HELD: frozenset({EXECUTED, RELEASED}),
    EXECUTED: frozenset(),
    RELEASED: frozenset(),
}


class KeptRound(msgspec.Struct):
    """A round at this ledger. `at`: the height at which it got where it stands; `epoch`: the
    highest that was seen; `earmark`: what it was last asked to hold."""

    stands: str = NOTHING
    at: int = 0
    epoch: int = -1
    earmark: Earmark | None = None


class Kept(Protocol):
    """What an auditor knows of a ledger, whoever keeps it."""

    name: str
    rounds: dict[str, KeptRound]
    issued: dict[tuple[str, str], int]
    """(party, asset) to all that was issued to it, less what was taken back."""

    def reference_of(self, round_id: str) -> str:
        """Return by what the ledger refers to the end of a round."""
        ...

    def owned(self) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield (party, asset) and how much of it that party owns."""
        ...

    def check_rest(self) -> None:
        """Check that nothing is held any more; raises Violation."""
        ...


class Rounds:
    """Rounds at a ledger, each of which goes one way only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rounds: dict[str, KeptRound] = {}

    def now(self, round_id: str, stands: str, at: int) -> KeptRound:
        """Take in where a round stands; raises Violation when it cannot have got there."""
        round_ = self.rounds.setdefault(round_id, KeptRound())
        if stands not in MAY_BECOME[round_.stands]:
            raise Violation(f"{round_id} is {round_.stands}, and becomes {stands} at {self.name}")
        round_.stands, round_.at = stands, at
        return round_

    def check_none_held(self) -> None:
        """Check that nothing is held any more; raises Violation."""
        held = [name for name, round_ in self.rounds.items() if round_.stands == HELD]
        if held:
            raise Violation(f"{self.name} still holds {held}")


class Ledger(Rounds):
    """One ledger of ours, as its journal tells; implements Kept."""

    def __init__(self, name: str, books: Books) -> None:
        super().__init__(name)
        self.issued: dict[tuple[str, str], int] = {}
        self._books = books
        self._references: dict[str, AssetIssued] = {}
        self._height = 0
        self._moved: dict[str, int] = {}
        """Wallet to what it got in this row."""
        self._wanted: dict[str, int] = {}
        """Wallet to what it should have got."""

    def begin_row(self, height: int) -> None:
        """Read another row."""
        self._height = height
        self._moved = {}
        self._wanted = {}

    def want(self, party: str, asset: str, amount: int) -> None:
        """Expect that this row moves something."""
        _add(self._wanted, f"wallet:{party}:{asset}", amount)

    def end_row(self) -> None:
        """Check that the row moved what was to move, and nothing else; raises Violation."""
        moved = {account: amount for account, amount in self._moved.items() if amount}
        wanted = {account: amount for account, amount in self._wanted.items() if amount}
        if moved != wanted:
            raise Violation(f"the row moved {moved}, and should move {wanted}")

    def read(self, event: Event) -> None:
        """Take in one event; raises Violation."""
        match event:
            case TransfersRecorded():
                self._move(event)
            case HoldsAsked(rounds):
                for earmark in rounds:
                    self._ask(earmark)
            case HoldsPlaced(rounds=rounds):
                for name in rounds:
                    self._now(name, HELD)
            case HoldsExecuted(rounds=rounds):
                for name in rounds:
                    self._executed(self._now(name, EXECUTED))
            case HoldsReleased(rounds=rounds):
                for name in rounds:
                    self._now(name, RELEASED)
            case RoundsClosed(rounds=orders):
                for order in orders:
                    self._see(order.round_id, order.epoch)
                    self._now(order.round_id, RELEASED)
            case EpochsRaised(rounds):
                for order in rounds:
                    self._see(order.round_id, order.epoch)
            case RoundsStuck():
                raise Violation(f"{event}: what is held must move, or be let go")
            case AssetIssued():
                self._issue(event)
            case IssueRefused(reference):
                issue = self._references[reference]
                self._credit(issue, -issue.amount_minor)
            case _:
                pass

    def _move(self, event: TransfersRecorded) -> None:
        accounts = self._books.accounts
        for line in event.lines:
            if line.kind in (LineKind.POSTED, LineKind.HOLD_POSTED):
                for number, amount in (
                    (line.debit, -line.amount_minor),
                    (line.credit, line.amount_minor),
                ):
                    if accounts[number].id.startswith("wallet:"):
                        _add(self._moved, accounts[number].id, amount)

    def _issue(self, event: AssetIssued) -> None:
        if event.reference in self._references:
            raise Violation(f"{event.reference} is issued twice")
        self._references[event.reference] = event
        self._credit(event, event.amount_minor)

    def _credit(self, event: AssetIssued, amount: int) -> None:
        key = event.party, event.asset
        self.issued[key] = self.issued.get(key, 0) + amount
        self.want(event.party, event.asset, amount)

    # -- rounds -----------------------------------------------------------------------------------

    def _ask(self, earmark: Earmark) -> None:
        name = earmark.hold.round_id
        round_ = self._see(name, earmark.hold.epoch)
        if round_.stands != NOTHING:
            raise Violation(f"{name} is to be held, and is {round_.stands}")
        round_.earmark = earmark

    def _see(self, name: str, epoch: int) -> KeptRound:
        round_ = self.rounds.setdefault(name, KeptRound())
        if epoch < round_.epoch:
            raise Violation(f"{name} obeys epoch {epoch}, after {round_.epoch}")
        round_.epoch = epoch
        return round_

    def _now(self, name: str, stands: str) -> KeptRound:
        return self.now(name, stands, self._height)

    def _executed(self, round_: KeptRound) -> None:
        assert round_.earmark is not None, "what was held had been asked for"
        for move in round_.earmark.hold.moves:
            self.want(move.source, move.asset, -move.amount_minor)
            self.want(move.target, move.asset, move.amount_minor)

    # -- the end ----------------------------------------------------------------------------------

    def reference_of(self, round_id: str) -> str:
        """See Kept.reference_of: the coordinator names what it does itself by the round."""
        return round_id if self.name == OWN_LEDGER else f"{self.name}:{self.rounds[round_id].at}"

    def owned(self) -> Iterator[tuple[tuple[str, str], int]]:
        """See Kept.owned."""
        for account in self._books.accounts.values():
            room, _, rest = account.id.partition(":")
            if room == "wallet":
                party, _, asset = rest.partition(":")
                yield (party, asset), account.credits - account.debits

    def check_rest(self) -> None:
        """Check that nothing is held any more, nothing stands between accounts, and nobody has
        less than nothing; raises Violation."""
        self.check_none_held()
        if self._books.holds:
            raise Violation(f"{self.name} still holds {sorted(self._books.holds)[:5]}")
        for account in self._books.accounts.values():
            if account.id.startswith("clearing:") and account.credits != account.debits:
                raise Violation(f"{account.id} is left with {account.credits - account.debits}")
            if account.id.startswith("wallet:"):
                bounded = account.limit is Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
                if not bounded or account.credits < account.debits:
                    raise Violation(f"{account.id} may owe: {account}")


def _add(sums: dict[str, int], key: str, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount
