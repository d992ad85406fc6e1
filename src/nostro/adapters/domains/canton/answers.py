"""In which shapes does Canton's JSON Ledger API v2 (release 3.5) answer?

Only what this adapter reads; other fields are passed over. What is "one of" several comes as an
object with a single key: of such a struct here one field is set, or none when it is something that
this adapter has no use for.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.adapters.domains.canton.shapes import Said


class Submitted(Said, frozen=True, kw_only=True):
    """Answer of submit-and-wait."""

    update_id: str
    completion_offset: int


class CreatedEvent(Said, frozen=True, kw_only=True):
    """A contract as it was created."""

    offset: int
    node_id: int
    contract_id: str
    template_id: str
    create_argument: dict[str, Any]
    signatories: tuple[str, ...] = ()
    package_name: str = ""


class ArchivedEvent(Said, frozen=True, kw_only=True):
    """A contract that is no more."""

    offset: int
    node_id: int
    contract_id: str
    template_id: str


class Event(
    Said,
    frozen=True,
    kw_only=True,
    rename={"created": "CreatedEvent", "archived": "ArchivedEvent"}.get,
):
    """One of two events; an exercise has neither."""

    created: CreatedEvent | None = None
    archived: ArchivedEvent | None = None


class Transaction(Said, frozen=True, kw_only=True):
    """What a transaction did, as far as the format lets it be told."""

    update_id: str
    offset: int
    synchronizer_id: str
    events: tuple[Event, ...]
    command_id: str = ""
    workflow_id: str = ""


class TransactionAnswer(Said, frozen=True, kw_only=True):
    """Answer of submit-and-wait-for-transaction."""

    transaction: Transaction


class UnassignedEvent(Said, frozen=True, kw_only=True):
    """A contract was taken off `source`; it is nowhere until it is assigned."""

    reassignment_id: str
    contract_id: str
    template_id: str
    source: str
    target: str
    reassignment_counter: int = 0
    assignment_exclusivity: str | None = None


class AssignedEvent(Said, frozen=True, kw_only=True):
    """A contract has come to `target`."""

    reassignment_id: str
    source: str
    target: str
    created_event: CreatedEvent
    reassignment_counter: int = 0


class _UnassignedValue(Said, frozen=True, kw_only=True):
    value: UnassignedEvent


class ReassignmentEvent(
    Said,
    frozen=True,
    kw_only=True,
    rename={"unassigned": "JsUnassignedEvent", "assigned": "JsAssignmentEvent"}.get,
):
    """One of two events."""

    unassigned: _UnassignedValue | None = None
    assigned: AssignedEvent | None = None


class Reassignment(Said, frozen=True, kw_only=True):
    """What a step of a reassignment did."""

    update_id: str
    offset: int
    events: tuple[ReassignmentEvent, ...] = ()
    command_id: str = ""


class ReassignmentAnswer(Said, frozen=True, kw_only=True):
    """Answer of submit-and-wait-for-reassignment."""

    reassignment: Reassignment


class _TransactionValue(Said, frozen=True, kw_only=True):
    value: Transaction


class _ReassignmentValue(Said, frozen=True, kw_only=True):
    value: Reassignment


class _Checkpoint(Said, frozen=True, kw_only=True):
    offset: int


class _CheckpointValue(Said, frozen=True, kw_only=True):
    value: _Checkpoint


class Update(
    Said,
    frozen=True,
    kw_only=True,
    rename={
        "transaction_value": "Transaction",
        "reassignment_value": "Reassignment",
        "checkpoint_value": "OffsetCheckpoint",
    }.get,
):
    """A transaction, a reassignment, or how far the ledger is."""

    transaction_value: _TransactionValue | None = None
    reassignment_value: _ReassignmentValue | None = None
    checkpoint_value: _CheckpointValue | None = None

    @property
    def transaction(self) -> Transaction | None:
        """Return the transaction, None when it is none."""
        return self.transaction_value.value if self.transaction_value else None

    @property
    def reassignment(self) -> Reassignment | None:
        """Return the reassignment, None when it is none."""
        return self.reassignment_value.value if self.reassignment_value else None


class UpdateAnswer(Said, frozen=True, kw_only=True):
    """Answer of update-by-offset and update-by-id, and an element of lists of updates."""

    update: Update


class UpdatesPage(Said, frozen=True, kw_only=True):
    """Answer of get-updates-page."""

    highest_page_offset_inclusive: int
    updates: tuple[UpdateAnswer, ...] = ()
    next_page_token: str | None = None


class ActiveContract(Said, frozen=True, kw_only=True):
    """A contract that may be used, on its synchronizer."""

    created_event: CreatedEvent
    synchronizer_id: str
    reassignment_counter: int = 0


class IncompleteUnassigned(Said, frozen=True, kw_only=True):
    """A contract that was taken off one synchronizer and has not come to another."""

    created_event: CreatedEvent
    unassigned_event: UnassignedEvent


class IncompleteAssigned(Said, frozen=True, kw_only=True):
    """A contract that has come, while the transaction that took it off is not seen yet."""

    assigned_event: AssignedEvent


class ContractEntry(
    Said,
    frozen=True,
    kw_only=True,
    rename={
        "active": "JsActiveContract",
        "unassigned": "JsIncompleteUnassigned",
        "assigned": "JsIncompleteAssigned",
    }.get,
):
    """One of these, or nothing."""

    active: ActiveContract | None = None
    unassigned: IncompleteUnassigned | None = None
    assigned: IncompleteAssigned | None = None


class ActiveContracts(Said, frozen=True, kw_only=True):
    """An element of lists of active contracts."""

    contract_entry: ContractEntry


class ActiveContractsPage(Said, frozen=True, kw_only=True):
    """Answer of active-contracts-page."""

    active_contracts: tuple[ActiveContracts, ...]
    active_at_offset: int
    next_page_token: str | None = None


class CompletionStatus(Said, frozen=True, kw_only=True):
    """How a command ended; code 0 is success (numbers of gRPC)."""

    code: int
    message: str = ""


class Completion(Said, frozen=True, kw_only=True):
    """What became of a command."""

    command_id: str
    offset: int
    update_id: str = ""
    submission_id: str = ""
    status: CompletionStatus | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether it changed the ledger."""
        return self.status is None or self.status.code == 0


