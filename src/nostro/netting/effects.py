"""What does netting ask of the world?"""

from __future__ import annotations

from nostro.kernel.messages import Effect
from nostro.netting.commands import Caps, Obligation


class OptimiseCycle(Effect, frozen=True, kw_only=True, tag="netting.OptimiseCycle"):
    """Freeze the rates and make a plan for a cycle; its outcome is RecordPlan."""

    cycle_id: str
    gross: bool
    value_date: str
    obligations: list[Obligation]
    caps: Caps


EFFECTS = (OptimiseCycle,)
