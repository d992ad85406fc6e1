"""From which holdings is a lock taken, when many rounds lock at once?

A holding can be consumed by one transaction only, so rounds that are under way never share one. A
round takes all that it needs, or nothing and waits until another is through. What is left of the
holdings comes back as change; where others wait for the same owner it comes in several pieces, so
that next time they need not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from nostro.adapters.domains.canton.ledger_view import LedgerView, Piece
from nostro.adapters.domains.canton.model import Instrument

INPUTS_MAX = 200
"""Holdings that one lock consumes at most: what lies in more does not count as available."""
CHANGE_PIECES_MAX = 8
_Of = tuple[str, Instrument]


class Need(msgspec.Struct, frozen=True):
    """What a round locks of an owner."""

    owner: str
    instrument: Instrument
    amount_minor: int


class Picked(msgspec.Struct, frozen=True):
    """The holdings of one lock, and the amounts that come back of them."""

    need: Need
    pieces: tuple[Piece, ...]
    change_minor: tuple[int, ...]


class Short(msgspec.Struct, frozen=True):
    """An owner has less than a lock needs, with all that is free."""

    need: Need
    available_minor: int


class Busy(msgspec.Struct, frozen=True):
    """There is enough, but other rounds are at it."""

    need: Need


class Picking:
    """Which holdings rounds that are under way are about to consume."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._waiting: Counter[_Of] = Counter()
        self._through = asyncio.Event()

    def pick(self, view: LedgerView, needs: Sequence[Need]) -> list[Picked] | list[Short] | Busy:
        """Choose holdings for all of these, or say who has not enough, or that one must wait."""
        picked: list[Picked] = []
        short: list[Short] = []
        busy: Busy | None = None
        chosen: set[str] = set()
        for need in needs:
            free = view.free(need.owner, need.instrument)
            at_hand = [each for each in free if each.contract_id not in self._taken | chosen]
            pieces = _chosen(at_hand, need.amount_minor)
            if pieces:
                chosen.update(each.contract_id for each in pieces)
                picked.append(Picked(need, pieces, self._change(need, pieces)))
                continue
            of_round = [each for each in free if each.contract_id not in chosen]
            total = _at_once(of_round)
            if total < need.amount_minor:
                short.append(Short(need, total))
            else:
                busy = Busy(need)
        return short or busy or picked

    @contextmanager
    def taken(self, picked: Sequence[Picked]) -> Iterator[None]:
        """Keep these holdings from other rounds for a while."""
        ids = {piece.contract_id for each in picked for piece in each.pieces}
        self._taken |= ids
        try:
            yield
        finally:
            self._taken -= ids
            self._through.set()
            self._through = asyncio.Event()

    async def another_is_through(self, busy: Busy) -> None:
        """Wait until some round no longer keeps what it took."""
        of = busy.need.owner, busy.need.instrument
        self._waiting[of] += 1
        try:
            await self._through.wait()
        finally:
            self._waiting[of] -= 1
            if not self._waiting[of]:
                del self._waiting[of]

    def _change(self, need: Need, pieces: Sequence[Piece]) -> tuple[int, ...]:
        """Return in which pieces the rest comes back: none smaller than what is locked now."""
        rest = sum(each.amount_minor for each in pieces) - need.amount_minor
        if not rest:
            return ()
        waiting = self._waiting[need.owner, need.instrument]
        count = max(1, min(1 + waiting, CHANGE_PIECES_MAX, rest // need.amount_minor))
        each, over = divmod(rest, count)
        return (each + over, *(each for _ in range(count - 1)))


def _chosen(at_hand: Sequence[Piece], amount_minor: int) -> tuple[Piece, ...]:
    """Return the smallest holding that is enough, or the largest ones that are together; none when
    they are not."""
    enough = [each for each in at_hand if each.amount_minor >= amount_minor]
    if enough:
        return (min(enough, key=lambda each: (each.amount_minor, each.contract_id)),)
    chosen: list[Piece] = []
    for piece in _largest(at_hand):
        chosen.append(piece)
        amount_minor -= piece.amount_minor
        if amount_minor <= 0:
            return tuple(chosen)
    return ()


def _at_once(free: Sequence[Piece]) -> int:
    """Return how much one lock can take of these."""
    return sum(each.amount_minor for each in _largest(free))


def _largest(free: Sequence[Piece]) -> list[Piece]:
    return sorted(free, key=lambda each: (-each.amount_minor, each.contract_id))[:INPUTS_MAX]
