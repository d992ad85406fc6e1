"""A ledger without an engine: decides, writes down, evolves, and recalls what has left memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Command, Rejection, Tick
from nostro.kernel.room import Context, Decision, Position
from nostro.kernel.seen import SeenIndex
from nostro.ledger import (
    Account,
    CreateTransfers,
    LedgerRoom,
    LedgerState,
    NewTransfer,
)

START_US = 1_700_000_000_000_000


class Books:
    """Books with a journal in a list. `hot_max`: how many ids stay in memory."""

    def __init__(self, *, hot_max: int = 1_000_000, fingerprint_bits: int = 64) -> None:
        self.room = LedgerRoom(seen_hot_max=hot_max)
        self.codec = Codec(self.room.events)
        self.state = LedgerState(seen=SeenIndex(hot_max=hot_max, fingerprint_bits=fingerprint_bits))
        self.rows: list[tuple[Position, bytes]] = []
        self.at_us = START_US

    def ask(self, command: Command) -> Decision:
        """Decide without writing anything down; the books must not notice."""
        before = self.digest()
        context = Context(len(self.rows) + 1, self.at_us, "tester", self._recalled(command))
        try:
            return self.room.decide(self.state, command, context)
        except Rejection as no:
            return Decision(refusal=no)
        finally:
            assert self.digest() == before, "a decision has changed the books"

    def do(self, command: Command) -> Decision:
        """Decide one command and let its events become history."""
        self.at_us += 1
        decision = self.ask(command)
        payload = encode_events(decision.events)
        assert self.codec.decode_events(payload) == list(decision.events)
        self.append(payload)
        return decision

    def append(self, payload: bytes) -> None:
        """Write a journal row and apply it as a replay would."""
        position = Position(len(self.rows) + 1, self.at_us)
        self.rows.append((position, payload))
        for event in self.codec.decode_events(payload):
            self.room.evolve(self.state, event, position)
        self.room.settle(self.state, position.height)

    def create(self, *transfers: NewTransfer) -> dict[int, tuple[str, dict[str, Any]]]:
        """Send transfers in one command and return the results that it names."""
        return results_of(self.do(CreateTransfers(transfers=list(transfers))))

    def tick(self, later_us: int = 0) -> Decision:
        """Let time pass, and tell the books."""
        self.at_us += later_us
        return self.do(Tick())

    def account(self, account_id: str) -> Account:
        return self.state.accounts[account_id]

    def balances(self) -> list[tuple[int, int, int, int]]:
        """Return debits posted and pending, credits posted and pending of each account."""
        return [
            (a.debits_posted, a.debits_pending, a.credits_posted, a.credits_pending)
            for a in self.state.by_number[1:]
        ]

    def digest(self) -> bytes:
        return self.room.digest(self.state)

    def reload(self) -> None:
        """Carry on from a snapshot of the books."""
        self.state = self.room.load(self.room.dump(self.state))

    def replayed(self) -> Books:
        """Return new books made from the journal alone."""
        other = Books()
        for position, payload in self.rows:
            other.at_us = position.at_us
            other.append(payload)
        return other

    def _recalled(self, command: Command) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, height in self.room.cold(self.state, command):
            events = self.codec.decode_events(self.rows[height - 1][1])
            found.update(self.room.recall([key], events))
        return found


def results_of(decision: Decision) -> dict[int, tuple[str, dict[str, Any]]]:
    """Return the results that a decision names, by index."""
    if decision.refusal is not None:
        facts = dict(decision.refusal.facts)
        return {facts["index"]: (decision.refusal.code, facts)}
    named: Sequence[tuple[int, str, dict[str, Any]]] = decision.body["results"]
    return {index: (code, facts) for index, code, facts in named}
