"""Do a domain and the coordinator say the same of every round between them, and if not, what now?

The coordinator's decisions are the truth. A domain that was restored from an old backup has lost
holds and executions, and holds what was released since: it is brought to where the decisions are.
What contradicts a decision is for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from nostro.adapters.domains.port import (
    ITEMS_MAX,
    LACKING,
    ROUNDS_MAX,
    Absent,
    Domain,
    DomainHead,
    Executed,
    Held,
    HoldOrder,
    Refused,
    Released,
    RoundAt,
    RoundOrder,
    Silent,
    StatusAnswer,
)
from nostro.adapters.domains.rounds import OurRound, OurRounds, Stand
from nostro.runtime.ports import NotDone

T = TypeVar("T")
TURNS_MAX = 100
"""How often what is lacking is asked for again, once other rounds have delivered it."""


class Kind(StrEnum):
    """How a round stands otherwise at the domain than here. `lost`: it was held or executed;
    `undone`: executed, and is held again; `orphan`: held, though released here; `forgotten`: the
    domain no longer knows that it was released; `unknown`: held there, and nobody here asked;
    `contradiction`: the domain did what was not decided."""

    LOST = "lost"
    UNDONE = "undone"
    ORPHAN = "orphan"
    FORGOTTEN = "forgotten"
    UNKNOWN = "unknown"
    CONTRADICTION = "contradiction"


class Remedy(StrEnum):
    """What brings the domain to where the decisions are."""

    HOLD = "hold"
    HOLD_AND_EXECUTE = "hold_and_execute"
    EXECUTE = "execute"
    RELEASE = "release"
    PEOPLE = "people"


class Break(msgspec.Struct, frozen=True):
    """One round of which the two say different things. `ours` is "" when we do not know it."""

    round_id: str
    kind: Kind
    remedy: Remedy
    ours: str
    theirs: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found. `behind`: the domain is below the height at which it once was."""

    domain: str
    rounds: int
    height: int
    seen_height: int
    breaks: list[Break]

    @property
    def behind(self) -> bool:
        """Tell whether it must have lost something."""
        return self.height < self.seen_height

    @property
    def sound(self) -> bool:
        """Tell whether domain and coordinator agree on every round."""
        return not self.breaks


class Repaired(msgspec.Struct, frozen=True):
    """What a repair came to: the rounds it brought in order, what the domain refused (round id,
    code), and the comparison after it."""

    mended: list[str]
    refused: list[tuple[str, str]]
    after: Report


class Told(Protocol):
    """What is asked of a domain for a comparison; a Domain has it all."""

    @property
    def name(self) -> str:
        """See Domain.name."""
        ...

    async def head(self) -> DomainHead:
        """See Domain.head."""
        ...

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """See Domain.status."""
        ...

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        """See Domain.rounds."""
        ...


async def reconcile(domain: Told, ours: OurRounds) -> Report:
    """Compare a domain with what the coordinator's journal says, both may go on meanwhile; raises
    NotDone, OutcomeUnknown.

    Each side is read twice, in turns: what is only under way looks like a break from one side, and
    never from both.
    """
    listed = await _listed(domain)
    await ours.follow()
    head = await domain.head()
    suspects = sorted({*listed, *ours.rounds})
    first: dict[str, StatusAnswer] = {}
    for page in _pages(suspects):
        for round_id, theirs in zip(page, await domain.status(page), strict=True):
            if isinstance(theirs, Silent):
                raise NotDone(f"{domain.name} does not say where {round_id} stands: {theirs.why}")
            if compared(round_id, ours.rounds.get(round_id), theirs) is not None:
                first[round_id] = theirs
    seen_height = ours.seen_height
    await ours.follow()
    again = (compared(id_, ours.rounds.get(id_), theirs) for id_, theirs in first.items())
    return Report(
        domain=domain.name,
        rounds=len(suspects),
        height=head.height,
        seen_height=seen_height,
        breaks=[each for each in again if each is not None],
    )


async def repair(domain: Domain, ours: OurRounds, report: Report, *, epoch: int) -> Repaired:
    """Bring a domain to where the decisions are, as far as that can be done, and compare again.
    Nothing else may be sent to it meanwhile. Every step may be repeated; raises NotDone,
    OutcomeUnknown."""
    work = _Repair(domain, ours, epoch)
    by_remedy: dict[Remedy, list[str]] = {remedy: [] for remedy in Remedy}
    for each in report.breaks:
        by_remedy[each.remedy].append(each.round_id)
    # What is held for rounds that were aborted meanwhile may be what others need.
    aborted = [each.round_id for each in ours.rounds.values() if each.stand is Stand.ABORTED]
    await work.release([*aborted, *by_remedy[Remedy.RELEASE]])
    await work.execute(by_remedy[Remedy.EXECUTE])
    await work.hold(by_remedy[Remedy.HOLD], then_execute=by_remedy[Remedy.HOLD_AND_EXECUTE])
    after = await reconcile(domain, ours)
    left = {each.round_id for each in after.breaks}
    mended = [each.round_id for each in report.breaks if each.round_id not in left]
    return Repaired(mended, sorted(work.refused.items()), after)


