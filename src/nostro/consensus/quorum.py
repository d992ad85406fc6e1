"""Who has voted for what at one height, and is it enough?

A member that contradicts itself counts for each of its values: every certificate is still made of
distinct members, and no honest member's view can be starved by what a liar told it first.
"""

from __future__ import annotations

from collections.abc import Iterator

from nostro.consensus.messages import Message, Proposal, Step, Vote

VOTES_MAX = 4
"""Different votes of one member in one step that are kept: one is honest, two are evidence."""
PROPOSALS_MAX = 8
ROUNDS_AHEAD_MAX = 64
"""Votes of rounds further ahead are only counted as a sign that their sender is there."""


class VoteSet:
    """The votes of one round and step."""

    __slots__ = ("_by_member", "_refusals", "_tallies")

    def __init__(self) -> None:
        self._by_member: dict[str, list[Vote]] = {}
        self._tallies: dict[bytes, dict[str, Vote]] = {}
        self._refusals: dict[bytes, dict[str, Vote]] = {}

    def knows(self, vote: Vote) -> bool:
        """Tell whether this vote is here, so that its signature need not be checked again."""
        return vote in self._by_member.get(vote.member_id, ())

    def add(self, vote: Vote) -> Vote | None:
        """Count a vote whose signature is good; return one that it contradicts, if any."""
        mine = self._by_member.setdefault(vote.member_id, [])
        if any(_same(vote, each) for each in mine) or len(mine) >= VOTES_MAX:
            return None
        mine.append(vote)
        self._tallies.setdefault(vote.value, {}).setdefault(vote.member_id, vote)
        if vote.refused:
            self._refusals.setdefault(vote.refused, {}).setdefault(vote.member_id, vote)
        return mine[0] if len(mine) > 1 else None

    def of(self, member_id: str) -> list[Vote]:
        """Return what one member has voted."""
        return self._by_member.get(member_id, [])

    @property
    def members(self) -> int:
        """Return how many have voted, for whatever."""
        return len(self._by_member)

    def votes(self, value: bytes) -> list[Vote]:
        """Return the votes for a value, one of each member, sorted by member."""
        tally = self._tallies.get(value, {})
        return [tally[member_id] for member_id in sorted(tally)]

    def count(self, value: bytes) -> int:
        """Return how many have voted for a value."""
        return len(self._tallies.get(value, ()))

    def agreed(self, quorum: int) -> Iterator[bytes]:
        """Yield the values, not NIL, that a quorum voted for; more than one only when more than f
        members lie."""
        for value, tally in self._tallies.items():
            if value and len(tally) >= quorum:
                yield value

    def refused(self, quorum: int) -> Iterator[tuple[bytes, list[Vote]]]:
        """Yield each entry (hash) that a quorum refuses, with their votes."""
        for value, tally in self._refusals.items():
            if len(tally) >= quorum:
                yield value, [tally[member_id] for member_id in sorted(tally)]


class Ballot:
    """All messages of one height."""

    def __init__(self) -> None:
        self._sets: dict[tuple[int, Step], VoteSet] = {}
        self._proposals: dict[int, list[Proposal]] = {}
        self._latest: dict[str, int] = {}

    def votes(self, round_: int, step: Step) -> VoteSet:
        """Return the votes of a round and step."""
        found = self._sets.get((round_, step))
        if found is None:
            found = self._sets[round_, step] = VoteSet()
        return found

    def all_votes(self, step: Step) -> list[tuple[int, VoteSet]]:
        """Return (round, votes) of a step, for every round that has any."""
        return [(round_, votes) for (round_, each), votes in self._sets.items() if each is step]

    def proposals(self, round_: int) -> list[Proposal]:
        """Return what the proposer of a round said, in the order it came; one, if it is honest."""
        return self._proposals.get(round_, [])

    def knows(self, message: Message) -> bool:
        """Tell whether this message is here."""
        if isinstance(message, Proposal):
            return message in self.proposals(message.round)
        votes = self._sets.get((message.round, message.step))
        return votes is not None and votes.knows(message)

    def add(self, message: Message, *, current: int) -> Message | None:
        """Take in a message whose signature is good; return one that it contradicts, if any."""
        self._latest[message.member_id] = max(
            message.round, self._latest.get(message.member_id, -1)
        )
        if message.round > current + ROUNDS_AHEAD_MAX:
            return None
        if isinstance(message, Vote):
            return self.votes(message.round, message.step).add(message)
        here = self._proposals.setdefault(message.round, [])
        if any(_same_proposal(message, each) for each in here) or len(here) >= PROPOSALS_MAX:
            return None
        here.append(message)
        return here[0] if len(here) > 1 else None

    def said_by(self, member_id: str, round_: int) -> list[Message]:
        """Return what a member is known to have said in a round."""
        said: list[Message] = [
            each for each in self.proposals(round_) if each.member_id == member_id
        ]
        for step in (Step.PREVOTE, Step.PRECOMMIT):
            votes = self._sets.get((round_, step))
            said += votes.of(member_id) if votes is not None else ()
        return said

    def later_round(self, current: int, members: int) -> int | None:
        """Return the highest later round that so many members have reached, or None."""
        ahead = sorted((each for each in self._latest.values() if each > current), reverse=True)
        return ahead[members - 1] if len(ahead) >= members else None

    def heard(self, round_: int) -> int:
        """Return how many members have been heard in a round or a later one."""
        return sum(1 for each in self._latest.values() if each >= round_)


def _same(one: Vote, other: Vote) -> bool:
    return (one.value, one.refused, one.reason) == (other.value, other.refused, other.reason)


def _same_proposal(one: Proposal, other: Proposal) -> bool:
    return one.entry == other.entry and one.valid_round == other.valid_round
