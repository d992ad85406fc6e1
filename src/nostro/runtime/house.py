"""What happens, in memory, when one command meets the rooms and the flows?

Pure of I/O: the engine adds durability, the follower and the auditor use the same fold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from nostro.kernel.codec import Codec
from nostro.kernel.messages import Command, Effect, Event, Rejection, Tick, kind_of
from nostro.kernel.reply import Reply
from nostro.kernel.room import (
    Amend,
    Answer,
    Context,
    Decision,
    Flow,
    Join,
    Later,
    Order,
    Perform,
    Position,
    Room,
    Step,
)
from nostro.kernel.seen import SeenIndex
from nostro.runtime.ports import GENESIS_HASH, Entry

STEPS_MAX = 100_000
"""Steps of one command's cascade; more is a flow that feeds itself."""

KEYS_HOT_MAX = 200_000
"""Idempotency keys whose replies are kept in memory; older ones are read from the journal when
they come back."""

REPLY_KEPT_BYTES_MAX = 2_000
"""Longer replies (as stored) leave memory once they can be read in the journal: that of a bulk
whose transfers were all refused takes megabytes."""


class Known(msgspec.Struct, frozen=True, gc=False):
    """What an idempotency key led to the first time. `reply` None: it stands in the journal."""

    height: int
    at_us: int
    request_hash: bytes
    reply: Reply | None


class Outcome(msgspec.Struct, frozen=True):
    """What one command came to: all events of its cascade in order, the reply, and the effects to
    perform."""

    events: Sequence[Event]
    reply: Reply
    effects: Sequence[Effect]


class Memory:
    """The state of one chain: every room's state, the keys seen, and the end of the chain."""

    def __init__(self, states: dict[str, Any], keys: SeenIndex[Known]) -> None:
        self.states = states
        self.keys = keys
        self.long_replies: deque[tuple[str, int]] = deque()
        """(key, height) of replies that leave memory before their keys do, oldest first."""
        self.height = 0
        self.hash = GENESIS_HASH
        self.at_us = 0


class House:
    """The rooms and the flows of a deployment, and how a command runs through them."""

    def __init__(
        self,
        *,
        rooms: Sequence[Room[Any]],
        flows: Mapping[type[Event], Flow],
        effects: Iterable[type[Effect]] = (),
        ahead: Mapping[type[Command], Callable[[Any], Command | None]] | None = None,
        keys_hot_max: int = KEYS_HOT_MAX,
    ) -> None:
        """`ahead`: of a command, the one that flows will order in its row, or None; what that
        names and memory no longer holds is read beforehand too."""
        self.rooms: dict[str, Room[Any]] = {room.name: room for room in rooms}
        self.flows = dict(flows)
        self._ahead = dict(ahead or {})
        self._keys_hot_max = keys_hot_max
        self._by_command = {command: room for room in rooms for command in room.commands}
        self._by_event = {event: room for room in rooms for event in room.events}
        self.kinds = {command: kind_of(command) for command in (*self._by_command, Tick)}
        self.codec = Codec(self._by_event, effects)

    def new(self) -> Memory:
        """Return the memory before the first command."""
        states = {name: room.new() for name, room in self.rooms.items()}
        return Memory(states, SeenIndex(hot_max=self._keys_hot_max))

    def cold(self, memory: Memory, command: Command) -> Sequence[tuple[str, int]]:
        """Return (id, height) of ids the command names that may have left memory."""
        room = self._by_command.get(type(command))
        if room is None:
            return ()
        found = room.cold(memory.states[room.name], command)
        ahead = self._order_of(command)
        return found if ahead is None else [*found, *self.cold(memory, ahead)]

    def recall(
        self, command: Command, ids: Sequence[str], events: Sequence[Event]
    ) -> Mapping[str, Any]:
        """Return what the events of a journal row say of the wanted ids of a command."""
        found = self._by_command[type(command)].recall(ids, events)
        ahead = self._order_of(command)
        return found if ahead is None else {**found, **self.recall(ahead, ids, events)}

    def _order_of(self, command: Command) -> Command | None:
        ahead = self._ahead.get(type(command))
        return ahead(command) if ahead else None

    def due(self, memory: Memory) -> int | None:
        """Return the earliest time at which a Tick would do something."""
        times = (room.due(memory.states[name]) for name, room in self.rooms.items())
        return min((time for time in times if time is not None), default=None)

    def handle(self, memory: Memory, command: Command, context: Context) -> Outcome:
        """Decide a command, evolve, and run the flows to the end. Any exception but a Rejection is
        a bug, after which `memory` must be thrown away."""
        return _Cascade(self, memory, context).run(command)

    def replay(self, memory: Memory, entry: Entry) -> list[Event]:
        """Apply one journal row to memory and return its events; raises ValueError when it does
        not follow."""
        if entry.height != memory.height + 1 or entry.prev_hash != memory.hash:
            raise ValueError(f"height {entry.height} does not follow height {memory.height}")
        events = self.codec.decode_events(entry.payload)
        self.evolve(memory, events, Position(entry.height, entry.at_us))
        # Its reply stands in the journal; few are ever asked for again, and reading takes time.
        self.remember(memory, entry, None)
        return events

    def remember(self, memory: Memory, entry: Entry, reply: Reply | None) -> None:
        """Move the end of the chain to an entry, and keep its key with its reply."""
        known = Known(entry.height, entry.at_us, entry.request_hash, reply)
        memory.keys.add(entry.command_id, known, entry.height)
        if reply is not None and len(entry.reply) > REPLY_KEPT_BYTES_MAX:
            memory.long_replies.append((entry.command_id, entry.height))
        memory.height, memory.hash, memory.at_us = entry.height, entry.hash, entry.at_us

    def evolve(self, memory: Memory, events: Iterable[Event], position: Position) -> None:
        """Apply events in order."""
        states = memory.states
        for event in events:
            room = self._by_event[type(event)]
            room.evolve(states[room.name], event, position)

    def settle(self, memory: Memory, height: int) -> None:
        """Let what is older than a durable height leave memory."""
        while memory.long_replies and memory.long_replies[0][1] <= height:
            key, _ = memory.long_replies.popleft()
            known = memory.keys.hot(key)
            if known is not None:
                memory.keys.replace(key, msgspec.structs.replace(known, reply=None))
        memory.keys.settle(height)
        for name, room in self.rooms.items():
            room.settle(memory.states[name], height)

    def digests(self, memory: Memory) -> dict[str, str]:
        """Return each room's state hash in hex."""
        return {name: room.digest(memory.states[name]).hex() for name, room in self.rooms.items()}

    def deciders(self, memory: Memory, command: Command, at_us: int) -> Sequence[Room[Any]]:
        """Return the rooms that decide a command: its own, or for a Tick every room that is due."""
        if type(command) is not Tick:
            return (self._by_command[type(command)],)
        due = ((room, room.due(memory.states[room.name])) for room in self.rooms.values())
        return [room for room, time in due if time is not None and time <= at_us]