class _Repair:
    """What is done to one domain; `refused` notes its last refusal of each round."""

    def __init__(self, domain: Domain, ours: OurRounds, epoch: int) -> None:
        self._domain = domain
        self._ours = ours
        self._epoch = epoch
        self.refused: dict[str, str] = {}

    async def release(self, ids: Sequence[str]) -> None:
        for page in _pages(ids):
            orders = [RoundOrder(id_, self._epoch) for id_ in page]
            self._note(page, await self._domain.release(orders))

    async def execute(self, ids: Sequence[str]) -> None:
        for page in _pages(ids):
            orders = [RoundOrder(id_, self._epoch) for id_ in page]
            self._note(page, await self._domain.execute(orders))

    async def hold(self, ids: Sequence[str], *, then_execute: Sequence[str]) -> None:
        """Hold what was lost, in the order in which it was asked for, and execute what is to be.
        What is lacking is asked for again for as long as other rounds deliver something."""
        ours, execute = self._ours.rounds, set(then_execute)
        lost = sorted((ours[id_] for id_ in {*ids, *execute}), key=lambda each: each.ordered_at)
        for _ in range(TURNS_MAX):
            for page in _pages(lost):
                held = await self._hold_page(page)
                await self.execute([id_ for id_ in held if id_ in execute])
            lacking = [each for each in lost if self.refused.get(each.round_id) == LACKING]
            if not lacking or len(lacking) == len(lost):
                return
            lost = lacking

    async def _hold_page(self, page: Sequence[OurRound]) -> list[str]:
        orders = await self._ours.orders(page)
        holds = [
            HoldOrder(order.round_id, self._epoch, tuple(order.locks), tuple(order.moves))
            for order in orders.values()
        ]
        self._note(list(orders), await self._domain.hold(holds))
        return [round_id for round_id in orders if round_id not in self.refused]

    def _note(self, ids: Sequence[str], answers: Sequence[object]) -> None:
        for round_id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, Silent):
                raise NotDone(f"no answer for {round_id}: {answer.why}")
            self.refused.pop(round_id, None)
            if isinstance(answer, Refused):
                self.refused[round_id] = answer.code


async def _listed(domain: Told) -> list[str]:
    listed: list[str] = []
    while page := await domain.rounds(after=listed[-1] if listed else "", limit=ITEMS_MAX):
        listed += [each.round_id for each in page]
    return listed


def _pages(rounds: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rounds), ROUNDS_MAX):
        yield rounds[start : start + ROUNDS_MAX]


_ALLOWED: Mapping[Stand, tuple[type, ...]] = {
    # A hold that was refused, or is under way, or was closed meanwhile: all of it may be.
    Stand.ASKED: (Held, Absent, Released),
    Stand.HELD: (Held,),
    Stand.COMMITTED: (Held, Executed),
    Stand.EXECUTED: (Executed,),
    Stand.ABORTED: (Held, Absent, Released),
    Stand.RELEASED: (Released,),
}
_BREAKS: Mapping[tuple[Stand, type], tuple[Kind, Remedy]] = {
    (Stand.HELD, Absent): (Kind.LOST, Remedy.HOLD),
    (Stand.COMMITTED, Absent): (Kind.LOST, Remedy.HOLD_AND_EXECUTE),
    (Stand.EXECUTED, Absent): (Kind.LOST, Remedy.HOLD_AND_EXECUTE),
    (Stand.EXECUTED, Held): (Kind.UNDONE, Remedy.EXECUTE),
    (Stand.RELEASED, Held): (Kind.ORPHAN, Remedy.RELEASE),
    (Stand.RELEASED, Absent): (Kind.FORGOTTEN, Remedy.RELEASE),
}
_CONTRADICTION = Kind.CONTRADICTION, Remedy.PEOPLE


def compared(round_id: str, ours: OurRound | None, theirs: StatusAnswer) -> Break | None:
    """Return how the two differ on one round."""
    told = type(theirs).__name__.lower()
    if ours is None:
        if isinstance(theirs, Held):
            return Break(round_id, Kind.UNKNOWN, Remedy.RELEASE, "", told)
        if isinstance(theirs, Executed):
            return Break(round_id, *_CONTRADICTION, "", told)
        return None
    if isinstance(theirs, _ALLOWED[ours.stand]):
        return None
    kind, remedy = _BREAKS.get((ours.stand, type(theirs)), _CONTRADICTION)
    return Break(round_id, kind, remedy, ours.stand, told)