class _CompletionValue(Said, frozen=True, kw_only=True):
    value: Completion


class _CompletionResponse(
    Said,
    frozen=True,
    kw_only=True,
    rename={"completion": "Completion", "checkpoint": "OffsetCheckpoint"}.get,
):
    completion: _CompletionValue | None = None
    checkpoint: _CheckpointValue | None = None


class CompletionAnswer(Said, frozen=True, kw_only=True):
    """An element of lists of completions."""

    completion_response: _CompletionResponse

    @property
    def completion(self) -> Completion | None:
        """Return the completion, None when it only says how far the ledger is."""
        told = self.completion_response.completion
        return told.value if told else None


class _CreatedOn(Said, frozen=True, kw_only=True):
    created_event: CreatedEvent
    synchronizer_id: str


class _ArchivedOn(Said, frozen=True, kw_only=True):
    archived_event: ArchivedEvent
    synchronizer_id: str


class ContractEvents(Said, frozen=True, kw_only=True):
    """Answer of events-by-contract-id."""

    created: _CreatedOn | None = None
    archived: _ArchivedOn | None = None


class ContractAnswer(Said, frozen=True, kw_only=True):
    """Answer of contract-by-id."""

    created_event: CreatedEvent


class Synchronizer(Said, frozen=True, kw_only=True):
    """A synchronizer to which the participant is connected."""

    synchronizer_alias: str
    synchronizer_id: str
    permission: str = ""


class Synchronizers(Said, frozen=True, kw_only=True):
    """Answer of connected-synchronizers."""

    connected_synchronizers: tuple[Synchronizer, ...] = ()


class LedgerEnd(Said, frozen=True, kw_only=True):
    """Answer of ledger-end."""

    offset: int = 0


class PrunedOffsets(Said, frozen=True, kw_only=True):
    """Answer of latest-pruned-offsets: what is older can no longer be read."""

    participant_pruned_up_to_inclusive: int = 0


class ParticipantId(Said, frozen=True, kw_only=True):
    """Answer of participant-id."""

    participant_id: str


class CantonError(Said, frozen=True, kw_only=True):
    """What the participant says of a request that it did not serve (JsCantonError)."""

    code: str
    cause: str
    error_category: int
    context: dict[str, str] = msgspec.field(default_factory=dict)
    correlation_id: str | None = None
    trace_id: str | None = None
    resources: tuple[tuple[str, str], ...] = ()
    grpc_code_value: int | None = None
    retry_info: str | None = None
    definite_answer: bool | None = None
