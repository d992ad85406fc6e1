"""How does one member behave when we say every word that it hears?"""

from __future__ import annotations

from typing import TypeVar

from nostro.consensus import actions as a
from nostro.consensus.certificate import Certificate, certificate_of
from nostro.consensus.chain import Chain
from nostro.consensus.committee import Committee, Epochs
from nostro.consensus.encoding import sha256
from nostro.consensus.lock import VoteLock
from nostro.consensus.member import Participant
from nostro.consensus.messages import NIL, Entry, Message, Proposal, Step, Vote
from nostro.consensus.standing import Standing
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys

T = TypeVar("T")


class Desk:
    """A member among four (or as many as one likes); height 1 is proposed by member-2, then 3, 4,
    1 in later rounds."""

    def __init__(
        self,
        member_id: str = "member-1",
        *,
        size: int = 4,
        lock: VoteLock | None = None,
        restored: bool = False,
        rules: Rules | None = None,
        committee: Committee | None = None,
    ) -> None:
        self.committee = committee or keys.committee(size)
        self.member_id = member_id
        self.rules = rules or Rules(keys.verify)
        self.chain = Chain(Epochs([self.committee]))
        self.participant = Participant(
            chain=self.chain,
            rules=self.rules,
            standing=Standing(
                member_id=member_id,
                public_key=keys.public_key_of(member_id),
                restored=restored,
            ),
            lock=lock,
        )
        self.actions: list[a.Action] = []
        self.do(self.participant.start())

    def do(self, actions: list[a.Action]) -> list[a.Action]:
        """Note actions, and hand back what the member would have signed."""
        self.actions += actions
        for action in actions:
            if isinstance(action, a.Broadcast):
                self.hear(a.Received(keys.signed(action.message)))
        return actions

    def hear(self, *heard: a.Heard) -> list[a.Action]:
        """Tell it something; return what it wants done."""
        before = len(self.actions)
        for each in heard:
            self.do(self.participant.step(each))
        return self.actions[before:]

    def batch(self, body: str) -> None:
        """Ask for a batch."""
        self.hear(a.NewBatch(body))

    def entry(self, body: str, proposer: str) -> Entry:
        """Return the right next entry for a body."""
        return self.chain.entry_for(self.rules.check(body), proposer)

    def propose(self, entry: Entry, round_: int = 0, **more: object) -> list[a.Action]:
        """Let whoever has the turn propose an entry."""
        proposer = self.committee.proposer(entry.height, round_)
        proposal = Proposal(0, entry.height, round_, proposer, entry, **more)  # type: ignore[arg-type]
        return self.say(proposal)

    def vote(
        self, step: Step, value: bytes, *voters: str, round_: int = 0, height: int | None = None
    ) -> list[a.Action]:
        """Let others vote."""
        height = self.chain.height if height is None else height
        return self.say(*(Vote(step, 0, height, round_, voter, value) for voter in voters))

    def say(self, *messages: Message) -> list[a.Action]:
        """Let the member hear messages, signed by whom they name."""
        return self.hear(*(a.Received(keys.signed(message)) for message in messages))

    def timeout(self, step: Step, round_: int = 0) -> list[a.Action]:
        """Let a time run out."""
        return self.hear(a.TimedOut(self.chain.height, round_, step))

    def said(self, kind: type[T]) -> list[T]:
        """Return all actions of a kind up to now."""
        return [action for action in self.actions if isinstance(action, kind)]

    def votes(self, step: Step) -> list[tuple[int, int, bytes]]:
        """Return (height, round, value) of what the member has voted."""
        return [
            (action.message.height, action.message.round, action.message.value)
            for action in self.said(a.Broadcast)
            if action.message.step is step
        ]


def commit(
    entry: Entry, *voters: str, round_: int = 0, epoch: int = 0, generation: int = 0
) -> Certificate:
    """Return the commit certificate that these members make."""
    votes = [
        keys.signed(
            Vote(Step.PRECOMMIT, epoch, entry.height, round_, voter, entry.hash()),
            generation=generation,
        )
        for voter in voters
    ]
    return certificate_of([vote for vote in votes if isinstance(vote, Vote)], entry.hash())


def reject(entry: Entry, *voters: str, reason: str = "totals") -> Certificate:
    """Return the reject certificate that these members make."""
    votes = [
        keys.signed(Vote(Step.PREVOTE, 0, entry.height, 0, voter, NIL, entry.hash(), reason))
        for voter in voters
    ]
    return certificate_of([vote for vote in votes if isinstance(vote, Vote)], entry.hash())


def hash_of(body: str) -> bytes:
    """Return the batch hash of a body."""
    return sha256(body.encode())
