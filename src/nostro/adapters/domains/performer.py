"""How do settlements' deeds get done at the domains, and what is told of them?

Each domain has a lane of its own, so that one that is away holds nobody else up. Answers that come
while others are being made durable are told together: one journal row for many rounds. An answer
is told as soon as it is there; the effect is settled with its last one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import structlog

from nostro.adapters.domains.lane import URGENT, Errand, Item, Lane, LaneTerms
from nostro.adapters.domains.port import Domain, DomainHead
from nostro.adapters.domains.sense import height_of
from nostro.adapters.domains.standing import Hints, contradiction
from nostro.kernel.messages import Effect
from nostro.runtime.ending import ended
from nostro.runtime.ports import Clock, Told
from nostro.settlement import (
    AskDomain,
    Deed,
    DeedResult,
    DomainState,
    NoteDeeds,
    SetDomainState,
)

RESULTS_MAX = 500
"""Answers told in one row: what others wait for does not wait long for it."""

log = structlog.get_logger(__name__)
Tell = Callable[[Told], Awaitable[None]]


class DomainPerformer:
    """Has deeds done at domains; implements runtime.ports.PatientPerformer.

    `domains` by name. `epoch`: the number of this coordinator, the fence of its engine. `hints`:
    what the settlement room makes of it all.
    """

    effects: tuple[type[Effect], ...] = (AskDomain,)

    def __init__(
        self,
        domains: Mapping[str, Domain],
        *,
        clock: Clock,
        epoch: Callable[[], int],
        hints: Hints,
        terms: LaneTerms | None = None,
    ) -> None:
        self._epoch = epoch
        self._hints = hints
        self._tellers = {name: _Teller(name) for name in domains}
        self._clock = clock
        self._terms = terms or LaneTerms()
        self.lanes = {name: self._lane(name, domain) for name, domain in domains.items()}
        self._tell: Tell | None = None
        self._quarantines = 0

    def _lane(self, name: str, domain: Domain) -> Lane:
        return Lane(
            domain,
            clock=self._clock,
            epoch=self._epoch,
            terms=self._terms,
            wanted=lambda order: self._hints.wants(order.bundle, order.round),
            barred=lambda: self._hints.is_barred(name),
            admit=self._admitted,
            answered=self._tellers[name].hear,
        )

    def take(self, effect: Effect, effect_id: tuple[int, int]) -> None:
        """Take on what an effect asks of a domain. One that is not configured gets nothing: the
        effect waits for a start with it."""
        if not isinstance(effect, AskDomain):
            raise TypeError(f"{type(effect).__name__} is no deed of a domain")
        lane = self.lanes.get(effect.domain)
        if lane is None:
            log.error("domain_unknown", domain=effect.domain, effect_id=effect_id)
            return
        errand = Errand(effect_id, len(effect.orders))
        lane.put([Item(errand, effect.deed, order) for order in effect.orders])

    async def run(self, tell: Tell) -> None:
        """Do what was taken, and tell what came of it, until cancelled."""
        self._tell = tell
        works = [lane.run() for lane in self.lanes.values()]
        works += [teller.run(deed, tell) for teller in self._tellers.values() for deed in URGENT]
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            await ended(tasks)

    async def _admitted(self, domain: Domain, head: DomainHead) -> bool:
        """Tell whether a domain that was away says of itself what it said before; one that does not
        is quarantined, if what it denies still counts by then."""
        found = await contradiction(domain, head, self._hints.standing(domain.name))
        if found is not None:
            # What it said meanwhile may be newer than what it said first.
            standing = self._hints.standing(domain.name)
            head = await domain.head()
            found = await contradiction(domain, head, standing)
        if found is None:
            self._tellers[domain.name].height = head.height
            return True
        assert self._tell is not None, "lanes run with the performer"
        self._quarantines += 1
        log.error("domain_contradicts", domain=domain.name, why=found.why)
        # Hints may be those of a coordinator that was overtaken: the room knows what still counts.
        command = SetDomainState(
            domain=domain.name,
            state=DomainState.QUARANTINED,
            reason=found.why,
            denied=found.denied,
        )
        key = f"quarantine:{domain.name}:{self._epoch()}:{self._quarantines}"
        await self._tell(Told(key, command))
        return False


class _Teller:
    """Tells what one domain answered, each deed by itself, as much at once as there is."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._answers: dict[Deed, list[tuple[Item, DeedResult]]] = {deed: [] for deed in URGENT}
        self._wake = {deed: asyncio.Event() for deed in URGENT}
        self.height = 0

    def hear(self, item: Item, result: DeedResult) -> None:
        """Take in one answer."""
        self._answers[item.deed].append((item, result))
        self._wake[item.deed].set()

    async def run(self, deed: Deed, tell: Tell) -> None:
        """Tell what there is to tell of a deed, until cancelled."""
        answers, wake = self._answers[deed], self._wake[deed]
        while True:
            await wake.wait()
            while answers:
                told = answers[:RESULTS_MAX]
                ends = Counter(item.errand for item, _ in told)
                settled = [each for each, count in ends.items() if each.untold == count]
                await tell(self._told(deed, told, [each.effect_id for each in settled]))
                # Whoever cancels this before finds the answers in place, to be told again.
                del answers[: len(told)]
                for errand, count in ends.items():
                    errand.untold -= count
            wake.clear()

    def _told(
        self,
        deed: Deed,
        answers: Sequence[tuple[Item, DeedResult]],
        settles: Sequence[tuple[int, int]],
    ) -> Told:
        results = [result for _, result in answers]
        heights = (height_of(each.reference, self._domain) for each in results)
        self.height = max(self.height, *heights)
        command = NoteDeeds(
            domain=self._domain, deed=deed, results=results, domain_height=self.height
        )
        # The key says which orders are answered and how: another try of the same deed in the same
        # round is another effect, and what is told of it another command.
        orders = [(item.errand.effect_id, item.order.round_id) for item, _ in answers]
        content = hashlib.sha256(msgspec.json.encode((orders, command))).hexdigest()
        return Told(f"deeds:{self._domain}:{content[:32]}", command, settles)
