"""Does a domain that was away still say of itself what it said before?

One that was restored from an old backup does not: it is behind, or has forgotten what it held or
did. It gets nothing until it was reconciled.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.adapters.domains.port import ROUNDS_MAX, Domain, DomainHead, Executed, Held, Silent
from nostro.runtime.ports import NotDone
from nostro.settlement import DomainState


class Standing(msgspec.Struct, frozen=True):
    """How the coordinator sees a domain. `height`: the highest at which it was durable. `held`:
    some rounds that it said it holds and was not asked to release; `executed`: some that it said
    it executed."""

    state: DomainState = DomainState.OPEN
    height: int = 0
    held: Sequence[str] = ()
    executed: Sequence[str] = ()


async def contradiction(domain: Domain, head: DomainHead, standing: Standing) -> str:
    """Return what a domain says otherwise than before, "" if nothing; raises NotDone,
    OutcomeUnknown when it does not say enough."""
    if head.height < standing.height:
        return f"it is at height {head.height}, and was at {standing.height}"
    known = [*standing.executed, *standing.held][:ROUNDS_MAX]
    if not known:
        return ""
    executed = set(standing.executed)
    for round_id, answer in zip(known, await domain.status(known), strict=True):
        match answer:
            case Silent(why=why):
                raise NotDone(f"{domain.name} does not say where {round_id} stands: {why}")
            case Executed():
                pass
            case Held() if round_id not in executed:
                pass
            case _:
                was = "executed" if round_id in executed else "held"
                return f"it had {was} {round_id}, and now says {type(answer).__name__.lower()}"
    return ""