_NOTHING = Decision()
"""What nobody decides."""


class _Cascade:
    """One command on its way through the house."""

    __slots__ = (
        "_answer",
        "_context",
        "_effects",
        "_events",
        "_house",
        "_memory",
        "_position",
        "_steps",
    )

    def __init__(self, house: House, memory: Memory, context: Context) -> None:
        self._house = house
        self._memory = memory
        self._context = context
        self._position = Position(context.height, context.at_us)
        self._events: list[Event] = []
        self._effects: list[Effect] = []
        self._steps: deque[Step] = deque()
        self._answer = Reply()

    def run(self, command: Command) -> Outcome:
        try:
            reply = self._decide(command)
        except Rejection as no:
            reply = Reply(code=no.code, facts=dict(no.facts))
        self._answer = reply
        for _ in range(STEPS_MAX):
            if not self._steps:
                return Outcome(self._events, self._answer, self._effects)
            self._take(self._steps.popleft())
        raise AssertionError(
            f"a flow feeds itself: more than {STEPS_MAX} steps after {command!r:.200}"
        )

    def _take(self, step: Step) -> None:
        # Almost all steps are orders: a `match` would look at their fields first.
        if type(step) is Order:
            self._carry_out(step)
            return
        match step:
            case Join(order, items):
                self._steps.extendleft(reversed(order(self._joined(order, items))))
            case Answer(body, code, facts):
                self._answer = Reply(code=code, facts=facts, body=body)
            case Amend(change):
                self._answer = change(self._answer)
            case Later(steps):
                self._steps.extend(steps)
            case Perform(effect):
                self._effects.append(effect)

    def _carry_out(self, step: Order) -> None:
        no: Rejection | None = None
        try:
            reply = self._decide(step.command)
            if reply.code:
                no = Rejection(reply.code, **reply.facts)
        except Rejection as raised:
            no = raised
        if no is None:
            if step.then is not None:
                self._steps.extendleft(reversed(step.then(reply)))
            return
        if step.otherwise is None:
            what = type(step.command).__name__
            raise AssertionError(f"no flow answers {no} to {what}") from no
        self._steps.extendleft(reversed(step.otherwise(no)))

    def _joined(self, order: object, items: Sequence[Any]) -> Sequence[Any]:
        """Take the Joins of one order off the front of what waits, and return all their items."""
        steps, joined = self._steps, list(items)
        while steps and type(following := steps[0]) is Join and following.order is order:
            joined += following.items
            steps.popleft()
        return joined

    def _decide(self, command: Command) -> Reply:
        decision = _NOTHING
        house, states, flows = self._house, self._memory.states, self._house.flows
        for room in house.deciders(self._memory, command, self._context.at_us):
            state = states[room.name]
            decision = room.decide(state, command, self._context)
            for event in decision.events:
                room.evolve(state, event, self._position)
                flow = flows.get(type(event))
                if flow is not None:
                    self._steps.extend(flow(event))
            self._events.extend(decision.events)
        no = decision.refusal
        if no is not None:
            return Reply(code=no.code, facts=dict(no.facts))
        return Reply(body=decision.body)
