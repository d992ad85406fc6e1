"""What does execution ask of the world?"""

from __future__ import annotations

from nostro.execution.commands import NewInstruction
from nostro.kernel.messages import Effect


class SendInstruction(Effect, frozen=True, kw_only=True, tag="execution.SendInstruction"):
    """Send an instruction to a rail, once; its outcome is NoteOutcome for this attempt."""

    settlement_id: str
    instruction: NewInstruction
    attempt: int
    rail: str
    region: str


class AskInstruction(Effect, frozen=True, kw_only=True, tag="execution.AskInstruction"):
    """Ask a rail what became of an attempt until it is known; its outcome is NoteOutcome."""

    settlement_id: str
    instruction_id: str
    attempt: int
    rail: str
    region: str


EFFECTS = (SendInstruction, AskInstruction)
