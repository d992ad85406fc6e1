"""Which batches has this member read in full, from pieces in whatever order they came?"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from nostro.adapters.members.names import Request, Unreadable, read_request, unpacked

CHUNKS_MAX = 256
"""Pieces that wait for their request, or requests that wait for pieces; beyond it the oldest is
forgotten, and read again from the log by whoever needs it."""


class Batch(msgspec.Struct, frozen=True):
    """A batch that somebody asks for: its request, its body, and the body as it came (packed)."""

    request: Request
    body: str
    packed: bytes


class Intake:
    """Puts bodies together. Bounded: it forgets the oldest pieces, never a batch it gave out."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[str, bytes] = OrderedDict()
        self._requests: OrderedDict[str, Request] = OrderedDict()

    def take_chunk(self, name: str, value: bytes) -> list[Batch]:
        """Take in a piece whose hash is `name`; return the batches it completes."""
        self._chunks[name] = value
        _forget_oldest(self._chunks)
        waiting = [each for each in self._requests.values() if name in each.chunks]
        return [batch for request in waiting if (batch := self._complete(request))]

    def take_request(self, value: bytes) -> list[Batch]:
        """Take in a request; return its batch when all pieces are there. Raises Unreadable."""
        request = read_request(value)
        self._requests[request.body_sha256 + request.batch_id] = request
        _forget_oldest(self._requests)
        batch = self._complete(request)
        return [batch] if batch else []

    def _complete(self, request: Request) -> Batch | None:
        if any(name not in self._chunks for name in request.chunks):
            return None
        del self._requests[request.body_sha256 + request.batch_id]
        packed = b"".join(self._chunks[name] for name in request.chunks)
        for name in set(request.chunks):
            del self._chunks[name]
        try:
            return Batch(request, unpacked(packed, request.body_sha256), packed)
        except Unreadable:
            return None  # whoever asked for it lied: nobody can approve it


def _forget_oldest(kept: OrderedDict[str, Request] | OrderedDict[str, bytes]) -> None:
    while len(kept) > CHUNKS_MAX:
        kept.popitem(last=False)
