"""How does a journal become a file that anyone can read, and that can be audited without us?

JSON lines. The first says which chain this is and where its head stood; each further one is a
journal row. `payload` and `reply` are strings that hold the exact text that was hashed; `events` is
the same text as the JSON that it is, for people and for `jq`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction, End

FORMAT = "nostro-journal/1"

T = TypeVar("T")


class JournalUnreadable(Contradiction):
    """This is not an exported journal, or a line of it is torn."""


class Opening(msgspec.Struct, frozen=True):
    """The first line. `hash` is the head's in hex."""

    format: str
    chain: str
    height: int
    hash: str

    def end(self) -> End:
        """Return the head of the chain as it stood."""
        return End(self.height, bytes.fromhex(self.hash))


class _Row(msgspec.Struct, frozen=True):
    height: int
    at: str
    at_us: int
    command_id: str
    request_hash: str
    actor: str
    room: str
    stream: str
    kind: str
    events: msgspec.Raw
    payload: str
    reply: str
    prev_hash: str
    hash: str


class _Height(msgspec.Struct, frozen=True):
    height: int


_encoder = msgspec.json.Encoder()
_openings = msgspec.json.Decoder(Opening)
_rows = msgspec.json.Decoder(_Row)
_heights = msgspec.json.Decoder(_Height)


def write_journal(
    target: BinaryIO, *, chain: str, end: End | None, entries: Iterable[Entry]
) -> Iterator[int]:
    """Write a journal row by row; yields the height of each row written.

    Raises JournalUnreadable for a row that is damaged.
    """
    head = end or End(0, bytes(32))
    target.write(_line(Opening(FORMAT, chain, head.height, head.hash.hex())))
    for entry in entries:
        try:
            target.write(_line(_row(entry)))
        except UnicodeDecodeError as error:
            raise JournalUnreadable(f"it is no text: {error}", height=entry.height) from error
        yield entry.height


def _line(record: msgspec.Struct) -> bytes:
    return _encoder.encode(record) + b"\n"


def _row(entry: Entry) -> _Row:
    at = datetime.fromtimestamp(entry.at_us // 1_000_000, UTC)
    return _Row(
        height=entry.height,
        at=f"{at:%Y-%m-%dT%H:%M:%S}.{entry.at_us % 1_000_000:06d}Z",
        at_us=entry.at_us,
        command_id=entry.command_id,
        request_hash=entry.request_hash.hex(),
        actor=entry.actor,
        room=entry.room,
        stream=entry.stream,
        kind=entry.kind,
        events=msgspec.Raw(entry.payload),
        payload=entry.payload.decode(),
        reply=entry.reply.decode(),
        prev_hash=entry.prev_hash.hex(),
        hash=entry.hash.hex(),
    )


class JournalFile:
    """An exported journal. Every read may raise JournalUnreadable, which names the line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def opening(self) -> Opening:
        """Return the first line."""
        with self._path.open("rb") as file:
            opening = _read(_openings, file.readline(), 1)
        if opening.format != FORMAT:
            raise JournalUnreadable(f"{self._path} is {opening.format!r}, not {FORMAT!r}")
        return opening

    def entries(self) -> Iterator[Entry]:
        """Yield the rows in the order of the file."""
        chain = self.opening().chain
        for number, line in self._lines():
            yield _entry(chain, _read(_rows, line, number), number)

    def entries_at(self, heights: Sequence[int]) -> Iterator[Entry]:
        """Yield the rows at these heights; reads the whole file unless there are none."""
        wanted = set(heights)
        if not wanted:
            return
        chain = self.opening().chain
        for number, line in self._lines():
            if _read(_heights, line, number).height in wanted:
                yield _entry(chain, _read(_rows, line, number), number)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number > 1:
                    yield number, line


def _read(decoder: msgspec.json.Decoder[T], line: bytes, number: int) -> T:
    try:
        return decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise JournalUnreadable(f"line {number}: {error}") from error


def _entry(chain: str, row: _Row, number: int) -> Entry:
    payload = row.payload.encode()
    if bytes(row.events) != payload:
        raise JournalUnreadable(
            f"line {number}: `events` is not the text in `payload`", height=row.height
        )
    try:
        hashes = [bytes.fromhex(text) for text in (row.request_hash, row.prev_hash, row.hash)]
    except ValueError as error:
        raise JournalUnreadable(f"line {number}: {error}", height=row.height) from error
    return Entry(
        chain,
        row.height,
        row.command_id,
        hashes[0],
        row.actor,
        row.room,
        row.stream,
        row.kind,
        row.at_us,
        payload,
        row.reply.encode(),
        hashes[1],
        hashes[2],
    )
