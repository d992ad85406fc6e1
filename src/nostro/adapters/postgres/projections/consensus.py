"""Which rows does consensus leave: certificates on batches, committees, evidence?"""

from __future__ import annotations

from typing import Any

from nostro.adapters.postgres.projections.payment_tables import PaymentTables
from nostro.consensus import (
    CommitteeFormed,
    ConsensusAchieved,
    ConsensusRejected,
    ConsensusSubmitted,
    EvidenceRecorded,
)
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.payments import EVENT_TYPES

ACTOR = "consensus"


class ConsensusProjection:
    """Keeps what the members said of each batch."""

    room = "consensus"

    def __init__(self, tables: PaymentTables) -> None:
        self._tables = tables

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing: the event says all."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        tables = self._tables
        match event:
            case ConsensusSubmitted(_, batch_id, body_hash):
                tables.batches.patch(batch_id, body_hash=body_hash, last_height=position.height)
                self._tell("consensus.submitted", batch_id, position, {"body_hash": body_hash})
            case ConsensusAchieved():
                self._certify(event, position)
            case ConsensusRejected():
                self._reject(event, position)
            case CommitteeFormed(chain_id, epoch, members):
                tables.committee.insert(
                    epoch,
                    chain_id,
                    members,
                    event.ruleset_version,
                    event.activation_height,
                    position.at_us,
                    position.height,
                )
            case EvidenceRecorded(member_id):
                tables.evidence.insert(
                    tables.places.take(position),
                    position.at_us,
                    member_id,
                    event.epoch,
                    event.height,
                    event.round,
                    event.step,
                    event.first,
                    event.second,
                )
            case _:
                raise AssertionError(f"not an event of consensus: {event!r}")

    def _certify(self, event: ConsensusAchieved, position: Position) -> None:
        self._tables.batches.patch(
            event.batch_id,
            state="certified",
            epoch=event.epoch,
            consensus_height=event.height,
            round=event.round,
            entry_hash=event.entry_hash,
            entry=event.entry,
            certificate=event.certificate,
            signers=event.signers,
            certified_at_us=position.at_us,
            last_height=position.height,
        )
        details = {
            "epoch": event.epoch,
            "consensus_height": event.height,
            "round": event.round,
            "entry_hash": event.entry_hash,
            "signers": event.signers,
        }
        self._tell("consensus.achieved", event.batch_id, position, details)

    def _reject(self, event: ConsensusRejected, position: Position) -> None:
        self._tables.batches.patch(
            event.batch_id,
            state="rejected",
            reason=event.reason,
            rejected=True,
            epoch=event.epoch,
            consensus_height=event.height,
            round=event.round,
            entry_hash=event.entry_hash,
            entry=event.entry,
            certificate=event.certificate,
            certified_at_us=position.at_us,
            last_height=position.height,
        )
        details = {
            "epoch": event.epoch,
            "consensus_height": event.height,
            "round": event.round,
            "reason": event.reason,
        }
        self._tell("consensus.rejected", event.batch_id, position, details)

    def _tell(self, kind: str, batch_id: str, position: Position, details: Any) -> None:
        self._tables.tell_batch(batch_id, EVENT_TYPES[kind], position, actor=ACTOR, details=details)
