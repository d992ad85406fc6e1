"""What does a journal do when it is only memory? (The fake of every test, and the disk of the
simulation.)"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.runtime.ports import (
    GENESIS_HASH,
    HEIGHT_MAX,
    Batch,
    Entry,
    Fenced,
    Head,
    NotDone,
    OutboxRow,
    Snapshot,
    Unwritable,
)


class MemoryDisk:
    """What survives the death of a process: entries, outbox, snapshots, fence. One chain each."""

    def __init__(self, chain: str = "main") -> None:
        self.chain = chain
        self.entries: list[Entry] = []
        self.outbox: dict[tuple[int, int], OutboxRow] = {}
        self.snapshots: dict[int, Snapshot] = {}
        self.fence = 0

    def head(self) -> Head:
        """Return the end of the chain."""
        if not self.entries:
            return Head(0, GENESIS_HASH, 0, self.fence)
        last = self.entries[-1]
        return Head(last.height, last.hash, last.at_us, self.fence)


class MemoryJournal:
    """A Journal over a MemoryDisk; several may be opened on one disk, the newest is the writer."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk

    @property
    def chain(self) -> str:
        """Return the name of the chain."""
        return self._disk.chain

    async def open(self) -> Head:
        """Become the writer: any earlier one is fenced off."""
        self._disk.fence += 1
        return self._disk.head()

    async def append(self, batch: Batch, head: Head) -> None:
        """Write the batch at once; raises Fenced when `head` is not the stored head."""
        disk = self._disk
        if disk.head() != head:
            raise Fenced(f"chain {disk.chain} stands at {disk.head()}, not at {head}")
        for expected, entry in enumerate(batch.entries, start=head.height + 1):
            if entry.height != expected:
                raise NotDone(f"height {entry.height} where {expected} belongs")
            if "\0" in entry.command_id + entry.actor + entry.stream:
                raise Unwritable(f"height {entry.height} has text with a NUL in it")
        disk.entries.extend(batch.entries)
        disk.outbox.update({row.effect_id: row for row in batch.effects})
        for effect_id in batch.settled:
            disk.outbox.pop(effect_id, None)

    async def read(self, *, after: int, limit: int) -> Sequence[Entry]:
        """Return entries above a height."""
        return self._disk.entries[after : after + limit]

    async def fetch(self, heights: Sequence[int]) -> Sequence[Entry]:
        """Return the entries at these heights."""
        entries = self._disk.entries
        return [entries[height - 1] for height in heights if 0 < height <= len(entries)]

    async def outbox(self) -> Sequence[OutboxRow]:
        """Return the effects not yet settled, oldest first."""
        return [row for _, row in sorted(self._disk.outbox.items())]

    async def newest_snapshot(self, *, below: int = HEIGHT_MAX) -> Snapshot | None:
        """Return the highest snapshot below a height."""
        heights = [height for height in self._disk.snapshots if height < below]
        return self._disk.snapshots[max(heights)] if heights else None

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        self._disk.snapshots.setdefault(snapshot.height, snapshot)

    async def close(self) -> None:
        """Nothing to let go."""
