"""Which batches does somebody want to see certified, in which order were they asked for, and which
never will be?"""

from __future__ import annotations

from collections import OrderedDict

from nostro.consensus.chain import Chain
from nostro.consensus.validation import CheckedBody

BARRED_MAX = 10_000
"""Refused batches that are remembered; one that is forgotten would be refused again."""


class Requests:
    """The batches that wait, oldest first, and those that a quorum has refused."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, CheckedBody] = {}
        self._barred: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return sum(1 for batch_hash in self._waiting if batch_hash not in self._barred)

    def add(self, checked: CheckedBody) -> None:
        """Take in a batch; one that waits keeps its place."""
        self._waiting.setdefault(checked.batch_hash, checked)

    def get(self, batch_hash: bytes) -> CheckedBody | None:
        """Return a batch that is here."""
        return self._waiting.get(batch_hash)

    def drop(self, batch_hash: bytes) -> None:
        """Let a batch go: it is certified."""
        self._waiting.pop(batch_hash, None)

    def sweep(self) -> None:
        """Let refused batches go that were fetched all the same."""
        for batch_hash in self._barred.keys() & self._waiting.keys():
            del self._waiting[batch_hash]

    def bar(self, batch_hash: bytes) -> None:
        """Let a batch go: a quorum has refused it."""
        self.drop(batch_hash)
        self._barred[batch_hash] = None
        if len(self._barred) > BARRED_MAX:
            self._barred.popitem(last=False)

    def barred(self, batch_hash: bytes) -> bool:
        """Tell whether a quorum has refused a batch."""
        return batch_hash in self._barred

    def oldest(self, chain: Chain) -> CheckedBody | None:
        """Return the oldest batch that can be proposed now, even one that will be refused."""
        for checked in self._waiting.values():
            if not chain.waits(checked) and checked.batch_hash not in self._barred:
                return checked
        return None
