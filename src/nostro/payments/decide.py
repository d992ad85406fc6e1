"""Which events follow from a command to the payments room, and when is the answer no?"""

from __future__ import annotations

from nostro.kernel.messages import Command, Tick
from nostro.kernel.room import Context, Decision
from nostro.payments import commands as c, intake, life, parties, reversal, settlement
from nostro.payments.schedule import Schedule
from nostro.payments.state import PaymentsState


def decide(
    state: PaymentsState, command: Command, context: Context, schedule: Schedule
) -> Decision:
    """Decide one command; raises Rejection."""
    match command:
        case c.SubmitPayments():
            return intake.submit(state, command, context, schedule)
        case Tick():
            return settlement.close_windows(state, context)
        case c.CancelPayment():
            return life.cancel(state, command, context)
        case c.ApproveReview():
            return life.approve(state, command, context, schedule)
        case c.RejectReview():
            return life.reject(state, command, context)
        case c.RefusePayments():
            return life.refuse(state, command, context)
        case c.AssignBatch():
            return settlement.assign(state, command)
        case c.DeferPayments():
            return settlement.defer(state, command, context, schedule)
        case c.SettleBatches():
            return settlement.settle(state, command, context)
        case c.UnwindCycle():
            return settlement.unwind(state, command, context, schedule)
        case c.ReversePayments():
            return reversal.reverse(state, command, context)
        case _:
            return _about_participant(state, command, context)


def _about_participant(state: PaymentsState, command: Command, context: Context) -> Decision:
    match command:
        case c.OpenParticipant():
            return parties.open_participant(state, command)
        case c.SuspendParticipant():
            return parties.suspend(state, command)
        case c.ResumeParticipant():
            return parties.resume(state, command)
        case c.FundParticipant():
            return parties.fund(state, command, context)
    raise AssertionError(f"not a command of payments: {command!r:.200}")
