"""What do many subscribers of one book receive, and when? Run in a process of its own.

Takes a Readers as one JSON line on standard input and prints a line when all have the book. Each
further line names a sequence: once every reader is there, a Received is printed, and it ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop
from websockets.asyncio.client import connect

from nostro.client import Book, Feed

PATIENCE_S = 60.0
CONNECTING_AT_ONCE = 20


class Readers(msgspec.Struct, frozen=True):
    """Whom to read from. `plain`: a server that sends nothing but deltas, one a frame; else the
    feeds of a platform. `out`: where the arrivals are written: reader, sequence before, sequence,
    microseconds since the epoch."""

    url: str
    symbol: str
    count: int
    out: str
    plain: bool = False


class Received(msgspec.Struct, frozen=True):
    """What came: books as they were rebuilt (each different one), messages, gaps, snapshots after
    the first, and the processor time of this process."""

    books: list[dict[str, dict[str, str]]]
    messages: int
    gaps: int
    snapshots: int
    cpu_s: float


class One:
    """One subscriber."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self.feed = Feed(readers.url)
        self.book = Book(readers.symbol, check=False)
        self.arrivals: list[tuple[int, int, int]] = []
        self.begun = asyncio.Event()
        self.moved = asyncio.Event()

    async def read(self) -> None:
        """Read on for ever."""
        if self._readers.plain:
            await self._read_plain()
        else:
            self.book = self.feed.follow_book(self._readers.symbol)
            async for update in self.feed:
                self._took(update.message)

    async def _read_plain(self) -> None:
        async with connect(self._readers.url, compression=None) as socket:
            async for text in socket:
                message: dict[str, Any] = json.loads(text)
                self.book.take(message)
                self._took(message)

    def _took(self, message: dict[str, Any]) -> None:
        now_us = time.time_ns() // 1_000
        before = message.get("previous_sequence", message["sequence"])
        self.arrivals.append((before, message["sequence"], now_us))
        self.begun.set()
        self.moved.set()

    async def until(self, sequence: int) -> None:
        """Wait until the book is there."""
        while self.book.sequence < sequence:
            self.moved.clear()
            await self.moved.wait()


async def main() -> None:
    """Read, as told on standard input."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    readers = msgspec.json.decode(await lines.readline(), type=Readers)
    ones = [One(readers) for _ in range(readers.count)]
    tasks = []
    for first in range(0, len(ones), CONNECTING_AT_ONCE):
        some = ones[first : first + CONNECTING_AT_ONCE]
        tasks += [asyncio.create_task(one.read()) for one in some]
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(one.begun.wait() for one in some))
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    started_s = time.process_time()
    sequence = int(await lines.readline())
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(one.until(sequence) for one in ones))
    cpu_s = time.process_time() - started_s
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    _write(ones, Path(readers.out))
    books: list[dict[str, dict[str, str]]] = []
    for one in ones:
        book = {"bids": one.book.bids, "asks": one.book.asks}
        if book not in books:
            books.append(book)
    told = Received(
        books=books,
        messages=sum(len(one.arrivals) for one in ones),
        gaps=sum(one.feed.stats.gaps for one in ones),
        snapshots=sum(max(one.feed.stats.snapshots - 1, 0) for one in ones),
        cpu_s=cpu_s,
    )
    print(msgspec.json.encode(told).decode(), flush=True)


def _write(ones: list[One], out: Path) -> None:
    rows = [(number, *arrival) for number, one in enumerate(ones) for arrival in one.arrivals]
    np.save(out, np.array(rows, dtype=np.int64))


if __name__ == "__main__":
    uvloop.run(main())
