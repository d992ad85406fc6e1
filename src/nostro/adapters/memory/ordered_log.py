"""What does an ordered log do when it is only memory? (The fake of every test.)"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from nostro.runtime.ordered_log import ITEMS_MAX, LogItem, refuse_oversized


class MemoryTape:
    """What survives the death of a process: the items of one log."""

    def __init__(self) -> None:
        self.items: list[LogItem] = []
        self.positions: dict[str, int] = {}
        self.wake = asyncio.Event()
        """Set, and replaced by a new one, at each append that wrote something."""


class MemoryOrderedLog:
    """An OrderedLog over a MemoryTape; several may be opened on one tape."""

    def __init__(self, tape: MemoryTape) -> None:
        self._tape = tape

    async def append(self, items: Sequence[tuple[str, bytes]]) -> int:
        """Write what is new at once."""
        refuse_oversized(items)
        tape = self._tape
        before = len(tape.items)
        for key, value in items:
            if key not in tape.positions:
                tape.positions[key] = len(tape.items) + 1
                tape.items.append(LogItem(len(tape.items) + 1, key, bytes(value)))
        if len(tape.items) > before:
            tape.wake.set()
            tape.wake = asyncio.Event()
        return len(tape.items)

    async def read(self, *, after: int, limit: int = ITEMS_MAX) -> Sequence[LogItem]:
        """Return the items beyond a position."""
        return self._tape.items[after : after + limit]

    async def fetch(self, keys: Sequence[str]) -> Sequence[LogItem]:
        """Return the items under these keys."""
        positions = sorted({self._tape.positions.get(key, 0) for key in keys} - {0})
        return [self._tape.items[position - 1] for position in positions]

    async def changed(self, *, after: int, timeout_s: float) -> None:
        """Return when something stands beyond the position, or when the time is over."""
        tape = self._tape
        if len(tape.items) <= after:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(tape.wake.wait(), timeout_s)

    async def close(self) -> None:
        """Nothing to let go."""
