"""How do views follow the journal, batch after batch, and stay right through any crash?

The follower folds the rooms with their own `evolve`, tells each room's projection what happens, and
commits rows and checkpoint together. What it has in memory beside that can be rebuilt at any moment
from a snapshot and the journal, so start and recovery are one path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, Protocol

import msgspec
import structlog

from nostro.kernel.messages import Event
from nostro.kernel.reply import Reply
from nostro.kernel.room import Position
from nostro.runtime.house import House, Known, Memory
from nostro.runtime.ports import NotDone, Snapshot
from nostro.runtime.snapshots import SnapshotDamaged, decode_snapshot, encode_snapshot

log = structlog.get_logger(__name__)

PAUSE_FIRST_S = 0.005
PAUSE_LAST_S = 0.05
PAUSES_SHORT_MAX = 200
"""Looks in vain, a second's worth, before they become rarer."""
RETRY_FIRST_S = 0.1
RETRY_LAST_S = 2.0
ROWS_MAX = 50_000
"""Journal rows of one batch; the store bounds its bytes."""
SNAPSHOTS_KEPT = 3
SNAPSHOT_BYTES = 32_000_000
"""Journal bytes between two snapshots at most, whatever the rows: half a million transfers or so,
which take two seconds to replay."""
SNAPSHOT_TIMES = 9
"""At least so many times as long as the last snapshot took goes by before the next one."""
BUSY_BYTES = 1_000_000
BUSY_TIMES = 4
"""While batches are larger than BUSY_BYTES the views are behind, and a snapshot may wait until
there is BUSY_TIMES as much to replay."""
PARTING_TIMES = 10
"""A follower that stops leaves a snapshot when a tenth of SNAPSHOT_BYTES has come since the
last."""

_FORGOTTEN = Known(0, 0, b"", Reply())
"""What stands for the reply under a key here: the follower answers nobody."""


class ViewsBehind(NotDone):
    """The views have not reached the height that was asked for."""

    def __init__(self, *, asked: int, have: int) -> None:
        super().__init__(f"the views stand at height {have}, not yet at {asked}")
        self.asked = asked
        self.have = have


class ViewsUnavailable(NotDone):
    """The views cannot be read now."""


class ViewsForeign(Exception):
    """The views tell of another journal than this one: they must be built anew."""


class RowPoisoned(Exception):
    """A journal row cannot be shown: it is damaged, or the code has a bug. The follower stops
    there."""

    def __init__(self, height: int, cause: BaseException) -> None:
        super().__init__(f"journal height {height}: {type(cause).__name__}: {cause}".strip())
        self.height = height


class RowsRefused(Exception):
    """The store will not take what a batch came to, whatever the retries."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """What of a journal row the follower needs."""

    height: int
    at_us: int
    command_id: str
    payload: bytes
    prev_hash: bytes
    hash: bytes


class Checkpoint(msgspec.Struct, frozen=True):
    """Up to where the views tell; `hash` is the chain's at that height."""

    height: int
    hash: bytes
    at_us: int


class Projection(Protocol):
    """Turns the events of one room into rows of its views."""

    room: str

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        ...

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Take in an event before the room's state evolves by it."""
        ...

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in the event at `index` of its journal row after the state has evolved by it."""
        ...


class Unseen:
    """The projection of a room that shows nothing."""

    def __init__(self, room: str) -> None:
        self.room = room

    def restore(self, state: Any) -> None:
        """Do nothing."""

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Do nothing."""


class ViewStore(Protocol):
    """Where the journal is read and the views are written; one at a time holds a chain's views.

    Any call but `wait`, `stopped` and `close` may raise NotDone: then `open` comes next.
    """

    @property
    def projections(self) -> Sequence[Projection]:
        """Return what turns events into rows here."""
        ...

    def open(self) -> Checkpoint:
        """Connect, become the only follower, and return the checkpoint."""
        ...

    def read(self, *, after: int, rows_max: int) -> Sequence[Row]:
        """Return some of the rows above a height, in order; none when there are none."""
        ...

    def begin(self) -> None:
        """Start a batch; the projections may ship rows from here on."""
        ...

    def commit(self, before: Checkpoint, now: Checkpoint) -> None:
        """Write what the projections gathered and move the checkpoint, all or nothing.

        Raises RowsRefused when it never will.
        """
        ...

    def abandon(self) -> None:
        """Take back the batch under way; harmless without one."""
        ...

    def snapshot_up_to(self, height: int) -> Snapshot | None:
        """Return the newest snapshot at or below a height."""
        ...

    def save_snapshot(self, snapshot: Snapshot, *, keep: int) -> None:
        """Keep a snapshot, and the newest `keep` in all."""
        ...

    def stopped(self, reason: str) -> None:
        """Note beside the checkpoint why it cannot move on."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after a while, or sooner when the journal is known to have grown."""
        ...

    def close(self) -> None:
        """Let the views go."""
        ...


