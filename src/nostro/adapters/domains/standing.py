"""What does the settlement room know of a domain, and does that domain still say the same?

One that was restored from an old backup does not: it is behind, or has forgotten what it held or
did. It gets nothing until it was reconciled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from nostro.adapters.domains.port import ROUNDS_MAX, Domain, DomainHead, Executed, Held, Silent
from nostro.runtime.ports import NotDone
from nostro.settlement import (
    Deed,
    Denial,
    DomainStanding,
    DomainState,
    SettlementState,
    round_id,
    round_of,
)


class Standing(msgspec.Struct, frozen=True):
    """What a domain said. `height`: the highest at which it was durable. `held`: some rounds that
    it said it holds and was not asked to release; `executed`: some that it said it executed."""

    height: int = 0
    held: Sequence[str] = ()
    executed: Sequence[str] = ()


class Contradiction(msgspec.Struct, frozen=True):
    """What a domain says otherwise than before. `denied`: the word that it goes back on, where that
    may have ceased to count; that it executed something counts for ever."""

    why: str
    denied: Denial | None = None


async def contradiction(
    domain: Domain, head: DomainHead, standing: Standing
) -> Contradiction | None:
    """Return what a domain says otherwise than before, if anything; raises NotDone, OutcomeUnknown
    when it does not say enough."""
    if head.height < standing.height:
        why = f"it is at height {head.height}, and was at {standing.height}"
        return Contradiction(why, Denial(height=standing.height))
    known = list(dict.fromkeys([*standing.executed, *standing.held]))[:ROUNDS_MAX]
    if not known:
        return None
    executed = set(standing.executed)
    for name, answer in zip(known, await domain.status(known), strict=True):
        match answer:
            case Silent(why=why):
                raise NotDone(f"{domain.name} does not say where {name} stands: {why}")
            case Executed():
                pass
            case Held() if name not in executed:
                pass
            case _:
                now = type(answer).__name__.lower()
                if name in executed:
                    return Contradiction(f"it had executed {name}, and now says {now}")
                _, bundle, number = round_of(name)
                denied = Denial(held=(bundle, number))
                return Contradiction(f"it had held {name}, and now says {now}", denied)
    return None


class Hints(Protocol):
    """What the performer asks of the settlement room: a hint only, as what the room decides on may
    not be durable yet."""

    def is_barred(self, domain: str) -> bool:
        """Tell whether a domain is to get nothing at all."""
        ...

    def wants(self, bundle: int, number: int) -> bool:
        """Tell whether a hold of a round is still of use."""
        ...

    def standing(self, domain: str) -> Standing:
        """Return what a domain said of rounds that are not over, and of the last ones that are."""
        ...


class RoomHints:
    """The Hints of a settlement room: `look` returns its state, `coordinator` is its policy's."""

    def __init__(self, look: Callable[[], SettlementState], coordinator: str) -> None:
        self._look = look
        self._coordinator = coordinator

    def is_barred(self, domain: str) -> bool:
        """See Hints.is_barred: it is quarantined. One that is closed begins nothing, and ends what
        was begun."""
        said = self._look().domains.get(domain)
        return said is not None and said.state is DomainState.QUARANTINED

    def wants(self, bundle: int, number: int) -> bool:
        """See Hints.wants: it is not decided."""
        found = self._look().bundles.get(bundle)
        round_ = None if found is None else found.round
        return round_ is not None and round_.number == number and round_.deed is Deed.HOLD

    def standing(self, domain: str) -> Standing:
        """See Hints.standing."""
        said = self._look().domains.get(domain) or DomainStanding()
        executed = [round_id(self._coordinator, *each) for each in said.executed]
        executed += islice(self._said(domain, executed=True), ROUNDS_MAX)
        return Standing(
            height=said.height,
            held=list(islice(self._said(domain, executed=False), ROUNDS_MAX)),
            executed=executed,
        )

    def _said(self, domain: str, *, executed: bool) -> Iterator[str]:
        for bundle, round_ in self._look().open_rounds():
            part = round_.part_at(domain)
            if part is None or part.held is None or round_.deed is Deed.RELEASE:
                continue
            if (part.executed is not None) is executed:
                yield round_id(self._coordinator, bundle.number, round_.number)
