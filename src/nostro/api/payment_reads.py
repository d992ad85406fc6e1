"""What does the front door read of payments, settlements and risk?

Every read may raise ViewsUnavailable; with a cursor Rejection `request.bad_cursor`. None: there is
no such thing (yet). Times are microseconds since the epoch, bounds included. Freshness (`at_least`)
is waited for on the ledger's reads: all views share one checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nostro.consensus import CertificateView, CommitteeView, EvidenceView
from nostro.execution import (
    CircuitView,
    InstructionView,
    SettlementState,
    SettlementSummary,
    SettlementView,
)
from nostro.ledger import Page, TransferView
from nostro.netting import BatchState, BatchSummary, BatchView, CycleState, CycleView
from nostro.payments import (
    DailyFlow,
    LedgerEntry,
    ParticipantView,
    PaymentFilters,
    PaymentSummary,
)
from nostro.risk import (
    AlertView,
    DayFlow,
    ExposureView,
    LimitView,
    LiquidityInputs,
    SettlementLeg,
    ThresholdView,
)


class PaymentReads(Protocol):
    """The views of participants and payments."""

    async def participant(self, participant_id: str) -> ParticipantView | None:
        """Return a participant."""
        ...

    async def participants(self) -> Sequence[ParticipantView]:
        """Return all participants, in the order of their ids."""
        ...

    async def payment(self, transaction_id: str) -> PaymentSummary | None:
        """Return a payment as it stands."""
        ...

    async def timeline(self, transaction_id: str) -> Sequence[LedgerEntry]:
        """Return the life of a payment from `settlement_ledger`, oldest first."""
        ...

    async def postings(self, transaction_id: str) -> Sequence[TransferView]:
        """Return the ledger's lines of a payment, oldest first."""
        ...

    async def instructions_of(self, transaction_id: str) -> Sequence[InstructionView]:
        """Return the instructions, with attempts, that settle a payment: its own if it settles
        gross, else the net positions of its payer and payee in its present cycle."""
        ...

    async def payments(
        self, filters: PaymentFilters, *, cursor: str | None = None, limit: int
    ) -> Page[PaymentSummary]:
        """Return payments, the newest first. A page narrowed by state may be short and still have
        a next one."""
        ...

    async def daily_flows(
        self, currency: str, *, from_day: str | None = None, to_day: str | None = None
    ) -> Sequence[DailyFlow]:
        """Return what settled in a currency on each day that had something, oldest first; days
        `YYYY-MM-DD`, both included."""
        ...


class SettlementReads(Protocol):
    """The views of cycles, batches, certificates, settlements and rails."""

    async def cycle(self, cycle_id: str) -> CycleView | None:
        """Return a cycle with its report."""
        ...

    async def cycles(
        self, *, state: CycleState | None = None, cursor: str | None = None, limit: int
    ) -> Page[CycleView]:
        """Return cycles, the newest first."""
        ...

    async def batch(self, batch_id: str) -> BatchView | None:
        """Return a batch with certificate, netting graph and events."""
        ...

    async def batches(
        self,
        *,
        cycle_id: str | None = None,
        state: BatchState | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Page[BatchSummary]:
        """Return batches, the newest first."""
        ...

    async def settlement(self, id: str) -> SettlementView | None:
        """Return a settlement by its own id (the cycle's) or that of one of its batches."""
        ...

    async def settlements(
        self,
        *,
        state: SettlementState | None = None,
        participant: str | None = None,
        currency: str | None = None,
        from_us: int | None = None,
        to_us: int | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Page[SettlementSummary]:
        """Return settlements, the newest first; `participant` and `currency`: those with an
        instruction of it; times: when it was planned."""
        ...

    async def instruction(self, instruction_id: str) -> InstructionView | None:
        """Return an instruction with its attempts."""
        ...

    async def circuits(self) -> Sequence[CircuitView]:
        """Return every rail and region that was ever closed off, by name."""
        ...

    async def committee(self, epoch: int | None = None) -> CommitteeView | None:
        """Return the members of an epoch (None: the newest)."""
        ...

    async def committees(self) -> Sequence[CommitteeView]:
        """Return all epochs, oldest first."""
        ...

    async def certificate(self, batch_id: str) -> CertificateView | None:
        """Return what the members said of a batch."""
        ...

    async def certificates(self, *, after: int = 0, limit: int) -> Sequence[CertificateView]:
        """Return certificates above a height of the members' chain, lowest first."""
        ...

    async def evidence(self) -> Sequence[EvidenceView]:
        """Return all evidence, oldest first."""
        ...


class RiskReads(Protocol):
    """The views of limits, exposures, alerts and liquidity."""

    async def limits(
        self, *, participant: str | None = None, currency: str | None = None
    ) -> Sequence[LimitView]:
        """Return the limits that hold, by kind, participant, counterparty and currency."""
        ...

    async def thresholds(self) -> Sequence[ThresholdView]:
        """Return from which use on alerts are given, by kind."""
        ...

    async def exposures(
        self, *, participant: str | None = None, currency: str | None = None
    ) -> Sequence[ExposureView]:
        """Return what is open, by payer, payee and currency; `participant`: on either side."""
        ...

    async def alerts(
        self, *, open_only: bool = False, cursor: str | None = None, limit: int
    ) -> Page[AlertView]:
        """Return alerts, the newest first."""
        ...

    async def legs(self, *, participant: str | None = None) -> Sequence[SettlementLeg]:
        """Return the instructions of settlements under way (pay-ins begun, not over), but for those
        that send money back."""
        ...

    async def flows(self, *, from_day: str, to_day: str) -> Sequence[DayFlow]:
        """Return what settled in every currency on each day that had something, by currency and
        day; days `YYYY-MM-DD`, both included."""
        ...

    async def liquidity(self, *, currency: str | None = None) -> LiquidityInputs:
        """Return balances, what waits for each open cycle, and what settlements still move."""
        ...
