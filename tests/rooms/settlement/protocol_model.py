"""Can this protocol deliver without payment, or forget a hold? An explicit-state model, explored to
its end.

Abstract and pessimistic. Coordinators are any number of processes that know nothing but what is
durable, so each may crash, sleep or come back at any point, and do whatever the durable facts have
ever allowed. What was once sent stays under way for ever: it may arrive late, out of order, any
number of times, or never; so may every answer. Deadlines are left out: a round may be aborted at
any moment before it is decided. So are epochs: they keep noise away, and no promise checked here
needs them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum, IntEnum
from typing import NamedTuple

Deeds = frozenset["Deed"]
NO_DEEDS: Deeds = frozenset()


class Deed(Enum):
    """What is asked of a domain; also what it says it has done."""

    HOLD = "hold"
    EXECUTE = "execute"
    RELEASE = "release"


HOLD, EXECUTE, RELEASE = Deed


class Stage(IntEnum):
    """What a domain knows of the round."""

    NONE = 0
    HELD = 1
    EXECUTED = 2
    RELEASED = 3


class Part(NamedTuple):
    """One domain. `ordered`: it is durable that it is asked to hold. `sent` to it, and `said` by
    it: what is under way. `noted`: what it said and the coordinators have made durable."""

    ordered: bool = False
    stage: Stage = Stage.NONE
    sent: Deeds = NO_DEEDS
    said: Deeds = NO_DEEDS
    noted: Deeds = NO_DEEDS


class State(NamedTuple):
    """All there is: domains, messages, and the decision."""

    parts: tuple[Part, ...]
    commit: bool = False
    abort: bool = False

    @property
    def decided(self) -> bool:
        return self.commit or self.abort

    @property
    def finished(self) -> bool:
        """Whether no coordinator has anything left to do."""
        return self.decided and not any(self.owes(part) for part in self.parts)

    @property
    def split(self) -> bool:
        """Whether one leg was executed and the other released."""
        stages = {part.stage for part in self.parts}
        return {Stage.EXECUTED, Stage.RELEASED} <= stages

    @property
    def orphaned(self) -> bool:
        """Whether something is held that nobody will ever ask about."""
        return self.finished and any(part.stage is Stage.HELD for part in self.parts)

    @property
    def clean(self) -> bool:
        """Whether it is over, with both legs done or none, and nothing held."""
        stages = {part.stage for part in self.parts}
        over = {Stage.EXECUTED} if self.commit else {Stage.NONE, Stage.RELEASED}
        return self.finished and stages <= over

    def owes(self, part: Part) -> bool:
        """Tell whether the decision asks something of a domain that it is not known to have
        done."""
        wanted = {EXECUTE} if self.commit else set()
        wanted |= {RELEASE} if self.abort else set()
        return part.ordered and not wanted <= part.noted


class Rules(NamedTuple):
    """What is checked: how many domains; and whether a domain lets a hold expire by itself, a
    decision is written once, a release of what is not held closes the round, and a hold is asked
    for only when that is durable."""

    domains: int = 2
    expires: bool = False
    written_once: bool = True
    tombstones: bool = True
    ordered_first: bool = True


class Step(NamedTuple):
    """What may happen next. `helps`: a coordinator that has work left brings it about; else it is
    the weather."""

    name: str
    after: State
    helps: bool


class Verdict(NamedTuple):
    """How many states there are; in how many of them the legs are split, something is held that
    nobody asks about, or no clean end can be reached by coordinators; how many clean ends do not
    last. `shortest`: what must happen for the first state that is `wrong`."""

    states: int
    splits: int
    orphans: int
    stuck: int
    unlasting: int
    shortest: tuple[str, ...]


def check(rules: Rules) -> Verdict:
    """Visit every state that can be reached."""
    first = State((Part(),) * rules.domains)
    steps = _explore(first, rules)
    helped = _can_reach(steps, lambda state: state.clean)
    return Verdict(
        states=len(steps),
        splits=sum(state.split for state in steps),
        orphans=sum(state.orphaned for state in steps),
        stuck=len(steps) - len(helped),
        unlasting=sum(
            state.clean and any(not step.after.clean for step in steps[state]) for state in steps
        ),
        shortest=_shortest(first, steps, lambda state: state.split or state.orphaned),
    )


def _explore(first: State, rules: Rules) -> dict[State, list[Step]]:
    steps: dict[State, list[Step]] = {}
    todo = [first]
    while todo:
        state = todo.pop()
        if state not in steps:
            steps[state] = list(_steps(state, rules))
            todo += (step.after for step in steps[state])
    return steps


def _can_reach(steps: dict[State, list[Step]], ends: Callable[[State], bool]) -> set[State]:
    """Return the states from which coordinators can bring about one of these ends."""
    before: dict[State, list[State]] = {}
    for state, nexts in steps.items():
        for step in nexts:
            if step.helps:
                before.setdefault(step.after, []).append(state)
    reached = {state for state in steps if ends(state)}
    todo = list(reached)
    while todo:
        for state in before.get(todo.pop(), ()):
            if state not in reached:
                reached.add(state)
                todo.append(state)
    return reached


def _shortest(
    first: State, steps: dict[State, list[Step]], wrong: Callable[[State], bool]
) -> tuple[str, ...]:
    """Return the fewest steps that lead to a wrong state; none when there is none."""
    ways: dict[State, tuple[str, ...]] = {first: ()}
    todo = deque([first])
    while todo:
        state = todo.popleft()
        if wrong(state):
            return ways[state]
        for step in steps[state]:
            if step.after not in ways:
                ways[step.after] = (*ways[state], step.name)
                todo.append(step.after)
    return ()


# -- what may happen -------------------------------------------------------------------------------


def _steps(state: State, rules: Rules) -> Iterator[Step]:
    yield from _decisions(state, rules)
    for place in range(rules.domains):
        yield from _orders(state, place, rules)
        yield from _sends(state, place, rules)
        yield from _arrivals(state, place, rules)
        yield from _notes(state, place)
        part = state.parts[place]
        if rules.expires and part.stage is Stage.HELD:
            after = _put(state, place, part._replace(stage=Stage.RELEASED))
            yield Step(f"hold {place} expires", after, False)


def _decisions(state: State, rules: Rules) -> Iterator[Step]:
    """One decision for all coordinators; or, not written once, of each its own."""
    if state.decided and rules.written_once:
        return
    if not state.commit and all(HOLD in part.noted for part in state.parts):
        yield Step("commit", state._replace(commit=True), True)
    if not state.abort:
        yield Step("abort", state._replace(abort=True), True)


def _orders(state: State, place: int, rules: Rules) -> Iterator[Step]:
    """To hold at one domain after the other, and at none after the decision."""
    part = state.parts[place]
    before = all(HOLD in each.noted for each in state.parts[:place])
    if before and not part.ordered and not (state.decided and rules.written_once):
        after = _put(state, place, part._replace(ordered=True))
        yield Step(f"order hold {place}", after, not state.decided)


def _sends(state: State, place: int, rules: Rules) -> Iterator[Step]:
    """Whoever knows of an order, or of the decision, may send at any time from then on."""
    part = state.parts[place]
    may = {
        HOLD: part.ordered or not rules.ordered_first,
        EXECUTE: part.ordered and state.commit,
        RELEASE: part.ordered and state.abort,
    }
    for deed in Deed:
        if may[deed] and deed not in part.sent:
            after = _put(state, place, part._replace(sent=part.sent | {deed}))
            yield Step(f"send {deed.value} {place}", after, _wanted(state, part, deed))


def _arrivals(state: State, place: int, rules: Rules) -> Iterator[Step]:
    """What is under way to a domain arrives, for the first time or again, and it answers."""
    part = state.parts[place]
    for deed in _in_order(part.sent):
        stage = _obeyed(part.stage, deed, rules)
        if stage is not None:
            after = _put(state, place, part._replace(stage=stage, said=part.said | {deed}))
            yield Step(f"{deed.value} {place} arrives", after, _wanted(state, part, deed))


def _obeyed(stage: Stage, deed: Deed, rules: Rules) -> Stage | None:
    """Return where a domain stands when it did a deed; None when it refuses."""
    match deed, stage:
        case Deed.HOLD, Stage.NONE | Stage.HELD:
            return Stage.HELD
        case Deed.EXECUTE, Stage.HELD | Stage.EXECUTED:
            return Stage.EXECUTED
        case Deed.RELEASE, Stage.NONE if not rules.tombstones:
            return Stage.NONE
        case Deed.RELEASE, Stage.NONE | Stage.HELD | Stage.RELEASED:
            return Stage.RELEASED
        case _:
            return None


def _notes(state: State, place: int) -> Iterator[Step]:
    """An answer is made durable, if somebody still waits for it."""
    part = state.parts[place]
    for deed in _in_order(part.said - part.noted):
        if _wanted(state, part, deed):
            after = _put(state, place, part._replace(noted=part.noted | {deed}))
            yield Step(f"note {deed.value} {place}", after, True)


def _wanted(state: State, part: Part, deed: Deed) -> bool:
    """Tell whether coordinators wait for a domain to do this."""
    if deed is HOLD:
        return part.ordered and not state.decided
    return state.owes(part) and deed not in part.noted


def _in_order(deeds: Deeds) -> Iterator[Deed]:
    return (deed for deed in Deed if deed in deeds)


def _put(state: State, place: int, part: Part) -> State:
    return state._replace(parts=(*state.parts[:place], part, *state.parts[place + 1 :]))
