"""What can one order the execution room to do?

A settlement is the execution of one cycle: its id is the cycle's. Amounts are integer minor units.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.kernel.messages import Command


class Direction(StrEnum):
    """Whether money comes to our account (a net debtor pays in) or leaves it (a creditor is paid
    out)."""

    IN = "in"
    OUT = "out"


class Purpose(StrEnum):
    """Why an instruction moves money: a net position, one gross payment, the return of a pay-in of
    a settlement that failed, or the return of a reversed payment."""

    POSITION = "position"
    GROSS = "gross"
    RETURN = "return"


class NewInstruction(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A movement to make on a rail. `instruction_id` is the name under which no rail ever moves it
    twice. `transaction_id` of a gross payment, else ""."""

    instruction_id: str
    participant_id: str
    currency: str
    direction: Direction
    amount_minor: int
    purpose: Purpose
    transaction_id: str = ""


class PlanSettlement(Command, frozen=True, kw_only=True, tag="execution.PlanSettlement"):
    """Take note of what a cycle is to move once all its batches are certified; ordered by flows.

    Pay-ins go first; when all have arrived, the payments are final and the pay-outs go. Refused:
    `execution.settlement_exists`, `execution.bad_plan`.
    """

    settlement_id: str
    batch_ids: list[str]
    instructions: list[NewInstruction]

    @property
    def stream(self) -> str:
        """Name the settlement."""
        return self.settlement_id


class CertifyBatch(Command, frozen=True, kw_only=True, tag="execution.CertifyBatch"):
    """Note that a batch has its certificate; with the last one the settlement begins. Without
    certificates nothing is ever executed. Ordered by flows; sent twice, or after the settlement has
    failed: accepted, no event. Refused: `execution.settlement_unknown`, `execution.batch_unknown`.
    """

    settlement_id: str
    batch_id: str


class AbandonSettlement(Command, frozen=True, kw_only=True, tag="execution.AbandonSettlement"):
    """Give up a settlement that has not begun (a batch was rejected); ordered by flows. Sent twice:
    accepted, no event. Refused: `execution.settlement_unknown`, `execution.settlement_begun`."""

    settlement_id: str
    reason: str


class StartPayOuts(Command, frozen=True, kw_only=True, tag="execution.StartPayOuts"):
    """Send the pay-outs: the ledger has made the payments final. `refused`: (instruction id, code)
    of those whose money the ledger would not set aside; they fail at once. Ordered by flows; sent
    twice: accepted, no event. Refused: `execution.settlement_unknown`, `execution.not_final`,
    `execution.instruction_unknown`."""

    settlement_id: str
    refused: list[tuple[str, str]] = msgspec.field(default_factory=list)


class OutcomeKind(StrEnum):
    """What a rail said of an instruction: it is final; it was taken and more will be said; it will
    never happen (refused, with a code); nothing is known of it; or nothing could be learnt
    (unknown: it may have happened)."""

    SETTLED = "settled"
    PENDING = "pending"
    REFUSED = "refused"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class NoteOutcome(Command, frozen=True, kw_only=True, tag="execution.NoteOutcome"):
    """Say what a rail answered to the attempt of an instruction, asked or sent; by performers.

    `code` of a refusal: `liquidity` (not enough money at the rail), `closed` (after its cut-off),
    `counterparty_unavailable`, `counterparty_failed`, `limit`, or another of the rail's.
    `charges_minor` is in the instruction's currency. What contradicts a final outcome is a break:
    noted, nothing else. Refused: `execution.instruction_unknown`, `execution.not_sent` (there was
    no such attempt).
    """

    instruction_id: str
    attempt: int
    outcome: OutcomeKind
    code: str = ""
    rail: str = ""
    rail_reference: str = ""
    charges_minor: int = 0

    @property
    def stream(self) -> str:
        """Name the instruction."""
        return self.instruction_id


class ConfirmSettlement(Command, frozen=True, kw_only=True, tag="execution.ConfirmSettlement"):
    """Confirm from outside (an operator, a bank's notification) that an instruction has moved.
    Must agree with what was sent: amount, currency. Sent twice: accepted, no event.

    Refused: `execution.settlement_unknown`, `execution.instruction_unknown`,
    `execution.not_sent`, `execution.confirmation_differs`, `execution.already_failed`.
    """

    settlement_id: str
    instruction_id: str
    currency: str
    amount_minor: int
    rail_reference: str

    @property
    def stream(self) -> str:
        """Name the settlement."""
        return self.settlement_id


class ReverseSettlement(Command, frozen=True, kw_only=True, tag="execution.ReverseSettlement"):
    """Reverse a settlement, or only some of its payments, by an operator, with new postings that
    refer to the old; what left our accounts comes back only if the banks return it. Sent twice:
    accepted, no event. Refused: `execution.settlement_unknown`, `execution.not_final`,
    `execution.reversed`."""

    settlement_id: str
    transaction_ids: list[str] = msgspec.field(default_factory=list)
    reason: str

    @property
    def stream(self) -> str:
        """Name the settlement."""
        return self.settlement_id


class SetRailState(Command, frozen=True, kw_only=True, tag="execution.SetRailState"):
    """Open or close a rail in a region by hand; what waits for it goes when it opens. Sent twice:
    accepted, no event. Refused: `execution.rail_unknown`."""

    rail: str
    region: str
    open: bool
    reason: str = ""


COMMANDS: tuple[type[Command], ...] = (
    PlanSettlement,
    CertifyBatch,
    AbandonSettlement,
    StartPayOuts,
    NoteOutcome,
    ConfirmSettlement,
    ReverseSettlement,
    SetRailState,
)
