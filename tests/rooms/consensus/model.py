"""Can these voting rules fork or stand still? An explicit-state model, explored to its end.

Abstract and pessimistic: liars have every vote ready for everyone at any time; the log shows each
vote to whomever it likes, when it likes; any value may be proposed to anyone at any time; every
timeout may run out at any moment. So a quorum for a value exists for somebody as soon as honest
votes and liars make one. Honest members cannot be imitated. States that differ only in the names of
members or values are one (both are interchangeable).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

NONE, NIL, A, B = 0, 1, 2, 3
VALUES = (A, B)
_SWAP = (NONE, NIL, B, A)

Member = tuple[int, ...]
"""(prevote, precommit) of each round, and the round it is in."""
State = tuple[Member, ...]


class Rules(NamedTuple):
    """What is checked: how many members, liars and rounds; the quorum; whether locks bind."""

    members: int
    liars: int
    quorum: int
    rounds: int
    locks: bool

    @property
    def honest(self) -> int:
        return self.members - self.liars

    def enough(self, votes: int) -> bool:
        """Tell whether so many honest votes make a quorum with those of the liars."""
        return votes + self.liars >= self.quorum


class Verdict(NamedTuple):
    """How many states there are, how many of them have two decisions, and from how many undecided
    ones a good round does not help."""

    states: int
    forks: int
    stuck: int


def explore(
    first: State,
    moves: Callable[[State], Iterable[State]],
    forked: Callable[[State], bool],
    stuck: Callable[[State], bool],
) -> Verdict:
    """Visit every state that can be reached; what follows a fork is not looked at."""
    seen, todo = {first}, [first]
    forks = stuck_total = 0
    while todo:
        state = todo.pop()
        if forked(state):
            forks += 1
            continue
        stuck_total += stuck(state)
        for after in moves(state):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return Verdict(len(seen), forks, stuck_total)


def canonical(state: Iterable[Member]) -> State:
    """Return the one name of a state, whatever its members and values are called."""
    plain = tuple(sorted(state))
    swapped = tuple(
        sorted((*(_SWAP[vote] for vote in member[:-1]), member[-1]) for member in plain)
    )
    return min(plain, swapped)


def decisions(state: State, rules: Rules, *, places: Iterable[int]) -> set[int]:
    """Return the values that a quorum can be shown for in one of these places."""
    return {
        value
        for place in places
        for value in VALUES
        if rules.enough(sum(member[place] == value for member in state))
    }


# -- two phases ------------------------------------------------------------------------------------


def check_two_phases(rules: Rules) -> Verdict:
    """Explore prevote and precommit, with or without the lock."""
    precommits = range(1, 2 * rules.rounds, 2)
    first = canonical([(*[NONE] * (2 * rules.rounds), 0)] * rules.honest)
    return explore(
        first,
        lambda state: _two_phase_moves(state, rules),
        lambda state: len(decisions(state, rules, places=precommits)) > 1,
        lambda state: (
            not decisions(state, rules, places=precommits) and not _good_round_decides(state, rules)
        ),
    )


def locked(member: Member) -> tuple[int, int]:
    """Return (value, round) of a member's lock: its last precommit for a value; (NONE, -1)."""
    for round_ in reversed(range((len(member) - 1) // 2)):
        if member[2 * round_ + 1] in VALUES:
            return member[2 * round_ + 1], round_
    return NONE, -1


def _two_phase_moves(state: State, rules: Rules) -> Iterator[State]:
    for index, member in enumerate(state):
        if index and member == state[index - 1]:
            continue
        others = state[:index] + state[index + 1 :]
        for after in _member_moves(member, state, rules):
            yield canonical((*others, after))


def _member_moves(member: Member, state: State, rules: Rules) -> Iterator[Member]:
    round_ = member[-1]
    prevote, precommit = 2 * round_, 2 * round_ + 1
    if member[prevote] == NONE and member[precommit] == NONE:
        for value in (NIL, *VALUES):
            if value == NIL or _may_prevote(member, value, state, rules):
                yield _put(member, prevote, value)
    elif member[precommit] == NONE:
        yield _put(member, precommit, NIL)
        for value in VALUES:
            if rules.enough(sum(each[prevote] == value for each in state)):
                yield _put(member, precommit, value)
    if round_ + 1 < rules.rounds:
        ahead = sum(each[-1] > round_ for each in state)
        if member[precommit] != NONE or ahead:
            yield (*member[:-1], round_ + 1)


def _may_prevote(member: Member, value: int, state: State, rules: Rules) -> bool:
    """Tell whether the lock lets a member prevote a value that is proposed, with or without
    prevotes of an earlier round."""
    lock, lock_round = locked(member)
    if not rules.locks or lock in (NONE, value):
        return True
    return any(
        rules.enough(sum(each[2 * earlier] == value for each in state))
        for earlier in range(lock_round, member[-1])
    )


def _good_round_decides(state: State, rules: Rules) -> bool:
    """Tell whether a new round in which all honest members hear each other, the liars are silent,
    and whoever holds the newest lock proposes, ends in a decision."""
    locks = [locked(member) for member in state]
    value, valid_round = max(locks, key=lambda lock: lock[1])
    agree = sum(
        not rules.locks or lock in (NONE, value) or lock_round <= valid_round
        for lock, lock_round in locks
    )
    return agree >= rules.quorum


def _put(member: Member, place: int, vote: int) -> Member:
    return (*member[:place], vote, *member[place + 1 :])


# -- one phase -------------------------------------------------------------------------------------


def check_one_phase(rules: Rules, *, moves_on: Callable[[State, int], bool]) -> Verdict:
    """Explore one vote for each round; `moves_on(state, round)`: whether one may leave a round."""
    places = range(rules.rounds)
    first = canonical([(*[NONE] * rules.rounds, 0)] * rules.honest)

    def moves(state: State) -> Iterator[State]:
        for index, member in enumerate(state):
            others, round_ = state[:index] + state[index + 1 :], member[-1]
            if member[round_] == NONE:
                for value in (NIL, *VALUES):
                    yield canonical((*others, _put(member, round_, value)))
            elif round_ + 1 < rules.rounds and moves_on(state, round_):
                yield canonical((*others, (*member[:-1], round_ + 1)))

    def stuck(state: State) -> bool:
        return not decisions(state, rules, places=places) and not any(True for _ in moves(state))

    return explore(
        first, moves, lambda state: len(decisions(state, rules, places=places)) > 1, stuck
    )