class Projector:
    """Keeps views in step with the journal of one chain.

    `snapshot_every`: journal rows after which a snapshot is due, sooner after SNAPSHOT_BYTES; 0
    takes none.
    """

    def __init__(self, house: House, store: ViewStore, *, snapshot_every: int) -> None:
        self._house = house
        self._store = store
        self._memory: Memory = house.new()
        self._checkpoint = Checkpoint(0, b"", 0)
        self._sound = False
        """Whether memory is exactly at the checkpoint, as far as anybody knows."""
        self._snapshots = _SnapshotPace(snapshot_every)
        projections = {projection.room: projection for projection in store.projections}
        self._tellers = {
            event: (name, room, projections.get(name) or Unseen(name))
            for name, room in house.rooms.items()
            for event in room.events
        }

    @property
    def checkpoint(self) -> Checkpoint:
        """Return up to where the views tell."""
        return self._checkpoint

    def run(self, stop: Callable[[], bool]) -> None:
        """Follow until `stop` says so; outages are waited out. Raises RowPoisoned and
        ViewsForeign."""
        try:
            self._follow(stop)
        except (RowPoisoned, ViewsForeign) as end:
            self._store.stopped(str(end))
            raise
        finally:
            self._store.close()

    def _follow(self, stop: Callable[[], bool]) -> None:
        idle, retry_s, connected = 0, RETRY_FIRST_S, False
        while not stop():
            try:
                if not connected:
                    self.open()
                    connected, retry_s = True, RETRY_FIRST_S
                idle = 0 if self.step() else idle + 1
            except NotDone as outage:
                connected = False
                log.warning("follower.outage", reason=str(outage), retry_s=retry_s)
                self._store.wait(retry_s)
                retry_s = min(retry_s * 2, RETRY_LAST_S)
                continue
            if idle:
                short = idle <= PAUSES_SHORT_MAX
                self._store.wait(PAUSE_FIRST_S if short else PAUSE_LAST_S)
        if connected:
            with suppress(NotDone):
                self._snapshots.parting(self._take_snapshot)

    def open(self) -> None:
        """Take the views over where they stand; rebuild memory unless it stands there already."""
        checkpoint = self._store.open()
        if not self._sound or checkpoint != self._checkpoint:
            self._checkpoint = checkpoint
            self._restore()

    def step(self) -> int:
        """Show what has come since the checkpoint, one batch of it; return the number of rows."""
        try:
            return self._advance(rows_max=ROWS_MAX, up_to=None)
        except RowPoisoned as poison:
            self._restore()
            while self._checkpoint.height < poison.height - 1:
                self._advance(rows_max=ROWS_MAX, up_to=poison.height - 1)
            raise
        except RowsRefused:
            self._restore()
            self._find_refused()
            return 1

    def _find_refused(self) -> None:
        """Go on row by row, so that the row that the store refuses has a height."""
        for _ in range(ROWS_MAX):
            height = self._checkpoint.height + 1
            try:
                self._advance(rows_max=1, up_to=None)
            except RowsRefused as refused:
                raise RowPoisoned(height, refused) from refused

    def _advance(self, *, rows_max: int, up_to: int | None) -> int:
        memory, store = self._memory, self._store
        rows = store.read(after=memory.height, rows_max=rows_max)
        if up_to is not None:
            rows = [row for row in rows if row.height <= up_to]
        if not rows:
            self._snapshots.count(())
            self._snapshots.perhaps(self._take_snapshot)
            return 0
        self._sound = False
        store.begin()
        for row in rows:
            try:
                self._tell(row)
            except (NotDone, RowsRefused):
                raise
            except Exception as cause:
                raise RowPoisoned(row.height, cause) from cause
        now = Checkpoint(memory.height, memory.hash, memory.at_us)
        store.commit(self._checkpoint, now)
        self._checkpoint, self._sound = now, True
        self._house.settle(memory, memory.height)
        self._snapshots.count(rows)
        self._snapshots.perhaps(self._take_snapshot)
        return len(rows)

    def _tell(self, row: Row) -> None:
        memory = self._memory
        _follow(memory, row)
        position = Position(row.height, row.at_us)
        states, tellers = memory.states, self._tellers
        for index, event in enumerate(self._house.codec.decode_events(row.payload)):
            name, room, projection = tellers[type(event)]
            state = states[name]
            projection.before(event, position, state)
            room.evolve(state, event, position)
            projection.after(event, position, index, state)
        memory.keys.add(row.command_id, _FORGOTTEN, row.height)

    def _restore(self) -> None:
        """Bring memory to the checkpoint: from a snapshot below it, and the rows between."""
        self._sound = False
        self._store.abandon()
        target = self._checkpoint
        self._memory = memory = self._from_snapshot(target.height)
        while memory.height < target.height:
            rows = self._store.read(after=memory.height, rows_max=ROWS_MAX)
            if not rows:
                raise ViewsForeign(
                    f"the views stand at height {target.height},"
                    f" the journal ends at {memory.height}"
                )
            for row in rows:
                if row.height <= target.height:
                    self._replay(row)
            self._snapshots.count(rows)
            self._house.settle(memory, memory.height)
        if target.height and memory.hash != target.hash:
            raise ViewsForeign(f"the journal has another hash at height {target.height}")
        for projection in self._store.projections:
            projection.restore(memory.states[projection.room])
        self._sound = True

    def _replay(self, row: Row) -> None:
        memory = self._memory
        try:
            _follow(memory, row)
            events = self._house.codec.decode_events(row.payload)
            self._house.evolve(memory, events, Position(row.height, row.at_us))
        except Exception as cause:
            raise RowPoisoned(row.height, cause) from cause
        memory.keys.add(row.command_id, _FORGOTTEN, row.height)

    def _from_snapshot(self, height: int) -> Memory:
        for _ in range(SNAPSHOTS_KEPT):
            snapshot = self._store.snapshot_up_to(height)
            if snapshot is None:
                break
            try:
                memory = decode_snapshot(self._house, snapshot)
            except SnapshotDamaged as damage:
                log.warning("follower.snapshot_damaged", reason=str(damage))
                height = snapshot.height - 1
                continue
            return memory
        return self._house.new()

    def _take_snapshot(self) -> None:
        self._store.save_snapshot(encode_snapshot(self._house, self._memory), keep=SNAPSHOTS_KEPT)


