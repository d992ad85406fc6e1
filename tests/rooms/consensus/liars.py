"""What does a member do that wants the others to fork or to stop?

It has its own key only. It may say anything, say different things to different readers, say things
twice, repeat what others said, or be silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nostro.consensus.actions import Received
from nostro.consensus.chain import next_root
from nostro.consensus.encoding import sha256
from nostro.consensus.messages import NIL, NO_ROUND, Entry, Message, Proposal, Step, Vote
from tests.rooms.consensus import keys

if TYPE_CHECKING:
    from tests.rooms.consensus.town import Driver, Town

WORDS_MAX = 400
"""What one liar says in a run; the run is to end."""


class Liar:
    """Says, whenever it hears something, whatever may hurt."""

    def __init__(self, town: Town, member_id: str) -> None:
        self.town = town
        self.member_id = member_id
        self.words = 0
        self.heard: list[Message] = []

    def hear(self, message: Message) -> None:
        self.heard.append(message)
        if self.words >= WORDS_MAX:
            return
        dice = self.town.random
        for reader in self.town.honest:
            if dice.random() < 0.6:
                self._say(reader, message.height, message.round)
        if dice.random() < 0.2:
            self._repeat(dice.choice(self.town.honest))

    def _say(self, reader: Driver, height: int, round_: int) -> None:
        dice = self.town.random
        round_ = max(0, round_ + dice.choice([0, 0, 0, 0, 1, -1, 2]))
        height = max(1, height + dice.choice([0, 0, 0, 0, 0, 1]))
        self.words += 1
        turn = self.town.committee.proposer(height, round_) == self.member_id
        message = self._proposal(height, round_) if turn and dice.random() < 0.5 else None
        message = message or self._vote(height, round_)
        self.town.show_to(reader, keys.signed(message))

    def _vote(self, height: int, round_: int) -> Message:
        dice = self.town.random
        known = [
            value
            for value, entry in self.town.entries.items()
            if entry.height == height and entry.chain_id == keys.CHAIN_ID
        ]
        step = dice.choice([Step.PREVOTE, Step.PRECOMMIT])
        value = dice.choice([*known, *known, *known, NIL])
        if step is Step.PREVOTE and not value and known and dice.random() < 0.5:
            refused = dice.choice(known)
            return Vote(step, 0, height, round_, self.member_id, NIL, refused, "totals")
        return Vote(step, 0, height, round_, self.member_id, value)

    def _proposal(
        self, height: int, round_: int, bodies: list[str] | None = None
    ) -> Message | None:
        """Propose one batch to one reader, another batch, or a twisted entry, to the next."""
        dice = self.town.random
        before = self.town.certified.get(height - 1)
        told = bodies or list(self.town.requests.values())
        if (before is None and height > 1) or not told:
            return None
        batch_hash = sha256((told[0] if bodies else dice.choice(told)).encode())
        body = self.town.requests[batch_hash]
        checked = self.town.honest[0].rules.check(body)
        root = before.state_root if before else bytes(32)
        entry = Entry(
            keys.CHAIN_ID,
            0,
            height,
            before.hash() if before else bytes(32),
            batch_hash,
            next_root(state_root=root, batch_hash=batch_hash, ruleset_version=1),
            dice.choice([self.member_id, self.member_id, keys.ids[0], keys.ids[1]]),
            checked.at_us,
        )
        if bodies is None and dice.random() < 0.2:
            entry = msgspec.structs.replace(entry, batch_hash=bytes(32))
        if bodies is None and dice.random() < 0.2:
            entry = msgspec.structs.replace(entry, state_root=bytes(32))
        return Proposal(0, height, round_, self.member_id, entry, NO_ROUND)

    def _repeat(self, reader: Driver) -> None:
        """Show an old message of anyone again, as it was or as that of another round."""
        dice = self.town.random
        message = dice.choice(self.heard)
        if dice.random() < 0.5:
            message = msgspec.structs.replace(message, round=message.round + 1)
        self.town.after(1, reader, Received(message))


class DoubleDealer(Liar):
    """Deals with two halves of the others: to each it is the member who agrees with them alone."""

    def _say(self, reader: Driver, height: int, round_: int) -> None:
        honest = self.town.honest
        half = (honest.index(reader) + height) % 2
        participant = reader.participant
        if participant.chain.height != height:
            return
        self.words += 1
        round_ = participant.round
        ours = self.town.committee.proposer(height, round_) == self.member_id
        if ours and participant.stage is Step.PROPOSAL:
            told = [body for body in self.town.requests.values() if self._waits(reader, body)]
            proposal = self._proposal(height, round_, told[half % len(told) :] if told else [])
            if proposal is not None:
                self.town.show_to(reader, keys.signed(proposal))
        for proposal in participant._ballot.proposals(round_):
            for step in (Step.PREVOTE, Step.PRECOMMIT):
                vote = Vote(step, 0, height, round_, self.member_id, proposal.value)
                self.town.show_to(reader, keys.signed(vote))

    def _waits(self, reader: Driver, body: str) -> bool:
        return not reader.participant.chain.certified(sha256(body.encode()))


class Mute:
    """Says nothing, ever."""

    def __init__(self, town: Town, member_id: str) -> None:
        self.member_id = member_id

    def hear(self, message: Message) -> None:
        """Hear, and be silent."""
