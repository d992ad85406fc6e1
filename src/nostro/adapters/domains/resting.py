"""What does the journal of a domain of ours say of its rounds, and does the coordinator's agree?

Read from the domain's own database: nobody needs to serve it, and it may run meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from nostro.adapters.domains.port import (
    ITEMS_MAX,
    Absent,
    DomainHead,
    Executed,
    Held,
    Released,
    RoundAt,
    StatusAnswer,
)
from nostro.adapters.domains.reconcile import compared
from nostro.adapters.domains.rounds import Decode, Read, RoundBooks, Stand
from nostro.custody import HoldsExecuted, HoldsPlaced, HoldsReleased, RoundsClosed
from nostro.kernel.messages import Event
from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction, Report

FINAL = (Stand.EXECUTED, Stand.RELEASED)
"""What the domain must know too once we do: its answer was durable before it was noted here."""


class RestingDomain:
    """The rounds of a domain, by its own journal; answers as the domain would. Implements
    runtime.verify.Check, which hears that journal."""

    def __init__(self, name: str, *, coordinator: str) -> None:
        self.name = name
        self._prefix = f"{coordinator}."
        self._height = 0
        self._rounds: dict[str, Held | Executed | Released] = {}

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Take in a row."""
        self._height = entry.height
        reference = f"{self.name}:{entry.height}"
        for event in events:
            match event:
                case HoldsPlaced():
                    self._now(event.rounds, Held(reference))
                case HoldsExecuted():
                    self._now(event.rounds, Executed(reference))
                case HoldsReleased():
                    self._now(event.rounds, Released(reference))
                case RoundsClosed():
                    self._now([each.round_id for each in event.rounds], Released(reference))
                case _:
                    pass

    def _now(self, rounds: Sequence[str], answer: Held | Executed | Released) -> None:
        for round_id in rounds:
            if round_id.startswith(self._prefix):
                self._rounds[round_id] = answer

    def finish(self) -> None:
        """Nothing is left to look at."""

    def told(self) -> str:
        """Say how many rounds there are."""
        return f"{len(self._rounds)} rounds"

    def stands(self, round_id: str) -> Held | Executed | Released | Absent:
        """Return where a round stands."""
        return self._rounds.get(round_id) or Absent()

    async def head(self) -> DomainHead:
        """See Domain.head."""
        return DomainHead(self.name, self._height)

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """See Domain.status."""
        return [self.stands(each) for each in round_ids]

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        """See Domain.rounds."""
        ids = sorted(self._rounds)
        start = bisect_right(ids, after)
        return [RoundAt(each, self._rounds[each]) for each in ids[start : start + limit]]


class ReadDomain(RestingDomain):
    """The same, read on to the end of the journal at each question."""

    def __init__(self, name: str, *, coordinator: str, read: Read, decode: Decode) -> None:
        super().__init__(name, coordinator=coordinator)
        self._read = read
        self._decode = decode

    async def head(self) -> DomainHead:
        """See Domain.head; raises NotDone."""
        await self._follow()
        return await super().head()

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """See Domain.status; raises NotDone."""
        await self._follow()
        return await super().status(round_ids)

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        """See Domain.rounds; raises NotDone."""
        await self._follow()
        return await super().rounds(after=after, limit=limit)

    async def _follow(self) -> None:
        while entries := await self._read(self._height):
            for entry in entries:
                self.hear(entry, self._decode(entry.payload))


class DomainCheck:
    """The question of an audit: is the chain of a domain of ours sound, and did it do what was
    decided here? Implements runtime.verify.Check.

    `audit` audits the domain's own journal, once this one was read, and lets the check that it is
    given hear it. Meanwhile both go on: only what was final here is held against the domain.
    """

    def __init__(
        self, name: str, *, coordinator: str, audit: Callable[[RestingDomain], Report]
    ) -> None:
        self.name = f"domain {name}"
        self._ours = RoundBooks(name)
        self._theirs = RestingDomain(name, coordinator=coordinator)
        self._audit = audit
        self._height = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Take note of rounds."""
        self._ours.fold(events, entry.height)

    def finish(self) -> None:
        """Audit the domain, and compare; raises Contradiction."""
        report = self._audit(self._theirs)
        self._height = report.height
        for verdict in report.verdicts:
            if not verdict.sound:
                where = "" if verdict.height is None else f" at its height {verdict.height}"
                raise Contradiction(f"its own audit{where}: {verdict.check}: {verdict.told}")
        for ours in self._ours.rounds.values():
            theirs = self._theirs.stands(ours.round_id)
            final = ours.stand in FINAL
            aborted = ours.stand is Stand.ABORTED and isinstance(theirs, Executed)
            found = compared(ours.round_id, ours, theirs) if final or aborted else None
            if found is not None:
                raise Contradiction(
                    f"{found.round_id} is {found.ours} here, {found.theirs} there ({found.kind})",
                    height=ours.ordered_at,
                )

    def told(self) -> str:
        """Say what was looked at."""
        return f"{len(self._ours.rounds)} rounds; its own chain is sound, to height {self._height}"