def _follow(memory: Memory, row: Row) -> None:
    """Move the end of the chain to a row; raises ValueError when it does not follow."""
    if row.height != memory.height + 1 or row.prev_hash != memory.hash:
        raise ValueError(f"it does not follow height {memory.height}")
    memory.height, memory.hash, memory.at_us = row.height, row.hash, row.at_us


class _SnapshotPace:
    """When the next snapshot is due: after enough work to replay, and not while taking them is most
    of the work."""

    def __init__(self, rows_every: int) -> None:
        self._rows_every = rows_every
        self._rows = 0
        self._size = 0
        self._patience = 1
        self._took_s = 0.0
        self._last = perf_counter()

    def count(self, rows: Sequence[Row]) -> None:
        """Add a batch to the work that a replay would have to do."""
        size = sum(len(row.payload) for row in rows)
        self._rows += len(rows)
        self._size += size
        self._patience = BUSY_TIMES if size > BUSY_BYTES else 1

    def perhaps(self, take: Callable[[], None]) -> None:
        """Take a snapshot if one is due."""
        due_rows, due_bytes = self._patience * self._rows_every, self._patience * SNAPSHOT_BYTES
        enough = self._rows >= due_rows or self._size >= due_bytes
        rested = perf_counter() - self._last >= SNAPSHOT_TIMES * self._took_s
        if self._rows_every and enough and rested:
            self._take(take)

    def parting(self, take: Callable[[], None]) -> None:
        """Take a last snapshot if that saves the next start some work."""
        if self._rows_every and PARTING_TIMES * self._size >= SNAPSHOT_BYTES:
            self._take(take)

    def _take(self, take: Callable[[], None]) -> None:
        started = perf_counter()
        try:
            take()
        finally:  # one that fails takes its time too, and need not be tried again at once
            self._last = perf_counter()
            self._took_s = self._last - started
        self._rows = self._size = 0
