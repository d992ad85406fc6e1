"""What does settlement ask of the world?"""

from __future__ import annotations

from nostro.kernel.messages import Effect
from nostro.settlement.events import DeedOrder
from nostro.settlement.terms import Deed


class AskDomain(Effect, frozen=True, kw_only=True, tag="settlement.AskDomain"):
    """Have a domain do a deed for each of these rounds; the outcomes are NoteDeeds. Every deed may
    be done again: a domain answers a repeat as it answered first."""

    domain: str
    deed: Deed
    orders: list[DeedOrder]


EFFECTS = (AskDomain,)
