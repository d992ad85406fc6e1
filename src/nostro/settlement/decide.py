"""Which events follow from a command to the settlement room, and when is the answer no?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nostro.kernel.messages import Command, Tick
from nostro.kernel.room import Context, Decision
from nostro.settlement import commands as c, days, deeds, instructing, pairing, parties, rules
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.state import SettlementState


def decide(
    state: SettlementState, command: Command, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide one command; raises Rejection."""
    return _DECIDE[type(command)](state, command, context, policy)


Decide = Callable[[SettlementState, Any, Context, SettlementPolicy], Decision]
_DECIDE: dict[type[Command], Decide] = {
    c.InstructSettlements: instructing.instruct,
    c.InstructSide: pairing.instruct_side,
    c.HoldSettlement: parties.hold,
    c.ReleaseSettlement: parties.release,
    c.CancelSettlement: parties.cancel,
    c.RetrySettlement: parties.retry,
    c.NoteDeeds: deeds.note,
    c.SetInstrument: rules.set_instrument,
    c.SetPenaltyRate: rules.set_penalty_rate,
    c.SetDomainState: rules.set_domain_state,
    Tick: days.tick,
}
