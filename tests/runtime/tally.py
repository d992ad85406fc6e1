"""Which is the smallest room that has everything an engine deals with?

Counters that must not fall below zero, ids that are used once and may leave memory, reminders that
fall due, and a bell that is rung in the world.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from nostro.kernel.codec import encode
from nostro.kernel.messages import Command, Effect, Event, Rejection, Tick
from nostro.kernel.room import Context, Decision, Order, Perform, Position, Step
from nostro.kernel.seen import SeenIndex
from nostro.runtime.house import House


class Add(Command, frozen=True, kw_only=True, tag="tally.Add"):
    counter: str
    amount: int
    note: str = ""

    @property
    def stream(self) -> str:
        return f"counter:{self.counter}"


class UseOnce(Command, frozen=True, kw_only=True, tag="tally.UseOnce"):
    """Add one to the counter `ids`, once for an id; the repeat is told so."""

    id: str


class UseMany(Command, frozen=True, kw_only=True, tag="tally.UseMany"):
    """Use several ids once; tells how many were new."""

    ids: list[str]


class Remind(Command, frozen=True, kw_only=True, tag="tally.Remind"):
    at_us: int


class Ring(Command, frozen=True, kw_only=True, tag="tally.Ring"):
    bell: str


class HearBell(Command, frozen=True, kw_only=True, tag="tally.HearBell"):
    bell: str


class Stumble(Command, frozen=True, kw_only=True, tag="tally.Stumble"):
    """A command that meets a bug: `where` is decide, evolve or cold."""

    where: str


class Added(Event, frozen=True, array_like=True, tag="tally.added"):
    counter: str
    amount: int


class Used(Event, frozen=True, array_like=True, tag="tally.used"):
    id: str


class ReminderSet(Event, frozen=True, array_like=True, tag="tally.reminder_set"):
    at_us: int


class Reminded(Event, frozen=True, array_like=True, tag="tally.reminded"):
    at_us: int


class BellOrdered(Event, frozen=True, array_like=True, tag="tally.bell_ordered"):
    bell: str


class Stumbled(Event, frozen=True, array_like=True, tag="tally.stumbled"):
    pass


class RingBell(Effect, frozen=True, kw_only=True, tag="tally.RingBell"):
    bell: str


class TallyState:
    def __init__(self, hot_max: int) -> None:
        self.counters: dict[str, int] = {}
        self.used: SeenIndex[int] = SeenIndex(hot_max=hot_max)
        self.reminders: list[int] = []


class Tally:
    """The room. `hot_max`: ids that stay in memory."""

    name = "tally"
    commands: tuple[type[Command], ...] = (
        Add,
        UseOnce,
        UseMany,
        Remind,
        Ring,
        HearBell,
        Stumble,
    )
    events: tuple[type[Event], ...] = (Added, Used, ReminderSet, Reminded, BellOrdered, Stumbled)

    def __init__(self, hot_max: int = 1_000) -> None:
        self._hot_max = hot_max

    def new(self) -> TallyState:
        return TallyState(self._hot_max)

    def decide(self, state: TallyState, command: Command, context: Context) -> Decision:
        match command:
            case Add(counter=counter, amount=amount):
                total = state.counters.get(counter, 0) + amount
                if total < 0:
                    raise Rejection("tally.below_zero", counter=counter, missing=-total)
                return Decision([Added(counter, amount)], {"total": total})
            case UseOnce(id=id_):
                if state.used.hot(id_) or id_ in context.recalled:
                    return Decision((), {"new": False})
                return Decision([Used(id_), Added("ids", 1)], {"new": True})
            case UseMany(ids=ids):
                old = {id_ for id_ in ids if state.used.hot(id_) or id_ in context.recalled}
                new = [id_ for id_ in ids if id_ not in old]
                events = [event for id_ in new for event in (Used(id_), Added("ids", 1))]
                return Decision(events, {"new": len(new)})
            case Remind(at_us=at_us):
                return Decision([ReminderSet(at_us)])
            case Ring(bell=bell):
                return Decision([BellOrdered(bell)])
            case HearBell(bell=bell):
                return Decision([Added(f"bell:{bell}", 1)])
            case Stumble(where="decide"):
                raise ZeroDivisionError("the room has a bug")
            case Stumble():
                return Decision([Stumbled()])
            case Tick():
                return Decision([Reminded(at) for at in state.reminders if at <= context.at_us])
            case _:
                raise AssertionError(command)

    def evolve(self, state: TallyState, event: Event, position: Position) -> None:
        match event:
            case Added(counter, amount):
                state.counters[counter] = state.counters.get(counter, 0) + amount
            case Used(id_):
                state.used.add(id_, position.height, position.height)
            case ReminderSet(at_us):
                state.reminders.append(at_us)
            case Reminded(at_us):
                state.reminders.remove(at_us)
                state.counters["reminded"] = state.counters.get("reminded", 0) + 1
            case Stumbled():
                raise ZeroDivisionError("the fold has a bug")
            case _:
                pass

    def due(self, state: TallyState) -> int | None:
        return min(state.reminders, default=None)

    def cold(self, state: TallyState, command: Command) -> Sequence[tuple[str, int]]:
        if isinstance(command, Stumble) and command.where == "cold":
            raise ZeroDivisionError("recalling has a bug")
        if isinstance(command, UseMany):
            return state.used.candidates(command.ids)
        return state.used.candidates([command.id]) if isinstance(command, UseOnce) else ()

    def recall(self, wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Any]:
        return {e.id: True for e in events if isinstance(e, Used) and e.id in wanted}

    def settle(self, state: TallyState, height: int) -> None:
        state.used.settle(height)

    def dump(self, state: TallyState) -> bytes:
        return encode((state.counters, state.reminders, state.used.dump().hex()))

    def load(self, data: bytes) -> TallyState:
        state = self.new()
        state.counters, state.reminders, used = msgspec.json.decode(data)
        state.used.load(bytes.fromhex(used))
        return state

    def digest(self, state: TallyState) -> bytes:
        told = (sorted(state.counters.items()), sorted(state.reminders))
        return hashlib.sha256(encode(told)).digest()


def ring(event: Event) -> Sequence[Step]:
    """Order the deed, and count it in the same journal row."""
    assert isinstance(event, BellOrdered)
    return [
        Order(Add(counter="ordered", amount=1)),
        Perform(RingBell(bell=event.bell)),
    ]


def tally_house(*, hot_max: int = 1_000, keys_hot_max: int = 1_000) -> House:
    """Return a house with the one room and the one flow."""
    return House(
        rooms=[Tally(hot_max)],
        flows={BellOrdered: ring},
        effects=[RingBell],
        keys_hot_max=keys_hot_max,
    )
